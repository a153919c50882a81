"""Bodies that nobody reads, sent to a real gunicorn: the answer arrives, and no client holds a thread for long."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from app.unread_bodies import MOST_BYTES
from tests.support.gunicorn_server import ISSUER, PATIENCE, GunicornServer
from tests.support.lifetimes import A_DAY

TASKS = "/api/alice/tasks"
ALICE = {**ISSUER.authorization("alice", expires_in=A_DAY), "Content-Type": "application/json"}
#: More headers than gunicorn takes.
MANY = {f"X-{number}": "" for number in range(200)}

#: A body that is longer than the service takes, and shorter than what it reads after an answer.
MEGABYTE = b"x" * (1024 * 1024)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GunicornServer]:
    """Return a server without tables, with one process of one thread, which one request can occupy."""
    with GunicornServer(
        tmp_path_factory.mktemp("server"),
        database=False,
        probe="/health",
        WEB_CONCURRENCY="1",
        GUNICORN_THREADS="1",
        FLASK_RATE_LIMIT_USER="30 per hour",
    ) as server:
        yield server


#: Bytes that the two ends of a connection hold at most.
BUFFERS = 8_000_000


def head(method: str, path: str, **headers: str) -> bytes:
    """Return the head of a request, in HTTP/1.1."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def with_length(body: bytes) -> tuple[dict[str, str], bytes]:
    """Return the headers and the bytes of a body that tells its length."""
    return {"Content-Length": str(len(body))}, body


def in_chunks(body: bytes) -> tuple[dict[str, str], bytes]:
    """Return the same as chunks."""
    pieces = (body[start : start + 10_000] for start in range(0, len(body), 10_000))
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return {"Transfer-Encoding": "chunked"}, chunks + b"0\r\n\r\n"


@contextmanager
def connected(server: GunicornServer) -> Iterator[socket.socket]:
    """Yield a connection which, as over a network, has sent what the server has received, and little more."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        connection.settimeout(PATIENCE)
        connection.connect(("127.0.0.1", server.port))
        yield connection


def read_answer(connection: socket.socket) -> tuple[int, bytes]:
    """Read one answer, and no more, and return its status and its body."""
    file = connection.makefile("rb", buffering=0)
    status = int(file.readline().split()[1])
    length = 0
    while (line := file.readline()) not in (b"\r\n", b""):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    body = b""
    while len(body) < length and (piece := file.read(length - len(body))):
        body += piece
    return status, body


@pytest.mark.parametrize("framed", [with_length, in_chunks])
@pytest.mark.parametrize(
    ("status", "method", "path", "headers"),
    [
        (200, "GET", "/health", {}),
        (200, "GET", "/docs", {}),
        (400, "POST", "/nowhere", {"X-Folded": "a\r\n b"}),
        (401, "POST", TASKS, {}),
        (403, "POST", "/api/bob/tasks", ALICE),
        (404, "POST", "/nowhere", {}),
        (405, "PUT", "/health", {}),
        (413, "POST", TASKS, ALICE),
        (413, "POST", TASKS, {**ALICE, "Content-Type": "text/plain"}),
        (422, "GET", f"{TASKS}?limit=none", ALICE),
        (431, "POST", TASKS, MANY),
        (503, "GET", TASKS, ALICE),
    ],
)
def test_an_answer_arrives_at_a_client_that_sends_its_whole_body_first(
    server: GunicornServer,
    framed: Callable[[bytes], tuple[dict[str, str], bytes]],
    status: int,
    method: str,
    path: str,
    headers: dict[str, str],
) -> None:
    """Most clients, and proxies, look for the answer when they have sent all; it is not lost by a reset then."""
    framing, body = framed(MEGABYTE)

    with connected(server) as connection:
        connection.sendall(head(method, path, **headers, **framing))
        connection.sendall(body)
        answered, content = read_answer(connection)

    assert answered == status
    assert content


def test_the_answer_to_one_request_too_many_arrives(server: GunicornServer) -> None:
    """429 is said as early as 401."""
    carol = ISSUER.authorization("carol")
    statuses = [server.call("GET", "/api/me", headers=carol)[0] for _ in range(30)]

    with connected(server) as connection:
        connection.sendall(head("POST", "/api/carol/tasks", **carol, **{"Content-Length": str(len(MEGABYTE))}))
        connection.sendall(MEGABYTE)
        status, _ = read_answer(connection)

    assert (set(statuses), status) == ({200}, 429)


@pytest.mark.parametrize("framed", [with_length, in_chunks])
def test_a_connection_serves_on_after_a_body_that_nobody_wanted(
    server: GunicornServer, framed: Callable[[bytes], tuple[dict[str, str], bytes]]
) -> None:
    """The next request begins where the body ends."""
    framing, body = framed(MEGABYTE)

    with connected(server) as connection:
        for _ in range(3):
            connection.sendall(head("POST", TASKS, **framing) + body)
            assert read_answer(connection)[0] == 401
        connection.sendall(head("GET", "/health"))
        assert read_answer(connection)[0] == 200


@pytest.mark.parametrize("headers", [{}, MANY], ids=["refused by the service", "refused by gunicorn"])
def test_no_request_is_found_in_a_body_that_is_not_read_to_its_end(
    server: GunicornServer, headers: dict[str, str]
) -> None:
    """The connection ends: what comes after the limit may look like anything."""
    length = {"Content-Length": str(10 * MOST_BYTES)}
    received = b""

    with connected(server) as connection, suppress(OSError):
        connection.sendall(head("POST", TASKS, **headers, **length))
        while True:
            connection.sendall(head("GET", "/health") * 100)
            received += (
                connection.recv(65536, socket.MSG_DONTWAIT) if select.select([connection], [], [], 0)[0] else b""
            )

    assert received.count(b"HTTP/1.1 ") == 1


def test_a_client_that_never_stops_sending_is_hung_up_on(server: GunicornServer) -> None:
    """After two megabytes beyond the answer, and what lies in buffers."""
    sent = 0

    with connected(server) as connection:
        connection.sendall(head("POST", TASKS, **{"Content-Length": str(100 * MOST_BYTES)}))
        with suppress(ConnectionResetError, BrokenPipeError):
            while sent < 100 * MOST_BYTES:
                sent += connection.send(MEGABYTE)

    assert MOST_BYTES <= sent < MOST_BYTES + BUFFERS


@pytest.mark.parametrize(
    ("headers", "drop"),
    [
        ({"Content-Length": "1000000"}, b"x"),
        ({"Transfer-Encoding": "chunked"}, b"1\r\nx\r\n"),
        ({"Content-Length": "1000000", **MANY}, b"x"),
        ({"Content-Length": "1000000"}, b""),
        ({"Content-Length": "1000000", **MANY}, b""),
    ],
    ids=["dripping", "dripping chunks", "dripping to gunicorn", "silent", "silent to gunicorn"],
)
def test_a_slow_client_holds_a_thread_for_a_short_time_only(
    server: GunicornServer, headers: dict[str, str], drop: bytes
) -> None:
    """Though it sends a byte now and then, or is about to: the only thread there is serves others soon."""
    is_served = threading.Event()

    def drip(connection: socket.socket) -> None:
        with suppress(OSError):
            while not is_served.wait(0.1):
                connection.sendall(drop)

    with connected(server) as connection:
        connection.sendall(head("POST", TASKS, **headers))
        read_answer(connection)
        dripping = threading.Thread(target=drip, args=[connection])
        dripping.start()
        try:
            statuses = [server.call("GET", "/health")[0] for _ in range(3)]
        finally:
            is_served.set()
            dripping.join()

    assert statuses == [200] * 3


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (401, {}),
        (401, {"Authorization": "Bearer forged"}),
        (413, ALICE),
        (431, MANY),
    ],
)
def test_a_client_that_asks_first_is_not_told_to_send_what_nobody_wants(
    server: GunicornServer, status: int, headers: dict[str, str]
) -> None:
    """RFC 9110 §10.1.1: the answer comes in place of 100 Continue, and the connection ends."""
    asking = {"Content-Length": str(len(MEGABYTE)), "Expect": "100-continue"}

    answer = server.exchange(head("POST", TASKS, **headers, **asking))

    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"100 Continue" not in answer


@pytest.mark.parametrize("framed", [with_length, in_chunks])
def test_a_client_that_asks_first_is_told_to_send_what_is_wanted(
    server: GunicornServer, framed: Callable[[bytes], tuple[dict[str, str], bytes]]
) -> None:
    """Once, and before the answer; then the connection serves on."""
    framing, body = framed(b"{}")

    with connected(server) as connection:
        connection.sendall(head("POST", TASKS, **ALICE, **framing, Expect="100-continue"))
        asked = connection.recv(65536)
        connection.sendall(body)
        answered = read_answer(connection)[0]
        connection.sendall(head("GET", "/health"))
        assert read_answer(connection)[0] == 200

    assert (asked, answered) == (b"HTTP/1.1 100 Continue\r\n\r\n", 422)


def test_nobody_is_asked_for_a_body_in_http_1_0(server: GunicornServer) -> None:
    """RFC 9110 §10.1.1: an expectation means nothing there."""
    request = head("POST", TASKS, **ALICE, **{"Content-Length": "2"}, Expect="100-continue") + b"{}"

    answer = server.exchange(request.replace(b"HTTP/1.1", b"HTTP/1.0"))

    assert answer.startswith(b"HTTP/1.0 422 ")


def test_nothing_of_this_is_a_fault_of_the_server(server: GunicornServer) -> None:
    """Nor does it fill the log."""
    assert "Traceback" not in server.log.read_text()
