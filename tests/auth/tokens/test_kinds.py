"""Tokens that say that they are no access tokens, and access tokens that say what they are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from auth.errors import InvalidTypeError
from auth.settings.service import AuthConfig
from auth.tokens.profiles import PROFILES
from tests.auth.tokens.test_profiles import SHAPES, read
from tests.support.services import SETTINGS, authenticator_of, clock, verifier, with_claims

#: What issuers, libraries and services write into tokens that are not for an API.
OTHER_KINDS: dict[str, dict[str, Any]] = {
    "refresh token of Flask-JWT-Extended": {"type": "refresh", "fresh": False},
    "refresh token of SimpleJWT": {"token_type": "refresh"},
    "refresh token of FastMCP": {"token_use": "refresh"},
    "refresh token of Casdoor": {"tokenType": "refresh-token"},
    "refresh token of older Casdoor": {"TokenType": "refresh-token"},
    "refresh token of Spring Security OAuth": {"ati": "0f6a2c1e-77bd-4c35-9d1b-2a40c3a1f3e5", "client_id": "shop"},
    "refresh token by a flag": {"isRefreshToken": True},
    "refresh token by a flag of FastAPI services": {"refresh": True},
    "refresh token by a flag with underscores": {"is_refresh_token": True},
    "refresh token of OpenIddict": {"token_usage": "refresh_token"},
    "authorization code of OpenIddict": {"token_usage": "authorization_code"},
    "refresh token of Descope": {"drn": "DSR"},
    "refresh token of ThingsBoard": {"scopes": ["REFRESH_TOKEN"]},
    "refresh token of FastAPI services": {"scope": "refresh_token"},
    "refresh token by its only scope": {"scope": "refresh"},
    "refresh token by its only scope, with spaces": {"scope": " refresh_token "},
    "refresh token by its only scope, in a list": {"scp": ["refresh_token", ""]},
    "refresh token in scp": {"scp": ["refresh"]},
    "refresh token in camel case": {"tokenUse": "refreshToken"},
    "refresh token of Keycloak": {"typ": "Refresh"},
    "offline token of Keycloak": {"typ": "Offline"},
    "ID token of Keycloak": {"typ": "ID"},
    "logout token of Keycloak": {"typ": "Logout"},
    "link in a mail of Keycloak": {"typ": "reset-credentials"},
    "registration access token of Keycloak": {"typ": "RegistrationAccessToken"},
    "ID token of Cognito": {"token_use": "id"},
    "ID token by its name": {"token_type": "id_token"},
    "ID token of PagerDuty": {"purpose": "identification"},
    "answer about another token (RFC 9701)": {"token_introspection": {"active": True, "sub": "alice"}},
    "media type of a refresh token in the payload": {"typ": "refresh+jwt"},
    "media type of a logout token in the payload": {"typ": "logout+jwt"},
    "password reset of Express services": {"type": "resetPassword"},
    "password reset beside an access token's type": {"type": "access", "purpose": "password_reset"},
    "mail address not confirmed": {"type": "verifyEmail"},
    "mail address not confirmed, by its scope": {"scope": "email_token"},
    "magic link": {"purpose": "magic-link"},
    "login that waits for the second factor": {"type": "mfa"},
    "login that waits for the second factor, in words": {"type": "2fa_pending"},
}

#: What access tokens carry in the same claims.
ACCESS_TOKENS: dict[str, dict[str, Any]] = {
    "Flask-JWT-Extended": {"type": "access", "fresh": True},
    "Flask-JWT-Extended with a type of the service's own": {"type": "partner"},
    "SimpleJWT": {"token_type": "access"},
    "SimpleJWT, sliding": {"token_type": "sliding"},
    "SimpleJWT, sliding, with the time until which it may be renewed": {"token_type": "sliding", "refresh_exp": 1},
    "access token of older Casdoor": {"TokenType": "access-token"},
    "not a refresh token by a flag": {"isRefreshToken": False, "is_refresh_token": None, "isRefresh": "yes"},
    "access token by a flag": {"refresh": False},
    "names that mean something else": {"ati": 3, "token_introspection": "allowed"},
    "token type as in an answer": {"token_type": "Bearer"},
    "Keycloak": {"typ": "Bearer"},
    "Casdoor": {"tokenType": "access-token"},
    "Cognito": {"token_use": "access"},
    "OpenIddict": {"token_usage": "access_token"},
    "Keycloak before 24, which repeats the nonce": {"typ": "Bearer", "nonce": "n-0S6_WzA2Mj"},
    "Descope": {"drn": "DS"},
    "media type in the payload": {"typ": "at+jwt"},
    "JWT in the payload": {"typ": "JWT"},
    "kind of user": {"type": "user", "purpose": "api"},
    "way of login": {"type": "email"},
    "FastAPI services": {"scope": "access_token"},
    "refresh among other scopes": {"scope": "refresh reports:read"},
    "scope to reset": {"scope": "reset"},
    "scopes of a shape that is refused elsewhere": {"scopes": {"refresh": True}},
    "scopes that are no text": {"scopes": [["refresh"]]},
    "scope to verify": {"scp": ["verify"]},
    "scope for offline access": {"scope": "openid offline_access"},
    "no text": {"type": ["refresh"], "token_use": 5, "typ": {"kind": "refresh"}, "purpose": True},
    "empty": {"type": "", "scope": "", "typ": "token"},
    "null": {"type": None, "token_type": None, "drn": None},
}


@pytest.mark.parametrize("claims", OTHER_KINDS.values(), ids=OTHER_KINDS)
def test_a_token_that_says_it_is_of_another_kind_is_refused(claims: dict[str, Any]) -> None:
    """RFC 8725 §3.12: although it is signed with the right key, for this service, and in time."""
    with pytest.raises(InvalidTypeError, match="another kind of token by its"):
        verifier().verify(with_claims(**claims))


@pytest.mark.parametrize("claims", ACCESS_TOKENS.values(), ids=ACCESS_TOKENS)
def test_an_access_token_may_say_what_it_is(claims: dict[str, Any]) -> None:
    """Only what is known to be another kind is refused."""
    assert verifier().verify(with_claims(**claims)).user_id == "alice"


@pytest.mark.parametrize(
    "claims", [{"type": "refresh"}, {"token_type": "refresh"}, {"purpose": "password-reset"}], ids=str
)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_profile_refuses_another_kind(shape: str, claims: dict[str, Any]) -> None:
    """Also where the token has the shape of the issuer's access tokens otherwise."""
    profile, header, usual, *_ = SHAPES[shape]

    with pytest.raises(InvalidTypeError):
        read(profile, header, usual | claims)


def test_a_profile_may_name_claims_that_mean_something_else() -> None:
    """An issuer whose access tokens carry ``purpose`` says so in its profile; every other claim still counts."""
    (issuer,) = AuthConfig.from_mapping(SETTINGS).issuers
    profile = replace(PROFILES["jwt"], kind_exceptions=frozenset({"purpose", "scope", "drn"}))
    checked = authenticator_of([replace(issuer, profile=profile)], max_token_bytes=8192, clock=clock)

    token = checked.verify(with_claims(purpose="verification", scope="refresh_token", drn="DSR"))

    assert token.scopes == {"refresh_token"}
    with pytest.raises(InvalidTypeError, match="by its type"):
        checked.verify(with_claims(purpose="verification", type="refresh"))
