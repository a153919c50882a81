"""Copies of the service that a test changes as its reader would."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.support.environments import ROOT

#: What the service consists of.
PARTS = ("app", "auth", "wsgi.py", "gunicorn.conf.py")

#: What names the short ways.
SHORT_WAYS = re.compile(r"app\.fast|take_short_ways")


def copied_service(folder: Path) -> Path:
    """Copy the service into a folder, and return that."""
    for name in PARTS:
        part = ROOT / name
        if part.is_dir():
            shutil.copytree(part, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(part, folder / name)
    return folder


def without_short_ways(service: Path) -> Path:
    """Delete ``app/fast`` and the lines that name it, as ``app/README.md`` says."""
    shutil.rmtree(service / "app" / "fast")
    for name in ("app/__init__.py", "gunicorn.conf.py"):
        lines = (service / name).read_text().splitlines(keepends=True)
        (service / name).write_text("".join(line for line in lines if not SHORT_WAYS.search(line)))
    return service
