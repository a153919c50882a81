"""Slips of clients in the ``Authorization`` field, each with its reason for the log."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auth.errors import AuthError, MalformedHeaderError
from auth.wire.bearer import parse_authorization

TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl"

SLIPS = {
    "scheme pasted where it is added": (f"Bearer Bearer {TOKEN}", "Bearer stands twice"),
    "scheme twice in lower case": (f"bearer bearer {TOKEN}", "Bearer stands twice"),
    "scheme twice with a colon": (f"Bearer Bearer:{TOKEN}", "Bearer stands twice"),
    "quotes": (f'Bearer "{TOKEN}"', "quotation marks stand around the token"),
    "single quotes": (f"Bearer '{TOKEN}'", "quotation marks stand around the token"),
    "quotes of a word processor": (f"Bearer \u201c{TOKEN}\u201d", "quotation marks stand around the token"),
    "bytes printed by Python": (
        f"Bearer b'{TOKEN}'",
        "bytes of Python stand in place of the token, with b and quotation marks",
    ),
    "angle brackets of a manual": (f"Bearer <{TOKEN}>", "angle brackets stand around the token"),
    "variable of Postman": ("Bearer {{token}}", "the name of a variable stands in place of the token"),
    "variable of a shell": ("Bearer $TOKEN", "the name of a variable stands in place of the token"),
    "variable of a template": ("Bearer ${TOKEN}", "the name of a variable stands in place of the token"),
    "variable of Windows": ("Bearer %TOKEN%", "the name of a variable stands in place of the token"),
    "JSON": (
        'Bearer {"access_token": "x"}',
        "curly braces stand around the token, as in JSON or around a variable",
    ),
    "object": ("Bearer [object Object]", "an object of JavaScript stands in place of the token"),
    "list": (f"Bearer [{TOKEN}]", "square brackets stand around the token"),
    "named value": (f"Bearer token={TOKEN}", "a name stands in front of the token"),
    "named value with a colon": (f"Bearer access_token: {TOKEN}", "a name stands in front of the token"),
    "percent-encoded": (f"Bearer {TOKEN}%3D", "the token is percent-encoded"),
    "comma": (f"Bearer {TOKEN},", "a comma or semicolon stands behind the token"),
    "semicolon": (f"Bearer {TOKEN};", "a comma or semicolon stands behind the token"),
    "line broken in two": (f"Bearer {TOKEN[:20]} {TOKEN[20:]}", "white space stands inside the token"),
    "tab inside": (f"Bearer {TOKEN[:20]}\t{TOKEN[20:]}", "white space stands inside the token"),
    "letter that is not ASCII": (f"Bearer {TOKEN}\u00e9", "a character that no token has follows Bearer"),
    "padding in front": (f"Bearer ={TOKEN}", "a character that no token has follows Bearer"),
    "space encoded": (f"Bearer%20{TOKEN}", "an encoded space follows Bearer"),
    "space encoded as in a form": (f"Bearer+{TOKEN}", "an encoded space follows Bearer"),
    "colon": (f"Bearer: {TOKEN}", "a colon follows Bearer"),
    "equals sign": (f"Bearer={TOKEN}", "an equals sign follows Bearer"),
    "glued": (f"Bearer{TOKEN}", "something other than a space follows Bearer"),
    "hyphen": (f"Bearer-{TOKEN}", "something other than a space follows Bearer"),
}


@pytest.mark.parametrize(("header", "reason"), SLIPS.values(), ids=SLIPS)
def test_the_log_says_what_is_wrong_with_a_header(header: str, reason: str) -> None:
    """So that an operator can answer the question of a client, whose token nobody writes down."""
    with pytest.raises(MalformedHeaderError) as raised:
        parse_authorization(header)

    assert raised.value.reason == reason


def reason_of(header: str) -> str | None:
    """Return why a field is malformed; None if it is not, or refused as something else."""
    try:
        parse_authorization(header)
    except MalformedHeaderError as error:
        return error.reason
    except AuthError:
        return None
    return None


@settings(deadline=None)
@given(st.one_of(st.text(), st.text().map(lambda text: f"Bearer {text}"), st.text().map(lambda text: f"Bearer{text}")))
def test_no_reason_shows_what_stands_in_the_field(header: str) -> None:
    """Each is one of a few sentences."""
    known = {reason for _, reason in SLIPS.values()} | {"nothing follows Bearer"}

    assert reason_of(header) in known | {None}
