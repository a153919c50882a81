"""The keys of one issuer at one moment: which of them may have signed a token, and whether newer keys could help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .verification_key import VerificationKey

#: The most keys that are tried for one token. RSA signatures take long enough to make more of them an attack.
MAX_ATTEMPTS = 10


@dataclass(frozen=True, slots=True, eq=False)
class KeyRing:
    """The keys of one issuer at one moment. Immutable, so threads share it without a lock.

    Two rings are the same only if they are one object: a token that a ring has verified is remembered for as long as
    the key source holds that very ring.
    """

    keys: tuple[VerificationKey, ...] = ()
    #: The ids of published keys that cannot be used. A newer ring would not bring these keys either.
    unusable_ids: frozenset[str] = frozenset()
    #: The most keys that are tried for one token.
    max_attempts: int = MAX_ATTEMPTS

    @property
    def algorithms(self) -> frozenset[str]:
        """The algorithms that any of the keys is made for."""
        return frozenset().union(*(key.algorithms for key in self.keys))

    def candidates(self, algorithm: str, key_id: str | None) -> Sequence[VerificationKey]:
        """Return the keys that may have signed a token with this ``alg`` and ``kid``.

        These are the keys with this id. If there are none, they are the keys without an id. For a token without an id
        they are all keys of the algorithm.
        """
        fitting = [key for key in self.keys if algorithm in key.algorithms]
        if key_id is not None:
            fitting = [key for key in fitting if key.key_id == key_id] or [key for key in fitting if key.key_id is None]
        return fitting[: self.max_attempts]

    def names(self, key_id: str | None) -> bool:
        """Tell whether the issuer has published a key with this id; if so, newer keys would not help."""
        if key_id is None:
            return False
        return key_id in self.unusable_ids or any(key.key_id == key_id for key in self.keys)

    def is_like(self, other: KeyRing) -> bool:
        """Tell whether two rings answer alike for every token.

        The order in which an issuer lists its keys does not matter unless there are more keys than are tried.
        """
        if self.unusable_ids != other.unusable_ids or len(self.keys) != len(other.keys):
            return False
        if len(self.keys) > self.max_attempts:
            return self.keys == other.keys
        return all(self.keys.count(key) == other.keys.count(key) for key in self.keys)
