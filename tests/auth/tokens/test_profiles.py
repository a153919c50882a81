"""Tokens in the shapes that real issuers send, each read by its profile; and what is refused as another kind."""

from __future__ import annotations

from typing import Any

import pytest

from auth import errors
from auth.access_token import AccessToken
from auth.errors import AuthError
from auth.tokens.profiles import PROFILES
from tests.support.services import AUDIENCE, CLAIMS, NOW, authenticate, compact, verifier

#: The claims of a good token that is for no audience.
TIMES: dict[str, Any] = {"iat": NOW, "exp": NOW + 900}

RFC9068 = CLAIMS | {"client_id": "web", "jti": "t-1", "scope": "a b", "roles": ["admin"]}
BETTER_AUTH = TIMES | {
    "iss": "https://auth.example",
    "aud": "https://auth.example",
    "sub": "kV3nZ8pQ1rT5wY7xB2mC4dF6gH9jL0sA",
    "email": "alice@example.com",
    "emailVerified": True,
    "role": "user,admin",
}
AUTH0 = TIMES | {
    "iss": "https://tenant.eu.auth0.example/",
    "aud": [AUDIENCE, "https://tenant.eu.auth0.example/userinfo"],
    "sub": "auth0|650b1c",
    "azp": "web",
    "scope": "openid read:reports",
    "permissions": ["read:reports", "write:reports"],
}
KEYCLOAK = TIMES | {
    "iss": "https://keycloak.example/realms/main",
    "aud": [AUDIENCE, "account"],
    "sub": "0e6b3a52-6c0f-4f2f-8e6b-3a526c0f4f2f",
    "typ": "Bearer",
    "azp": "web",
    "sid": "s-1",
    "scope": "openid profile",
    "realm_access": {"roles": ["offline_access", "staff"]},
    "resource_access": {AUDIENCE: {"roles": ["editor"]}, "account": {"roles": ["manage-account"]}},
}
COGNITO = TIMES | {
    "iss": "https://cognito-idp.eu-west-1.amazonaws.example/eu-west-1_pool",
    "client_id": AUDIENCE,
    "sub": "f2a5e4b0",
    "token_use": "access",
    "scope": "tasks/read aws.cognito.signin.user.admin",
    "cognito:groups": ["admins"],
    "username": "alice",
}
ENTRA = TIMES | {
    "iss": "https://login.microsoftonline.example/tenant/v2.0",
    "aud": AUDIENCE,
    "nbf": NOW,
    "sub": "pairwise",
    "oid": "8a7b6c5d",
    "tid": "tenant",
    "azp": "web",
    "scp": "Tasks.Read Tasks.Write",
    "roles": ["Task.Admin"],
    "ver": "2.0",
}

NO_TYPE: dict[str, Any] = {"alg": "HS256"}
JWT = NO_TYPE | {"typ": "JWT"}
ACCESS_TOKEN = NO_TYPE | {"typ": "at+jwt"}

#: By profile: header, claims, and what the token says to a view.
SHAPES: dict[str, tuple[str, dict[str, Any], dict[str, Any], str, set[str], set[str]]] = {
    "jwt": ("jwt", JWT, CLAIMS | {"scope": "a b", "roles": ["r"]}, "alice", {"a", "b"}, {"r"}),
    "jwt with a list in scp": ("jwt", NO_TYPE, CLAIMS | {"scp": ["a", "b"]}, "alice", {"a", "b"}, set()),
    "rfc9068": ("rfc9068", ACCESS_TOKEN, RFC9068, "alice", {"a", "b"}, {"admin"}),
    "rfc9068, roles as objects": (
        "rfc9068",
        NO_TYPE | {"typ": "Application/AT+JWT"},
        RFC9068 | {"roles": [{"value": "admin", "primary": True}, {"display": "x"}, "staff", 5]},
        "alice",
        {"a", "b"},
        {"admin", "staff"},
    ),
    "better-auth": ("better-auth", NO_TYPE, BETTER_AUTH, BETTER_AUTH["sub"], set(), {"user", "admin"}),
    "better-auth as OAuth provider": (
        "better-auth",
        ACCESS_TOKEN,
        BETTER_AUTH | {"iss": "https://auth.example/api/auth", "aud": AUDIENCE, "scope": "tasks"},
        BETTER_AUTH["sub"],
        {"tasks"},
        {"user", "admin"},
    ),
    "auth0": ("auth0", JWT, AUTH0, "auth0|650b1c", {"openid", "read:reports", "write:reports"}, set()),
    "auth0 in its RFC 9068 profile": (
        "auth0",
        ACCESS_TOKEN,
        AUTH0 | {"client_id": "web", "jti": "t-1"},
        "auth0|650b1c",
        {"openid", "read:reports", "write:reports"},
        set(),
    ),
    "keycloak": (
        "keycloak",
        JWT,
        KEYCLOAK,
        KEYCLOAK["sub"],
        {"openid", "profile"},
        {"offline_access", "staff", "editor"},
    ),
    "keycloak with access tokens by header type": (
        "keycloak",
        ACCESS_TOKEN,
        KEYCLOAK,
        KEYCLOAK["sub"],
        {"openid", "profile"},
        {"offline_access", "staff", "editor"},
    ),
    "cognito": ("cognito", NO_TYPE, COGNITO, "f2a5e4b0", {"tasks/read", "aws.cognito.signin.user.admin"}, {"admins"}),
    "cognito with resource binding": (
        "cognito",
        NO_TYPE,
        COGNITO | {"aud": AUDIENCE},
        "f2a5e4b0",
        {"tasks/read", "aws.cognito.signin.user.admin"},
        {"admins"},
    ),
    "entra v2.0": ("entra", JWT, ENTRA, "8a7b6c5d", {"Tasks.Read", "Tasks.Write"}, {"Task.Admin"}),
    "entra v1.0 for an application": (
        "entra",
        JWT,
        {name: value for name, value in ENTRA.items() if name not in ("azp", "scp")} | {"appid": "web"},
        "8a7b6c5d",
        set(),
        {"Task.Admin"},
    ),
}


def read(profile: str, header: dict[str, Any], claims: dict[str, Any]) -> AccessToken:
    """Return what a verifier with a profile makes of a well-signed token."""
    audience = BETTER_AUTH["aud"] if claims.get("aud") == BETTER_AUTH["aud"] else AUDIENCE
    settings: dict[str, Any] = {
        "AUTH_PROFILE": profile,
        "AUTH_ISSUER": claims.get("iss", CLAIMS["iss"]),
        "AUTH_AUDIENCE": audience,
    }
    return authenticate(compact(header, claims), **settings)


@pytest.mark.parametrize(("profile", "header", "claims", "user_id", "scopes", "roles"), SHAPES.values(), ids=SHAPES)
def test_a_token_of_each_issuer_says_who_may_do_what(
    profile: str, header: dict[str, Any], claims: dict[str, Any], user_id: str, scopes: set[str], roles: set[str]
) -> None:
    """User, scopes and roles, wherever that issuer puts them."""
    token = read(profile, header, claims)

    assert token.user_id == user_id
    assert token.scopes == scopes
    assert token.roles == roles


def test_every_profile_has_a_shape_above() -> None:
    """None is without a token that shows it."""
    assert {shape[0] for shape in SHAPES.values()} == set(PROFILES)


#: Tokens of the same issuer, with the same keys, that are no access tokens for this service.
OTHERS: dict[str, tuple[str, dict[str, Any], dict[str, Any], type[AuthError]]] = {
    "rfc9068 without typ": ("rfc9068", NO_TYPE, RFC9068, errors.InvalidTypeError),
    "rfc9068 as JWT": ("rfc9068", JWT, RFC9068, errors.InvalidTypeError),
    "rfc9068 without client_id": ("rfc9068", ACCESS_TOKEN, CLAIMS | {"jti": "t-1"}, errors.MissingClaimError),
    "rfc9068 without jti": ("rfc9068", ACCESS_TOKEN, CLAIMS | {"client_id": "web"}, errors.MissingClaimError),
    "better-auth session cache": (
        "better-auth",
        NO_TYPE | {"typ": "better-auth.session-cache+jwt"},
        BETTER_AUTH,
        errors.InvalidTypeError,
    ),
    "auth0 without typ": ("auth0", NO_TYPE, AUTH0, errors.InvalidTypeError),
    "auth0 ID token": ("auth0", JWT, AUTH0 | {"aud": "web", "nonce": "n"}, errors.InvalidAudienceError),
    "keycloak ID token": ("keycloak", JWT, KEYCLOAK | {"typ": "ID"}, errors.InvalidTypeError),
    "keycloak refresh token": ("keycloak", JWT, KEYCLOAK | {"typ": "Refresh"}, errors.InvalidTypeError),
    "keycloak DPoP token": ("keycloak", JWT, KEYCLOAK | {"typ": "DPoP"}, errors.InvalidTypeError),
    "keycloak token for the account console": (
        "keycloak",
        JWT,
        KEYCLOAK | {"aud": "account"},
        errors.InvalidAudienceError,
    ),
    "keycloak bound to a certificate": (
        "keycloak",
        JWT,
        KEYCLOAK | {"cnf": {"x5t#S256": "x", "jkt": "y"}},
        errors.InvalidTypeError,
    ),
    "cognito ID token": ("cognito", NO_TYPE, COGNITO | {"token_use": "id", "aud": AUDIENCE}, errors.InvalidTypeError),
    "cognito of another client": ("cognito", NO_TYPE, COGNITO | {"client_id": "other"}, errors.InvalidAudienceError),
    "cognito without client": (
        "cognito",
        NO_TYPE,
        {name: value for name, value in COGNITO.items() if name != "client_id"},
        errors.InvalidAudienceError,
    ),
    "cognito with clients in a list": (
        "cognito",
        NO_TYPE,
        COGNITO | {"client_id": [AUDIENCE]},
        errors.InvalidAudienceError,
    ),
    "cognito bound to another resource": (
        "cognito",
        NO_TYPE,
        COGNITO | {"aud": "https://other.example"},
        errors.InvalidAudienceError,
    ),
    "entra ID token": (
        "entra",
        JWT,
        {name: value for name, value in ENTRA.items() if name not in ("azp", "scp")} | {"nonce": "n"},
        errors.MissingClaimError,
    ),
    "entra without oid": (
        "entra",
        JWT,
        {name: value for name, value in ENTRA.items() if name != "oid"},
        errors.MissingClaimError,
    ),
    "entra with a number in place of scopes": ("entra", JWT, ENTRA | {"scp": 5}, errors.MalformedTokenError),
    "auth0 with permissions in an object": (
        "auth0",
        JWT,
        AUTH0 | {"permissions": {"a": 1}},
        errors.MalformedTokenError,
    ),
}


@pytest.mark.parametrize(("profile", "header", "claims", "kind"), OTHERS.values(), ids=OTHERS)
def test_another_kind_of_token_is_refused(
    profile: str, header: dict[str, Any], claims: dict[str, Any], kind: type[AuthError]
) -> None:
    """Although it is well signed, by the same issuer, and in time."""
    with pytest.raises(AuthError) as raised:
        read(profile, header, claims)

    assert type(raised.value) is kind


#: The claims that a profile demands of itself, whatever the settings; ``aud`` has a check of its own.
REQUIRED: dict[str, tuple[str, ...]] = {
    "rfc9068": ("iss", "exp", "sub", "client_id", "iat", "jti"),
    "better-auth": ("iss",),
    "auth0": ("iss",),
    "keycloak": ("iss",),
    "cognito": ("iss",),
    "entra": ("iss",),
}


@pytest.mark.parametrize(
    ("profile", "absent"), [(profile, name) for profile, names in REQUIRED.items() for name in names]
)
def test_a_claim_that_the_profile_requires_is_missed(profile: str, absent: str) -> None:
    """Even by a service whose settings require nothing and trust any issuer."""
    _, header, claims, *_ = SHAPES["entra v2.0" if profile == "entra" else profile]
    settings: dict[str, Any] = {
        "AUTH_PROFILE": profile,
        "AUTH_ISSUER": None,
        "AUTH_AUDIENCE": claims.get("aud", AUDIENCE),
        "AUTH_REQUIRED_CLAIMS": [],
    }
    token = compact(header, {name: value for name, value in claims.items() if name != absent})

    with pytest.raises(errors.MissingClaimError, match=f"^{absent} is absent or null$"):
        verifier(**settings).verify(token)


@pytest.mark.parametrize("profile", REQUIRED)
def test_a_profile_whose_tokens_name_an_audience_needs_ours(profile: str) -> None:
    """Without it no token would be accepted, so the service does not start."""
    with pytest.raises(errors.ConfigurationError, match="AUTH_AUDIENCE is not set, and tokens have to name one"):
        verifier(AUTH_PROFILE=profile, AUTH_AUDIENCE=None)


@pytest.mark.parametrize(
    ("profile", "claims", "roles"),
    [
        ("jwt", {"roles": "admin"}, {"admin"}),
        ("jwt", {"roles": "site admin"}, {"site admin"}),
        ("jwt", {"roles": ""}, set()),
        ("jwt", {"roles": None}, set()),
        ("jwt", {"roles": 5}, set()),
        ("jwt", {"roles": {"admin": True}}, set()),
        ("jwt", {"roles": [["admin"], {"value": ["admin"]}, None, True]}, set()),
        ("better-auth", {"role": " user , ,admin,"}, {"user", "admin"}),
        ("better-auth", {"role": ["user,admin"]}, {"user,admin"}),
        ("better-auth", {"role": None, "roles": "admin"}, set()),
        ("auth0", {"roles": ["admin"]}, set()),
        ("keycloak", {"realm_access": ["admin"], "resource_access": None}, set()),
        ("keycloak", {"realm_access": {"roles": {"admin": 1}}, "resource_access": {AUDIENCE: ["admin"]}}, set()),
        ("keycloak", {"resource_access": {"account": {"roles": ["admin"]}}}, {"offline_access", "staff"}),
        ("entra", {"roles": ["a", "a"]}, {"a"}),
    ],
)
def test_roles_in_odd_shapes_grant_nothing(profile: str, claims: dict[str, Any], roles: set[str]) -> None:
    """And do no harm: a service that asks for no roles is not concerned."""
    _, header, usual, *_ = SHAPES["entra v2.0" if profile == "entra" else profile]

    assert read(profile, header, usual | claims).roles == roles


def test_an_identity_claim_that_is_set_wins_over_that_of_the_profile() -> None:
    """A service that knows its users by ``sub`` says so."""
    settings: dict[str, Any] = {"AUTH_PROFILE": "entra", "AUTH_ISSUER": ENTRA["iss"], "AUTH_IDENTITY_CLAIM": "sub"}

    assert verifier(**settings).verify(compact(JWT, ENTRA)).user_id == "pairwise"
