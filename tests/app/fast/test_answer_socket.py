"""How an answer leaves: each message that arrives here is one call of the system on the other side."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator

import pytest

from app.fast.answer_socket import MOST_JOINED, AnswerSocket
from app.unread_bodies import Body

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"


class Pair:
    """Both ends of a connection that keeps messages apart."""

    def __init__(self) -> None:
        self.server, self.client = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.client.settimeout(0)
        self.answering = AnswerSocket(self.server)

    def received(self) -> list[bytes]:
        """Return what has arrived so far, message by message."""
        messages = []
        try:
            while message := self.client.recv(2 * MOST_JOINED):
                messages.append(message)
        except BlockingIOError:
            pass
        return messages


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    with pair.server, pair.client:
        yield pair


def test_head_and_body_leave_together(pair: Pair) -> None:
    """What follows them leaves at once."""
    pair.answering.sendall(HEAD)
    assert pair.received() == []

    pair.answering.sendall(b"milk")
    assert pair.received() == [HEAD + b"milk"]

    pair.answering.sendall(b" and tea")
    assert pair.received() == [b" and tea"]


@pytest.mark.parametrize("status", [b"101 Switching Protocols", b"204 No Content", b"304 Not Modified"])
def test_a_head_that_no_body_follows_leaves_at_once(pair: Pair, status: bytes) -> None:
    """So does what another protocol sends after it."""
    head = b"HTTP/1.1 " + status + b"\r\n\r\n"
    pair.answering.sendall(head)
    assert pair.received() == [head]

    pair.answering.sendall(b"frame")
    assert pair.received() == [b"frame"]


def test_a_head_whose_body_never_comes_leaves_at_the_end_and_once(pair: Pair) -> None:
    pair.answering.sendall(HEAD)
    pair.answering.flush()
    pair.answering.flush()

    assert pair.received() == [HEAD]


def test_a_large_body_is_not_copied(pair: Pair) -> None:
    """It would be in memory twice."""
    body = bytes(MOST_JOINED + 1)
    pair.answering.sendall(HEAD)
    pair.answering.sendall(memoryview(body))

    assert pair.received() == [HEAD, body]


def test_what_a_socket_takes_is_taken(pair: Pair) -> None:
    """Anything that holds bytes, and the flags of the system."""
    pair.answering.sendall(memoryview(HEAD))
    pair.answering.sendall(memoryview(b"milk"), socket.MSG_NOSIGNAL)

    assert pair.received() == [HEAD + b"milk"]


def test_a_request_without_an_answer_sends_nothing(pair: Pair) -> None:
    """Its connection is closed."""
    pair.answering.flush()

    assert pair.received() == []


@pytest.mark.parametrize(
    "before", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"]
)
def test_what_comes_before_an_answer_leaves_at_once(pair: Pair, before: bytes) -> None:
    """The client waits for it; the head after it is kept as usual."""
    pair.answering.sendall(before)
    assert pair.received() == [before]

    pair.answering.sendall(HEAD)
    pair.answering.sendall(b"milk")
    assert pair.received() == [HEAD + b"milk"]


def test_an_empty_piece_sends_the_head(pair: Pair) -> None:
    """As gunicorn does for an app that yields one."""
    pair.answering.sendall(HEAD)
    pair.answering.sendall(b"")

    assert pair.received() == [HEAD]


def test_a_body_that_looks_like_a_head_is_a_body(pair: Pair) -> None:
    pair.answering.sendall(HEAD)
    pair.answering.sendall(HEAD)
    pair.answering.sendall(HEAD)

    assert pair.received() == [HEAD + HEAD, HEAD]


def test_the_head_is_sent_before_anything_else_is_done(pair: Pair) -> None:
    """Such as the end of our side of the connection, or the wait for the rest of a body."""
    pair.answering.sendall(HEAD)
    assert pair.answering.gettimeout() is None
    assert pair.received() == [HEAD]

    pair.answering.shutdown(socket.SHUT_WR)
    assert pair.received() == []
    assert pair.client.recv(1) == b""


def test_a_client_that_is_gone_is_reported(pair: Pair) -> None:
    """By whatever sends the head; nothing is sent again afterwards."""
    pair.client.close()
    pair.answering.sendall(HEAD)

    with pytest.raises(OSError, match="Broken pipe"):
        pair.answering.sendall(b"milk")
    pair.answering.flush()


def test_no_thread_waits_for_the_body_of_a_client_that_is_gone(pair: Pair) -> None:
    """Whatever is asked of the socket may fail, because it sends the head first."""
    environ = {"gunicorn.socket": pair.answering, "wsgi.input": io.BytesIO(), "SERVER_PROTOCOL": "HTTP/1.1"}
    pair.client.close()
    pair.answering.sendall(HEAD)
    before = threading.active_count()

    for _ in range(3):
        pair.answering._head = HEAD
        with pytest.raises(OSError, match="Broken pipe"):
            Body(environ).finish()

    assert threading.active_count() == before
