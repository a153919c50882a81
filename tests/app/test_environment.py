"""The file ``.env`` in other encodings than UTF-8, read by processes of their own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.environments import ROOT, clean_environment
from tests.support.tasks_api import SECRET

TEXT = f"# für die Entwicklung\nBETTER_AUTH_SECRET={SECRET}\nBETTER_AUTH_URL=http://localhost:3000\n"

#: What reads the file, in a folder that holds it.
COMMANDS = {
    "gunicorn.conf.py": [sys.executable, "gunicorn.conf.py"],
    "gunicorn": [sys.executable, "-m", "gunicorn", "--check-config"],
    "wsgi.py": [sys.executable, "-c", "import wsgi"],
    "make serve": [sys.executable, "-m", "app.development", "address"],
}


def started(folder: Path, command: list[str], content: bytes) -> subprocess.CompletedProcess[str]:
    """Run a command beside an environment file with this content."""
    for name in ("wsgi.py", "gunicorn.conf.py"):
        shutil.copy(ROOT / name, folder)
    for name in ("app", "auth"):
        (folder / name).symlink_to(ROOT / name)
    (folder / ".env").write_bytes(content)
    variables = {"DATABASE_URL": f"sqlite:///{folder / 'tasks.sqlite3'}", "PORT": "0"}
    if command[-1] != "address":
        variables["PORT"] = "8765"
    return subprocess.run(
        command, cwd=folder, env=clean_environment(**variables), capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_file_that_is_not_utf_8_is_answered_with_one_sentence(
    tmp_path: Path, command: list[str], encoding: str
) -> None:
    """PowerShell 5 writes UTF-16, and older editors Latin-1."""
    finished = started(tmp_path, command, TEXT.encode(encoding))

    assert finished.returncode == 1
    assert finished.stderr.splitlines()[-1].endswith(".env is not text in UTF-8; save it as UTF-8.")
    assert "Traceback" not in finished.stderr


def test_utf_16_without_a_mark_is_told_as_well(tmp_path: Path) -> None:
    """Its zero bytes are UTF-8, and no variable can hold them."""
    finished = started(tmp_path, COMMANDS["wsgi.py"], "BETTER_AUTH_SECRET=x\n".encode("utf-16-le"))

    assert finished.stderr.endswith(".env is not text in UTF-8; save it as UTF-8.\n")


@pytest.mark.parametrize("content", [TEXT.encode(), TEXT.encode("utf-8-sig"), TEXT.replace("\n", "\r\n").encode()])
def test_utf_8_with_a_mark_or_with_the_line_ends_of_windows_is_read(tmp_path: Path, content: bytes) -> None:
    """Editors write both."""
    finished = started(tmp_path, COMMANDS["wsgi.py"], content)

    assert (finished.returncode, finished.stderr) == (0, "")
