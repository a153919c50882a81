"""Where the keys of an issuer come from: the protocol the verifier asks, and the keys known at start.

Keys that are fetched from an issuer plug in here as another :class:`KeySource`; the verifier sees no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from auth.keys.verification_key import VerificationKey


class KeySource(Protocol):
    """The keys of one issuer."""

    def keys_for(self, algorithm: str, key_id: str | None) -> Sequence[VerificationKey]:
        """Return the few keys that may have signed a token with this ``alg`` and ``kid``, the likeliest first.

        Empty where no key fits: the token is refused. Never the keys of another algorithm.

        Raises:
            KeysUnavailableError: the keys cannot be had at the moment, so nothing can be said about the token.
        """
        ...

    def ready(self) -> bool:
        """Tell whether tokens can be verified now, for readiness probes; asks nobody over the network."""
        ...


class StaticKeys:
    """Secrets or public keys that are known at start and stay the same."""

    def __init__(self, keys: Iterable[VerificationKey]) -> None:
        self._by_algorithm: dict[str, list[VerificationKey]] = {}
        for key in keys:
            for algorithm in key.algorithms:
                self._by_algorithm.setdefault(algorithm, []).append(key)

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

    def ready(self) -> bool:
        """Tell whether there is any key at all."""
        return bool(self._by_algorithm)
