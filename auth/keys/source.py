"""Where the keys of an issuer come from: the protocol the verifier asks, and the keys known at start.

Keys that are fetched from an issuer are another :class:`KeySource` (:mod:`.keys.remote.key_source`); the verifier sees
no difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .verification_key import VerificationKey


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStatus:
    """What a key source can say about itself, for readiness probes and for people."""

    #: Whether tokens can be verified now.
    ready: bool
    #: How many usable keys there are; None where the source does not say.
    keys: int | None
    #: Seconds since they were fetched; None for keys known at start, and where none has been fetched yet.
    age: float | None
    #: Why the last fetch failed, in our own words; None after a success.
    last_error: str | None
    #: Seconds until the next fetch; None where nothing is ever fetched.
    next_refresh: float | None


class KeySource(Protocol):
    """The keys of one issuer.

    Optional members: ``algorithms``, a frozenset of what the keys are made for where that is known at start;
    ``status()``, which returns a :class:`KeyStatus` (:func:`status_of` asks for it); ``generation()``, without which no
    verified token is remembered (:func:`generation_of`).
    """

    def keys_for(self, algorithm: str, key_id: str | None) -> Iterable[VerificationKey]:
        """Return the few keys that may have signed a token with this ``alg`` and ``kid``, the likeliest first.

        They are taken one by one until one verifies: a source may go and look for newer keys once the ones it has are
        used up. Empty where no key fits: the token is refused. Never the keys of another algorithm.

        Raises:
            KeysUnavailableError: the keys cannot be had at the moment, so nothing can be said about the token.
        """
        ...

    def ready(self) -> bool:
        """Tell whether tokens can be verified now, for readiness probes; never waits for the network."""
        ...


def status_of(source: KeySource) -> KeyStatus:
    """Return what a key source can say about itself; of one without ``status()``, whether it is ready."""
    ask: Callable[[], KeyStatus] | None = getattr(source, "status", None)
    if ask is not None:
        return ask()
    return KeyStatus(ready=source.ready(), keys=None, age=None, last_error=None, next_refresh=None)


def generation_of(source: KeySource) -> Callable[[], object | None]:
    """Return what tells which keys a source has now: the same object as long as they are the same.

    None stands for keys that may not be trusted without asking the issuer, and for those of a source that does not say.
    As long as the object is the same (``is``, not equal), a token which the keys have verified is one they would verify
    again; a source changes its keys first and the object after that. It never waits and never raises.

    A ``generation`` speaks for the ``keys_for`` of its own class or of one above it: whoever replaces that, or hands on
    to another source, has to say anew what it stands for. What is put in the place of either later, on the object, is
    not noticed.
    """
    own = vars(source) if type(source).__dictoffset__ else {}
    line = type(source).__mro__
    speaker = next((cls for cls in line if "generation" in vars(cls)), None)
    offerer = next((cls for cls in line if "keys_for" in vars(cls)), None)
    speaks = speaker is not None and offerer in speaker.__mro__
    ask: Any = (
        getattr(source, "generation", None) if speaks and own.keys().isdisjoint(("generation", "keys_for")) else None
    )
    return ask if callable(ask) else _unknown


def _unknown() -> None:
    return None


class StaticKeys:
    """Secrets or public keys that are known at start and stay the same."""

    def __init__(self, keys: Iterable[VerificationKey]) -> None:
        self._keys = tuple(keys)
        by_algorithm: dict[str, list[VerificationKey]] = {}
        for key in self._keys:
            for algorithm in key.algorithms:
                by_algorithm.setdefault(algorithm, []).append(key)
        # In one step, for a derived class may call this again to take other keys.
        self._by_algorithm = by_algorithm

    def keys_for(self, algorithm: str, key_id: str | None) -> Sequence[VerificationKey]:
        """Return the key with this id; else those without an id; every key of the algorithm for a token without."""
        keys = self._by_algorithm.get(algorithm, [])
        if key_id is None:
            return keys
        named = [key for key in keys if key.key_id == key_id]
        return named or [key for key in keys if key.key_id is None]

    @property
    def algorithms(self) -> frozenset[str]:
        """The algorithms that any of the keys is made for."""
        return frozenset(self._by_algorithm)

    def generation(self) -> object:
        """Return what is made anew with the keys."""
        return self._by_algorithm

    def ready(self) -> bool:
        """Tell whether there is any key at all."""
        return bool(self._by_algorithm)

    def status(self) -> KeyStatus:
        """Return what there is to say about keys that never change."""
        return KeyStatus(ready=self.ready(), keys=len(self._keys), age=None, last_error=None, next_refresh=None)
