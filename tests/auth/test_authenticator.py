"""From credentials to an access token: what is decided after the token itself is verified."""

from __future__ import annotations

from typing import Any

import pytest

from auth import errors
from auth.authenticator import Authenticator
from auth.wire.credentials import Credentials
from tests.support.services import NOW, OTHER_SECRET, authenticate, compact, verifier, with_claims


def test_good_credentials_become_an_access_token() -> None:
    """With the seconds between which it may be believed."""
    token = authenticate(compact(), AUTH_LEEWAY=5)

    assert token.user_id == "alice"
    assert (token.valid_from, token.valid_until) == (NOW - 5, NOW + 900 + 5)


@pytest.mark.parametrize("confirmation", [{"jkt": "abc"}, {"x5t#S256": "abc"}, {}, False, 0, ""], ids=repr)
def test_a_token_that_is_bound_to_a_key_is_no_bearer_token(confirmation: Any) -> None:
    """RFC 7800 §3.1: whatever stands in ``cnf``, nobody has proved to have the key."""
    with pytest.raises(errors.InvalidTypeError, match="bound to a key by cnf"):
        authenticate(with_claims(cnf=confirmation))


def test_a_confirmation_of_null_binds_nothing() -> None:
    """Null is the same as absent."""
    assert authenticate(with_claims(cnf=None)).user_id == "alice"


def test_a_bound_token_is_refused_when_it_is_remembered_as_well() -> None:
    """The binding belongs to the request, not to what is known of the token."""
    remembering = Authenticator(verifier())
    bound = Credentials("bearer", with_claims(cnf={"jkt": "abc"}))

    for _ in range(2):
        with pytest.raises(errors.InvalidTypeError):
            remembering.authenticate(bound)


def test_a_token_that_does_not_verify_is_refused_for_that() -> None:
    """Before anybody looks at its binding."""
    with pytest.raises(errors.InvalidSignatureError):
        authenticate(compact(claims={"cnf": {"jkt": "abc"}}, secret=OTHER_SECRET), AUTH_ISSUER=None)
