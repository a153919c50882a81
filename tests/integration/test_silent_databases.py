"""A database that stops answering keeps nobody waiting without end: 503 in time, and ``/health`` meanwhile.

A frozen PostgreSQL still accepts connections and acknowledges what is sent; one that waits for a standby answers
everything but commits. Neither ends by any limit that the server itself has.
"""

from __future__ import annotations

import http.client
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Self

import pytest

from tests.support.gunicorn_server import ISSUER, PATIENCE, GunicornServer
from tests.support.postgresql_server import PostgreSQLServer, postgresql
from tests.support.writers import Writers

__all__ = ["postgresql"]

#: Seconds for a transaction, which docs/database.md promises, and some for a busy machine.
PROMISED, SLACK = 12, 5


@contextmanager
def frozen(server: PostgreSQLServer) -> Iterator[None]:
    """Stop every process of a server, as a machine does that is paused."""
    first = int((server.data / "postmaster.pid").read_text().split()[0])
    children = Path(f"/proc/{first}/task/{first}/children")
    stopped: list[int] = []
    running = [first]
    try:
        # The list of children is complete only when all of them are stopped (proc(5)).
        while running:
            for pid in running:
                os.kill(pid, signal.SIGSTOP)
            stopped += running
            running = [int(pid) for pid in children.read_text().split() if int(pid) not in stopped]
        yield
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)


@contextmanager
def without_its_standby(server: PostgreSQLServer) -> Iterator[None]:
    """Let a server that is written to wait at each commit for a standby that is not there."""
    server.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    server.execute("SELECT pg_reload_conf()")
    try:
        deadline = time.monotonic() + PATIENCE
        while not server.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"):
            assert time.monotonic() < deadline, "nobody waits for a standby"
            time.sleep(0.01)
        yield
    finally:
        server.execute("ALTER SYSTEM RESET synchronous_standby_names")
        server.execute("SELECT pg_reload_conf()")


class Watcher:
    """Somebody who asks for ``/health`` again and again."""

    def __init__(self, service: GunicornServer) -> None:
        self.service = service
        self.statuses: set[int] = set()
        self.slowest = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Return after the last answer."""
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            start = time.monotonic()
            self.statuses.add(self.service.call("GET", "/health")[0])
            self.slowest = max(self.slowest, time.monotonic() - start)


@pytest.mark.parametrize("fault", [frozen, without_its_standby])
@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_database_that_does_not_answer_keeps_nobody_waiting_without_end(
    postgresql: PostgreSQLServer,
    tmp_path: Path,
    fault: Callable[[PostgreSQLServer], AbstractContextManager[None]],
    threads: str,
) -> None:
    """Every request is answered in time, nothing is lost, and afterwards all is well without a restart."""
    name = f"silent_{time.monotonic_ns()}"
    postgresql.execute(f"CREATE DATABASE {name}")

    with GunicornServer(tmp_path, DATABASE_URL=postgresql.url(name), GUNICORN_THREADS=threads) as service:
        workers = service.all_workers()
        with Writers(service) as writers, ThreadPoolExecutor() as callers:
            writers.wait_for(201, times=8)
            with Watcher(service) as health, fault(postgresql):
                created = [caller.result() for caller in [callers.submit(create, service) for _ in range(6)]]
                writers.wait_for(503, times=4)
            writers.wait_for(201, times=8)
        ready = service.call("GET", "/health/ready")[0]

        assert service.workers() == workers
        writers.assert_nothing_is_lost()
    assert {answer[:2] for answer in created} == {(503, "2")}
    assert max(seconds for *_, seconds in created) < PROMISED + SLACK
    assert health.statuses == {200}
    assert health.slowest < PROMISED + SLACK
    assert set(writers.outcomes) <= {200, 201, 503}
    assert ready == 200
    assert "the server has not answered in time" in service.log.read_text()


def create(service: GunicornServer) -> tuple[int, str | None, float]:
    """Create a task and return the status, when to try again, and how many seconds the answer took."""
    start = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)
    with closing(connection):
        headers = {"Content-Type": "application/json", **ISSUER.authorization("alice")}
        connection.request("POST", "/api/alice/tasks", '{"title": "A task"}', headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.getheader("Retry-After"), time.monotonic() - start
