"""Requests that are sent again: creates under an id of the client's, and writes of what is so already."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from tests.support.tasks_api import TASKS, Authorize, body_of, tag


def test_a_create_with_an_id_may_be_repeated(client: FlaskClient, authorize: Authorize) -> None:
    """201, then 200 with the same task, also where other words say the same."""
    task_id = str(uuid4())

    created = client.post(TASKS, json={"id": task_id, "title": " Buy milk", "description": None}, headers=authorize())
    again = client.post(
        TASKS, json={"id": task_id.upper(), "title": "Buy milk", "completed": False}, headers=authorize()
    )

    assert (created.status_code, again.status_code) == (201, 200)
    assert created.headers["Location"] == again.headers["Location"] == f"{TASKS}/{task_id}"
    assert (again.json, again.headers["ETag"]) == (created.json, created.headers["ETag"])


def test_a_create_that_comes_late_finds_what_has_become_of_the_task(
    client: FlaskClient, authorize: Authorize, create: Any
) -> None:
    """200 with the task as it is, 409 where something else is asked for, 201 once it has been deleted."""
    body = {"id": str(uuid4()), "title": "Buy milk"}
    created = create(**body)
    path = created.headers["Location"]

    changed = client.patch(path, json={"title": "Buy tea"}, headers=authorize())
    late = client.post(TASKS, json=body, headers=authorize())
    other = client.post(TASKS, json=body | {"title": "Buy tea"}, headers=authorize())
    client.delete(path, headers=authorize())
    new = client.post(TASKS, json=body, headers=authorize())

    assert (late.status_code, late.json, late.headers["ETag"]) == (200, changed.json, changed.headers["ETag"])
    message = "Another task has been created under this id."
    assert (other.status_code, other.json) == (409, {"code": 409, "status": "Conflict", "message": message})
    assert (new.status_code, body_of(new)["title"]) == (201, "Buy milk")
    assert new.headers["ETag"] not in (created.headers["ETag"], changed.headers["ETag"])


def test_the_id_of_another_users_task_is_as_free_as_any(client: FlaskClient, authorize: Authorize, create: Any) -> None:
    """A 409 would tell that it is there."""
    task_id = create().json["id"]

    answer = client.post("/api/bob/tasks", json={"id": task_id, "title": "Mine"}, headers=authorize("bob"))

    assert (answer.status_code, body_of(answer)["id"]) == (201, task_id)
    assert body_of(client.get(f"{TASKS}/{task_id}", headers=authorize()))["title"] == "Buy milk"


@pytest.mark.parametrize(
    "task_id",
    [None, 1, "", "x", "{" + str(uuid4()) + "}", uuid4().hex, f"urn:uuid:{uuid4()}", f"{uuid4()} ", f"{uuid4()}0"],
    ids=["null", "a number", "empty", "a letter", "braces", "no hyphens", "a URN", "a space", "a digit more"],
)
def test_an_id_is_a_uuid_in_its_usual_spelling(client: FlaskClient, authorize: Authorize, task_id: object) -> None:
    """Whatever else Python takes for one."""
    answer = client.post(TASKS, json={"id": task_id, "title": "x"}, headers=authorize())

    assert answer.status_code == 422
    assert list(body_of(answer)["errors"]["json"]) == ["id"]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_an_id_cannot_be_changed(client: FlaskClient, authorize: Authorize, create: Any, method: str) -> None:
    """It is no member of a change, also where it is the task's own."""
    created = create()
    body = {"id": body_of(created)["id"], "title": "x"}

    answer = client.open(created.headers["Location"], method=method, json=body, headers=authorize())

    assert (answer.status_code, list(body_of(answer)["errors"]["json"])) == (422, ["id"])


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_the_same_write_twice_changes_nothing_the_second_time(
    client: FlaskClient, authorize: Authorize, create: Any, statements: list[str], method: str
) -> None:
    """Neither the entity tag nor the time of the last write, and it takes one statement."""
    created = create()
    path, body = created.headers["Location"], {"title": "Buy tea", "description": "Green", "completed": True}

    first = client.open(path, method=method, json=body, headers=authorize())
    statements.clear()
    second = client.open(path, method=method, json=body, headers=authorize())

    assert first.headers["ETag"] == tag(created, 1)
    assert (second.status_code, second.json) == (200, first.json)
    assert second.headers["ETag"] == first.headers["ETag"]
    assert len(statements) == 1


def test_a_user_id_of_more_than_255_characters_is_forbidden(client: FlaskClient, authorize: Authorize) -> None:
    """The token is good, and nobody with such an id has tasks."""
    statuses = {}

    for length in (255, 256):
        user_id = "u" * length
        path, headers = f"/api/{user_id}/tasks", authorize(user_id)
        answers = [
            client.get(path, headers=headers),
            client.post(path, json={"title": "x"}, headers=headers),
            client.get(f"{path}/summary", headers=headers),
            client.get(f"{path}/{uuid4()}", headers=headers),
        ]
        statuses[length] = [answer.status_code for answer in answers]

    assert statuses == {255: [200, 201, 200, 404], 256: [403] * 4}
    message = "The user id is longer than 255 characters."
    assert answers[0].json == {"code": 403, "status": "Forbidden", "message": message}
