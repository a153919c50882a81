"""A JWK Set (RFC 7517 §5) judged once: which of its keys may verify tokens, and why the others may not.

Each member is judged alone, because issuers also publish keys for other purposes and of types that are unknown here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .key_ring import MAX_ATTEMPTS, KeyRing
from .verification_key import ForAnotherUseError, UnusableKeyError, VerificationKey

#: The most members that are read. No issuer has a tenth as many.
MAX_MEMBERS = 1000

#: The placeholder for any tenant in the ``issuer`` of a key, in lower case.
_ANY_TENANT = "{tenantid}"

#: The most characters of a key id that are logged.
_LONGEST_KEY_ID = 80


class InvalidKeySetError(ValueError):
    """A document is not a JWK Set. The message says why, to follow the name of the document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedKey:
    """A member of a JWK Set that cannot be used."""

    #: Its place in the set, from 0.
    index: int
    #: Its ``kid`` as a JSON string, cut off if it is long; None if it has none.
    key_id: str | None
    #: What is wrong with it, to follow its name.
    reason: str
    #: Whether it is right that it is not used: it was published for another use, or by another issuer.
    is_expected: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        """Return the text for a log, without key material."""
        named = "no kid" if self.key_id is None else f"kid {self.key_id}"
        return f"key {self.index} ({named}) {self.reason}"


@dataclass(frozen=True, slots=True)
class KeySet:
    """A JWK Set, judged."""

    ring: KeyRing
    dropped: tuple[DroppedKey, ...] = ()

    @classmethod
    def from_document(cls, content: Mapping[str, Any], owner: str | None = None) -> KeySet:
        """Judge the members of a JWK Set. An empty set is fine: some issuers make their first key when they need it.

        ``owner`` is the issuer whose keys count if the members name theirs.

        Raises:
            InvalidKeySetError: the document is not a JWK Set.
        """
        members = content.get("keys")
        if not isinstance(members, list):
            raise InvalidKeySetError("is not a JWK Set: it has no list of keys")
        if len(members) > MAX_MEMBERS:
            raise InvalidKeySetError(f"has more than {MAX_MEMBERS} keys")
        judged = [(index, _judge(index, member, owner)) for index, member in enumerate(members)]
        usable = [(index, result) for index, result in judged if isinstance(result, VerificationKey)]
        unusable = [result for _, result in judged if isinstance(result, DroppedKey)]
        keys, too_many = _tried(usable)
        published_ids = {key_id for key_id in map(_key_id, members) if key_id is not None}
        return cls(
            KeyRing(tuple(keys), frozenset(published_ids.difference(key.key_id for key in keys))),
            tuple(sorted(unusable + too_many, key=lambda entry: entry.index)),
        )

    def following(self, previous: KeySet) -> KeySet:
        """Return this set with the ring of ``previous`` if it brings the same keys again."""
        return replace(self, ring=previous.ring) if self.ring.is_like(previous.ring) else self

    def newly_dropped(self, *previous: KeySet | None) -> list[DroppedKey]:
        """Return the members that are dropped now and were not when any of ``previous`` was judged."""
        known = {(entry.key_id, entry.reason) for judged in previous if judged is not None for entry in judged.dropped}
        return [entry for entry in self.dropped if (entry.key_id, entry.reason) not in known]


def _judge(index: int, member: object, owner: str | None) -> VerificationKey | DroppedKey:
    if not isinstance(member, dict):
        return DroppedKey(index=index, key_id=None, reason="is not a JSON object")
    if owner is not None and not _belongs_to(owner, member.get("issuer")):
        reason = 'is for another issuer ("issuer")'
        return DroppedKey(index=index, key_id=_quoted(_key_id(member)), reason=reason, is_expected=True)
    try:
        return VerificationKey.from_jwk(member)
    except UnusableKeyError as error:
        is_expected = isinstance(error, ForAnotherUseError)
        return DroppedKey(index=index, key_id=_quoted(_key_id(member)), reason=str(error), is_expected=is_expected)


def _belongs_to(owner: str, named: object) -> bool:
    """Tell whether a key of a server with many issuers belongs to ``owner``; ``{tenantid}`` means any tenant.

    A name with another host does not exclude the key: older names of the same issuer have another host.
    """
    if not isinstance(named, str) or named.split("/")[:3] != owner.split("/")[:3]:
        return True
    # Compared part by part: as a regular expression, the text of an issuer could keep this process busy for hours.
    parts, ours = named.split("/"), owner.split("/")
    return len(parts) == len(ours) and all(
        part == our or part.lower() == _ANY_TENANT for part, our in zip(parts, ours, strict=True)
    )


def _key_id(member: object) -> str | None:
    key_id = member.get("kid") if isinstance(member, dict) else None
    return key_id if isinstance(key_id, str) and key_id else None


def _quoted(key_id: str | None) -> str | None:
    return None if key_id is None else json.dumps(key_id)[:_LONGEST_KEY_ID]


def _tried(keys: Iterable[tuple[int, VerificationKey]]) -> tuple[list[VerificationKey], list[DroppedKey]]:
    """Return the keys that a token can be tried with, each once, and those that have too many before them.

    RFC 7517 §4.5 lets several keys share an id: all are tried, up to :data:`MAX_ATTEMPTS`. A key with so many of its id
    and algorithms before it is never reached. To leave it out bounds the comparisons as well.
    """
    kept: list[VerificationKey] = []
    dropped: list[DroppedKey] = []
    namesakes: dict[tuple[str | None, frozenset[str]], list[VerificationKey]] = {}
    for index, key in keys:
        others = namesakes.setdefault((key.key_id, key.algorithms), [])
        if key in others:
            continue
        if len(others) == MAX_ATTEMPTS:
            reason = f"is never tried: {MAX_ATTEMPTS} keys before it share its kid and algorithm"
            dropped.append(DroppedKey(index=index, key_id=_quoted(key.key_id), reason=reason))
            continue
        others.append(key)
        kept.append(key)
    return kept, dropped
