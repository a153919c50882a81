"""Secrets that others know."""

from __future__ import annotations

import base64
import secrets

import pytest

from auth.keys.secrets import is_published

PUBLISHED = [
    "a-string-secret-at-least-256-bits-long",
    "A-String-Secret-At-Least-256-Bits-Long",
    "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
    "better-auth-secret-123456789",
    "better-auth-secret-12345678901234567890",
    "change-me-change-me-change-me-change-me",
    "CHANGE_THIS_TO_SOMETHING_SECRET_PLEASE",
    "changeit-changeit-changeit-changeit",
    "please replace me with a long random value",
    "your-256-bit-secret-your-256-bit-secret",
    "<your secret of at least 32 characters>",
    "example-secret-0123456789abcdef0123456789",
    "placeholder-0123456789abcdef0123456789",
    "generate-with-openssl-rand-base64-48",
    "a-very-long-secret-goes-here-0123456789",
    "insert-secret-0123456789abcdef0123456789",
    "a" * 64,
    "abab" * 16,
    "0123" * 16,
    "\0" * 32,
]


@pytest.mark.parametrize("secret", PUBLISHED)
@pytest.mark.parametrize("as_bytes", [False, True], ids=["text", "bytes"])
def test_secrets_from_examples_templates_and_patterns_are_known(secret: str, as_bytes: bool) -> None:
    """Everybody who reads documentation knows them."""
    assert is_published(secret.encode() if as_bytes else secret)


@pytest.mark.parametrize(
    "secret",
    [
        base64.b64encode(secrets.token_bytes(48)).decode(),
        secrets.token_hex(32),
        secrets.token_bytes(32),
        "correct horse battery staple and then some",
        "01234" * 8,
    ],
    ids=["openssl rand -base64 48", "hex", "bytes", "phrase", "five characters"],
)
def test_secrets_of_ones_own_are_not(secret: str | bytes) -> None:
    """Randomness in any spelling passes."""
    assert not is_published(secret)
