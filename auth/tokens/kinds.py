"""Finds tokens that say that they are not access tokens: refresh and ID tokens, links in mails, steps of a login.

Many issuers sign all their tokens with one key, and tell them apart by a claim of their own (RFC 8725 §3.11 and §3.12).
If no specification names the claim, the names here are those that issuers and libraries use. An unknown value means
nothing: ``type: user`` is no reason to refuse a token.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from typing import Any

from ..errors import MalformedTokenError

#: Claims that name the kind of a token. Flask-JWT-Extended and many services write ``type``, SimpleJWT ``token_type``,
#: Keycloak ``typ``, Cognito ``token_use``, OpenIddict ``token_usage``, Casdoor ``tokenType`` or ``TokenType``;
#: ``purpose`` stands in links that a service mails, and in the ID tokens of PagerDuty.
_KIND_CLAIMS = (
    *("type", "typ", "token_type", "tokenType", "TokenType", "token_use", "tokenUse", "token_usage"),
    *("purpose", "token_purpose"),
)

#: Claims that are true in a refresh token. Many FastAPI services write ``refresh``, and false into access tokens.
_REFRESH_FLAGS = ("isRefreshToken", "is_refresh_token", "isRefresh", "is_refresh", "refresh")

#: Claims that hold scopes. Many FastAPI services, and ThingsBoard, write the kind of a token there, and nothing else.
_SCOPE_CLAIMS = ("scope", "scp", "scopes")

_SEPARATORS = re.compile(r"[\W_]+")

#: What the kind of a token is called, in lower case, without separators and without "token" or "jwt" at the end.
_OTHER_KINDS = frozenset(
    {
        # Refresh tokens; Keycloak calls those that outlive the session offline tokens, Descope writes DSR into ``drn``.
        "refresh",
        "offline",
        # ID tokens, logout tokens and security events, proofs, assertions of a client.
        "id",
        "serializedid",
        "identification",
        "logout",
        "backchannellogout",
        "secevent",
        "dpop",
        "clientassertion",
        "clientauthentication",
        # Keycloak issues these for the registration of clients.
        "initialaccess",
        "registrationaccess",
        # Links in mails.
        "reset",
        "resetpassword",
        "passwordreset",
        "forgotpassword",
        "passwordrecovery",
        "recovery",
        "resetcredentials",
        "executeactions",
        "verify",
        "verification",
        "verifyemail",
        "emailverify",
        "emailverification",
        "confirm",
        "confirmation",
        "confirmemail",
        "emailconfirm",
        "emailconfirmation",
        "changeemail",
        "emailchange",
        "updateemail",
        "activation",
        "accountactivation",
        "magiclink",
        "invite",
        "invitation",
        "unsubscribe",
        # Steps of a login that is not complete.
        "mfa",
        "mfapending",
        "mfachallenge",
        "2fa",
        "2fapending",
        "2fachallenge",
        "twofactor",
        "preauth",
        # Parts of an OAuth flow.
        "authorizationcode",
        "authcode",
        "oauthstate",
        "csrf",
    }
)


def media_type(header: Mapping[str, Any]) -> str | None:
    """Return ``typ`` in lower case and without ``application/`` (RFC 7515 §4.1.9); None if there is none."""
    if "typ" not in header:
        return None
    if not isinstance(header["typ"], str):
        raise MalformedTokenError("typ is not a string")
    return header["typ"].lower().removeprefix("application/")


def other_kind(claims: Mapping[str, Any], exceptions: Container[str]) -> str | None:
    """Return the claim that says that a token is no access token; None if none does.

    ``exceptions`` are claims that mean something else in the tokens of this issuer.
    """
    for name in claims.keys() & _CHECKS.keys():
        if name not in exceptions and _CHECKS[name](claims[name]):
            return name
    return None


def _word(value: object) -> str:
    return _SEPARATORS.sub("", value).lower() if isinstance(value, str) else ""


def _kind(value: object) -> str:
    return _word(value).removesuffix("token").removesuffix("jwt")


def _is_other_kind(value: object) -> bool:
    return _kind(value) in _OTHER_KINDS


def _is_scope_of_other_kind(value: object) -> bool:
    """Tell whether the only scope of a token is the name of a kind: ``refresh``, or another that ends in ``token``."""
    listed = value.split(" ") if isinstance(value, str) else value if isinstance(value, list) else []
    names = [name for name in listed if name != ""]
    if len(names) != 1:
        return False
    word, kind = _word(names[0]), _kind(names[0])
    return kind == "refresh" or (kind != word and (kind == "email" or kind in _OTHER_KINDS))


#: By the name of a claim, whether a value of it says that the token is of another kind.
_CHECKS: Mapping[str, Callable[[object], bool]] = {
    **dict.fromkeys(_KIND_CLAIMS, _is_other_kind),
    **dict.fromkeys(_SCOPE_CLAIMS, _is_scope_of_other_kind),
    **dict.fromkeys(_REFRESH_FLAGS, lambda value: value is True),
    "drn": lambda value: value == "DSR",
    # Spring Security OAuth tells its refresh tokens by it: the ``jti`` of the access token that came with one.
    "ati": lambda value: isinstance(value, str),
    # RFC 9701 §5; its §8.1 forbids to take such an answer of an authorization server for an access token.
    "token_introspection": lambda value: isinstance(value, dict),
}
