"""Pages that a reader follows step by step: their files are written and their commands run, word for word.

A file is a ``{code-block}`` with its name as ``:caption:``. A command is a line of a ``console`` block that begins with
``$``. The lines below it are what it prints; ``…`` stands for what differs from one reader to the next. Commands that
serve run on, as in a terminal of their own. A page's ports become free ones.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

from tests.support.documentation import DOCS
from tests.support.environments import clean_environment
from tests.support.programs import PATIENCE, free_port

_STEP = re.compile(
    r"^```\{code-block\} \w+\n:caption: (?P<name>\S+)\n(?::[^\n]*\n)*\n(?P<text>.*?)^```$"
    r"|^```console\n(?P<session>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)

#: Commands that a reader leaves running in a terminal of their own.
_SERVES = re.compile(r"^(?:flask .*\brun\b|node |\S*gunicorn\b|python -m http\.server\b)")

_END = "end-of-command"


class Walkthrough:
    """Follows a page in an empty folder; to be used in a ``with`` statement, which ends what it has started."""

    def __init__(
        self, page: str, folder: Path, variables: Mapping[str, str], *, ports: tuple[int, ...] = (5000,)
    ) -> None:
        """``page`` is relative to ``docs/``; ``ports`` are those that it shows; ``variables`` join the environment."""
        self.text = (DOCS / page).read_text()
        self.folder = folder
        self.ports = {port: free_port() for port in ports}
        python = str(Path(sys.executable).parent)
        flask = {"FLASK_RUN_PORT": str(self.ports[5000])} if 5000 in self.ports else {}
        path = os.pathsep.join((python, os.environ["PATH"]))
        # curl shows no progress on a terminal.
        (folder / ".curlrc").write_text("no-progress-meter\n")
        self._environment = clean_environment(PATH=path, CURL_HOME=str(folder), **flask, **variables)
        self._servers: list[int] = []

    def __enter__(self) -> Self:
        """Open a terminal."""
        self._shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return self

    def __exit__(self, *_error: object) -> None:
        """Close it, and stop the servers."""
        self._stop_servers()
        self._shell.kill()
        self._shell.communicate()

    def follow(self) -> None:
        """Write each file and run each command of the page, and compare what is printed with what the page shows."""
        steps = list(_STEP.finditer(self.text))
        assert len(steps) == len(re.findall(r"^```(?:\{code-block\}|console)", self.text, re.MULTILINE))
        for step in steps:
            if step["name"]:
                self._write(step["name"], step["text"])
            else:
                for command, shown in commands_of(step["session"]):
                    self._run(command, shown)

    def here(self, text: str) -> str:
        """Return a text of the page with the ports that are used here."""
        for port, used in self.ports.items():
            text = re.sub(rf"(?<=[: (]){port}\b", str(used), text)
        return text

    def run(self, command: str) -> tuple[int, str]:
        """Run a command in the terminal, and return its exit status and what it printed."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(f"{{ {command}\n}} </dev/null; echo; echo {_END} $?\n")
        self._shell.stdin.flush()
        lines: list[str] = []
        for line in self._shell.stdout:
            if line.startswith(_END):
                return int(line.split()[1]), "".join(lines).strip("\n")
            lines.append(line)
        raise AssertionError(f"the shell ended in {command!r}: {''.join(lines)}")

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.here(text))

    def _run(self, command: str, shown: str) -> None:
        if _SERVES.match(command):
            self._serve(command)
            return
        status, printed = self.run(self.here(command))

        expected = pattern_of(self.here(shown))
        assert (not shown and status == 0) or re.fullmatch(expected, printed), (
            f"{command}\n--- printed, with exit status {status}:\n{printed}\n--- the page shows:\n{shown}"
        )

    def _serve(self, command: str) -> None:
        """Start a server from the terminal, and return when it listens."""
        before = self._listening()
        log = self.folder / f"server-{len(self._servers)}.log"
        started = f"setsid bash -c {shlex.quote(f'exec {self.here(command)}')} >{shlex.quote(str(log))} 2>&1 & echo $!"
        server = int(self.run(started)[1])
        self._servers.append(server)
        deadline = time.monotonic() + PATIENCE
        while self._listening() == before:
            assert _runs(server), log.read_text()
            assert time.monotonic() < deadline, f"{command} does not listen"
            time.sleep(0.05)

    def _listening(self) -> set[int]:
        return {port for port in self.ports.values() if _listens(port)}

    def _stop_servers(self) -> None:
        for server in self._servers:
            # Its reloader is in the same group.
            with suppress(ProcessLookupError):
                os.killpg(server, signal.SIGKILL)
        self._servers.clear()
        deadline = time.monotonic() + PATIENCE
        while self._listening() and time.monotonic() < deadline:
            time.sleep(0.05)


def commands_of(session: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a ``console`` block with what the page shows as its output."""
    for part in re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown.rstrip("\n")


def pattern_of(shown: str) -> str:
    """Return a regular expression for an output: a line ``…`` stands for any lines, and ``…`` in one for any text."""
    lines = [re.escape(line).replace("…", ".*") for line in shown.splitlines()]
    return "\n?".join(r"(?s:.*?)" if line == ".*" else f"{line}[ \\r]*" for line in lines)


def _listens(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
