"""Tokens that were verified recently, so that the next request with the same token need not verify it again.

Only tokens that the verifier has accepted are kept, and only those it would accept now are found: each look-up compares
the times with the clock, and asks the key source whether it still holds the keys that verified the token. Kept are a
digest of the text and the claims, never the text.

No lock: each step is one operation of a dictionary. Two threads may verify the same token at the same time, and the
cache may exceed its size by one entry per thread for a moment. Neither changes an answer.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import OrderedDict
from dataclasses import dataclass

from ..access_token import AccessToken
from ..keys.key_ring import KeyRing
from ..keys.source import KeySource

#: Bytes of a digest (BLAKE2b-256, RFC 7693 §4): nobody finds two texts with the same digest.
_DIGEST_BYTES = 32

#: Characters of the longest token that is remembered. An entry takes up to thirty times the length of its token, and
#: the memory of a full cache must be bounded.
_LONGEST = 4096

#: The most entries in use that are passed over to make room for one more.
_SECOND_CHANCES = 8


@dataclass(slots=True)
class _Entry:
    token: AccessToken
    #: Where the keys of the issuer come from, and the ring that verified the token.
    source: KeySource
    ring: KeyRing
    #: Whether it was found since it was last considered for removal.
    is_used: bool = False


class TokenCache:
    """Remembers up to ``size`` verified tokens, in one process and under one set of settings."""

    def __init__(self, size: int) -> None:
        """A ``size`` of 0 remembers nothing."""
        self._size = size
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()

    def __len__(self) -> int:
        """Return how many tokens are remembered."""
        return len(self._entries)

    def digest(self, encoded: str) -> bytes | None:
        """Return the key of a token in the cache: a digest of its whole text, including the signature.

        None if the token is too long to be remembered. Use the digest for nothing else: the same token can be written
        in more than one way.
        """
        if self._size == 0 or len(encoded) > _LONGEST:
            return None
        return hashlib.blake2b(encoded.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).digest()

    def find(self, digest: bytes | None, now: float) -> AccessToken | None:
        """Return the token that was verified under a digest, if it would be verified again at ``now``."""
        if digest is None or (entry := self._entries.get(digest)) is None:
            return None
        ring = entry.source.peek()
        if ring is entry.ring and entry.token.valid_from <= now < entry.token.valid_until:
            entry.is_used = True
            return entry.token
        if ring is not None:
            # While the keys are unavailable, nothing is found and nothing is lost.
            self._entries.pop(digest, None)
        return None

    def keep(
        self,
        digest: bytes | None,
        token: AccessToken,
        source: KeySource,
        ring: KeyRing,
    ) -> None:
        """Remember a token that ``ring`` has just verified, unless the keys of ``source`` have changed since."""
        if digest is None or source.peek() is not ring:
            return
        while len(self._entries) >= self._size:
            self._make_room()
        self._entries[digest] = _Entry(token, source, ring)

    def _make_room(self) -> None:
        """Forget the oldest entry that was not found lately."""
        with contextlib.suppress(KeyError):  # Another thread has emptied it.
            for _ in range(_SECOND_CHANCES):
                digest, entry = self._entries.popitem(last=False)
                if not entry.is_used:
                    return
                entry.is_used = False
                self._entries[digest] = entry
            self._entries.popitem(last=False)
