"""The page about scopes and roles: its tables, refusals and lists are what the library does.

Its files and tests run where the library is installed, in :mod:`tests.integration.test_testing_kit`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from auth import require_jwt
from auth.errors import ConfigurationError
from auth.openapi import security_of
from auth.testing import TokenIssuer, local_issuer
from auth.tokens.profiles import AUDIENCE, PROFILES, ClaimPath
from tests.support.documentation import executed, files, snippets, table

PAGE = "scopes-and-roles.md"
SOURCE = files(PAGE)["reports.py"]
REFUSED_START, *ALTERNATIVES = snippets(PAGE, "text")

MEANINGS = {row[0].strip("`"): row[1] for row in table(PAGE, "What the arguments mean")}

#: Two names of each kind that the table uses.
SCOPES, ROLES = ["reports:read", "reports:write"], ["manager", "editor"]


def documented(source: str = SOURCE) -> Flask:
    """Return the app of the page."""
    app: Flask = executed(source, "reports.py")["app"]
    return app


@pytest.fixture
def app() -> Flask:
    """The app of the page."""
    return documented()


@pytest.fixture
def issuer(app: Flask) -> Iterator[TokenIssuer]:
    """In place of the issuer of the app."""
    with local_issuer(app) as issuer:
        yield issuer


def answers(arguments: str) -> list[int]:
    """Return the statuses for tokens with neither, the first, the second and both names that a guard asks for."""
    demands: dict[str, Any] = eval(f"dict({arguments})")  # noqa: S307  # our own page
    app = documented()
    app.add_url_rule("/", "guarded", require_jwt(**demands)(lambda: ""))
    ((argument, _),) = demands.items()
    kind, names = ("scopes", SCOPES) if "scope" in argument else ("roles", ROLES)
    with local_issuer(app) as issuer:
        grants: list[Any] = [[], names[:1], names[1:], names]
        return [
            app.test_client().get("/", headers=issuer.authorization("alice", **{kind: grant})).status_code
            for grant in grants
        ]


@pytest.mark.parametrize("arguments", [name for name in MEANINGS if "accountant" not in name])
def test_an_argument_means_what_the_table_says(arguments: str) -> None:
    """Asked with tokens that grant none, either and both of two names."""
    meaning = MEANINGS[arguments]
    both, either, first = [403, 403, 403, 200], [403, 200, 200, 200], [403, 200, 403, 200]

    assert answers(arguments) == (both if "both" in meaning else either if "at least one" in meaning else first)


def test_a_text_is_one_role(app: Flask) -> None:
    """With the space in it."""
    app.add_url_rule("/", "guarded", require_jwt(roles="chief accountant")(lambda: ""))
    with local_issuer(app) as issuer:
        statuses = [
            app.test_client().get("/", headers=issuer.authorization("carl", roles=roles)).status_code
            for roles in (["chief", "accountant"], "chief accountant")
        ]

    assert 'roles="chief accountant"' in MEANINGS
    assert statuses == [403, 200]


@pytest.mark.parametrize("empty", ["", []])
@pytest.mark.parametrize("argument", ["scopes", "any_scope", "roles", "any_role"])
def test_nothing_is_not_a_name(argument: str, empty: Any) -> None:
    """It would open the view for everybody with a token."""
    with pytest.raises(TypeError):
        require_jwt(**{argument: empty})


@pytest.mark.parametrize("row", table(PAGE, "Where tokens carry them"))
def test_the_table_of_profiles_names_the_claims_that_are_read(row: list[str]) -> None:
    """In the order of the profiles, whose names it has all."""
    name, scopes, roles, link = row
    profile = PROFILES[name.strip("`")]

    assert re.findall("`(.*?)`", scopes) == list(profile.scope_claims)
    assert re.findall("`(.*?)`", roles) == [in_words(path) for path in profile.role_paths]
    assert "](issuers/" in link


def in_words(path: ClaimPath) -> str:
    return ".".join("<audience>" if step is AUDIENCE else str(step) for step in path)


def test_every_profile_is_in_that_table() -> None:
    """In their own order."""
    assert [row[0].strip("`") for row in table(PAGE, "Where tokens carry them")] == list(PROFILES)


def for_auth0(source: str) -> str:
    """Return the source of the app with a profile whose tokens carry no roles."""
    return source.replace("login.example.com", "login.example.com/").replace(
        "AUTH_DISCOVERY=True", 'AUTH_DISCOVERY=True, AUTH_PROFILE="auth0"'
    )


def test_an_app_that_asks_for_roles_does_not_start_if_tokens_carry_none() -> None:
    """The views of the page, made before ``ResourceServer(app)`` is called."""
    call = "ResourceServer(app)\n"

    with pytest.raises(ConfigurationError) as refused:
        documented(for_auth0(SOURCE.replace(call, "") + call))

    assert f"{refused.value}\n" == REFUSED_START


def test_views_that_are_added_later_are_found_by_the_first_request(caplog: pytest.LogCaptureFixture) -> None:
    """The log has the same message."""
    app = documented(for_auth0(SOURCE))

    status = app.test_client().get("/reports").status_code

    assert status == 500
    assert REFUSED_START in f"{caplog.text}\n"


@pytest.mark.parametrize(
    ("number", "method", "scope"),
    [
        pytest.param(0, "POST", "reports:read", id="a scope is missing"),
        pytest.param(1, "DELETE", "reports:write", id="a role is missing"),
    ],
)
def test_a_refusal_looks_as_shown(app: Flask, issuer: TokenIssuer, number: int, method: str, scope: str) -> None:
    """Status, challenge and body."""
    shown = snippets(PAGE, "http")[number]

    answer = app.test_client().open("/reports", method=method, headers=issuer.authorization("alice", scopes=scope))

    head, body = shown.strip().split("\n\n")
    status, *fields = head.splitlines()
    assert f"HTTP/1.1 {answer.status}" == status
    assert [f"WWW-Authenticate: {value}" for value in answer.headers.getlist("WWW-Authenticate")] == fields
    assert answer.json == json.loads(body)


def test_the_scope_is_answered_first(app: Flask, issuer: TokenIssuer) -> None:
    """Of a user who lacks both."""
    answer = app.test_client().delete("/reports", headers=issuer.authorization("alice"))

    assert answer.json is not None
    assert answer.json["error"] == "insufficient_scope"


def test_all_alternatives_are_in_the_challenge(app: Flask, issuer: TokenIssuer) -> None:
    """Any one of them would do."""
    answer = app.test_client().get("/export", headers=issuer.authorization("alice"))

    assert 'scope="reports:export reports:write"' in answer.headers["WWW-Authenticate"]


def test_the_command_lists_the_routes_as_shown(app: Flask) -> None:
    """The whole list."""
    _, shown = snippets(PAGE, "console")

    printed = app.test_cli_runner().invoke(args=["auth", "routes"])

    assert shown == f"$ flask --app reports auth routes\n{printed.output}"


def test_the_document_lists_the_alternatives_as_shown(app: Flask) -> None:
    """In OpenAPI 3.1; before that, an empty list."""
    views = [app.view_functions[endpoint] for endpoint in ("export", "delete_reports")]

    assert [security_of(view) for view in views] == [json.loads(shown) for shown in ALTERNATIVES]
    assert [security_of(view, version="3.0.3") for view in views] == [[{"bearerAuth": []}]] * 2


def test_a_profile_without_roles_has_none_in_tests() -> None:
    """The kit makes no token that the issuer could not make."""
    issuer = TokenIssuer.generate("ES256", issuer="https://login.example.com/", profile="auth0")

    with pytest.raises(ValueError, match="roles"):
        issuer.issue("alice", roles="manager")
