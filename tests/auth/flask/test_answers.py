"""The one edge at which a refusal becomes HTTP: the service may word the body, and cannot lose the rest."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, Flask, Response, jsonify, request, send_file
from werkzeug.exceptions import HTTPException, TooManyRequests
from werkzeug.test import create_environ

from auth import ResourceServer, errors, owns_path_user, require_jwt
from auth.flask.answers import Refusal
from tests.support.services import KINDS, SETTINGS, add_view, bearer, clock, compact, service, with_claims

ALICE = bearer(compact())
ERROR = 'Bearer realm="api", error="invalid_token"'


def protected(kind: str = "flask", **settings: Any) -> Flask:
    app = service(kind, **settings)
    add_view(app, "/", require_jwt(lambda: "ok"))
    return app


def assert_complete(response: Any, status: int = 401, challenge: str | None = 'Bearer realm="api"') -> None:
    """Demand status and header fields of a refusal, each once."""
    assert response.status_code == status
    assert response.headers.getlist("WWW-Authenticate") == ([] if challenge is None else [challenge])
    assert response.headers.getlist("Cache-Control") == ["no-store"]
    assert "Authorization" in response.vary


@pytest.mark.parametrize("kind", [errors.MalformedTokenError, errors.InvalidTokenError, errors.AuthError])
@pytest.mark.parametrize("service_kind", KINDS)
def test_a_handler_for_our_error_words_the_body(service_kind: str, kind: type[errors.AuthError]) -> None:
    """Registered for its class or one above it; it gets the error with its code."""
    app = protected(service_kind)

    @app.errorhandler(kind)
    def worded(error: errors.AuthError) -> tuple[dict[str, str], int]:
        return {"why": error.code, "said": error.message}, 418

    response = app.test_client().get("/", headers=bearer("abc"))

    assert response.get_json() == {"why": "malformed_token", "said": errors.MalformedTokenError.NOT_A_JWT}
    assert_complete(response, 401, ERROR)


def test_the_closest_handler_words_the_body() -> None:
    """One of the blueprint before one of the app, and a close class before a wide one."""
    app = service()
    outer, blueprint = Blueprint("outer", "outer"), Blueprint("notes", "notes")
    for place, kind, said in [
        (app, errors.MissingTokenError, "app, missing"),
        (app, errors.AuthError, "app, any"),
        (outer, errors.InvalidTokenError, "outer, invalid"),
        (blueprint, errors.NotOwnerError, "blueprint, owner"),
    ]:
        place.register_error_handler(kind, lambda _error, said=said: {"said": said})
    blueprint.add_url_rule("/<user_id>", "view", owns_path_user(lambda user_id: user_id))
    outer.register_blueprint(blueprint)
    app.register_blueprint(outer)
    client = app.test_client()

    def worded(headers: dict[str, str]) -> str:
        return str(client.get("/alice", headers=headers).get_json()["said"])

    assert worded({}) == "app, missing"
    assert worded(bearer("abc")) == "outer, invalid"
    assert worded(bearer(with_claims(sub="bob"))) == "blueprint, owner"


@pytest.mark.parametrize("before", [True, False], ids=["before the server", "after the server"])
def test_a_handler_counts_whenever_it_is_registered(before: bool) -> None:
    """Also one for the root of our errors, which the extension handles itself."""
    app = Flask("service")
    app.config.update(SETTINGS)
    if before:
        app.register_error_handler(errors.AuthError, lambda _error: {"said": "no"})
    ResourceServer(app, clock=clock)
    if not before:
        app.register_error_handler(errors.AuthError, lambda _error: {"said": "no"})
    add_view(app, "/", require_jwt(lambda: "ok"))

    response = app.test_client().get("/")

    assert response.get_json() == {"said": "no"}
    assert_complete(response)


@pytest.mark.parametrize("handled", [HTTPException, Exception, 401])
@pytest.mark.parametrize("kind", KINDS)
def test_a_handler_for_faults_is_not_asked_about_refusals(kind: str, handled: Any) -> None:
    """It knows neither code nor challenge; the body is ours."""
    app = protected(kind)
    if kind == "flask" or handled != HTTPException:
        app.register_error_handler(handled, lambda _error: ({"oops": True}, 500))

    response = app.test_client().get("/", headers=bearer("abc"))

    assert response.get_json()["error"] == "malformed_token"
    assert_complete(response, 401, ERROR)


def test_a_blueprint_that_handles_every_exception_does_not_swallow_refusals() -> None:
    """Neither those of the hook, nor those of a function that the hook has not seen."""
    app = service()
    blueprint = Blueprint("notes", "notes")
    blueprint.register_error_handler(Exception, lambda _error: ({"oops": True}, 500))
    inner: Callable[[], str] = require_jwt(lambda: "inner")
    blueprint.add_url_rule("/seen", "seen", require_jwt(lambda: "ok"))
    blueprint.add_url_rule("/hidden", "hidden", lambda: inner())
    app.register_blueprint(blueprint)

    for path in ("/seen", "/hidden"):
        response = app.test_client().get(path)

        assert response.get_json()["error"] == "missing_token"
        assert_complete(response)


@pytest.mark.parametrize("setting", ["TRAP_HTTP_EXCEPTIONS", "TRAP_BAD_REQUEST_ERRORS", "PROPAGATE_EXCEPTIONS"])
def test_a_refusal_from_inside_a_view_is_answered_whatever_flask_traps(setting: str) -> None:
    """Settings for debugging turn faults into exceptions; a refusal is not a fault."""
    settings: dict[str, Any] = {setting: True}
    app = service(**settings)
    inner: Callable[[], str] = require_jwt(lambda: "inner")
    app.add_url_rule("/hidden", "hidden", lambda: inner())

    assert_complete(app.test_client().get("/hidden"))


BODIES: dict[str, tuple[Any, str, bytes]] = {
    "text": ("Go away.", "text/html; charset=utf-8", b"Go away."),
    "a list": (["no"], "application/json", b'["no"]\n'),
    "broken JSON": (("{", {"Content-Type": "application/json"}), "application/json", b"{"),
    "a problem document": (
        ('{"title": "No"}', 400, {"Content-Type": "application/problem+json"}),
        "application/problem+json",
        b'{"title": "No"}',
    ),
}


@pytest.mark.parametrize(("worded", "content_type", "body"), BODIES.values(), ids=BODIES)
def test_a_body_may_be_of_any_kind(worded: Any, content_type: str, body: bytes) -> None:
    """It is sent as the service made it."""
    app = protected()
    app.register_error_handler(errors.AuthError, lambda _error: worded)

    response = app.test_client().get("/")

    assert (response.content_type, response.data) == (content_type, body)
    assert_complete(response)


def test_a_body_may_come_from_a_file_or_an_async_handler(tmp_path: Path) -> None:
    """What is streamed is passed on as it is."""
    (tmp_path / "refused.json").write_text('{"wrong": true}')
    streaming, later = protected(), protected()
    streaming.register_error_handler(errors.AuthError, lambda _error: send_file(tmp_path / "refused.json"))

    @later.errorhandler(errors.AuthError)
    async def worded(error: errors.AuthError) -> dict[str, str]:
        return {"later": error.code}

    with streaming.test_client().get("/") as response:
        assert response.get_json() == {"wrong": True}
        assert_complete(response)
    assert later.test_client().get("/").get_json() == {"later": "missing_token"}


def test_what_the_service_says_in_header_fields_is_kept_beside_ours() -> None:
    """Its own ``Vary`` counts as well; its challenge, status and ``Cache-Control`` do not."""
    app = protected()

    @app.errorhandler(errors.AuthError)
    def in_their_language(_error: errors.AuthError) -> Response:
        response = jsonify(message="Wer sind Sie?")
        response.headers.extend(
            {
                "Vary": "Accept-Language",
                "Content-Language": "de",
                "Cache-Control": "public, max-age=60",
                "WWW-Authenticate": 'Basic realm="other"',
            }
        )
        return response

    response = app.test_client().get("/")

    assert sorted(response.vary) == ["Accept-Language", "Authorization"]
    assert response.headers["Content-Language"] == "de"
    assert_complete(response)


def test_a_hook_of_the_service_cannot_lose_the_refusal() -> None:
    """It may replace the answer; status and challenge are put right again. What others vary by stays."""
    app = protected()

    @app.after_request
    def wrap(response: Response) -> Response:
        if request.path == "/kept":
            return response
        replaced = jsonify(wrapped=True)
        replaced.headers["Vary"] = "Origin"
        return replaced

    response = app.test_client().get("/")

    assert response.get_json() == {"wrapped": True}
    assert sorted(response.vary) == ["Authorization", "Origin"]
    assert_complete(response)


def test_a_hook_from_before_the_guards_cannot_lose_the_refusal() -> None:
    """Flask runs it after all that were registered later."""
    app = Flask(__name__)

    @app.after_request
    def wrap(_response: Response) -> Response:
        replaced = jsonify(wrapped=True)
        replaced.headers["Cache-Control"] = "public"
        return replaced

    app.config |= SETTINGS
    ResourceServer(app, clock=clock)
    app.add_url_rule("/", view_func=require_jwt(lambda: "in"))

    assert_complete(app.test_client().get("/"))


def test_what_is_raised_after_a_refusal_answers_the_request() -> None:
    """Such as a limit that counts refused requests as well."""
    app = protected()
    refuse = app.preprocess_request

    def count() -> Any:
        assert refuse() is not None
        raise TooManyRequests("This was one request too many.")

    app.preprocess_request = count  # type: ignore[method-assign]

    response = app.test_client().get("/")

    assert response.status_code == 429
    assert "WWW-Authenticate" not in response.headers


def test_a_refusal_belongs_to_one_request_of_one_app() -> None:
    """A middleware may give the same environ to an app again, with a token, or to another app."""
    first, second = protected(), service()
    second.add_url_rule("/", view_func=lambda: "for everybody")
    environ = create_environ("/")

    def status_of(app: Flask) -> str:
        said: list[str] = []

        def start(status: str, _headers: Any, _fault: Any = None) -> Callable[[bytes], object]:
            said.append(status)
            return bytes

        b"".join(app(environ, start))
        return said[0][:3]

    refused = status_of(first)
    elsewhere = status_of(second)
    environ.update(HTTP_AUTHORIZATION=ALICE["Authorization"])

    assert [refused, elsewhere, status_of(first)] == ["401", "200", "200"]


def test_a_view_may_catch_the_refusal_of_another_and_go_on() -> None:
    """It called a guarded function past the hook, and has something else to say."""
    app = service()
    tasks: Callable[..., str] = owns_path_user(lambda user_id: f"tasks of {user_id}")

    @app.get("/<user_id>/circle")
    @require_jwt
    def circle(user_id: str) -> list[str]:
        seen = [tasks(user_id=user_id)]
        try:
            seen.append(tasks(user_id="bob"))
        except Refusal as refusal:
            seen.append(refusal.error.code)
        return seen

    response = app.test_client().get("/alice/circle", headers=ALICE)

    assert (response.status_code, response.get_json()) == (200, ["tasks of alice", "not_owner"])


def test_our_errors_from_the_services_own_code_are_answered_alike() -> None:
    """A token that comes another way, or a rule that only the view can check."""
    app = service()

    @app.get("/token")
    def token() -> str:
        return str(app.extensions["resource_server"].verify(request.args["token"]).user_id)

    @app.get("/scope")
    @require_jwt
    def scope() -> str:
        raise errors.InsufficientScopeError(["reports:read"])

    client = app.test_client()

    assert client.get("/token", query_string={"token": compact()}).text == "alice"
    assert_complete(client.get("/token?token=abc"), 401, ERROR)
    assert_complete(
        client.get("/scope", headers=ALICE),
        403,
        'Bearer realm="api", error="insufficient_scope", scope="reports:read"',
    )


@pytest.mark.parametrize("handled", [errors.AuthError, errors.InsufficientScopeError])
def test_our_errors_from_the_services_own_code_are_worded_and_keep_the_rest(handled: type[errors.AuthError]) -> None:
    """The handler decides on the body alone, as it does for a guard; hooks that replace the answer change no more."""
    app = service()
    app.register_error_handler(handled, lambda error: ({"why": error.code}, 418))

    @app.get("/scope")
    @require_jwt
    def scope() -> str:
        raise errors.InsufficientScopeError(["reports:read"])

    @app.after_request
    def wrap(response: Response) -> Response:
        return jsonify(wrapped=response.get_json())

    response = app.test_client().get("/scope", headers=ALICE)

    assert response.get_json() == {"wrapped": {"why": "insufficient_scope"}}
    assert_complete(response, 403, 'Bearer realm="api", error="insufficient_scope", scope="reports:read"')


def takes_all_errors(app: Flask) -> None:
    """Replace the error handling of an app, as Flask-RESTful does when its Api is made."""
    app.handle_user_exception = lambda e: ({"fault": str(e)}, 500)  # type: ignore[method-assign]


@pytest.mark.parametrize("is_context_pushed", [True, False], ids=["in a pushed context", "between requests"])
@pytest.mark.parametrize("before", [True, False], ids=["before the server", "after the server"])
def test_a_framework_that_replaces_the_error_handling_does_not_get_refusals(
    before: bool, is_context_pushed: bool
) -> None:
    """Whenever it comes, and from the first request on; everything else is still its own."""
    app = Flask("service")
    app.config.update(SETTINGS)
    if before:
        takes_all_errors(app)
    ResourceServer(app, clock=clock)
    inner: Callable[[], str] = require_jwt(lambda: "inner")
    app.add_url_rule("/hidden", "hidden", lambda: inner())
    app.add_url_rule("/raised", "raised", lambda: app.extensions["resource_server"].verify("abc"))
    app.add_url_rule("/fault", "fault", lambda: str(1 / 0))

    with app.app_context() if is_context_pushed else nullcontext():
        if not before:
            takes_all_errors(app)
        hidden, raised, fault = map(app.test_client().get, ("/hidden", "/raised", "/fault"))

    assert_complete(hidden)
    assert_complete(raised, 401, ERROR)
    assert (fault.status_code, fault.get_json()) == (500, {"fault": "division by zero"})


def test_our_errors_are_answered_when_a_hook_raises_them_before_ours_has_run() -> None:
    """In the first request, too: the error handling is in place before any hook."""
    app = Flask("service")
    app.config.update(SETTINGS)
    app.before_request(lambda: app.extensions["resource_server"].verify("abc") and None)
    ResourceServer(app, clock=clock)
    takes_all_errors(app)

    assert_complete(app.test_client().get("/"), 401, ERROR)


def test_a_view_that_words_http_exceptions_itself_knows_the_status_of_a_refusal() -> None:
    """As it knows that of ``abort(404)``: a guarded function that it calls by hand may refuse."""
    app = service()

    @app.get("/<user_id>/inner")
    @require_jwt
    def outer(user_id: str) -> Any:
        try:
            return owns_path_user(lambda user_id: user_id)(user_id="bob")
        except HTTPException as error:
            return {"said": error.description}, error.code or 500

    response = app.test_client().get("/alice/inner", headers=ALICE)

    assert (response.status_code, response.get_json()) == (403, {"said": errors.NotOwnerError.message})


def test_a_handler_for_401_does_not_word_a_refusal_from_a_view() -> None:
    """The refusal has a status as other HTTP exceptions do, and still carries its own answer."""
    app = service()
    app.register_error_handler(401, lambda _error: ("mine", 200))
    app.add_url_rule("/", "outer", lambda: require_jwt(lambda: "in")())

    response = app.test_client().get("/")

    assert (response.status_code, response.get_json()["error"]) == (401, "missing_token")


def test_a_refusal_names_its_error_and_holds_its_answer() -> None:
    """For code between the view and the app that looks at exceptions."""
    app = service()
    with app.test_request_context("/"), pytest.raises(Refusal) as raised:
        require_jwt(lambda: "ok")()

    assert isinstance(raised.value.error, errors.MissingTokenError)
    assert (raised.value.code, raised.value.description) == (401, errors.MissingTokenError.message)
    assert str(raised.value) == f"401 Unauthorized: {errors.MissingTokenError.message}"
    assert isinstance(raised.value.__cause__, errors.MissingTokenError)
    assert raised.value.response is not None
    assert raised.value.response.status_code == 401
