"""``flask auth …``."""

from __future__ import annotations

import jwt
from flask import Blueprint, Flask
from flask.views import MethodView

from auth import ResourceServer, current_token, owns_path_user, public, require_jwt
from auth.testing import TokenIssuer
from tests.support.services import AUDIENCE, ISSUER, SETTINGS, add_view, bearer, service


def developing(**settings: object) -> Flask:
    """Return a service on the system clock, as the command uses it."""
    app = Flask("service")
    app.config.update(SETTINGS | {"AUTH_DEVELOPMENT_TOKENS": True} | settings)
    ResourceServer(app)

    @app.get("/")
    @require_jwt
    def me() -> dict[str, object]:
        return {"user_id": current_token.user_id, "scopes": sorted(current_token.scopes), "iss": current_token.issuer}

    return app


def test_a_development_token_opens_the_service_it_was_made_in() -> None:
    """For its issuer and audience, with the scopes asked for."""
    app = developing()

    result = app.test_cli_runner().invoke(args=["auth", "token", "alice", "--scope", "a", "--scope", "b"])

    assert result.exit_code == 0
    assert app.test_client().get("/", headers=bearer(result.output.strip())).json == {
        "user_id": "alice",
        "scopes": ["a", "b"],
        "iss": ISSUER,
    }


def test_a_development_token_has_the_roles_asked_for() -> None:
    """Where the profile of the service puts them; refused where it has no place for them."""
    arguments = ["auth", "token", "alice", "--role", "r", "--role", "s"]
    minted = developing(AUTH_PROFILE="better-auth").test_cli_runner().invoke(args=arguments)
    refused = developing(AUTH_PROFILE="auth0").test_cli_runner().invoke(args=arguments)

    assert jwt.decode(minted.output.strip(), options={"verify_signature": False})["role"] == "r,s"
    assert (refused.exit_code, "Tokens of this profile carry no roles." in refused.output) == (2, True)


def test_a_development_token_may_be_expired_already() -> None:
    """To see what a client sees then."""
    app = developing()

    result = app.test_cli_runner().invoke(args=["auth", "token", "alice", "--expires-in", "-60"])

    assert app.test_client().get("/", headers=bearer(result.output.strip())).get_json()["error"] == "token_expired"


def test_debugging_allows_development_tokens_too() -> None:
    """``flask --debug`` is development by definition."""
    runner = developing(AUTH_DEVELOPMENT_TOKENS=False).test_cli_runner()

    result = runner.invoke(args=["auth", "token", "alice"], env={"FLASK_DEBUG": "1"})

    assert result.exit_code == 0


def test_no_token_is_minted_in_production() -> None:
    """The message says where they come from."""
    result = developing(AUTH_DEVELOPMENT_TOKENS=False).test_cli_runner().invoke(args=["auth", "token", "alice"])

    assert result.exit_code == 1
    assert result.output == (
        "Error: Tokens are minted in development only: set AUTH_DEVELOPMENT_TOKENS to true, or run flask --debug. "
        "In production they come from your authorization server.\n"
    )


def test_no_token_can_be_minted_with_a_public_key() -> None:
    """Only their issuer can sign."""
    app = developing(AUTH_SECRET=None, AUTH_PUBLIC_KEY=TokenIssuer.generate("EdDSA").public_key)

    result = app.test_cli_runner().invoke(args=["auth", "token", "alice"])

    assert result.exit_code == 1
    assert result.output == "Error: This service verifies with public keys; only their issuer can sign tokens.\n"


def test_the_routes_are_listed_with_who_may_enter() -> None:
    """In the order of their paths; methods that Flask adds by itself are left out."""
    app = service()
    app.view_functions["static"] = public(app.view_functions["static"])

    class Notes(MethodView):
        decorators = [require_jwt, owns_path_user]  # noqa: RUF012

        def get(self, user_id: str) -> str:
            return user_id

        def post(self, user_id: str) -> str:
            return user_id

    add_view(app, "/a", require_jwt(scopes="x y")(lambda: ""))
    add_view(app, "/b", require_jwt(scopes="x", any_scope="y z")(lambda: ""))
    add_view(app, "/c", require_jwt(optional=True)(lambda: ""))
    add_view(app, "/d", public(lambda: ""))
    add_view(app, "/e/<user_id>", Notes)
    add_view(app, "/f", require_jwt(scopes="x", roles=["editor", "site admin"], any_role=["a", "b"])(lambda: ""))

    result = app.test_cli_runner().invoke(args=["auth", "routes"])

    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "METHOD  ROUTE                    ACCESS",
        "GET     /a                       token x y",
        "GET     /b                       token x any of (y z)",
        "GET     /c                       token or anonymous",
        "GET     /d                       public",
        "GET     /e/<user_id>             owner <user_id>, token",
        "POST    /e/<user_id>             owner <user_id>, token",
        "GET     /f                       token x role editor role site admin any role of (a, b)",
        "GET     /static/<path:filename>  public",
    ]


def test_the_list_says_why_a_guard_in_before_request_declares_nothing() -> None:
    """It guards the hook; the sentence names the guard that the routes can be seen to have."""
    app = Flask("service", static_folder=None)
    app.config.update(SETTINGS, AUTH_DENY_BY_DEFAULT=True)
    ResourceServer(app)
    reports = Blueprint("reports", __name__)
    reports.before_request(require_jwt(lambda: None))
    reports.add_url_rule("/reports", "reports", lambda: "all")
    app.register_blueprint(reports)

    result = app.test_cli_runner().invoke(args=["auth", "routes"])

    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "METHOD  ROUTE     ACCESS",
        "GET     /reports  UNDECLARED",
        "A guard in before_request declares no route. Guard the blueprint: require_jwt(blueprint).",
    ]
    assert app.test_client().get("/reports", headers=TokenIssuer.for_app(app).authorization("alice")).status_code == 403


def test_a_route_that_says_nothing_fails_the_list() -> None:
    """So a pipeline can ask."""
    result = service().test_cli_runner().invoke(args=["auth", "routes"])

    assert result.exit_code == 1
    assert result.output.splitlines()[1:] == ["GET     /static/<path:filename>  UNDECLARED"]


def test_a_route_that_cannot_work_fails_the_list() -> None:
    """An owner without a variable answers nobody."""
    app = service()
    app.view_functions["static"] = public(app.view_functions["static"])
    add_view(app, "/notes", owns_path_user(lambda: ""))
    add_view(app, "/numbers/<int:user_id>", owns_path_user(lambda user_id: user_id))
    add_view(app, "/paths/<path:user_id>", owns_path_user(lambda user_id: user_id))

    result = app.test_cli_runner().invoke(args=["auth", "routes"])

    assert result.exit_code == 1
    assert [line.partition("UNUSABLE")[1:] for line in result.output.splitlines()[1:4]] == [
        ("UNUSABLE", ": the route has no <user_id> that is text"),
        ("UNUSABLE", ": the route has no <user_id> that is text"),
        ("", ""),
    ]
    assert AUDIENCE not in result.output


def test_a_token_needs_a_user() -> None:
    """One for nobody would be refused anyway."""
    result = developing(AUTH_DEVELOPMENT_TOKENS=True).test_cli_runner().invoke(args=["auth", "token", " "])

    assert result.exit_code == 2
    assert "a token needs a user" in result.output


def test_handlers_for_head_and_options_are_listed_when_they_are_the_services_own() -> None:
    """Flask's own OPTIONS and a HEAD that is the GET are not; one that says nothing fails the list."""
    app = developing(AUTH_DEVELOPMENT_TOKENS=True)
    view: type[MethodView] = type(
        "Notes", (MethodView,), {"get": public(lambda _self: ""), "head": lambda _self: "", "options": lambda _self: ""}
    )
    app.add_url_rule("/notes", view_func=view.as_view("notes"))
    app.add_url_rule("/plain", "plain", public(lambda: ""))

    result = app.test_cli_runner().invoke(args=["auth", "routes"])

    assert [line.split()[:3] for line in result.output.splitlines()[1:] if "/static" not in line] == [
        ["GET", "/", "token"],
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

    result = app.test_cli_runner().invoke(args=["auth", "routes"])

    assert result.output.splitlines()[1].split() == ["HEAD", "/head", "UNDECLARED"]
    assert result.exit_code == 1


def test_a_development_token_is_good_for_an_hour() -> None:
    """Unless another time is asked for."""
    result = developing().test_cli_runner().invoke(args=["auth", "token", "alice"])
    claims = jwt.decode(result.output.strip(), options={"verify_signature": False})

    assert claims["exp"] - claims["iat"] == 3600
