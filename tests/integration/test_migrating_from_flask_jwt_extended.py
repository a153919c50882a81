"""The guide for people who come from Flask-JWT-Extended, with that package, step by step."""

from __future__ import annotations

import inspect
import re
import time
from datetime import timedelta
from typing import Any

import flask_jwt_extended
import jwt
import pytest
from flask import Flask

from auth import ResourceServer, require_jwt, verified_token
from auth.testing import TokenIssuer
from tests.support.documentation import DOCS, applied, snippets, table
from tests.support.migrations import (
    AUDIENCE,
    ISSUER,
    MIGRATION,
    TABLE,
    Request,
    as_cell,
    both,
    compared,
    program,
    recipe,
    send,
    token_of,
)
from tests.support.services import SECRET

PAGE = "migrating/flask-jwt-extended.md"


@pytest.fixture(scope="module")
def steps() -> list[str]:
    """Return the program after no step of the guide, after the first, and so on."""
    texts = [(MIGRATION / "before.py").read_text()]
    for diff in snippets(PAGE, "diff"):
        texts.append(applied(texts[-1], diff))
    return texts


def log_in(app: Flask, user_id: str = "alice", password: str = "wonderland") -> dict[str, str]:
    answer = app.test_client().post("/login", json={"user_id": user_id, "password": password})
    assert answer.status_code == 200
    tokens: dict[str, str] = answer.get_json()
    return tokens


def test_the_steps_of_the_guide_turn_one_program_into_the_other(steps: list[str]) -> None:
    """A reader who follows them ends with exactly these files."""
    assert steps[5] == (MIGRATION / "after.py").read_text()
    assert steps[6:] == [(MIGRATION / "with_issuer.py").read_text()]


@pytest.mark.parametrize("step", range(6))
def test_the_service_runs_after_each_step(
    steps: list[str], step: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With the tokens of Flask-JWT-Extended: who had access still has it, and nobody else has."""
    app = program(steps[step], monkeypatch, JWT_SECRET_KEY=SECRET)["app"]
    alice, root = log_in(app), log_in(app, "root", "rabbit-hole")
    token, notes = f"Bearer {alice['access_token']}", "/users/alice/notes"
    renewed = send(app, ("POST", "/refresh", f"Bearer {alice['refresh_token']}")).get_json()["access_token"]

    def ask(method: str, path: str, authorization: str | None = token, **body: Any) -> tuple[int, Any]:
        answer = send(app, (method, path, authorization), **body)
        return answer.status_code, answer.get_json(silent=True)

    assert ask("POST", notes, json={"text": "Down the hole"}) == (201, {"notes": ["Down the hole"]})
    assert ask("POST", notes, json={})[0] == 422
    assert ask("GET", notes) == (200, {"notes": ["Down the hole"]})
    assert ask("GET", notes, f"Bearer {root['access_token']}")[0] == 403
    assert ask("GET", notes, None)[0] == 401
    assert ask("GET", "/me")[1]["name"] == "Alice Liddell"
    assert ask("GET", "/statistics")[0] == 403
    assert ask("GET", "/statistics", f"Bearer {root['access_token']}") == (200, {"notes": 1})
    assert ask("GET", "/welcome") == (200, {"hello": "alice"})
    assert ask("GET", "/welcome", None) == (200, {"hello": "stranger"})
    assert ask("DELETE", notes, f"Bearer {renewed}")[0] == 401
    assert ask("DELETE", notes)[0] == 204
    assert ask("POST", "/logout")[0] == 200
    assert [ask("GET", path)[0] for path in (notes, "/me", "/welcome")] == [401, 401, 401]
    assert ask("POST", "/logout", f"Bearer {alice['refresh_token']}")[0] == 200
    assert ask("POST", "/refresh", f"Bearer {alice['refresh_token']}")[0] == 401
    assert not [record for record in caplog.records if record.levelname == "WARNING" and " is not set" in record.msg]


def test_the_service_runs_without_its_login(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last step: tokens of an authorization server, which says when the user logged in."""
    issuer = TokenIssuer.generate("ES256", issuer=ISSUER, audience=AUDIENCE)
    variables = {"PUBLIC_KEY": issuer.public_key, "ISSUER": ISSUER, "AUDIENCE": AUDIENCE}
    settings = {f"FLASK_AUTH_{name}": value for name, value in variables.items()}
    app = program((MIGRATION / "with_issuer.py").read_text(), monkeypatch, **settings)["app"]

    def status(method: str, path: str, **token: Any) -> int:
        return send(app, (method, path, f"Bearer {issuer.issue('alice', **token)}")).status_code

    assert status("GET", "/me") == status("GET", "/users/alice/notes") == 200
    assert status("GET", "/users/root/notes") == 403
    assert (status("GET", "/statistics"), status("GET", "/statistics", roles=["admin"])) == (403, 200)
    assert status("DELETE", "/users/alice/notes") == 401
    assert status("DELETE", "/users/alice/notes", claims={"auth_time": int(time.time()) - 301}) == 401
    assert status("DELETE", "/users/alice/notes", claims={"auth_time": int(time.time()) - 200}) == 204
    assert send(app, ("POST", "/login", None)).status_code == 404


def test_clients_of_flask_jwt_extended_see_what_the_guide_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real tokens of the package, to both programs."""
    before, after = both("flask-jwt-extended", monkeypatch, JWT_SECRET_KEY=SECRET)
    with before.app_context():
        make = flask_jwt_extended.create_access_token
        good, refresh = make("alice", fresh=True), flask_jwt_extended.create_refresh_token("alice")
        stale = make("alice")
    claims = jwt.decode(good, options={"verify_signature": False})

    def signed(secret: str = SECRET, **changes: Any) -> str:
        made = {name: value for name, value in (claims | changes).items() if value is not ...}
        return f"Bearer {jwt.encode(made, secret)}"

    notes, me = "/users/alice/notes", "/me"
    out = f"Bearer {log_in(before)['access_token']}"
    for app in (before, after):
        assert send(app, ("POST", "/logout", out)).status_code == 200
    requests: dict[str, Request] = {
        "the owner of the path": ("GET", notes, f"Bearer {good}"),
        "another user than the one in the path": ("GET", notes, signed(sub="root")),
        "a role is missing": ("GET", "/statistics", f"Bearer {good}"),
        "no token": ("GET", notes, None),
        "no token, optional view": ("GET", "/welcome", None),
        "`Authorization: Basic …`, optional view": ("GET", "/welcome", "Basic YWxpY2U6"),
        "`Authorization: JWT …`": ("GET", me, f"JWT {good}"),
        "`bearer` in lower case": ("GET", me, f"bearer {good}"),
        "`Bearer` and nothing behind it": ("GET", me, "Bearer"),
        "no JWT behind `Bearer`": ("GET", me, "Bearer nonsense"),
        "signed with another secret": ("GET", me, signed(SECRET[::-1])),
        "of another issuer": ("GET", me, signed(iss=ISSUER)),
        "for another audience": ("GET", me, signed(aud=AUDIENCE)),
        "a refresh token": ("GET", me, f"Bearer {refresh}"),
        "the user is a number": ("GET", me, signed(sub=7)),
        "without `exp`": ("GET", me, signed(exp=...)),
        "expired": ("GET", me, signed(exp=int(time.time()) - 60)),
        "signed out": ("GET", me, out),
        "not fresh": ("DELETE", notes, f"Bearer {stale}"),
    }

    assert compared(before, after, requests) == table(PAGE, TABLE)
    assert {"WWW-Authenticate" in send(before, request).headers for request in requests.values()} == {False}
    assert send(after, requests["no token"]).headers["WWW-Authenticate"] == 'Bearer realm="api"'


def test_clients_can_be_told_the_old_words_for_a_while() -> None:
    """The body is the old one; the status and the challenge are ours."""
    app = recipe(PAGE, "old_words_for_no_token")

    missing, expired, forged = (
        send(app, ("GET", "/me", authorization))
        for authorization in (None, token_of("alice", expires_in=-60), "Bearer x")
    )

    assert missing.get_json()["error"] == "authorization_required"
    assert missing.headers["WWW-Authenticate"] == 'Bearer realm="api"'
    assert (expired.get_json()["error"], forged.get_json()["error"]) == ("token_expired", "invalid_token")
    assert forged.headers["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'
    assert {*missing.get_json()} == {*expired.get_json()} == {"error", "description"}
    assert {answer.status_code for answer in (missing, expired, forged)} == {401}


def test_the_old_word_in_place_of_bearer_can_be_accepted_for_a_while() -> None:
    """Any other word is refused as before."""
    app, bearer_token = recipe(PAGE, "accept_old_word"), token_of("alice")
    token = bearer_token.removeprefix("Bearer ")

    answers = [send(app, ("GET", "/me", f"{word} {token}")).status_code for word in ("JWT", "Bearer", "Token")]

    assert answers == [200, 200, 401]
    assert send(app, ("GET", "/me", "JWT")).status_code == 401
    assert send(app, ("GET", "/me", None)).status_code == 401


def test_numbers_in_the_path_are_compared_as_text() -> None:
    """The user of the token is text as well."""
    app = recipe(PAGE, "<int:user_id>")

    answers = {path: send(app, ("GET", f"/users/{path}/orders", token_of("7"))) for path in ("7", "07", "8", "x")}

    assert answers["7"].get_json() == {"orders_of": 7}
    assert [answer.status_code for answer in answers.values()] == [200, 403, 403, 404]


def test_a_guard_on_a_blueprint_replaces_one_in_before_request() -> None:
    """It can be seen from outside, and a guard of the service's own is a name for one of ours."""
    app = recipe(PAGE, "admin_required")

    assert send(app, ("GET", "/orders/", token_of("alice"))).status_code == 200
    assert send(app, ("GET", "/orders/", None)).status_code == 401
    assert send(app, ("DELETE", "/orders/", token_of("alice"))).status_code == 403
    assert send(app, ("DELETE", "/orders/", token_of("alice", roles=["admin"]))).status_code == 200
    assert "UNDECLARED" not in app.test_cli_runner().invoke(args=["auth", "routes"]).output


def test_a_hook_for_signed_out_tokens_comes_after_the_resource_server() -> None:
    """Before it, no guard has verified a token yet."""
    seen: list[bool] = []
    app = Flask("hooks", static_folder=None)
    app.config.update(AUTH_SECRET=SECRET, AUTH_ISSUER=ISSUER, AUTH_AUDIENCE=AUDIENCE)
    app.before_request(lambda: seen.append(verified_token() is not None))
    ResourceServer(app)
    app.before_request(lambda: seen.append(verified_token() is not None))
    app.add_url_rule("/", "view", require_jwt(lambda: "ok"))

    send(app, ("GET", "/", token_of("alice")))

    assert seen == [False, True]


def signer(**settings: Any) -> Flask:
    """Return an app with a view that Flask-JWT-Extended guards."""
    app = Flask("signer")
    app.config.update(JWT_SECRET_KEY=SECRET, **settings)
    flask_jwt_extended.JWTManager(app)
    app.add_url_rule("/", "view", flask_jwt_extended.jwt_required()(lambda: "ok"))
    return app


def test_flask_jwt_extended_refuses_users_that_are_numbers_unless_it_is_told_not_to() -> None:
    """It signs them in either case."""
    answers = []
    for settings in ({}, {"JWT_VERIFY_SUB": False}):
        app = signer(**settings)
        with app.app_context():
            token = flask_jwt_extended.create_access_token(7)
        answers.append(send(app, ("GET", "/", f"Bearer {token}")).status_code)

    assert answers == [422, 200]


def test_flask_jwt_extended_accepts_any_audience_and_answers_422_by_default() -> None:
    """And any issuer. It forgives no difference between clocks, and signs for 15 minutes."""
    app = signer()
    claims = {"sub": "alice", "jti": "1", "iss": "a stranger", "aud": "somebody else", "exp": int(time.time()) + 60}
    late = claims | {"exp": int(time.time()) - 2}

    assert send(app, ("GET", "/", f"Bearer {jwt.encode(claims, SECRET)}")).status_code == 200
    assert as_cell(send(app, ("GET", "/", f"Bearer {jwt.encode(late, SECRET)}"))) == "401 `Token has expired`"
    refused = send(app, ("GET", "/", "Bearer nonsense"))
    assert (refused.status_code, refused.get_json()) == (422, {"msg": "Not enough segments"})
    assert app.config["JWT_ACCESS_TOKEN_EXPIRES"] == timedelta(minutes=15)
    assert '`{"msg": "Not enough segments"}`' in (DOCS / PAGE).read_text().replace("\n", " ")


def test_flask_jwt_extended_writes_how_long_a_token_is_fresh() -> None:
    """A boolean, or seconds since the epoch."""
    with signer().app_context():
        made = [flask_jwt_extended.create_access_token("a", fresh=fresh) for fresh in (True, timedelta(minutes=5))]
    always, until = (jwt.decode(token, options={"verify_signature": False})["fresh"] for token in made)

    assert always is True
    assert 0 < until - time.time() <= 300


def test_the_service_documents_its_guards_after_the_migration_and_not_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flask-JWT-Extended writes nothing into the document; a public view with a guard of its own says so itself."""
    documents = []
    for app in both("flask-jwt-extended", monkeypatch, JWT_SECRET_KEY=SECRET):
        with app.app_context():
            paths = app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec.to_dict()["paths"]
        operations = [(path, method) for path, item in paths.items() for method in item.values() if "tags" in method]
        documents.append({path: operation.get("security") for path, operation in operations})
    before, after = documents

    token: list[dict[str, list[str]]] = [{"bearerAuth": []}]
    assert all(security is None for security in before.values())
    assert after == {
        "/login": [],
        "/refresh": [{"loginToken": []}],
        "/logout": [{"loginToken": []}],
        "/users/{user_id}/notes": token,
        "/me": token,
        "/statistics": [{"bearerAuth": ["admin"]}],
        "/welcome": [*token, {}],
    }


def test_every_name_of_flask_jwt_extended_is_on_its_page() -> None:
    """Functions, arguments of the guard, loaders, and settings; a setting may be named by what it begins with."""
    text = (DOCS / PAGE).read_text()
    functions = {name for name, value in vars(flask_jwt_extended).items() if inspect.isfunction(value)}
    loaders = {name for name in vars(flask_jwt_extended.JWTManager) if name.endswith("_loader")}
    arguments = {f"{name}=" for name in inspect.signature(flask_jwt_extended.jwt_required).parameters}
    settings = {name for name in signer().config if name.startswith("JWT_")}
    families = tuple(re.findall(r"`(JWT_[A-Z_]+)…`", text))

    assert {name for name in functions if f"{name}(" not in text} == set()
    assert {name for name in loaders if f"`{name}`" not in text} == set()
    assert {name for name in arguments if name not in text} == set()
    assert {name for name in settings if f"`{name}`" not in text and not name.startswith(families)} == set()
    named = set(re.findall(r"`(JWT_[A-Z_]*[A-Z])`", text))
    assert named <= settings
    assert all(any(name.startswith(family) for name in settings) for family in families)
