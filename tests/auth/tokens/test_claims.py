"""What the refusal of a claim says: the reason to the log, the sentence to the client."""

from __future__ import annotations

from typing import Any

import pytest

from auth import errors
from auth.errors import AuthError
from tests.support.services import verifier, with_claims

UNUSABLE = "A claim of the access token cannot be used here:"
NOT_VERIFIED = "is not true, so the identity claim is not verified"
BY_ADDRESS: dict[str, Any] = {"AUTH_IDENTITY_CLAIM": "email"}


def refusal_of(claims: dict[str, Any], settings: dict[str, Any]) -> AuthError:
    """Return what a service with changed settings raises for a token with changed claims."""
    with pytest.raises(AuthError) as raised:
        verifier(**settings).verify(with_claims(**claims))
    return raised.value


#: Changed claims, changed settings, the reason, and what the client reads.
UNUSABLE_CLAIMS: dict[str, tuple[dict[str, Any], dict[str, Any], str, str]] = {
    "a required time that is text": (
        {"exp": "soon"},
        {},
        "exp has the wrong type",
        f"{UNUSABLE} exp must be a number of seconds since 1970.",
    ),
    "a required name that is a number": (
        {"jti": 7},
        {"AUTH_REQUIRED_CLAIMS": ["exp", "jti"]},
        "jti has the wrong type",
        f"{UNUSABLE} jti must be a string.",
    ),
    "a subject that is a number": ({"sub": 7}, {}, "sub has the wrong type", f"{UNUSABLE} sub must be a string."),
    "a user of another claim that is a number": (
        {"uid": 7},
        {"AUTH_IDENTITY_CLAIM": "uid"},
        "uid has the wrong type",
        f"{UNUSABLE} uid must be a string.",
    ),
    "a blank user": (
        {"uid": "\t"},
        {"AUTH_IDENTITY_CLAIM": "uid"},
        "uid is blank, or holds control characters or U+FFFD",
        f"{UNUSABLE} uid must be a string that is not blank and has no control characters.",
    ),
    "an address that is not verified": (
        {"email": "alice@example.com", "email_verified": False},
        BY_ADDRESS,
        f"email_verified {NOT_VERIFIED}",
        f"{UNUSABLE} email_verified must be true.",
    ),
    "an address that either of two claims could verify": (
        {"email": "alice@example.com"},
        BY_ADDRESS | {"AUTH_PROFILE": "better-auth"},
        f"emailVerified or email_verified {NOT_VERIFIED}",
        f"{UNUSABLE} emailVerified or email_verified must be true.",
    ),
}


@pytest.mark.parametrize(("claims", "settings", "reason", "message"), UNUSABLE_CLAIMS.values(), ids=UNUSABLE_CLAIMS)
def test_the_client_reads_which_claim_cannot_be_used_and_what_it_must_be(
    claims: dict[str, Any], settings: dict[str, Any], reason: str, message: str
) -> None:
    """The log says what is wrong with it; neither repeats its value."""
    refusal = refusal_of(claims, settings)

    assert type(refusal) is errors.MissingClaimError
    assert (refusal.reason, refusal.message) == (reason, message)


#: By the number of our audiences: what the log expects.
EXPECTED = {
    1: "expected a1",
    2: "expected a1 or a2",
    5: "expected a1 or a2 or a3 or a4 or a5",
    6: "expected a1 or a2 or a3 or a4 or a5 or one of 1 more",
    8: "expected a1 or a2 or a3 or a4 or a5 or one of 3 more",
}


@pytest.mark.parametrize(("count", "expected"), EXPECTED.items(), ids=str)
def test_the_log_lists_five_of_our_audiences_and_counts_the_others(count: int, expected: str) -> None:
    """A service may have any number of names; a line of the log stays short."""
    ours = [f"a{number}" for number in range(count, 0, -1)]

    assert refusal_of({"aud": "elsewhere"}, {"AUTH_AUDIENCE": ours}).reason == f"aud names other services; {expected}"


@pytest.mark.parametrize("aud", [7, {}, [None], ["a", 7]], ids=str)
@pytest.mark.parametrize(
    ("ours", "why"), [(None, "AUTH_AUDIENCE is not set"), ("web", "expected web")], ids=["not set", "set"]
)
def test_an_audience_that_is_no_text_is_refused_with_what_would_have_been_right(
    aud: object, ours: str | None, why: str
) -> None:
    """Even if the service has no name, since such a token is meant for somebody (RFC 7519 §4.1.3)."""
    refusal = refusal_of({"aud": aud}, {"AUTH_AUDIENCE": ours})

    assert type(refusal) is errors.InvalidAudienceError
    assert refusal.reason == f"aud is absent or not a string or a list of strings; {why}"


#: An ``act`` of each kind that does not say who acts, and the reason.
NOBODY_ACTS: dict[str, tuple[Any, str]] = {
    "text": ("helpdesk", "act is not an object"),
    "without a name": ({}, "act has no sub, or one that is not text"),
    "a number": ({"sub": 7}, "act has no sub, or one that is not text"),
    "an inner one without a name": ({"sub": "a", "act": {}}, "act has no sub, or one that is not text"),
}


@pytest.mark.parametrize(("act", "reason"), NOBODY_ACTS.values(), ids=NOBODY_ACTS)
def test_an_actor_without_a_name_is_refused(act: Any, reason: str) -> None:
    """RFC 8693 §4.1. The reason is for the log."""
    refused = refusal_of({"act": act}, {})

    assert isinstance(refused, errors.MalformedTokenError)
    assert refused.reason == reason


def test_an_actor_with_a_name_is_accepted() -> None:
    """And a token without one."""
    assert verifier().verify(with_claims(act={"sub": "helpdesk"})).actor is not None
    assert verifier().verify(with_claims()).actor is None
