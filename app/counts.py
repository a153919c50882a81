"""The folder in which the workers of gunicorn keep what they count, so that any of them can show the sum.

For ``gunicorn.conf.py``. prometheus-client finds the folder by the variable ``PROMETHEUS_MULTIPROC_DIR``, which has to
be set before it is imported.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
#: Names the same folder if it is one of our own, for a server that inherits both variables.
OWN_VARIABLE = "TASKS_OWN_METRICS_DIR"
#: Where a folder can be made on most machines.
_DISKS = ("/tmp", "/var/tmp")  # noqa: S108 - mkdtemp takes a name there that nobody else has
#: The names that prometheus-client gives to its files.
_FILE = re.compile(r"(counter|gauge_[a-z]+|histogram|summary)_\d+\.db")


class CountsFolder:
    """The operator's folder, or one of our own that goes when the server ends."""

    def __init__(self) -> None:
        self._own: Path | None = None
        self._is_prepared = False

    def prepare(self, shared_memory: str) -> None:
        """Check the folder that the operator names, or make one; only once in a process and those forked from it.

        gunicorn reads its configuration again on SIGHUP, and goes on in a child with ``--daemon``.

        Raises:
            SystemExit: as :func:`operators_folder` says, or no folder can be made.
        """
        if self._is_prepared:
            return
        if operators_folder() is None:
            self._own = _made(shared_memory)
            os.environ[VARIABLE] = os.environ[OWN_VARIABLE] = str(self._own)
            atexit.register(self._remove)
        self._is_prepared = True

    def begin(self, uid: int, gid: int, *, replacing: bool) -> None:
        """Forget the counts of an earlier start, and give a folder of our own to the user of the workers.

        No other file is touched: the operator may keep more there. A server that is ``replacing`` another one leaves
        the counts alone, which the workers of both share.
        """
        if not replacing:
            for file in Path(os.environ[VARIABLE]).iterdir():
                if _FILE.fullmatch(file.name):
                    file.unlink(missing_ok=True)
        self._give_to(uid, gid)

    def _give_to(self, uid: int, gid: int) -> None:
        """Give a folder of our own to the user of the workers, if this process may."""
        if self._own is not None and os.geteuid() == 0:
            os.chown(self._own, uid, gid)

    def enter(self, uid: int, gid: int) -> None:
        """Begin a worker: it must not remove the folder at its end, and makes one that a cleaner has removed again."""
        atexit.unregister(self._remove)
        if self._own is not None and not self._own.exists():
            with suppress(OSError):
                self._own.mkdir(mode=0o700)
                self._give_to(uid, gid)

    def _remove(self) -> None:
        if self._own is not None:
            shutil.rmtree(self._own, ignore_errors=True)


def operators_folder() -> Path | None:
    """Return the folder that the operator names, or None if the operator leaves the choice to us.

    A server that takes the place of another one (SIGUSR2) inherits its variables, and not its folder.

    Raises:
        SystemExit: the folder is missing, or this process may not write there.
    """
    named = os.environ.get(VARIABLE)
    if not named or named == os.environ.get(OWN_VARIABLE):
        return None
    folder = Path(named)
    if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        raise SystemExit(f"{VARIABLE} must be a folder that exists and that this process may write to.")
    return folder


def _made(shared_memory: str) -> Path:
    """Make a folder where ``TMPDIR`` says, else in shared memory: a container with a read-only disk has that too."""
    for place in filter(None, (os.environ.get("TMPDIR"), shared_memory, *_DISKS)):
        with suppress(OSError):
            return Path(tempfile.mkdtemp(prefix="tasks-metrics-", dir=place))
    raise SystemExit(f"No folder for the counts can be made; set {VARIABLE} to one.")


#: The one of this process. It lives longer than the configuration, which gunicorn reads again on SIGHUP.
FOLDER = CountsFolder()
