"""The OpenAPI document: valid, complete, and true about who may call what."""

from __future__ import annotations

import re
import warnings
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import validate

from app import create_app
from tests.support.tasks_api import body_of

#: Nothing here depends on the database.
DATABASES = ("sqlite",)

PUBLIC_OPERATIONS = {"getHealth", "getReadiness"}
ID = "0b5d7c1e-7a43-4f0e-9a36-6f1f0f4e2a11"


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    """Return the document as a client gets it."""
    answer = client.get("/openapi.json")
    assert answer.mimetype == "application/json"
    document: dict[str, Any] = body_of(answer)
    return document


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Return path, method and description of every operation."""
    return [
        (path, method, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    ]


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    """OpenAPI 3.1, by the validator's judgement."""
    assert document["openapi"] == "3.1.0"
    validate(document)


def test_making_the_document_warns_of_nothing(settings: dict[str, Any]) -> None:
    """Such as two schemas of one name."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        create_app(settings)


def test_every_operation_is_described(document: dict[str, Any]) -> None:
    """Operation id, summary, a tag with a description, and an example wherever there is content."""
    tags = {tag["name"] for tag in document["tags"] if tag["description"]}
    ids = [operation["operationId"] for _, _, operation in operations(document)]

    assert len(ids) == len(set(ids)) == 11
    for _, _, operation in operations(document):
        assert operation["summary"].endswith(".")
        assert set(operation["tags"]) <= tags
        for body in operation.get("requestBody", {}).get("content", {}).values():
            assert "example" in body


def test_security_stands_exactly_where_a_token_is_demanded(client: FlaskClient, document: dict[str, Any]) -> None:
    """Every operation is called without a token: 401 where the document says so, and nowhere else."""
    for path, method, operation in operations(document):
        answer = client.open(path.format(user_id="alice", task_id=ID), method=method.upper())
        protected = operation["operationId"] not in PUBLIC_OPERATIONS

        assert (answer.status_code == 401) == protected
        assert operation.get("security") == ([{"bearerAuth": []}] if protected else [])
        assert ("401" in operation["responses"]) == protected
    assert document["components"]["securitySchemes"]["bearerAuth"]["scheme"] == "bearer"


def test_every_route_of_the_api_is_documented(app: Flask, document: dict[str, Any]) -> None:
    """A path that is not there could be forgotten elsewhere as well."""
    routes = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule) for rule in app.url_map.iter_rules()}

    assert routes - set(document["paths"]) == {"/openapi.json", "/", "/docs", "/docs/{name}"}


def test_the_error_schema_says_what_programs_read(document: dict[str, Any]) -> None:
    """`error` for authentication, `errors` for the parts of a request."""
    assert list(document["components"]["schemas"]["Error"]["properties"]) == [
        "code",
        "status",
        "message",
        "error",
        "errors",
    ]


def test_conditions_and_their_answers_are_documented(document: dict[str, Any]) -> None:
    """If-Match with 412, If-None-Match with 304, ETag, Location and Link."""
    task = document["paths"]["/api/{user_id}/tasks/{task_id}"]
    tasks = document["paths"]["/api/{user_id}/tasks"]

    assert [parameter["name"] for parameter in task["get"]["parameters"]] == ["If-None-Match"]
    assert "304" in task["get"]["responses"]
    for method in ("put", "patch", "delete"):
        assert [parameter["name"] for parameter in task[method]["parameters"]] == ["If-Match"]
        assert {"404", "412"} <= set(task[method]["responses"])
    assert list(tasks["post"]["responses"]["201"]["headers"]) == ["Location", "ETag"]
    assert list(tasks["get"]["responses"]["200"]["headers"]) == ["Link"]


def test_a_prefix_in_front_of_the_service_is_in_the_document(settings: dict[str, Any]) -> None:
    """So that clients made from it call the right address."""
    wary = create_app(settings | {"TRUSTED_PROXIES": 1}).test_client()
    client = create_app(settings | {"TRUSTED_PROXIES": 1, "TRUST_FORWARDED_PREFIX": True}).test_client()

    answer = client.get("/openapi.json", headers={"X-Forwarded-Prefix": "/todo"})

    assert body_of(answer)["servers"] == [{"url": "/todo"}]
    answer = wary.get("/openapi.json", headers={"X-Forwarded-Prefix": "//evil.example"})
    assert body_of(answer)["servers"] == [{"url": "/"}]
