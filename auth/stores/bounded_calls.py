"""Calls that end in time, whatever the network does: resolvers, handshakes and slow answers included.

A client's own timeouts begin anew with each piece of an answer, and no timeout interrupts a resolver. So a few threads
make the calls, and a caller waits for one of them no longer than the timeout. Each thread has a client of its own, and
ends when it has had nothing to do for a while, so no connection grows old unused.

While calls fail, one caller at a time tries again and all others are told at once: an outage holds one thread of the
server and no more. That ends about a second after the last failure.

Load of our own is no outage of the server. It raises another error and does not count if no thread has taken a call, if
the server has answered others meanwhile, or if this process was too busy to notice an answer.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from ..clock import steady_time
from .circuit import Circuit
from .store import StoreBusyError, StoreUnavailableError

Client = TypeVar("Client")
Result = TypeVar("Result")

#: The most threads, each with a connection. One call takes a thread for a millisecond or less.
MOST_THREADS = 16

#: The most calls that wait for a thread, those included that nobody waits for any longer.
MOST_WAITING = 1_000

#: Seconds without work after which a thread ends. Firewalls drop connections silently that are idle for minutes.
IDLE = 30.0

#: A caller waits in so many pieces. A piece that takes half as long again says that this process is overloaded.
_PIECES = 5
_LATE = 1.5

#: The pieces in time that the server must have had before it is to blame.
_ENOUGH = 3


class _Call(Generic[Client]):
    """One call: what to do, and what has come of it."""

    def __init__(self, work: Callable[[Client], None]) -> None:
        self.work = work
        self.error: Exception | None = None
        self.is_abandoned = False
        #: Whether a thread has taken it, and how many calls had been answered by then.
        self.has_begun = False
        self.answers = 0
        #: The pieces in time for which the caller has waited since.
        self.pieces = 0
        # Lighter than an event, which makes a condition and a lock.
        self._is_over = threading.Lock()
        self._is_over.acquire()

    def end(self) -> None:
        """Let the caller go on."""
        self._is_over.release()

    def wait(self, seconds: float, clock: Callable[[], float]) -> bool:
        """Wait for the end; return False if it did not come in time."""
        piece, began = seconds / _PIECES, clock()
        try:
            for _ in range(_PIECES):
                has_begun, asleep = self.has_begun, clock()
                left = began + seconds - asleep
                if self._is_over.acquire(timeout=max(0, min(piece, left))):
                    return True
                self.pieces += has_begun and left > piece / 2 and clock() - asleep < piece * _LATE
            return False
        finally:
            # Also if the caller is ended while it waits.
            self.is_abandoned = True


class BoundedCalls(Generic[Client]):
    """Makes calls with clients of one server, in one process. Threads share it; a child of a fork makes its own."""

    def __init__(
        self,
        connect: Callable[[], Client],
        close: Callable[[Client], None],
        timeout: float,
        *,
        is_outage: Callable[[Exception], bool],
        threads: int = MOST_THREADS,
        waiting: int = MOST_WAITING,
        idle: float = IDLE,
        clock: Callable[[], float] = steady_time,
    ) -> None:
        """``connect`` makes the client of one thread, and ``close`` ends it. Times are in seconds.

        ``is_outage`` tells the errors that mean that the server is not there from those that it answered with.
        """
        self._connect = connect
        self._close = close
        self._timeout = timeout
        self._most_threads = threads
        self._most_calls = threads + waiting
        self._idle = idle
        self._is_outage = is_outage
        self._clock = clock
        self._circuit = Circuit(timeout, clock)
        # Locks and queues are made through their modules, because gevent may replace them after the import.
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._waiting: queue.SimpleQueue[_Call[Client]] = queue.SimpleQueue()
        #: Calls that wait or are being made, and threads.
        self._calls = 0
        self._threads = 0
        #: Calls that have come to an end, and those of them that were answered in time, since the start.
        self._ended = 0
        self._answers = 0

    def call(self, work: Callable[[Client], Result]) -> Result:
        """Return what ``work`` returns for a client.

        Raises:
            StoreUnavailableError: it did not end in time, or calls fail and another caller is trying.
            StoreBusyError: the server had no chance to answer in time.
            Exception: what ``work`` raised.
        """
        if not self._circuit.is_open:
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
        ended, began = self._ended, self._clock()
        self._hand_over(call)
        if not call.wait(self._timeout, self._clock):
            raise self._failure(call, is_failure=self._had_time(call) or self._hangs(call, ended))
        if call.error is None:
            return results[0]
        if not self._is_outage(call.error):
            raise call.error
        # An error that came at once is no matter of time.
        is_fast = self._clock() - began < self._timeout / 2
        raise self._failure(call, is_failure=call.answers == self._answers and (is_fast or self._had_time(call)))

    def _had_time(self, call: _Call[Client]) -> bool:
        """Whether the server could have answered a call, and has answered no other meanwhile."""
        return call.pieces >= _ENOUGH and call.answers == self._answers

    def _hangs(self, call: _Call[Client], ended: int) -> bool:
        """Whether no thread has taken a call because all hang during an outage."""
        return not call.has_begun and self._circuit.is_open and self._ended == ended

    def _failure(self, call: _Call[Client], *, is_failure: bool) -> Exception:
        """Return the error of a call, and note it if the server is to blame."""
        if is_failure:
            self._circuit.fail()
        if is_failure or self._circuit.is_open:
            return call.error or StoreUnavailableError("it did not answer in time")
        return StoreBusyError("too many requests ask it at once")

    def _hand_over(self, call: _Call[Client]) -> None:
        with self._lock:
            if self._calls >= self._most_calls:
                raise self._busy("too many requests wait for it")
            if self._calls >= self._threads and self._threads < self._most_threads:
                self._start_thread()
            self._calls += 1
            self._waiting.put(call)

    def _busy(self, reason: str) -> StoreUnavailableError:
        """Return the error of a call that could not be handed over."""
        return StoreUnavailableError(reason) if self._circuit.is_open else StoreBusyError(reason)

    def _start_thread(self) -> None:
        # Counted first: whatever ends the caller meanwhile, the thread may run.
        self._threads += 1
        try:
            threading.Thread(target=self._run, name="resource server store", daemon=True).start()
        except RuntimeError:
            # The system has no thread left. Those that there are do the work.
            self._threads -= 1
            if self._threads == 0:
                raise self._busy("no thread could be started to ask it") from None

    def _run(self) -> None:
        clients: list[Client] = []
        try:
            while (call := self._next()) is not None:
                self._take(call, clients)
                # Nothing of a request stays while the thread waits for the next one.
                del call
        finally:
            for client in clients:
                self._close(client)

    def _take(self, call: _Call[Client], clients: list[Client]) -> None:
        """Make one call, unless nobody waits for it; ``clients`` holds the client of this thread once it is made."""
        # Whatever ends this thread, such as the end of a greenlet: the next caller must not rely on it.
        lost = 1
        try:
            if not call.is_abandoned:
                self._make(call, clients)
            lost = 0
        finally:
            with self._lock:
                self._calls -= 1
                self._ended += 1
                self._threads -= lost
            call.end()

    def _make(self, call: _Call[Client], clients: list[Client]) -> None:
        call.answers, call.has_begun, began = self._answers, True, self._clock()
        try:
            if not clients:
                clients.append(self._connect())
            call.work(clients[0])
        except Exception as error:  # noqa: BLE001 - it is raised again where the caller waits
            call.error = error
            if self._is_outage(error):
                return
        except BaseException:
            call.error = StoreBusyError("the thread that asked it was ended")
            raise
        if self._clock() - began <= self._timeout:
            with self._lock:
                self._answers += 1
            self._circuit.close()

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
            except BaseException:
                with self._lock:
                    self._threads -= 1
                raise
