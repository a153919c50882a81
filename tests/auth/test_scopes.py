"""Scopes that imply others, wherever scopes are compared."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from typing import Any

import pytest

from auth import AccessToken, current_token, owns_path_user, require_jwt
from auth.access_token import Claims
from auth.openapi import describe_guards, security_of
from auth.scopes import FLAT, ScopeHierarchy
from auth.testing import acting_as
from tests.support.services import (
    KINDS,
    add_view,
    authenticate,
    bearer,
    documented,
    service,
    with_claims,
)

IMPLIES: dict[str, Any] = {"AUTH_SCOPE_IMPLIES": {"tasks:admin": ["tasks:write"], "tasks:write": ["tasks:read"]}}
READ, WRITE, ADMIN = "tasks:read", "tasks:write", "tasks:admin"


def token(scope: str, **settings: Any) -> AccessToken:
    return authenticate(with_claims(scope=scope), **settings)


def test_a_token_says_what_it_said() -> None:
    """What its scopes imply stands beside them."""
    wide = token(f"{WRITE} other", **IMPLIES)

    assert wide.scopes == {WRITE, "other"}
    assert wide.effective_scopes == {WRITE, "other", READ}
    assert token(ADMIN, **IMPLIES).effective_scopes == {ADMIN, WRITE, READ}
    assert token(READ, **IMPLIES).effective_scopes == {READ}


def test_without_a_hierarchy_both_are_the_same() -> None:
    """The very same object: nothing is computed."""
    plain = token(WRITE)

    assert plain.effective_scopes is plain.scopes
    assert plain.scope_hierarchy is FLAT


def test_a_narrowed_token_implies_no_more_than_what_it_keeps() -> None:
    """Code that takes scopes away takes away what they imply."""
    narrowed = replace(token(ADMIN, **IMPLIES), scopes={"other"})

    assert narrowed.effective_scopes == {"other"}


def test_a_token_with_a_hierarchy_can_be_copied_and_pickled() -> None:
    """Also one that was made by hand."""
    made = AccessToken(
        user_id="alice",
        issuer=None,
        scopes={WRITE},
        roles=set(),
        claims=Claims(),
        scope_hierarchy=ScopeHierarchy({WRITE: frozenset({READ})}),
    )

    for copied in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):  # noqa: S301  # our own
        assert copied == made
        assert copied.effective_scopes == {READ, WRITE}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("guard", "scope", "status"),
    [
        ({"scopes": READ}, READ, 200),
        ({"scopes": READ}, WRITE, 200),
        ({"scopes": READ}, ADMIN, 200),
        ({"scopes": WRITE}, READ, 403),
        ({"scopes": WRITE}, ADMIN, 200),
        ({"scopes": [READ, "other"]}, WRITE, 403),
        ({"scopes": [READ, WRITE]}, WRITE, 200),
        ({"any_scope": [READ, "other"]}, ADMIN, 200),
        ({"any_scope": [WRITE, "other"]}, READ, 403),
        ({"scopes": READ}, "tasks", 403),
        ({"scopes": READ}, "TASKS:WRITE", 403),
    ],
)
def test_a_wide_scope_enters_where_a_narrow_one_is_asked_for(kind: str, guard: Any, scope: str, status: int) -> None:
    """And never the other way round."""
    app = service(kind, **IMPLIES)
    add_view(app, "/", require_jwt(**guard)(lambda: "in"))
    client = app.test_client()

    # The second time the token is remembered.
    answers = [client.get("/", headers=bearer(with_claims(scope=scope))).status_code for _ in range(2)]

    assert answers == [status, status]


def test_what_is_missing_is_what_is_not_implied() -> None:
    """The message names it, and the challenge what the view asks for."""
    app = service(**IMPLIES)
    add_view(app, "/", require_jwt(scopes=[READ, "other"])(lambda: "in"))

    answer = app.test_client().get("/", headers=bearer(with_claims(scope=WRITE)))

    assert answer.json == {
        "code": 403,
        "status": "Forbidden",
        "message": "The access token lacks a scope that this request needs: other.",
        "error": "insufficient_scope",
    }
    assert answer.headers["WWW-Authenticate"] == (
        'Bearer realm="api", error="insufficient_scope", scope="tasks:read other"'
    )


def test_the_testing_kit_compares_as_the_service_does() -> None:
    """A token that is acted with implies what it would in production."""
    app = service(**IMPLIES)

    @require_jwt(scopes=READ)
    def guarded() -> list[str]:
        return sorted(current_token.effective_scopes)

    with acting_as(app, "alice", scopes=WRITE) as acting:
        seen = guarded()

    assert seen == [READ, WRITE]
    assert acting.scopes == {WRITE}


def test_a_document_lists_the_scopes_that_imply_what_is_needed() -> None:
    """As alternatives, the least of them first; the audit agrees with them."""
    app = service("flask-smorest", **IMPLIES)
    add_view(app, "/read", require_jwt(scopes=READ)(lambda: "in"))
    add_view(app, "/both", require_jwt(scopes="other", any_scope=[WRITE, READ])(lambda: "in"))
    add_view(app, "/admin", require_jwt(scopes=ADMIN)(lambda: "in"))

    paths = documented(app)["paths"]
    runner = app.test_cli_runner().invoke(args=["auth", "routes"])

    def listed(*alternatives: list[str]) -> list[dict[str, list[str]]]:
        return [{"bearerAuth": names} for names in alternatives]

    assert paths["/read"]["get"]["security"] == listed([READ], [ADMIN], [WRITE])
    assert paths["/both"]["get"]["security"] == listed(["other", WRITE], ["other", READ], ["other", ADMIN])
    assert paths["/admin"]["get"]["security"] == listed([ADMIN])
    assert "asks for other scopes" not in runner.output


def test_an_older_document_says_it_in_words() -> None:
    """Before OpenAPI 3.1, security lists no scopes."""
    app = service(**IMPLIES)
    add_view(app, "/", require_jwt(scopes=READ, any_scope=[WRITE, "other"])(lambda: "in"))
    document = {"openapi": "3.0.3", "info": {}, "paths": {"/": {"get": {"responses": {}}}}}

    operation = describe_guards(document, app)["paths"]["/"]["get"]

    assert operation["security"] == [{"bearerAuth": []}]
    assert operation["description"] == (
        "Required scopes: `tasks:read`. Required scopes, at least one of: `tasks:write`, `other`. `tasks:read` is "
        "implied by: `tasks:admin`, `tasks:write`. `tasks:write` is implied by: `tasks:admin`."
    )


def test_the_security_of_a_view_is_that_of_an_app() -> None:
    """Without the app no scope implies another."""
    app = service(**IMPLIES)
    view = require_jwt(scopes=WRITE)(lambda: "in")

    assert security_of(view) == [{"bearerAuth": [WRITE]}]
    assert security_of(view, app=app) == [{"bearerAuth": [WRITE]}, {"bearerAuth": [ADMIN]}]


def test_a_token_that_is_inspected_shows_what_it_implies() -> None:
    """Beside what it says."""
    app = service(**IMPLIES)
    arguments = ["auth", "inspect", with_claims(scope=WRITE)]

    said = app.test_cli_runner().invoke(args=arguments).output
    data = app.test_cli_runner().invoke(args=[*arguments, "--json"]).output

    assert 'The user is "alice"; scopes tasks:write; roles none.' in said
    assert "By AUTH_SCOPE_IMPLIES it has tasks:read as well." in said
    assert '"effective_scopes": [\n    "tasks:read",\n    "tasks:write"\n  ]' in data


@pytest.mark.parametrize(("scope", "status"), [(ADMIN, 200), (WRITE, 200), (READ, 403)])
def test_a_wide_scope_overrides_an_owner_as_a_narrow_one_does(scope: str, status: int) -> None:
    """``unless_scope`` compares the effective scopes too."""
    app = service(**IMPLIES)
    add_view(app, "/<user_id>", owns_path_user(unless_scope=WRITE)(lambda **_: "in"))

    assert app.test_client().get("/bob", headers=bearer(with_claims(scope=scope))).status_code == status
