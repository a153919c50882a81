"""The file with the settings of a deployment, ``.env`` beside ``wsgi.py``."""

from __future__ import annotations

from pathlib import Path

from dotenv import load_dotenv


def load_environment(file: Path) -> None:
    """Read a file of environment variables, if it is there; what is set already stays as it is.

    Raises:
        SystemExit: the file is not UTF-8. PowerShell 5 writes UTF-16.
    """
    try:
        load_dotenv(file, override=False)
    except ValueError:
        # Bytes that are not UTF-8, or the zero bytes of UTF-16, which no variable can hold.
        raise SystemExit(f"{file} is not text in UTF-8; save it as UTF-8.") from None
