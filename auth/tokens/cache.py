"""Tokens that were verified a short while ago, so that the next request with one need not verify it again.

Nothing enters but what the verifier has accepted, and nothing leaves that it would not accept now: every look holds the
times against the clock and asks whether the issuer's keys are still those which verified the token. What is kept of a
token is a digest of its text and its claims, never the text.

No lock: each step is one operation of a dictionary. Two threads may verify the same token side by side, and for a
moment there may be as many entries too many as there are threads; neither changes an answer.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..access_token import AccessToken

#: Bytes of a digest (BLAKE2b-256, RFC 7693 §4): nobody finds two texts with the same.
_DIGEST_BYTES = 32

#: Characters of the longest token that is remembered. What a token holds takes up to thirty times its length here, and
#: the memory of a full cache has to end somewhere.
_LONGEST = 4096

#: Entries in use that are passed over, at most, to make room for one more.
_SECOND_CHANCES = 8


@dataclass(slots=True)
class _Entry:
    token: AccessToken
    #: Whose keys verified it, by the name of the issuer's configuration, and which generation of them.
    issuer: str | None
    generation: object
    #: Whether it has been found since it was last considered for removal.
    is_used: bool = False


class TokenCache:
    """Remembers verified tokens: ``size`` of them, of one process, under one set of settings."""

    def __init__(self, size: int, generations: Mapping[str | None, Callable[[], object | None]]) -> None:
        """``generations`` says for each issuer which keys are its keys now; see :func:`.keys.generation_of`.

        A ``size`` of 0 remembers nothing.
        """
        self._size = size
        self._generations = dict(generations)
        #: The keys of each issuer when somebody last looked.
        self._seen: dict[str | None, object] = {}
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()

    def __len__(self) -> int:
        """Return how many tokens are remembered."""
        return len(self._entries)

    def digest(self, encoded: str) -> bytes | None:
        """Return what a token is remembered under: a digest of the whole of it, signature included.

        None for one that is not remembered in any event. The text is no identity for anything else: one token can be
        written in more than one way.
        """
        if self._size == 0 or len(encoded) > _LONGEST:
            return None
        return hashlib.blake2b(encoded.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).digest()

    def find(self, digest: bytes | None, now: float) -> AccessToken | None:
        """Return the token that was verified under a digest, if it would be verified again at ``now``."""
        if digest is None or (entry := self._entries.get(digest)) is None:
            return None
        generation = self.generation(entry.issuer)
        if generation is entry.generation and entry.token.valid_from <= now < entry.token.valid_until:
            entry.is_used = True
            return entry.token
        if generation is not None:
            # While the keys cannot be had nothing is found, and nothing lost.
            self._note(entry.issuer, generation)
            self._entries.pop(digest, None)
        return None

    def generation(self, issuer: str | None) -> object | None:
        """Return what stands for the keys of an issuer now; None while there are none to be trusted."""
        return self._generations[issuer]()

    def _note(self, issuer: str | None, generation: object) -> None:
        """Forget the tokens of an issuer if its keys are others than before; never set off by a stranger's token."""
        if self._seen.setdefault(issuer, generation) is not generation:
            self._forget(issuer)
            self._seen[issuer] = generation

    def _forget(self, issuer: str | None) -> None:
        try:
            others = [(digest, entry) for digest, entry in self._entries.items() if entry.issuer != issuer]
        except RuntimeError:
            # Another thread has changed it meanwhile; to verify a few tokens anew is nothing to wait for each other.
            others = []
        self._entries = OrderedDict(others)

    def keep(
        self,
        digest: bytes | None,
        token: AccessToken,
        issuer: str | None,
        generation: object | None,
    ) -> None:
        """Remember a token that has just been verified.

        ``generation`` is what :meth:`generation` said before the keys were used: one that has changed since then, or
        that nobody knows, is not remembered.
        """
        if digest is None or generation is None or self.generation(issuer) is not generation:
            return
        self._note(issuer, generation)
        while len(self._entries) >= self._size:
            self._make_room()
        self._entries[digest] = _Entry(token, issuer, generation)

    def _make_room(self) -> None:
        """Forget the oldest entry that nobody has asked for lately: one for each that comes, whoever sends many."""
        with contextlib.suppress(KeyError):  # Another thread has emptied it.
            for _ in range(_SECOND_CHANCES):
                digest, entry = self._entries.popitem(last=False)
                if not entry.is_used:
                    return
                entry.is_used = False
                self._entries[digest] = entry
            self._entries.popitem(last=False)
