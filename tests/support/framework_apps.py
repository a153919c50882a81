"""A service in each framework for Flask, with the guards in every place the framework offers, and what it answers.

``python -m tests.support.framework_apps`` runs where the frameworks are installed and prints the answers as JSON.
Importing this module needs none of them.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from flask import Blueprint, Flask, current_app, request
from flask.views import MethodView
from werkzeug.exceptions import HTTPException

from auth import ResourceServer, errors, owns_path_user, public, require_jwt
from auth.testing import TokenIssuer
from tests.support.documentation import executed
from tests.support.environments import ROOT
from tests.support.lifetimes import A_DAY

SECRET = "kD8vQ2mX9rT4wZ7pL1nB6cF3hJ5gY0sAuEoIqVtRzWxNbMlKjHgFdSaPqOiUyTrEw"
ISSUER, AUDIENCE = "https://login.example", "https://api.example"
ISSUED = TokenIssuer(SECRET, issuer=ISSUER, audience=AUDIENCE)

ROUTE = "/<user_id>/notes"

#: What a client sends to ``/alice/notes``.
REQUESTS: dict[str, dict[str, str]] = {
    "no token": {},
    "bad token": {"Authorization": "Bearer abc"},
    "no scope": ISSUED.authorization("alice", expires_in=A_DAY),
    "another user": ISSUED.authorization("bob", scopes=["notes:read"], expires_in=A_DAY),
    "good token": ISSUED.authorization("alice", scopes=["notes:read"], expires_in=A_DAY),
}

#: How an app is run, by settings of Flask.
RUNS: dict[str, dict[str, Any]] = {
    "production": {},
    "debug": {"DEBUG": True},
    "testing": {"TESTING": True},
    "trapping": {"TRAP_HTTP_EXCEPTIONS": True, "TRAP_BAD_REQUEST_ERRORS": True},
    "propagating": {"PROPAGATE_EXCEPTIONS": True},
    "not propagating": {"PROPAGATE_EXCEPTIONS": False, "TESTING": True},
    "server made last": {"SERVER_MADE_LAST": True},
}

#: Which errors the service handles itself: with Flask's ``errorhandler``, or with what the framework has for it.
HANDLERS: dict[str, tuple[Any, ...]] = {
    "none": (),
    "Exception": (Exception,),
    "HTTPException": (HTTPException,),
    "401, 403, 500": (401, 403, 500),
    "AuthError": (errors.AuthError,),
    "by the framework": (),
}

#: In the order in which a list of decorators is applied: the last stands outermost.
GUARDS = [owns_path_user, require_jwt(scopes="notes:read")]


class Built(NamedTuple):
    """A service: its Flask app, and a client that asks it."""

    app: Flask
    client: Any


def guarded(view: Any) -> Any:
    for guard in GUARDS:
        view = guard(view)
    return view


def notes(user_id: str) -> dict[str, str]:
    return {"notes_of": user_id}


def calls_guarded(user_id: str) -> Any:
    return guarded(notes)(user_id=user_id)


def raises(user_id: str) -> dict[str, str]:
    """Demand the same as the guards, by raising our errors."""
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer":
        raise errors.MissingTokenError
    token = current_app.extensions["resource_server"].verify(text)
    if "notes:read" not in token.scopes:
        raise errors.InsufficientScopeError(["notes:read"])
    if token.user_id != user_id:
        raise errors.NotOwnerError
    return notes(user_id)


def members_only(view: Any) -> Any:
    """Put the guards on a view, by a decorator that does not look like one of ours."""
    return guarded(view)


#: The guards in a decorator of the service, which Flask-RESTful and RESTX apply when they call a method.
OWN_DECORATOR = "own decorator in method_decorators"

#: Views that refuse while they run: the request hook cannot see what they demand.
HIDDEN = {"view that calls a guarded function": calls_guarded, "view that raises our errors": raises}


def view_function(place: str) -> Any:
    """Return a view function with the guards, or one that refuses while it runs, or one without any."""
    return guarded(notes) if place == "function" else HIDDEN.get(place, notes)


def view_class(base: type, place: str) -> Any:
    """Return a class that answers GET, with the guards at a place of it."""

    def get(self: Any, user_id: str) -> Any:
        return HIDDEN.get(place, notes)(user_id)

    members: dict[str, Any] = {"get": guarded(get) if place == "method" else get}
    if place in ("decorators", "method_decorators"):
        members[place] = GUARDS
    if place == "method_decorators of a method":
        members["method_decorators"] = {"get": GUARDS}
    if place == OWN_DECORATOR:
        members["method_decorators"] = [members_only]
    made = type("Notes", (base,), members)
    return guarded(made) if place == "class" else made


def oops(error: Any) -> tuple[dict[str, str], int]:
    return {"oops": type(error).__name__}, 500


def configure(app: Flask, settings: Mapping[str, Any]) -> None:
    """Give an app its settings and its ResourceServer, unless that comes last."""
    app.config.update(AUTH_SECRET=SECRET, AUTH_ISSUER=ISSUER, AUTH_AUDIENCE=AUDIENCE, **settings)
    if not settings.get("SERVER_MADE_LAST"):
        ResourceServer(app)


def with_blueprint(app: Flask, blueprint: Any, place: str) -> Built:
    """Put a view, with the guards at a place of it, into a blueprint and that into an app."""
    if place == "blueprint":
        guarded(blueprint)
    is_class = place in ("class", "method", "decorators")
    view = view_class(MethodView, place).as_view("notes") if is_class else view_function(place)
    blueprint.add_url_rule(ROUTE, "notes", view)
    app.register_blueprint(blueprint)
    return Built(app, app.test_client())


def build_flask(place: str, settings: Mapping[str, Any], by_framework: bool = False) -> Built:
    app, blueprint = Flask("service"), Blueprint("notes", "notes")
    configure(app, settings)
    if by_framework:
        blueprint.register_error_handler(Exception, oops)
    return with_blueprint(app, blueprint, place)


def build_flask_smorest(place: str, settings: Mapping[str, Any], by_framework: bool = False) -> Built:
    smorest = importlib.import_module("flask_smorest")
    app, blueprint = Flask("service"), smorest.Blueprint("notes", "notes")
    app.config.update(API_TITLE="Notes", API_VERSION="1", OPENAPI_VERSION="3.1.0", OPENAPI_URL_PREFIX="/")
    configure(app, settings)
    api = smorest.Api(app)
    if by_framework:
        blueprint.register_error_handler(Exception, oops)
    if place == "blueprint":
        guarded(blueprint)
    is_class = place in ("class", "method", "decorators")
    blueprint.route(ROUTE)(view_class(MethodView, place) if is_class else view_function(place))
    api.register_blueprint(blueprint)
    return Built(app, app.test_client())


def build_flask_restful(place: str, settings: Mapping[str, Any], by_framework: bool = False) -> Built:
    restful = importlib.import_module("flask_restful")
    app, blueprint = Flask("service"), Blueprint("notes", "notes")
    configure(app, settings)
    options: dict[str, Any] = {"decorators": GUARDS} if place == "Api(decorators=)" else {}
    if by_framework:
        # These change errors by the name of their class, every 401, and every 404.
        named = {name: {"oops": name, "status": 500} for name in ("Refusal", *dir(errors))}
        options |= {"errors": named, "serve_challenge_on_401": True, "catch_all_404s": True}
    api = restful.Api(blueprint if place == "blueprint" else app, **options)
    api.add_resource(view_class(restful.Resource, place), ROUTE, endpoint="notes")
    if place == "blueprint":
        app.register_blueprint(guarded(blueprint))
    return Built(app, app.test_client())


def build_flask_restx(place: str, settings: Mapping[str, Any], by_framework: bool = False) -> Built:
    restx = importlib.import_module("flask_restx")
    app, blueprint = Flask("service"), Blueprint("notes", "notes")
    configure(app, settings)
    options: dict[str, Any] = {"serve_challenge_on_401": True} if by_framework else {}
    if place == "Api(decorators=)":
        options["decorators"] = GUARDS
    api = restx.Api(blueprint if place == "blueprint" else app, **options)
    namespace = api.namespace("notes", path="/", decorators=GUARDS if place == "namespace" else [])
    if by_framework:
        api.errorhandler(Exception)(oops)
        namespace.errorhandler(HTTPException)(oops)
    namespace.add_resource(view_class(restx.Resource, place), ROUTE, endpoint="notes")
    if place == "blueprint":
        app.register_blueprint(guarded(blueprint))
    return Built(app, app.test_client())


def build_connexion(place: str, settings: Mapping[str, Any], by_framework: bool = False) -> Built:
    connexion = importlib.import_module("connexion")
    service = connexion.FlaskApp("service")
    configure(service.app, settings)
    user_id = {"name": "user_id", "in": "path", "required": True, "schema": {"type": "string"}}
    page = {"name": "page", "in": "query", "schema": {"type": "integer"}}
    responses = {"200": {"description": "Notes"}}
    operation = {"operationId": "notes", "parameters": [user_id, page], "responses": responses}
    document = {
        "openapi": "3.0.3",
        "info": {"title": "Notes", "version": "1"},
        "paths": {"/{user_id}/notes": {"get": operation}},
    }
    service.add_api(document, resolver=connexion.Resolver(lambda _name: view_function(place)))
    if by_framework:
        answer = importlib.import_module("connexion.lifecycle").ConnexionResponse
        for kind in (Exception, 401, 403):
            service.add_error_handler(kind, lambda _request, _error: answer(status_code=500, body='{"oops": true}'))
    return Built(service.app, service.test_client())


def build_apiflask(place: str, settings: Mapping[str, Any], by_framework: bool = False) -> Built:
    apiflask = importlib.import_module("apiflask")
    app, blueprint = apiflask.APIFlask("service"), apiflask.APIBlueprint("notes", "notes")
    configure(app, settings)
    if by_framework:
        app.error_processor(lambda error: ({"oops": str(error)}, 500))
    return with_blueprint(app, blueprint, place)


def build_flask_openapi3(place: str, settings: Mapping[str, Any], by_framework: bool = False) -> Built:
    openapi3, pydantic = importlib.import_module("flask_openapi3"), importlib.import_module("pydantic")
    app, blueprint = openapi3.OpenAPI("service"), openapi3.APIBlueprint("notes", "notes")
    configure(app, settings)
    if by_framework:
        blueprint.register_error_handler(Exception, oops)
    if place == "blueprint":
        guarded(blueprint)

    def view(path: Any) -> Any:
        return HIDDEN.get(place, notes)(path.user_id)

    view.__annotations__ = {"path": pydantic.create_model("Path", user_id=(str, ...))}
    if place == "method":
        views = openapi3.APIView()

        def get(self: Any, path: Any) -> Any:
            return notes(path.user_id)

        get.__annotations__ = view.__annotations__
        views.route("/<user_id>/notes")(type("Notes", (), {"get": views.doc()(guarded(get))}))
        app.register_api_view(views)
    else:
        blueprint.get(ROUTE)(guarded(view) if place == "function" else view)
        app.register_api(blueprint)
    return Built(app, app.test_client())


_FLASK_PLACES = ("function", "class", "method", "decorators", "blueprint", *HIDDEN)
_REST_PLACES = ("class", "method", "method_decorators", OWN_DECORATOR, "Api(decorators=)", "blueprint", *HIDDEN)

#: Every framework: what builds a service in it, and the places where its guards can stand.
FRAMEWORKS: dict[str, tuple[Callable[..., Built], tuple[str, ...]]] = {
    "Flask": (build_flask, _FLASK_PLACES),
    "flask-smorest": (build_flask_smorest, _FLASK_PLACES),
    "Flask-RESTful": (build_flask_restful, (*_REST_PLACES, "method_decorators of a method")),
    "Flask-RESTX": (build_flask_restx, (*_REST_PLACES, "namespace")),
    "Connexion": (build_connexion, ("function", *HIDDEN)),
    "APIFlask": (build_apiflask, _FLASK_PLACES),
    "flask-openapi3": (build_flask_openapi3, ("function", "method", "blueprint", *HIDDEN)),
}

#: What each framework publishes itself: a path, and the views behind all its pages.
PAGES = {
    "flask-smorest": ("/openapi.json", ["api-docs.openapi_json"]),
    "Flask-RESTX": ("/swagger.json", ["doc", "root", "specs", "restx_doc.static"]),
    "APIFlask": ("/openapi.json", ["openapi.docs", "openapi.spec", "openapi.swagger_ui_oauth_redirect"]),
    "flask-openapi3": ("/openapi/openapi.json", ["openapi.doc_url", "openapi.openapi", "openapi.static"]),
}


def answer_to(client: Any, headers: dict[str, str]) -> list[Any]:
    """Return what matters of an answer: status, challenge, cache, whether it varies by the credentials, and body."""
    response = client.get("/alice/notes", headers=headers)
    body = json.loads(response.text)
    return [
        response.status_code,
        response.headers.get("WWW-Authenticate"),
        response.headers.get("Cache-Control"),
        "Authorization" in response.headers.get("Vary", ""),
        body.get("error", body),
    ]


def answers(framework: str, place: str, run: str, handled: str) -> dict[str, list[Any]]:
    """Return the answers to all requests."""
    build, _ = FRAMEWORKS[framework]
    app, client = build(place, RUNS[run], by_framework=handled == "by the framework")
    for kind in HANDLERS[handled]:
        app.register_error_handler(kind, oops)
    if run == "server made last":
        ResourceServer(app)
    return {name: answer_to(client, headers) for name, headers in REQUESTS.items()}


def listed(app: Flask) -> list[str]:
    """Return what ``flask auth routes`` says of the notes."""
    lines = app.test_cli_runner().invoke(args=["auth", "routes"]).output.splitlines()
    table = lines[: lines.index("")] if "" in lines else lines
    return [re.split(r"\s{2,}", line)[2] for line in table if ROUTE in line]


def declared(framework: str, place: str) -> dict[str, Any]:
    """Return what an app that denies by default makes of a place."""
    build, _ = FRAMEWORKS[framework]
    app, client = build(place, {"AUTH_DENY_BY_DEFAULT": True})
    return {
        "listed at start": listed(app),
        "good token": client.get("/alice/notes", headers=REQUESTS["good token"]).status_code,
        "no token": client.get("/alice/notes").status_code,
        "HEAD": client.head("/alice/notes").status_code,
        "listed later": listed(app),
    }


def is_validated_first() -> bool:
    """Tell whether Connexion tells a stranger what is wrong with a request."""
    return bool(build_connexion("function", {}).client.get("/alice/notes?page=x").status_code == 400)


def pages(framework: str) -> list[int]:
    """Return how an app that denies by default answers for the framework's page, before and after it is made public."""
    build, _ = FRAMEWORKS[framework]
    path, names = PAGES[framework]
    statuses = []
    for is_public in (False, True):
        app, client = build("function", {"AUTH_DENY_BY_DEFAULT": True})
        for name in names if is_public else ():
            app.view_functions[name] = public(app.view_functions[name])
        statuses.append(client.get(path, headers=REQUESTS["good token"]).status_code)
    return statuses


#: The frameworks with a decorator for CORS of their own, its module, and the places where it can stand beside a guard.
CORS = {"flask_restful": "flask_restful.utils.cors", "flask_restx": "flask_restx.cors"}
CORS_PLACES = ("api", "decorators", "method_decorators", "handler")


def preflight_of(framework: str, place: str) -> list[Any]:
    """Return status and allowed origin of a preflight, and which handlers it and a stranger's OPTIONS have run."""
    rest, ran = importlib.import_module(framework), []
    share = importlib.import_module(CORS[framework]).crossdomain(origin="https://spa.example")
    lists = {"decorators": [require_jwt, share], "method_decorators": [require_jwt, share]}

    class Shared(rest.Resource):  # type: ignore[name-defined,misc]
        def options(self) -> None:
            ran.append("options")

    Shared.methods = {"OPTIONS"}
    if place in lists:
        setattr(Shared, place, lists[place])
    else:
        require_jwt(Shared)
    if place == "handler":
        Shared.options = share(Shared.options)  # type: ignore[method-assign]
    app = Flask("shared", static_folder=None)
    app.config.update(AUTH_SECRET=SECRET, AUTH_ISSUER=ISSUER, AUTH_AUDIENCE=AUDIENCE)
    ResourceServer(app)
    rest.Api(app, decorators=[share] if place == "api" else []).add_resource(Shared, "/shared")
    asked = {"Origin": "https://spa.example", "Access-Control-Request-Method": "GET"}
    preflight = app.test_client().options("/shared", headers=asked)
    other = app.test_client().options("/shared")
    return [preflight.status_code, preflight.headers.get("Access-Control-Allow-Origin"), other.status_code, ran]


#: What docs/openapi.md shows for each framework, and the path of its document.
EXAMPLES = {
    "APIFlask": ("apiflask_notes.py", "/openapi.json"),
    "flask-openapi3": ("flask_openapi3_notes.py", "/openapi/openapi.json"),
    "Flask-RESTX": ("restx_notes.py", "/api/swagger.json"),
}


def documents_of(framework: str) -> list[Any]:
    """Return the document of an example as a client gets it, twice: frameworks keep the first."""
    name, path = EXAMPLES[framework]
    os.environ.update(FLASK_AUTH_SECRET=SECRET, FLASK_AUTH_ISSUER=ISSUER, FLASK_AUTH_AUDIENCE=AUDIENCE)
    client = executed((ROOT / "examples/openapi" / name).read_text(), name)["app"].test_client()
    return [client.get(path).get_json() for _ in range(2)]


def main() -> None:
    logging.disable()
    outcome: dict[str, Any] = {"answers": {}, "declared": {}, "pages": {name: pages(name) for name in PAGES}}
    outcome["documents"] = {name: documents_of(name) for name in EXAMPLES}
    outcome["preflights"] = {name: {place: preflight_of(name, place) for place in CORS_PLACES} for name in CORS}
    outcome["Connexion validates first"] = is_validated_first()
    for framework, (_, places) in FRAMEWORKS.items():
        for place in places:
            name = f"{framework}, {place}"
            outcome["declared"][name] = declared(framework, place)
            outcome["answers"][name] = {
                f"{run}, {handled}": answers(framework, place, run, handled) for run in RUNS for handled in HANDLERS
            }
    sys.stdout.write(json.dumps(outcome))


if __name__ == "__main__":
    main()
