"""One look at an issuer's keys: find where they are, fetch them, judge them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ..key_set import KeySet
from .bounded_http import Deadline, FetchError, fetch_json
from .discovery import Address, JwksLocation
from .urls import shown


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedKeys:
    """A key set as it came, with what was learnt on the way."""

    #: Where it came from, without what may be secret in the URL.
    url: str
    keys: KeySet
    #: Seconds for which the issuer lets it be kept; None where it says nothing.
    max_age: float | None
    #: The issuer's clock in seconds since the epoch; None where it does not show it.
    date: float | None


class KeyLoader:
    """Fetches the keys of one issuer, and remembers where they are for a while. For one thread at a time."""

    def __init__(self, location: JwksLocation, timeout: float, clock: Callable[[], float]) -> None:
        """``timeout`` is in seconds, for metadata and keys together."""
        self._location = location
        self._timeout = timeout
        self._clock = clock
        self._address: Address | None = None
        self._address_until = -math.inf

    def load(self) -> FetchedKeys:
        """Fetch the keys.

        Raises:
            FetchError: they cannot be had; where they are is asked anew next time.
        """
        deadline = Deadline(self._timeout)
        if self._address is None or self._clock() >= self._address_until:
            self._address = self._location.find(deadline)
            self._address_until = self._clock() + self._address.keep
        url, owner = self._address.url, self._address.owner
        try:
            document = fetch_json(url, deadline)
            keys = KeySet.from_document(document.content, shown(url), owner)
        except FetchError:
            self._address = None
            raise
        return FetchedKeys(url=shown(url), keys=keys, max_age=document.max_age, date=document.date)
