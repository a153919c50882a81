"""Compares the OpenAPI document with the service: who may call what, operation by operation.

A guard that was forgotten takes its note in the document with it, so the two would agree; that is why the public
operations are listed here by name.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import validate

from auth.testing import BadToken, TokenIssuer, assert_routes_guarded, bad_tokens

#: Nothing here depends on the database.
DATABASES = ("sqlite",)

#: Operations that anybody may call. Add a new one here, or the test fails.
PUBLIC_OPERATIONS = {"getHealth", "getReadiness"}

#: Routes that are no operations of the API: the document itself, the page that shows it, and the way there.
UNDOCUMENTED = {"/openapi.json", "/", "/docs", "/docs/<name>"}

PATH_VALUES = {"user_id": "alice", "task_id": str(uuid.UUID(int=1))}


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    """Return the OpenAPI document as a client gets it."""
    answer: dict[str, Any] = client.get("/openapi.json").get_json()
    return answer


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield method, path with values in it, and operation."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                yield method.upper(), path.format_map(PATH_VALUES), operation


def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    """Tools that read the document have something to rely on."""
    validate(document)

    assert document["openapi"].startswith("3.1")


def test_operations_answer_401_to_strangers_exactly_where_security_stands(
    document: dict[str, Any], client: FlaskClient
) -> None:
    """A padlock in the document and a guard on the view are one and the same; public operations say ``[]``."""
    found = {}
    for method, path, operation in operations(document):
        answer = client.open(
            path, method=method, json={"unknown": True} if method in {"POST", "PUT", "PATCH"} else None
        )
        found[operation["operationId"]] = (bool(operation["security"]), answer.status_code == 401)

    assert {name for name, (documented, _) in found.items() if not documented} == PUBLIC_OPERATIONS
    assert {name for name, (_, refused) in found.items() if not refused} == PUBLIC_OPERATIONS


def test_protected_operations_document_what_their_guards_answer(document: dict[str, Any]) -> None:
    """Each has the scheme, 401 and 503; 403 where the path names a user."""
    for _, path, operation in operations(document):
        if operation["operationId"] in PUBLIC_OPERATIONS:
            continue
        owned = "alice" in path

        assert operation["security"] == [{"bearerAuth": []}]
        assert operation["responses"]["401"] == {"$ref": "#/components/responses/AccessTokenRequired"}
        assert operation["responses"]["503"] == {"$ref": "#/components/responses/KeysUnavailable"}
        assert ("403" in operation["responses"]) is owned
    scheme = document["components"]["securitySchemes"]["bearerAuth"]
    assert (scheme["type"], scheme["scheme"], scheme["bearerFormat"]) == ("http", "bearer", "JWT")
    challenge = document["components"]["responses"]["AccessTokenRequired"]["headers"]["WWW-Authenticate"]
    assert challenge["required"] is True


def test_every_operation_says_what_it_is(document: dict[str, Any]) -> None:
    """Ids are unique, and summary and tag are there for people."""
    described = [operation for _, _, operation in operations(document)]

    assert len({operation["operationId"] for operation in described}) == len(described)
    assert all(operation["summary"] and operation["tags"] for operation in described)


def test_every_route_is_documented_or_listed_here(app: Flask, document: dict[str, Any]) -> None:
    """A route beside the document would escape the walk above."""
    routes = {rule.rule for rule in app.url_map.iter_rules()}
    documented = {
        path.replace("{user_id}", "<path:user_id>").replace("{task_id}", "<uuid:task_id>") for path in document["paths"]
    }

    assert routes - documented == UNDOCUMENTED


def test_every_route_declares_who_may_enter(app: Flask) -> None:
    """And the document agrees."""
    assert_routes_guarded(app)


@pytest.fixture
def bound(settings: dict[str, Any]) -> None:
    """Let the service accept tokens of one issuer only, as in production."""
    settings["BETTER_AUTH_URL"] = "https://tasks.example"


@pytest.mark.parametrize("bad", bad_tokens())
def test_every_guarded_operation_refuses_a_bad_token(
    bad: BadToken, bound: None, client: FlaskClient, document: dict[str, Any], jwt_issuer: TokenIssuer
) -> None:
    """Before it reads anything else of the request."""
    guarded = [(method, path) for method, path, operation in operations(document) if operation["security"]]

    answers = [client.open(path, method=method, headers=bad.headers(jwt_issuer)) for method, path in guarded]

    assert len(answers) > 5
    assert {(answer.status_code, answer.get_json()["error"]) for answer in answers} == {(bad.status, bad.error)}
