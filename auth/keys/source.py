"""Where the keys of an issuer come from: the protocol that the verifier uses, and two sources that fetch nothing.

Keys that are fetched from an issuer are another :class:`KeySource` (:mod:`.keys.remote.key_source`). The verifier sees
no difference.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, final, runtime_checkable

from .key_ring import KeyRing
from .verification_key import VerificationKey


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStatus:
    """What a key source knows about itself, for readiness probes and for people."""

    #: Whether tokens can be verified now.
    ready: bool
    #: The number of usable keys; None if the source does not say.
    keys: int | None
    #: Seconds since the keys were fetched; None if nothing is fetched or no fetch has succeeded yet.
    age: float | None
    #: Why the last fetch failed or brought no usable key, in our own words; None after a success.
    last_error: str | None
    #: Seconds until the next fetch; None if nothing is ever fetched.
    next_refresh: float | None


@runtime_checkable
class KeySource(Protocol):
    """The keys of one issuer. Threads share a source.

    Return the same :class:`KeyRing` object while the keys are unchanged and a new one after they change: a verified
    token is remembered together with the ring that verified it, and forgotten when :meth:`peek` returns another ring.
    """

    @property
    def algorithms(self) -> frozenset[str] | None:
        """The algorithms the keys are made for; None if that is not known at start. Read once, when the app is made."""
        ...

    def current(self) -> KeyRing:
        """Return the keys to verify with. May wait for a first fetch.

        Raises:
            KeysUnavailableError: there are no trusted keys at the moment. This says nothing about the token.
        """
        ...

    def newer(self, seen: KeyRing, key_id: str | None) -> KeyRing | None:
        """Return keys that are newer than ``seen``, which holds no key that verifies a token with this ``kid``.

        May wait for a fetch. Anybody can invent a ``kid``, so a source must bound the fetches this causes. Returns None
        if there is nothing newer.
        """
        ...

    def peek(self) -> KeyRing | None:
        """Return the ring that :meth:`current` would return without waiting; None if it would wait or raise.

        Never waits and never raises: called for each request with a remembered token.
        """
        ...

    def status(self) -> KeyStatus:
        """Return what the source knows about itself. Never waits."""
        ...


@final
class StaticKeys:
    """Secrets or public keys that are known at start and stay the same."""

    def __init__(self, keys: Iterable[VerificationKey]) -> None:
        """All of ``keys`` are tried for a token without ``kid``, however many there are."""
        known = tuple(keys)
        self._ring = KeyRing(known, max_attempts=len(known))

    @property
    def algorithms(self) -> frozenset[str]:
        """The algorithms that any of the keys is made for."""
        return self._ring.algorithms

    def current(self) -> KeyRing:
        """Return the keys."""
        return self._ring

    def newer(self, seen: KeyRing, key_id: str | None) -> None:
        """Return None: the keys never change."""

    def peek(self) -> KeyRing:
        """Return the keys."""
        return self._ring

    def status(self) -> KeyStatus:
        """Return the number of keys. The source is ready if there is any key at all."""
        count = len(self._ring.keys)
        return KeyStatus(ready=count > 0, keys=count, age=None, last_error=None, next_refresh=None)


class SimpleKeySource(ABC):
    """A base for key sources of your own: implement :meth:`keys_for`, which is called for each token.

    No verified token is remembered, because nobody knows when the keys change. To have tokens remembered, implement
    :class:`KeySource` instead.
    """

    #: See :attr:`KeySource.algorithms`.
    algorithms: frozenset[str] | None = None

    @abstractmethod
    def keys_for(self, algorithm: str, key_id: str | None) -> Iterable[VerificationKey]:
        """Return the few keys that may have signed a token with this ``alg`` and ``kid``, the likeliest first.

        Return nothing if no key fits; the token is then refused.

        Raises:
            KeysUnavailableError: the keys are unavailable at the moment. This says nothing about the token.
        """

    def ready(self) -> bool:
        """Tell whether tokens can be verified now, for readiness probes. Must not wait."""
        return True

    def current(self) -> KeyRing:
        """Return a ring for one token, which calls :meth:`keys_for`."""
        return _RingForOneToken(keys_for=self.keys_for)

    def newer(self, seen: KeyRing, key_id: str | None) -> KeyRing | None:  # noqa: ARG002  # it was asked just now
        """Return None: :meth:`keys_for` has returned all there is."""
        return None

    def peek(self) -> KeyRing | None:
        """Return None: no ring outlives its token."""
        return None

    def status(self) -> KeyStatus:
        """Return whether the source is ready, and nothing else."""
        return KeyStatus(ready=self.ready(), keys=None, age=None, last_error=None, next_refresh=None)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _RingForOneToken(KeyRing):
    keys_for: Callable[[str, str | None], Iterable[VerificationKey]] = field(repr=False)

    def candidates(self, algorithm: str, key_id: str | None) -> Sequence[VerificationKey]:
        return list(self.keys_for(algorithm, key_id))
