"""A store in the memory of one process. Other processes do not see it, and it ends with the process."""

from __future__ import annotations

import heapq
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from ..clock import system_time, uptime
from .store import Entry, StoreUnavailableError

#: The most entries that are kept, about 25 MB of them.
MOST_ENTRIES = 100_000

#: Times of entries that were extended since may outnumber the entries by this many before they are sorted out.
_SPARE_TIMES = 1_000


class _Kept(NamedTuple):
    value: float
    #: When the entry ends, in seconds since the epoch.
    until: float
    #: The same by the steady clock.
    end: float


class MemoryStore:
    """A :class:`~.stores.Store` for one process and for tests. A full one refuses new entries and drops none.

    An entry ends by the clock that tokens end by. It is removed only when it is over by a clock that nobody sets as
    well: the other may be put forward by mistake, and back again.
    """

    def __init__(
        self,
        *,
        most: int = MOST_ENTRIES,
        clock: Callable[[], float] = system_time,
        steady: Callable[[], float] = uptime,
    ) -> None:
        """``clock`` returns seconds since the epoch, and ``steady`` those of a clock that nobody sets."""
        self._most = most
        self._clock = clock
        self._steady = steady
        self._entries: dict[str, _Kept] = {}
        #: When entries end by the steady clock, the next first. A time counts only if its entry has no later one.
        self._times: list[tuple[float, str]] = []
        #: By process id: another thread of the parent may have held the lock when this process was forked.
        self._locks: dict[int, threading.Lock] = {}

    def __len__(self) -> int:
        """Return how many entries are held, those included whose time is over and that are not removed yet."""
        return len(self._entries)

    def remember(self, entries: Mapping[str, Entry]) -> None:
        """Keep all entries, or none of them.

        Raises:
            StoreUnavailableError: there is no room for all.
        """
        with self._lock():
            self._forget_ended()
            new = entries.keys() - self._entries.keys()
            if new and len(self._entries) + len(new) > self._most:
                raise StoreUnavailableError(f"the store in memory is full: it keeps {self._most} entries")
            for key, entry in entries.items():
                self._keep(key, entry)

    def values(self, keys: Sequence[str]) -> list[float | None]:
        """Return the value of each key, in their order; None if there is none."""
        now, entries = self._clock(), map(self._entries.get, keys)
        return [entry.value if entry is not None and now < entry.until else None for entry in entries]

    def add_once(self, key: str, until: float) -> bool:
        """Keep a key until a time; return False if it is there already.

        Raises:
            StoreUnavailableError: there is no room for it.
        """
        with self._lock():
            self._forget_ended()
            known = self._entries.get(key)
            if known is not None and self._clock() < known.until:
                return False
            if known is None and len(self._entries) >= self._most:
                raise StoreUnavailableError(f"the store in memory is full: it keeps {self._most} entries")
            self._keep(key, Entry(1, until))
            return True

    def _lock(self) -> threading.Lock:
        return self._locks.setdefault(os.getpid(), threading.Lock())

    def _keep(self, key: str, entry: Entry) -> None:
        kept = _Kept(entry.value, entry.until, self._steady() + entry.until - self._clock())
        known = self._entries.get(key, kept)
        self._put(key, _Kept(*map(max, known, kept)))
        if len(self._times) > len(self._entries) + _SPARE_TIMES:
            self._times = sorted((known.end, name) for name, known in self._entries.items())

    def _put(self, key: str, kept: _Kept) -> None:
        self._entries[key] = kept
        heapq.heappush(self._times, (kept.end, key))

    def _forget_ended(self) -> None:
        now, steady = self._clock(), self._steady()
        while self._times and self._times[0][0] <= steady:
            end, key = heapq.heappop(self._times)
            kept = self._entries.get(key)
            if kept is None or kept.end > end:
                continue
            if kept.until <= now:
                del self._entries[key]
            else:
                # The clock was put back since. Ask again when the entry is over by it.
                self._put(key, kept._replace(end=steady + kept.until - now))
