"""Programs that tests start: each on a free port, with a folder its account may enter, and ended by process id."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from tests.support.availability import unavailable

#: Seconds a start or a stop may take before the test fails.
PATIENCE = 30


def find_program(name: str) -> str:
    """Return the path of a program; skip the test, or fail it in CI, if it is not installed."""
    # Debian keeps servers in folders that are on the path of root alone.
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"))
    return shutil.which(name, path=path) or unavailable(name)


def free_port() -> int:
    """Return a port of the loopback interface that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def own_name() -> str:
    """Return the name of this machine, which resolves and is not that of loopback; skip the test if there is none."""
    name = socket.gethostname().lower()
    try:
        socket.gethostbyname(name)
    except OSError:
        unavailable("a resolver that knows the name of this machine")
    return name if name != "localhost" else unavailable("a name of this machine")


def accepts_connections(port: int) -> bool:
    """Tell whether something listens on a port of the loopback interface."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


@contextmanager
def folder_for(account: str | None) -> Iterator[Path]:
    """Make a folder that a system user may enter, as pytest's are for their maker alone, and remove it in the end."""
    # A server that was killed may have children that write for a moment yet.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if account:
            shutil.chown(folder, account)
        yield Path(folder)


class Program:
    """A program that runs while the ``with`` statement does; it and what it has started are killed at the end."""

    def __init__(
        self,
        command: list[str],
        log: Path,
        *,
        account: str | None = None,
        variables: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        """``account`` is the system user to run as, for a program that refuses root; ``folder`` is where it starts."""
        self.command = command
        self.folder = folder or log.parent
        self.log = log
        self.account = account
        self.variables = {**os.environ, **(variables or {})}

    def __enter__(self) -> Self:
        """Start it, and do not wait for anything."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                user=self.account,
                group=self.account,
                extra_groups=[] if self.account else None,
                cwd=self.folder,
                env=self.variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        """Leave nothing of it behind; a test that fails shows what it said last."""
        self.kill()
        if error is not None:
            error.add_note(f"{self.command[0]} said last:\n{self.log.read_text()[-3000:]}")

    def kill(self) -> None:
        """Kill it and its group as ``kill -9`` does; what has left the group lives on."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(PATIENCE)

    def wait_until(self, condition: Callable[[], bool], *, patience: float = PATIENCE) -> None:
        """Return as soon as the condition holds; fail if the program ends before or it takes too long."""
        deadline = time.monotonic() + patience
        while True:
            assert self.process.poll() is None, f"{self.command[0]} has ended"
            if condition():
                return
            assert time.monotonic() < deadline, f"{self.command[0]} did not get ready"
            time.sleep(0.05)
