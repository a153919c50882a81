"""What one request has learnt, and who may ask."""

from __future__ import annotations

import pytest
from flask import Flask, request
from werkzeug.routing import Rule

from auth import AccessToken, current_token, errors, require_jwt
from auth.errors import ConfigurationError
from auth.flask.server import (
    current_request,
    current_state,
    remembered_token,
    verified_user_id,
)
from tests.auth.services import bearer, compact, service, with_claims


def verified_token(*, optional: bool = False) -> AccessToken | None:
    """Return the token of the current request, as a guard of the current app gets it."""
    return current_state().token_of(current_request(), optional=optional)


def has_been_guarded() -> bool:
    """Tell whether a guard has let the current request pass."""
    return current_state().verified(current_request()) is not None


def test_an_app_without_a_resource_server_is_a_mistake() -> None:
    """Closed and loud, with the way out."""
    with (
        Flask("service").test_request_context("/"),
        pytest.raises(ConfigurationError, match=r"Call ResourceServer\(app\) once"),
    ):
        current_state()


def test_a_token_is_verified_once_per_request() -> None:
    """The second asking gets the very same object."""
    with service().test_request_context("/", headers=bearer(compact())):
        first, second = verified_token(), verified_token(optional=True)

        assert first is second is remembered_token()
        assert verified_user_id() == "alice"
        assert has_been_guarded()


def test_an_anonymous_caller_is_remembered_as_one() -> None:
    """And a guard that is not optional asks for the credentials all the same."""
    with service().test_request_context("/"):
        assert verified_token(optional=True) is None
        assert remembered_token() is None
        assert verified_user_id() is None
        assert not current_token
        assert has_been_guarded()
        with pytest.raises(errors.MissingTokenError):
            verified_token()


def test_a_refused_token_is_not_remembered() -> None:
    """Nobody is verified, and asking again refuses again."""
    with service().test_request_context("/", headers=bearer("abc")):
        for _ in range(2):
            with pytest.raises(errors.MalformedTokenError):
                verified_token(optional=True)

        assert verified_user_id() is None
        assert not has_been_guarded()


def test_the_token_cannot_be_read_where_no_guard_has_run() -> None:
    """A good token in the header is nobody's word for it."""
    with (
        service().test_request_context("/", headers=bearer(compact())),
        pytest.raises(ConfigurationError, match="current_token was read where no guard has run"),
    ):
        assert current_token.user_id


def test_another_header_is_another_caller() -> None:
    """What was remembered belongs to the header that was verified."""
    with service().test_request_context("/", headers=bearer(compact())):
        first = verified_token()
        request.environ["HTTP_AUTHORIZATION"] = f"Bearer {with_claims(sub='bob')}"
        forgotten = verified_user_id()
        second = verified_token()

    assert first is not None
    assert second is not None
    assert (first.user_id, forgotten, second.user_id) == ("alice", None, "bob")


def test_another_app_with_the_same_environ_verifies_for_itself() -> None:
    """An environ is handed on by dispatchers and middleware."""
    first, second = service(), service()
    with first.test_request_context("/", headers=bearer(compact())) as context:
        verified_token()
        environ = context.request.environ
        with second.request_context(environ):
            assert has_been_guarded() is False
            assert verified_user_id() is None


def test_a_declaration_is_worked_out_once() -> None:
    """Per view and method."""
    app = service()
    with app.app_context():
        state = current_state()

        assert state.declaration(lambda: None, "GET").missing
        view = app.view_functions["static"]
        assert state.declaration(view, "GET") is state.declaration(view, "GET")
        assert state.keys_ready() is True


def test_methods_that_clients_make_up_are_not_remembered() -> None:
    """A route that takes any method would fill the memory with them."""
    app = service()
    app.url_map.add(Rule("/any", endpoint="any"))
    app.view_functions["any"] = require_jwt(lambda: "ok")
    server = app.extensions["resource_server"]

    answers = [app.test_client().open("/any", method=f"MADE{number}").status_code for number in range(5)]

    assert answers == [401] * 5
    assert not server.is_serving
    assert app.test_client().get("/any").status_code == 401
    assert server.is_serving


def test_a_caller_without_credentials_who_is_refused_is_not_remembered() -> None:
    """No guard has let anybody pass, so nothing may read an anonymous caller there."""
    with service().test_request_context("/"):
        with pytest.raises(errors.MissingTokenError):
            verified_token()

        assert not has_been_guarded()
        with pytest.raises(ConfigurationError, match="current_token was read where no guard has run"):
            remembered_token()


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"])
def test_every_method_of_the_standards_is_remembered(method: str) -> None:
    """RFC 9110 §9.3 and RFC 5789."""
    app = service()
    with app.app_context():
        state = current_state()
        view = require_jwt(lambda: "ok")

        assert state.declaration(view, method) is state.declaration(view, method)
        assert state.is_serving is True
