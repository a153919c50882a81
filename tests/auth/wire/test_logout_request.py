"""The form that an issuer posts (OpenID Connect Back-Channel Logout 1.0 §2.5)."""

from __future__ import annotations

import pytest

from auth.errors import MalformedRequestError
from auth.wire.logout_request import parse_logout_request, pick_logout_token

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("parameters", "body"),
    [
        pytest.param({}, b"logout_token=a.b.c", id="the field alone"),
        pytest.param({"charset": "utf-8"}, b"logout_token=a.b.c", id="in UTF-8"),
        pytest.param({"charset": "UTF-8"}, b"logout_token=a.b.c", id="in UTF-8, upper-case"),
        pytest.param({"boundary": "x"}, b"logout_token=a.b.c", id="a parameter that means nothing"),
        pytest.param({}, b"logout_token=a%2Eb%2ec", id="with escapes"),
        pytest.param({}, b"state=1&logout_token=a.b.c&state=2&&x", id="among other fields"),
        pytest.param({}, "ä=ö&logout_token=a.b.c".encode(), id="beside text without escapes"),
        pytest.param({}, b"LOGOUT_TOKEN=d&logout_token=a.b.c", id="beside a field in another case"),
    ],
)
def test_the_logout_token_is_read_from_the_form(parameters: dict[str, str], body: bytes) -> None:
    """Values that are not understood are ignored."""
    assert parse_logout_request(FORM, parameters, body) == "a.b.c"


@pytest.mark.parametrize(
    ("media_type", "parameters", "body", "reason"),
    [
        pytest.param("", {}, b"logout_token=a", f"the body is not {FORM}", id="no content type"),
        pytest.param("application/json", {}, b'{"logout_token": "a"}', f"the body is not {FORM}", id="JSON"),
        pytest.param("multipart/form-data", {}, b"logout_token=a", f"the body is not {FORM}", id="multipart"),
        pytest.param(FORM + "+x", {}, b"logout_token=a", f"the body is not {FORM}", id="nearly a form"),
        pytest.param(FORM, {"charset": "latin-1"}, b"logout_token=a", "the form is not in UTF-8", id="Latin-1"),
        pytest.param(FORM, {"charset": ""}, b"logout_token=a", "the form is not in UTF-8", id="an empty charset"),
        pytest.param(FORM, {}, b"\xff=1&logout_token=a", "the form is not in UTF-8", id="bytes that are no UTF-8"),
        pytest.param(FORM, {}, b"logout_token=a&x=%ff", "the form is not in UTF-8", id="escapes that are no UTF-8"),
        pytest.param(FORM, {}, b"", "logout_token is there 0 times; it must be there once", id="an empty body"),
        pytest.param(
            FORM, {}, b"token=a.b.c", "logout_token is there 0 times; it must be there once", id="another field"
        ),
        pytest.param(
            FORM,
            {},
            b"logout_token=a&logout_token=a",
            "logout_token is there 2 times; it must be there once",
            id="the field twice",
        ),
        pytest.param(
            FORM,
            {},
            b"logout_token=a&logout_token",
            "logout_token is there 2 times; it must be there once",
            id="the field and its name",
        ),
    ],
)
def test_no_other_body_is_read(media_type: str, parameters: dict[str, str], body: bytes, reason: str) -> None:
    """Two programs must not read one body differently."""
    with pytest.raises(MalformedRequestError) as raised:
        parse_logout_request(media_type, parameters, body)

    assert raised.value.reason == reason


def test_an_empty_field_is_there() -> None:
    """It is no token, which the judge of tokens says."""
    assert parse_logout_request(FORM, {}, b"logout_token=") == ""


def test_the_token_of_a_form_that_was_parsed_before_is_taken_as_it_is() -> None:
    """A hook of the service may have read the form."""
    assert pick_logout_token(FORM, {"charset": "utf-8"}, ["a.b.c"]) == "a.b.c"


@pytest.mark.parametrize(
    ("media_type", "parameters", "tokens", "reason"),
    [
        ("multipart/form-data", {}, ["a"], f"the body is not {FORM}"),
        (FORM, {"charset": "latin-1"}, ["a"], "the form is not in UTF-8"),
        (FORM, {}, [], "logout_token is there 0 times"),
        (FORM, {}, ["a", "b"], "logout_token is there 2 times"),
    ],
)
def test_a_form_that_was_parsed_before_is_judged_alike(
    media_type: str, parameters: dict[str, str], tokens: list[str], reason: str
) -> None:
    """By what it was sent as, and how often the field is there."""
    with pytest.raises(MalformedRequestError) as refused:
        pick_logout_token(media_type, parameters, tokens)

    assert reason in refused.value.reason
