"""The settings about the denylist: how they are written, and which contradict others."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from auth.errors import ConfigurationError
from auth.revocation.denylist import DenylistSettings
from auth.settings.service import AuthConfig
from auth.stores import Entry, MemoryStore, RedisStore
from tests.support.services import ISSUER, NOW, SETTINGS

URL = "redis://:hunter2@127.0.0.1:6379/0"


class OwnDenylist:
    """A denylist that somebody else has made."""

    def remember(self, entries: Mapping[str, Entry]) -> None: ...

    def values(self, keys: Sequence[str]) -> Sequence[float | None]: ...  # type: ignore[empty-body]  # nobody asks

    def add_once(self, key: str, until: float) -> bool: ...  # type: ignore[empty-body]  # nobody asks


def denylist(**settings: Any) -> DenylistSettings | None:
    return AuthConfig.from_mapping(SETTINGS | settings).denylist


def problems(**settings: Any) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        AuthConfig.from_mapping(SETTINGS | settings)
    assert "hunter2" not in str(raised.value)
    return list(raised.value.problems)


def test_there_is_none_unless_it_is_set() -> None:
    """Off is free."""
    assert denylist() is None


def test_memory_is_a_store_of_one_process_and_says_so() -> None:
    """The warning names the way out."""
    config = AuthConfig.from_mapping(SETTINGS | {"AUTH_DENYLIST": "memory"})

    assert config.denylist is not None
    assert isinstance(config.denylist.open(lambda: NOW), MemoryStore)
    assert config.denylist.is_private
    assert config.warnings == (
        "AUTH_DENYLIST is memory: other processes do not know what is revoked in this one, and a restart forgets it. "
        "Set the URL of a Redis.",
    )


def test_a_store_in_memory_that_is_an_object_is_no_other() -> None:
    """Of the same process alone, with the same warning."""
    store = MemoryStore()

    config = AuthConfig.from_mapping(SETTINGS | {"AUTH_DENYLIST": store})

    assert config.denylist is not None
    assert config.denylist.open(lambda: NOW) is store
    assert config.denylist.is_private
    assert [warning[:24] for warning in config.warnings] == ["AUTH_DENYLIST is memory:"]


@pytest.mark.parametrize("method", ["remember", "values", "add_once"])
def test_a_denylist_with_a_coroutine_stops_the_start(method: str) -> None:
    """Nobody awaits it: a revocation would be confirmed that was never kept."""
    store = OwnDenylist()

    async def later(*_: object) -> None: ...

    setattr(store, method, later)

    assert problems(AUTH_DENYLIST=store) == [
        "AUTH_DENYLIST is an object whose methods are coroutines, which nobody awaits. Write them without async."
    ]


@pytest.mark.parametrize("scheme", ["redis", "rediss"])
def test_a_url_is_a_redis(scheme: str) -> None:
    """With or without TLS; the password is never shown."""
    config = AuthConfig.from_mapping(SETTINGS | {"AUTH_DENYLIST": f"{scheme}{URL[5:]}"})

    assert config.denylist is not None
    assert isinstance(config.denylist.open(lambda: NOW), RedisStore)
    assert not config.denylist.is_private
    assert config.warnings == ()
    assert "hunter2" not in repr(config)


def test_an_object_with_the_methods_is_taken_as_it_is() -> None:
    """And one without them stops the start."""
    store = OwnDenylist()

    config = AuthConfig.from_mapping(SETTINGS | {"AUTH_DENYLIST": store})

    assert config.denylist is not None
    assert config.denylist.open(lambda: NOW) is store
    assert not config.denylist.is_private
    assert config.warnings == ()


@pytest.mark.parametrize("value", [object(), MemoryStore], ids=["no methods", "a class without its parentheses"])
def test_an_object_without_the_methods_stops_the_start(value: object) -> None:
    """A class has the methods too, and each call of them would fail: an outage for ever."""
    assert problems(AUTH_DENYLIST=value) == [
        "AUTH_DENYLIST must be memory, the URL of a Redis, or an object with the methods of Denylist."
    ]


@pytest.mark.parametrize(
    "value", ["Memory", "127.0.0.1:6379", "unix:///hunter2", "redis+sentinel://hunter2", "https://hunter2", "hunter2"]
)
def test_another_text_stops_the_start(value: str) -> None:
    """It is not repeated: it may hold a password."""
    assert problems(AUTH_DENYLIST=value) == [
        "AUTH_DENYLIST must be memory, or the URL of one Redis that begins with redis:// or rediss://. For Sentinels, "
        "name a proxy that follows the primary, such as HAProxy."
    ]


def test_a_text_with_something_around_it_stops_the_start() -> None:
    """As for every setting."""
    assert problems(AUTH_DENYLIST="memory ")[0].startswith("AUTH_DENYLIST holds a text with spaces")


@pytest.mark.parametrize("url", ["redis://127.0.0.1:hunter2", f"{URL}?colour=blue"])
def test_a_url_by_which_no_client_can_be_made_stops_the_start(url: str) -> None:
    """With what it should look like."""
    assert problems(AUTH_DENYLIST=url) == [
        "AUTH_DENYLIST is the URL of a Redis. The URL of the Redis cannot be used. It looks like "
        "redis://:password@host:6379/0; rediss:// means TLS."
    ]


def test_a_missing_package_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not a request in the night."""
    monkeypatch.setitem(sys.modules, "redis", None)

    assert problems(AUTH_DENYLIST=URL) == [
        "AUTH_DENYLIST is the URL of a Redis. The package redis is not installed. Install it: pip install "
        "'flask-resource-server[redis]'"
    ]


def test_the_other_settings_reach_the_denylist() -> None:
    """And have defaults."""
    default = denylist(AUTH_DENYLIST="memory")
    changed = denylist(
        AUTH_DENYLIST="memory", AUTH_DENYLIST_FAILURE="accept", AUTH_DENYLIST_TIMEOUT=0.1, AUTH_DENYLIST_KEEP=3600
    )

    assert default == DenylistSettings(place="memory", refuses=True, timeout=0.25, keep=86_400)
    assert changed == DenylistSettings(place="memory", refuses=False, timeout=0.1, keep=3600)


def test_what_happens_during_an_outage_is_one_of_two_things() -> None:
    """Nothing else is guessed."""
    assert problems(AUTH_DENYLIST="memory", AUTH_DENYLIST_FAILURE="ignore") == [
        "AUTH_DENYLIST_FAILURE must be refuse or accept."
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [("AUTH_DENYLIST_FAILURE", "accept"), ("AUTH_DENYLIST_TIMEOUT", 1), ("AUTH_DENYLIST_KEEP", 3600)],
)
def test_a_setting_without_a_denylist_stops_the_start(name: str, value: object) -> None:
    """Somebody believes that tokens are revoked."""
    assert problems(**{name: value}) == [f"{name} is set, and AUTH_DENYLIST is not: nothing would be revoked."]


def test_tokens_that_would_outlive_their_revocation_stop_the_start() -> None:
    """Unless their age is bounded."""
    settings = {"AUTH_DENYLIST": "memory", "AUTH_REQUIRED_CLAIMS": ["iat"]}

    assert problems(**settings) == [
        "AUTH_REQUIRED_CLAIMS lacks exp, and AUTH_MAX_TOKEN_AGE is not set: a token without exp would outlive its "
        "revocation. Set one of them, or leave AUTH_DENYLIST out."
    ]
    assert denylist(**settings, AUTH_MAX_TOKEN_AGE=3600) is not None


def test_each_issuer_is_judged_for_itself() -> None:
    """By the name of its setting."""
    entries = [
        {"issuer": ISSUER, "secret": SETTINGS["AUTH_SECRET"], "required_claims": ["iat"]},
        {"issuer": "https://b.example", "secret": "x" + SETTINGS["AUTH_SECRET"], "user_prefix": "b:"},
    ]

    (problem,) = problems(AUTH_DENYLIST="memory", AUTH_SECRET=None, AUTH_ISSUER=None, AUTH_ISSUERS=entries)

    assert problem.startswith("AUTH_ISSUERS[0].required_claims lacks exp, and AUTH_ISSUERS[0].max_token_age is not set")


def test_users_are_revoked_for_as_long_as_a_token_may_live() -> None:
    """Or a revoked token would be good again."""
    settings = {"AUTH_DENYLIST": "memory", "AUTH_DENYLIST_KEEP": 3600}

    assert problems(**settings, AUTH_MAX_TOKEN_AGE=3601) == [
        "AUTH_DENYLIST_KEEP must be at least AUTH_MAX_TOKEN_AGE: a token would outlive the revocation of its user."
    ]
    assert denylist(**settings, AUTH_MAX_TOKEN_AGE=3600) is not None


def test_an_unusable_denylist_is_told_together_with_the_rest() -> None:
    """One message names everything."""
    assert len(problems(AUTH_DENYLIST="hunter2", AUTH_REQUIRED_CLAIMS=["iat"], AUTH_LEEWAY=-1)) == 3
