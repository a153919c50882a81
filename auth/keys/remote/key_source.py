"""Keys that are fetched from an issuer and kept fresh: what a request gets, and when it has to wait for it.

A request whose key is known never waits for the network. Fetching is done by one thread per process and key set
(:mod:`.keys.remote.refresher`) that is started at first use, so nothing is running when a server forks its workers.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from ...errors import KeysUnavailableError
from ..source import KeyStatus
from ..verification_key import VerificationKey
from .discovery import JwksLocation
from .loading import FetchedKeys, KeyLoader
from .refresher import Flight, Refresher
from .schedule import HeldKeys, RemoteKeySettings, Standing

__all__ = ["RemoteKeySet", "RemoteKeySettings"]

#: The part of the time for a fetch that a request waits for it: the answer has to be out when that is over.
_PATIENCE = 0.9

#: The same for a request that has a key which is too old by now: it learns for certain whether the issuer fails.
_PATIENCE_OF_HOLDERS = 1.1

_DEFAULTS = RemoteKeySettings()

#: Seconds that pass while the machine sleeps as well, where there is a clock for that: keys grow old meanwhile.
_UPTIME: Callable[[], float] = (
    functools.partial(time.clock_gettime, time.CLOCK_BOOTTIME) if sys.platform == "linux" else time.monotonic
)


class RemoteKeySet:
    """The keys of one issuer: a :class:`~.keys.KeySource` that goes and gets them.

    Made without any thread, lock or request; each process that uses it keeps its own state, which begins with the keys
    its parent held. Those were fetched from the same issuer and keep their age, so a worker loses nothing by them and
    need not wait for the first fetch of its own.
    """

    def __init__(
        self,
        location: JwksLocation,
        *,
        settings: RemoteKeySettings = _DEFAULTS,
        clock: Callable[[], float] = _UPTIME,
    ) -> None:
        """``clock`` returns seconds from any beginning that all processes share."""
        self._location = location
        self._settings = settings
        self._clock = clock
        self._inherited: HeldKeys | None = None
        # The refresher of this process and what stops it. A dict for its setdefault: of two threads, one makes it.
        self._process: dict[str, Refresher] = {}
        self._finalizer: weakref.finalize[Any, Any] | None = None
        _ALL.add(self)

    def __reduce__(self) -> tuple[Callable[[JwksLocation], RemoteKeySet], tuple[JwksLocation]]:
        """Copy and pickle what this was made from: threads and locks are not for sharing, and a copy is on its own."""
        return functools.partial(type(self), settings=self._settings, clock=self._clock), (self._location,)

    def keys_for(self, algorithm: str, key_id: str | None) -> Iterator[VerificationKey]:
        """Return the few keys that may have signed a token with this ``alg`` and ``kid``.

        They come one by one. Once those that are held are used up, and the token names no key that is known, the issuer
        may be asked for newer ones, as far as the budget for that goes.

        Raises:
            KeysUnavailableError: there are no keys that may be trusted, and they could not be fetched in time.
        """
        arrived = self._clock()
        keys = self._trusted_keys(arrived)
        return self._offer(keys, algorithm, key_id, arrived)

    def generation(self) -> object | None:
        """Return what stands for the keys that are trusted without asking the issuer first; None where there are none.

        Never waits, and sees to it that they are fetched. A fetch that brings the same keys again changes nothing.
        """
        refresher = self._refresher()
        refresher.keep_running()
        held = refresher.standing.trusted(self._clock(), self._settings.timeout)
        return None if held is None else held.generation

    def ready(self) -> bool:
        """Tell whether keys are held that are not too old; never waits, and sees to it that they are fetched."""
        return self.status().ready

    def status(self) -> KeyStatus:
        """Return how things stand; never waits, and sees to it that the keys are fetched."""
        refresher = self._refresher()
        refresher.keep_running()
        standing, now = refresher.standing, self._clock()
        return KeyStatus(
            ready=standing.usable(now) is not None,
            keys=0 if standing.held is None else len(standing.held.keys.keys),
            age=None if standing.held is None else now - standing.held.fetched_at,
            last_error=standing.error,
            next_refresh=max(0, standing.next_at - now),
        )

    def fetch_now(self) -> FetchedKeys:
        """Fetch the keys here and now, for someone who wants to see whether that works; changes nothing.

        Raises:
            FetchError: it does not work.
        """
        return KeyLoader(self._location, self._settings.timeout, self._clock).load()

    def _refresher(self) -> Refresher:
        """Return what fetches keys in this process, made at first use."""
        refresher = self._process.get("refresher")
        if refresher is None:
            made = Refresher(self._location, self._settings, self._clock, self._inherited)
            refresher = self._process.setdefault("refresher", made)
            if refresher is made:
                self._finalizer = weakref.finalize(self, made.stop)
        return refresher

    def _trusted_keys(self, arrived: float) -> HeldKeys:
        """Return the keys that may be used, waiting for a fetch only where nothing else can be said.

        Where none are held, an issuer that has failed already is not waited for again: a dead one would hold every
        thread of the server.
        """
        refresher = self._refresher()
        refresher.keep_running()
        seen = refresher.standing
        keys = seen.trusted(arrived, self._settings.timeout)
        if keys is not None:
            return keys
        is_holder = seen.usable(arrived) is not None
        if (is_holder or seen.failures == 0) and not refresher.is_overdue():
            patience = _PATIENCE_OF_HOLDERS if is_holder else _PATIENCE
            self._wait(refresher.join(seen), arrived, patience)
        return self._keys_after_waiting(refresher, seen.held)

    def _keys_after_waiting(self, refresher: Refresher, before: HeldKeys | None) -> HeldKeys:
        # In this order: the outcome of a fetch that ends in between would be missed the other way round.
        is_overdue = refresher.is_overdue()
        standing, now = refresher.standing, self._clock()
        if standing.held is not None and standing.held is not before:
            return standing.held
        keys = standing.trusted(now, self._settings.timeout)
        if keys is None and is_overdue:
            keys = standing.usable(now)
        if keys is None:
            reason = standing.error or "they are still being fetched"
            raise KeysUnavailableError(
                f"no keys of {self._location.name}: {reason}", retry_after=standing.retry_after(now)
            )
        return keys

    def _offer(self, held: HeldKeys, algorithm: str, key_id: str | None, arrived: float) -> Iterator[VerificationKey]:
        """Yield the keys that fit, then those of newer sets: of a fetch under way, and of one asked for."""
        refresher = self._refresher()
        offered: list[VerificationKey] = []
        seeks = iter((refresher.under_way, functools.partial(refresher.ask_within_budget, since=arrived)))
        while True:
            new = [key for key in held.keys.candidates(algorithm, key_id) if key not in offered]
            yield from new
            offered += new
            seek = next(seeks, None)
            if seek is None or held.keys.knows(key_id) or held.fetched_at > arrived:
                # Nothing newer is to be had, or would help.
                return
            held = self._newer(refresher, seek, held, arrived)

    def _newer(
        self, refresher: Refresher, seek: Callable[[Standing], Flight | None], seen: HeldKeys, arrived: float
    ) -> HeldKeys:
        """Return the keys once the fetch is over that ``seek`` finds; at once where newer ones are here already."""
        standing = refresher.standing
        if standing.held is seen:
            self._wait(seek(standing), arrived, _PATIENCE)
        return refresher.standing.held or seen

    def _wait(self, flight: Flight | None, arrived: float, patience: float) -> None:
        """Wait for a fetch, from its beginning on: who comes later does not wait longer."""
        if flight is not None:
            since = arrived if flight.began_at is None else min(arrived, flight.began_at)
            flight.wait(since + patience * self._settings.timeout - self._clock())

    def _forget_process(self) -> None:
        """Leave behind what belongs to the parent of this process, but for its keys, which never change."""
        refresher = self._process.get("refresher")
        if refresher is not None:
            self._inherited = refresher.standing.held
        if self._finalizer is not None:
            self._finalizer.detach()
        self._process = {}


#: Every key set of this process, for the children of a fork.
_ALL: weakref.WeakSet[RemoteKeySet] = weakref.WeakSet()


def _forget_process() -> None:
    for key_set in list(_ALL):
        key_set._forget_process()


with contextlib.suppress(AttributeError):  # Windows has no fork.
    os.register_at_fork(after_in_child=_forget_process)
