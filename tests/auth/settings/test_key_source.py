"""Where keys are fetched from, as settings say it, and what is refused at start. Nothing is fetched here."""

from __future__ import annotations

from typing import Any

import pytest

from auth.errors import ConfigurationError
from auth.keys import DiscoveredLocation, FixedLocation, RemoteKeySettings, RemoteKeySource
from auth.keys.algorithms import ASYMMETRIC_ALGORITHMS
from auth.settings.service import AuthConfig
from tests.support.services import AUDIENCE, ISSUER, SECRET

BOUND: dict[str, Any] = {"AUTH_ISSUER": ISSUER, "AUTH_AUDIENCE": AUDIENCE}
URL = f"{ISSUER}/jwks"
NOT_FETCHABLE = "must be an https URL without user and fragment; http on this machine only."
NO_SCHEME = "AUTH_ISSUER must begin with https://, for AUTH_DISCOVERY looks for the keys there."
NO_ISSUER_URL = (
    "AUTH_ISSUER must be an https URL without user, query and fragment, for AUTH_DISCOVERY looks for the keys there; "
    "http on this machine only."
)


def keys_of(settings: dict[str, Any]) -> Any:
    """Return the only key source of some settings."""
    (issuer,) = AuthConfig.from_mapping(BOUND | settings).issuers
    assert isinstance(issuer.keys, RemoteKeySource)
    assert issuer.algorithms == {*ASYMMETRIC_ALGORITHMS}
    return issuer.keys


def problems_of(settings: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        AuthConfig.from_mapping(settings)
    return list(raised.value.problems)


@pytest.mark.parametrize("url", [URL, f"{URL}?appid=1", "http://127.0.0.1:3000/api/auth/jwks", "http://[::1]/jwks"])
def test_keys_come_from_an_address(url: str) -> None:
    """With a query where the issuer wants one; http on this machine, for development."""
    assert keys_of({"AUTH_JWKS_URL": url})._location == FixedLocation(url)


def test_keys_come_from_where_the_issuer_says() -> None:
    """Found when they are needed, not at start."""
    assert keys_of({"AUTH_DISCOVERY": True})._location == DiscoveredLocation(ISSUER)


@pytest.mark.parametrize("source", [{"AUTH_JWKS_URL": URL}, {"AUTH_DISCOVERY": True}], ids=list)
def test_keys_of_a_server_with_many_issuers_have_an_owner(source: dict[str, Any]) -> None:
    """With the profile whose keys name their issuer, and no other."""
    assert keys_of(source | {"AUTH_PROFILE": "entra"})._location.owner == ISSUER
    assert keys_of(source)._location.owner is None


def test_of_several_names_the_first_is_asked_and_owns_the_keys() -> None:
    """Also where the keys name their issuer."""
    names = {"AUTH_ISSUER": [ISSUER, "https://old.example"], "AUTH_PROFILE": "entra"}

    assert keys_of({"AUTH_DISCOVERY": True} | names)._location == DiscoveredLocation(ISSUER, ISSUER)
    assert keys_of({"AUTH_JWKS_URL": URL} | names)._location == FixedLocation(URL, ISSUER)


@pytest.mark.parametrize("source", [{"AUTH_JWKS_URL": URL}, {"AUTH_DISCOVERY": True}], ids=list)
def test_every_setting_of_a_fetch_arrives(source: dict[str, Any]) -> None:
    """Each under its own name; the defaults otherwise."""
    settings = source | {
        "AUTH_JWKS_MAX_AGE": 60,
        "AUTH_JWKS_STALE_LIMIT": 3600,
        "AUTH_JWKS_TIMEOUT": 1.5,
        "AUTH_JWKS_RETRY": 2,
        "AUTH_JWKS_UNKNOWN_KEY_BUDGET": 0,
    }

    assert keys_of(settings).settings == RemoteKeySettings(
        max_age=60, stale_limit=3600, timeout=1.5, retry=2, unknown_key_budget=0
    )
    assert keys_of(source).settings == RemoteKeySettings()


WRONG: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a file": ({"AUTH_JWKS_URL": "file:///etc/jwks.json"}, [f"AUTH_JWKS_URL {NOT_FETCHABLE}"]),
    "no scheme": ({"AUTH_JWKS_URL": "login.example/jwks"}, ["AUTH_JWKS_URL must begin with https://."]),
    "no host": ({"AUTH_JWKS_URL": "https:///jwks"}, [f"AUTH_JWKS_URL {NOT_FETCHABLE}"]),
    "a password": ({"AUTH_JWKS_URL": "https://a:hunter2@login.example/jwks"}, [f"AUTH_JWKS_URL {NOT_FETCHABLE}"]),
    "a fragment": ({"AUTH_JWKS_URL": f"{URL}#keys"}, [f"AUTH_JWKS_URL {NOT_FETCHABLE}"]),
    "a space": ({"AUTH_JWKS_URL": "https://login.example/a b"}, [f"AUTH_JWKS_URL {NOT_FETCHABLE}"]),
    "a bad port": ({"AUTH_JWKS_URL": "https://login.example:https/jwks"}, [f"AUTH_JWKS_URL {NOT_FETCHABLE}"]),
    "a number": (
        {"AUTH_JWKS_URL": 5},
        ["""AUTH_JWKS_URL must be a text. In the environment: FLASK_AUTH_JWKS_URL='"123"'"""],
    ),
    "discovery in words": (
        {"AUTH_DISCOVERY": "yes"},
        ["AUTH_DISCOVERY must be true or false. In the environment: FLASK_AUTH_DISCOVERY=true"],
    ),
    "discovery by a name": ({"AUTH_DISCOVERY": True, "AUTH_ISSUER": "login"}, [NO_SCHEME]),
    "discovery by a query": ({"AUTH_DISCOVERY": True, "AUTH_ISSUER": f"{ISSUER}?tenant=1"}, [NO_ISSUER_URL]),
    "discovery by the address of the metadata": (
        {"AUTH_DISCOVERY": True, "AUTH_ISSUER": f"{ISSUER}/.well-known/openid-configuration"},
        [
            "AUTH_ISSUER is the address of the metadata. Set it to the issuer that they name: mostly what "
            "stands before /.well-known/."
        ],
    ),
    "discovery by the beginning of that address": (
        {"AUTH_DISCOVERY": True, "AUTH_ISSUER": f"{ISSUER}/.well-known"},
        [
            "AUTH_ISSUER is the address of the metadata. Set it to the issuer that they name: mostly what "
            "stands before /.well-known/."
        ],
    ),
    "discovery by the first of several names": (
        {"AUTH_DISCOVERY": True, "AUTH_ISSUER": ["login", ISSUER]},
        [NO_SCHEME],
    ),
    "discovery of nobody": (
        {"AUTH_DISCOVERY": True, "AUTH_ISSUER": None},
        ["AUTH_ISSUER is not set; AUTH_DISCOVERY looks for the keys there."],
    ),
    "an address and discovery": (
        {"AUTH_DISCOVERY": True, "AUTH_JWKS_URL": URL},
        [
            "AUTH_JWKS_URL and AUTH_DISCOVERY are both set: the keys of an issuer are of one kind, from one place. "
            "Keep one."
        ],
    ),
    "an address and a secret": (
        {"AUTH_JWKS_URL": URL, "AUTH_SECRET": SECRET},
        [
            "AUTH_SECRET and AUTH_JWKS_URL are both set: the keys of an issuer are of one kind, from one place. "
            "Keep one."
        ],
    ),
    "HMAC with fetched keys": (
        {"AUTH_JWKS_URL": URL, "AUTH_ALGORITHMS": "HS256"},
        ["AUTH_ALGORITHMS names an HMAC algorithm; keys that are fetched are public (RFC 8725 §3.1)."],
    ),
    "HMAC with discovery of nobody": (
        {"AUTH_DISCOVERY": True, "AUTH_ISSUER": None, "AUTH_ALGORITHMS": "HS256"},
        [
            "AUTH_ALGORITHMS names an HMAC algorithm; keys that are fetched are public (RFC 8725 §3.1).",
            "AUTH_ISSUER is not set; AUTH_DISCOVERY looks for the keys there.",
        ],
    ),
    "no audience": (
        {"AUTH_JWKS_URL": URL, "AUTH_AUDIENCE": None},
        ["AUTH_AUDIENCE is not set; with public keys it is needed (RFC 8725 §3.9): the aud of the tokens."],
    ),
    "no time": (
        {"AUTH_JWKS_URL": URL, "AUTH_JWKS_TIMEOUT": 0},
        ["AUTH_JWKS_TIMEOUT must be a number from 0.1 to 30."],
    ),
    "too much time": (
        {"AUTH_JWKS_URL": URL, "AUTH_JWKS_TIMEOUT": 31},
        ["AUTH_JWKS_TIMEOUT must be a number from 0.1 to 30."],
    ),
    "half a fetch": (
        {"AUTH_JWKS_URL": URL, "AUTH_JWKS_UNKNOWN_KEY_BUDGET": 2.5},
        ["AUTH_JWKS_UNKNOWN_KEY_BUDGET must be a whole number from 0 to 60."],
    ),
    "a fetch a second": (
        {"AUTH_JWKS_URL": URL, "AUTH_JWKS_UNKNOWN_KEY_BUDGET": 61},
        ["AUTH_JWKS_UNKNOWN_KEY_BUDGET must be a whole number from 0 to 60."],
    ),
    "no trust": (
        {"AUTH_JWKS_URL": URL, "AUTH_JWKS_MAX_AGE": 0},
        ["AUTH_JWKS_MAX_AGE must be a number from 1 to 86400."],
    ),
    "trust for a month": (
        {"AUTH_JWKS_URL": URL, "AUTH_JWKS_STALE_LIMIT": 2_592_000},
        [
            "AUTH_JWKS_STALE_LIMIT must be a number from 1 to 604800.",
        ],
    ),
    "a limit of a second": (
        {"AUTH_JWKS_URL": URL, "AUTH_JWKS_STALE_LIMIT": 1},
        ["AUTH_JWKS_STALE_LIMIT must be at least AUTH_JWKS_MAX_AGE: keys are trusted for that long in any case."],
    ),
    "a limit below the age": (
        {"AUTH_JWKS_URL": URL, "AUTH_JWKS_STALE_LIMIT": 599},
        ["AUTH_JWKS_STALE_LIMIT must be at least AUTH_JWKS_MAX_AGE: keys are trusted for that long in any case."],
    ),
    "no pause": (
        {"AUTH_JWKS_URL": URL, "AUTH_JWKS_RETRY": 0},
        ["AUTH_JWKS_RETRY must be a number from 0.1 to 60."],
    ),
}


@pytest.mark.parametrize(("settings", "problems"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_fetched_safely_is_refused(settings: dict[str, Any], problems: list[str]) -> None:
    """In sentences that repeat nothing of an address."""
    assert problems_of(BOUND | settings) == problems


def test_the_limits_themselves_are_allowed() -> None:
    """An age and a limit that are the same: no stale keys at all."""
    keys = keys_of({"AUTH_JWKS_URL": URL, "AUTH_JWKS_MAX_AGE": 86_400, "AUTH_JWKS_RETRY": 60, "AUTH_JWKS_TIMEOUT": 30})

    assert keys.settings.stale_limit == keys.settings.max_age == 86_400


@pytest.mark.parametrize(
    "secret", ["we sign everything with this phrase", [SECRET, "our-super-secret-jwt-key-of-2024-09f3"]]
)
def test_a_secret_of_words_starts_with_a_warning(secret: object) -> None:
    """It may be as good as a passphrase can be; a generated one is better."""
    assert AuthConfig.from_mapping(BOUND | {"AUTH_SECRET": secret}).warnings == (
        "AUTH_SECRET looks like words that somebody made up. Such secrets are guessed, and lists of them are "
        "published: make one with: openssl rand -base64 48",
    )
