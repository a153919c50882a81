"""Reads the rest of a body after the answer, so that the answer arrives.

When a server closes a connection while the client is still sending, the client's system discards what the client has
not read yet, the answer included (RFC 9112 §9.6). A proxy takes that for a fault of the server. So the rest of a body
is read after the answer, up to :data:`MOST_BYTES` and for :data:`MOST_SECONDS`. A client that sends more, sends too
slowly, or sends nothing for :data:`MOST_SILENCE` loses its connection.

This needs the sockets of gunicorn. Under another server, and for a request without a body, nothing changes.
"""

from __future__ import annotations

import errno
import functools
import io
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from flask import Flask

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: Bytes that are read after an answer: twice the longest body that nginx allows by default.
MOST_BYTES = 2 * 1024 * 1024

#: Seconds for which they are read, and for which the client may send nothing. A thread is busy for that time.
MOST_SECONDS = 5.0
MOST_SILENCE = 1.0

#: Bytes that are read at once.
PIECE = 65536


def read_on_after_answers(app: Flask) -> None:
    """Read the rest of each body after its answer. Call this last, so that it wraps everything else."""
    # Flask documents this very assignment for middleware; mypy sees a method.
    app.wsgi_app = ReadingOn(app.wsgi_app)  # type: ignore[method-assign]


class Body(io.RawIOBase):
    """The body of a request, which knows whether it has been read."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        self._stream = environ["wsgi.input"]
        self._socket: socket.socket = environ["gunicorn.socket"]
        self._is_read = False
        self._is_broken = False

    def readable(self) -> bool:
        """Return true."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read the next bytes."""
        view = memoryview(buffer)
        try:
            piece = self._receive(len(view))
        except Exception as error:
            # After an error, gunicorn may read something that looks like the end.
            self._is_broken = True
            if isinstance(error, OSError):
                raise
            # gunicorn's errors for chunks that are none.
            raise OSError(errno.EBADMSG, "the body cannot be read") from error
        view[: len(piece)] = piece
        self._is_read = len(piece) < len(view)
        return len(piece)

    def _receive(self, size: int) -> bytes:
        """Return the next bytes as the server reads them, at most so many."""
        piece: bytes = self._stream.read(size)
        return piece

    def finish(self) -> None:
        """Read the rest of the body, within the bounds.

        Raises:
            ConnectionResetError: the body did not end, so the next request cannot be found. gunicorn then closes the
                connection in silence.
        """
        if self._is_read:
            return
        bounds = Bounds()
        if self._is_broken or not self._read_rest(bounds):
            read_until_closed(self._socket, bounds)
            raise ConnectionResetError(errno.ECONNRESET, "the body is not read to its end")

    def _read_rest(self, bounds: Bounds) -> bool:
        """Read what the client is still sending, and tell whether that was all of it."""
        patience = self._socket.gettimeout()
        alarm = threading.Timer(MOST_SECONDS, self._stop_reading)
        alarm.daemon = True
        alarm.start()
        try:
            self._socket.settimeout(MOST_SILENCE)
            while bounds.bytes > 0 and not self._is_read:
                bounds.bytes -= len(self.read(PIECE) or b"")
            self._socket.settimeout(patience)
        except TimeoutError:
            bounds.bytes = 0
        except OSError:
            # The client is gone, or sends nonsense.
            pass
        finally:
            alarm.cancel()
            alarm.join()
        return self._is_read and not self._is_broken

    def _stop_reading(self) -> None:
        """End the read of the other thread: it would go on while the client sends a byte now and then."""
        self._is_broken = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RD)


class ReadingOn:
    """A WSGI application that answers like another one, and then reads the rest of the body."""

    #: What reads a body. The worker of :mod:`app.fast` has a class of its own.
    body_class = Body

    def __init__(self, wsgi_app: WSGIApplication) -> None:
        self._wsgi_app = wsgi_app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        if not _has_body(environ) or "gunicorn.socket" not in environ:
            return self._wsgi_app(environ, start_response)
        body = environ["wsgi.input"] = self.body_class(environ)
        return Answer(self._wsgi_app(environ, start_response), body)


def _has_body(environ: WSGIEnvironment) -> bool:
    """Tell whether a request has a body that can be read here; in HTTP/2, streams share the socket."""
    announces_one = environ.get("CONTENT_LENGTH", "0") not in ("", "0") or "HTTP_TRANSFER_ENCODING" in environ
    return announces_one and environ["SERVER_PROTOCOL"].startswith("HTTP/1")


class Bounds:
    """How much is still read from one connection, and until when."""

    def __init__(self) -> None:
        self.bytes = MOST_BYTES
        self._end = time.monotonic() + MOST_SECONDS

    @property
    def seconds(self) -> float:
        """What is left of the time."""
        return self._end - time.monotonic()


def read_until_closed(connection: socket.socket, bounds: Bounds | None = None) -> None:
    """End our side of a connection, read what the client still sends until it closes, and then close as well.

    After that the connection can be closed at once.
    """
    bounds = bounds or Bounds()
    with suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        while bounds.bytes > 0 and (seconds := bounds.seconds) > 0:
            connection.settimeout(min(seconds, MOST_SILENCE))
            piece = connection.recv(PIECE)
            if not piece:
                break
            bounds.bytes -= len(piece)
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class Answer:
    """The answer of another application, and what is done after it."""

    def __init__(self, chunks: Iterable[bytes], body: Body) -> None:
        self._chunks = chunks
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        """Yield the answer."""
        return iter(self._chunks)

    def close(self) -> None:
        """Let the other application clean up, and read the rest of the body: by now the client has its answer."""
        try:
            if close := getattr(self._chunks, "close", None):
                close()
        finally:
            self._body.finish()


def read_on_after_errors(handle_error: Callable[..., None]) -> Callable[..., None]:
    """Return gunicorn's handler for requests that it cannot read, with the rest of the body read before it closes."""

    @functools.wraps(handle_error)
    def handle_and_read_on(request: Any, connection: socket.socket, *others: Any) -> None:
        handle_error(request, connection, *others)
        read_until_closed(connection)

    return handle_and_read_on
