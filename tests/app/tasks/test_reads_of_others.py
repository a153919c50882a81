"""The scope with which a caller reads the tasks of another user, and writes none of them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.tasks.store import TaskStore
from auth.flask.declarations import declaration_of
from auth.path_rules import OwnerRule
from auth.testing import TokenIssuer
from tests.support.tasks_api import SECRET, body_of, keep

ANY = "tasks:any"
TASKS = "/api/alice/tasks"


@pytest.fixture
def support(jwt_issuer: TokenIssuer) -> dict[str, str]:
    return jwt_issuer.authorization("support", scopes=ANY)


def test_support_reads_the_tasks_of_the_user_in_the_path(
    client: FlaskClient, store: TaskStore, support: dict[str, str]
) -> None:
    """Not those of the caller, who may have some too."""
    task = keep(store, "Of alice")
    keep(store, "Of support", user_id="support")
    one = f"{TASKS}/{task.id}"

    listed, counted, got = (client.get(path, headers=support) for path in (TASKS, f"{TASKS}/summary", one))

    assert [(found["title"], found["user_id"]) for found in body_of(listed)["items"]] == [("Of alice", "alice")]
    assert body_of(counted)["total"] == 1
    assert (body_of(got)["title"], got.headers["ETag"]) == ("Of alice", f'"{task.version}"')
    assert client.get(one, headers=support | {"If-None-Match": got.headers["ETag"]}).status_code == 304
    assert client.head(one, headers=support).headers["ETag"] == got.headers["ETag"]


def test_a_page_of_another_user_leads_to_the_next(
    client: FlaskClient, store: TaskStore, support: dict[str, str]
) -> None:
    """The links and the cursor are those of the path."""
    for number in range(3):
        keep(store, f"Task {number}", user_id="a/b")
    first = client.get("/api/a%2Fb/tasks?limit=2", headers=support)

    link = first.headers["Link"].partition(">")[0].removeprefix("<")
    assert link.startswith("/api/a%2Fb/tasks?")
    assert len(body_of(client.get(link, headers=support))["items"]) == 1


#: Each operation that writes.
WRITES: list[tuple[str, str, Any]] = [
    ("POST", "", {"title": "Mine"}),
    ("PUT", "/{id}", {"title": "Mine"}),
    ("PATCH", "/{id}", {"title": "Mine"}),
    ("PATCH", "/{id}/complete", None),
    ("DELETE", "/{id}", None),
]


@pytest.mark.parametrize(("method", "path", "body"), WRITES, ids=["create", "replace", "change", "complete", "delete"])
def test_support_writes_nothing_of_another_user(
    client: FlaskClient, store: TaskStore, support: dict[str, str], method: str, path: str, body: Any
) -> None:
    """403, and the task stays as it is; with the tasks of their own support does as it likes."""
    task = keep(store, "Of alice")

    refused = client.open(TASKS + path.format(id=task.id), method=method, json=body, headers=support)

    assert (refused.status_code, body_of(refused)["error"]) == (403, "not_owner")
    assert store.get("alice", task.id) == task
    assert store.summary("alice").total == 1


def test_support_writes_tasks_of_its_own(client: FlaskClient, support: dict[str, str]) -> None:
    """The scope takes nothing away."""
    assert client.post("/api/support/tasks", json={"title": "Mine"}, headers=support).status_code == 201


def test_a_job_with_a_token_of_its_own_reads_as_well(
    client: FlaskClient, store: TaskStore, jwt_issuer: TokenIssuer
) -> None:
    """A client owns no path; it was given the scope."""
    keep(store, "Of alice")

    assert client.get(TASKS, headers=jwt_issuer.authorization("job", scopes=ANY, is_client=True)).status_code == 200
    assert client.get(TASKS, headers=jwt_issuer.authorization("job", is_client=True)).status_code == 403
    assert (
        client.get("/api/job/tasks", headers=jwt_issuer.authorization("job", scopes=ANY, is_client=True)).status_code
        == 200
    )


@pytest.mark.parametrize("scopes", ["", "tasks", "tasks:anybody", "TASKS:ANY"])
def test_nobody_else_reads_the_tasks_of_another_user(client: FlaskClient, jwt_issuer: TokenIssuer, scopes: str) -> None:
    """Scopes are compared character by character."""
    assert client.get(TASKS, headers=jwt_issuer.authorization("bob", scopes=scopes)).status_code == 403


@pytest.mark.parametrize("user_id", ["%00", "a%00b", "%FF", "%ED%A0%80", "%0A", "%20", "x" * 256, "%F0%9F%98%80" * 256])
@pytest.mark.parametrize("path", ["", "/summary", f"/{uuid.UUID(int=1)}"])
def test_a_user_who_cannot_be_is_403(client: FlaskClient, support: dict[str, str], user_id: str, path: str) -> None:
    """Nothing of it reaches the database, which may not be able to hold it."""
    assert client.get(f"/api/{user_id}/tasks{path}", headers=support).status_code in (403, 404)


def test_a_user_who_is_not_has_no_tasks(client: FlaskClient, support: dict[str, str]) -> None:
    """The API knows no list of users."""
    assert body_of(client.get("/api/nobody/tasks", headers=support))["items"] == []
    assert client.get(f"/api/nobody/tasks/{uuid.UUID(int=1)}", headers=support).status_code == 404


def test_the_document_says_who_the_user_in_the_path_may_be(client: FlaskClient) -> None:
    """For readers the user of the token is not the only one."""
    document = body_of(client.get("/openapi.json"))

    described = {
        parameter["description"]
        for path, operations in document["paths"].items()
        if "{user_id}" in path
        for operation in operations.values()
        for parameter in operation["parameters"]
        if parameter.get("name") == "user_id"
    }
    assert described == {
        "The user whose tasks these are: the one that the access token names, or, to read with the scope `tasks:any`, "
        "any other."
    }


def test_every_operation_below_a_user_belongs_to_that_user(app: Flask) -> None:
    """Reads have the one override, and writes have none."""
    found = {
        (method, rule)
        for route in app.url_map.iter_rules()
        if "user_id" in route.arguments
        for method in (route.methods or set()) - {"OPTIONS"}
        for rule in declaration_of(app.view_functions[route.endpoint], method).policy.rules or [None]
    }

    read, written = OwnerRule("user_id", unless_scope=(ANY,)), OwnerRule("user_id")
    assert found == {
        ("GET", read),
        ("HEAD", read),
        ("POST", written),
        ("PUT", written),
        ("PATCH", written),
        ("DELETE", written),
    }


def test_the_scope_of_a_partner_reads_no_tasks_of_our_users(settings: dict[str, Any]) -> None:
    """Only those of its own; the README says so."""
    partner = TokenIssuer(SECRET[::-1], issuer="https://partner.example")
    ours = {"issuer": "https://login.example", "secret": SECRET}
    theirs = {"issuer": "https://partner.example", "secret": SECRET[::-1], "user_prefix": "partner:"}
    del settings["BETTER_AUTH_SECRET"]
    client = create_app(settings | {"AUTH_ISSUERS": [ours, theirs]}).test_client()
    headers = partner.authorization("support", scopes=ANY)

    assert client.get("/api/partner:bob/tasks", headers=headers).status_code == 200
    assert (refused := client.get(TASKS, headers=headers)).status_code == 403
    assert body_of(refused)["error"] == "not_owner"
