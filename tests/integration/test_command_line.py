"""The commands of ``docs/command-line.md``, word for word, with what the page says that they print."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from auth.cli.commands import auth_commands
from tests.support.documentation import DOCS, snippets
from tests.support.environments import ROOT, clean_environment
from tests.support.names import as_in_the_checkout
from tests.support.redis_server import RedisServer
from tests.support.services import SECRET

PAGE = "command-line.md"
BLOCKS = snippets(PAGE, "console")
SERVICE = ROOT / "examples" / "command_line" / "service.py"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the service that the page shows."""
    (tmp_path / "service.py").write_text(as_in_the_checkout(SERVICE.read_text()))
    return tmp_path


def printed(block: str, folder: Path, **variables: str) -> str:
    """Run the commands of a block in one shell and return what it showed; the prompts are as on the page."""
    commands = [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]
    script = "\n".join(f"cat <<'PROMPT'\n$ {command}\nPROMPT\n{command}" for command in commands)
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    finished = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=clean_environment(
            PATH=path, PYTHONPATH=str(ROOT), PYTHONIOENCODING="utf-8", FLASK_AUTH_SECRET=SECRET, **variables
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return finished.stdout


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_a_command_prints_what_the_page_says(block: str, folder: Path) -> None:
    """An ellipsis stands for the rest of a line, which differs from time to time."""
    expected = re.escape(block).replace("…", ".+")

    if " auth revoke " in block:
        with RedisServer() as redis:
            shown = printed(block, folder, FLASK_AUTH_DENYLIST=redis.url)
    else:
        shown = printed(block, folder)

    assert re.fullmatch(expected, shown) is not None, shown


def test_every_command_has_an_example_on_the_page() -> None:
    """And a row in the table."""
    text = (DOCS / PAGE).read_text()

    for name in auth_commands.commands:
        assert any(f" auth {name}" in block for block in BLOCKS)
        assert f"| [`{name}`](" in text
