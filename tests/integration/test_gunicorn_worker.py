"""The worker class of gunicorn.conf.py: all workers share a burst of connections, and no request is lost."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import struct
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from email.message import Message
from pathlib import Path

import pytest

from tests.support.bursts import CONNECTIONS, UNANSWERED, Bursts, Outcomes, burst
from tests.support.gunicorn_server import ISSUER, PATIENCE, GunicornServer

WORKERS = 2


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GunicornServer]:
    """Return a server whose workers have all answered, and name themselves in each answer."""
    with GunicornServer(tmp_path, settings={"wsgi_app": "tests.support.watched_app:app"}) as server:
        wait_until_all_answer(server)
        yield server


def wait_until_all_answer(server: GunicornServer) -> None:
    """Return once every worker has answered: the first one does so before the second one is there."""
    deadline = time.monotonic() + PATIENCE
    while len({answer.worker for answer in burst(server, Counter())}) < WORKERS:
        assert time.monotonic() < deadline, "a worker never answered"


def wait_for_other_workers(server: GunicornServer, old: set[int]) -> None:
    """Return once all workers are there, and none of the old ones."""
    deadline = time.monotonic() + PATIENCE
    while len(workers := set(server.workers())) != WORKERS or workers & old:
        assert time.monotonic() < deadline, f"the workers are still {workers}, and were {old}"
        time.sleep(0.02)


def test_no_worker_takes_a_whole_burst_while_another_idles(server: GunicornServer) -> None:
    """One of forty may slip through on a machine too busy to wake the idle worker; plain gthread has ten to thirty."""
    bursts = [Counter(answer.worker for answer in burst(server, Counter())) for _ in range(40)]

    lopsided = [held for held in bursts if max(held.values()) == CONNECTIONS]
    assert len(lopsided) <= 1, bursts


def test_reloads_under_bursts_lose_no_request(server: GunicornServer) -> None:
    """SIGHUP three times; clients repeat only what they sent on an idle connection that the server has closed."""
    with Bursts(server) as bursts:
        for _ in range(3):
            old = set(server.workers())
            bursts.go_on(bursts=2)
            server.process.send_signal(signal.SIGHUP)
            wait_for_other_workers(server, old)
            bursts.go_on(bursts=2)

    assert set(bursts.outcomes) == {200}
    assert headers_of(server)["X-Collects"] == "True"


def headers_of(server: GunicornServer) -> Message:
    """Return the headers of an answer, which say how its worker collects garbage."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)) as connection:
        connection.request("GET", "/health")
        return connection.getresponse().headers


def test_killed_workers_under_bursts_lose_only_what_they_were_answering(server: GunicornServer) -> None:
    """kill -9 three times: a request fails at most once, and none that waits for a worker to accept it."""
    with Bursts(server) as bursts:
        for _ in range(3):
            victim = server.workers()[0]
            bursts.go_on(bursts=2)
            os.kill(victim, signal.SIGKILL)
            wait_for_other_workers(server, {victim})
            bursts.go_on(bursts=2)

    assert set(bursts.outcomes) <= {200, UNANSWERED}
    assert bursts.outcomes[UNANSWERED] <= 3 * CONNECTIONS


def test_a_gunicorn_that_does_not_tell_who_is_busy_is_said_once_and_serves(tmp_path: Path) -> None:
    """Its workers accept connections as plain gthread does; a worker that is replaced does not say it again."""
    outcomes: Outcomes = Counter()

    with GunicornServer(
        tmp_path, settings={"worker_class": "tests.support.renamed_attributes.YieldingThreadWorker"}
    ) as server:
        victim, _ = server.all_workers()
        burst(server, outcomes)
        os.kill(victim, signal.SIGKILL)
        wait_for_other_workers(server, {victim})
        burst(server, outcomes)
        log = server.log.read_text()

    assert set(outcomes) <= {200, UNANSWERED}
    assert log.count("[WARNING] This gunicorn does not tell when a worker is busy (no busy_threads), so ") == 1


def packets_of(connection: http.client.HTTPConnection, method: str, path: str, headers: dict[str, str]) -> int:
    """Return in how many packets an answer comes, as the kernel counts them."""
    before = data_segments_in(connection.sock)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    assert answer.status < 300, answer.read()
    answer.read()
    return data_segments_in(connection.sock) - before


def data_segments_in(connection: socket.socket) -> int:
    """Return how many packets with data a connection has received (``tcpi_data_segs_in`` of Linux's ``tcp_info``)."""
    information = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 160)
    count: int = struct.unpack_from("=I", information, 152)[0]
    return count


def test_an_answer_comes_in_one_packet(server: GunicornServer) -> None:
    """Head and body together, one answer after the other on one connection; so do answers that have no body."""
    alice = ISSUER.authorization("alice")
    _, task = server.call("POST", "/api/alice/tasks", {"title": "Buy milk"}, alice)
    path = f"/api/alice/tasks/{task['id']}"

    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)) as connection:
        connection.connect()
        packets = [packets_of(connection, method, path, alice) for method in ("GET", "HEAD", "GET", "PATCH", "DELETE")]

    assert packets == [1] * 5


def test_a_worker_that_cannot_load_its_app_ends(tmp_path: Path) -> None:
    """Its threads keep no process alive: gunicorn gives up at once, as it does with its own worker."""
    server = GunicornServer(
        tmp_path, settings={"worker_class": "tests.support.broken_worker.BrokenWorker"}, database=False
    )

    with pytest.raises(AssertionError, match="RuntimeError: the app cannot be loaded"):
        server.__enter__()

    # It was not killed.
    assert server.process.returncode > 0


def test_workers_share_the_memory_of_what_was_loaded_before_the_fork(server: GunicornServer) -> None:
    """The garbage collector of a worker does not visit it, and so does not copy it. What is made later is collected."""
    headers = headers_of(server)

    assert int(headers["X-Frozen"]) > 10_000
    assert headers["X-Collects"] == "True"
