"""Servers as processes: started, watched through ``/proc``, and stopped whatever happens."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

HOST = "127.0.0.1"
WORKERS = 2

#: Seconds a start may take.
PATIENCE = 30

#: Settings of the caller, which must not reach the servers.
_SETTINGS = ("FLASK_", "AUTH_", "BETTER_AUTH_", "DATABASE_", "REDIS_URL", "GUNICORN_", "GRANIAN_", "UVICORN_", "WEB_")

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: one process that was started, and those it has started itself."""

    port: int
    pid: int
    #: Seconds from the start to the first answer.
    start_up: float

    @property
    def origin(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self.port}"

    def get(self, path: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Return the status and the body of the answer to one request."""
        return _get(self.port, path, headers)

    def processes(self) -> list[int]:
        """Return the ids of all processes, the first one included."""
        found = [self.pid]
        # The list grows while it is read: children of children are looked for as well.
        for pid in found:
            for task in Path(f"/proc/{pid}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
        return found

    def workers(self) -> list[int]:
        """Return the ids of the processes that answer requests, as many as there are by now."""
        children = [pid for pid in self.processes() if pid != self.pid]
        # What Python starts beside the workers of uvicorn and granian answers nobody.
        return [pid for pid in children if b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def sockets(self) -> list[int]:
        """Return how many sockets each process that answers requests has open."""
        return [sum(_is_socket(file) for file in Path(f"/proc/{pid}/fd").iterdir()) for pid in self.workers()]

    def cpu(self) -> float:
        """Return the seconds of processor time that all processes have used so far."""
        return sum(_cpu_ticks(pid) for pid in self.processes()) / _TICKS


def _is_socket(file: Path) -> bool:
    try:
        return str(file.readlink()).startswith("socket:")
    except FileNotFoundError:
        # Closed since the folder was read.
        return False


def _cpu_ticks(pid: int) -> int:
    # After the name, which may hold anything: utime and stime are fields 14 and 15 of proc(5).
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@contextmanager
def start(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[Server]:
    """Start a server and yield it once ``GET /health`` is answered 200; leave no process of it behind.

    ``{port}`` in the command stands for a free port. PORT in the environment says the same.
    """
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
    with tempfile.TemporaryFile("w+") as log:
        began = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 - our own arguments, and no shell
            [part.format(port=port) for part in command],
            cwd=ROOT,
            env=clean_environment() | dict(environment) | {"HOST": HOST, "PORT": str(port)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            if not _answers(process, port):
                log.seek(0)
                raise RuntimeError(f"{' '.join(command)} did not start:\n{log.read()}")
            yield Server(port, process.pid, time.perf_counter() - began)
        finally:
            _stop(process)


def wait_for_workers(server: Server, workers: int = WORKERS) -> None:
    """Return when all workers are there: the first one answers before the last one starts."""
    deadline = time.monotonic() + PATIENCE
    while len(server.workers()) < workers:
        if time.monotonic() > deadline:
            raise RuntimeError(f"The server at {server.origin} has not started {workers} workers.")
        time.sleep(0.05)


def clean_environment() -> dict[str, str]:
    """Return the environment of this process without any setting of a service."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
    # A developer's .env is for other purposes.
    return kept | {"PYTHON_DOTENV_DISABLED": "1", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """Tell whether a server answers before patience or the server has come to its end."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return _get(port, "/health", {})[0] == 200
        except OSError:
            time.sleep(0.005)
    return False


def _get(port: int, path: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """Return the status and the body of one answer, on a connection of its own."""
    connection = http.client.HTTPConnection(HOST, port, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers=dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Kill a server and its workers: there is nothing to finish, and one that still boots may not hear a kind word."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(PATIENCE)
