"""The tasks API over HTTP: contract, order of answers, conditions, pages, and bodies of every bad kind."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from app.openapi import REFUSALS
from app.tasks.store import TaskStore
from auth.testing import TokenIssuer
from tests.support.tasks_api import SECRET, TASKS, Authorize, body_of, tag

MISSING = f"{TASKS}/c10d1e83-d8bf-4eba-a2a4-f3357ea81020"
NOT_FOUND = {"code": 404, "status": "Not Found", "message": "There is no such task."}
CHANGED = {
    "code": 412,
    "status": "Precondition Failed",
    "message": "The task has changed: read it again before writing.",
}


def test_a_task_is_created_trimmed_and_with_defaults(client: FlaskClient, authorize: Authorize) -> None:
    """201, with the path of the task and its entity tag."""
    answer = client.post(TASKS, json={"title": "  Buy milk \n"}, headers=authorize())

    task = body_of(answer)
    assert answer.status_code == 201
    assert {name: task[name] for name in ("user_id", "title", "description", "completed")} == {
        "user_id": "alice",
        "title": "Buy milk",
        "description": None,
        "completed": False,
    }
    assert list(task) == ["id", "user_id", "title", "description", "completed", "created_at", "updated_at"]
    assert task["created_at"] == task["updated_at"]
    assert task["created_at"].endswith("+00:00")
    assert answer.headers["Location"] == f"{TASKS}/{task['id']}"
    assert re.fullmatch(r'"[1-9][0-9]{15}"', answer.headers["ETag"])


def test_the_location_leads_to_the_task(client: FlaskClient, authorize: Authorize, create: Any) -> None:
    """What was answered to the creation is what is read there."""
    created = create("Buy milk", description="Blue cap", completed=True)

    answer = client.get(created.headers["Location"], headers=authorize())

    assert answer.status_code == 200
    assert answer.json == created.json
    assert answer.headers["ETag"] == created.headers["ETag"]


#: As CILogon, GitHub Actions and SAML make them, and such as look like a part of a path.
WITH_SLASHES = (
    *("http://cilogon.org/serverA/users/123", "repo:org/repo:ref:refs/heads/main", "wXHHq/zM16=", "a//b", "a/"),
    *(
        "alice/tasks",
        "alice/tasks/summary",
        "tasks/tasks/tasks",
        "a/../b",
        "c10d1e83-d8bf-4eba-a2a4-f3357ea81020/complete",
    ),
)


@pytest.mark.parametrize("user_id", ["auth0|123", "a b", "ä@example.com", "100%25", "..;x", *WITH_SLASHES])
def test_user_ids_of_any_kind_work_in_paths(client: FlaskClient, authorize: Authorize, user_id: str) -> None:
    """They are opaque: percent-encoded on the wire, compared as they are."""
    path = f"/api/{quote(user_id, safe='')}/tasks"

    created = client.post(path, json={"title": "Mine"}, headers=authorize(user_id))

    assert created.status_code == 201
    assert body_of(created)["user_id"] == user_id
    assert client.get(created.headers["Location"], headers=authorize(user_id)).status_code == 200


@pytest.mark.parametrize("user_id", WITH_SLASHES)
@pytest.mark.parametrize("quoted", ["", "/"], ids=["quoted", "as they are"])
def test_every_operation_reaches_a_user_whose_id_holds_slashes(
    client: FlaskClient, authorize: Authorize, user_id: str, quoted: str
) -> None:
    """What stands in front of ``/tasks`` is the id, however much it looks like a path of the API itself."""
    headers, path = authorize(user_id), f"/api/{quote(user_id, safe=quoted)}/tasks"
    task = f"{path}/{body_of(client.post(path, json={'title': 'Mine'}, headers=headers))['id']}"

    assert [each["title"] for each in body_of(client.get(path, headers=headers))["items"]] == ["Mine"]
    assert body_of(client.get(f"{path}/summary", headers=headers))["total"] == 1
    assert body_of(client.put(task, json={"title": "Yours"}, headers=headers))["title"] == "Yours"
    assert body_of(client.patch(task, json={"description": "More"}, headers=headers))["description"] == "More"
    assert body_of(client.patch(f"{task}/complete", headers=headers))["completed"] is True
    assert body_of(client.get(task, headers=headers))["user_id"] == user_id
    assert client.delete(task, headers=headers).status_code == 204


def test_links_between_pages_work_for_ids_with_slashes(client: FlaskClient, authorize: Authorize) -> None:
    """The slashes are quoted there, so that no client resolves the dots between them."""
    headers, path = authorize("a/../b"), "/api/a%2F..%2Fb/tasks"
    for title in ("One", "Two"):
        client.post(path, json={"title": title}, headers=headers)

    link = client.get(f"{path}?limit=1", headers=headers).headers["Link"]
    following = re.findall("<(.*?)>", link)[0]

    assert following.startswith(f"{path}?limit=1&cursor=")
    assert [each["title"] for each in body_of(client.get(following, headers=headers))["items"]] == ["One"]


@pytest.mark.parametrize("suffix", ["/tasks", "/tasks/summary", "/tasks/{task}", "/tasks/{task}/complete"])
@pytest.mark.parametrize("user_id", ["alice/tasks", "alice/", "alice/tasks/summary", "x/alice", "alice%2Ftasks"])
def test_an_id_that_begins_or_ends_like_another_reaches_nothing_of_it(
    client: FlaskClient, authorize: Authorize, create: Any, user_id: str, suffix: str
) -> None:
    """The whole id is compared: 403 for another user's path, in both directions."""
    task = body_of(create())["id"]
    ours, theirs = (f"/api/{quote(name, safe='')}{suffix.format(task=task)}" for name in ("alice", user_id))
    method = "PATCH" if suffix.endswith("complete") else "GET"

    assert client.open(ours, method=method, headers=authorize(user_id)).status_code == 403
    assert client.open(theirs, method=method, headers=authorize("alice")).status_code == 403


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_an_unknown_path_is_not_found_before_the_caller_is_known(client: FlaskClient, method: str) -> None:
    """Order of answers, first step: 404."""
    answer = client.open("/api/alice/tusks", method=method)

    assert answer.status_code == 404
    assert body_of(answer)["status"] == "Not Found"


def test_a_client_that_is_called_like_a_user_has_no_tasks(client: FlaskClient, statements: list[str]) -> None:
    """The API tells a client's own token (RFC 6749 §4.4) from a token of the user with that id."""
    issuer = TokenIssuer(SECRET)

    machine = client.get(TASKS, headers=issuer.authorization("alice", is_client=True))
    asked = len(statements)
    user = client.get(TASKS, headers=issuer.authorization("alice", client_id="web"))

    examples = REFUSALS["AccessDenied"]["content"]["application/json"]["examples"]
    assert machine.status_code == 403
    assert body_of(machine) == examples["not_owner_client"]["value"]
    assert (asked, user.status_code) == (0, 200)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", TASKS + "?limit=nonsense"),
        ("POST", TASKS),
        ("GET", MISSING),
        ("PUT", MISSING),
        ("PATCH", MISSING),
        ("PATCH", MISSING + "/complete"),
        ("DELETE", MISSING),
    ],
)
def test_who_asks_is_settled_before_what_is_asked(
    client: FlaskClient, authorize: Authorize, statements: list[str], method: str, path: str
) -> None:
    """Order of answers: 401, then 403, then the body, and no statement before that."""
    bad_body: Any = None if method in ("GET", "DELETE") else {"data": "{", "content_type": "application/json"}

    stranger = client.open(path, method=method, **(bad_body or {}))
    other = client.open(path, method=method, headers=authorize("bob"), **(bad_body or {}))
    owner = client.open(path, method=method, headers=authorize(), **(bad_body or {}))

    assert (stranger.status_code, body_of(stranger)["error"]) == (401, "missing_token")
    assert (other.status_code, body_of(other)["error"]) == (403, "not_owner")
    assert owner.status_code in (400, 404, 422)
    if owner.status_code != 404:
        assert statements == []


def test_refused_callers_never_reach_the_database(
    client: FlaskClient, authorize: Authorize, statements: list[str]
) -> None:
    """Not even for a task that is there."""
    client.get(TASKS)
    client.get(TASKS, headers={"Authorization": "Bearer nonsense"})
    client.get(TASKS, headers=authorize("bob"))
    client.post(TASKS, json={"title": "Stolen"}, headers=authorize("bob"))

    assert statements == []


def test_somebody_elses_task_under_ones_own_path_is_not_found(
    client: FlaskClient, authorize: Authorize, create: Any
) -> None:
    """The same answer as for a task that never was."""
    task_id = create().json["id"]

    for method, body in (("GET", None), ("PUT", {"title": "x"}), ("PATCH", {"title": "x"}), ("DELETE", None)):
        answer = client.open(f"/api/bob/tasks/{task_id}", method=method, json=body, headers=authorize("bob"))
        assert (answer.status_code, answer.json) == (404, NOT_FOUND)
    answer = client.patch(f"/api/bob/tasks/{task_id}/complete", headers=authorize("bob"))
    assert (answer.status_code, answer.json) == (404, NOT_FOUND)


def test_put_replaces_the_whole_task(client: FlaskClient, authorize: Authorize, create: Any) -> None:
    """What the body leaves out gets its default."""
    created = create(description="Blue cap", completed=True)

    answer = client.put(created.headers["Location"], json={"title": "Buy tea"}, headers=authorize())

    assert answer.status_code == 200
    assert (body_of(answer)["title"], body_of(answer)["description"], body_of(answer)["completed"]) == (
        "Buy tea",
        None,
        False,
    )
    assert body_of(answer)["created_at"] == body_of(created)["created_at"] < body_of(answer)["updated_at"]
    assert answer.headers["ETag"] == tag(created, 1)


def test_patch_changes_what_it_names(client: FlaskClient, authorize: Authorize, create: Any) -> None:
    """And leaves the rest; null is a value of the description."""
    created = create(description="Blue cap", completed=True)

    answer = client.patch(created.headers["Location"], json={"description": None}, headers=authorize())

    assert answer.status_code == 200
    assert (body_of(answer)["title"], body_of(answer)["description"], body_of(answer)["completed"]) == (
        "Buy milk",
        None,
        True,
    )


@pytest.mark.parametrize("body", [{"json": {}}, {}], ids=["empty object", "no body"])
def test_an_empty_patch_changes_nothing(
    client: FlaskClient, authorize: Authorize, create: Any, body: dict[str, Any]
) -> None:
    """200 with the task as it is."""
    created = create()

    answer = client.patch(created.headers["Location"], headers=authorize(), **body)

    assert (answer.status_code, answer.json, answer.headers["ETag"]) == (200, created.json, tag(created))


@pytest.mark.parametrize("body", [{}, {"json": {}}], ids=["no body", "empty object"])
def test_complete_without_a_wish_toggles(
    client: FlaskClient, authorize: Authorize, create: Any, body: dict[str, Any]
) -> None:
    """Open, completed, open."""
    path = create().headers["Location"] + "/complete"

    states = [body_of(client.patch(path, headers=authorize(), **body))["completed"] for _ in range(3)]

    assert states == [True, False, True]


@pytest.mark.parametrize("wish", [True, False])
def test_complete_with_a_wish_is_safe_to_repeat(
    client: FlaskClient, authorize: Authorize, create: Any, wish: bool
) -> None:
    """The second time is as the first."""
    path = create().headers["Location"] + "/complete"

    states = [body_of(client.patch(path, json={"completed": wish}, headers=authorize()))["completed"] for _ in range(2)]

    assert states == [wish, wish]


def test_a_deleted_task_is_gone(client: FlaskClient, authorize: Authorize, create: Any) -> None:
    """204 without content, then 404."""
    path = create().headers["Location"]

    answer = client.delete(path, headers=authorize())

    assert (answer.status_code, answer.data) == (204, b"")
    assert "Content-Type" not in answer.headers
    assert client.delete(path, headers=authorize()).json == NOT_FOUND
    assert client.get(path, headers=authorize()).status_code == 404


@pytest.mark.parametrize("condition", ["{}", '"7", {}', "*", '"x", {}'])
def test_a_write_that_expects_the_current_version_goes_through(
    client: FlaskClient, authorize: Authorize, create: Any, condition: str
) -> None:
    """If-Match: one of several tags, or any version."""
    created = create()
    headers = authorize(**{"If-Match": condition.format(tag(created))})

    answer = client.patch(created.headers["Location"], json={"title": "Mine"}, headers=headers)

    assert (answer.status_code, answer.headers["ETag"]) == (200, tag(created, 1))


@pytest.mark.parametrize(
    "condition",
    ['"1"', "W/{}", '"x"', '"01"', '"-1"', f'"{"9" * 18}"', f'"{"9" * 40}"', '""', ""],
    ids=lambda value: value or "empty",
)
def test_a_write_that_expects_another_version_is_refused(
    client: FlaskClient, authorize: Authorize, create: Any, condition: str
) -> None:
    """Weak tags never match, tags of others match nothing; every write alike."""
    created = create()
    path, headers = created.headers["Location"], authorize(**{"If-Match": condition.format(tag(created))})

    answers = [
        client.put(path, json={"title": "x"}, headers=headers),
        client.patch(path, json={"title": "x"}, headers=headers),
        client.patch(path, json={}, headers=headers),
        client.patch(path + "/complete", headers=headers),
        client.patch(path + "/complete", json={"completed": True}, headers=headers),
        client.delete(path, headers=headers),
    ]

    assert [(answer.status_code, answer.json) for answer in answers] == [(412, CHANGED)] * len(answers)
    assert client.get(path, headers=authorize()).json == created.json


def test_a_condition_on_a_missing_task_is_not_found(client: FlaskClient, authorize: Authorize) -> None:
    """404 rather than 412: there is nothing to read again."""
    answer = client.put(MISSING, json={"title": "x"}, headers=authorize(**{"If-Match": '"1"'}))

    assert answer.json == NOT_FOUND


@pytest.mark.parametrize(
    ("condition", "status"), [("{}", 304), ("W/{}", 304), ('"9", {}', 304), ("*", 304), ('"2"', 200)]
)
def test_a_version_the_client_holds_is_not_sent_again(
    client: FlaskClient, authorize: Authorize, create: Any, condition: str, status: int
) -> None:
    """If-None-Match compares weakly (RFC 9110 §13.1.2); the answer names the version all the same."""
    created = create()
    headers = authorize(**{"If-None-Match": condition.format(tag(created))})

    answer = client.get(created.headers["Location"], headers=headers)

    assert (answer.status_code, answer.headers["ETag"]) == (status, tag(created))
    assert bool(answer.data) == (status == 200)


@pytest.mark.parametrize("suffix", ["", "/id"])
def test_head_answers_as_get_without_content(
    client: FlaskClient, authorize: Authorize, create: Any, suffix: str
) -> None:
    """Same status and headers, and as well guarded."""
    path = create().headers["Location"] if suffix else TASKS

    got, head = client.get(path, headers=authorize()), client.head(path, headers=authorize())

    assert (head.status_code, head.data) == (200, b"")
    assert {**head.headers, "X-Request-ID": ""} == {**got.headers, "X-Request-ID": ""}
    assert client.head(path).status_code == 401


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "title"),
        ({"title": None}, "title"),
        ({"title": 7}, "title"),
        ({"title": " \t\n"}, "title"),
        ({"title": "x" * 256}, "title"),
        ({"title": "a\0b"}, "title"),
        ({"title": "\ud800"}, "title"),
        ({"title": "x", "description": "x" * 2001}, "description"),
        ({"title": "x", "description": "\0"}, "description"),
        ({"title": "x", "description": ["x"]}, "description"),
        ({"title": "x", "completed": 1}, "completed"),
        ({"title": "x", "completed": "true"}, "completed"),
        ({"title": "x", "completed": None}, "completed"),
        ({"title": "x", "user_id": "bob"}, "user_id"),
        ({"title": "x", "\udfff": 1}, "\udfff"),
        ([], "_schema"),
        (None, "_schema"),
        ("text", "_schema"),
        (1, "_schema"),
    ],
)
def test_a_body_of_the_wrong_shape_is_refused(
    client: FlaskClient, authorize: Authorize, create: Any, body: Any, field: str
) -> None:
    """422 names the member, on POST and on PUT alike."""
    path = create().headers["Location"]
    sent: Any = {"data": json.dumps(body), "content_type": "application/json", "headers": authorize()}

    for answer in (client.post(TASKS, **sent), client.put(path, **sent)):
        assert answer.status_code == 422
        assert list(body_of(answer)["errors"]["json"]) == [field]


@pytest.mark.parametrize(("title", "description"), [("x", ""), ("x" * 255, "y" * 2000), (" " + "🥛" * 255 + " ", None)])
def test_texts_at_their_limits_are_kept(create: Any, title: str, description: str | None) -> None:
    """Characters are counted, after trimming."""
    task = create(title, description=description).json

    assert (task["title"], task["description"]) == (title.strip(), description)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b'{"title": "x"} {}',
        b'{"title": "x", "title": "y"}',
        b'{"title": NaN}',
        b'{"title": "\xff"}',
        '{"title": "x"}'.encode("utf-16"),
        b'\xef\xbb\xbf{"title": "x"}',
        b"[" * 60_000,
        b'{"title": ' + b"9" * 5000 + b"}",
    ],
    ids=[
        "cut off",
        "no JSON",
        "two texts",
        "a member twice",
        "NaN",
        "not UTF-8",
        "UTF-16",
        "byte order mark",
        "deep",
        "endless number",
    ],
)
def test_what_is_not_one_json_text_is_refused(client: FlaskClient, authorize: Authorize, body: bytes) -> None:
    """400, whatever Python would have made of it."""
    answer = client.post(TASKS, data=body, content_type="application/json", headers=authorize())

    assert answer.status_code == 400
    assert answer.json == {"code": 400, "status": "Bad Request", "message": "The body is not valid JSON."}


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_content_type_is_refused(
    client: FlaskClient, authorize: Authorize, create: Any, content_type: str
) -> None:
    """415, and the task is not toggled: a body that was not read must not pass for none."""
    created = create()
    path = created.headers["Location"]

    answer = client.patch(
        f"{path}/complete", data='{"completed": false}', content_type=content_type, headers=authorize()
    )

    assert answer.status_code == 415
    assert client.get(path, headers=authorize()).json == created.json


def test_a_body_beyond_the_limit_is_refused(client: FlaskClient, authorize: Authorize) -> None:
    """413 before anything is parsed."""
    answer = client.post(TASKS, data=b"x" * (64 * 1024 + 1), content_type="application/json", headers=authorize())

    assert answer.status_code == 413
    assert body_of(answer)["status"] == "Request Entity Too Large"


def test_a_task_id_that_is_no_uuid_is_an_unknown_path(client: FlaskClient, authorize: Authorize) -> None:
    """The route says what an id is."""
    assert client.get(f"{TASKS}/1", headers=authorize()).status_code == 404


def test_the_views_ask_the_store_for_the_user_of_the_token(
    client: FlaskClient, authorize: Authorize, store: TaskStore
) -> None:
    """The tasks in the store belong to the user of the token."""
    client.post(TASKS, json={"title": "Mine"}, headers=authorize())

    assert [task.user_id for task in store.page("alice", limit=9).items] == ["alice"]


def test_more_tags_than_a_client_can_hold_versions_are_refused(client: FlaskClient, authorize: Authorize) -> None:
    """They would be as many parameters of one statement."""
    tags = ", ".join(f'"{number}"' for number in range(1, 52))

    answer = client.put(MISSING, json={"title": "x"}, headers=authorize(**{"If-Match": tags}))

    assert answer.status_code == 400
    assert body_of(answer)["message"] == "If-Match names too many versions."
