"""Checks the claims of a token, each on its own, and reads user, scopes and roles from them.

:mod:`.tokens.verifier` calls these functions in its order, after the signature has been verified. Each takes the claims
and the issuer of the token, and raises the error that fits or returns what it found.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..access_token import Names
from ..callers import actor_of
from ..errors import (
    InvalidAudienceError,
    InvalidIssuerError,
    InvalidTypeError,
    MalformedTokenError,
    MissingClaimError,
    TokenExpiredError,
    TokenNotYetValidError,
)
from ..identifiers import is_identifier
from ..numeric_date import is_numeric_date
from ..wire.near_names import difference
from .issuer import TrustedIssuer
from .kinds import media_type, other_kind
from .profiles import AUDIENCE, ClaimPath

#: Claims that only ID tokens carry (OpenID Connect Core §3.1.3.6 and §3.3.2.11), which often come without a ``typ``.
_ID_TOKEN_CLAIMS = frozenset({"at_hash", "c_hash", "s_hash"})

#: Names that a log line holds at most.
_MOST_LISTED = 5


def check_type(header: Mapping[str, Any], claims: Mapping[str, Any], issuer: TrustedIssuer) -> None:
    """Accept access tokens only: no refresh, ID, logout or proof tokens, and no links from a mail."""
    if media_type(header) not in issuer.profile.types:
        raise InvalidTypeError("typ is not one of those in AUTH_PROFILE")
    if not _ID_TOKEN_CLAIMS.isdisjoint(claims):
        raise InvalidTypeError("an ID token by its claims")
    if isinstance(claims.get("events"), dict):
        raise InvalidTypeError("a security event such as a logout token by its claims (RFC 8417 §2.2)")
    for name, value in issuer.profile.fixed_claims.items():
        if claims.get(name) != value:
            raise InvalidTypeError(f"{name} is not {value}, so another kind of token by AUTH_PROFILE")
    kind_claim = other_kind(claims, issuer.profile.kind_exceptions)
    if kind_claim is not None:
        raise InvalidTypeError(f"another kind of token by its {kind_claim}, such as a refresh or ID token")


def check_audience(claims: Mapping[str, Any], issuer: TrustedIssuer) -> None:
    """Demand one of our audiences; without any, refuse a token that is meant for somebody (RFC 7519 §4.1.3)."""
    if issuer.profile.audience_claim != "aud":
        _check_audience_claim(claims.get(issuer.profile.audience_claim), issuer)
        if "aud" not in claims:
            return
    elif "aud" not in claims and not issuer.audience:
        return
    values = audiences(claims)
    if values is None:
        raise InvalidAudienceError(f"aud is absent or not a string or a list of strings; {_ours(issuer)}")
    if issuer.audience.isdisjoint(values):
        raise InvalidAudienceError(_why_another_service("aud", values, issuer))


def audiences(claims: Mapping[str, Any]) -> list[str] | None:
    """Return the values of ``aud``, which is a text or a list of texts (RFC 7519 §4.1.3); None if it is neither."""
    audience = claims.get("aud")
    values = [audience] if isinstance(audience, str) else audience
    return values if isinstance(values, list) and all(isinstance(value, str) for value in values) else None


def _check_audience_claim(value: object, issuer: TrustedIssuer) -> None:
    name = issuer.profile.audience_claim
    if not isinstance(value, str):
        raise InvalidAudienceError(f"{name} is absent or not a string; {_ours(issuer)}")
    if value not in issuer.audience:
        raise InvalidAudienceError(_why_another_service(name, [value], issuer))


def _why_another_service(claim: str, values: list[str], issuer: TrustedIssuer) -> str:
    if not issuer.audience:
        return f"{claim} names a service, and AUTH_AUDIENCE is not set"
    nearly = next(filter(None, (difference(value, issuer.audience) for value in values)), None)
    why = f"{claim} names other services" if nearly is None else f"{claim} differs from AUTH_AUDIENCE only by {nearly}"
    return f"{why}; {_ours(issuer)}"


def _ours(issuer: TrustedIssuer) -> str:
    return expected(sorted(issuer.audience)) if issuer.audience else "AUTH_AUDIENCE is not set"


def expected(names: Sequence[str]) -> str:
    """Return some of our own names for a log line; of many, only the first few."""
    more = len(names) - _MOST_LISTED
    return f"expected {' or '.join(names[:_MOST_LISTED])}" + (f" or one of {more} more" if more > 0 else "")


def check_claim_types(claims: Mapping[str, Any], issuer: TrustedIssuer) -> None:
    """Refuse registered claims of the wrong type; a required one counts as missing then."""
    for name, (is_right, wanted) in _REGISTERED_TYPES.items():
        if name not in claims or is_right(claims[name]):
            continue
        if name in issuer.required_claims or name == issuer.identity_claim:
            raise MissingClaimError.unusable(name, "has the wrong type", wanted)
        if name == "iss":
            raise InvalidIssuerError("iss is not a string")
        raise MalformedTokenError(f"{name} has the wrong type")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


_TEXT = (_is_text, "a string")
_TIME = (is_numeric_date, "a number of seconds since 1970")

#: The types of RFC 7519 §4.1, in the order in which they are looked at; ``aud`` has a check of its own. Last those
#: that name the client (RFC 8693 §4.3, OpenID Connect Core §2): in another type they cannot be compared with ``sub``.
_REGISTERED_TYPES: dict[str, tuple[Callable[[object], bool], str]] = {
    "iss": _TEXT,
    "sub": _TEXT,
    "exp": _TIME,
    "nbf": _TIME,
    "iat": _TIME,
    "jti": _TEXT,
    "client_id": _TEXT,
    "azp": _TEXT,
}


def check_actor(claims: Mapping[str, Any]) -> None:
    """Refuse an ``act`` that does not say who acts (RFC 8693 §4.1)."""
    if "act" in claims:
        actor_of(claims)


def check_required(claims: Mapping[str, Any], issuer: TrustedIssuer) -> None:
    """Demand the claims of the settings and of the profile."""
    for name in issuer.required_claims:
        if claims.get(name) is None:
            raise MissingClaimError.absent(name)
    choices = issuer.profile.one_of_claims
    if choices and all(claims.get(name) is None for name in choices):
        raise MissingClaimError.absent(*choices)


def identity(claims: Mapping[str, Any], issuer: TrustedIssuer) -> str:
    """Return who the user is in this service: the identity claim, behind the prefix of an issuer that has one.

    The claim is text that is not blank and holds no ASCII control characters, nor U+FFFD. If users fill it in
    themselves, the issuer says that it was verified. The issuer of the plain ids cannot make one that reads like a user
    of another issuer.
    """
    name = issuer.identity_claim
    value = claims.get(name)
    if value is None:
        raise MissingClaimError.absent(name)
    if not isinstance(value, str):
        raise MissingClaimError.unusable(name, "has the wrong type", "a string")
    if not is_identifier(value):
        reason = "is blank, or holds control characters or U+FFFD"
        raise MissingClaimError.unusable(name, reason, "a string that is not blank and has no control characters")
    if issuer.identity_verified_by:
        _check_verified(claims, issuer)
    if value.startswith(issuer.reserved_prefixes):
        raise MissingClaimError(f"{name} begins with the user_prefix of another issuer")
    return issuer.user_prefix + value


def _check_verified(claims: Mapping[str, Any], issuer: TrustedIssuer) -> None:
    names = issuer.identity_verified_by
    said = [claims[name] for name in names if name in claims]
    if not said or not all(value is True for value in said):
        claim = " or ".join(names)
        raise MissingClaimError(
            f"{claim} is not true, so the identity claim is not verified",
            f"A claim of the access token cannot be used here: {claim} must be true.",
        )


def tenant(claims: Mapping[str, Any], issuer: TrustedIssuer) -> str | None:
    """Return the tenant of the token, behind the prefix of an issuer that has one; None if it names none.

    A value that can name nobody counts as none: a number, a list, a blank text. So does one that reads like a tenant of
    another issuer.
    """
    value: object = claims
    for name in issuer.tenant_path:
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, str) or not is_identifier(value) or value.startswith(issuer.reserved_prefixes):
        return None
    return issuer.user_prefix + value


def scopes(claims: Mapping[str, Any], issuer: TrustedIssuer) -> Names:
    """Return the granted scopes: text with spaces (RFC 8693 §4.2), or a list as some issuers send it."""
    found: set[str] = set()
    for name in issuer.profile.scope_claims:
        value = claims.get(name, "")
        if isinstance(value, str):
            found.update(value.split(" "))
        elif isinstance(value, list) and all(isinstance(scope, str) for scope in value):
            found.update(value)
        else:
            raise MalformedTokenError(f"{name} is neither text nor a list of texts")
    found.discard("")
    return Names(found)


def roles(claims: Mapping[str, Any], issuer: TrustedIssuer) -> Names:
    """Return the roles of the user, from every place where the profile says they are.

    A text is one role, or several where the profile names a separator; in a list, a role is a text or the ``value`` of
    an object (RFC 7643 §4.1.2). No specification fixes the shape of these claims, so any other grants nothing.
    """
    found: set[str] = set()
    for path in issuer.profile.role_paths:
        for place in _places(claims, path, issuer.audience):
            found.update(_roles_in(place, issuer.profile.role_separator))
    found.discard("")
    return Names(found)


def _places(value: object, path: ClaimPath, audience: frozenset[str]) -> Iterator[object]:
    """Yield the values at a path; members that are not there are passed over."""
    if not path:
        yield value
    elif isinstance(value, dict):
        names = audience if path[0] is AUDIENCE else {path[0]}
        for name in names & value.keys():
            yield from _places(value[name], path[1:], audience)


def _roles_in(value: object, separator: str | None) -> Iterator[str]:
    if isinstance(value, str):
        yield from [value] if separator is None else [role.strip() for role in value.split(separator)]
    elif isinstance(value, list):
        for member in value:
            role = member.get("value") if isinstance(member, dict) else member
            if isinstance(role, str):
                yield role


def check_unbound(claims: Mapping[str, Any]) -> None:
    """Refuse a token that is bound to a key (RFC 7800 §3.1): nothing proves that the caller has the key."""
    if claims.get("cnf") is not None:
        raise InvalidTypeError("bound to a key by cnf, not a bearer token (RFC 7800)", InvalidTypeError.BOUND)


#: A machine that has slept, or a virtual one, often has a clock that is behind.
_NBF_AHEAD, _IAT_AHEAD = (f"{name} lies ahead (is the clock of this machine right?)" for name in ("nbf", "iat"))

#: A second at which a token begins or ceases to be valid, and what to say on the wrong side of it.
_TimeBound = tuple[float, str]


def _time_bounds(claims: Mapping[str, Any], issuer: TrustedIssuer) -> tuple[_TimeBound, _TimeBound]:
    """Return where a token begins and where it ends by ``exp``, ``iat``, ``nbf`` and the settings (RFC 7519 §4.1).

    A token is expired from the very second of ``exp`` plus leeway on, and valid from that of ``nbf`` minus leeway.
    """
    leeway, max_age = issuer.leeway, issuer.max_token_age
    expires, not_before, issued = claims.get("exp"), claims.get("nbf"), claims.get("iat")
    begins: _TimeBound = (-math.inf, "") if not_before is None else (not_before - leeway, _NBF_AHEAD)
    ends: _TimeBound = (math.inf, "") if expires is None else (expires + leeway, "exp is reached")
    if issued is not None:
        if begins[0] < issued - leeway:
            begins = (issued - leeway, _IAT_AHEAD)
        if max_age is not None and issued + max_age + leeway < ends[0]:
            ends = (issued + max_age + leeway, "older than AUTH_MAX_TOKEN_AGE")
    return begins, ends


def check_times(
    claims: Mapping[str, Any], issuer: TrustedIssuer, now: float, *, early: bool = False
) -> tuple[float, float]:
    """Check the times of a token against the clock; return the second from which it is valid and that of its end.

    ``early`` accepts a token that is not valid yet.

    Raises:
        TokenExpiredError: ``exp`` is reached, or the token is older than the settings allow.
        TokenNotYetValidError: ``nbf`` or ``iat`` lies ahead.
    """
    (begins, too_early), (ends, too_late) = _time_bounds(claims, issuer)
    if now >= ends:
        raise TokenExpiredError(too_late)
    if now < begins and not early:
        raise TokenNotYetValidError(too_early)
    return begins, ends
