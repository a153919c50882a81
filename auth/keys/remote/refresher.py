"""The thread that keeps the keys of one issuer fresh in one process, and the place where requests wait for it.

:mod:`.keys.remote.schedule` decides; this module applies the decisions to threads. A refresher belongs to one process:
a child of a fork makes its own. Locks and threads are made through their modules at first use, because gevent may
replace them after the import.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import random
import threading
import time
from collections.abc import Callable, Sequence

from .bounded_http import FetchError
from .discovery import JwksLocation, KeyFetcher
from .schedule import DATE_IMPRECISION, FetchBudget, RefreshState, RemoteKeySettings, Snapshot

_LOGGER = logging.getLogger("flask_resource_server.keys")

#: Takes no seed, so the children of one process do not draw the same numbers.
_RANDOM = random.SystemRandom()


class Fetch:
    """One fetch, from the moment it is asked for to its end. Requests wait for it here."""

    def __init__(self) -> None:
        self.began_at: float | None = None
        self._over = threading.Event()

    def has_begun_after(self, time: float) -> bool:
        """Tell whether it began after a time; False if it has not begun."""
        return self.began_at is not None and self.began_at > time

    def end(self) -> None:
        """Let every waiting request go on."""
        self._over.set()

    def wait(self, seconds: float) -> None:
        """Wait for its end, at most this long."""
        self._over.wait(max(0, seconds))


class Refresher:
    """Fetches keys when they are due or asked for, one fetch at a time.

    Its thread refers only to this object, never to the key source that owns it. :meth:`stop` ends the thread when the
    key source is gone.
    """

    def __init__(
        self,
        location: JwksLocation,
        settings: RemoteKeySettings,
        clock: Callable[[], float],
        inherited: Snapshot | None,
        listeners: Sequence[Callable[[float], object]] = (),
    ) -> None:
        self._name = location.name
        self._settings = settings
        self._clock = clock
        self._listeners = listeners
        self._process = os.getpid()
        self._fetcher = KeyFetcher(location, settings, clock)
        self._budget = FetchBudget(settings.unknown_key_budget, clock())
        self._lock = threading.Lock()
        # A finalizer may call its put() in the middle of anything this thread does. It could not take a lock there.
        self._inbox: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._asked: Fetch | None = None
        self._under_way: Fetch | None = None
        self._is_stopped = False
        self._has_warned_of_clock = False
        #: Replaced as a whole: read it once, then decide.
        self.state: RefreshState = RefreshState.at_start(inherited, clock(), _RANDOM.random())

    def keep_running(self, now: float) -> None:
        """Start the thread unless it runs, and wake it if a fetch is due."""
        thread = self._thread
        if thread is not None and now < self.state.next_at:
            return
        if thread is not None and thread.is_alive():
            if self._under_way is None:
                # The thread sleeps by the system's clock, the schedule follows ours.
                self._inbox.put(None)
            return
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = self._started()
            if self._thread is not None or now < self.state.next_at:
                return
            # Logged once per attempt that is due, not once per request.
            before, after = self.state, self._state_after_failure("no thread could be started for the fetch")
            self.state = after
        self._log(before, after)

    def stop(self) -> None:
        """End the thread. Takes no lock, because a finalizer calls it; in a child of a fork there is no thread."""
        if os.getpid() == self._process:
            self._is_stopped = True
            self._inbox.put(None)

    def tell_age(self) -> None:
        """Tell the listeners how old the keys are, in seconds, if there are any. Takes no lock."""
        snapshot = self.state.snapshot
        if snapshot is not None:
            age = self._clock() - snapshot.fetched_at
            for listener in self._listeners:
                listener(age)

    def join(self, seen: RefreshState) -> Fetch | None:
        """Return the fetch that is under way, or ask for one; None if the state is no longer ``seen``."""
        with self._lock:
            return (self._under_way or self._ask()) if self.state is seen else None

    def under_way(self) -> Fetch | None:
        """Return the fetch that is under way or asked for, if any; None while the issuer fails.

        While it fails, only a request that takes from the budget waits. A dead issuer would otherwise hold every thread
        of the server.
        """
        with self._lock:
            return None if self._is_failing() else self._under_way or self._asked

    def ask_within_budget(self, since: float) -> Fetch | None:
        """Ask for a fetch that begins after ``since``, or share one that does.

        None if such a fetch is over already or the budget is spent.
        """
        with self._lock:
            if self.state.snapshot is not None and self.state.snapshot.fetched_at > since:
                return None
            shared = None if self._is_failing() else self._begun_after(since)
            if shared is not None:
                return shared
            return self._ask() if self._budget.take(self._clock()) else None

    def _begun_after(self, since: float) -> Fetch | None:
        fetch = self._under_way
        return fetch if fetch is not None and fetch.has_begun_after(since) else self._asked

    def _is_failing(self) -> bool:
        """Tell whether the last fetch brought no key set, or the one under way takes longer than a fetch may.

        No deadline interrupts a resolver that hangs, so such a fetch counts as failed before it ends.
        """
        fetch = self._under_way
        is_overdue = fetch is not None and not fetch.has_begun_after(self._clock() - self._settings.timeout)
        return is_overdue or self.state.is_unanswered

    def _ask(self) -> Fetch | None:
        if self._asked is None and self._thread is not None:
            self._asked = Fetch()
            self._inbox.put(None)
        return self._asked

    def _started(self) -> threading.Thread | None:
        thread = threading.Thread(target=self._run, name="auth-keys", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # The system has no thread to spare. The next request tries again.
            return None
        return thread

    def _run(self) -> None:
        try:
            while not self._is_stopped:
                if self._asked is not None or self._clock() >= self.state.next_at:
                    self._fetch()
                with contextlib.suppress(queue.Empty):
                    self._inbox.get(timeout=max(0, self.state.next_at - self._clock()))
        finally:
            # However this thread ends, nobody waits for it in vain, and the next request starts another.
            with self._lock:
                self._thread = None
                fetch, self._asked = self._asked, None
            if fetch is not None:
                fetch.end()

    def _fetch(self) -> None:
        with self._lock:
            fetch, self._asked = self._asked or Fetch(), None
            fetch.began_at = self._clock()
            self._under_way = fetch
        try:
            before, after = self.state, self._state_after_fetch()
            with self._lock:
                self.state, self._under_way = after, None
            # Requests go on before anything is logged: log handlers may be slow.
            fetch.end()
            if after.snapshot is not before.snapshot:
                self.tell_age()
            self._log(before, after)
        finally:
            self._under_way = None
            fetch.end()

    def _state_after_fetch(self) -> RefreshState:
        try:
            fetched = self._fetcher.fetch()
        except FetchError as error:
            return self._state_after_failure(str(error))
        except Exception as error:  # whatever it is, the thread must go on and try again
            _LOGGER.debug("unexpected failure while fetching keys from %s", self._name, exc_info=True)
            return self._state_after_failure(f"the fetch failed unexpectedly ({type(error).__name__})")
        return self.state.after_fetch(fetched, self._clock(), self._settings, _RANDOM.random())

    def _state_after_failure(self, error: str) -> RefreshState:
        return self.state.after_failure(error, self._clock(), self._settings, _RANDOM.random())

    def _log(self, before: RefreshState, after: RefreshState) -> None:
        if after.snapshot is not None and after.snapshot is not before.snapshot:
            self._log_clock(after.snapshot, time.time())
        if not after.is_unanswered:
            self._log_ignored(before, after)
        if after.snapshot is None or after.failures:
            self._log_failure(after)
        elif before.ring is not None and before.ring.keys and not after.snapshot.ring.keys:
            _LOGGER.warning("gave up the keys from %s: its key set is empty", self._name)
        elif before.failures:
            _LOGGER.info("fetched keys from %s again after %d failed attempts", self._name, before.failures)

    def _log_ignored(self, before: RefreshState, after: RefreshState) -> None:
        known = [before.rejected, None if before.snapshot is None else before.snapshot.key_set]
        brought = after.rejected or (None if after.snapshot is None else after.snapshot.key_set)
        for entry in () if brought is None else brought.newly_dropped(*known):
            level = logging.INFO if entry.is_expected else logging.WARNING
            _LOGGER.log(level, "ignoring a key from %s: %s", self._name, entry)

    def _log_clock(self, fetched: Snapshot, now: float) -> None:
        """Say once that the clocks differ by more than the tokens are forgiven: they are refused then."""
        ahead = 0 if fetched.date is None else fetched.date - now
        if self._has_warned_of_clock or abs(ahead) <= self._settings.clock_tolerance + DATE_IMPRECISION:
            return
        self._has_warned_of_clock = True
        relation, refused = ("behind", "not yet valid") if ahead > 0 else ("ahead of", "expired")
        _LOGGER.warning(
            "the clock of this machine is %.0f s %s that of %s: good tokens are refused as %s",
            abs(ahead),
            relation,
            self._name,
            refused,
        )

    def _log_failure(self, state: RefreshState) -> None:
        now = self._clock()
        snapshot = state.usable(now)
        has_keys = snapshot is not None and bool(snapshot.ring.keys)
        level = logging.WARNING if has_keys else logging.ERROR
        happened = "could not fetch keys" if state.is_unanswered else "kept the keys" if has_keys else "no usable keys"
        pause = max(0, state.next_at - now)
        _LOGGER.log(level, "%s from %s; retrying in %.1f s: %s", happened, self._name, pause, state.error)
