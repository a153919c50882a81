"""The guides for people who come from another package, with that package: what they say of it and of us is true."""

from __future__ import annotations

import inspect
import re
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import flask_httpauth
import pytest
from authlib.integrations.flask_oauth2 import ResourceProtector
from authlib.oauth2.rfc6749 import TokenValidator
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from flask import Flask

from auth import ResourceServer, public, require_jwt
from auth.testing import TokenIssuer
from tests.support.documentation import DOCS, table
from tests.support.environments import run
from tests.support.issuer_server import IssuerServer, SigningKey
from tests.support.migrations import (
    AUDIENCE,
    GUIDES,
    ISSUER,
    MIGRATION,
    TABLE,
    Request,
    both,
    compared,
    recipe,
    send,
    token_of,
)
from tests.support.services import SECRET, bearer

OWN = "/users/alice/reports"


@pytest.mark.parametrize("guide", GUIDES)
def test_a_guide_shows_the_programs_that_are_tried_here(guide: str) -> None:
    """Word for word, by their files."""
    shown = re.findall(r"{literalinclude} (\S+)", (DOCS / "migrating" / f"{guide}.md").read_text())

    files = {(DOCS / "migrating" / name).resolve() for name in shown}

    assert files == {*GUIDES[guide].glob("*.py")}


def test_there_is_a_guide_for_every_example() -> None:
    """And the other way round."""
    assert {page.stem for page in (DOCS / "migrating").glob("*.md")} == GUIDES.keys()
    assert {*MIGRATION.rglob("before.py")} == {folder / "before.py" for folder in GUIDES.values()}


@pytest.mark.parametrize("folder", GUIDES.values(), ids=GUIDES)
def test_every_route_after_a_migration_is_guarded_or_public(folder: Path, tmp_path: Path) -> None:
    """Under the name that the library is installed by; the command ends with 1 otherwise."""
    shutil.copy(folder / "after.py", tmp_path)
    settings = {"JWT_SECRET_KEY": SECRET, "JWT_SECRET": SECRET, "JWKS_URL": "https://login.example.com/jwks"}
    settings["PUBLIC_KEY"] = TokenIssuer.generate("ES256").public_key

    routes = run([sys.executable, "-m", "flask", "--app", "after", "auth", "routes"], cwd=tmp_path, settings=settings)

    assert "owner <user_id>" in routes


# Authlib


def test_clients_of_authlib_see_what_the_guide_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens as RFC 9068 describes them, to both programs."""
    issuer, other = (
        TokenIssuer.generate("ES256", issuer=ISSUER, audience=AUDIENCE, profile="rfc9068") for _ in range(2)
    )
    before, after = both("authlib", monkeypatch, PUBLIC_KEY=issuer.public_key)
    scopes = ["reports:read", "reports:list"]

    def signed(user_id: str = "alice", by: TokenIssuer = issuer, **settings: Any) -> str:
        return f"Bearer {by.issue(user_id, **({'scopes': scopes} | settings))}"

    requests: dict[str, Request] = {
        "the owner of the path": ("GET", OWN, signed()),
        "another user than the one in the path": ("GET", OWN, signed("bob")),
        "one scope of two": ("GET", OWN, signed(scopes=scopes[:1])),
        "one scope of a list": ("GET", "/summaries", signed(scopes=scopes[:1])),
        "one role of two": ("GET", "/audit", signed(roles=["admin"])),
        "no token": ("GET", OWN, None),
        "no token, optional view": ("GET", "/welcome", None),
        "another scheme than Bearer": ("GET", OWN, "Token abc"),
        "no JWT behind `Bearer`": ("GET", OWN, "Bearer nonsense"),
        "expired a minute ago": ("GET", OWN, signed(expires_in=-60)),
        "expired ten seconds ago": ("GET", OWN, signed(expires_in=-10)),
        "for another audience": ("GET", OWN, signed(claims={"aud": "https://other.example.com"})),
        "of another issuer": ("GET", OWN, signed(claims={"iss": "https://other.example.com"})),
        "signed with another key": ("GET", OWN, signed(by=other)),
        "without `jti`": ("GET", OWN, signed(claims={"jti": None})),
        "`typ` is `JWT`": ("GET", OWN, signed(headers={"typ": "JWT"})),
        "without `typ`": ("GET", OWN, signed(headers={"typ": None})),
    }

    assert compared(before, after, requests) == table("migrating/authlib.md", TABLE)
    assert send(before, ("GET", "/audit", signed(roles=["admin", "editor"]))).status_code == 200
    assert send(after, ("GET", "/audit", signed(roles=["admin", "editor"]))).status_code == 200
    challenges = [send(app, requests["one scope of two"]).headers.get("WWW-Authenticate") for app in (before, after)]
    assert challenges == [None, 'Bearer realm="api", error="insufficient_scope", scope="reports:read reports:list"']
    assert {*send(before, requests["no token"]).get_json()} == {"error", "error_description"}


@pytest.mark.parametrize(
    ("demanded", "enough", "too_little"),
    [
        ("a b", ["a b"], ["a", "b", "c"]),
        (["a", "b"], ["a", "b", "a b"], ["c", ""]),
        (["a b", "c"], ["a b", "c"], ["a", "b", ""]),
    ],
)
def test_a_list_of_scopes_means_one_of_them_to_authlib(
    demanded: str | list[str], enough: list[str], too_little: list[str]
) -> None:
    """And a text means all: the guide warns that a list means all to us."""
    demands = [demanded] if isinstance(demanded, str) else demanded

    assert not any(TokenValidator.scope_insufficient(granted, demands) for granted in enough)
    assert all(TokenValidator.scope_insufficient(granted, demands) for granted in too_little)


def test_the_arguments_of_authlib_on_the_page_exist() -> None:
    """Those of the validator and of the protector."""
    text = (DOCS / "migrating/authlib.md").read_text()
    arguments = inspect.signature(JWTBearerTokenValidator.validate_token).parameters.keys()

    assert {name for name in arguments - {"self", "token", "scopes", "request"} if f"{name}=" not in text} == set()
    names = ("register_token_validator", "acquire", "raise_error_response")
    assert [name for name in names if not hasattr(ResourceProtector, name) or name not in text] == []
    assert JWTBearerTokenValidator.get_jwks.__name__ in text


# Flask-HTTPAuth


def test_clients_of_flask_httpauth_see_what_the_guide_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same tokens to both programs."""
    before, after = both("flask-httpauth", monkeypatch, JWT_SECRET=SECRET)
    requests: dict[str, Request] = {
        "the owner of the path": ("GET", OWN, token_of("alice")),
        "another user than the one in the path": ("GET", OWN, token_of("bob")),
        "one role of a list": ("GET", "/summaries", token_of("alice", roles=["editor"])),
        "no role": ("GET", "/summaries", token_of("alice")),
        "one role of two": ("GET", "/audit", token_of("alice", roles=["editor"])),
        "no token": ("GET", OWN, None),
        "no token, optional view": ("GET", "/welcome", None),
        "expired, optional view": ("GET", "/welcome", token_of("alice", expires_in=-60)),
        "no JWT behind `Bearer`": ("GET", OWN, "Bearer nonsense"),
        "expired a minute ago": ("GET", OWN, token_of("alice", expires_in=-60)),
        "without `exp`": ("GET", OWN, token_of("alice", claims={"exp": None})),
        "a refresh token of the same issuer": ("GET", OWN, token_of("alice", claims={"type": "refresh"})),
    }

    assert compared(before, after, requests) == table("migrating/flask-httpauth.md", TABLE)
    challenges = [send(app, requests["no role"]).headers.get("WWW-Authenticate") for app in (before, after)]
    assert challenges == ['Bearer realm="Authentication Required"', None]
    for app in (before, after):
        assert send(app, ("GET", "/audit", token_of("alice", roles=["admin", "editor"]))).status_code == 200


def test_a_view_with_a_password_keeps_flask_httpauth() -> None:
    """Beside our guards, and declared public if routes are denied by default."""
    app = Flask("mixed", static_folder=None)
    app.config.update(AUTH_SECRET=SECRET, AUTH_ISSUER=ISSUER, AUTH_AUDIENCE=AUDIENCE, AUTH_DENY_BY_DEFAULT=True)
    ResourceServer(app)
    passwords = flask_httpauth.HTTPBasicAuth()
    passwords.verify_password(lambda name, password: name if password == "rabbit" else None)
    app.add_url_rule("/password", "password", public(passwords.login_required(lambda: "ok")))
    app.add_url_rule("/token", "token", require_jwt(lambda: "ok"))
    basic = "Basic YWxpY2U6cmFiYml0"

    assert [send(app, ("GET", "/password", sent)).status_code for sent in (basic, token_of("alice"), None)] == [
        200,
        401,
        401,
    ]
    assert [send(app, ("GET", "/token", sent)).status_code for sent in (basic, token_of("alice"))] == [401, 200]


def test_every_name_of_flask_httpauth_is_on_its_page() -> None:
    """What a service with tokens calls; ``username()`` and passwords are of other schemes."""
    text = (DOCS / "migrating/flask-httpauth.md").read_text()
    ours = {"verify_token", "get_user_roles", "error_handler", "login_required", "current_user", "authenticate_header"}
    public_names = {name for name in dir(flask_httpauth.HTTPTokenAuth) if not name.startswith("_")}

    assert ours <= public_names
    assert {name for name in ours if name not in text} == set()
    for called, arguments in {
        flask_httpauth.HTTPTokenAuth: {"scheme", "header", "realm"},
        flask_httpauth.HTTPTokenAuth.login_required: {"role", "optional"},
    }.items():
        assert arguments <= inspect.signature(called).parameters.keys()
    assert all(hasattr(flask_httpauth, name) for name in re.findall(r"\b(HTTP\w+Auth|MultiAuth)\b", text))


# Decorators written by hand


def test_clients_of_a_decorator_by_hand_see_what_the_guide_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys over HTTP, from an issuer that can be down."""
    page = "migrating/pyjwt.md"
    key, other = SigningKey.generate("RS256"), SigningKey.generate("RS256")
    named = {"iss": "https://tenant.eu.auth0.com/", "aud": AUDIENCE, "scope": "reports:read"}
    with IssuerServer([key]) as issuer:
        before, after = both("pyjwt", monkeypatch, JWKS_URL=issuer.jwks_url)
        early = both("pyjwt", monkeypatch, JWKS_URL=issuer.jwks_url)

        def signed(by: SigningKey = key, **claims: Any) -> str:
            return f"Bearer {issuer.token(by, **(named | claims))}"

        requests: dict[str, Request] = {
            "the owner of the path": ("GET", OWN, signed()),
            "another user than the one in the path": ("GET", OWN, signed(sub="bob")),
            "without the scope": ("GET", OWN, signed(scope="profile")),
            "the scope as a permission of Auth0": ("GET", OWN, signed(scope="profile", permissions=["reports:read"])),
            "no token": ("GET", OWN, None),
            "another scheme than Bearer": ("GET", OWN, "Token abc"),
            "`Bearer` and nothing behind it": ("GET", OWN, "Bearer"),
            "no JWT behind `Bearer`": ("GET", OWN, "Bearer nonsense"),
            "expired a minute ago": ("GET", OWN, signed(exp=int(time.time()) - 60)),
            "of another issuer": ("GET", OWN, signed(iss="https://other.eu.auth0.com/")),
            "for another audience": ("GET", OWN, signed(aud="https://other.example.com")),
            "signed with another key": ("GET", OWN, signed(other)),
            "without `exp`": ("GET", OWN, signed(exp=...)),
            "without `sub`": ("GET", "/me", signed(sub=...)),
            "an empty `sub`": ("GET", "/me", signed(sub="")),
            "scopes as a list": ("GET", OWN, signed(scope=["reports:read"])),
            "an ID token for this audience": ("GET", "/me", signed(at_hash="x")),
        }
        rows = compared(before, after, requests)
    down = {"the issuer cannot be reached at the first request": requests["the owner of the path"]}

    assert rows + compared(*early, down) == table(page, TABLE)


def test_clients_can_be_told_the_old_codes_of_a_decorator_by_hand() -> None:
    """The codes of the program that the guide begins with."""
    app = recipe("migrating/pyjwt.md", "OLD_CODES").test_client()

    codes = [app.get("/me", headers=headers).get_json()["code"] for headers in ({}, bearer("nonsense"))]

    assert codes == ["authorization_header_missing", "invalid_header"]
