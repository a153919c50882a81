"""The key source that fetches keys from an issuer and keeps them fresh: what a request gets, and when it waits.

A request whose key is known never waits for the network. One thread per process and source fetches the keys
(:mod:`.keys.remote.refresher`). It starts at first use, so nothing runs when a server forks its workers.
"""

from __future__ import annotations

import functools
import logging
import os
import weakref
from collections.abc import Callable

from ...clock import uptime
from ...errors import KeysUnavailableError
from ..key_ring import KeyRing
from ..source import KeyStatus
from .discovery import JwksLocation, KeyFetcher
from .proxies import remarks
from .refresher import Fetch, Refresher
from .schedule import RefreshState, RemoteKeySettings, Snapshot

_LOGGER = logging.getLogger("flask_resource_server.keys")

#: How long a request waits for a fetch, as a part of the time that one may take. The rest is for the answer.
_PATIENCE = 0.9

_DEFAULTS = RemoteKeySettings()


class RemoteKeySource:
    """The keys of one issuer, fetched over HTTP: a :class:`~.keys.KeySource`.

    Making one starts no thread, takes no lock and sends no request. Each process keeps its own state. A child of a fork
    begins with the keys of its parent. They came from the same issuer and keep their age, so the child need not wait
    for a first fetch of its own.
    """

    #: The keys are not known at start.
    algorithms: frozenset[str] | None = None

    def __init__(
        self,
        location: JwksLocation,
        *,
        settings: RemoteKeySettings = _DEFAULTS,
        clock: Callable[[], float] = uptime,
    ) -> None:
        """``clock`` returns seconds since a moment that is the same for all processes."""
        self._location = location
        #: How the keys are fetched and how long they are trusted.
        self.settings = settings
        self._clock = clock
        #: By process id: a child of a fork finds its parent's refresher here, whose thread and locks it must not touch.
        self._refreshers: dict[int, Refresher] = {}
        #: Shared with the refresher of each process.
        self._listeners: list[Callable[[float], object]] = []

    def __reduce__(self) -> tuple[Callable[[JwksLocation], RemoteKeySource], tuple[JwksLocation]]:
        """Copy and pickle the location and the settings; a copy shares no thread and no lock."""
        return functools.partial(type(self), settings=self.settings, clock=self._clock), (self._location,)

    def current(self) -> KeyRing:
        """Return the keys to verify with. Waits for a fetch only if there are none, or if they are too old.

        Raises:
            KeysUnavailableError: there are no usable keys, and none could be fetched in time.
        """
        now = self._clock()
        refresher = self._running_refresher(now)
        state = refresher.state
        snapshot = state.trusted(now, self.settings.timeout) or self._awaited(refresher, state, now)
        return snapshot.ring

    def newer(self, seen: KeyRing, key_id: str | None) -> KeyRing | None:
        """Return keys that are newer than ``seen``, which holds no key that verifies the token.

        Waits for the fetch under way, and then for one more, if the budget for unknown keys allows it.
        """
        if seen.names(key_id):
            return None
        refresher, arrived = self._refresher(), self._clock()
        if refresher.state.ring is seen:
            self._wait(refresher.under_way(), arrived)
        ring = refresher.state.ring
        if ring is None or ring is seen or not (key_id is None or ring.names(key_id)):
            self._wait(refresher.ask_within_budget(arrived), arrived)
            ring = refresher.state.ring
        return None if ring is seen else ring

    def peek(self) -> KeyRing | None:
        """Return the keys if they are trusted without waiting. Never waits, and starts the first fetch."""
        now = self._clock()
        snapshot = self._running_refresher(now).state.trusted(now, self.settings.timeout)
        return None if snapshot is None else snapshot.ring

    def status(self) -> KeyStatus:
        """Return what is known of the keys. Never waits, and starts the first fetch."""
        now = self._clock()
        state = self._running_refresher(now).state
        snapshot = state.snapshot
        return KeyStatus(
            ready=state.is_ready(now),
            keys=0 if snapshot is None else len(snapshot.ring.keys),
            age=None if snapshot is None else now - snapshot.fetched_at,
            last_error=state.error,
            next_refresh=max(0, state.next_at - now),
        )

    def on_keys(self, listener: Callable[[float], object]) -> None:
        """Call ``listener`` with the age of keys, in seconds, when this process begins to use them. It must not raise.

        That is after each fetch that brings keys, in the thread that fetched them. A child of a fork also calls it at
        its first use of the keys that it has from its parent.
        """
        self._listeners.append(listener)

    def fetch_now(self) -> Snapshot:
        """Fetch the keys in this thread, to see whether that works; changes nothing.

        Raises:
            FetchError: the fetch failed.
        """
        return KeyFetcher(self._location, self.settings, self._clock).fetch()

    def remarks(self) -> list[str]:
        """Return what the environment says about proxies without effect on the way to the issuer, a sentence each."""
        return list(remarks(self._location.name))

    def _running_refresher(self, now: float) -> Refresher:
        refresher = self._refresher()
        refresher.keep_running(now)
        return refresher

    def _refresher(self) -> Refresher:
        """Return the refresher of this process, made at first use."""
        process = os.getpid()
        refresher = self._refreshers.get(process)
        if refresher is None:
            ancestors = list(self._refreshers.values())
            inherited = ancestors[-1].state.snapshot if ancestors else None
            made = Refresher(self._location, self.settings, self._clock, inherited, self._listeners)
            refresher = self._refreshers.setdefault(process, made)  # of two threads, one makes it
            if refresher is made:
                weakref.finalize(self, made.stop)
                made.tell_age()
                for remark in self.remarks():
                    _LOGGER.warning(remark)
        return refresher

    def _awaited(self, refresher: Refresher, seen: RefreshState, now: float) -> Snapshot:
        """Return what a fetch brings, or else the old keys: an issuer that does not answer in time counts as failing.

        Without usable keys, a request does not wait for an issuer that did not answer the last time: a dead issuer
        would hold every thread of the server.
        """
        if not seen.is_unanswered or seen.usable(now) is not None:
            self._wait(refresher.join(seen), now)
        state, now = refresher.state, self._clock()
        # New keys are used even if they were too old on arrival. Their lifetime may be shorter than the fetch.
        snapshot = state.snapshot if state.snapshot is not seen.snapshot else state.usable(now)
        if snapshot is None:
            reason = state.error or "the fetch has not finished yet"
            raise KeysUnavailableError(
                f"no usable keys from {self._location.name}: {reason}", retry_after=state.retry_after(now)
            )
        return snapshot

    def _wait(self, fetch: Fetch | None, since: float) -> None:
        """Wait for a fetch, counted from its beginning: a request that comes late does not wait longer."""
        if fetch is not None:
            began_at = since if fetch.began_at is None else min(since, fetch.began_at)
            fetch.wait(began_at + _PATIENCE * self.settings.timeout - self._clock())
