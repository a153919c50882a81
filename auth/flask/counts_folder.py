"""The folder in which prometheus-client adds up several processes. Nothing here imports prometheus-client."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ..errors import ConfigurationError

#: The variable that names it.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
#: The names that prometheus-client gives to its files.
_FILE = re.compile(r"(counter|gauge_[a-z]+|histogram|summary)_\d+\.db")


def check_folder() -> None:
    """Demand that this process can write to the folder; an empty variable counts as unset.

    Raises:
        ConfigurationError: the folder is missing, or this process may not write there.
    """
    folder = os.environ.get(FOLDER)
    if folder == "":
        del os.environ[FOLDER]
    elif folder is not None and not (Path(folder).is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        raise ConfigurationError([f"{FOLDER} must be a folder that exists and that this process may write to."])


def files_of_counts() -> list[str]:
    """Return the files that processes have written there."""
    files = Path(os.environ[FOLDER]).iterdir()
    return [str(file) for file in files if _FILE.fullmatch(file.name) and _is_begun(file)]


def _is_begun(file: Path) -> bool:
    """Tell whether a file holds anything: prometheus-client makes an empty one first, and cannot read that."""
    try:
        return file.stat().st_size > 0
    except FileNotFoundError:
        # The file of a process that has ended meanwhile.
        return False
