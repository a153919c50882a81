"""A Redis of a test's own, on a free port, that can be stopped, frozen and started again; and a cluster of two."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from redis import ConnectionError as RedisConnectionError
from redis import Redis

from tests.services import unavailable

#: Seconds a start or a stop may take before the test fails.
PATIENCE = 20


class RedisServer:
    """To be used in a ``with`` statement, which ends it in any case."""

    def __init__(self, *settings: str) -> None:
        """``settings`` are Redis' own, as its command line takes them."""
        self.settings = settings
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it, empty, and return when it answers."""
        program = shutil.which("redis-server")
        if program is None:
            unavailable("Redis")
        settings = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        command = [program, *settings, *self.settings]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE
        with Redis(port=self.port) as client:
            while True:
                try:
                    client.ping()
                except RedisConnectionError:
                    assert time.monotonic() < deadline, "redis-server did not start"
                    time.sleep(0.02)
                else:
                    return

    def stop(self) -> None:
        """End it, frozen or not."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(PATIENCE)
            self.process = None

    def freeze(self) -> None:
        """Leave its connections open and unanswered."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def keys(self) -> list[str]:
        """Return all keys it holds."""
        with Redis(port=self.port, decode_responses=True) as client:
            return sorted(client.scan_iter())

    def tell(self, *command: str | int) -> Any:
        """Send a command and return what it answers."""
        with Redis(port=self.port, decode_responses=True) as client:
            return client.execute_command(*command)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def cluster(folder: Path) -> Iterator[tuple[RedisServer, RedisServer]]:
    """Yield the two nodes of a Redis Cluster, each of which has half of the keys."""
    with ExitStack() as stack:
        buses = [free_port(), free_port()]
        first, second = (
            stack.enter_context(
                RedisServer(
                    *("--cluster-enabled", "yes", "--cluster-port", str(bus), "--dir", str(folder)),
                    *("--cluster-config-file", f"{bus}.conf", "--cluster-require-full-coverage", "no"),
                )
            )
            for bus in buses
        )
        first.tell("CLUSTER", "ADDSLOTSRANGE", 0, 8191)
        second.tell("CLUSTER", "ADDSLOTSRANGE", 8192, 16383)
        first.tell("CLUSTER", "MEET", "127.0.0.1", second.port, buses[1])
        # Each knows of the other's keys before long.
        deadline = time.monotonic() + PATIENCE
        while any(len(node.tell("CLUSTER", "SLOTS")) < 2 for node in (first, second)):
            assert time.monotonic() < deadline, "the nodes did not find each other"
            time.sleep(0.05)
        yield first, second
