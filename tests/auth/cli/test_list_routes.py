"""``flask auth routes``: what is listed, and what fails the list."""

from __future__ import annotations

import json
import re
from typing import Any

from click.testing import Result
from flask import Blueprint, Flask
from flask.views import MethodView

from auth import ResourceServer, owns_path_tenant, owns_path_user, public, require_jwt
from auth.testing import TokenIssuer
from tests.support.services import AUDIENCE, SETTINGS, add_view, service


def routes_of(app: Flask, *arguments: str) -> Result:
    """Return what the command says of an app."""
    return app.test_cli_runner().invoke(args=["auth", "routes", *arguments])


def test_the_routes_are_listed_with_who_may_enter_and_which_place_says_so() -> None:
    """In the order of their paths; methods that Flask adds by itself are left out."""
    app = service()

    class Notes(MethodView):
        decorators = [require_jwt, owns_path_user]  # noqa: RUF012  # as Flask declares it

        def get(self, user_id: str) -> str:
            return user_id

        def post(self, user_id: str) -> str:
            return user_id

    team = require_jwt(scopes="team")(Blueprint("team", "team", url_prefix="/g"))
    team.add_url_rule("/<user_id>", "mine", owns_path_user(lambda user_id: user_id))
    app.register_blueprint(team)
    add_view(app, "/a", require_jwt(scopes="x y")(lambda: ""))
    add_view(app, "/b", require_jwt(scopes="x", any_scope="y z")(lambda: ""))
    add_view(app, "/c", require_jwt(optional=True)(lambda: ""))
    add_view(app, "/d", public(lambda: ""))
    add_view(app, "/e/<user_id>", Notes)
    add_view(app, "/f", require_jwt(scopes="x", roles=["editor", "site admin"], any_role=["a", "b"])(lambda: ""))
    add_view(app, "/h", require_jwt(acr=["phr", "phrh"], max_age=300)(lambda: ""))

    result = routes_of(app)

    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "METHOD  ROUTE                    ACCESS                                                  FROM",
        "GET     /a                       token x y                                               view",
        "GET     /b                       token x any of (y z)                                    view",
        "GET     /c                       token or anonymous                                      view",
        "GET     /d                       public                                                  view",
        "GET     /e/<user_id>             owner <user_id>, token                                  view",
        "POST    /e/<user_id>             owner <user_id>, token                                  view",
        "GET     /f                       token x role editor role site admin any role of (a, b)  view",
        "GET     /g/<user_id>             owner <user_id>, token team                             view, blueprint team",
        "GET     /h                       token acr phr or phrh login within 300 s                view",
        "GET     /static/<path:filename>  public (static files)",
    ]


def test_the_callers_that_a_view_is_for_are_listed() -> None:
    """Users, clients, and whether somebody may act; the same in JSON."""
    app = Flask("service", static_folder=None)
    app.config.update(SETTINGS)
    ResourceServer(app)
    add_view(app, "/a", require_jwt(caller="client", scopes="jobs:run")(lambda: ""))
    add_view(app, "/b", require_jwt(caller="user", delegated=False, roles="r")(lambda: ""))
    add_view(app, "/c/<user_id>", owns_path_user(clients=True)(lambda user_id: user_id))
    add_view(app, "/d", require_jwt(delegated=False)(lambda: ""))

    listed = [line.split(maxsplit=2)[2] for line in routes_of(app).output.splitlines()[1:]]

    assert [re.split(r"  +", line)[0] for line in listed] == [
        "client's token jobs:run",
        "user's token role r not delegated",
        "owner <user_id> or client of that id",
        "token not delegated",
    ]
    assert [route["access"] for route in json.loads(routes_of(app, "--json").output)] == [
        re.split(r"  +", line)[0] for line in listed
    ]


def test_static_files_need_no_word_and_are_listed_as_they_are_served() -> None:
    """By Flask's own view, of the app and of a blueprint; deny by default refuses them."""
    access = {}
    for denied in (False, True):
        app = service(AUTH_DENY_BY_DEFAULT=denied)
        app.register_blueprint(Blueprint("shop", "shop", static_folder="files", url_prefix="/shop"))
        result = routes_of(app)
        access[denied] = (result.exit_code, *(line.split("  ")[-1].strip() for line in result.output.splitlines()[1:]))
        assert app.test_client().get("/static/x.css").status_code == (401 if denied else 404)

    assert access == {
        False: (0, "public (static files)", "public (static files)"),
        True: (0, "nobody (static files)", "nobody (static files)"),
    }


def test_a_view_of_the_services_own_for_static_files_has_to_say_something() -> None:
    """Only Flask's own view is known."""
    app = Flask("service", static_folder=None)
    app.config.update(SETTINGS)
    ResourceServer(app)
    app.add_url_rule("/static/<path:name>", "static", lambda name: name)

    assert routes_of(app).exit_code == 1


def test_a_guard_in_before_request_of_a_blueprint_declares_its_routes() -> None:
    """The list says where it stands."""
    app = Flask("service", static_folder=None)
    app.config.update(SETTINGS, AUTH_DENY_BY_DEFAULT=True)
    ResourceServer(app)
    reports = Blueprint("reports", __name__)
    reports.before_request(require_jwt(scopes="reports:read")(lambda: None))
    reports.add_url_rule("/reports", "reports", lambda: "all")
    app.register_blueprint(reports)

    result = routes_of(app)

    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "METHOD  ROUTE     ACCESS              FROM",
        "GET     /reports  token reports:read  before_request",
    ]


def test_the_list_says_why_a_guard_in_before_request_of_the_app_declares_nothing() -> None:
    """It would hide that a view was forgotten."""
    app = Flask("service", static_folder=None)
    app.config.update(SETTINGS, AUTH_DENY_BY_DEFAULT=True)
    ResourceServer(app)
    app.before_request(require_jwt(lambda: None))
    app.add_url_rule("/reports", "reports", lambda: "all")

    result = routes_of(app)

    assert result.exit_code == 1
    assert result.output.splitlines()[-2:] == [
        "GET /reports: The view has neither a guard nor @public: everybody is refused. Add @require_jwt or @public.",
        "A guard in before_request of the whole app declares no route. Guard its blueprints: require_jwt(blueprint).",
    ]
    assert app.test_client().get("/reports", headers=TokenIssuer.for_app(app).authorization("alice")).status_code == 403


def test_a_tenant_is_listed() -> None:
    """By the variable that names it, beside the owner."""
    app = service(AUTH_TENANT_CLAIM="org_id")
    add_view(app, "/<tenant_id>/<user_id>", owns_path_tenant(owns_path_user(lambda **_path: "")))

    data = json.loads(routes_of(app, "--json").output)

    (route,) = (route for route in data if route["route"] == "/<tenant_id>/<user_id>")
    assert (route["access"], route["problems"]) == ("tenant <tenant_id>, owner <user_id>", [])


def test_a_route_that_says_nothing_fails_the_list() -> None:
    """So a pipeline can ask; the sentence says what happens to callers."""
    app = service()
    app.add_url_rule("/open", "open", lambda: "")

    result = routes_of(app)

    assert result.exit_code == 1
    assert result.output.splitlines()[-1] == (
        "GET /open: The view has neither a guard nor @public: everybody is let in. Add @require_jwt or @public."
    )


def test_a_route_that_cannot_work_fails_the_list() -> None:
    """An owner without a variable answers nobody; a converter answers 404 to some users."""
    app = service()
    add_view(app, "/notes", owns_path_user(lambda: ""))
    add_view(app, "/numbers/<int:user_id>", owns_path_user(lambda user_id: user_id))
    add_view(app, "/paths/<path:user_id>", owns_path_user(lambda user_id: user_id))

    result = routes_of(app)

    assert result.exit_code == 1
    assert result.output.partition("\n\n")[2].splitlines() == [
        "GET /notes: owns_path_user needs <user_id>, and the path has no such variable: nobody can enter. Correct the "
        "path, or name its variable with param=.",
        "GET /numbers/<int:user_id>: The converter of <user_id> does not take every id: the others are answered "
        "404. Write <user_id> without a converter.",
    ]
    assert AUDIENCE not in result.output


def test_handlers_for_head_and_options_are_listed_when_they_are_the_services_own() -> None:
    """Flask's own OPTIONS and a HEAD that is the GET are not; one that says nothing fails the list."""
    app = service()
    view: type[MethodView] = type(
        "Notes", (MethodView,), {"get": public(lambda _self: ""), "head": lambda _self: "", "options": lambda _self: ""}
    )
    app.add_url_rule("/notes", view_func=view.as_view("notes"))
    app.add_url_rule("/plain", "plain", public(lambda: ""))

    result = routes_of(app)

    assert [line.split()[:3] for line in result.output.partition("\n\n")[0].splitlines()[1:-1]] == [
        ["GET", "/notes", "public"],
        ["HEAD", "/notes", "UNDECLARED"],
        ["OPTIONS", "/notes", "UNDECLARED"],
        ["GET", "/plain", "public"],
    ]
    assert result.exit_code == 1


def test_a_route_for_head_alone_is_listed() -> None:
    """No GET answers for it."""
    app = service()
    app.add_url_rule("/head", "head", lambda: "", methods=["HEAD"])

    result = routes_of(app)

    assert result.output.splitlines()[1].split() == ["HEAD", "/head", "UNDECLARED"]
    assert result.exit_code == 1


def test_programs_read_the_list_as_json() -> None:
    """With the names of the problems, and the same exit status."""
    app = service()
    app.add_url_rule("/a", "a", require_jwt(scopes="x")(lambda: ""))
    app.add_url_rule("/b", "b", lambda: "")

    result = routes_of(app, "--json")
    listed: list[dict[str, Any]] = json.loads(result.output)

    assert result.exit_code == 1
    assert listed[0] == {
        "method": "GET",
        "route": "/a",
        "endpoint": "a",
        "access": "token x",
        "declared": True,
        "public": False,
        "from": ["view"],
        "problems": [],
    }
    assert (listed[1]["declared"], [problem["problem"] for problem in listed[1]["problems"]]) == (False, ["undeclared"])
