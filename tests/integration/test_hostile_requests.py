"""Hostile requests on the wire, to a real gunicorn: bodies of ten megabytes, and paths that are none.

What is read of a body after it was refused is the business of ``test_unread_bodies``.
"""

from __future__ import annotations

import json
import select
import socket
import time
from collections.abc import Iterator

import pytest

from tests.support.gunicorn_server import ISSUER, PATIENCE, GunicornServer
from tests.support.lifetimes import A_DAY

TASKS = "/api/alice/tasks"
ALICE = ISSUER.authorization("alice", expires_in=A_DAY)

TEN_MEGABYTES = 10_000_000

#: Bytes of a refused body that may leave a client before the answer is there: what the two ends of a connection buffer,
#: and what is read on after an answer that the client has not seen yet.
MOST_SENT = 6_000_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GunicornServer]:
    """Return a running server."""
    with GunicornServer(tmp_path_factory.mktemp("server")) as server:
        yield server


def send_until_answered(server: GunicornServer, head: bytes, body: Iterator[bytes]) -> tuple[bytes, int]:
    """Send a body piece by piece until an answer comes; return its beginning and how much of the body had gone."""
    sent = 0
    with socket.socket() as connection:
        # Little of what is sent lies in our own buffers, so that it shows what the server takes.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        connection.settimeout(PATIENCE)
        connection.connect(("127.0.0.1", server.port))
        connection.sendall(head)
        deadline = time.monotonic() + PATIENCE
        for piece in body:
            readable, writable, _ = select.select([connection], [connection], [], PATIENCE)
            if readable or not writable or time.monotonic() > deadline:
                break
            connection.sendall(piece)
            sent += len(piece)
        return connection.recv(65536), sent


def head_of(*lines: str, path: str = TASKS, token: str | None = None) -> bytes:
    """Return the head of a request that creates a task."""
    authorization = f"Authorization: {ALICE['Authorization']}" if token is None else f"Authorization: Bearer {token}"
    head = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json", authorization, *lines]
    return "\r\n".join([*head, "", ""]).encode()


def pieces(size: int = 16384) -> Iterator[bytes]:
    """Yield ten megabytes."""
    yield from (b"x" * size for _ in range(TEN_MEGABYTES // size))


def chunks() -> Iterator[bytes]:
    """Yield the same as chunks of a body that does not tell its length."""
    yield from (b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces())


@pytest.mark.parametrize("path", [TASKS, "/api/bob/tasks", "/nowhere"])
def test_a_body_of_ten_megabytes_is_refused_before_it_is_read(server: GunicornServer, path: str) -> None:
    """413 where it might have been wanted, 403 and 404 elsewhere; most of it never leaves a client that sees that."""
    expected = {TASKS: b"413", "/api/bob/tasks": b"403", "/nowhere": b"404"}[path]

    answer, sent = send_until_answered(server, head_of(f"Content-Length: {TEN_MEGABYTES}", path=path), pieces())

    assert answer.startswith(b"HTTP/1.1 " + expected)
    assert sent < MOST_SENT


def test_a_body_that_does_not_tell_its_length_is_refused_at_the_limit(server: GunicornServer) -> None:
    """Read up to the limit and no further."""
    answer, sent = send_until_answered(server, head_of("Transfer-Encoding: chunked"), chunks())

    assert answer.startswith(b"HTTP/1.1 413")
    assert sent < MOST_SENT


def test_a_stranger_is_answered_before_anything_is_read(server: GunicornServer) -> None:
    """401 to the head alone; most of the body never leaves the client."""
    answer, sent = send_until_answered(server, head_of(f"Content-Length: {TEN_MEGABYTES}", token="forged"), pieces())

    assert answer.startswith(b"HTTP/1.1 401")
    assert sent < MOST_SENT


@pytest.mark.parametrize(
    "target",
    [
        b"/api/\xff\xfe/tasks",
        b"/api/%FF%FE/tasks",
        b"/api/%ff/tasks",
        b"/api/alice/tasks/\xf0\x9f\x98\x80",
        b"/api/alice%00/tasks",
        b"/api/alice/tasks\x00",
        b"/api/alice/tasks\x7f",
        b"/api/%/tasks",
        b"/api/%zz/tasks",
        b"/api/alice/../bob/tasks",
        b"http://elsewhere.example/api/bob/tasks",
        b"*",
        b"tasks",
        b"/" + b"a" * 7000,
        b"/" + b"a" * 9000,
        b"/" + b"%61" * 30000,
        b"/api/alice/tasks?cursor=" + b"A" * 7000,
        b"/api/alice/tasks?q=" + b"\xff" * 100 + b"&limit=0",
    ],
    ids=lambda target: ascii(target[:30]),
)
def test_a_hostile_target_is_the_clients_fault(server: GunicornServer, target: bytes) -> None:
    """4xx, and the server goes on."""
    request = b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: "

    answer = server.exchange(request + ALICE["Authorization"].encode() + b"\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 4")
    assert server.call("GET", "/health") == (200, {"status": "ok"})


def test_nothing_hostile_is_in_the_log(server: GunicornServer) -> None:
    """Nor a fault of ours."""
    server.exchange(b"GET /api/seen-by-nobody\xff HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")

    log = server.log.read_text()

    assert "seen-by-nobody" not in log
    assert "Traceback" not in log


def test_an_answer_to_a_refused_body_is_whole(server: GunicornServer) -> None:
    """Though nobody waits for the rest of the request."""
    answer = server.exchange(head_of(f"Content-Length: {TEN_MEGABYTES}", "Connection: close"))

    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == 413
