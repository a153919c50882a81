"""Which URLs may be asked for keys, and how they look in a log."""

from __future__ import annotations

import pytest

from auth.keys.remote.urls import is_fetchable, is_loopback, is_plain_http, redacted

PLAIN = {
    "http://issuer.example": True,
    "HTTP://issuer.example": True,
    "http://localhost.example": True,
    "http://128.0.0.1": True,
    "http://": True,
    "http://[": True,
    "http://[::1].issuer.example": True,
    "http://issuer.example[::1]": True,
    "https://issuer.example": False,
    "http://localhost:3000": False,
    "http://127.0.0.1:3000/jwks": False,
    "http://127.8.9.10": False,
    "http://[::1]:3000": False,
}


@pytest.mark.parametrize(("url", "plain"), PLAIN.items(), ids=PLAIN)
def test_http_is_plain_unless_it_stays_on_this_machine(url: str, plain: bool) -> None:
    """What cannot be read counts as plain: it is refused then."""
    assert is_plain_http(url) is plain


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("http://keycloak:8080", False),
        ("http://KEYCLOAK/realms/shop", False),
        ("http://keycloak@issuer.example", True),
        ("http://keycloak.issuer.example", True),
        ("http://keycloak.", True),
        ("http://", True),
        ("http://[", True),
    ],
)
def test_plain_http_may_be_allowed_to_hosts_by_name(url: str, plain: bool) -> None:
    """Whatever the port; the name has to be the whole name."""
    hosts = frozenset({"keycloak"})

    assert is_plain_http(url, hosts) is plain
    assert is_fetchable(url, hosts) is not plain


@pytest.mark.parametrize("url", ["https://localhost", "http://127.0.0.1:1", "http://[::1]/jwks"])
def test_loopback_is_known_by_name_and_by_address(url: str) -> None:
    """Whatever the scheme."""
    assert is_loopback(url)


@pytest.mark.parametrize("url", ["https://issuer.example", "http://[", "", "http://0.0.0.0"])
def test_anything_else_is_not_loopback(url: str) -> None:
    """What cannot be read is not."""
    assert not is_loopback(url)


@pytest.mark.parametrize("url", ["https://issuer.example", "https://issuer.example:8443/a?b=c", "http://localhost:1/"])
def test_keys_are_fetched_by_https_and_on_this_machine_by_http(url: str) -> None:
    """Nobody can change them on the way then."""
    assert is_fetchable(url)


UNFETCHABLE = [
    "http://issuer.example",
    "ftp://issuer.example/jwks",
    "file:///etc/passwd",
    "data:application/json,{}",
    "//issuer.example",
    "jwks",
    "",
    "https://",
    "https:///jwks",
    "https://[",
    "https://user:password@issuer.example",
    "https://issuer.example:0",
    "https://issuer.example:65536",
    "https://issuer.example:port",
    "http://[::1].issuer.example",
    "http://issuer.example[::1]",
    "https://issuer.example/a b",
    "https://issuer.example/\r\nX: y",
    "https://issuer.example/\t",
    "https://issuer.exämple",
    "https://issuer.example/\ud800",
]


@pytest.mark.parametrize("url", UNFETCHABLE, ids=ascii)
def test_keys_are_fetched_from_no_other_url(url: str) -> None:
    """Such as metadata might name."""
    assert not is_fetchable(url)


SHOWN = {
    "https://issuer.example:8443/a/jwks": "https://issuer.example:8443/a/jwks",
    "https://user:password@issuer.example/jwks?key=secret#part": "https://issuer.example/jwks",
    "https://issuer.example/\x1b[2J\u202e": r"https://issuer.example/\x1b[2J\u202e",
    "http://[": "an unreadable URL",
}


@pytest.mark.parametrize(("url", "text"), SHOWN.items(), ids=map(ascii, SHOWN))
def test_a_url_is_shown_without_secrets_and_on_one_line(url: str, text: str) -> None:
    """A log shows neither passwords nor what a terminal would obey."""
    assert redacted(url) == text


def test_a_long_url_is_cut_off() -> None:
    """Nobody reads it to its end."""
    assert len(redacted("https://issuer.example/" + "a" * 1000)) == 200
