"""What a store does, whatever it is made of: it keeps a number under a key until a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable


class Entry(NamedTuple):
    """What is kept under one key."""

    value: float
    #: Seconds since the epoch from which the entry is gone.
    until: float


class StoreUnavailableError(Exception):
    """The store did not answer in time, or cannot do what it is asked for. Nobody knows what it holds.

    The message is in our own words: it holds no key, no URL and no text of the server.
    """


class StoreBusyError(StoreUnavailableError):
    """This process asks more than it can: the store itself may be well. That is no outage of the store."""


@runtime_checkable
class Store(Protocol):
    """Keeps numbers under keys, each until a time. Threads share a store.

    Each method raises :class:`StoreUnavailableError` if the store cannot answer. An entry is never dropped before its
    time to make room for another.
    """

    def remember(self, entries: Mapping[str, Entry]) -> None:
        """Keep all entries. If a key is known, the larger value and the later time stay.

        Returns only when the entries are kept.
        """
        ...

    def values(self, keys: Sequence[str]) -> Sequence[float | None]:
        """Return the value of each key, in their order; None if there is none. One round trip for all keys."""
        ...

    def add_once(self, key: str, until: float) -> bool:
        """Keep a key until a time, in seconds since the epoch; return False if it is there already."""
        ...
