"""Where revocations are kept, as data of the settings and as a protocol for stores of other people's making."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from ..stores import MemoryStore, RedisStore, Store

#: The value of ``AUTH_DENYLIST`` for a store in the memory of the process.
MEMORY = "memory"


@runtime_checkable
class Denylist(Store, Protocol):
    """Keeps revocations: numbers under keys, each until a time. Threads share it.

    ``remember(entries)`` keeps a pair of value and end under each key. Of a key that is known, the larger value and the
    later end stay. ``values(keys)`` returns the value of each key in their order, None if there is none.
    ``add_once(key, until)`` keeps a key and returns True, or False if it is there already. Times are in seconds since
    the epoch.

    A method that raises any error counts as one that has not answered. If it is ``values``, an outage begins, unless
    the error is a :class:`~.stores.StoreBusyError`: the denylist may be well then. Each method has to end in time by
    itself.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class DenylistSettings:
    """The settings about the denylist of one service."""

    #: ``memory``, the URL of a Redis, or a denylist.
    place: str | Denylist = field(repr=False)
    #: Whether requests are refused while the denylist does not answer; otherwise they pass.
    refuses: bool
    #: Seconds for the round trip of a request.
    timeout: float
    #: Seconds for which the revocation of a user or a session is kept.
    keep: float

    @property
    def is_private(self) -> bool:
        """Whether other processes cannot know what is revoked in this one."""
        return self.place == MEMORY or isinstance(self.place, MemoryStore)

    def open(self, clock: Callable[[], float]) -> Denylist:
        """Return the denylist; ``clock`` returns seconds since the epoch. Opens no connection."""
        if not isinstance(self.place, str):
            return self.place
        return (
            MemoryStore(clock=clock) if self.is_private else RedisStore(self.place, timeout=self.timeout, clock=clock)
        )
