"""What is found wrong with routes: guards that never run, methods left open, documents that disagree."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.views import MethodView
from flask_smorest import Api
from flask_smorest import Blueprint as SmorestBlueprint
from werkzeug.routing import Rule

from auth import ResourceServer, owns_path_user, public, require_jwt
from auth.errors import ConfigurationError, MisuseError
from auth.flask.route_audit import audit_routes
from tests.support.services import ISSUED, KINDS, SETTINGS, add_view, bearer, clock, service, with_claims

ALICE = bearer(with_claims(sub="alice"))


def faults(app: Flask) -> dict[str, list[str]]:
    """Return the faults of each route that has any."""
    return {
        str(route): [finding.fault.value for finding in route.findings] for route in audit_routes(app) if route.findings
    }


def places(app: Flask) -> dict[str, tuple[str, ...]]:
    """Return where the rules of each route stand."""
    return {str(route): route.places for route in audit_routes(app) if not route.is_static}


def test_the_place_of_each_rule_is_named() -> None:
    """View, class, base class, a method's own guard, what a class lists, blueprint and the one around it."""

    class Base(MethodView):
        pass

    require_jwt(Base)

    class Notes(Base):
        @require_jwt(scopes="read")
        def get(self) -> str:
            return ""

        @require_jwt
        def post(self) -> str:
            return ""

    class Listed(MethodView):
        method_decorators = [owns_path_user]  # noqa: RUF012  # as Flask-RESTful has it

        def get(self, user_id: str) -> str:
            return user_id

    @public
    class Open(MethodView):
        def get(self) -> str:
            return ""

    app = service()
    outer, inner = require_jwt(scopes="outer")(Blueprint("outer", "outer")), public(Blueprint("inner", "inner"))
    inner.add_url_rule("/inner", "view", require_jwt(lambda: ""))
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    app.register_blueprint(inner, name="again", url_prefix="/again")
    alone = public(Blueprint("alone", "alone"))
    alone.add_url_rule("/alone", "view", lambda: "")
    app.register_blueprint(alone)
    for rule, view in {"/notes": Notes, "/listed/<user_id>": Listed, "/open": Open}.items():
        app.add_url_rule(rule, view_func=view.as_view(view.__name__))

    assert places(app) == {
        "GET /again/inner": ("view",),
        "GET /alone": ("blueprint alone",),
        "GET /inner": ("view", "blueprint outer"),
        "GET /listed/<user_id>": ("decorators of Listed",),
        "GET /notes": ("class Base", "Notes.get"),
        "POST /notes": ("Notes.post",),
        "GET /open": ("class Open",),
    }


def test_a_guard_in_a_hook_is_a_place_of_its_own() -> None:
    """In front of functions and of classes."""

    class Notes(MethodView):
        @require_jwt
        def get(self) -> str:
            return ""

    app, blueprint = service(), Blueprint("notes", "notes")
    blueprint.before_request(require_jwt(scopes="notes:read")(lambda: None))
    blueprint.add_url_rule("/class", view_func=Notes.as_view("class"))
    blueprint.add_url_rule("/function", "function", lambda: "")
    app.register_blueprint(blueprint)

    assert places(app) == {"GET /class": ("Notes.get", "before_request"), "GET /function": ("before_request",)}


def test_routes_that_only_build_urls_are_left_out() -> None:
    """No view answers them."""
    app = service()
    app.url_map.add(Rule("/elsewhere", endpoint="elsewhere", build_only=True))

    assert list(places(app)) == []


def test_an_app_without_a_resource_server_cannot_be_looked_at() -> None:
    """Its guards could not work either."""
    with pytest.raises(MisuseError):
        audit_routes(Flask("service"))


def passing_on(view: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs)

    return wrapper


def view_of(name: str, **globals_: Any) -> Any:
    """Return a function of a module of its own, where its name means what ``above`` makes of it."""
    module = sys.modules[name] = ModuleType(name)
    vars(module).update(globals_)
    exec("def reports(user_id): return user_id", vars(module))  # noqa: S102  # a module without a file
    return module


#: What stands below the route decorator and what stands above it.
ABOVE: dict[str, tuple[list[Any], list[Any]]] = {
    "a guard alone": ([], [require_jwt]),
    "one of two guards": ([require_jwt], [owns_path_user]),
    "a guard below another decorator": ([require_jwt], [owns_path_user, passing_on]),
    "a guard above a decorator that the route has": ([require_jwt, passing_on], [owns_path_user]),
    "two guards": ([], [require_jwt, owns_path_user]),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_in_function", [True, False])
@pytest.mark.parametrize(("below", "above"), ABOVE.values(), ids=ABOVE)
def test_a_guard_above_the_route_decorator_is_found(
    below: list[Any], above: list[Any], is_in_function: bool, kind: str
) -> None:
    """In a module and in a function that makes the app, with and without flask-smorest."""
    app = service(kind)
    module = view_of("module_of_reports")

    def reports(user_id: str) -> str:
        return user_id

    view = reports if is_in_function else module.reports
    for decorator in below:
        view = decorator(view)
    add_view(app, "/reports/<user_id>", view)
    for decorator in above:
        view = decorator(view)
    module.reports = view
    del view

    assert faults(app) == {"GET /reports/<user_id>": ["guard_never_runs"]}


def test_a_function_that_is_served_twice_with_other_guards_is_no_fault() -> None:
    """In one app, in two apps of one process, and in an app that is gone."""
    module = view_of("module_shared")
    mine = require_jwt(module.reports)
    theirs = owns_path_user(mine)
    lost = service()
    add_view(lost, "/lost/<user_id>", require_jwt(scopes="x")(module.reports))
    del lost
    apps = [service(), service()]
    add_view(apps[0], "/a/<user_id>", mine)
    add_view(apps[0], "/b/<user_id>", theirs)
    add_view(apps[1], "/a/<user_id>", mine)

    assert [faults(app) for app in apps] == [{}, {}]


def test_a_guard_made_while_a_request_is_served_declares_nothing() -> None:
    """A view may guard another when it is called; nothing is kept of that."""
    app = service()

    def everything() -> str:
        return "all"

    answer = require_jwt(everything)
    app.add_url_rule("/a", "a", answer)
    app.add_url_rule("/b", "b", require_jwt(lambda: require_jwt(scopes="admin")(answer)()))

    assert app.test_client().get("/b", headers=ALICE).status_code == 403
    assert faults(app) == {}


@pytest.mark.parametrize("name", ["head", "options"])
def test_a_guarded_path_that_leaves_another_method_open_is_a_fault(name: str) -> None:
    """A class guards one handler and forgets the other."""
    app = service()
    handlers = {"get": require_jwt(lambda _self: ""), name: lambda _self: ""}
    view: type[MethodView] = type("X", (MethodView,), handlers)
    app.add_url_rule("/x", view_func=view.as_view("x"))

    assert faults(app) == {f"{name.upper()} /x": ["open_method"]}


def test_a_public_head_of_a_guarded_path_is_a_fault_and_public_options_are_not() -> None:
    """HEAD tells what GET would; OPTIONS is for browsers, which send no token."""
    app = service()
    app.add_url_rule("/x", "get", require_jwt(lambda: ""), methods=["GET"])
    app.add_url_rule("/x", "head", public(lambda: ""), methods=["HEAD"])
    app.add_url_rule("/x", "options", public(lambda: ""), methods=["OPTIONS"], provide_automatic_options=False)
    app.add_url_rule("/y", "open", public(lambda: ""), methods=["HEAD", "OPTIONS"], provide_automatic_options=False)

    assert faults(app) == {"HEAD /x": ["open_method"]}


def test_what_no_token_can_hold_is_a_fault() -> None:
    """Tokens of Auth0 have no roles."""
    app = service(AUTH_PROFILE="auth0", AUTH_ISSUER="https://login.example/")
    app.add_url_rule("/x", "x", require_jwt(roles="admin")(lambda: ""))

    assert faults(app) == {"GET /x": ["unsatisfiable"]}


def test_guards_whose_logins_exclude_each_other_are_a_fault() -> None:
    """No login is of both kinds."""
    app = service()
    app.add_url_rule("/x", "x", require_jwt(acr="a")(require_jwt(acr="b")(lambda: "")))
    app.add_url_rule("/y", "y", require_jwt(acr="a")(require_jwt(acr=["a", "b"])(lambda: "")))

    assert faults(app) == {"GET /x": ["unsatisfiable"]}


#: What stands in ``security``, for which guard, in which version, and whether the document disagrees.
DOCUMENTS: dict[str, tuple[Any, Any, str, bool]] = {
    "nothing of the service's own": (None, require_jwt(scopes="a"), "3.1.0", False),
    "open where a guard stands": ([], require_jwt, "3.1.0", True),
    "a choice of no token where a guard stands": ([{"bearerAuth": []}, {}], require_jwt, "3.1.0", True),
    "a token where everybody may enter": ([{"bearerAuth": []}], public, "3.1.0", True),
    "a token where one is optional": ([{"bearerAuth": []}], require_jwt(optional=True), "3.1.0", True),
    "a choice where a token is optional": ([{"bearerAuth": []}, {}], require_jwt(optional=True), "3.1.0", False),
    "open where a token is optional": ([], require_jwt(optional=True), "3.1.0", False),
    "other scopes": ([{"bearerAuth": ["b"]}], require_jwt(scopes="a"), "3.1.0", True),
    "the same scopes": ([{"bearerAuth": ["a"]}], require_jwt(scopes="a"), "3.1.0", False),
    "no scopes, in a version that lists none": ([{"bearerAuth": []}], require_jwt(scopes="a"), "3.0.3", False),
    "a scheme of the service's own": ([{"login": ["b"]}], require_jwt(scopes="a"), "3.1.0", False),
}


@pytest.mark.parametrize(("security", "guard", "version", "disagrees"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_document_that_says_something_else_is_a_fault(
    security: Any, guard: Any, version: str, disagrees: bool
) -> None:
    """Of what the service writes into ``security`` itself."""
    app = Flask("service", static_folder=None)
    app.config.update(SETTINGS, API_TITLE="Service", API_VERSION="1", OPENAPI_VERSION=version)
    blueprint = SmorestBlueprint("things", "things")

    def things() -> str:
        return ""

    view = guard(things)
    blueprint.route("/things/<name>")(view if security is None else blueprint.doc(security=security)(view))
    Api(app).register_blueprint(blueprint)
    ResourceServer(app, clock=clock)

    assert faults(app) == ({"GET /things/<name>": ["document_disagrees"]} if disagrees else {})


def test_the_security_of_the_whole_document_is_for_operations_without_their_own() -> None:
    """A public operation says that it needs no token; what an undeclared one says is beside the point."""
    app = service("flask-smorest", API_SPEC_OPTIONS={"security": [{"bearerAuth": []}]})
    add_view(app, "/x", public(lambda: ""))
    add_view(app, "/y", lambda: "")

    assert faults(app) == {"GET /y": ["undeclared"]}


def test_what_the_document_does_not_have_cannot_disagree() -> None:
    """A view beside the Api."""
    app = service("flask-smorest")
    app.add_url_rule("/x", "x", require_jwt(lambda: ""))

    assert faults(app) == {}


def denying(**settings: Any) -> Flask:
    return service(AUTH_DENY_BY_DEFAULT=True, **settings)


def guard_that_never_runs(app: Flask) -> None:
    view = require_jwt(lambda user_id: user_id)
    add_view(app, "/x/<user_id>", view)
    owns_path_user(view)


def owner_that_the_path_lacks(app: Flask) -> None:
    add_view(app, "/x/<user>", owns_path_user(lambda user: user))


@pytest.mark.parametrize("add", [guard_that_never_runs, owner_that_the_path_lacks])
def test_with_deny_by_default_nothing_is_served_while_a_guard_cannot_work(add: Callable[[Flask], None]) -> None:
    """Whatever the first request asks for; the message names the route and the way out."""
    app = denying()
    add_view(app, "/health", public(lambda: "ok"))
    add(app)
    app.testing = True

    for _ in range(2):
        with pytest.raises(ConfigurationError, match=r"GET /x/<user(_id)?>: .*owns_path_user"):
            app.test_client().get("/health")


@pytest.mark.parametrize("add", [guard_that_never_runs, owner_that_the_path_lacks])
def test_without_deny_by_default_the_others_are_served(add: Callable[[Flask], None]) -> None:
    """The list of routes shows the fault all the same."""
    app = service()
    add_view(app, "/health", public(lambda: "ok"))
    add(app)

    assert app.test_client().get("/health").status_code == 200
    assert len(faults(app)) == 1


def test_a_guard_of_a_whole_blueprint_may_stand_on_pages_without_the_variable() -> None:
    """A framework adds such pages; nobody gets them, and the others are served."""
    app, blueprint = denying(), owns_path_user(Blueprint("api", "api"))
    blueprint.add_url_rule("/<user_id>", "view", lambda user_id: user_id)
    blueprint.add_url_rule("/swagger.json", "swagger", lambda: "{}")
    app.register_blueprint(blueprint)

    assert app.test_client().get("/alice", headers=ALICE).status_code == 200
    assert app.test_client().get("/swagger.json", headers=ALICE).status_code == 500
    assert faults(app) == {"GET /swagger.json": ["no_owner"]}


def test_what_is_refused_or_works_for_some_stops_nothing() -> None:
    """An undeclared route, also below a guard that never runs, and a converter for numbers."""
    app = denying()
    add_view(app, "/silent", lambda: "")
    add_view(app, "/numbers/<int:user_id>", owns_path_user(lambda user_id: str(user_id)))
    view = add_unguarded(app)
    require_jwt(view)
    client = app.test_client()

    assert client.get("/silent", headers=ALICE).status_code == 403
    assert client.get("/unguarded", headers=ALICE).status_code == 403
    assert client.get("/numbers/7", headers=bearer(ISSUED.issue("7"))).status_code == 200


def add_unguarded(app: Flask) -> Callable[[], str]:
    def unguarded() -> str:
        return ""

    add_view(app, "/unguarded", unguarded)
    return unguarded


def test_the_routes_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first request; what is added later is refused at each request as before."""
    app = denying()
    add_view(app, "/health", public(lambda: "ok"))
    client = app.test_client()
    client.get("/health")
    monkeypatch.setattr(type(app.url_map), "iter_rules", None)

    assert client.get("/health").status_code == 200
