"""Flask-CORS beside the guards: preflights are answered, views run for nobody without a token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flask_smorest
import pytest
from flask import Blueprint, Flask
from flask.typing import ResponseReturnValue
from flask.views import MethodView
from flask_cors import CORS, cross_origin

from auth import require_jwt
from tests.support.services import ISSUED, service

SPA = "https://spa.example"
PREFLIGHT = {
    "Origin": SPA,
    "Access-Control-Request-Method": "GET",
    "Access-Control-Request-Headers": "authorization",
}

shared = cross_origin(origins=SPA)


class Notes(MethodView):
    """A class without a guard of its own."""

    def get(self) -> ResponseReturnValue:
        return {}


def notes() -> ResponseReturnValue:
    return {}


def a_view() -> Any:
    """Return a view without a mark."""
    return lambda: notes()


def flask_app(view: Any, **settings: Any) -> Flask:
    app = service(AUTH_DENY_BY_DEFAULT=True, **settings)
    app.add_url_rule("/notes", "notes", view)
    return app


def app_wide() -> Flask:
    app = flask_app(require_jwt(a_view()))
    CORS(app, origins=SPA)
    return app


def blueprint_wide(*, guard: Any, view: Any, share: bool) -> Flask:
    app, blueprint = service(AUTH_DENY_BY_DEFAULT=True), Blueprint("notes", __name__)
    if share:
        CORS(blueprint, origins=SPA)
    guard(blueprint)
    blueprint.add_url_rule("/notes", "notes", view)
    app.register_blueprint(blueprint)
    return app


def smorest(view: Any) -> Flask:
    app = service("flask-smorest")
    blueprint = flask_smorest.Blueprint("notes", __name__)
    blueprint.route("/notes")(view)
    app.extensions["flask-smorest"]["apis"][""]["ext_obj"].register_blueprint(blueprint)
    return app


@require_jwt
class GuardedNotes(Notes):
    """Guarded by itself."""


@require_jwt
class SharingNotes(Notes):
    """As the documentation of Flask-CORS has it: Flask then answers OPTIONS unless the class says otherwise."""

    decorators = [shared]  # noqa: RUF012 - as Flask declares it
    provide_automatic_options = False


#: Apps by where Flask-CORS and the guard stand.
APPS: dict[str, Callable[[], Flask]] = {
    "above the guard": lambda: flask_app(shared(require_jwt(a_view()))),
    "below the guard": lambda: flask_app(require_jwt(shared(a_view()))),
    "on a class": lambda: flask_app(SharingNotes.as_view("notes")),
    "around what as_view returns": lambda: flask_app(shared(GuardedNotes.as_view("notes"))),
    "in a guarded blueprint": lambda: blueprint_wide(guard=require_jwt, view=shared(a_view()), share=False),
    "on the blueprint": lambda: blueprint_wide(guard=lambda _: None, view=require_jwt(a_view()), share=True),
    "on a guarded blueprint": lambda: blueprint_wide(guard=require_jwt, view=a_view(), share=True),
    "on the app": app_wide,
    "with flask-smorest, above": lambda: smorest(shared(require_jwt(a_view()))),
    "with flask-smorest, below": lambda: smorest(require_jwt(shared(a_view()))),
}


@pytest.mark.parametrize("build", APPS.values(), ids=APPS)
def test_a_preflight_is_answered_wherever_flask_cors_stands(build: Callable[[], Flask]) -> None:
    """And the request that follows it needs a token, which scripts may send."""
    client = build().test_client()

    preflight = client.options("/notes", headers=PREFLIGHT)

    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == SPA
    assert preflight.headers["Access-Control-Allow-Headers"] == "authorization"
    assert client.get("/notes", headers={"Origin": SPA}).status_code == 401
    allowed = client.get("/notes", headers={"Origin": SPA, **ISSUED.authorization("alice")})
    assert (allowed.status_code, allowed.headers["Access-Control-Allow-Origin"]) == (200, SPA)


@pytest.mark.parametrize("build", APPS.values(), ids=APPS)
@pytest.mark.parametrize("token", ["", "Bearer forged"])
def test_a_script_can_read_why_it_was_refused_wherever_flask_cors_stands(
    build: Callable[[], Flask], token: str
) -> None:
    """Each field once: a browser refuses an answer that allows two origins."""
    headers = {"Origin": SPA} | ({"Authorization": token} if token else {})

    refused = build().test_client().get("/notes", headers=headers)

    assert refused.status_code == 401
    assert refused.headers.getlist("Access-Control-Allow-Origin") == [SPA]
    assert {*refused.vary} >= {"Authorization"}
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_script_of_an_origin_that_is_not_allowed_reads_no_refusal() -> None:
    """The refusal says nothing about origins then, as the answer of the view would."""
    app = flask_app(cross_origin(origins=[SPA, "https://admin.example"])(require_jwt(a_view())))
    client = app.test_client()

    stranger = client.get("/notes", headers={"Origin": "https://evil.example"})
    allowed = client.get("/notes", headers={"Origin": SPA})

    assert "Access-Control-Allow-Origin" not in stranger.headers
    assert allowed.headers["Access-Control-Allow-Origin"] == SPA
    assert {*allowed.vary} == {"Authorization", "Origin"}


def test_what_the_decorator_exposes_and_allows_is_on_refusals_as_well() -> None:
    """A script may read the challenge, and the request may have come with cookies."""
    sharing = cross_origin(origins=SPA, supports_credentials=True, expose_headers=["WWW-Authenticate"])
    app = flask_app(require_jwt(scopes="notes:read")(sharing(a_view())))
    headers = {"Origin": SPA, **ISSUED.authorization("alice")}

    refused = app.test_client().get("/notes", headers=headers)

    assert (refused.status_code, refused.get_json()["error"]) == (403, "insufficient_scope")
    assert refused.headers["Access-Control-Expose-Headers"] == "WWW-Authenticate"
    assert refused.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Access-Control-Allow-Methods" not in refused.headers


def test_the_app_and_a_view_may_both_use_flask_cors() -> None:
    """The header fields are not written twice."""
    app = flask_app(require_jwt(shared(a_view())))
    CORS(app, origins=SPA)

    refused = app.test_client().get("/notes", headers={"Origin": SPA})

    assert refused.headers.getlist("Access-Control-Allow-Origin") == [SPA]


def test_without_automatic_answers_the_guard_answers_a_preflight() -> None:
    """``automatic_options=False`` hands OPTIONS to the view, which needs a token."""
    app = service(CORS_AUTOMATIC_OPTIONS=False)
    app.add_url_rule("/notes", "notes", require_jwt(shared(a_view())), methods=["GET", "OPTIONS"])

    assert app.test_client().options("/notes", headers=PREFLIGHT).status_code == 401
