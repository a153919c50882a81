"""When the keys of an issuer are fetched and for how long they are trusted: rules alone, without clock or network.

Times are seconds of whatever clock the caller has. ``jitter`` is a random number from 0 to 1: the processes of a
service start together and shall not ask together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ..key_set import KeySet

#: Seconds below which ``Cache-Control: max-age`` is not followed: every process would ask without pause.
_SHORTEST_MAX_AGE = 30

#: The parts of its life after which a key set is fetched again, so that it is never too old when a request needs it.
_EARLIEST_REFRESH, _LATEST_REFRESH = 0.70, 0.85

#: Seconds between two attempts while an issuer fails, at most.
_LONGEST_PAUSE = 60

#: Doublings after which every pause is at its longest.
_MAX_DOUBLINGS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteKeySettings:
    """How the keys of an issuer are fetched and for how long they are trusted: the ``AUTH_JWKS_…`` settings."""

    #: Seconds for which a key set is trusted without a newer one; a withdrawn key is refused after that.
    max_age: float = 600
    #: Seconds for which the last good set is trusted while the issuer fails.
    stale_limit: float = 86_400
    #: Seconds for one whole fetch.
    timeout: float = 3
    #: Seconds before the first retry after a failure.
    retry: float = 1
    #: Fetches a minute that unknown key ids may cause.
    unknown_key_budget: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldKeys:
    """A key set that was fetched, and the times that follow from that."""

    keys: KeySet
    #: When the fetch began: whatever the issuer withdrew later may still be in it.
    fetched_at: float
    #: Until when it is trusted in any case.
    fresh_until: float
    #: Until when it is trusted while the issuer fails.
    usable_until: float
    #: The same object for as long as the issuer has the same keys.
    generation: object


def held(
    keys: KeySet,
    max_age: float | None,
    fetched_at: float,
    settings: RemoteKeySettings,
    before: HeldKeys | None = None,
) -> HeldKeys:
    """Return a key set with its times; ``max_age`` is what the issuer says, None where it says nothing.

    ``before`` are the keys that were held until now.
    """
    floor = min(_SHORTEST_MAX_AGE, settings.max_age)
    lifetime = settings.max_age if max_age is None else min(max(max_age, floor), settings.max_age)
    return HeldKeys(
        keys=keys,
        fetched_at=fetched_at,
        fresh_until=fetched_at + lifetime,
        usable_until=fetched_at + max(lifetime, settings.stale_limit),
        generation=before.generation if before is not None and keys.verifies_like(before.keys) else object(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How things stand with an issuer: the keys that are held, what failed since, and when it is asked next.

    Never changes; the next one takes its place. So readers need no lock.
    """

    #: The last good set; None before the first.
    held: HeldKeys | None
    #: When the next fetch is due.
    next_at: float
    #: How many fetches have failed since the last that did not.
    failures: int = 0
    #: Why the last one failed; None after a success.
    error: str | None = None

    @classmethod
    def at_start(cls, inherited: HeldKeys | None, now: float, jitter: float) -> Standing:
        """Return how things stand for a process that begins, with nothing or with the keys of its parent."""
        return cls(held=inherited, next_at=now if inherited is None else _refresh_at(inherited, jitter))

    def after_success(self, keys: HeldKeys, jitter: float) -> Standing:
        """Return how things stand once a set has come."""
        return Standing(held=keys, next_at=_refresh_at(keys, jitter))

    def after_failure(self, error: str, now: float, settings: RemoteKeySettings, jitter: float) -> Standing:
        """Return how things stand once a fetch has failed.

        One that a request has set off does not put off the next attempt that was due anyway.
        """
        failures = self.failures + 1
        pause = min(settings.retry * 2 ** min(failures - 1, _MAX_DOUBLINGS), _LONGEST_PAUSE)
        next_at = now + pause * (0.75 + jitter / 4)
        if now < self.next_at < next_at:
            next_at = self.next_at
        return replace(self, failures=failures, error=error, next_at=next_at)

    def trusted(self, now: float, grace: float) -> HeldKeys | None:
        """Return the keys if tokens may be verified with them without asking the issuer first.

        Past their age they may be only while the issuer is being asked and fails. A process that was stopped for a
        while has asked nobody: its next attempt is overdue by more than ``grace``, the seconds that one takes.
        """
        if self.held is None or now < self.held.fresh_until:
            return self.held
        is_failing = self.failures > 0 and now < self.next_at + grace
        return self.held if is_failing and now < self.held.usable_until else None

    def usable(self, now: float) -> HeldKeys | None:
        """Return the keys unless they are too old to be used in any event."""
        return self.held if self.held is not None and now < self.held.usable_until else None

    def retry_after(self, now: float) -> int:
        """Return the whole seconds to the next attempt, for ``Retry-After``."""
        return min(max(math.ceil(self.next_at - now), 1), _LONGEST_PAUSE)


def _refresh_at(keys: HeldKeys, jitter: float) -> float:
    part = _EARLIEST_REFRESH + (_LATEST_REFRESH - _EARLIEST_REFRESH) * jitter
    return keys.fetched_at + (keys.fresh_until - keys.fetched_at) * part


class TokenBucket:
    """A budget that fills up again evenly. Not for several threads at once."""

    def __init__(self, per_minute: int, now: float) -> None:
        self._capacity = per_minute
        self._left = float(per_minute)
        self._filled_at = now

    def take(self, now: float) -> bool:
        """Take one if there is one."""
        self._left = min(self._capacity, self._left + (now - self._filled_at) * self._capacity / 60)
        self._filled_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
