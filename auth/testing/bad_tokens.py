"""Tokens that a resource server has to refuse, each with the answer that it gets: a table for ``parametrize``.

RFCs 6750, 7515, 7519, 7800, 8725 and 9068 say why. Each token is made when it is sent, so its times are right.
"""

from __future__ import annotations

import base64
import functools
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

from ..callers import MOST_ACTORS
from ..errors import (
    AuthError,
    AuthErrorCode,
    InvalidAudienceError,
    InvalidIssuerError,
    InvalidSignatureError,
    InvalidTypeError,
    MalformedHeaderError,
    MalformedRequestError,
    MalformedTokenError,
    MissingClaimError,
    MissingTokenError,
    TokenExpiredError,
    TokenNotYetValidError,
)
from ..keys.algorithms import HMAC_MIN_BYTES, IMPLEMENTATIONS
from .issuer import TokenIssuer
from .signing_keys import SigningKey, generate_key

_USER = "alice"
_DAY = 86_400
#: More than ``AUTH_MAX_TOKEN_BYTES`` can be.
_TOO_LONG = 1_048_577

#: Returns the value of the ``Authorization`` field; None for a request without one.
_Make = Callable[[TokenIssuer], str | None]


@dataclass(frozen=True, slots=True)
class BadToken:
    """One kind of credentials that no guarded view may accept."""

    #: What is wrong, in the words of the RFCs.
    name: str
    #: The status of the answer that it must get.
    status: HTTPStatus
    #: ``error`` in the body of that answer.
    error: AuthErrorCode
    _make: _Make = field(repr=False, compare=False)
    _issuer: TokenIssuer | None = field(default=None, repr=False, compare=False)

    @property
    def __name__(self) -> str:
        """What pytest calls a test with this token."""
        return self.name

    def __str__(self) -> str:
        return self.name

    def headers(self, issuer: TokenIssuer | None = None) -> dict[str, str]:
        """Return the header fields of a request that brings it, signed by ``issuer`` or by that of the table.

        Raises:
            TypeError: there is no issuer.
        """
        signer = issuer or self._issuer
        if signer is None:
            raise TypeError("Name the issuer whose tokens the app accepts: headers(issuer) or bad_tokens(issuer).")
        value = self._make(signer)
        return {} if value is None else {"Authorization": value}


def bad_tokens(issuer: TokenIssuer | None = None) -> list[BadToken]:
    """Return every kind of token that a resource server has to refuse, for ``pytest.mark.parametrize``.

    ``issuer`` is one whose tokens the app accepts; without it, name one when the token is sent.
    """
    return [replace(bad, _issuer=issuer) for bad in _TABLE]


def _row(name: str, error: type[AuthError], make: _Make) -> BadToken:
    return BadToken(name, error.status, error.code, make)


def _token(make: Callable[[TokenIssuer], str]) -> _Make:
    return lambda issuer: f"Bearer {make(issuer)}"


def _claims(**claims: Any) -> _Make:
    """Return what makes a token with other claims; a claim that is None is left out."""
    return _token(lambda issuer: issuer.issue(_USER, claims=claims))


def _time(name: str, seconds: float) -> _Make:
    return _token(lambda issuer: issuer.issue(_USER, claims={name: issuer.now() + seconds}))


def _header(**members: Any) -> _Make:
    return _token(lambda issuer: issuer.issue(_USER, headers=members))


def _identity(value: object) -> _Make:
    return _token(lambda issuer: issuer.issue(_USER, claims={issuer.identity_claim: value}))


def _audience(value: str | None) -> _Make:
    return _token(lambda issuer: issuer.issue(_USER, claims={issuer.audience_claim: value}))


def _payload(raw: bytes) -> _Make:
    return _token(lambda issuer: issuer.sign(raw))


def _segment(value: Mapping[str, Any] | bytes) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _without_signature(issuer: TokenIssuer) -> str:
    return issuer.issue(_USER).rpartition(".")[0] + "."


def _unsecured(issuer: TokenIssuer) -> str:
    claims = issuer.issue(_USER).split(".")[1]
    return f"{_segment({'alg': 'none', 'typ': 'at+jwt'})}.{claims}."


def _with_other_claims(issuer: TokenIssuer) -> str:
    header, _, signature = issuer.issue(_USER).split(".")
    return f"{header}.{issuer.issue('mallory').split('.')[1]}.{signature}"


@functools.cache
def _foreign_key(algorithm: str) -> SigningKey:
    return generate_key(algorithm)


def _by_another_key(issuer: TokenIssuer, **header: Any) -> str:
    return issuer.with_key(_foreign_key(issuer.algorithm), issuer.algorithm).issue(_USER, headers=header)


def _by_key_in_header(issuer: TokenIssuer) -> str:
    key = _foreign_key(issuer.algorithm)
    shown = key if isinstance(key, bytes) else key.public_key()
    return _by_another_key(issuer, jwk=IMPLEMENTATIONS[issuer.algorithm].to_jwk(shown, as_dict=True))


def _by_other_kind_of_key(issuer: TokenIssuer) -> str:
    """Return a token with an HMAC over the public key, which everybody knows; for a secret, one by a private key."""
    if issuer.algorithm in HMAC_MIN_BYTES:
        return issuer.with_key(_foreign_key("ES256"), "ES256").issue(_USER)
    signed = f"{_segment({'alg': 'HS256', 'typ': 'at+jwt'})}.{issuer.issue(_USER).split('.')[1]}"
    return f"{signed}.{_segment(hmac.digest(issuer.public_key.encode(), signed.encode(), 'sha256'))}"


def _bearer(text: str) -> _Make:
    return lambda _issuer: f"Bearer {text}"


def _twice(issuer: TokenIssuer) -> str:
    token = issuer.issue(_USER)
    return f"Bearer {token}, Bearer {token}"


def _nested_actors(count: int) -> dict[str, Any]:
    return {"sub": f"agent-{count}"} | ({"act": _nested_actors(count - 1)} if count > 1 else {})


_TABLE = (
    _row("no Authorization field", MissingTokenError, lambda _issuer: None),
    _row("another scheme than Bearer", MissingTokenError, lambda _issuer: "Basic YWxpY2U6c2VjcmV0"),
    _row("Bearer without a token", MalformedHeaderError, _bearer("")),
    _row("a token with a space in it", MalformedHeaderError, lambda issuer: f"Bearer {issuer.issue(_USER)} more"),
    _row("two credentials", MalformedRequestError, _twice),
    _row("undefined instead of a token", MalformedTokenError, _bearer("undefined")),
    _row("an opaque token", MalformedTokenError, _bearer("mF_9.B5f-4.1JqM")),
    _row("an encrypted token", MalformedTokenError, _bearer("e30.e30.e30.e30.e30")),
    _row("a token longer than any setting allows", MalformedTokenError, _claims(padding="x" * _TOO_LONG)),
    _row("a payload that is no JSON", MalformedTokenError, _payload(b"alice")),
    _row("a payload that is no JSON object", MalformedTokenError, _payload(b'["alice"]')),
    _row("a claim that stands twice", MalformedTokenError, _payload(b'{"sub":"alice","sub":"mallory"}')),
    _row("alg none", InvalidSignatureError, _token(_unsecured)),
    _row("alg of another kind of key", InvalidSignatureError, _token(_by_other_kind_of_key)),
    _row("a signature by another key", InvalidSignatureError, _token(_by_another_key)),
    _row("a signature by the jwk of the header", InvalidSignatureError, _token(_by_key_in_header)),
    _row(
        "a signature by a key at the jku of the header",
        InvalidSignatureError,
        _token(lambda issuer: _by_another_key(issuer, jku="https://keys.example/jwks")),
    ),
    _row("no signature", InvalidSignatureError, _token(_without_signature)),
    _row("claims of another token", InvalidSignatureError, _token(_with_other_claims)),
    _row("crit with an unknown extension", MalformedTokenError, _header(crit=["exp2"], exp2=True)),
    _row("typ of a logout token", InvalidTypeError, _header(typ="logout+jwt")),
    _row("typ of a DPoP proof", InvalidTypeError, _header(typ="dpop+jwt")),
    _row("an ID token by its at_hash", InvalidTypeError, _claims(at_hash="MTIzNDU2Nzg5MDEyMzQ1Ng")),
    _row("a refresh token by its type", InvalidTypeError, _claims(type="refresh")),
    _row(
        "a token bound to a key by cnf",
        InvalidTypeError,
        _claims(cnf={"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}),
    ),
    _row("act that is no object", MalformedTokenError, _claims(act="support")),
    _row("act without sub", MalformedTokenError, _claims(act={"client_id": "agent"})),
    _row("act nested too deep", MalformedTokenError, _claims(act=_nested_actors(MOST_ACTORS + 1))),
    _row("iss of another issuer", InvalidIssuerError, _claims(iss="https://another-issuer.example")),
    _row("aud of another service", InvalidAudienceError, _audience("https://another-api.example")),
    _row("no aud", InvalidAudienceError, _audience(None)),
    _row("exp reached", TokenExpiredError, _time("exp", -_DAY)),
    _row("no exp", MissingClaimError, _claims(exp=None)),
    _row("exp that is no number", MissingClaimError, _claims(exp="tomorrow")),
    _row("nbf ahead", TokenNotYetValidError, _time("nbf", _DAY)),
    _row("iat ahead", TokenNotYetValidError, _time("iat", _DAY)),
    _row("no user", MissingClaimError, _identity(None)),
    _row("a user that is a number", MissingClaimError, _identity(1)),
    _row("a user that is blank", MissingClaimError, _identity(" ")),
)
