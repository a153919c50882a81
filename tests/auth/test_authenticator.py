"""From credentials to an access token: what is decided after the token itself is verified."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from auth import errors
from auth.wire.bearer import parse_authorization
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
    remembering = verifier(cache_size=8)
    bound = with_claims(cnf={"jkt": "abc"})

    for _ in range(2):
        with pytest.raises(errors.InvalidTypeError):
            remembering.verify(bound)


@pytest.mark.parametrize("times", [1, 2], ids=["never seen", "remembered"])
@pytest.mark.parametrize(
    ("field", "refused"),
    [
        (f"Bearer {with_claims(cnf={'jkt': 'abc'})}", errors.InvalidTypeError),
        (f"Bearer  {compact()}, Basic x", errors.MalformedRequestError),
        (f"Basic {compact()}", errors.MissingTokenError),
        (f"Bearer {compact()} ", None),
        (f"bearer {compact()}", None),
        (f"Bearer {compact()}=", errors.MalformedTokenError),
        (None, errors.MissingTokenError),
    ],
    ids=["bound", "two credentials", "another scheme", "space behind", "lower case", "padding", "no field"],
)
def test_a_field_is_answered_alike_whether_its_token_is_remembered(
    field: str | None, refused: type[errors.AuthError] | None, times: int
) -> None:
    """A token that was verified before is found by what follows ``Bearer``, and by nothing else."""
    remembering = verifier(cache_size=8)
    for _ in range(times - 1):
        assert remembering.authenticate_field(f"Bearer {compact()}")[0].user_id == "alice"
        with pytest.raises(errors.InvalidTypeError):
            remembering.authenticate_field(f"Bearer {with_claims(cnf={'jkt': 'abc'})}")

    if refused is None:
        assert remembering.authenticate_field(field)[0].user_id == "alice"
    else:
        with pytest.raises(refused):
            remembering.authenticate_field(field)


def outcome_of(call: Callable[[], object]) -> object:
    try:
        return call()
    except errors.AuthError as error:
        return type(error), error.reason


@given(
    st.sampled_from(["Bearer ", "bearer ", "Bearer  ", "Bearer\t", " Bearer ", "Basic ", "Bearer"]),
    st.lists(st.tuples(st.integers(0, 400), st.text("a=.,/+~ \t\n\0é", max_size=3)), max_size=2),
)
@example("Bearer ", [])
@example("Bearer  ", [])
@example("Bearer ", [(400, ", Basic x")])
@example("Bearer ", [(400, "=")])
def test_a_field_is_answered_as_if_it_were_parsed_first(scheme: str, insertions: list[tuple[int, str]]) -> None:
    """The usual field is not; whatever is written into it changes no answer."""
    text = compact()
    for place, inserted in insertions:
        text = text[:place] + inserted + text[place:]
    authenticator = verifier()

    def parsed_first() -> object:
        return authenticator.verify(parse_authorization(scheme + text).token)

    assert outcome_of(lambda: authenticator.authenticate_field(scheme + text)[0]) == outcome_of(parsed_first)


def test_a_token_that_does_not_verify_is_refused_for_that() -> None:
    """Before anybody looks at its binding."""
    with pytest.raises(errors.InvalidSignatureError):
        authenticate(compact(claims={"cnf": {"jkt": "abc"}}, secret=OTHER_SECRET), AUTH_ISSUER=None)


@pytest.mark.parametrize(
    ("field", "is_remembered"),
    [("Bearer {}", True), ("bearer {}", True), ("BEARER {}", True), ("Bearer  {}", False), ("Bearer {} ", False)],
)
def test_a_token_is_remembered_under_the_whole_field(field: str, is_remembered: bool) -> None:
    """One with more space than usual is not: it can be written without end, and would fill the memory."""
    authenticator, authorization = verifier(cache_size=8), field.format(compact())

    first, second = (authenticator.authenticate_field(authorization) for _ in range(2))

    assert (first[1], second[1]) == (False, is_remembered)
    assert first[0] == second[0]


def test_a_field_remembers_nothing_that_a_text_would_be_refused_for() -> None:
    """A socket hands over the text itself, and space in front of a token is only forgiven in a field."""
    authenticator = verifier(cache_size=8)
    authenticator.authenticate_field(f"Bearer  {compact()}")
    authenticator.authenticate_field(f"Bearer {compact()}")

    assert authenticator.verify(compact()).user_id == "alice"
    with pytest.raises(errors.MalformedTokenError):
        authenticator.verify(f" {compact()}")
