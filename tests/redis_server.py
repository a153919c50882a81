"""A Redis of a test's own, on a free port, that can be stopped, frozen and started again."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from typing import Self

from redis import ConnectionError as RedisConnectionError
from redis import Redis

from tests.services import unavailable

#: Seconds a start or a stop may take before the test fails.
PATIENCE = 20


class RedisServer:
    """To be used in a ``with`` statement, which ends it in any case."""

    def __init__(self) -> None:
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
