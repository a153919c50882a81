"""Calls that end in time, whatever the network does: resolvers, handshakes and slow answers included.

A client's own timeouts begin anew with each piece of an answer, and no timeout interrupts a resolver. So a few threads
make the calls, and a caller waits for one of them no longer than the timeout. Each thread has a client of its own, and
ends when it has had nothing to do for a while, so no connection grows old unused.

While calls fail, one caller at a time tries again and all others are told at once: an outage holds one thread of the
server and no more.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from .store import StoreUnavailableError

Client = TypeVar("Client")
Result = TypeVar("Result")

#: The most threads, each with a connection. One call takes a thread for a millisecond or less.
MOST_THREADS = 16

#: The most calls that wait for a thread, those included that nobody waits for any longer.
MOST_WAITING = 1_000

#: Seconds without work after which a thread ends. Firewalls drop connections silently that are idle for minutes.
IDLE = 30.0

#: Failures in a row after which callers take turns.
_TOLERATED = 3


class _Call(Generic[Client]):
    """One call: what to do, and what has come of it."""

    def __init__(self, work: Callable[[Client], None]) -> None:
        self.work = work
        self.error: Exception | None = None
        self.is_abandoned = False
        # Lighter than an event, which makes a condition and a lock.
        self._is_over = threading.Lock()
        self._is_over.acquire()

    def end(self) -> None:
        """Let the caller go on."""
        self._is_over.release()

    def wait(self, seconds: float) -> bool:
        """Wait for the end; return False if it did not come in time."""
        return self._is_over.acquire(timeout=seconds)


class BoundedCalls(Generic[Client]):
    """Makes calls with clients of one server, in one process. Threads share it; a child of a fork makes its own."""

    def __init__(
        self,
        connect: Callable[[], Client],
        close: Callable[[Client], None],
        timeout: float,
        *,
        threads: int = MOST_THREADS,
        waiting: int = MOST_WAITING,
        idle: float = IDLE,
    ) -> None:
        """``connect`` makes the client of one thread, and ``close`` ends it. Times are in seconds."""
        self._connect = connect
        self._close = close
        self._timeout = timeout
        self._most_threads = threads
        self._most_calls = threads + waiting
        self._idle = idle
        # Locks and queues are made through their modules, because gevent may replace them after the import.
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._waiting: queue.SimpleQueue[_Call[Client]] = queue.SimpleQueue()
        #: Calls that wait or are being made, and threads.
        self._calls = 0
        self._threads = 0
        self._failures = 0

    def call(self, work: Callable[[Client], Result]) -> Result:
        """Return what ``work`` returns for a client.

        Raises:
            StoreUnavailableError: it did not end in time, or calls fail and another caller is trying.
            Exception: what ``work`` raised.
        """
        if self._failures < _TOLERATED:
            return self._tried(work)
        if not self._turn.acquire(blocking=False):
            raise StoreUnavailableError("it does not answer, and another request is asking it")
        try:
            return self._tried(work)
        finally:
            self._turn.release()

    def _tried(self, work: Callable[[Client], Result]) -> Result:
        results: list[Result] = []
        call = _Call[Client](lambda client: results.append(work(client)))
        self._hand_over(call)
        if not call.wait(self._timeout):
            call.is_abandoned = True
            self._failures += 1
            raise StoreUnavailableError("it did not answer in time")
        if call.error is not None:
            self._failures += 1
            raise call.error
        self._failures = 0
        return results[0]

    def _hand_over(self, call: _Call[Client]) -> None:
        with self._lock:
            if self._calls >= self._most_calls:
                raise StoreUnavailableError("too many requests wait for it")
            if self._calls >= self._threads and self._threads < self._most_threads:
                self._start_thread()
            self._calls += 1
            self._waiting.put(call)

    def _start_thread(self) -> None:
        try:
            threading.Thread(target=self._run, name="resource server store", daemon=True).start()
        except RuntimeError:
            # The system has no thread left. Those that there are do the work.
            if self._threads == 0:
                raise StoreUnavailableError("no thread could be started to ask it") from None
            return
        self._threads += 1

    def _run(self) -> None:
        client: Client | None = None
        while (call := self._next()) is not None:
            try:
                if not call.is_abandoned:
                    client = client or self._connect()
                    call.work(client)
            except Exception as error:  # noqa: BLE001 - it is raised again where the caller waits
                call.error = error
            with self._lock:
                self._calls -= 1
            call.end()
            # Nothing of a request stays while the thread waits for the next one.
            del call
        if client is not None:
            self._close(client)

    def _next(self) -> _Call[Client] | None:
        """Return the next call; None if there has been none for a while, and the thread is to end."""
        while True:
            try:
                return self._waiting.get(timeout=self._idle)
            except queue.Empty:
                # A call may have come since. Callers count the threads under the same lock.
                with self._lock:
                    if self._waiting.empty():
                        self._threads -= 1
                        return None
