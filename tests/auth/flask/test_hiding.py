"""``hide=True``: what belongs to another user is answered like what nobody has."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Blueprint, Flask, abort, request
from flask.views import MethodView
from flask_cors import cross_origin
from werkzeug.exceptions import Gone, HTTPException, InternalServerError, NotFound
from werkzeug.routing import RequestRedirect

from auth import errors, owns_path_user, public, require_jwt, verified_token
from auth.testing import assert_routes_guarded
from tests.support.hiding_apps import FRAMEWORKS, HIDDEN, PLACES, SHAPES, UNKNOWN, answers
from tests.support.lifetimes import A_DAY
from tests.support.services import ISSUED, KINDS, add_view, documented, service

AUDIT = "flask_resource_server.audit"
ALICE = ISSUED.authorization("alice", expires_in=A_DAY)


@pytest.mark.parametrize("cors", [False, True], ids=["no CORS", "CORS"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("framework", ["flask", "flask-smorest"])
def test_what_is_anothers_is_answered_like_what_nobody_has(framework: str, place: str, shape: str, cors: bool) -> None:
    """Status, header fields in their order, and body, for every kind of request."""
    app = FRAMEWORKS[framework](place, shape, cors=cors)

    unknown, hidden = answers(app, UNKNOWN), answers(app, HIDDEN)

    assert hidden == unknown
    assert {answer[0] for answer in unknown.values()} <= {"404 NOT FOUND", "405 METHOD NOT ALLOWED"}
    assert unknown["GET"][0] == "404 NOT FOUND"


@pytest.mark.parametrize("kind", KINDS)
def test_a_stranger_is_401_before_anything_is_hidden(kind: str) -> None:
    """A bad token as well: nothing is said of the path."""
    app = service(kind)
    add_view(app, "/users/<user_id>", owns_path_user(hide=True)(lambda user_id: user_id))
    client = app.test_client()

    stranger, forger = client.get("/users/bob"), client.get("/users/bob", headers={"Authorization": "Bearer x.y.z"})

    assert [answer.status_code for answer in (stranger, forger)] == [401, 401]
    assert all("WWW-Authenticate" in answer.headers for answer in (stranger, forger))
    assert client.get("/users/alice", headers=ALICE).text.strip('"\n') == "alice"


def test_the_log_tells_the_truth(caplog: pytest.LogCaptureFixture) -> None:
    """Once, as for any refusal."""
    app = service()
    add_view(app, "/users/<user_id>", owns_path_user(hide=True)(lambda user_id: user_id))

    answer = app.test_client().get("/users/bob", headers=ALICE)

    assert "WWW-Authenticate" not in answer.headers
    (record,) = (record for record in caplog.records if record.name == AUDIT)
    assert record.getMessage().startswith('access refused: error="not_owner" status=403 reason="the user of the token')
    assert vars(record)["user_id"] == "alice"


def test_what_is_hidden_from_others_is_not_from_those_who_may_pass() -> None:
    """An override comes first."""
    app = service()
    add_view(app, "/users/<user_id>", owns_path_user(hide=True, unless_role="admin")(lambda user_id: user_id))
    client = app.test_client()

    statuses = [
        client.get("/users/bob", headers=ISSUED.authorization("root", roles=role)).status_code for role in ("admin", "")
    ]
    assert statuses == [200, 404]


def statuses_of(app: Flask, *paths: str, **token: Any) -> list[int]:
    client = app.test_client()
    return [client.get(path, headers=ISSUED.authorization("alice", **token)).status_code for path in paths]


@pytest.mark.parametrize("place", ["blueprint", "view"])
def test_one_guard_that_hides_hides_for_all(place: str) -> None:
    """Otherwise the guard that happens to be asked first would tell."""
    app, blueprint = service(), Blueprint("users", "users")
    outer, inner = (owns_path_user(hide=place == name) for name in ("blueprint", "view"))
    outer(blueprint).add_url_rule("/users/<user_id>", "view", inner(lambda user_id: user_id))
    app.register_blueprint(blueprint)

    assert statuses_of(app, "/users/alice", "/users/bob") == [200, 404]


@pytest.mark.parametrize("order", [1, -1])
def test_what_else_a_view_asks_for_is_asked_after_that(order: int) -> None:
    """Whatever the order of the guards: who is not the owner does not learn what the owner would need."""
    first, second = [require_jwt(scopes="notes:read"), owns_path_user(hide=True)][::order]
    app = service()
    add_view(app, "/users/<user_id>", first(second(lambda user_id: user_id)))

    assert statuses_of(app, "/users/alice", "/users/bob") == [403, 404]
    assert statuses_of(app, "/users/alice", "/users/bob", scopes="notes:read") == [200, 404]


def test_a_call_for_another_user_is_hidden_too(caplog: pytest.LogCaptureFixture) -> None:
    """From a view that calls a guarded function with another argument, or past the hook."""
    inner: Any = owns_path_user(hide=True)(lambda user_id: user_id)
    app = service()
    app.add_url_rule(
        "/users/<user_id>", "view", lambda user_id: inner(user_id="bob" if user_id == "alice" else user_id)
    )

    first, second = (app.test_client().get(path, headers=ALICE) for path in ("/users/alice", "/users/bob"))

    assert (first.status_code, first.data) == (second.status_code, second.data) == (404, NotFound().get_body().encode())
    assert [vars(record)["error"] for record in caplog.records if record.name == AUDIT] == ["not_owner"] * 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_view_may_hide_what_it_finds_to_be_anothers(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """The client gets the 404, and the log the reason."""

    @require_jwt
    def view(note: str) -> str:
        if note == "bobs":
            raise errors.NotOwnerError("the note belongs to another user", hide=True)
        abort(404)

    app = service(kind)
    add_view(app, "/notes/<note>", view)

    unknown, hidden = (app.test_client().get(f"/notes/{note}", headers=ALICE) for note in ("none", "bobs"))

    assert (hidden.status, [*hidden.headers], hidden.data) == (unknown.status, [*unknown.headers], unknown.data)
    assert hidden.status_code == 404
    assert [vars(record)["reason"] for record in caplog.records if record.name == AUDIT] == [
        "the note belongs to another user"
    ]


def test_the_handler_that_words_refusals_is_not_asked() -> None:
    """It would tell."""
    app = service()
    app.register_error_handler(errors.AuthError, lambda error: {"oops": error.code})
    add_view(app, "/users/<user_id>", owns_path_user(hide=True)(lambda user_id: user_id))

    answer = app.test_client().get("/users/bob", headers=ALICE)

    assert (answer.status_code, answer.is_json) == (404, False)


def test_hooks_of_the_service_know_who_is_calling() -> None:
    """As they do for an unknown resource."""
    app = service()

    @app.after_request
    def name_caller(response: Any) -> Any:
        token = verified_token()
        response.headers["X-Caller"] = "-" if token is None else token.user_id
        return response

    add_view(app, "/users/<user_id>", owns_path_user(hide=True)(lambda user_id: user_id))

    assert app.test_client().get("/users/bob", headers=ALICE).headers["X-Caller"] == "alice"


def test_nothing_behind_the_guard_runs() -> None:
    """Neither a hook nor the view, which could tell by what they do."""
    seen: list[str] = []
    app = service()
    app.before_request(lambda: seen.append(request.path))
    add_view(app, "/users/<user_id>", owns_path_user(hide=True)(seen.append))

    assert statuses_of(app, "/users/bob") == [404]
    assert seen == []


def test_an_exception_that_nobody_handles_is_a_500() -> None:
    """As it is when a view raises it; nothing is let through."""
    app = service()
    add_view(app, "/users/<user_id>", owns_path_user(hide=LookupError)(lambda user_id: user_id))

    assert statuses_of(app, "/users/alice", "/users/bob") == [200, 500]


def test_a_preflight_and_the_answer_to_a_script_are_those_of_an_unknown_resource() -> None:
    """``@cross_origin`` adds nothing to an exception of its view."""

    @owns_path_user(hide=True)
    @cross_origin(origins="https://page.example")
    def view(user_id: str) -> str:
        abort(404)

    app = service()
    app.add_url_rule("/users/<user_id>", "view", view)
    client = app.test_client()
    script = {"Origin": "https://page.example"}
    preflight = script | {"Access-Control-Request-Method": "GET"}

    unknown, hidden = (
        [
            [answer.status_code, [*answer.headers], answer.data]
            for answer in (client.get(path, headers=ALICE | script), client.options(path, headers=preflight))
        ]
        for path in ("/users/alice", "/users/bob")
    )

    assert hidden == unknown
    assert [answer[0] for answer in hidden] == [404, 200]


def test_a_hidden_owner_is_no_403_in_the_document() -> None:
    """Unless something else of the view may be answered 403."""

    class Notes(MethodView):
        @owns_path_user(hide=True)
        def get(self, user_id: str) -> str:
            return user_id

        @require_jwt(scopes="notes:write")
        @owns_path_user(hide=True)
        def post(self, user_id: str) -> str:
            return user_id

    app = service("flask-smorest")
    for view in ("api-docs.openapi_json",):
        if view in app.view_functions:
            app.view_functions[view] = public(app.view_functions[view])
    add_view(app, "/users/<user_id>", Notes)

    operations = documented(app)["paths"]["/users/{user_id}"]

    assert "403" not in operations["get"]["responses"]
    assert {"401", "503"} <= operations["get"]["responses"].keys()
    assert operations["post"]["responses"]["403"] == {"$ref": "#/components/responses/AccessDenied"}
    assert operations["get"]["security"] == [{"bearerAuth": []}]


def test_a_hidden_owner_is_named_in_the_list_of_routes() -> None:
    """For people and for programs."""
    app = service()
    app.static_folder = None
    view = owns_path_user(hide=True, clients=True, unless_scope=["a", "b"], unless_role="admin")(
        lambda user_id: user_id
    )
    add_view(app, "/users/<user_id>", view)

    printed = app.test_cli_runner().invoke(args=["auth", "routes"]).output

    assert "owner <user_id> or client of that id or scope a or scope b or role admin (404 for others)  view" in printed


@pytest.mark.parametrize(
    "hide",
    [
        1,
        0,
        "True",
        None,
        404,
        NotFound(),
        BaseException,
        KeyboardInterrupt,
        errors.NotOwnerError,
        errors.MisuseError,
        str,
    ],
    ids=repr,
)
def test_a_value_that_hides_nothing_is_refused(hide: Any) -> None:
    """Where it is written."""
    with pytest.raises(TypeError, match="owns_path_user takes True or False as hide, or the class of the exception"):
        owns_path_user(hide=hide)


class NeedingError(Exception):
    """An exception that needs to know what was not found."""

    def __init__(self, what: str) -> None:
        super().__init__(what)


@pytest.mark.parametrize("hide", [NeedingError, UnicodeDecodeError])
def test_an_exception_that_needs_arguments_is_refused(hide: type[Exception]) -> None:
    """Where it is written; a stranger would get a 500."""
    with pytest.raises(TypeError, match=f"owns_path_user raises {hide.__name__} as hide without arguments") as raised:
        owns_path_user(hide=hide)
    assert isinstance(raised.value.__cause__, TypeError)


@pytest.mark.parametrize(("hide", "code"), [(HTTPException, None), (InternalServerError, 500), (RequestRedirect, 308)])
def test_an_answer_that_is_no_error_of_the_client_is_refused(hide: type[Exception], code: int | None) -> None:
    """Flask answers the first with 200."""
    with pytest.raises(TypeError, match=rf"cannot hide by {hide.__name__}: its code is {code}, and an unknown"):
        owns_path_user(hide=hide)


@pytest.mark.parametrize(("hide", "status"), [(NotFound, 404), (Gone, 410)])
def test_an_exception_of_http_hides_by_its_own_answer(hide: type[Exception], status: int) -> None:
    """Some services answer 410 for what they no longer have."""
    app = service()
    add_view(app, "/users/<user_id>", owns_path_user(hide=hide)(lambda user_id: user_id))

    assert statuses_of(app, "/users/alice", "/users/bob") == [200, status]


def test_the_routes_of_a_hiding_app_are_guarded() -> None:
    """With deny by default, as everywhere."""
    assert_routes_guarded(FRAMEWORKS["flask"]("view", "no handler"))
