"""Guards and ``current_token`` where no HTTP request is: nothing runs, and the error names the way out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import (
    Flask,
    copy_current_request_context,
    request,
    request_finished,
    request_started,
    stream_with_context,
)
from flask.typing import ResponseReturnValue
from flask.views import MethodView
from werkzeug.exceptions import HTTPException

from auth import ResourceServer, current_token, owns_path_user, require_jwt, verified_token
from auth.errors import MalformedTokenError, MisuseError
from tests.support.services import ISSUED, NOW, SETTINGS, service

OUTSIDE = "outside of an HTTP request, .* as docs/sockets.md shows"


@require_jwt
def guarded() -> str:
    return current_token.user_id


@owns_path_user
def of_user(user_id: str) -> str:
    return user_id


@require_jwt
class Guarded(MethodView):
    def get(self) -> str:
        return current_token.user_id


@require_jwt
async def guarded_coroutine() -> str:
    return current_token.user_id


def finish(coroutine: Any) -> None:
    coroutine.send(None)


#: Calls of what is guarded.
CALLS: dict[str, Callable[[], object]] = {
    "a function": guarded,
    "an owner's function": lambda: of_user(user_id="alice"),
    "what as_view returns": Guarded.as_view("guarded"),
    "a coroutine": lambda: finish(guarded_coroutine()),
    "current_token": lambda: current_token.user_id,
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_outside_of_a_request_nothing_guarded_runs(call: Callable[[], object]) -> None:
    """Neither without any context, nor in that of an app, nor in a command."""
    app = service()

    with pytest.raises(MisuseError, match=OUTSIDE):
        call()
    with app.app_context(), pytest.raises(MisuseError, match=OUTSIDE):
        call()

    app.cli.command("work")(lambda: call())
    result = app.test_cli_runner().invoke(args=["work"])
    assert isinstance(result.exception, MisuseError)


def test_another_thread_has_no_request_unless_it_is_copied() -> None:
    """What Flask copies is guarded as the view is."""
    app, outcomes = service(), {}

    def run(name: str, function: Callable[[], object]) -> None:
        def work() -> None:
            try:
                outcomes[name] = function()
            except MisuseError as error:
                outcomes[name] = type(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()

    @app.get("/")
    @require_jwt
    def view() -> ResponseReturnValue:
        run("plain", guarded)
        run("copied", copy_current_request_context(guarded))
        return {}

    app.test_client().get("/", headers=ISSUED.authorization("alice"))

    assert outcomes == {"plain": MisuseError, "copied": "alice"}


def test_a_guarded_error_handler_for_unknown_paths_still_refuses() -> None:
    """A request without a route is an HTTP request all the same: the answer is 401, never 500."""
    app = service()
    app.before_request(require_jwt(lambda: None))

    assert app.test_client().get("/nowhere").status_code == 401
    assert app.test_client().get("/nowhere", headers=ISSUED.authorization("alice")).status_code == 404


def test_attributes_that_a_service_puts_on_requests_make_no_socket_of_them() -> None:
    """Flask-SocketIO has common names for what it adds."""
    app = service()

    @app.before_request
    def note() -> None:
        request.namespace = request.event = "tenant"  # type: ignore[attr-defined]

    app.get("/")(guarded)

    assert app.test_client().get("/", headers=ISSUED.authorization("alice")).text == "alice"


def test_a_stream_and_the_hooks_around_a_request_know_who_it_is() -> None:
    """Those of a refused request know nobody."""
    app, seen = service(), []

    def note(where: str) -> None:
        token = verified_token()
        seen.append((where, token.user_id if token else None))

    def started(_app: Flask, **_: object) -> None:
        note("started")

    def finished(_app: Flask, **_: object) -> None:
        note("finished")

    app.teardown_request(lambda _error: note("teardown"))

    @app.get("/")
    @require_jwt
    def view() -> ResponseReturnValue:
        def lines() -> Iterator[str]:
            yield current_token.user_id

        return app.response_class(stream_with_context(lines()))

    with request_started.connected_to(started, app), request_finished.connected_to(finished, app):
        answer = app.test_client().get("/", headers=ISSUED.authorization("alice"))
        assert answer.text == "alice"
        app.test_client().get("/")

    assert [who for where, who in seen if where == "started"] == [None, None]
    assert [who for where, who in seen if where == "finished"] == ["alice", None]
    assert "alice" in [who for where, who in seen if where == "teardown"]


@pytest.mark.parametrize("sent", [None, 5, {}, [], b"token", True])
def test_verify_takes_whatever_a_client_sends_in_place_of_a_token(sent: object) -> None:
    """JSON has more than texts; none of it may end in a fault."""
    with pytest.raises(MalformedTokenError):
        service().extensions["resource_server"].verify(sent)


def test_a_context_that_a_service_pushes_itself_is_guarded_until_the_token_expires() -> None:
    """Libraries for sockets push the environ of the handshake again for each message."""
    now = [NOW]
    app = Flask("sockets")
    app.config.update(SETTINGS)
    ResourceServer(app, clock=lambda: now[0])
    with app.test_request_context("/socket", headers=ISSUED.authorization("alice", expires_in=60)):
        environ = request.environ

    with app.request_context(environ):
        assert guarded() == "alice"
    now[0] += 3600
    with app.request_context(environ), pytest.raises(HTTPException) as refused:
        guarded()

    assert refused.value.error.code == "token_expired"  # type: ignore[attr-defined]
