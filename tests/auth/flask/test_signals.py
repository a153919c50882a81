"""The signals: what they say, how often, and that no receiver can change an answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from blinker import NamedSignal
from flask import Flask, abort
from flask.typing import ResponseReturnValue

from auth import AccessToken, owns_path_user, require_jwt, signals
from auth.errors import AuthError
from auth.signals import access_overridden, token_accepted, token_refused
from tests.support.lifetimes import A_DAY
from tests.support.services import ISSUED, KINDS, add_view, bearer, service, with_claims

LOGGER = "flask_resource_server"

ALICE = ISSUED.authorization("alice", expires_in=A_DAY)
SUPPORT = ISSUED.authorization("support", scopes="tasks:any", expires_in=A_DAY)

Heard = list[tuple[Any, ...]]


def guarded(kind: str = "flask", **settings: Any) -> Flask:
    app = service(kind, **settings)

    @require_jwt
    @owns_path_user(unless_scope="tasks:any")
    def tasks(user_id: str) -> ResponseReturnValue:
        return {"owner": user_id}

    @owns_path_user(hide=True)
    def hidden(user_id: str) -> ResponseReturnValue:
        return {"owner": user_id}

    @require_jwt(optional=True)
    def news() -> ResponseReturnValue:
        return {}

    add_view(app, "/users/<user_id>", tasks)
    add_view(app, "/hidden/<user_id>", hidden)
    add_view(app, "/news", news)
    app.add_url_rule("/silent", "silent", lambda: "silent")
    return app


@contextmanager
def heard(app: Flask) -> Iterator[Heard]:
    """Collect what the signals say about an app."""
    facts: Heard = []

    def accepted(app: Flask, token: AccessToken, remembered: bool) -> None:
        facts.append(("accepted", app, token.user_id, remembered))

    def refused(app: Flask, error: AuthError, route: str) -> None:
        facts.append(("refused", app, error.code.value, route))

    def overridden(app: Flask, token: AccessToken, owner: str) -> None:
        facts.append(("overridden", app, token.user_id, owner))

    with (
        token_accepted.connected_to(accepted, app),
        token_refused.connected_to(refused, app),
        access_overridden.connected_to(overridden, app),
    ):
        yield facts


def ask(app: Flask, path: str, headers: dict[str, str]) -> int:
    return app.test_client().get(path, headers=headers).status_code


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_that_passes_is_accepted_once_and_its_token_is_remembered(kind: str) -> None:
    """Although the hook and two guards of the function have asked."""
    app = guarded(kind)
    with heard(app) as facts:
        statuses = [ask(app, "/users/alice", ALICE) for _ in range(3)]

    assert statuses == [200] * 3
    assert facts == [("accepted", app, "alice", remembered) for remembered in (False, True, True)]


@pytest.mark.parametrize("field", ["bearer  {}", "Bearer {}"])
def test_a_service_without_a_cache_remembers_nothing(field: str) -> None:
    """However the field is written."""
    app = guarded(AUTH_TOKEN_CACHE_SIZE=0)
    headers = {"Authorization": field.format(ALICE["Authorization"].removeprefix("Bearer "))}
    with heard(app) as facts:
        for _ in range(2):
            ask(app, "/users/alice", headers)

    assert facts == [("accepted", app, "alice", False)] * 2


@pytest.mark.parametrize(
    ("path", "headers", "error", "route"),
    [
        ("/users/alice", {}, "missing_token", "/users/<user_id>"),
        ("/users/bob", ALICE, "not_owner", "/users/<user_id>"),
        ("/hidden/bob", ALICE, "not_owner", "/hidden/<user_id>"),
        ("/news", bearer(with_claims(exp=1)), "token_expired", "/news"),
        ("/silent", ALICE, "undeclared_route", "/silent"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_refused_request_is_refused_and_not_accepted(
    kind: str, path: str, headers: dict[str, str], error: str, route: str
) -> None:
    """Also if the token is good, and if the client is not told."""
    app = guarded(kind, AUTH_DENY_BY_DEFAULT=True, API_SPEC_OPTIONS={})
    with heard(app) as facts:
        ask(app, path, headers)

    assert facts == [("refused", app, error, route)]


def test_a_caller_who_may_pass_is_an_override_and_then_accepted() -> None:
    """Each once for a request."""
    app = guarded()
    with heard(app) as facts:
        for _ in range(2):
            ask(app, "/users/bob", SUPPORT)

    assert facts == [
        ("overridden", app, "support", "bob"),
        ("accepted", app, "support", False),
        ("overridden", app, "support", "bob"),
        ("accepted", app, "support", True),
    ]


def test_an_anonymous_caller_has_no_token_to_be_accepted() -> None:
    """Nor is such a caller refused."""
    app = guarded()
    with heard(app) as facts:
        assert ask(app, "/news", {}) == 200

    assert facts == []


def test_a_refusal_that_a_view_verifies_its_way_into_has_a_route_or_none() -> None:
    """Outside of any route, the text is empty."""
    app = guarded()

    @app.before_request
    def verify() -> None:
        app.extensions["resource_server"].verify("no token")

    with heard(app) as facts:
        ask(app, "/nowhere", {})

    assert facts == [("refused", app, "malformed_token", "")]


def test_a_receiver_hears_of_its_own_app_only() -> None:
    """The sender is the app itself."""
    one, other = guarded(), guarded()
    with heard(one) as facts:
        ask(other, "/users/alice", ALICE)
        ask(other, "/users/alice", {})

    assert facts == []


def test_a_receiver_without_a_sender_hears_of_every_app() -> None:
    """As with the signals of Flask."""
    facts: list[Flask] = []

    def listen(app: Flask, **_facts: object) -> None:
        facts.append(app)

    one, other = guarded(), guarded()
    with token_accepted.connected_to(listen):
        ask(one, "/users/alice", ALICE)
        ask(other, "/users/alice", ALICE)

    assert facts == [one, other]


def fail(*_arguments: object, **_facts: object) -> None:
    raise ZeroDivisionError("a fault of the receiver")


def answer(*_arguments: object, **_facts: object) -> None:
    abort(418)


class Receiver:
    """One without a name of its own."""

    def __call__(self, *_arguments: object, **_facts: object) -> None:
        fail()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("receiver", "name"), [(fail, "fail"), (answer, "answer"), (Receiver(), "Receiver")])
@pytest.mark.parametrize(
    ("signal", "path", "headers"),
    [
        (token_accepted, "/users/alice", ALICE),
        (token_refused, "/users/alice", {}),
        (token_refused, "/hidden/bob", ALICE),
        (access_overridden, "/users/bob", SUPPORT),
    ],
)
def test_a_receiver_that_raises_is_logged_and_changes_nothing(
    signal: NamedSignal,
    path: str,
    headers: dict[str, str],
    receiver: Callable[..., None],
    name: str,
    kind: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The answer is that of the same request without it, and every other receiver hears."""
    app = guarded(kind)
    before = app.test_client().get(path, headers=headers)
    with heard(app) as expected:
        app.test_client().get(path, headers=headers)
    caplog.clear()

    with heard(app) as facts, signal.connected_to(receiver, app), heard(app) as later:
        after = app.test_client().get(path, headers=headers)
    records = [record for record in caplog.records if record.name == LOGGER]

    assert (after.status, after.data, list(after.headers)) == (before.status, before.data, list(before.headers))
    assert facts == later == expected
    assert {record.getMessage() for record in records} == {f"the receiver {name} of the signal {signal.name} failed"}
    assert all(record.levelno == logging.ERROR and record.exc_info for record in records)


def test_the_audit_log_hears_although_another_receiver_raises(caplog: pytest.LogCaptureFixture) -> None:
    """It is a receiver like any other."""
    app = guarded()
    with token_refused.connected_to(fail, app), access_overridden.connected_to(fail, app):
        ask(app, "/users/alice", {})
        ask(app, "/users/bob", SUPPORT)

    lines = [record.getMessage() for record in caplog.records if record.name == f"{LOGGER}.audit"]
    assert [line.partition(":")[0] for line in lines] == ["access refused", "access overridden"]


def test_an_async_receiver_is_run() -> None:
    """As Flask runs those of its own signals."""
    app, facts = guarded(), []

    async def listen(_app: Flask, **given: Any) -> None:
        facts.append(given["remembered"])

    with token_accepted.connected_to(listen, app):
        ask(app, "/users/alice", ALICE)

    assert facts == [False]


def test_a_muted_signal_says_nothing() -> None:
    """``muted`` is Blinker's own."""
    app = guarded()
    with heard(app) as facts, token_accepted.muted():
        ask(app, "/users/alice", ALICE)

    assert facts == []


def test_a_request_that_a_middleware_sends_twice_is_accepted_twice() -> None:
    """Each app has heard of its own, although both share one environ."""
    app, again = guarded(), guarded()
    inner = app.wsgi_app

    def twice(environ: Any, start_response: Any) -> Any:
        b"".join(again.wsgi_app(environ, lambda *_arguments: lambda _data: None))
        return inner(environ, start_response)

    app.wsgi_app = twice  # type: ignore[method-assign]
    with heard(app) as facts, heard(again) as of_the_other:
        ask(app, "/users/alice", ALICE)

    assert (facts, of_the_other) == (
        [("accepted", app, "alice", False)],
        [("accepted", again, "alice", False)],
    )


def test_nothing_that_a_receiver_is_given_has_the_text_of_the_token() -> None:
    """Neither in its text nor in an attribute."""
    app = guarded()
    given: list[Any] = []

    def listen(_app: Flask, **facts: Any) -> None:
        given.append(facts)

    with (
        token_accepted.connected_to(listen, app),
        token_refused.connected_to(listen, app),
        access_overridden.connected_to(listen, app),
    ):
        ask(app, "/users/bob", SUPPORT)
        ask(app, "/users/bob", ALICE)
    written = repr(given) + "".join(repr(vars(fact["error"])) for fact in given if "error" in fact)

    assert len(given) == 3
    for headers in (ALICE, SUPPORT):
        *_, signature = headers["Authorization"].split(".")
        assert signature not in written


def test_without_a_receiver_nothing_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Off is free: one look at ``receivers`` is all that happens."""
    app = guarded()

    class Nobody(dict[Any, Any]):
        asked = 0

        def __len__(self) -> int:
            self.asked += 1
            return 0

    with heard(app) as facts, monkeypatch.context() as patch:
        patch.setattr(token_accepted, "receivers", nobody := Nobody())
        status = ask(app, "/news", ALICE)

    # The hook looks once, and the guard of the function once more.
    assert (status, facts, nobody.asked) == (200, [], 2)


def test_the_names_of_the_module_are_the_three_signals() -> None:
    """What else is there may change."""
    assert signals.__all__ == ["token_accepted", "token_refused", "access_overridden"]
