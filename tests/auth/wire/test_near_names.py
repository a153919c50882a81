"""Names that are nearly ours: what a log says about them."""

from __future__ import annotations

import time

import pytest

from auth.wire.near_names import difference

CASES = [
    ("https://login.example.com/", "https://login.example.com", "a slash at the end"),
    ("https://login.example.com", "https://login.example.com/", "a slash at the end"),
    ("https://login.example.com//", "https://login.example.com/", "a slash at the end"),
    ("https://login.example.com/shop", "https://login.example.com/shop/v2.0", "the version at the end of the path"),
    ("https://login.example.com/shop/v1", "https://login.example.com/shop/v2", "the version at the end of the path"),
    ("http://login.example.com", "https://login.example.com", "the scheme"),
    ("login.example.com", "https://login.example.com", "the scheme"),
    ("6e74172b-be56-4843", "api://6e74172b-be56-4843", "the scheme"),
    ("https://Login.Example.com", "https://login.example.com", "upper and lower case"),
    ("https://login.example.com/Shop", "https://login.example.com/shop", "upper and lower case"),
    ("Orders", "orders", "upper and lower case"),
    (" orders\n", "orders", "white space around it"),
    (
        "https://login.example.com/shop ",
        "https://login.example.com/shop/",
        "a slash at the end and white space around it",
    ),
    (
        "https://login.example.com/shop/v2.0",
        "https://login.example.com/shop/v2.0.",
        "the version at the end of the path",
    ),
    ("https://login.example.com/", "login.example.com", "the scheme and a slash at the end"),
    ("https://tenant.us.example.com", "https://login.example.com", "the host"),
    ("https://tenant.us.example.com/realms/shop", "https://login.example.com/realms/shop", "the host"),
    ("https://login.example.com:8443", "https://login.example.com", "the port"),
    ("https://[2001:db8::1]:8443", "https://[2001:db8::1]", "the port"),
    ("https://login.example.com/api/auth", "https://login.example.com", "the path"),
    ("http://keycloak:8080/realms/shop", "https://login.example.com/realms/shop", "the scheme, the host and the port"),
    ("HTTP://login.example.com/", "https://login.example.com", "the scheme and a slash at the end"),
    (
        "https://sts.example.net/f00d/",
        "https://login.example.com/f00d/v2.0",
        "the host, the version at the end of the path and a slash at the end",
    ),
]


@pytest.mark.parametrize(("name", "ours", "words"), CASES, ids=[f"{name} for {ours}" for name, ours, _ in CASES])
def test_what_differs_is_named(name: str, ours: str, words: str) -> None:
    """Each as a part of the name, which is what an operator looks at."""
    assert difference(name, [ours]) == words


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("https://login.example.com", "https://login.example.com"),
        ("https://accounts.example.org/", "https://login.example.com"),
        ("https://accounts.example.org/x", "https://login.example.com/y"),
        ("orders", "invoices"),
        ("orders:1", "orders:2"),
        ("urn:example:orders", "urn:example:invoices"),
        ("", "orders"),
    ],
)
def test_names_that_are_the_same_or_have_nothing_in_common_get_no_words(name: str, ours: str) -> None:
    """A hint that is always there would be no hint."""
    assert difference(name, [ours]) is None


def test_the_nearest_of_several_names_is_meant() -> None:
    """That with the fewest differences, whatever their order."""
    ours = ["https://old.example.com/shop/v1", "https://login.example.com/shop/"]

    assert difference("https://login.example.com/shop", ours) == "a slash at the end"
    assert difference("https://login.example.com/shop", ours[::-1]) == "a slash at the end"
    assert difference("https://login.example.com/shop", []) is None


@pytest.mark.parametrize("text", ["/", ":", "//:", "/v2.0", "://", "https://"])
def test_a_long_name_takes_no_time(text: str) -> None:
    """A stranger writes it, before any signature is looked at."""
    began = time.perf_counter()

    difference(text * 100_000, ["https://login.example.com/shop/v2.0"])

    assert time.perf_counter() - began < 1
