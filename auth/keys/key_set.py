"""A JWK Set (RFC 7517 §5) judged once: which of its keys may verify tokens, and why the others may not.

Every member stands or falls on its own, for issuers publish keys for other purposes and of kinds we have never heard
of. What comes out never changes, so threads share it without a lock.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .remote.bounded_http import FetchError
from .verification_key import UnusableKeyError, VerificationKey

#: The most keys that are tried for one token; RSA signatures take long enough to make more of them an attack.
MAX_ATTEMPTS = 10

#: The most members that are looked at; no issuer has a tenth of it.
MAX_MEMBERS = 1000

#: What stands for any tenant in the ``issuer`` of a key, in lower case.
_ANY_TENANT = "{tenantid}"

#: Characters of a key id that are shown; the rest of a longer one is left out.
_LONGEST_KEY_ID = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedKey:
    """A member of a JWK Set that cannot be used."""

    #: Its place in the set, from 0.
    index: int
    #: Its ``kid`` as a JSON string, cut off where it is long; None where it has none.
    key_id: str | None
    #: What is wrong, to follow after "it".
    reason: str

    def __str__(self) -> str:
        """Return what to log; never key material."""
        named = "no kid" if self.key_id is None else f"kid {self.key_id}"
        return f"key {self.index} ({named}) {self.reason}"


@dataclass(frozen=True, slots=True)
class KeySet:
    """The usable keys of an issuer at one moment."""

    keys: tuple[VerificationKey, ...] = ()
    dropped: tuple[DroppedKey, ...] = ()
    #: Every ``kid`` in the set, those of dropped keys included: looking again would not bring their keys.
    key_ids: frozenset[str] = frozenset()
    _by_key_id: Mapping[str | None, tuple[VerificationKey, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_key_id: dict[str | None, tuple[VerificationKey, ...]] = {}
        for key in self.keys:
            by_key_id[key.key_id] = (*by_key_id.get(key.key_id, ()), key)
        object.__setattr__(self, "_by_key_id", by_key_id)

    @classmethod
    def from_document(cls, content: Mapping[str, Any], name: str, owner: str | None = None) -> KeySet:
        """Judge the members of a JWK Set; ``name`` is how errors call it.

        ``owner`` is the issuer whose keys count, where the members name theirs.

        An empty one is fine: some issuers make their first key when they need it.

        Raises:
            FetchError: it is no JWK Set.
        """
        members = content.get("keys")
        if not isinstance(members, list):
            raise FetchError(f"{name} is not a JWK Set: it has no list of keys")
        if len(members) > MAX_MEMBERS:
            raise FetchError(f"{name} has more than {MAX_MEMBERS} keys")
        judged = [(index, _judge(index, member, owner)) for index, member in enumerate(members)]
        usable = [(index, result) for index, result in judged if isinstance(result, VerificationKey)]
        unusable = [result for _, result in judged if isinstance(result, DroppedKey)]
        keys, ambiguous = _without_ambiguity(usable)
        return cls(
            tuple(keys),
            tuple(sorted(unusable + ambiguous, key=lambda entry: entry.index)),
            frozenset(key_id for key_id in map(_key_id, members) if key_id is not None),
        )

    @property
    def algorithms(self) -> frozenset[str]:
        """The algorithms that any of the keys is made for."""
        return frozenset().union(*(key.algorithms for key in self.keys))

    def candidates(self, algorithm: str, key_id: str | None) -> list[VerificationKey]:
        """Return the keys with this id; else those without an id; every key of the algorithm for a token without."""
        if key_id is None:
            return _made_for(algorithm, self.keys)
        return _made_for(algorithm, self._by_key_id.get(key_id, ())) or _made_for(
            algorithm, self._by_key_id.get(None, ())
        )

    def knows(self, key_id: str | None) -> bool:
        """Tell whether a token names a key that is in this set, so that a newer set would not help."""
        return key_id in self.key_ids

    def verifies_like(self, other: KeySet) -> bool:
        """Tell whether every token that one of the two sets verifies is one that the other verifies.

        The order in which an issuer lists its keys says nothing, unless there are more of them than are tried.
        """
        if len(self.keys) > MAX_ATTEMPTS:
            return self.keys == other.keys
        same_length = len(self.keys) == len(other.keys)
        return same_length and all(self.keys.count(key) == other.keys.count(key) for key in self.keys)

    def newly_dropped(self, previous: KeySet) -> list[DroppedKey]:
        """Return what was not dropped already when ``previous`` was judged."""
        known = {(entry.key_id, entry.reason) for entry in previous.dropped}
        return [entry for entry in self.dropped if (entry.key_id, entry.reason) not in known]


def _made_for(algorithm: str, keys: Iterable[VerificationKey]) -> list[VerificationKey]:
    return [key for key in keys if algorithm in key.algorithms][:MAX_ATTEMPTS]


def _judge(index: int, member: object, owner: str | None) -> VerificationKey | DroppedKey:
    if not isinstance(member, dict):
        return DroppedKey(index=index, key_id=None, reason="is not a JSON object")
    if owner is not None and not _belongs_to(owner, member.get("issuer")):
        return DroppedKey(index=index, key_id=_shown(_key_id(member)), reason='is for another issuer ("issuer")')
    try:
        return VerificationKey.from_jwk(member)
    except UnusableKeyError as error:
        return DroppedKey(index=index, key_id=_shown(_key_id(member)), reason=str(error))


def _belongs_to(owner: str, named: object) -> bool:
    """Tell whether a key of a server with many issuers is one of ours; ``{tenantid}`` stands for any tenant.

    Names of another host, as older forms of the same issuer have, say nothing about this one.
    """
    if not isinstance(named, str) or named.split("/")[:3] != owner.split("/")[:3]:
        return True
    # Part by part: as a regular expression, what an issuer writes could keep this process busy for hours.
    parts, ours = named.split("/"), owner.split("/")
    return len(parts) == len(ours) and all(
        part == our or part.lower() == _ANY_TENANT for part, our in zip(parts, ours, strict=True)
    )


def _key_id(member: object) -> str | None:
    key_id = member.get("kid") if isinstance(member, dict) else None
    return key_id if isinstance(key_id, str) else None


def _shown(key_id: str | None) -> str | None:
    return None if key_id is None else json.dumps(key_id)[:_LONGEST_KEY_ID]


def _without_ambiguity(
    keys: Iterable[tuple[int, VerificationKey]],
) -> tuple[list[VerificationKey], list[DroppedKey]]:
    """Drop every key whose id means another key as well; of the same key twice, keep the first.

    Keys without an id are never ambiguous: all of them are tried.
    """
    distinct: list[tuple[int, VerificationKey]] = []
    namesakes: dict[str, list[VerificationKey]] = {}
    for index, key in keys:
        if key.key_id is None:
            distinct.append((index, key))
            continue
        others = namesakes.setdefault(key.key_id, [])
        if not any(_overlap(key, other) and key.material == other.material for other in others):
            others.append(key)
            distinct.append((index, key))
    kept: list[VerificationKey] = []
    dropped: list[DroppedKey] = []
    for index, key in distinct:
        others = [] if key.key_id is None else namesakes[key.key_id]
        if any(_overlap(key, other) and key.material != other.material for other in others):
            dropped.append(DroppedKey(index=index, key_id=_shown(key.key_id), reason='shares its "kid" with another'))
        else:
            kept.append(key)
    return kept, dropped


def _overlap(key: VerificationKey, other: VerificationKey) -> bool:
    return not key.algorithms.isdisjoint(other.algorithms)
