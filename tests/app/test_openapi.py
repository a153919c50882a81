"""The OpenAPI document: valid, complete, and true about who may call what."""

from __future__ import annotations

import json
import re
import warnings
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import validate

from app import create_app
from auth import public
from tests.support.tasks_api import Authorize, body_of

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


def examples_of(document: dict[str, Any], response: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    """Return the bodies that the document shows of one response of an operation, by their names."""
    if response and "$ref" in response:
        response = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
    found: dict[str, dict[str, Any]] = (
        response["content"]["application/json"].get("examples", {}) if response and "content" in response else {}
    )
    return found


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

    assert [parameter["name"] for parameter in task["get"]["parameters"]] == ["user_id", "task_id", "If-None-Match"]
    assert "304" in task["get"]["responses"]
    for method in ("put", "patch", "delete"):
        assert [parameter["name"] for parameter in task[method]["parameters"]] == ["user_id", "task_id", "If-Match"]
        assert {"404", "412"} <= set(task[method]["responses"])
    assert list(tasks["post"]["responses"]["201"]["headers"]) == ["Location", "ETag"]
    assert list(tasks["get"]["responses"]["200"]["headers"]) == ["Link"]


BODY_OF_TEXT = {"data": "{}", "content_type": "text/plain"}

#: A request of alice for each error that she can bring about, by its status and the name of its example.
BROUGHT_ABOUT: dict[tuple[int, str], tuple[str, str, dict[str, Any]]] = {
    (400, "not_json"): ("POST", "tasks", {"data": "{", "content_type": "application/json"}),
    (403, "not_owner"): ("GET", "/api/bob/tasks", {}),
    (404, "no_task"): ("GET", f"tasks/{ID}", {}),
    (409, "id_taken"): ("POST", "tasks", {"json": {"id": "{id}", "title": "Something else"}}),
    (412, "changed"): ("DELETE", "tasks/{id}", {"headers": {"If-Match": '"1"'}}),
    (413, "too_long"): ("POST", "tasks", {"json": {"title": "a" * 70_000}}),
    (415, "not_json"): ("POST", "tasks", BODY_OF_TEXT),
    (422, "too_long"): ("POST", "tasks", {"json": {"title": "a" * 256}}),
    (422, "unknown"): ("POST", "tasks", {"json": {"title": "a", "colour": "red"}}),
    (422, "too_many"): ("GET", "tasks?limit=201", {}),
    (422, "no_cursor"): ("GET", "tasks?cursor=x", {}),
}


@pytest.mark.parametrize(
    ("error", "request_"), BROUGHT_ABOUT.items(), ids=[f"{status}-{name}" for status, name in BROUGHT_ABOUT]
)
def test_an_example_of_an_error_is_what_the_service_answers(
    client: FlaskClient,
    authorize: Authorize,
    document: dict[str, Any],
    error: tuple[int, str],
    request_: tuple[str, str, dict[str, Any]],
) -> None:
    """Word for word, with its own status."""
    method, path, options = request_
    headers = authorize("alice")
    made = body_of(client.post("/api/alice/tasks", json={"title": "First"}, headers=headers))
    path = path.replace("{id}", made["id"])
    if options.get("json", {}).get("id"):
        options = {"json": options["json"] | {"id": made["id"]}}
    headers = headers | options.get("headers", {})

    answer = client.open(
        path if path.startswith("/") else f"/api/alice/{path}", method=method, **options | {"headers": headers}
    )

    status, example = error
    shown = [
        examples[example]["value"]
        for _, _, operation in operations(document)
        if example in (examples := examples_of(document, operation["responses"].get(str(status))))
    ]
    assert shown
    assert all(body_of(answer) == value for value in shown)


def test_the_example_of_a_fault_is_what_the_service_answers(app: Flask, document: dict[str, Any]) -> None:
    """Whatever the fault is."""

    def fail() -> str:
        raise LookupError

    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.view_functions["health.Alive"] = public(fail)
    shown = document["components"]["responses"]["DEFAULT_ERROR"]["content"]["application/json"]["examples"]["fault"]

    assert body_of(app.test_client().get("/health")) == shown["value"]


def test_every_error_shows_a_body_of_its_own_status(document: dict[str, Any]) -> None:
    """A 404 that shows the body of a 401 is worse than none."""
    for _, _, operation in operations(document):
        for status, response in operation["responses"].items():
            found = response
            if "$ref" in response:
                found = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
            if status[0] in "45d":
                examples = found["content"]["application/json"]["examples"]
                codes = {example["value"]["code"] for example in examples.values()}
                assert codes == {500 if status == "default" else int(status)}
            assert found["description"].endswith(".")


def test_every_part_of_the_document_is_used(document: dict[str, Any]) -> None:
    """A schema that no operation has is a riddle."""
    text = json.dumps(document)

    unused = [
        name
        for section in ("schemas", "responses")
        for name in document["components"][section]
        if f'"#/components/{section}/{name}"' not in text
    ]
    assert unused == []


def test_the_title_block_says_version_licence_and_where_to_read_on(document: dict[str, Any]) -> None:
    """The licence by its name in SPDX (OpenAPI 3.1 §4.8.4)."""
    assert document["info"]["version"] == "1.0.0"
    assert document["info"]["license"] == {"name": "MIT License", "identifier": "MIT"}
    assert document["externalDocs"]["url"] == "https://flask-resource-server.readthedocs.io/"


@pytest.mark.parametrize("allowed", [True, False])
def test_the_scheme_says_what_to_paste_and_where_it_comes_from(settings: dict[str, Any], allowed: bool) -> None:
    """The command for development stands there only if it works."""
    client = create_app(settings | {"AUTH_DEVELOPMENT_TOKENS": allowed}).test_client()

    said = body_of(client.get("/openapi.json"))["components"]["securitySchemes"]["bearerAuth"]["description"]

    assert said.startswith("Paste the access token alone, without `Bearer`.")
    assert ("flask auth token alice" in said) is allowed


def test_a_prefix_in_front_of_the_service_is_in_the_document(settings: dict[str, Any]) -> None:
    """So that clients made from it call the right address."""
    wary = create_app(settings | {"TRUSTED_PROXIES": 1}).test_client()
    client = create_app(settings | {"TRUSTED_PROXIES": 1, "TRUST_FORWARDED_PREFIX": True}).test_client()

    answer = client.get("/openapi.json", headers={"X-Forwarded-Prefix": "/todo"})

    assert body_of(answer)["servers"] == [{"url": "/todo"}]
    answer = wary.get("/openapi.json", headers={"X-Forwarded-Prefix": "//evil.example"})
    assert body_of(answer)["servers"] == [{"url": "/"}]
