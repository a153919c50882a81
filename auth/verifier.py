"""A token verified, in one straight read: syntax, algorithm, signature, type, issuer, audience, claims, times.

Nothing a token says is believed before its signature holds, and what stands in its header (``jku``, ``x5u``, ``jwk``,
``x5c``) is never used to find a key. Knows no Flask and no HTTP.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from auth.access_token import AccessToken, freeze
from auth.compact_jws import SignedToken, parse_compact
from auth.config import IssuerConfig
from auth.errors import (
    InvalidAudienceError,
    InvalidIssuerError,
    InvalidSignatureError,
    InvalidTypeError,
    MalformedTokenError,
    MissingClaimError,
    TokenExpiredError,
    TokenNotYetValidError,
)

#: Media types of access tokens: RFC 7519 §5.1 and RFC 9068 §2.1. Logout tokens and DPoP proofs name others.
_TYPES = frozenset({"jwt", "at+jwt"})

#: Claims that only ID tokens carry (OpenID Connect Core §3.1.3.6 and §3.3.2.11), which often come without a ``typ``.
_ID_TOKEN_CLAIMS = frozenset({"at_hash", "c_hash", "s_hash"})

#: The seconds that Python's calendar can show: years 1 to 9999.
_EARLIEST, _LATEST = -62_135_596_800, 253_402_300_799


class TokenVerifier:
    """Verifies access tokens of one issuer. Holds no state of its own, so threads may share it."""

    def __init__(self, issuer: IssuerConfig, *, max_token_bytes: int, clock: Callable[[], float] = time.time) -> None:
        """``clock`` returns seconds since the epoch."""
        self._issuer = issuer
        self._max_token_bytes = max_token_bytes
        self._clock = clock

    def verify(self, encoded: str) -> AccessToken:
        """Return the claims of a token, every check passed.

        Raises:
            InvalidTokenError: one of its kinds; the token is to blame.
            KeysUnavailableError: the keys cannot be had; it is not.
        """
        issuer = self._issuer
        token = parse_compact(encoded, self._max_token_bytes)
        claims = token.claims
        _check_header(token.header)
        self._check_signature(token)
        _check_type(token.header, claims)
        _check_issuer(claims, issuer)
        _check_audience(claims, issuer)
        _check_claim_types(claims, issuer)
        _check_required(claims, issuer)
        user_id = _identity(claims, issuer)
        scopes = _scopes(claims)
        self._check_times(claims)
        return AccessToken(user_id=user_id, issuer=claims.get("iss"), scopes=scopes, claims=freeze(claims))

    def _check_signature(self, token: SignedToken) -> None:
        """Demand an accepted algorithm, a key made for it, and that key's signature (RFC 8725 §3.1)."""
        algorithm = token.header["alg"]
        if algorithm not in self._issuer.algorithms:
            raise InvalidSignatureError("alg is not one of AUTH_ALGORITHMS")
        keys = self._issuer.keys.keys_for(algorithm, token.header.get("kid"))
        if not keys:
            raise InvalidSignatureError("no key fits alg and kid")
        if not any(key.verify(algorithm, token.signing_input, token.signature) for key in keys):
            raise InvalidSignatureError("the signature does not verify")

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        """Hold ``exp``, ``nbf``, ``iat`` and the age against the clock (RFC 7519 §4.1.4 and §4.1.5).

        A token is expired from the very second of ``exp`` plus leeway on, and valid from that of ``nbf`` minus leeway.
        """
        now, leeway, max_age = self._clock(), self._issuer.leeway, self._issuer.max_token_age
        expires, not_before, issued = claims.get("exp"), claims.get("nbf"), claims.get("iat")
        if expires is not None and now >= expires + leeway:
            raise TokenExpiredError("exp is reached")
        if max_age is not None and issued is not None and now >= issued + max_age + leeway:
            raise TokenExpiredError("older than AUTH_MAX_TOKEN_AGE")
        if not_before is not None and now < not_before - leeway:
            raise TokenNotYetValidError("nbf lies ahead")
        if issued is not None and now < issued - leeway:
            raise TokenNotYetValidError("iat lies ahead")


def _check_header(header: Mapping[str, Any]) -> None:
    """Refuse headers that cannot be meant for us (RFC 7515 §4.1)."""
    if not isinstance(header.get("alg"), str):
        raise MalformedTokenError("alg is not a string")
    if "kid" in header and not isinstance(header["kid"], str):
        raise MalformedTokenError("kid is not a string")
    if "crit" in header:
        # RFC 7515 §4.1.11: we understand no extension, so whatever it lists is not understood.
        raise MalformedTokenError("crit names an extension we do not know")
    if header.get("b64", True) is not True:
        raise MalformedTokenError("an unencoded payload (RFC 7797)")


def _check_type(header: Mapping[str, Any], claims: Mapping[str, Any]) -> None:
    """Accept access tokens only: no ID, logout or proof tokens, and none bound to a key that nobody shows here."""
    type_ = header.get("typ", "JWT")
    if not isinstance(type_, str):
        raise MalformedTokenError("typ is not a string")
    if type_.lower().removeprefix("application/") not in _TYPES:
        raise InvalidTypeError("typ is not JWT or at+jwt")
    if not _ID_TOKEN_CLAIMS.isdisjoint(claims):
        raise InvalidTypeError("an ID token by its claims")
    if isinstance(claims.get("events"), dict):
        raise InvalidTypeError("a security event such as a logout token by its claims (RFC 8417 §2.2)")
    if claims.get("cnf") is not None:
        raise InvalidTypeError("bound to a key by cnf, not a bearer token (RFC 7800)")


def _check_claim_types(claims: Mapping[str, Any], issuer: IssuerConfig) -> None:
    """Refuse registered claims of the wrong type; a required one counts as missing then."""
    for name, is_right in _REGISTERED_TYPES.items():
        if name not in claims or is_right(claims[name]):
            continue
        if name in issuer.required_claims or name == issuer.identity_claim:
            raise MissingClaimError(f"{name} has the wrong type")
        if name == "iss":
            raise InvalidIssuerError("iss is not a string")
        raise MalformedTokenError(f"{name} has the wrong type")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_numeric_date(value: object) -> bool:
    """Tell whether a value is a NumericDate (RFC 7519 §2) in a year that can be written down."""
    return not isinstance(value, bool) and isinstance(value, int | float) and _EARLIEST <= value <= _LATEST


#: The types of RFC 7519 §4.1, in the order in which they are looked at; ``aud`` has a check of its own.
_REGISTERED_TYPES: dict[str, Callable[[object], bool]] = {
    "iss": _is_text,
    "sub": _is_text,
    "exp": _is_numeric_date,
    "nbf": _is_numeric_date,
    "iat": _is_numeric_date,
    "jti": _is_text,
}


def _check_issuer(claims: Mapping[str, Any], issuer: IssuerConfig) -> None:
    if issuer.issuer is not None and claims.get("iss") != issuer.issuer:
        raise InvalidIssuerError("iss is absent or another one")


def _check_audience(claims: Mapping[str, Any], issuer: IssuerConfig) -> None:
    """Demand one of our audiences; without any, refuse a token that is meant for somebody (RFC 7519 §4.1.3)."""
    if "aud" not in claims and not issuer.audience:
        return
    audience = claims.get("aud")
    values = [audience] if isinstance(audience, str) else audience
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise InvalidAudienceError("aud is absent or not a string or a list of strings")
    if issuer.audience.isdisjoint(values):
        raise InvalidAudienceError("aud names other services")


def _check_required(claims: Mapping[str, Any], issuer: IssuerConfig) -> None:
    for name in issuer.required_claims:
        if claims.get(name) is None:
            raise MissingClaimError(f"{name} is absent or null")


def _identity(claims: Mapping[str, Any], issuer: IssuerConfig) -> str:
    """Return the claim that names the user: text that is not blank and holds no ASCII control characters."""
    value = claims.get(issuer.identity_claim)
    if not isinstance(value, str):
        raise MissingClaimError("the identity claim is absent or not a string")
    if not value.strip() or any(character < " " or character == "\x7f" for character in value):
        raise MissingClaimError("the identity claim is blank or holds control characters")
    return value


def _scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    """Return ``scope`` taken apart: text with spaces (RFC 8693 §4.2), or a list as some issuers send it."""
    scope = claims.get("scope", "")
    if isinstance(scope, str):
        return frozenset(scope.split(" ")) - {""}
    if isinstance(scope, list) and all(isinstance(value, str) for value in scope):
        return frozenset(scope)
    raise MalformedTokenError("scope is neither text nor a list of texts")
