"""What one request has learnt, and who may ask."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask, Response, request, stream_with_context
from werkzeug.routing import Rule

from auth import AccessToken, ResourceServer, current_token, errors, public, require_jwt, verified_token
from auth.errors import MisuseError
from auth.flask.answers import Refusal
from auth.flask.server import current_state, this_request
from tests.support.services import NOW, OTHER_SECRET, SETTINGS, add_view, bearer, compact, service, with_claims


def demanded_token(*, optional: bool = False) -> AccessToken | None:
    """Return the token of the current request, as a guard of the current app gets it."""
    return current_state().authenticate(this_request(), optional=optional)


def verified_user_id() -> str | None:
    """Return who the caller is, if a guard has found that out."""
    token = verified_token()
    return None if token is None else token.user_id


def has_been_guarded() -> bool:
    """Tell whether a guard has let the current request pass."""
    return current_state().authentication(this_request()) is not None


def test_an_app_without_a_resource_server_is_a_mistake() -> None:
    """Closed and loud, with the way out."""
    with (
        Flask("service").test_request_context("/"),
        pytest.raises(MisuseError, match=r"Call ResourceServer\(app\) once"),
    ):
        current_state()


@pytest.mark.parametrize("name", ["auth.authentication", "auth.refused", "auth.request_id", "auth.user"])
def test_what_a_middleware_of_the_service_calls_auth_means_nothing_to_a_guard(name: str) -> None:
    """A service may have an ``auth`` that leaves its own things in the environ."""
    app = service()
    add_view(app, "/", require_jwt(lambda: current_token.user_id))
    client = app.test_client()

    refused = client.get("/", environ_overrides={name: {"user": "bob"}})
    accepted = client.get("/", headers=bearer(compact()), environ_overrides={name: {"user": "bob"}})

    assert (refused.status_code, accepted.status_code, accepted.text) == (401, 200, "alice")


def test_a_token_is_verified_once_per_request() -> None:
    """The second asking gets the very same object."""
    with service().test_request_context("/", headers=bearer(compact())):
        first, second = demanded_token(), demanded_token(optional=True)

        assert first is second is verified_token()
        assert verified_user_id() == "alice"
        assert has_been_guarded()


def test_an_anonymous_caller_is_remembered_as_one() -> None:
    """And a guard that is not optional asks for the credentials all the same."""
    with service().test_request_context("/"):
        assert demanded_token(optional=True) is None
        assert verified_token() is None
        assert verified_user_id() is None
        assert not current_token
        assert has_been_guarded()
        with pytest.raises(errors.MissingTokenError):
            demanded_token()


def test_a_refused_token_is_not_remembered() -> None:
    """Nobody is verified, and asking again refuses again."""
    with service().test_request_context("/", headers=bearer("abc")):
        for _ in range(2):
            with pytest.raises(errors.MalformedTokenError):
                demanded_token(optional=True)

        assert verified_user_id() is None
        assert not has_been_guarded()


def test_the_token_cannot_be_read_where_no_guard_has_run() -> None:
    """A good token in the header is nobody's word for it."""
    with (
        service().test_request_context("/", headers=bearer(compact())),
        pytest.raises(MisuseError, match="current_token was read where no guard has run"),
    ):
        assert current_token.user_id


def test_another_header_is_another_caller() -> None:
    """What was remembered belongs to the header that was verified."""
    with service().test_request_context("/", headers=bearer(compact())):
        first = demanded_token()
        request.environ["HTTP_AUTHORIZATION"] = f"Bearer {with_claims(sub='bob')}"
        forgotten = verified_user_id()
        second = demanded_token()

    assert first is not None
    assert second is not None
    assert (first.user_id, forgotten, second.user_id) == ("alice", None, "bob")


def test_another_app_with_the_same_environ_verifies_for_itself() -> None:
    """An environ is handed on by dispatchers and middleware."""
    first, second = service(), service()
    with first.test_request_context("/", headers=bearer(compact())) as context:
        demanded_token()
        environ = context.request.environ
        with second.request_context(environ):
            assert has_been_guarded() is False
            assert verified_user_id() is None


def test_a_declaration_is_worked_out_once() -> None:
    """For each endpoint and method, until a mark is put on anything or another view takes the endpoint."""
    app = service()
    server = app.extensions["resource_server"]
    add_view(app, "/", lambda: "")
    (endpoint,) = app.view_functions.keys() - {"static"}

    first = server.declaration(app, endpoint, "GET")
    same = server.declaration(app, endpoint, "GET")
    require_jwt(lambda: "another")
    anew = server.declaration(app, endpoint, "GET")
    app.view_functions[endpoint] = require_jwt(app.view_functions[endpoint])

    assert first is same
    assert first.missing
    assert anew == first
    assert server.declaration(app, endpoint, "GET").policy.rules
    assert server.keys_ready() is True


def test_methods_that_clients_make_up_are_not_remembered() -> None:
    """A route that takes any method would fill the memory with them."""
    app = service()
    app.url_map.add(Rule("/any", endpoint="any"))
    app.view_functions["any"] = require_jwt(lambda: "ok")
    server = app.extensions["resource_server"]

    answers = [app.test_client().open("/any", method=f"MADE{number}").status_code for number in range(5)]

    assert answers == [401] * 5
    assert server.declaration(app, "any", "MADE") is not server.declaration(app, "any", "MADE")


def test_a_caller_without_credentials_who_is_refused_is_not_remembered() -> None:
    """No guard has let anybody pass, so nothing may read an anonymous caller there."""
    with service().test_request_context("/"):
        with pytest.raises(errors.MissingTokenError):
            demanded_token()

        assert not has_been_guarded()
        with pytest.raises(MisuseError, match="current_token was read where no guard has run"):
            assert current_token.user_id


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"])
def test_every_method_of_the_standards_is_remembered(method: str) -> None:
    """RFC 9110 §9.3 and RFC 5789."""
    app = service()
    server = app.extensions["resource_server"]

    assert server.declaration(app, "static", method) is server.declaration(app, "static", method)


def test_what_a_request_has_learnt_is_held_against_the_clock() -> None:
    """A token that expires while its request runs, or on a connection that lives on, is not believed any longer."""
    now = [float(NOW)]
    app = Flask("service")
    app.config.update(SETTINGS)
    ResourceServer(app, clock=lambda: now[0])
    with app.test_request_context("/", headers=bearer(compact())):
        first = demanded_token()
        now[0] = NOW + 100_000
        with pytest.raises(errors.TokenExpiredError):
            demanded_token()

    assert first is not None
    assert first.user_id == "alice"


def long_lived(now: list[float]) -> tuple[Flask, dict[str, Any]]:
    """Return an app, and the environ of a connection to it that a guard has let in and that stays open."""
    app = Flask("service")
    app.config.update(SETTINGS)
    ResourceServer(app, clock=lambda: now[0])
    with app.test_request_context("/", headers=bearer(compact())):
        environ = request.environ
        require_jwt(lambda: None)()
    return app, environ


def test_an_event_on_a_connection_that_outlives_its_token_is_refused() -> None:
    """RFC 7519 §4.1.4: what a guard has verified once is not believed for as long as the connection lives."""
    now = [float(NOW)]
    app, environ = long_lived(now)

    @require_jwt
    def on_event() -> str:
        return current_token.user_id

    with app.request_context(environ):
        assert on_event() == "alice"
    now[0] = NOW + 930
    with app.request_context(environ), pytest.raises(Refusal) as raised:
        on_event()

    assert type(raised.value.error) is errors.TokenExpiredError
    assert raised.value.get_response().get_json()["error"] == "token_expired"


def test_reading_a_token_that_has_expired_since_raises() -> None:
    """No guard has to run again: ``current_token`` itself asks the clock, to the second."""
    now = [float(NOW)]
    app, environ = long_lived(now)

    with app.request_context(environ):
        now[0] = NOW + 929.999
        assert current_token.user_id == "alice"
        now[0] = NOW + 930
        with pytest.raises(errors.TokenExpiredError):
            current_token.user_id  # noqa: B018  # reading it is what is tested
        now[0] = NOW - 31
        with pytest.raises(errors.TokenNotYetValidError):
            bool(current_token)


def test_a_stream_ends_when_its_token_expires() -> None:
    """A view that reads ``current_token`` for each event learns of it in the middle of its answer."""
    now = [float(NOW)]
    app = Flask("service")
    app.config.update(SETTINGS)
    ResourceServer(app, clock=lambda: now[0])

    @app.get("/events")
    @require_jwt
    def events() -> Response:
        def each() -> Iterator[str]:
            while True:
                yield f"data: for {current_token.user_id}\n\n"
                now[0] += 600

        return Response(stream_with_context(each()), mimetype="text/event-stream")

    sent = iter(app.test_client().get("/events", headers=bearer(compact()), buffered=False).response)

    assert [next(sent), next(sent)] == [b"data: for alice\n\n"] * 2
    with pytest.raises(errors.TokenExpiredError):
        next(sent)


def test_nobody_is_verified_any_more_when_the_token_has_expired() -> None:
    """``verified_token`` never raises; a hook that runs after the end of a token sees nobody."""
    now = [float(NOW)]
    app, environ = long_lived(now)

    with app.request_context(environ):
        assert verified_user_id() == "alice"
        now[0] = NOW + 930
        assert verified_token() is None


def test_an_anonymous_caller_stays_anonymous_for_ever() -> None:
    """There is nothing that could expire."""
    now = [float(NOW)]
    app = Flask("service")
    app.config.update(SETTINGS)
    ResourceServer(app, clock=lambda: now[0])
    with app.test_request_context("/"):
        require_jwt(optional=True)(lambda: None)()
        now[0] += 100_000

        assert not current_token
        assert verified_token() is None


def test_the_outcome_of_a_request_shows_no_token() -> None:
    """Crash reports print the environ."""
    token = compact()
    with service().test_request_context("/", headers=bearer(token)):
        demanded_token()
        outcome = current_state().authentication(this_request())

    assert repr(outcome) == "Authentication(user_id='alice')"
    assert token not in repr(outcome)


def test_a_token_that_comes_another_way_is_verified_alike() -> None:
    """For tokens in a message or a job; refusals are the same errors."""
    server = service().extensions["resource_server"]

    assert server.verify(compact()).user_id == "alice"
    with pytest.raises(errors.InvalidTypeError):
        server.verify(with_claims(cnf={"jkt": "x"}))
    with pytest.raises(errors.InvalidSignatureError):
        server.verify(compact(secret=OTHER_SECRET))


def test_nobody_is_verified_outside_of_a_request_or_a_protected_app() -> None:
    """``verified_token`` never raises."""
    assert verified_token() is None
    with Flask("unprotected").test_request_context("/"):
        assert verified_token() is None


@dataclass
class Page:
    """A view that is an object: equal to others of its kind, and without a hash."""

    text: str

    __name__ = "page"

    def __call__(self) -> str:
        return self.text


@dataclass(unsafe_hash=True)
class HashablePage(Page):
    """The same with a hash, which equal ones share."""


def test_a_view_need_not_be_hashable() -> None:
    """Flask serves such an object, and so do guards, ``public`` and deny by default."""
    app = service(AUTH_DENY_BY_DEFAULT=True)
    for name, view in (("guarded", require_jwt(Page("in"))), ("public", public(Page("in"))), ("silent", Page("in"))):
        app.add_url_rule(f"/{name}", name, view)

    def statuses(headers: dict[str, str]) -> list[int]:
        return [
            app.test_client().get(f"/{name}", headers=headers).status_code for name in ("guarded", "public", "silent")
        ]

    assert [statuses({}), statuses({})] == [[401, 200, 401]] * 2
    assert statuses(bearer(compact())) == [200, 200, 403]
    assert re.search(r" /silent +UNDECLARED", app.test_cli_runner().invoke(args=["auth", "routes"]).output)


def test_equal_views_declare_each_for_itself() -> None:
    """A public view opens no other, however alike they are, and whichever is asked for first."""
    app = service(AUTH_DENY_BY_DEFAULT=True)
    open_page, closed_page = public(HashablePage("in")), HashablePage("in")
    assert (open_page, hash(open_page)) == (closed_page, hash(closed_page))
    app.add_url_rule("/open", "open", open_page)
    app.add_url_rule("/closed", "closed", closed_page)

    answers = [app.test_client().get(path).status_code for path in ("/open", "/closed", "/open", "/closed")]

    assert answers == [200, 401, 200, 401]
