"""Guards on blueprints: every view of one and of those nested in it, whenever anything is registered."""

from __future__ import annotations

import functools
from typing import Any

import flask_smorest
import pytest
from flask import Blueprint, Flask, request
from flask.views import MethodView

from auth import owns_path_tenant, owns_path_user, public, require_jwt
from auth.testing import assert_routes_guarded
from tests.support.services import KINDS, add_view, bearer, compact, documented, service, with_claims

ALICE = bearer(compact())
SCOPED = bearer(with_claims(scope="notes:read"))


def ok(**_path: str) -> str:
    return "ok"


class Notes(MethodView):
    def get(self, **_path: str) -> str:
        return "ok"


def statuses(app: Flask, path: str, *headers: dict[str, str]) -> list[int]:
    """Return the statuses of a path for a stranger, for Alice, and for each further caller."""
    client = app.test_client()
    return [client.get(path, headers=who).status_code for who in ({}, ALICE, *headers)]


def test_every_view_of_a_guarded_blueprint_is_guarded() -> None:
    """Functions and classes, registered with it before the guard and after; no other view of the app is."""
    app, blueprint = service(), Blueprint("notes", "notes")
    blueprint.add_url_rule("/early", "early", ok)
    require_jwt(blueprint)
    blueprint.add_url_rule("/late", "late", ok)
    blueprint.add_url_rule("/class", view_func=Notes.as_view("class"))
    app.register_blueprint(blueprint)
    app.add_url_rule("/outside", "outside", ok)

    assert [statuses(app, path) for path in ("/early", "/late", "/class")] == [[401, 200]] * 3
    assert statuses(app, "/outside") == [200, 200]


@pytest.mark.parametrize("moment", ["before", "between", "after", "while serving"])
def test_nested_blueprints_are_guarded_whenever_they_and_the_guard_come(moment: str) -> None:
    """Before anything is registered, after the inner one, after both, and after the first request."""
    app, outer, inner = service(), Blueprint("outer", "outer"), Blueprint("inner", "inner")
    if moment == "before":
        require_jwt(outer)
    inner.add_url_rule("/inner", "view", ok)
    outer.register_blueprint(inner)
    if moment == "between":
        require_jwt(outer)
    app.register_blueprint(outer)
    if moment == "while serving":
        assert statuses(app, "/inner") == [200, 200]
    if moment in ("after", "while serving"):
        require_jwt(outer)

    assert statuses(app, "/inner") == [401, 200]


def test_all_rules_must_hold_whatever_they_stand_on() -> None:
    """Those of the outer blueprint, the inner one, the class and the method."""
    app, outer, inner = service(), Blueprint("outer", "outer"), Blueprint("inner", "inner")

    @require_jwt(scopes="c")
    class Both(MethodView):
        @require_jwt(scopes="d")
        def get(self, user_id: str) -> str:
            return user_id

    require_jwt(scopes="a")(outer)
    owns_path_user(require_jwt(scopes="b")(inner))
    inner.add_url_rule("/<user_id>", view_func=Both.as_view("both"))
    outer.register_blueprint(inner)
    app.register_blueprint(outer)

    def status(scope: str, path: str = "/alice") -> int:
        return app.test_client().get(path, headers=bearer(with_claims(scope=scope))).status_code

    assert [status(scope) for scope in ("a b c d", "b c d", "a c d", "a b d", "a b c")] == [200, 403, 403, 403, 403]
    assert status("a b c d", "/bob") == 403


def test_a_blueprint_may_own_its_paths() -> None:
    """``param`` names the variable, for every route of it."""
    app, blueprint = service(), owns_path_user(param="owner")(Blueprint("notes", "notes"))
    blueprint.add_url_rule("/<owner>/notes", "notes", ok)
    app.register_blueprint(blueprint)

    assert statuses(app, "/alice/notes") == [401, 200]
    assert statuses(app, "/bob/notes") == [401, 403]


def test_a_public_blueprint_is_open_where_the_rest_is_denied() -> None:
    """Its views that have a guard keep it; views outside of it are denied."""
    app, blueprint = service(AUTH_DENY_BY_DEFAULT=True), public(Blueprint("site", "site"))
    blueprint.add_url_rule("/page", "page", ok)
    blueprint.add_url_rule("/account", "account", require_jwt(ok))
    app.register_blueprint(blueprint)
    app.add_url_rule("/outside", "outside", ok)

    assert statuses(app, "/page") == [200, 200]
    assert statuses(app, "/account") == [401, 200]
    assert statuses(app, "/outside") == [401, 403]


def test_a_public_view_in_a_guarded_blueprint_stays_guarded() -> None:
    """All rules must hold; a mark that says there are none opens nothing."""
    app, blueprint = service(), require_jwt(Blueprint("notes", "notes"))
    blueprint.add_url_rule("/", "view", public(lambda: "ok"))
    app.register_blueprint(blueprint)

    assert statuses(app, "/") == [401, 200]


def test_a_blueprint_in_two_places_is_guarded_in_both() -> None:
    """Registered twice, under another name and below another blueprint."""
    app, outer, blueprint = service(), Blueprint("outer", "outer"), require_jwt(Blueprint("notes", "notes"))
    blueprint.add_url_rule("/notes", "view", ok)
    outer.register_blueprint(blueprint, url_prefix="/outer")
    app.register_blueprint(blueprint, name="again", url_prefix="/again")
    app.register_blueprint(outer)

    assert statuses(app, "/again/notes") == statuses(app, "/outer/notes") == [401, 200]


@pytest.mark.parametrize("whose", ["blueprint", "outer blueprint"])
def test_a_guard_in_a_hook_guards_the_views_behind_it(whose: str) -> None:
    """They are declared, so an app that denies by default serves them; a public mark opens nothing."""
    app, outer, inner = service(AUTH_DENY_BY_DEFAULT=True), Blueprint("outer", "outer"), Blueprint("inner", "inner")
    guard = require_jwt(scopes="notes:read")(lambda: None)
    (inner if whose == "blueprint" else outer).before_request(guard)
    inner.add_url_rule("/view", "view", ok)
    inner.add_url_rule("/class", view_func=Notes.as_view("class"))
    inner.add_url_rule("/public", "public", public(lambda: "ok"))
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    app.register_blueprint(outer, name="again", url_prefix="/again")

    paths = ("/view", "/class", "/public", "/again/view", "/again/class", "/again/public")
    assert [statuses(app, path, SCOPED) for path in paths] == [[401, 403, 200]] * 6


@pytest.mark.parametrize("guard", [require_jwt(optional=True)(lambda: None), lambda: None], ids=["optional", "none"])
def test_a_hook_that_lets_anonymous_callers_in_declares_nothing(guard: Any) -> None:
    """A view without a guard of its own was forgotten then, and is not open to everybody."""
    app, blueprint = service(AUTH_DENY_BY_DEFAULT=True), Blueprint("notes", "notes")
    blueprint.before_request(guard)
    blueprint.add_url_rule("/forgotten", "forgotten", ok)
    app.register_blueprint(blueprint)

    assert statuses(app, "/forgotten") == [401, 403]


def test_a_guard_that_a_hook_runs_for_some_requests_declares_nothing() -> None:
    """A hook that looks like its guard is none: what it lets through is neither refused by us nor declared."""
    guard: Any = require_jwt(lambda: None)

    @functools.wraps(guard)
    def only_for_writes() -> Any:
        return None if request.method == "GET" else guard()

    for deny, expected in ((False, [200, 200]), (True, [401, 403])):
        app, blueprint = service(AUTH_DENY_BY_DEFAULT=deny), Blueprint("notes", "notes")
        blueprint.before_request(only_for_writes)
        blueprint.add_url_rule("/notes", "notes", ok, methods=["GET", "POST"])
        app.register_blueprint(blueprint)

        assert statuses(app, "/notes") == expected
        assert app.test_client().post("/notes").status_code == 401


def test_a_guarded_method_is_a_guard_in_a_hook() -> None:
    """Of an object that the service keeps."""

    class Gate:
        @require_jwt
        def check(self) -> None:
            """Let the guard decide."""

    app, blueprint = service(AUTH_DENY_BY_DEFAULT=True), Blueprint("notes", "notes")
    blueprint.before_request(Gate().check)
    blueprint.add_url_rule("/notes", "notes", ok)
    app.register_blueprint(blueprint)

    assert statuses(app, "/notes") == [401, 200]


def test_a_guard_in_a_hook_is_asked_before_the_hooks_in_front_of_it() -> None:
    """As the changelog says: such a hook cannot put the token into the request any more; one of the app can."""
    app, blueprint = service(), Blueprint("notes", "notes")

    def take_from_cookie() -> None:
        request.environ["HTTP_AUTHORIZATION"] = f"Bearer {request.cookies['token']}"

    blueprint.before_request(take_from_cookie)
    blueprint.before_request(require_jwt(lambda: None))
    blueprint.add_url_rule("/notes", "notes", ok)
    app.register_blueprint(blueprint)
    client = app.test_client()
    client.set_cookie("token", with_claims())

    assert client.get("/notes").status_code == 401
    app.before_request_funcs[None].insert(0, take_from_cookie)
    assert client.get("/notes").status_code == 200


def test_a_hook_of_the_whole_app_declares_nothing() -> None:
    """Otherwise a forgotten view could not be told from others."""
    app, blueprint = service(AUTH_DENY_BY_DEFAULT=True), Blueprint("notes", "notes")
    blueprint.before_app_request(require_jwt(lambda: None))
    blueprint.add_url_rule("/forgotten", "forgotten", ok)
    app.register_blueprint(blueprint)

    assert statuses(app, "/forgotten") == [401, 403]


def test_a_guard_in_a_hook_guards_no_view_of_another_blueprint() -> None:
    """Nor one outside of all."""
    app, blueprint, other = service(AUTH_DENY_BY_DEFAULT=True), Blueprint("a", "a"), Blueprint("b", "b")
    blueprint.before_request(require_jwt(lambda: None))
    other.add_url_rule("/other", "other", ok)
    app.register_blueprint(blueprint)
    app.register_blueprint(other)
    app.add_url_rule("/outside", "outside", ok)

    assert statuses(app, "/other") == statuses(app, "/outside") == [401, 403]


def test_a_hook_that_comes_after_the_routes_were_listed_counts() -> None:
    """What was worked out before the first request is worked out again."""
    app, blueprint = service(AUTH_DENY_BY_DEFAULT=True), Blueprint("notes", "notes")
    app.static_folder = None
    guard = require_jwt(lambda: None)
    blueprint.add_url_rule("/notes", "notes", ok)
    app.register_blueprint(blueprint)
    with pytest.raises(AssertionError, match="neither a guard nor @public"):
        assert_routes_guarded(app)

    app.before_request_funcs.setdefault("notes", []).append(guard)

    assert statuses(app, "/notes") == [401, 200]


def test_the_guards_of_a_blueprint_may_own_its_paths_and_let_some_pass() -> None:
    """With parameters, and with what a view inside adds."""
    app, blueprint = (
        service(AUTH_TENANT_CLAIM="org_id"),
        Blueprint("notes", "notes", url_prefix="/<tenant_id>/<user_id>"),
    )
    owns_path_tenant(owns_path_user(unless_role="support", hide=True)(blueprint))
    blueprint.add_url_rule("/read", "read", ok)
    blueprint.add_url_rule("/write", "write", require_jwt(scopes="notes:write")(ok))
    app.register_blueprint(blueprint)
    own, support = (bearer(with_claims(sub=who, org_id="acme", roles=[who])) for who in ("alice", "support"))

    assert statuses(app, "/acme/alice/read", own, support) == [401, 403, 200, 200]
    assert statuses(app, "/acme/bob/read", own, support) == [401, 404, 404, 200]
    assert statuses(app, "/globex/alice/read", own, support) == [401, 403, 403, 403]
    assert statuses(app, "/acme/alice/write", own, support) == [401, 403, 403, 403]


@pytest.mark.parametrize("kind", KINDS)
def test_the_files_of_a_guarded_blueprint_are_guarded(kind: str, tmp_path: Any) -> None:
    """Flask serves them by a view of the blueprint."""
    (tmp_path / "file.txt").write_text("secret")
    app, blueprint = (
        service(kind),
        require_jwt(Blueprint("notes", "notes", static_folder=tmp_path, static_url_path="/static", url_prefix="/n")),
    )
    app.register_blueprint(blueprint)

    with app.test_client() as client:
        assert client.get("/n/static/file.txt").status_code == 401
        with client.get("/n/static/file.txt", headers=ALICE) as file:
            assert file.status_code == 200


def test_a_blueprint_of_flask_smorest_is_guarded_and_documented() -> None:
    """With scopes; nested blueprints and OPTIONS as everywhere."""
    app = service("flask-smorest", AUTH_DENY_BY_DEFAULT=True)
    blueprint = require_jwt(scopes="notes:read")(flask_smorest.Blueprint("notes", "notes", url_prefix="/notes"))
    inner = flask_smorest.Blueprint("inner", "inner", url_prefix="/inner")
    blueprint.route("/")(type("Outer", (Notes,), {}))
    inner.route("/")(type("Inner", (Notes,), {}))
    blueprint.register_blueprint(inner)
    app.extensions["flask-smorest"]["apis"][""]["ext_obj"].register_blueprint(blueprint)

    paths = documented(app)["paths"]

    for path in ("/notes/", "/notes/inner/"):
        assert paths[path]["get"]["security"] == [{"bearerAuth": ["notes:read"]}]
        assert {"401", "403", "503"} <= paths[path]["get"]["responses"].keys()
        assert statuses(app, path, SCOPED) == [401, 403, 200]
        assert app.test_client().options(path).status_code == 200


def test_the_list_of_routes_knows_the_guards_of_blueprints() -> None:
    """Each view with all that is demanded of it, and exit status 0 where every view says something."""
    app, blueprint = service(), require_jwt(scopes="a")(Blueprint("notes", "notes", url_prefix="/notes"))
    blueprint.add_url_rule("/<user_id>", "view", owns_path_user(ok))
    app.register_blueprint(blueprint)
    add_view(app, "/open", public(lambda: "ok"))
    app.view_functions["static"] = public(app.view_functions["static"])

    listed = app.test_cli_runner().invoke(args=["auth", "routes"])

    expected = "GET     /notes/<user_id>         owner <user_id>, token a  view, blueprint notes"
    assert expected in listed.output.splitlines()
    assert listed.exit_code == 0
