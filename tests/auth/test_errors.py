"""The error table as data."""

from __future__ import annotations

import json

import pytest

from auth import errors
from auth.errors import (
    AuthError,
    AuthErrorCode,
    ConfigurationError,
    InsufficientScopeError,
    KeysUnavailableError,
    MisuseError,
)
from auth.wire.challenges import body_for, challenges_for

ROWS = [
    (errors.MissingTokenError, "missing_token", 401, None),
    (errors.MalformedRequestError, "malformed_request", 400, "invalid_request"),
    (errors.MalformedHeaderError, "malformed_header", 401, "invalid_token"),
    (errors.MalformedTokenError, "malformed_token", 401, "invalid_token"),
    (errors.InvalidSignatureError, "invalid_signature", 401, "invalid_token"),
    (errors.TokenExpiredError, "token_expired", 401, "invalid_token"),
    (errors.TokenNotYetValidError, "token_not_yet_valid", 401, "invalid_token"),
    (errors.InvalidIssuerError, "invalid_issuer", 401, "invalid_token"),
    (errors.InvalidAudienceError, "invalid_audience", 401, "invalid_token"),
    (errors.InvalidTypeError, "invalid_type", 401, "invalid_token"),
    (errors.MissingClaimError, "missing_claim", 401, "invalid_token"),
    (errors.TokenRevokedError, "token_revoked", 401, "invalid_token"),
    (errors.InsufficientRoleError, "insufficient_role", 403, None),
    (errors.NotOwnerError, "not_owner", 403, None),
    (errors.NotTenantError, "not_tenant", 403, None),
    (errors.WrongCallerError, "wrong_caller", 403, None),
    (errors.DelegatedTokenError, "delegated_token", 403, None),
    (errors.UndeclaredRouteError, "undeclared_route", 403, None),
    (errors.KeysUnavailableError, "keys_unavailable", 503, None),
    (errors.DenylistUnavailableError, "denylist_unavailable", 503, None),
]


@pytest.mark.parametrize(("kind", "code", "status", "challenge_error"), ROWS, ids=[row[1] for row in ROWS])
def test_each_error_is_one_row_of_the_table(
    kind: type[AuthError], code: str, status: int, challenge_error: str | None
) -> None:
    """Code, status and challenge error are facts of the class."""
    error = kind("the exact cause")

    assert (error.code, error.status, error.challenge_error) == (code, status, challenge_error)
    assert error.reason == str(error) == "the exact cause"


def test_an_insufficient_login_names_what_is_needed() -> None:
    """It is one more row of the table; what would have sufficed travels with the error."""
    error = errors.InsufficientUserAuthenticationError(["phr", "phrh"], 300, "cause")

    assert (error.code, error.status) == ("insufficient_user_authentication", 401)
    assert error.challenge_error == "insufficient_user_authentication"
    assert (error.acr_values, error.max_age, error.reason) == (("phr", "phrh"), 300, "cause")


def test_every_code_belongs_to_exactly_one_error() -> None:
    """The table above and the enumeration name the same codes."""
    assert sorted([*(row[1] for row in ROWS), "insufficient_scope", "insufficient_user_authentication"]) == sorted(
        AuthErrorCode
    )


def test_an_error_without_a_reason_says_what_the_client_reads() -> None:
    """The log line is never empty."""
    error = errors.TokenExpiredError()

    assert error.reason == "The access token has expired."


def test_an_insufficient_scope_names_the_scopes() -> None:
    """The scopes that would have sufficed travel with the error."""
    error = InsufficientScopeError(["reports:read", "reports:write"], "cause")

    assert error.scope == ("reports:read", "reports:write")
    assert error.reason == "cause"


def test_keys_that_cannot_be_had_say_when_to_try_again() -> None:
    """The default of five seconds can be replaced by the key source."""
    assert KeysUnavailableError().retry_after == 5
    assert KeysUnavailableError("cause", retry_after=17).retry_after == 17


@pytest.mark.parametrize("kind", [*(row[0] for row in ROWS), InsufficientScopeError], ids=lambda kind: kind.__name__)
def test_messages_are_fixed_sentences_that_fit_an_error_description(kind: type[AuthError]) -> None:
    """RFC 6750 §3 forbids quotes and backslashes in what a challenge may describe."""
    assert kind.message.isascii()
    assert kind.message.endswith(".")
    assert not set(kind.message) & set('"\\')


@pytest.mark.parametrize("kind", [ConfigurationError, MisuseError])
def test_faults_of_the_service_stand_outside_the_family(kind: type[Exception]) -> None:
    """One stops the start, the other is a bug in the service: no handler for refusals may swallow them."""
    assert not issubclass(kind, AuthError)


def test_a_configuration_error_lists_every_problem() -> None:
    """One message, one line per problem."""
    error = ConfigurationError(["First.", "Second."])

    assert error.problems == ("First.", "Second.")
    assert str(error) == "This cannot work as configured:\n  - First.\n  - Second."


def test_a_configuration_error_takes_one_problem_as_text() -> None:
    """A single sentence is one problem, not one per letter."""
    error = ConfigurationError("Only.")

    assert error.problems == ("Only.",)


def test_the_exact_cause_reaches_neither_body_nor_challenge() -> None:
    """What the client reads depends on the code alone."""
    error = errors.InvalidSignatureError("kid 42 is unknown")

    assert "42" not in json.dumps(body_for(error))
    assert "42" not in str(challenges_for(error, "api"))
