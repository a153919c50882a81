"""Hostile claims under a good signature: an issuer's odd token is refused, or is the access token that it says.

An input is a JSON object: ``header`` and ``claims``, objects or texts that stand for themselves, and ``settings``.

- Only the documented errors are raised, whatever the types of the claims.
- An accepted token has a user who can be named, a time that is now, our audience and a type of the profile.
- Its claims are those that were signed. They cannot be changed, and can be printed, hashed, compared and sent on.
- A verifier that remembers tokens decides as one that does not, the first time and the second.
"""

from __future__ import annotations

import copy
import functools
import json
import pickle
from typing import Any

from auth.access_token import AccessToken
from auth.errors import ConfigurationError
from auth.settings.service import AuthConfig
from auth.tokens.profiles import PROFILES
from fuzz.json_mutator import json_mutator, parsed
from fuzz.target import Target
from fuzz.trusted import AUDIENCE, CLAIMS, NOW, SECRET, SECRET_ISSUER, as_text, authenticator, is_same, outcome
from fuzz.trusted import token_of as signed


def check(data: bytes) -> None:
    """Demand what is said above of one header, its claims and the settings."""
    case = parsed(data)
    if not isinstance(case, dict):
        return
    try:
        config = _configured(case.get("settings"))
    except ConfigurationError:
        return
    try:
        token = signed("HS256", case.get("header"), case.get("claims"))
    except UnicodeEncodeError:
        return
    remembering = authenticator(config, remembered=8)
    anew = outcome(lambda: authenticator(config).verify(token))
    assert is_same(anew, outcome(lambda: remembering.verify(token)))
    assert is_same(anew, outcome(lambda: remembering.verify(token)))
    if isinstance(anew, AccessToken):
        _check_accepted(anew, json.loads(as_text(case.get("claims"))), config.issuers[0].leeway)


def _configured(settings: object) -> AuthConfig:
    """Return a service with the settings that say how tokens look; others would take the key away."""
    names = ("AUTH_PROFILE", "AUTH_IDENTITY_CLAIM", "AUTH_REQUIRED_CLAIMS", "AUTH_LEEWAY", "AUTH_MAX_TOKEN_AGE")
    chosen = {name: settings[name] for name in names if name in settings} if isinstance(settings, dict) else {}
    return _configured_by(json.dumps(chosen))


@functools.lru_cache
def _configured_by(settings: str) -> AuthConfig:
    bound = {"AUTH_SECRET": SECRET, "AUTH_ISSUER": SECRET_ISSUER, "AUTH_AUDIENCE": AUDIENCE}
    return AuthConfig.from_mapping({**bound, **json.loads(settings)})


def _check_accepted(token: AccessToken, claims: dict[str, Any], leeway: float) -> None:
    assert token.user_id.strip()
    assert token.user_id.isprintable() or not token.user_id.isascii()
    assert token.user_id in claims.values()
    assert token.issuer == claims["iss"] == SECRET_ISSUER
    audience = [claims["aud"]] if isinstance(claims.get("aud"), str) else claims.get("aud", [])
    assert AUDIENCE in (*audience, claims.get("client_id"))
    assert all(isinstance(name, str) for name in audience)
    assert "exp" not in claims or claims["exp"] + leeway > NOW
    assert all(claims[name] <= NOW + leeway for name in ("iat", "nbf") if name in claims)
    assert token.valid_from <= NOW < token.valid_until
    assert claims.get("cnf") is None
    assert all(" ".join((*token.scopes, *token.roles)).split(" ")) or not (token.scopes or token.roles)
    # Arrays have become tuples, which JSON writes alike.
    assert json.loads(json.dumps(token.claims)) == claims
    assert hash(token) == hash(copy.deepcopy(token))
    assert pickle.loads(pickle.dumps(token)) == token  # noqa: S301  # pickled a moment ago
    assert token.issued_at is None or token.issued_at.timestamp() - claims["iat"] < 1
    assert token.expires_at is None or token.expires_at.timestamp() - claims["exp"] < 1
    assert token.subject == claims.get("sub")
    assert token.token_id == claims.get("jti")


#: What tells the access tokens of the profiles apart, all in one.
_RICH = {
    "iss": SECRET_ISSUER,
    **CLAIMS,
    "jti": "1",
    "client_id": AUDIENCE,
    "azp": "client",
    "oid": "alice",
    "typ": "Bearer",
    "token_use": "access",
    "scope": "read write",
    "scp": ["read"],
    "permissions": ["read"],
    "roles": ["admin"],
    "role": "admin, editor",
    "realm_access": {"roles": ["admin"]},
    "resource_access": {AUDIENCE: {"roles": ["admin"]}},
    "cognito:groups": ["admin"],
}


def _seeds() -> list[bytes]:
    cases: list[dict[str, Any]] = [
        {
            "header": {"alg": "HS256", "typ": "JWT" if "jwt" in profile.types else "at+jwt"},
            "claims": _RICH,
            "settings": {"AUTH_PROFILE": name},
        }
        for name, profile in PROFILES.items()
    ]
    cases.append({"header": {"alg": "HS256"}, "claims": {"iss": SECRET_ISSUER, **CLAIMS}})
    cases.append({"header": '{"alg":"HS256"}', "claims": json.dumps({"iss": SECRET_ISSUER, **CLAIMS})})
    cases[-1]["settings"] = {"AUTH_LEEWAY": 0, "AUTH_MAX_TOKEN_AGE": 60, "AUTH_REQUIRED_CLAIMS": ["exp", "jti"]}
    return [json.dumps(case, separators=(",", ":")).encode() for case in cases]


_WORDS = (
    *_RICH,
    "header",
    "claims",
    "alg",
    "kid",
    "crit",
    "b64",
    "cnf",
    "events",
    "at_hash",
    "at+jwt",
    "email",
    *PROFILES,
)
_VALUES = (
    NOW,
    NOW - 30,
    NOW + 30,
    NOW + 30.5,
    -62_135_596_801,
    253_402_300_800,
    AUDIENCE,
    [AUDIENCE],
    [AUDIENCE, 5],
    [AUDIENCE, []],
    {"value": "a"},
)

TARGET = Target(check, _seeds, words=_WORDS, values=_VALUES, mutator=json_mutator)
