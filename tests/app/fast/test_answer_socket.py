"""How an answer leaves: each message that arrives here is one call of the system on the other side."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from app.fast.answer_socket import AnswerSocket

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
            while message := self.client.recv(1000):
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


def test_a_head_without_a_body_leaves_at_the_end_and_once(pair: Pair) -> None:
    """As after a 204, or a HEAD."""
    pair.answering.sendall(HEAD)
    pair.answering.flush()
    pair.answering.flush()

    assert pair.received() == [HEAD]


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
