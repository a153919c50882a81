"""The thread that keeps the keys of one issuer fresh in one process, and the meeting point of those who wait for it.

Decisions are made in :mod:`.keys.remote.schedule`; here they meet threads. Everything in here belongs to one process:
a fork leaves it behind. Locks and threads are made through their modules at first use, for gevent may have replaced
them between the import and that.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import random
import threading
from collections.abc import Callable

from ..key_set import KeySet
from .bounded_http import FetchError
from .discovery import JwksLocation
from .loading import FetchedKeys, KeyLoader
from .schedule import HeldKeys, RemoteKeySettings, Standing, TokenBucket, held

_LOGGER = logging.getLogger("auth.keys")

#: Not seeded, so that the children of one process do not draw the same numbers.
_RANDOM = random.SystemRandom()


class Flight:
    """One fetch, from being asked for to its end; whoever needs it waits here."""

    def __init__(self) -> None:
        self.began_at: float | None = None
        self._over = threading.Event()

    @property
    def is_over(self) -> bool:
        """Whether what it brings is there to be used."""
        return self._over.is_set()

    def end(self) -> None:
        """Let everybody go on."""
        self._over.set()

    def wait(self, seconds: float) -> None:
        """Wait for its end, for so long at most."""
        self._over.wait(max(0, seconds))


class Refresher:
    """Fetches keys when they are due or asked for, one fetch at a time.

    Its thread refers to this object alone, never to the key set that owns it: :meth:`stop` ends it when that is gone.
    """

    def __init__(
        self,
        location: JwksLocation,
        settings: RemoteKeySettings,
        clock: Callable[[], float],
        inherited: HeldKeys | None,
    ) -> None:
        self._name = location.name
        self._settings = settings
        self._clock = clock
        self._loader = KeyLoader(location, settings.timeout, clock)
        self._budget = TokenBucket(settings.unknown_key_budget, clock())
        self._lock = threading.Lock()
        # Its put() may be called from a finalizer, in the middle of anything this thread does; a lock's could not.
        self._inbox: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._asked: Flight | None = None
        self._under_way: Flight | None = None
        self._is_stopped = False
        #: Swapped as a whole: read it once, then decide.
        self.standing = Standing.at_start(inherited, clock(), _RANDOM.random())

    def keep_running(self) -> None:
        """Start the thread unless it runs already."""
        thread = self._thread
        if thread is not None and thread.is_alive():
            if self._under_way is None and self._clock() >= self.standing.next_at:
                # The thread counts the system's seconds, the schedule those of our clock.
                self._inbox.put(None)
            return
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = self._started()
            if self._thread is not None or self._clock() < self.standing.next_at:
                return
            # Said once per attempt that was due, not once per request.
            self._fail("no thread could be started to fetch them")
        self._log_failure()

    def stop(self) -> None:
        """End the thread. Takes no lock, for it runs as a finalizer."""
        self._is_stopped = True
        self._inbox.put(None)

    def under_way(self, seen: Standing) -> Flight | None:
        """Return the fetch that is under way or asked for, if any; None where things have changed already.

        None while the issuer fails: only who pays from the budget waits then.
        """
        if seen.failures or self.is_overdue():
            return None
        with self._lock:
            return None if self.standing is not seen else self._under_way or self._asked

    def join(self, seen: Standing) -> Flight | None:
        """Return the fetch that is under way, asking for one where none is; None where things have changed already."""
        with self._lock:
            if self.standing is not seen:
                return None
            flight = self._under_way
            return self._ask() if flight is None or flight.is_over else flight

    def ask_within_budget(self, seen: Standing, since: float) -> Flight | None:
        """Ask for a fetch that begins after ``since``, or share the one that somebody has asked for.

        None where the budget is spent or things have changed already.
        """
        with self._lock:
            if self.standing is not seen:
                return None
            shared = self._begun_after(since)
            if shared is not None:
                return shared
            return self._ask() if self._budget.take(self._clock()) else None

    def _begun_after(self, since: float) -> Flight | None:
        """Return a fetch that need not be paid for again; None while the issuer fails, as in :meth:`under_way`."""
        if self.standing.failures or self.is_overdue():
            return None
        flight = self._under_way
        if flight is not None and flight.began_at is not None and flight.began_at > since:
            return flight
        return self._asked

    def is_overdue(self) -> bool:
        """Tell whether a fetch has been under way for longer than one may take.

        No deadline interrupts a resolver that hangs. What goes on like this counts as failed already.
        """
        flight = self._under_way
        began_at = None if flight is None else flight.began_at
        return began_at is not None and self._clock() >= began_at + self._settings.timeout

    def _ask(self) -> Flight | None:
        if self._asked is None and self._thread is not None:
            self._asked = Flight()
            self._inbox.put(None)
        return self._asked

    def _started(self) -> threading.Thread | None:
        thread = threading.Thread(target=self._run, name="auth-keys", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # No thread can be had at the moment; the next request tries again.
            return None
        return thread

    def _run(self) -> None:
        try:
            while not self._is_stopped:
                if self._asked is not None or self._clock() >= self.standing.next_at:
                    self._fetch()
                with contextlib.suppress(queue.Empty):
                    self._inbox.get(timeout=max(0, self.standing.next_at - self._clock()))
        finally:
            # Whatever ends this thread, nobody waits for it in vain, and the next request starts another.
            with self._lock:
                self._thread = None
                flight, self._asked = self._asked, None
            if flight is not None:
                flight.end()

    def _fetch(self) -> None:
        with self._lock:
            flight, self._asked = self._asked or Flight(), None
            flight.began_at = began_at = self._clock()
            self._under_way = flight
        try:
            outcome = self._load()
            before = self._settle(outcome, began_at)
            # Nobody waits for the log, whose handlers may take their time.
            flight.end()
            self._log(outcome, before)
        finally:
            self._under_way = None
            flight.end()

    def _load(self) -> FetchedKeys | str:
        try:
            return self._loader.load()
        except FetchError as error:
            return str(error)
        except Exception as error:  # whatever it is, it must not end the thread that has to try again
            _LOGGER.debug("an unforeseen failure while fetching the keys of %s", self._name, exc_info=True)
            return f"fetching failed in an unforeseen way ({type(error).__name__})"

    def _settle(self, outcome: FetchedKeys | str, began_at: float) -> Standing:
        """Take over what a fetch has brought; return how things stood before."""
        with self._lock:
            before = self.standing
            if isinstance(outcome, FetchedKeys):
                keys = held(outcome.keys, outcome.max_age, began_at, self._settings, before.held)
                self.standing = before.after_success(keys, _RANDOM.random())
            else:
                self._fail(outcome)
            return before

    def _fail(self, error: str) -> None:
        self.standing = self.standing.after_failure(error, self._clock(), self._settings, _RANDOM.random())

    def _log(self, outcome: FetchedKeys | str, before: Standing) -> None:
        if isinstance(outcome, FetchedKeys):
            self._log_success(outcome.keys, before)
        else:
            self._log_failure()

    def _log_failure(self) -> None:
        standing, now = self.standing, self._clock()
        level = logging.ERROR if standing.usable(now) is None else logging.WARNING
        seconds = max(0, standing.next_at - now)
        _LOGGER.log(
            level, "the keys of %s cannot be had, next attempt in %.1f s: %s", self._name, seconds, standing.error
        )

    def _log_success(self, keys: KeySet, before: Standing) -> None:
        previous = KeySet() if before.held is None else before.held.keys
        for entry in keys.newly_dropped(previous):
            _LOGGER.warning("the keys of %s: %s, so it is left out", self._name, entry)
        if before.failures:
            _LOGGER.info("the keys of %s are here again after %d failed attempts", self._name, before.failures)
