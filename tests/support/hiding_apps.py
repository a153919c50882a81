"""Services whose guards hide what is not the caller's, and what they answer for that and for what nobody has.

``python -m tests.support.hiding_apps`` tries Flask-RESTX where it is installed and prints what differs as JSON.
Importing this module needs none of the frameworks.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask, abort
from flask.views import MethodView
from werkzeug.exceptions import HTTPException, NotFound

from auth import ResourceServer, owns_path_user
from auth.testing import TokenIssuer
from tests.support.lifetimes import A_DAY

SECRET = "kD8vQ2mX9rT4wZ7pL1nB6cF3hJ5gY0sAuEoIqVtRzWxNbMlKjHgFdSaPqOiUyTrEw"
ISSUED = TokenIssuer(SECRET)
ALICE = ISSUED.authorization("alice", expires_in=A_DAY)

ROUTE = "/<user_id>/notes/<note>"

#: What alice asks for and has not got, and the same of another user. Both names have one length: a body may show them.
UNKNOWN, HIDDEN = "/alice/notes/unknown", "/carol/notes/unknown"


class NoNoteError(Exception):
    """What the views of a service raise for an unknown note, if they have an exception of their own."""


def _missing(error: NoNoteError | HTTPException) -> Any:
    return {"problem": f"There is no such thing: {type(error).__name__}."}, 404, {"X-Problem": "missing"}


def _anything(error: Exception) -> Any:
    return {"problem": type(error).__name__}, getattr(error, "code", 500), {"X-Problem": "anything"}


#: The error handlers that a service registers, and the exception that its views raise.
SHAPES: dict[str, tuple[dict[Any, Callable[[Any], Any]], type[Exception]]] = {
    "no handler": ({}, NotFound),
    "a handler for 404": ({404: _missing}, NotFound),
    "a handler for HTTPException": ({HTTPException: _missing}, NotFound),
    "a handler for Exception": ({Exception: _anything}, NotFound),
    "an exception of its own": ({NoNoteError: _missing}, NoNoteError),
}

#: Where guard and error handlers stand.
PLACES = ("view", "blueprint")

#: Requests by name: the method, more header fields, and a body.
REQUESTS: dict[str, tuple[str, dict[str, str], bytes]] = {
    "GET": ("GET", {}, b""),
    "HEAD": ("HEAD", {}, b""),
    "OPTIONS": ("OPTIONS", {}, b""),
    "POST": ("POST", {"Content-Type": "application/json"}, b'{"title": "Milk"}'),
    "PUT that is no JSON": ("PUT", {"Content-Type": "application/json"}, b"{"),
    "PATCH of 100 KB": ("PATCH", {"Content-Type": "text/plain"}, b"x" * 100_000),
    "DELETE": ("DELETE", {}, b""),
    "TRACE": ("TRACE", {}, b""),
    "If-None-Match": ("GET", {"If-None-Match": "*"}, b""),
    "If-Match": ("DELETE", {"If-Match": '"1"'}, b""),
    "If-Modified-Since": ("GET", {"If-Modified-Since": "Fri, 27 Nov 2026 12:00:00 GMT"}, b""),
    "Range": ("GET", {"Range": "bytes=0-1"}, b""),
    "a script of another origin": ("GET", {"Origin": "https://page.example"}, b""),
    "Accept for HTML": ("GET", {"Accept": "text/html"}, b""),
    "Accept for JSON": ("GET", {"Accept": "application/json"}, b""),
    "gzip": ("GET", {"Accept-Encoding": "gzip"}, b""),
    "a cookie": ("GET", {"Cookie": "session=x"}, b""),
}


def _service(cors: bool) -> Flask:
    app = Flask("hiding", static_folder=None)
    app.config.update(AUTH_SECRET=SECRET, SECRET_KEY="x" * 32, API_TITLE="Notes", API_VERSION="1")
    app.config.update(OPENAPI_VERSION="3.1.0", AUTH_DENY_BY_DEFAULT=True)
    ResourceServer(app)
    if cors:
        importlib.import_module("flask_cors").CORS(app, supports_credentials=True)
    return app


def _notes(base: type, unknown: type[Exception]) -> Any:
    """Return a view class in which nobody has any note."""

    def nothing(_self: object, user_id: str, note: str) -> Any:
        if unknown is NotFound:
            abort(404)
        raise unknown

    methods = ("get", "post", "put", "patch", "delete", "options")
    return type("Notes", (base,), dict.fromkeys(methods, nothing))


def _guarded(place: str, shape: str, notes: Any, blueprint: Any, app: Flask) -> None:
    handlers, unknown = SHAPES[shape]
    guard = owns_path_user(hide=unknown is NotFound or unknown)
    guard(blueprint if place == "blueprint" else notes)
    for error, handler in handlers.items():
        (blueprint if place == "blueprint" else app).register_error_handler(error, handler)


def in_flask(place: str, shape: str, *, cors: bool = False) -> Flask:
    """Return a service in plain Flask."""
    app, blueprint = _service(cors), Blueprint("notes", "notes")
    notes = _notes(MethodView, SHAPES[shape][1])
    _guarded(place, shape, notes, blueprint, app)
    blueprint.add_url_rule(ROUTE, view_func=notes.as_view("notes"))
    app.register_blueprint(blueprint)
    return app


def in_smorest(place: str, shape: str, *, cors: bool = False) -> Flask:
    """Return a service in flask-smorest."""
    smorest = importlib.import_module("flask_smorest")
    app, blueprint = _service(cors), smorest.Blueprint("notes", "notes")
    notes = _notes(MethodView, SHAPES[shape][1])
    _guarded(place, shape, notes, blueprint, app)
    api = smorest.Api(app)
    blueprint.route(ROUTE)(notes)
    api.register_blueprint(blueprint)
    return app


def in_restx(place: str, shape: str, *, cors: bool = False) -> Flask:
    """Return a service in Flask-RESTX."""
    restx = importlib.import_module("flask_restx")
    app, blueprint = _service(cors), Blueprint("notes", "notes")
    notes = _notes(restx.Resource, SHAPES[shape][1])
    api = restx.Api(blueprint, doc=False)
    _guarded(place, shape, notes, blueprint, app)
    for error, handler in SHAPES[shape][0].items():
        if error is NoNoteError:
            # The framework takes an exception for a fault unless it is told otherwise itself.
            api.errorhandler(error)(handler)
    api.add_resource(notes, ROUTE)
    app.register_blueprint(blueprint)
    return app


FRAMEWORKS: dict[str, Callable[..., Flask]] = {
    "flask": in_flask,
    "flask-smorest": in_smorest,
    "flask-restx": in_restx,
}


def answers(app: Flask, path: str, **settings: Any) -> dict[str, Any]:
    """Return the whole answer to each request, with the name of the user in the path taken out of its text."""
    app.config.update(settings)
    client = app.test_client()
    found = {}
    for name, (method, headers, body) in REQUESTS.items():
        answer = client.open(path, method=method, headers=ALICE | headers, data=body or None)
        text = answer.text.replace("carol", "alice")
        found[name] = [answer.status, [[*field] for field in answer.headers], text]
    return found


def _try_restx() -> dict[str, Any]:
    outcome = {}
    for place in PLACES:
        for shape in SHAPES:
            for run in ("production", "debug"):
                app = in_restx(place, shape)
                settings = {"DEBUG": run == "debug"}
                unknown, hidden = (answers(app, path, **settings) for path in (UNKNOWN, HIDDEN))
                outcome[f"{place}, {shape}, {run}"] = [unknown, hidden]
    return outcome


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_try_restx()))
