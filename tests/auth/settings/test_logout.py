"""The settings of back-channel logout: whose logout tokens are obeyed, and where they are received."""

from __future__ import annotations

from typing import Any

import pytest

from auth.errors import ConfigurationError
from auth.settings.service import AuthConfig
from tests.support.services import AUDIENCE, ISSUER, OTHER_SECRET, SECRET, SETTINGS

ON: dict[str, Any] = {**SETTINGS, "AUTH_DENYLIST": "memory", "AUTH_LOGOUT_AUDIENCE": "tasks-web"}

ENTRIES = [
    {"issuer": ISSUER, "secret": SECRET, "audience": AUDIENCE},
    {"issuer": "https://b.example", "secret": OTHER_SECRET, "audience": AUDIENCE, "user_prefix": "b:"},
]


def several(first: dict[str, Any] | None = None, second: dict[str, Any] | None = None, **settings: Any) -> AuthConfig:
    entries = [ENTRIES[0] | (first or {}), ENTRIES[1] | (second or {})]
    return AuthConfig.from_mapping({"AUTH_DENYLIST": "memory", "AUTH_ISSUERS": entries, **settings})


def audiences(config: AuthConfig) -> list[set[str]]:
    return [{*issuer.logout_audience} for issuer in config.issuers]


def problems_of(settings: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as raised:
        AuthConfig.from_mapping(settings)
    return raised.value.problems


@pytest.mark.parametrize("audience", [None, [], ()], ids=repr)
def test_nothing_is_received_unless_an_audience_is_set(audience: object) -> None:
    """A denylist alone receives nothing."""
    config = AuthConfig.from_mapping(ON | {"AUTH_LOGOUT_AUDIENCE": audience})

    assert config.logout_path is None
    assert audiences(config) == [set()]


def test_logout_tokens_are_received_for_the_clients_that_are_set() -> None:
    """At the usual path, or at another."""
    config = AuthConfig.from_mapping(ON | {"AUTH_LOGOUT_AUDIENCE": ["web", "app"]})
    elsewhere = AuthConfig.from_mapping(ON | {"AUTH_LOGOUT_PATH": "/oidc/bye"})

    assert (config.logout_path, audiences(config)) == ("/auth/backchannel-logout", [{"web", "app"}])
    assert (elsewhere.logout_path, audiences(elsewhere)) == ("/oidc/bye", [{"tasks-web"}])


def test_each_of_several_issuers_has_clients_of_its_own() -> None:
    """Or those of the service, if its entry names none."""
    own = several({"logout_audience": "web"}, {"logout_audience": ["b-web"]})
    inherited = several({"logout_audience": "web"}, AUTH_LOGOUT_AUDIENCE="all")
    one = several({"logout_audience": "web"})

    assert audiences(own) == [{"web"}, {"b-web"}]
    assert audiences(inherited) == [{"web"}, {"all"}]
    assert audiences(one) == [{"web"}, set()]
    assert own.logout_path == inherited.logout_path == one.logout_path == "/auth/backchannel-logout"


def test_a_logout_has_to_be_remembered() -> None:
    """Without a denylist the start is refused."""
    reason = "and AUTH_DENYLIST is not: nobody would remember who has logged out."

    assert problems_of(ON | {"AUTH_DENYLIST": None}) == (f"AUTH_LOGOUT_AUDIENCE is set, {reason}",)
    assert problems_of({"AUTH_ISSUERS": [ENTRIES[0] | {"logout_audience": "web"}, ENTRIES[1]]}) == (
        f"AUTH_ISSUERS[0].logout_audience is set, {reason}",
    )


def test_an_issuer_without_a_name_ends_no_session() -> None:
    """Its logout tokens could be those of any issuer that shares the secret."""
    assert problems_of(ON | {"AUTH_ISSUER": None}) == (
        "AUTH_LOGOUT_AUDIENCE is set, and AUTH_ISSUER is not: anybody who shares the secret could end the sessions of "
        "another issuer. Set the exact iss of the logout tokens.",
    )


def test_a_path_at_which_nothing_is_received_is_refused() -> None:
    """It may stand there because the other setting is misspelt."""
    assert problems_of(ON | {"AUTH_LOGOUT_AUDIENCE": None, "AUTH_LOGOUT_PATH": "/oidc/bye"}) == (
        "AUTH_LOGOUT_PATH is set, and AUTH_LOGOUT_AUDIENCE is not: nothing would be received.",
    )


@pytest.mark.parametrize(
    "path",
    [
        "logout",
        "/",
        "/logout/",
        "//logout",
        "/a//b",
        "/a/../b",
        "/./a",
        "/a/..",
        "/<client>",
        "/a b",
        "/a%2Fb",
        "/a?b",
        "/a#b",
        "/ä",
        "https://api.example/logout",
    ],
)
def test_a_path_that_could_be_read_in_two_ways_is_refused(path: str) -> None:
    """Clients, proxies and Flask have to mean the same address."""
    assert problems_of(ON | {"AUTH_LOGOUT_PATH": path}) == (
        "AUTH_LOGOUT_PATH must be a path such as /auth/metrics: segments of ASCII letters, digits and "
        ". _ ~ : @ - that are not empty, . or .., without a slash at the end.",
    )


@pytest.mark.parametrize("path", ["/logout", "/a/b.c/~d_e-f:g@h", "/...", "/.a"])
def test_other_paths_will_do(path: str) -> None:
    """Any text of such segments."""
    assert AuthConfig.from_mapping(ON | {"AUTH_LOGOUT_PATH": path}).logout_path == path
