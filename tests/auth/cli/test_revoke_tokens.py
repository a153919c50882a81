"""``flask auth revoke``: refuse a token, a session or a user from now on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from auth import KeySource, require_jwt
from auth.errors import KeysUnavailableError
from auth.keys import SimpleKeySource
from auth.stores import Entry, MemoryStore, StoreUnavailableError
from tests.support.services import ISSUER, NOW, OTHER_SECRET, SECRET, bearer, compact, service, with_claims
from tests.support.services import add_view as add

OTHER_ISSUER = "https://other.example"
SEVERAL: dict[str, Any] = {
    "AUTH_SECRET": None,
    "AUTH_ISSUER": None,
    "AUTH_ISSUERS": [
        {"issuer": ISSUER, "secret": SECRET},
        {"issuer": OTHER_ISSUER, "secret": OTHER_SECRET, "user_prefix": "b:"},
    ],
}


class SharedStore:
    """A denylist that the command shares with the service, and that may be away."""

    def __init__(self) -> None:
        self.store = MemoryStore(clock=lambda: NOW)
        self.is_away = False

    def remember(self, entries: Mapping[str, Entry]) -> None:
        if self.is_away:
            raise StoreUnavailableError("it cannot be reached")
        self.store.remember(entries)

    def values(self, keys: Sequence[str]) -> list[float | None]:
        if self.is_away:
            raise StoreUnavailableError("it cannot be reached")
        return self.store.values(keys)

    def add_once(self, key: str, until: float) -> bool:
        return self.store.add_once(key, until)


class NoKeys(SimpleKeySource):
    """An issuer that cannot be reached."""

    def keys_for(self, algorithm: str, key_id: str | None) -> Any:
        raise KeysUnavailableError("no answer")


def app_with(denylist: object, *, keys: KeySource | None = None, **settings: Any) -> Flask:
    app = service(keys=keys, AUTH_DENYLIST=denylist, **settings)
    add(app, "/", require_jwt(lambda: "in"))
    return app


def run(app: Flask, *arguments: str, given: str = "") -> Result:
    return app.test_cli_runner().invoke(args=["auth", "revoke", *arguments], input=given)


def is_revoked(app: Flask, token: str) -> bool:
    return app.test_client().get("/", headers=bearer(token)).status_code == 401


@pytest.mark.parametrize(
    ("arguments", "given", "token", "output"),
    [
        (["--user", "alice"], "", compact(), "Revoked the tokens of the user.\n"),
        (["--session", "s"], "", with_claims(sid="s"), "Revoked the session.\n"),
        (["--session", "s", "--issuer", ISSUER], "", with_claims(sid="s"), "Revoked the session.\n"),
        (["--token", with_claims(jti="1")], "", with_claims(jti="1"), "Revoked the token.\n"),
        (["--token", "-"], f"{with_claims(jti='1')}\n", with_claims(jti="1"), "Revoked the token.\n"),
        (
            ["--token", "-"],
            f"Authorization: Bearer {with_claims(jti='1')}\n",
            with_claims(jti="1"),
            "Revoked the token.\n",
        ),
        (["--token", f"bearer {with_claims(jti='1')}"], "", with_claims(jti="1"), "Revoked the token.\n"),
    ],
    ids=["user", "session", "session of an issuer", "token", "token from the input", "a whole line", "with its scheme"],
)
def test_what_is_named_is_refused_from_then_on(arguments: list[str], given: str, token: str, output: str) -> None:
    """In every process with the same denylist."""
    app = app_with(SharedStore())
    before = is_revoked(app, token)

    result = run(app, *arguments, given=given)

    assert (result.exit_code, result.output) == (0, output)
    assert (before, is_revoked(app, token)) == (False, True)
    assert not is_revoked(app, with_claims(sub="bob", jti="2"))


def test_the_user_of_one_of_several_issuers_is_named_with_the_prefix() -> None:
    """As in paths and in ``current_token.user_id``."""
    app = app_with(SharedStore(), **SEVERAL)

    result = run(app, "--user", "b:alice")

    assert result.exit_code == 0
    assert is_revoked(app, with_other_issuer(sub="alice"))
    assert not is_revoked(app, compact())


def with_other_issuer(**claims: Any) -> str:
    """Return a token of the other issuer."""
    made = {"iss": OTHER_ISSUER, "aud": "https://api.example", "iat": NOW, "exp": NOW + 900, "sub": "alice"}
    return compact(claims=made | claims, secret=OTHER_SECRET)


def test_a_session_of_several_issuers_needs_its_issuer() -> None:
    """Two of them may use the same id."""
    app = app_with(SharedStore(), **SEVERAL)
    without = run(app, "--session", "s")

    result = run(app, "--session", "s", "--issuer", OTHER_ISSUER)

    assert without.exit_code == 2
    assert f"Name the issuer of the session with --issuer: {ISSUER} or {OTHER_ISSUER}." in without.output
    assert result.exit_code == 0
    assert is_revoked(app, with_other_issuer(sid="s"))
    assert not is_revoked(app, with_claims(sid="s"))


def test_a_session_of_any_issuer_needs_no_name() -> None:
    """There is one, whatever it calls itself."""
    app = app_with(SharedStore(), AUTH_ISSUER=None)

    assert run(app, "--session", "s").exit_code == 0
    assert is_revoked(app, with_claims(sid="s"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Name one of --user, --session and --token."),
        (["--user", "alice", "--session", "s"], "Name one of --user, --session and --token."),
        (["--user", "alice", "--issuer", ISSUER], "--issuer belongs to --session."),
    ],
)
def test_a_wrong_call_says_what_is_missing(arguments: list[str], message: str) -> None:
    """With the status of wrong calls."""
    result = run(app_with(SharedStore()), *arguments)

    assert result.exit_code == 2
    assert message in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--user", ""], "Error: The id of a user is not empty.\n"),
        (["--session", ""], "Error: The id of a session is not empty.\n"),
        (["--session", "s", "--issuer", OTHER_ISSUER], f"Error: The issuer is not one of {ISSUER}.\n"),
        (
            ["--token", "abc"],
            "Error: Nothing was revoked. The app refuses the token as it is given here (malformed_token): "
            "The access token is not a JWT, which "
            "has three parts with dots between them. Ask its issuer for a JWT.\n",
        ),
        (
            ["--token", with_claims(exp=NOW - 100)],
            "Error: Nothing was revoked. The app refuses the token as it is given here (token_expired): "
            "The access token has expired.\n",
        ),
    ],
)
def test_what_cannot_be_revoked_is_told(arguments: list[str], message: str) -> None:
    """With the status of what is wrong."""
    result = run(app_with(SharedStore()), *arguments)

    assert (result.exit_code, result.output) == (1, message)


def test_an_outage_is_no_answer() -> None:
    """A script has to call again."""
    store = SharedStore()
    store.is_away = True

    result = run(app_with(store), "--user", "alice")

    assert result.exit_code == 3
    assert result.output == (
        "Error: the denylist cannot be used: it cannot be reached. The revocation may be kept or not.\n"
    )


def test_without_keys_a_token_cannot_be_revoked() -> None:
    """Nobody knows whether it is real."""
    app = app_with(SharedStore(), AUTH_SECRET=None, AUTH_ALGORITHMS="HS256", keys=NoKeys())

    result = run(app, "--token", compact())

    assert result.exit_code == 3
    assert result.output == "Error: The keys of the issuer are unavailable: no answer.\n"


@pytest.mark.parametrize(
    ("denylist", "message"),
    [
        (None, "Error: This app has no denylist. Set AUTH_DENYLIST to the URL of a Redis.\n"),
        (
            "memory",
            "Error: AUTH_DENYLIST is memory, and the memory of this command is not that of the service. Set it to the "
            "URL of a Redis.\n",
        ),
        (
            MemoryStore(),
            "Error: AUTH_DENYLIST is memory, and the memory of this command is not that of the service. Set it to the "
            "URL of a Redis.\n",
        ),
    ],
    ids=["none", "memory", "object in memory"],
)
def test_a_denylist_that_the_service_would_not_see_is_refused(denylist: object, message: str) -> None:
    """The command must not say that something is revoked that is not."""
    result = run(app_with(denylist), "--user", "alice")

    assert result.exit_code == 1
    assert result.output.endswith(message)


def test_inspect_says_that_a_token_is_revoked_or_that_nobody_knows() -> None:
    """By its exit status as well."""
    store = SharedStore()
    app = app_with(store)
    run(app, "--user", "alice")
    revoked = app.test_cli_runner().invoke(args=["auth", "inspect", compact()])
    store.is_away = True
    unknown = app.test_cli_runner().invoke(args=["auth", "inspect", compact()])

    assert (revoked.exit_code, unknown.exit_code) == (1, 3)
    assert "This app answers 401 token_revoked" in revoked.output
    assert "This app answers 503 denylist_unavailable" in unknown.output
