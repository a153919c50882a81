"""Plain http to named hosts: in development, with a warning, and by no other host."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from flask import Flask

from auth import ResourceServer
from auth.errors import ConfigurationError
from auth.keys import DiscoveredLocation, FixedLocation, RemoteKeySource
from auth.settings.service import AuthConfig
from auth.testing import TokenIssuer
from tests.support.services import AUDIENCE, SECRET, SETTINGS

REALM = "http://keycloak:8080/realms/shop"
JWKS = f"{REALM}/protocol/openid-connect/certs"
SETTINGS_THERE: dict[str, Any] = {"AUTH_ISSUER": REALM, "AUTH_AUDIENCE": AUDIENCE, "AUTH_DISCOVERY": True}
ALLOWED: dict[str, Any] = {"AUTH_INSECURE_HTTP_HOSTS": ["keycloak"], "AUTH_DEVELOPMENT_TOKENS": True}

WAY_OUT = (
    "an issuer that is not on this machine needs https, or in development its host in AUTH_INSECURE_HTTP_HOSTS "
    "(FLASK_AUTH_INSECURE_HTTP_HOSTS='[\"keycloak\"]') together with AUTH_DEVELOPMENT_TOKENS or flask --debug."
)
WARNING = (
    "AUTH_INSECURE_HTTP_HOSTS allows plain http to keycloak: anybody on the way can replace the keys and sign in as "
    "any user. Never use it in production."
)
DEVELOPMENT_ONLY = (
    "AUTH_INSECURE_HTTP_HOSTS is for development: set AUTH_DEVELOPMENT_TOKENS to true as well, or run flask --debug. "
    "In production an issuer needs https."
)


def config(**settings: Any) -> AuthConfig:
    return AuthConfig.from_mapping(SETTINGS_THERE | settings)


def problems(settings: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        AuthConfig.from_mapping(settings)
    return list(raised.value.problems)


def test_a_named_host_may_be_asked_by_plain_http_in_development() -> None:
    """Which is said at each start."""
    allowed = config(**ALLOWED)

    keys = allowed.issuers[0].keys
    assert isinstance(keys, RemoteKeySource)
    assert keys._location == DiscoveredLocation(REALM, http_hosts=frozenset({"keycloak"}))
    assert allowed.warnings == (WARNING,)


def test_the_address_of_the_keys_may_be_at_a_named_host() -> None:
    """The issuer is what the browser sees; the keys come from where the container is."""
    inside = config(AUTH_ISSUER="http://localhost:8080/realms/shop", AUTH_DISCOVERY=None, AUTH_JWKS_URL=JWKS, **ALLOWED)

    keys = inside.issuers[0].keys
    assert isinstance(keys, RemoteKeySource)
    assert keys._location == FixedLocation(JWKS, http_hosts=frozenset({"keycloak"}))


@pytest.mark.parametrize("hosts", ["keycloak", "KeyCloak", ["other", "keycloak"], {"keycloak"}, ("keycloak",)], ids=str)
@pytest.mark.parametrize("issuer", [REALM, REALM.replace("keycloak", "KEYCLOAK")])
def test_a_host_is_named_in_any_case(hosts: object, issuer: str) -> None:
    """One text or several (RFC 9110 §4.2.3)."""
    assert config(**ALLOWED | {"AUTH_INSECURE_HTTP_HOSTS": hosts, "AUTH_ISSUER": issuer}).issuers


FEDERATION = "http://sts.corp.example/adfs/services/trust"


@pytest.mark.parametrize(
    "settings",
    [
        SETTINGS | {"AUTH_ISSUER": FEDERATION},
        {"AUTH_ISSUER": FEDERATION, "AUTH_AUDIENCE": AUDIENCE, "AUTH_JWKS_URL": "https://sts.corp.example/adfs/keys"},
        SETTINGS_THERE | {"AUTH_ISSUER": ["https://sts.corp.example/adfs", FEDERATION]},
        {"AUTH_ISSUERS": [{"issuer": FEDERATION, "audience": AUDIENCE, "jwks_url": "https://sts.corp.example/keys"}]},
    ],
    ids=["a secret", "keys by https", "a second name beside discovery", "an entry"],
)
def test_the_name_of_an_issuer_that_is_not_fetched_may_begin_with_http(settings: dict[str, Any]) -> None:
    """It is compared as text (RFC 7519 §4.1.1); AD FS calls itself so."""
    (issuer,) = AuthConfig.from_mapping(settings).issuers

    assert FEDERATION in issuer.names


def test_a_secret_and_an_entry_of_several_issuers_may_name_such_an_issuer() -> None:
    """The names hold for the whole service."""
    assert AuthConfig.from_mapping(SETTINGS | ALLOWED | {"AUTH_ISSUER": REALM}).issuers[0].name == REALM
    entries = [{"issuer": REALM, "audience": AUDIENCE, "discovery": True}]

    several = AuthConfig.from_mapping({"AUTH_ISSUERS": entries} | ALLOWED)

    assert several.issuers[0].name == REALM
    assert several.warnings == (WARNING,)


@pytest.mark.parametrize(
    "url",
    [
        "http://keycloak.example:8080",
        "http://my-keycloak:8080",
        "http://keycloak.:8080",
        "http://keycloak@evil.example",
        "http://10.0.0.1",
    ],
)
def test_no_other_host_is_meant(url: str) -> None:
    """Neither what begins nor what ends like it."""
    problem, *_ = problems(SETTINGS_THERE | ALLOWED | {"AUTH_ISSUER": url})

    assert problem.startswith("AUTH_ISSUER is a plain-http URL; an issuer that is not on this machine needs https")


REFUSED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "discovery": (SETTINGS_THERE, [f"AUTH_ISSUER is a plain-http URL; {WAY_OUT}"]),
    "the keys": (
        SETTINGS_THERE | {"AUTH_ISSUER": "https://login.example", "AUTH_DISCOVERY": None, "AUTH_JWKS_URL": JWKS},
        [f"AUTH_JWKS_URL is a plain-http URL; {WAY_OUT}"],
    ),
    "an entry": (
        {"AUTH_ISSUERS": [{"issuer": REALM, "audience": AUDIENCE, "discovery": True}]},
        [f"AUTH_ISSUERS[0].issuer is a plain-http URL; {WAY_OUT}"],
    ),
    "no host that could be named": (
        SETTINGS_THERE
        | {"AUTH_ISSUER": "https://login.example", "AUTH_DISCOVERY": None, "AUTH_JWKS_URL": "http://a!/jwks"},
        ["AUTH_JWKS_URL is a plain-http URL; an issuer that is not on this machine needs https."],
    ),
    "no host at all": (
        SETTINGS_THERE | {"AUTH_ISSUER": "http://["},
        [
            "AUTH_ISSUER is a plain-http URL; an issuer that is not on this machine needs https.",
            "AUTH_ISSUER must be an https URL without user, query and fragment, for AUTH_DISCOVERY looks for the keys "
            "there; http on this machine only.",
        ],
    ),
    "a named host in production": (SETTINGS_THERE | {"AUTH_INSECURE_HTTP_HOSTS": "keycloak"}, [DEVELOPMENT_ONLY]),
    "a named host that nothing uses in production": (
        SETTINGS | {"AUTH_INSECURE_HTTP_HOSTS": ["keycloak"]},
        [DEVELOPMENT_ONLY],
    ),
}


@pytest.mark.parametrize(("settings", "sentences"), REFUSED.values(), ids=REFUSED)
def test_one_sentence_says_the_way_out(settings: dict[str, Any], sentences: list[str]) -> None:
    """And none beside it that would send the reader elsewhere."""
    assert problems(settings) == sentences


@pytest.mark.parametrize(
    "host", ["keycloak:8080", "http://keycloak", "*.example", "*", ".example", "key cloak", "keycloak.", "[::1]", "a/b"]
)
def test_only_exact_host_names_are_taken(host: str) -> None:
    """No ports, no wildcards, no suffixes, no URLs."""
    assert problems(SETTINGS | ALLOWED | {"AUTH_INSECURE_HTTP_HOSTS": [host]}) == [
        "AUTH_INSECURE_HTTP_HOSTS must hold exact host names, such as keycloak: no scheme, no port, no wildcard."
    ]


@pytest.mark.parametrize("host", ["keycloak", "auth_server", "host.docker.internal", "10.0.0.1", "better-auth"])
def test_the_names_that_containers_have_are_taken(host: str) -> None:
    """With underscores too."""
    assert AuthConfig.from_mapping(SETTINGS | ALLOWED | {"AUTH_INSECURE_HTTP_HOSTS": host}).warnings == (
        WARNING.replace("keycloak", host),
    )


def app_with(*, debug: bool, **settings: Any) -> Flask:
    app = Flask("service")
    app.debug = debug
    app.config.update(SETTINGS_THERE | {"AUTH_INSECURE_HTTP_HOSTS": ["keycloak"]} | settings)
    ResourceServer(app)
    return app


def test_debug_mode_is_development(caplog: pytest.LogCaptureFixture) -> None:
    """As ``flask --debug`` turns it on, before the app is made."""
    with caplog.at_level(logging.WARNING, "flask_resource_server"):
        app_with(debug=True)

    assert [record.getMessage() for record in caplog.records] == [WARNING]


def test_debug_mode_that_is_turned_on_later_is_too_late() -> None:
    """As ``app.run(debug=True)`` does: the settings have been judged by then."""
    with pytest.raises(ConfigurationError, match="is for development"):
        app_with(debug=False)


def test_development_tokens_are_signed_for_such_an_issuer() -> None:
    """The two settings are meant for the same machine."""
    app = Flask("service")
    app.config.update(SETTINGS | ALLOWED | {"AUTH_ISSUER": REALM, "AUTH_SECRET": SECRET})
    ResourceServer(app)

    assert TokenIssuer.for_app(app).issue("alice")
