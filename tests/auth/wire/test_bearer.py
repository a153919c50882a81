"""The bearer token out of the ``Authorization`` field."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auth import errors
from auth.errors import AuthError
from auth.wire.bearer import parse_authorization
from auth.wire.credentials import Credentials

ACCEPTED = {
    "plain": ("Bearer abc.def.ghi", "abc.def.ghi"),
    "lower case": ("bearer abc", "abc"),
    "upper case": ("BEARER abc", "abc"),
    "mixed case": ("bEaReR abc", "abc"),
    "two spaces": ("Bearer  abc", "abc"),
    "several spaces": ("Bearer   abc", "abc"),
    "spaces around": ("  Bearer abc  ", "abc"),
    "tabs around": ("\tBearer abc\t", "abc"),
    "whole alphabet": ("Bearer azAZ09-._~+/==", "azAZ09-._~+/=="),
    "token named bearer": ("Bearer Bearer", "Bearer"),
    "token of one letter": ("Bearer X", "X"),
}


@pytest.mark.parametrize(("header", "token"), ACCEPTED.values(), ids=ACCEPTED)
def test_one_bearer_credential_gives_its_token(header: str, token: str) -> None:
    """The scheme counts in any case and with any number of spaces (RFC 9110 §11.1 and §11.4)."""
    assert parse_authorization(header) == Credentials("bearer", token)


REFUSED: dict[str, tuple[str | None, type[AuthError]]] = {
    "no header": (None, errors.MissingTokenError),
    "empty": ("", errors.MissingTokenError),
    "blank": ("   ", errors.MissingTokenError),
    "Basic": ("Basic YWxpY2U6c2VjcmV0", errors.MissingTokenError),
    "DPoP": ("DPoP abc", errors.MissingTokenError),
    "Digest with commas": ('Digest username="a", realm="b"', errors.MissingTokenError),
    "token alone": ("abc.def.ghi", errors.MissingTokenError),
    "unlike Bearer": ("Bear abc", errors.MissingTokenError),
    "letters around Bearer": ("XBearer abcX", errors.MissingTokenError),
    "scheme alone": ("Bearer", errors.MalformedHeaderError),
    "scheme and a space": ("Bearer ", errors.MalformedHeaderError),
    "scheme and spaces": ("Bearer    ", errors.MalformedHeaderError),
    "two values": ("Bearer abc def", errors.MalformedHeaderError),
    "scheme twice": ("Bearer Bearer abc", errors.MalformedHeaderError),
    "tab between": ("Bearer\tabc", errors.MalformedHeaderError),
    "tab in the value": ("Bearer abc\tdef", errors.MalformedHeaderError),
    "colon": ("Bearer: abc", errors.MalformedHeaderError),
    "equals sign": ("Bearer=abc", errors.MalformedHeaderError),
    "glued": ("Bearerabc", errors.MalformedHeaderError),
    "quotes": ('Bearer "abc"', errors.MalformedHeaderError),
    "named value": ("Bearer token=abc", errors.MalformedHeaderError),
    "padding first": ("Bearer =abc", errors.MalformedHeaderError),
    "half a surrogate pair": ("Bearer abc\udce9", errors.MalformedHeaderError),
    "padding alone": ("Bearer ==", errors.MalformedHeaderError),
    "padding inside": ("Bearer ab=c", errors.MalformedHeaderError),
    "padding before one letter": ("Bearer ab=X", errors.MalformedHeaderError),
    "comma at the end": ("Bearer abc,", errors.MalformedHeaderError),
    "comma and a word that begins with Bearer": ("Bearer abc,bearerdef", errors.MalformedHeaderError),
    "not ASCII": ("Bearer abcé", errors.MalformedHeaderError),
    "no-break space": ("Bearer\xa0abc", errors.MalformedHeaderError),
    "NUL": ("Bearer abc\x00", errors.MalformedHeaderError),
    "newline": ("Bearer abc\n", errors.MalformedHeaderError),
    "joined Bearer": ("Bearer abc, Bearer def", errors.MalformedRequestError),
    "joined without space": ("Bearer abc,Bearer def", errors.MalformedRequestError),
    "joined in another case": ("Bearer abc, bEARER def", errors.MalformedRequestError),
    "the same twice": ("Bearer abc, Bearer abc", errors.MalformedRequestError),
    "Bearer and Basic": ("Bearer abc, Basic YTpi", errors.MalformedRequestError),
    "Basic and Bearer": ("Basic YTpi, Bearer abc", errors.MalformedRequestError),
    "Bearer and DPoP": ("Bearer abc, DPoP def", errors.MalformedRequestError),
    "Bearer and an unregistered scheme": ("Bearer abc, AWS4-HMAC-SHA256 def", errors.MalformedRequestError),
    "Bearer and a bare scheme": ("Bearer abc, Bearer", errors.MalformedRequestError),
    "Bearer and a bare scheme with a space": ("Bearer abc, Bearer ", errors.MalformedRequestError),
    "a bare scheme between two": ("Bearer abc, Bearer, def", errors.MalformedRequestError),
    "a bare scheme with a space between two": ("Bearer abc, Bearer , def", errors.MalformedRequestError),
    "joined with several spaces": ("Bearer abc, Basic   YTpi", errors.MalformedRequestError),
    "a scheme without credentials and Bearer": ("Negotiate, Bearer abc", errors.MalformedRequestError),
    "Bearer and a word with a space": ("Bearer abc, def ", errors.MalformedHeaderError),
}


@pytest.mark.parametrize(("header", "refusal"), REFUSED.values(), ids=REFUSED)
def test_anything_but_one_bearer_credential_is_refused(header: str | None, refusal: type[AuthError]) -> None:
    """No credentials, malformed ones and several are told apart (RFC 6750 §2 and §3.1)."""
    with pytest.raises(refusal) as raised:
        parse_authorization(header)
    assert type(raised.value) is refusal


@settings(max_examples=300)
@given(st.one_of(st.text(), st.text().map(lambda text: f"Bearer {text}"), st.text(alphabet="bBearer ,\t=._x")))
def test_any_text_is_a_token_or_one_of_three_refusals(header: str) -> None:
    """Nothing a client can send raises anything else, and no empty token comes out."""
    refusals = (errors.MissingTokenError, errors.MalformedRequestError, errors.MalformedHeaderError)
    try:
        token = parse_authorization(header).token
    except refusals:
        return

    assert token
    assert token.isascii()
    assert not set(token) & set(" ,\t\n")


def test_credentials_do_not_show_what_they_hold() -> None:
    """Whatever prints them, a log or a crash report, prints no token and no proof."""
    shown = repr(Credentials("bearer", "secret.secret.secret", proof="secret", certificate=b"secret"))

    assert "secret" not in shown
    assert "bearer" in shown
