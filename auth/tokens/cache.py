"""Tokens that were accepted recently, so that the next request with the same token need not verify it again.

A token is found by the whole value of the ``Authorization`` field, before anything in that is looked at. So only tokens
that passed every check are kept, each under the very value that carried it, and only those are found that would pass
now: each look-up compares the times with the clock, and asks the key source whether it still holds the keys that
verified the token. Kept are a digest of the value and the claims, never the text.

No lock: each step is one operation of a dictionary. Two threads may verify the same token at the same time, and the
cache may exceed its size by one entry per thread for a moment. Neither changes an answer.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial

from ..access_token import AccessToken
from ..keys.key_ring import KeyRing
from ..keys.source import KeySource
from .verifier import Verification

#: Bytes of a digest (BLAKE2b-256, RFC 7693 §4): nobody finds two texts with the same digest.
_DIGEST_BYTES = 32

_digest_of = partial(hashlib.blake2b, digest_size=_DIGEST_BYTES)

#: Characters of the longest value that is remembered. An entry takes up to thirty times the length of its token, and
#: the memory of a full cache must be bounded.
_LONGEST = 4096 + len("Bearer ")

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

    def digest(self, authorization: str) -> bytes | None:
        """Return the key of a token in the cache: a digest of the whole value that carries it, with the signature.

        None if the value is too long to be remembered. Use the digest for nothing else: the same token can be written
        in more than one way.
        """
        if self._size == 0 or len(authorization) > _LONGEST:
            return None
        return _digest_of(authorization.encode("utf-8", "surrogatepass")).digest()

    def find(self, digest: bytes | None, now: float) -> AccessToken | None:
        """Return the token that was accepted under a digest, if it would be accepted again at ``now``."""
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

    def keep(self, digest: bytes | None, verified: Verification) -> None:
        """Remember a token that was just accepted, unless the keys of its issuer have changed since."""
        token, source, ring = verified
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
