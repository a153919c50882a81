"""Revoked tokens as clients meet them, and what a service says and asks about its denylist."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask, copy_current_request_context, stream_with_context
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder

from auth import ResourceServer, current_token, public, require_jwt, verified_token
from auth.errors import (
    DenylistUnavailableError,
    InvalidSignatureError,
    MalformedTokenError,
    MisuseError,
    TokenRevokedError,
)
from auth.flask.answers import Refusal
from auth.revocation.revocations import DenylistStatus
from auth.stores import Entry, MemoryStore, StoreUnavailableError
from tests.support.services import ISSUER, KINDS, NOW, add_view, bearer, compact, service, with_claims


class CountingStore(MemoryStore):
    """A denylist that counts how often it is read, and is away while a test says so."""

    def __init__(self) -> None:
        super().__init__(clock=lambda: NOW)
        self.read = 0
        self.is_away = False

    def values(self, keys: Sequence[str]) -> list[float | None]:
        self.read += 1
        if self.is_away:
            raise StoreUnavailableError("it cannot be reached")
        return super().values(keys)

    def remember(self, entries: Mapping[str, Entry]) -> None:
        if self.is_away:
            raise StoreUnavailableError("it cannot be reached")
        super().remember(entries)


@pytest.fixture
def store() -> CountingStore:
    return CountingStore()


def protected(store: object, kind: str = "flask", **settings: Any) -> Flask:
    """Return a service with a denylist and three views."""
    app = service(kind, AUTH_DENYLIST=store, **settings)
    add_view(app, "/me", require_jwt(lambda: current_token.user_id))
    add_view(app, "/reports", require_jwt(scopes="reports:read")(lambda: "reports"))
    add_view(app, "/open", public(lambda: "open"))
    return app


def environ_for(token: str) -> dict[str, Any]:
    """Return the WSGI environ of a request for ``/me``."""
    return EnvironBuilder("/me", headers=Headers(bearer(token))).get_environ()


def status_of(app: Flask, environ: dict[str, Any]) -> str:
    with app.request_context(environ):
        return app.full_dispatch_request().status


@require_jwt
def caller() -> str:
    """Say who is calling."""
    return current_token.user_id


def server_of(app: Flask) -> Any:
    return app.extensions["resource_server"]


def error_of(client: FlaskClient, token: str, path: str = "/me") -> str | None:
    body = client.get(path, headers=bearer(token)).get_json(silent=True)
    return None if body is None else body["error"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_revoked_token_is_refused_in_full(kind: str, store: CountingStore) -> None:
    """401 with a challenge, as for every token that is not good."""
    app = protected(store, kind)
    server_of(app).revoke(compact())

    response = app.test_client().get("/me", headers=bearer(compact()))

    assert response.get_json() == {
        "code": 401,
        "status": "Unauthorized",
        "message": "The access token has been revoked. Get a new one.",
        "error": "token_revoked",
    }
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Vary"] == "Authorization"


@pytest.mark.parametrize("kind", KINDS)
def test_an_outage_of_the_denylist_is_nobodys_bad_token(kind: str, store: CountingStore) -> None:
    """503 with ``Retry-After`` and no challenge: the token is not to blame."""
    app = protected(store, kind)
    store.is_away = True

    response = app.test_client().get("/me", headers=bearer(compact()))

    assert response.get_json() == {
        "code": 503,
        "status": "Service Unavailable",
        "message": "The service cannot check at the moment whether the access token has been revoked. Try again later.",
        "error": "denylist_unavailable",
    }
    assert response.status_code == 503
    assert "WWW-Authenticate" not in response.headers
    assert response.headers["Retry-After"] == "5"
    assert response.headers["Cache-Control"] == "no-store"


def test_the_refusal_is_a_line_of_the_audit_log(store: CountingStore, caplog: pytest.LogCaptureFixture) -> None:
    """With the reason, which the client is not told."""
    app = protected(store)
    server_of(app).revoke_session(ISSUER, "s")

    error_of(app.test_client(), with_claims(sid="s"))

    (record,) = (record for record in caplog.records if record.name == "flask_resource_server.audit")
    assert "token_revoked" in record.getMessage()
    assert "its session is on the denylist" in record.getMessage()
    assert vars(record)["user_id"] == "alice"


def test_the_refusal_during_an_outage_names_the_user_as_well(
    store: CountingStore, caplog: pytest.LogCaptureFixture
) -> None:
    """The token is verified by then."""
    app = protected(store)
    store.is_away = True

    error_of(app.test_client(), with_claims(client_id="shop"))

    (record,) = (record for record in caplog.records if record.name == "flask_resource_server.audit")
    assert (vars(record)["error"], vars(record)["user_id"]) == ("denylist_unavailable", "alice")
    assert vars(record)["client"] == "shop"


def test_the_denylist_is_asked_once_per_request(store: CountingStore) -> None:
    """The hook, the guarded function and ``current_token`` share the answer."""
    client = protected(store).test_client()

    assert client.get("/me", headers=bearer(compact())).text == "alice"
    assert store.read == 1
    assert client.get("/me", headers=bearer(compact())).text == "alice"
    assert store.read == 2


def test_the_denylist_is_asked_before_the_rules(store: CountingStore) -> None:
    """A revoked token is 401 where it would be 403, so that the client gets a new one."""
    app = protected(store)
    refused_by_rule = error_of(app.test_client(), compact(), "/reports")
    server_of(app).revoke_user("alice")

    assert refused_by_rule == "insufficient_scope"
    assert error_of(app.test_client(), compact(), "/reports") == "token_revoked"


def test_the_denylist_is_not_asked_for_what_needs_no_token(store: CountingStore) -> None:
    """Public views, requests without a token, and tokens that are refused in any case."""
    client = protected(store).test_client()
    store.is_away = True

    assert client.get("/open", headers=bearer(compact())).text == "open"
    assert client.get("/me").get_json()["error"] == "missing_token"
    assert error_of(client, with_claims(exp=NOW - 100)) == "token_expired"
    assert store.read == 0


def test_a_token_for_a_route_that_declares_nothing_is_asked_for_as_well(store: CountingStore) -> None:
    """Nobody learns that there is such a route by a token that is no longer good."""
    app = protected(store, AUTH_DENY_BY_DEFAULT=True)
    add_view(app, "/silent", lambda: "never")
    before = error_of(app.test_client(), compact(), "/silent")
    server_of(app).revoke_user("alice")

    assert before == "undeclared_route"
    assert error_of(app.test_client(), compact(), "/silent") == "token_revoked"


def test_an_outage_lets_requests_pass_if_the_settings_say_so(store: CountingStore) -> None:
    """And nothing else changes."""
    client = protected(store, AUTH_DENYLIST_FAILURE="accept").test_client()
    store.is_away = True

    assert client.get("/me", headers=bearer(compact())).text == "alice"
    assert error_of(client, with_claims(exp=NOW - 100)) == "token_expired"
    assert error_of(client, compact(), "/reports") == "insufficient_scope"


def test_a_token_that_is_verified_by_hand_is_asked_for(store: CountingStore) -> None:
    """At each call, as sockets do it at each message."""
    server = server_of(protected(store))
    before = server.verify(compact()).user_id
    server.revoke(compact())

    with pytest.raises(TokenRevokedError):
        server.verify(compact())
    store.is_away = True
    with pytest.raises(DenylistUnavailableError):
        server.verify(compact())
    assert before == "alice"


def test_an_answer_that_is_under_way_goes_on(store: CountingStore) -> None:
    """The answer of the denylist is good for one request, however long that is."""
    app = protected(store)

    @app.get("/stream")
    @require_jwt
    def stream() -> Any:
        def lines() -> Any:
            yield f"{current_token.user_id}\n"
            server_of(app).revoke_user("alice")
            yield f"{current_token.user_id}\n"

        return stream_with_context(lines()), {"Content-Type": "text/plain"}

    client = app.test_client()

    assert client.get("/stream", headers=bearer(compact())).text == "alice\nalice\n"
    assert error_of(client, compact()) == "token_revoked"


@pytest.mark.parametrize("kind", KINDS)
def test_an_environ_that_is_sent_again_is_asked_for_again(kind: str, store: CountingStore) -> None:
    """As a middleware does it that tries a request a second time."""
    app = protected(store, kind)
    environ = environ_for(compact())
    before = status_of(app, environ)
    server_of(app).revoke_user("alice")

    assert (before, status_of(app, environ)) == ("200 OK", "401 UNAUTHORIZED")


def test_a_request_that_is_made_of_the_environ_of_a_connection_is_asked_for(store: CountingStore) -> None:
    """As socket libraries push one at each message. Before a guard has run, nobody is verified."""
    app = protected(store)
    with app.test_request_context("/me", headers=bearer(compact())) as context:
        environ = context.request.environ
        before = [caller(), caller()]

    assert (before, store.read) == (["alice", "alice"], 1)
    with app.request_context(environ):
        assert verified_token() is None
        with pytest.raises(MisuseError):
            current_token.user_id  # noqa: B018 - reading it is what is tested
        assert (caller(), store.read) == ("alice", 2)
    server_of(app).revoke_user("alice")
    with app.request_context(environ), pytest.raises(Refusal) as raised:
        caller()
    assert type(raised.value.error) is TokenRevokedError


def test_a_copy_of_a_request_context_shares_the_answer(store: CountingStore) -> None:
    """A thread of a view works for the same request."""
    app = protected(store)
    with app.test_request_context("/me", headers=bearer(compact())):
        caller()
        read: Callable[[], str] = copy_current_request_context(lambda: current_token.user_id)

    assert (read(), store.read) == ("alice", 1)


def test_the_answer_for_one_of_several_resources_is_good_for_its_path_and_request(store: CountingStore) -> None:
    """Both have to be the same."""
    resources = ["https://api.example.com/me", "https://api.example.com/reports"]
    app = protected(store, AUTH_RESOURCE=resources, AUTH_AUDIENCE=None)
    environ = environ_for(with_claims(aud=resources[0]))
    before = status_of(app, environ)
    reads = store.read
    server_of(app).revoke_user("alice")

    assert (before, reads) == ("200 OK", 1)
    assert status_of(app, environ) == "401 UNAUTHORIZED"


def test_tokens_are_revoked_by_user_session_and_text(store: CountingStore) -> None:
    """As they are named in this service."""
    app = protected(store)
    server, client = server_of(app), app.test_client()
    server.revoke(with_claims(jti="1"))
    server.revoke_session(ISSUER, "s")
    server.revoke_user("bob")

    assert error_of(client, with_claims(jti="1")) == "token_revoked"
    assert error_of(client, with_claims(sid="s")) == "token_revoked"
    assert error_of(client, with_claims(sub="bob")) == "token_revoked"
    assert error_of(client, compact()) is None


def test_a_time_is_seconds_or_a_datetime_with_a_zone(store: CountingStore) -> None:
    """One without a zone could be any of 24 times."""
    app = protected(store)
    server, client = server_of(app), app.test_client()
    server.revoke_user("alice", NOW - 60)
    server.revoke_user("bob", datetime.fromtimestamp(NOW - 60, UTC))

    for user in ("alice", "bob"):
        assert error_of(client, with_claims(sub=user, iat=NOW - 60)) == "token_revoked"
        assert error_of(client, with_claims(sub=user, iat=NOW - 59)) is None
    with pytest.raises(ValueError, match="The time has no time zone"):
        server.revoke_user("alice", datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize(("token", "error"), [("abc", MalformedTokenError), (None, MalformedTokenError)])
def test_what_is_no_token_cannot_be_revoked(store: CountingStore, token: object, error: type[Exception]) -> None:
    """The same errors as for a request."""
    server = server_of(protected(store))

    with pytest.raises(error):
        server.revoke(token)
    with pytest.raises(InvalidSignatureError):
        server.revoke(compact(secret="o" * 48))


def test_nothing_can_be_revoked_without_a_denylist() -> None:
    """Loud, with the way out."""
    server = server_of(service())

    for method, arguments in (("revoke", [compact()]), ("revoke_session", [ISSUER, "s"]), ("revoke_user", ["alice"])):
        with pytest.raises(MisuseError, match="Set AUTH_DENYLIST to revoke tokens"):
            getattr(server, method)(*arguments)
    assert server.denylist_status() is None


def test_the_status_of_the_denylist_is_for_probes(store: CountingStore) -> None:
    """It says whether requests are refused meanwhile."""
    server = server_of(protected(store, AUTH_DENYLIST_FAILURE="accept"))
    up = server.denylist_status()
    store.is_away = True

    reason = "the denylist cannot be used: it cannot be reached"
    assert up == DenylistStatus(ready=True, refuses=False, last_error=None)
    assert server.denylist_status() == DenylistStatus(ready=False, refuses=False, last_error=reason)


def test_memory_warns_at_the_start(caplog: pytest.LogCaptureFixture) -> None:
    """Other processes do not know."""
    protected("memory")

    assert [message for message in caplog.messages if "AUTH_DENYLIST is memory" in message]


def test_two_apps_of_a_process_have_their_own_memory() -> None:
    """As two processes have."""
    first, second = protected("memory"), protected("memory")
    server_of(first).revoke_user("alice")

    assert error_of(first.test_client(), compact()) == "token_revoked"
    assert error_of(second.test_client(), compact()) is None


def test_a_real_clock_is_used_unless_another_is_given() -> None:
    """Entries end by the same clock as tokens."""
    app = Flask("service")
    app.config.update(AUTH_SECRET="o" * 20 + "kD8vQ2mX9rT4wZ7pL1nB6cF3hJ5gY0sA", AUTH_DENYLIST="memory")
    ResourceServer(app)

    server_of(app).revoke_user("alice")

    assert server_of(app).denylist_status().ready
