"""Fresh virtual environments and empty clones: the places a new user starts from."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: Variables that would let settings of the caller, or the make that called, into what is tested.
_SETTINGS = (
    "MAKE",
    "MFLAGS",
    "FLASK_",
    "AUTH_",
    "BETTER_AUTH_",
    "DATABASE_URL",
    "REDIS_URL",
    "VIRTUAL_ENV",
    "PYTHONPATH",
    "COV_",
)


def clean_environment(**variables: str) -> dict[str, str]:
    """Return this process's environment without settings of the service, and with ``variables``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
    return kept | variables


def run(
    command: Sequence[str | Path], *, cwd: Path = ROOT, timeout: float = 300, settings: Mapping[str, str] | None = None
) -> str:
    """Run a program to its end and return what it printed; that is in the failure too if it exits non-zero."""
    finished = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=clean_environment(**(settings or {})),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert finished.returncode == 0, f"{command} ended with {finished.returncode}:\n{finished.stdout[-4000:]}"
    return finished.stdout


def make_environment(folder: Path, *requirements: str | Path) -> Path:
    """Make a virtual environment with the requirements and return its ``bin`` folder."""
    run([sys.executable, "-m", "venv", folder])
    run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", *requirements])
    return folder / "bin"


def clone(folder: Path) -> Path:
    """Lay what git tracks, as it stands in the working tree, into an empty folder of its own repository."""
    listed = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
    for name in filter(None, listed.split("\0")):
        source, target = ROOT / name, folder / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
            target.chmod(source.stat().st_mode & 0o777)
    return folder
