"""A Redis of a test's own, on a free port, that can be stopped, frozen and started again."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Self

from redis import ConnectionError as RedisConnectionError
from redis import Redis

from tests.programs import Program, find_program, free_port
from tests.services import unavailable

#: Seconds a start or a stop may take before the test fails.
PATIENCE = 20


class RedisServer:
    """To be used in a ``with`` statement, which ends it in any case."""

    def __init__(self, *, replica_of: RedisServer | None = None) -> None:
        self.replica_of = replica_of
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port: int = listener.getsockname()[1]
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
        if self.replica_of is not None:
            settings += ["--replicaof", "127.0.0.1", str(self.replica_of.port)]
        self.process = subprocess.Popen([program, *settings], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
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

    def counts(self) -> dict[str, int]:
        """Return the numbers under all keys."""
        with Redis(port=self.port, decode_responses=True) as client:
            return {key: int(client.get(key) or 0) for key in client.scan_iter()}

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
