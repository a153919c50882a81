"""A verified access token, as views see it.

Only :mod:`.tokens.verifier` makes one, so holding one means that signature, issuer, audience and times were checked. It
is read-only all the way down: neither another part of the request nor an earlier request with the same token can have
changed it. Code that writes into dictionaries past their methods, such as ``eval`` with the claims as names, must be
given a copy: ``dict(claims)``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn

from .callers import SUBJECT_IS_CLIENT, Actor, ClientShape, actor_of
from .scopes import FLAT, ScopeHierarchy
from .step_up import OPENID_LOGIN, LoginShape


class Claims(dict[str, Any]):
    """A JSON object that can be read, compared and dumped like any dictionary, and not be changed."""

    __slots__ = ()

    def _refuse(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise TypeError("The claims of a verified token cannot be changed; copy them with dict(claims) first.")

    __setitem__: Callable[..., NoReturn] = _refuse
    __delitem__: Callable[..., NoReturn] = _refuse
    __ior__: Callable[..., NoReturn] = _refuse
    clear: Callable[..., NoReturn] = _refuse
    pop: Callable[..., NoReturn] = _refuse
    popitem: Callable[..., NoReturn] = _refuse
    setdefault: Callable[..., NoReturn] = _refuse
    update: Callable[..., NoReturn] = _refuse

    def __reduce__(self) -> tuple[type[Claims], tuple[dict[str, Any]]]:
        # Copying and pickling would otherwise fill an empty instance item by item.
        return (Claims, (dict(self),))


def freeze(value: Any) -> Any:
    """Return a JSON value with its objects as :class:`Claims` and its arrays as tuples, at every depth."""
    if isinstance(value, dict):
        # Most claims are texts and numbers, which stay as they are.
        inner = {name: freeze(member) for name, member in value.items() if isinstance(member, (dict, list))}
        return Claims(value | inner if inner else value)
    if isinstance(value, list):
        return tuple(freeze(member) for member in value)
    return value


class Names(Set[str], tuple[str, ...]):  # type: ignore[misc]  # they type __le__ differently; Set's, the first, is used
    """Names of scopes or roles: compared like a set, ``token.scopes >= {"a"}``, and a sorted list in JSON."""

    __slots__ = ()

    def __new__(cls, names: Iterable[str] = ()) -> Names:
        """Keep each name once."""
        return tuple.__new__(cls, sorted({*names}))

    # Set leaves these open; it has no storage of its own.
    __contains__: Callable[..., bool] = tuple.__contains__
    __iter__: Callable[..., Iterator[str]] = tuple.__iter__
    __len__: Callable[..., int] = tuple.__len__

    def __hash__(self) -> int:
        """Return the hash of the equal frozenset."""
        return hash(frozenset(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """The claims of a token that was verified for this service."""

    #: Who the caller is in this service: the identity claim (``AUTH_IDENTITY_CLAIM``), a non-empty string. With several
    #: issuers, the ``user_prefix`` of its issuer stands in front.
    user_id: str
    #: ``iss``, if the token names its issuer.
    issuer: str | None
    #: The scopes that the token names, where ``AUTH_PROFILE`` says they are (``scope``, RFC 8693 §4.2). They compare
    #: like a set, and are a sorted list in JSON.
    scopes: Set[str]
    #: The roles of the user, from where ``AUTH_PROFILE`` says they are (``roles``, RFC 9068 §2.2.3.1); like the scopes.
    roles: Set[str]
    #: Every claim, by its name on the wire; read-only.
    claims: Claims = field(repr=False, hash=False)
    #: The tenant, from where ``AUTH_TENANT_CLAIM`` says it is: text that can name somebody. None if the token has no
    #: such claim, or another value in it. With several issuers, the ``user_prefix`` of its issuer stands in front.
    tenant_id: str | None = None
    #: What the ids of all users and tenants of its issuer begin with (``user_prefix`` in ``AUTH_ISSUERS``); empty for
    #: the issuer of the plain ids.
    user_prefix: str = field(default="", repr=False, compare=False)
    #: Seconds since the epoch from which the token is valid, and from which it is no longer: its times, with the leeway
    #: and the age that the settings allow.
    valid_from: float = field(default=-math.inf, repr=False, compare=False)
    valid_until: float = field(default=math.inf, repr=False, compare=False)
    #: How tokens of its issuer name the client, by ``AUTH_PROFILE``.
    client_shape: ClientShape = field(default=SUBJECT_IS_CLIENT, repr=False, compare=False)
    #: How tokens of its issuer say how and when the user logged in, by ``AUTH_PROFILE`` and ``AUTH_ACR_VALUES``.
    login_shape: LoginShape = field(default=OPENID_LOGIN, repr=False, compare=False)
    #: Which scopes imply others in this service (``AUTH_SCOPE_IMPLIES``).
    scope_hierarchy: ScopeHierarchy = field(default=FLAT, repr=False, compare=False)
    # Guards ask at each request, and the token may be remembered. None until one has asked.
    _is_client: bool | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if type(self.scopes) is not Names or type(self.roles) is not Names:
            # A test may make a token by hand, from any sets.
            object.__setattr__(self, "scopes", Names(self.scopes))
            object.__setattr__(self, "roles", Names(self.roles))

    def __bool__(self) -> bool:
        """Every verified token is true; ``current_token`` is false for the anonymous caller of an optional guard."""
        return True

    @property
    def effective_scopes(self) -> Set[str]:
        """The :attr:`scopes` and those that they imply by ``AUTH_SCOPE_IMPLIES``: what guards compare."""
        implied = self.scope_hierarchy.implied
        return Names(self.scope_hierarchy.effective(self.scopes)) if implied else self.scopes

    @property
    def subject(self) -> str | None:
        """``sub`` (RFC 7519 §4.1.2): what :attr:`user_id` is made of, unless the identity claim is another."""
        return self.claims.get("sub")

    @property
    def client_id(self) -> str | None:
        """The client that the token was issued to: ``client_id`` (RFC 8693 §4.3), or what the issuer has in its place.

        That is ``azp``, ``cid`` or ``appid``, as ``AUTH_PROFILE`` says; None if the token names no client.
        """
        return self.client_shape.client_id(self.claims)

    @property
    def is_client(self) -> bool:
        """Whether the token is a client's own, with no user behind it (RFC 6749 §4.4), as ``AUTH_PROFILE`` tells."""
        known = self._is_client
        if known is None:
            known = self.client_shape.is_own(self.claims)
            object.__setattr__(self, "_is_client", known)
        return known

    @property
    def session_id(self) -> str | None:
        """``sid``, the user's session at the issuer, if the token names it in text."""
        session_id = self.claims.get("sid")
        return session_id if isinstance(session_id, str) else None

    @property
    def actor(self) -> Actor | None:
        """Who acts for the user (``act``, RFC 8693 §4.1); None if the user or the client itself does."""
        return actor_of(self.claims)

    @property
    def token_id(self) -> str | None:
        """``jti`` (RFC 7519 §4.1.7), if the issuer sets one."""
        return self.claims.get("jti")

    @property
    def expires_at(self) -> datetime | None:
        """``exp`` as a time in UTC, without the leeway; None for a token that never expires."""
        return _as_time(self.claims.get("exp"))

    @property
    def issued_at(self) -> datetime | None:
        """``iat`` as a time in UTC."""
        return _as_time(self.claims.get("iat"))


def _as_time(numeric_date: float | None) -> datetime | None:
    return None if numeric_date is None else datetime.fromtimestamp(numeric_date, UTC)
