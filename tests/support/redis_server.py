"""A Redis of a test's own, on a free port, that can be stopped, frozen and started again; and a cluster of two."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from redis import ConnectionError as RedisConnectionError
from redis import Redis

from tests.support.availability import unavailable
from tests.support.programs import Program, find_program, free_port

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
        self._folder: TemporaryDirectory[str] | None = None

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
        # A primary with a replica writes a file all the same, and would read it at the next start.
        self._folder = TemporaryDirectory(ignore_cleanup_errors=True)
        settings = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", self._folder.name]
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
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def freeze(self) -> None:
        """Leave its connections open and unanswered."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on after it was frozen."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def keys(self) -> list[str]:
        """Return all keys it holds."""
        with Redis(port=self.port, decode_responses=True) as client:
            return sorted(client.scan_iter())

    def counts(self) -> dict[str, int]:
        """Return the numbers under all keys."""
        with Redis(port=self.port, decode_responses=True) as client:
            return {key: int(client.get(key) or 0) for key in client.scan_iter()}

    def tell(self, *command: str | int) -> Any:
        """Send a command and return what it answers."""
        with Redis(port=self.port, decode_responses=True) as client:
            return client.execute_command(*command)

    def may_be_written_to(self) -> bool:
        """Tell whether it is no replica."""
        with Redis(port=self.port, decode_responses=True) as client:
            return bool(client.role()[0] == "master")


#: A watch over one master, which is given up after a second of silence.
_SENTINEL = """
port {port}
bind 127.0.0.1
dir {folder}
sentinel monitor limits 127.0.0.1 {master} 2
sentinel down-after-milliseconds limits 1000
sentinel failover-timeout limits 5000
"""


@contextmanager
def running_sentinels(folder: Path, master: RedisServer) -> Iterator[None]:
    """Have three sentinels watch a master, and go on when they know each other and its replica."""
    program = find_program("redis-server")
    with ExitStack() as stack:
        waiting = []
        for number in range(3):
            port, configuration = free_port(), folder / f"sentinel{number}.conf"
            configuration.write_text(_SENTINEL.format(port=port, folder=folder, master=master.port))
            command = [program, str(configuration), "--sentinel"]
            sentinel = stack.enter_context(Program(command, folder / f"sentinel{number}.log"))
            client = stack.enter_context(Redis(port=port, decode_responses=True))
            waiting.append((sentinel, client))
        for sentinel, client in waiting:
            sentinel.wait_until(partial(knows_all, client))
        yield


def knows_all(client: Redis) -> bool:
    """Tell whether a sentinel knows the replica and all three of its kind."""
    try:
        known: Any = client.info("sentinel")
    except RedisConnectionError:
        return False
    master = known["master0"]
    return (master["slaves"], master["sentinels"]) == (1, 3)


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
