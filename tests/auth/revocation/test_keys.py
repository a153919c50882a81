"""Under which keys revocations are kept."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from auth.revocation.keys import session_key, text_key, token_key, user_key

TEXTS = st.text(max_size=5)


def test_a_key_says_its_kind_and_nothing_else() -> None:
    """Who reads the store learns no user and no token."""
    keys = [token_key("https://login.example", "id"), session_key("i", "s"), user_key("alice"), text_key("a.b.c")]

    assert [re.sub(r"[0-9a-f]{64}$", "…", key) for key in keys] == [
        "resource_server:revoked_token:…",
        "resource_server:revoked_session:…",
        "resource_server:revoked_user:…",
        "resource_server:revoked_text:…",
    ]


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_no_two_tokens_have_one_key(issuer: str, token_id: str, other_issuer: str, other_id: str) -> None:
    """However the texts are cut in two."""
    is_same = (issuer, token_id) == (other_issuer, other_id)

    assert (token_key(issuer, token_id) == token_key(other_issuer, other_id)) is is_same


def test_a_text_that_is_cut_elsewhere_is_another() -> None:
    """The lengths stand in front."""
    assert token_key("ab", "c") != token_key("a", "bc")
    assert token_key("1:a", "b") != token_key("1", "a1:b")


def test_a_signature_does_not_change_the_key_of_a_text() -> None:
    """A second signature of the same payload is easily made with ECDSA."""
    assert text_key("header.payload.one") == text_key("header.payload.two") != text_key("header.other.one")


def test_half_a_surrogate_pair_has_a_key_as_well() -> None:
    """A service may revoke any text as a user."""
    assert user_key("\ud800") != user_key("\ud801")
