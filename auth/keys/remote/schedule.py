"""When the keys of an issuer are fetched and how long they are trusted: rules only, without a clock or a network.

Times are seconds of the caller's clock. ``jitter`` is a random number from 0 to 1. It keeps processes that start
together from fetching together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ..key_ring import KeyRing
from ..key_set import KeySet

#: The shortest ``Cache-Control: max-age`` that is followed, in seconds: a shorter one would cause too many fetches.
_SHORTEST_MAX_AGE = 30

#: The parts of a key set's life after which the next one is fetched, so that no request finds it too old.
_EARLIEST_REFRESH, _LATEST_REFRESH = 0.70, 0.85

#: Seconds that clocks may seem to differ: a Date header has whole seconds, and the answer takes time.
DATE_IMPRECISION = 2

#: The longest pause between two attempts while an issuer fails, in seconds.
_LONGEST_PAUSE = 60

#: After this many doublings, every pause is the longest one.
_MAX_DOUBLINGS = 32

#: The most fetches that unknown key ids may cause at once, whatever a minute allows.
_BURST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteKeySettings:
    """How the keys of an issuer are fetched and how long they are trusted: the ``AUTH_JWKS_…`` settings."""

    #: Seconds for which a key set is trusted without a newer one. After that, a withdrawn key is refused.
    max_age: float = 600
    #: Seconds for which the last good key set is trusted while the issuer fails.
    stale_limit: float = 86_400
    #: Seconds for one whole fetch.
    timeout: float = 3
    #: Seconds before the first retry after a failure.
    retry: float = 1
    #: Fetches a minute that unknown key ids may cause, five of them at once.
    unknown_key_budget: int = 30
    #: Seconds that the clock of the issuer may differ from ours before the log says so: the leeway of its tokens.
    clock_tolerance: float = 30

    def lifetimes(self, max_age: float | None) -> tuple[float, float]:
        """Return how many seconds a key set is trusted in any case, and how many while the issuer fails.

        ``max_age`` is how long the issuer lets the set be kept; None if it does not say.
        """
        floor = min(_SHORTEST_MAX_AGE, self.max_age)
        lifetime = self.max_age if max_age is None else min(max(max_age, floor), self.max_age)
        return lifetime, max(lifetime, self.stale_limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The key set of an issuer as one fetch brought it, and how long it is trusted."""

    #: Where the key set came from, without anything secret in the URL.
    url: str
    key_set: KeySet
    #: The issuer's clock in seconds since the epoch; None if it does not show one.
    date: float | None
    #: When the fetch began. A key that the issuer withdrew later may still be in the set.
    fetched_at: float
    #: Until when the set is trusted in any case.
    fresh_until: float
    #: Until when the set is trusted while the issuer fails.
    usable_until: float

    @property
    def ring(self) -> KeyRing:
        """The usable keys."""
        return self.key_set.ring

    @property
    def is_in_order(self) -> bool:
        """Whether there is a usable key, or no key at all: some issuers make their first key when they need it."""
        return bool(self.ring.keys) or not self.key_set.dropped

    @property
    def is_broken(self) -> bool:
        """Whether a key that was meant to verify cannot be used. A key for encryption, say, was not meant to."""
        return not all(entry.is_expected for entry in self.key_set.dropped)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshState:
    """The last good snapshot of an issuer's keys, what has failed since, and when the next fetch is due.

    Immutable: the next state replaces it as a whole, so readers need no lock.
    """

    #: None before the first success.
    snapshot: Snapshot | None
    #: When the next fetch is due.
    next_at: float
    #: How many fetches have failed since the last success.
    failures: int = 0
    #: Why the last fetch failed; None after a success.
    error: str | None = None
    #: The key set that the last fetch brought, if it failed only because no key in the set can be used.
    rejected: KeySet | None = None
    #: When the snapshot is given up, however the issuer fails, because it has published no usable key since.
    given_up_at: float = math.inf

    @classmethod
    def at_start(cls, inherited: Snapshot | None, now: float, jitter: float) -> RefreshState:
        """Return the state of a process that begins with nothing, or with the snapshot of its parent."""
        if inherited is None or not inherited.is_in_order:
            return cls(snapshot=inherited, next_at=now)
        return cls(snapshot=inherited, next_at=_refresh_at(inherited, jitter))

    @property
    def ring(self) -> KeyRing | None:
        """The usable keys of the snapshot, however old; None without a snapshot."""
        return None if self.snapshot is None else self.snapshot.ring

    @property
    def is_unanswered(self) -> bool:
        """Whether the last fetch brought no key set at all."""
        return self.failures > 0 and self.rejected is None

    def after_fetch(self, fetched: Snapshot, now: float, settings: RemoteKeySettings, jitter: float) -> RefreshState:
        """Return the state after a fetch. If it brought the same keys again, they stay the same ring.

        A key set without a usable key does not replace good keys at once, because it is more often a slip than a
        withdrawal. The issuer is asked again as after a failure. Meanwhile the good keys serve on: for ``max_age`` if
        no key in the set was meant to verify, and otherwise until they are too old for any outage.
        """
        if self.snapshot is not None:
            fetched = replace(fetched, key_set=fetched.key_set.following(self.snapshot.key_set))
        taken = RefreshState(snapshot=fetched, next_at=_refresh_at(fetched, jitter))
        if fetched.ring.keys:
            return taken
        given_up_at = self._given_up_at(fetched, now, settings)
        if given_up_at <= now and fetched.is_in_order:
            return taken
        failed = replace(self.after_failure(_fault(fetched), now, settings, jitter), rejected=fetched.key_set)
        if given_up_at <= now:
            return replace(failed, snapshot=fetched, given_up_at=math.inf)
        return replace(failed, given_up_at=given_up_at, next_at=min(failed.next_at, given_up_at))

    def _given_up_at(self, fetched: Snapshot, now: float, settings: RemoteKeySettings) -> float:
        """Return when good keys give way to a key set without a usable one: at once if there are none."""
        held = self.usable(now)
        if held is None or not held.ring.keys:
            return now
        given_up_at = held.usable_until if fetched.is_broken else held.fetched_at + settings.max_age
        # A slip after a withdrawal gives no key of the withdrawal more time.
        return min(given_up_at, held.usable_until, self.given_up_at)

    def after_failure(self, error: str, now: float, settings: RemoteKeySettings, jitter: float) -> RefreshState:
        """Return the state after a failed fetch.

        A failure that a request has caused does not postpone the next attempt.
        """
        failures = self.failures + 1
        pause = min(settings.retry * 2 ** min(failures - 1, _MAX_DOUBLINGS), _LONGEST_PAUSE)
        next_at = now + pause * (0.75 + jitter / 4)
        if now < self.next_at < next_at:
            next_at = self.next_at
        return replace(self, failures=failures, error=error, next_at=next_at, rejected=None)

    def trusted(self, now: float, grace: float) -> Snapshot | None:
        """Return the snapshot if tokens may be verified with it before the issuer answers again.

        A snapshot that is too old is trusted only while fetches are tried and fail. A process that was stopped for a
        while has tried nothing: its next attempt is overdue by more than ``grace``, the seconds of one fetch.
        """
        if self.snapshot is None or now < self.snapshot.fresh_until:
            return self.snapshot
        is_failing = self.failures > 0 and now < self.next_at + grace
        return self.usable(now) if is_failing else None

    def usable(self, now: float) -> Snapshot | None:
        """Return the snapshot unless it is given up, or too old to be trusted at all."""
        if self.snapshot is None or now >= min(self.snapshot.usable_until, self.given_up_at):
            return None
        return self.snapshot

    def is_ready(self, now: float) -> bool:
        """Tell whether tokens can be verified, or will be as soon as the issuer has a key."""
        snapshot = self.usable(now)
        return snapshot is not None and snapshot.is_in_order

    def retry_after(self, now: float) -> int:
        """Return the whole seconds until the next attempt, for ``Retry-After``."""
        return min(max(math.ceil(self.next_at - now), 1), _LONGEST_PAUSE)


def _fault(fetched: Snapshot) -> str:
    """Say what is wrong with a key set without a usable key."""
    if not fetched.key_set.dropped:
        return f"{fetched.url} answered with an empty key set"
    return f"{fetched.url} answered without a usable key; ignored: {len(fetched.key_set.dropped)}"


def _refresh_at(snapshot: Snapshot, jitter: float) -> float:
    part = _EARLIEST_REFRESH + (_LATEST_REFRESH - _EARLIEST_REFRESH) * jitter
    return snapshot.fetched_at + (snapshot.fresh_until - snapshot.fetched_at) * part


class FetchBudget:
    """A small number of fetches that fills up again evenly. Not for several threads at once."""

    def __init__(self, per_minute: int, now: float) -> None:
        self._per_minute = per_minute
        self._capacity = min(per_minute, _BURST)
        self._left = float(self._capacity)
        self._filled_at = now

    def take(self, now: float) -> bool:
        """Take one fetch if one is left."""
        self._left = min(self._capacity, self._left + (now - self._filled_at) * self._per_minute / 60)
        self._filled_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
