"""Whose token it is: a user's or a client's own, the client it was issued to, and who acts for the user.

A client that uses its own token has its id in ``sub`` (RFC 9068 §2.2), where a user's token names the user, so the two
could meet in one name (RFC 9068 §5, RFC 9700 §4.15). How the tokens of an issuer are told apart is data. It stands in
:mod:`.tokens.profiles`; this module reads it. Nothing here decides who may enter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import MalformedTokenError

#: Actors in one ``act``, the outermost included. RFC 8693 §4.1 sets no limit.
MOST_ACTORS = 5


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts for the user of a token: an agent, a service or a support person (RFC 8693 §4.1)."""

    #: ``sub`` of the actor.
    subject: str
    #: ``iss`` of the actor, if the token says it and it is text.
    issuer: str | None = None
    #: ``client_id`` of the actor, in the same way.
    client_id: str | None = None
    #: Who acted before this one; for information only. The RFC lets nobody decide by it.
    actor: Actor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientShape:
    """How the tokens of an issuer name the client, and how a client's own token is known."""

    #: Claims that name the client. The first that holds text counts.
    claims: tuple[str, ...] = ("client_id", "azp")
    #: Whether a token is the client's own if its ``sub`` is the text of one of these claims.
    is_subject: bool = True
    #: Claims that make a token the client's own, each with its value; ``*`` in the value stands for any text.
    signs: tuple[tuple[str, str], ...] = ()
    #: Claims without any of which the signs mean nothing; empty if they mean something by themselves.
    needed: tuple[str, ...] = ()

    def client_id(self, claims: Mapping[str, Any]) -> str | None:
        """Return the id of the client that a token was issued to."""
        return next(filter(None, (_text(claims, name) for name in self.claims)), None)

    def is_own(self, claims: Mapping[str, Any]) -> bool:
        """Tell whether a token is a client's own, character by character: no text is normalized."""
        if self.is_subject and (subject := claims.get("sub")):
            for name in self.claims:
                if claims.get(name) == subject:
                    return True
        return any(self._shows(claims, *sign) for sign in self.signs)

    def _shows(self, claims: Mapping[str, Any], name: str, text: str) -> bool:
        value = claims.get(name)
        if not isinstance(value, str) or (self.needed and not any(_text(claims, needed) for needed in self.needed)):
            return False
        begins, is_open, ends = text.partition("*")
        return value.startswith(begins) and value.endswith(ends) if is_open else value == text


#: What holds for issuers that follow RFC 9068.
SUBJECT_IS_CLIENT = ClientShape()


def actor_of(claims: Mapping[str, Any]) -> Actor | None:
    """Return who acts for the user of a token; None if nobody does.

    Raises:
        MalformedTokenError: ``act`` is no object, has no text as ``sub``, or nests too deep.
    """
    said = claims.get("act")
    chain: list[Mapping[str, Any]] = []
    while said is not None:
        if len(chain) == MOST_ACTORS:
            raise MalformedTokenError(f"act names more than {MOST_ACTORS} actors, one in another")
        if not isinstance(said, Mapping):
            raise MalformedTokenError("act is not an object")
        if not _text(said, "sub"):
            raise MalformedTokenError("act has no sub, or one that is not text")
        chain.append(said)
        said = said.get("act")
    actor = None
    for said in reversed(chain):
        actor = Actor(said["sub"], _text(said, "iss"), _text(said, "client_id"), actor)
    return actor


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    return value if value and isinstance(value, str) else None
