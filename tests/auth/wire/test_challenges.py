"""The answer to a refusal, as text (RFC 6750 §3)."""

from __future__ import annotations

import pytest

from auth import errors
from auth.errors import AuthError, InsufficientScopeError, KeysUnavailableError
from auth.wire.challenges import Challenge, body_for, challenges_for, headers_for

CHALLENGES: dict[str, tuple[AuthError, list[str]]] = {
    "no credentials": (errors.MissingTokenError(), ['Bearer realm="api"']),
    "several credentials": (errors.MalformedRequestError(), ['Bearer realm="api", error="invalid_request"']),
    "bad token": (errors.TokenExpiredError(), ['Bearer realm="api", error="invalid_token"']),
    "one scope": (InsufficientScopeError(["a"]), ['Bearer realm="api", error="insufficient_scope", scope="a"']),
    "two scopes": (InsufficientScopeError(["a", "b"]), ['Bearer realm="api", error="insufficient_scope", scope="a b"']),
    "another login": (
        errors.InsufficientUserAuthenticationError(["phr", "phrh"], 300),
        [
            'Bearer realm="api", error="insufficient_user_authentication", acr_values="phr phrh", max_age="300"',
        ],
    ),
    "a newer login": (
        errors.InsufficientUserAuthenticationError(max_age=1),
        ['Bearer realm="api", error="insufficient_user_authentication", max_age="1"'],
    ),
    "another owner": (errors.NotOwnerError(), []),
    "undeclared route": (errors.UndeclaredRouteError(), []),
    "no keys": (errors.KeysUnavailableError(), []),
}


@pytest.mark.parametrize(("error", "challenges"), CHALLENGES.values(), ids=CHALLENGES)
def test_the_challenge_says_what_rfc_6750_registers(error: AuthError, challenges: list[str]) -> None:
    """Every attribute is quoted, and the error is left out where no credentials came."""
    assert [str(challenge) for challenge in challenges_for(error, "api")] == challenges


def test_the_realm_stands_in_the_challenge() -> None:
    """The realm is the service's own."""
    (challenge,) = challenges_for(errors.MissingTokenError(), "Tasks of Alice")

    assert challenge == Challenge("Bearer", (("realm", "Tasks of Alice"),))
    assert str(challenge) == 'Bearer realm="Tasks of Alice"'


def test_a_refusal_is_kept_out_of_caches() -> None:
    """The next caller may have another token."""
    assert headers_for(errors.MissingTokenError(), "api") == [
        ("Cache-Control", "no-store"),
        ("Vary", "Authorization"),
        ("WWW-Authenticate", 'Bearer realm="api"'),
    ]


def test_missing_keys_say_when_to_try_again_and_challenge_nobody() -> None:
    """The token is not to blame."""
    assert headers_for(KeysUnavailableError(retry_after=30), "api") == [
        ("Cache-Control", "no-store"),
        ("Vary", "Authorization"),
        ("Retry-After", "30"),
    ]


def test_the_body_names_status_sentence_and_code() -> None:
    """The one JSON shape of every refusal."""
    assert body_for(errors.TokenExpiredError("exp is reached")) == {
        "code": 401,
        "status": "Unauthorized",
        "message": "The access token has expired.",
        "error": "token_expired",
    }
