"""Lists over HTTP: pages and the links between them, cursors of every bad kind, parameters, and the summary."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from app.response_headers import LONGEST_HEADER
from app.tasks.models import Task
from app.tasks.pages import TITLE_START, Cursor, Sort
from app.tasks.store import TaskStore
from app.tasks.views import _links_to
from tests.support.tasks_api import TASKS, Authorize, body_of


def links_of(answer: TestResponse) -> dict[str, str]:
    """Return the pages an answer leads to (RFC 8288)."""
    found = re.findall(r'<([^>]*)>; rel="(\w+)"', answer.headers.get("Link", ""))
    return {rel: url for url, rel in found}


def follow(client: FlaskClient, headers: dict[str, str], path: str | None, rel: str) -> list[TestResponse]:
    """Return all pages from one on, as links lead from one to the next."""
    answers = []
    while path:
        answers.append(client.get(path, headers=headers))
        path = links_of(answers[-1]).get(rel)
    return answers


def titles_of(answers: list[TestResponse]) -> list[list[str]]:
    """Return the titles page by page."""
    return [[task["title"] for task in body_of(answer)["items"]] for answer in answers]


def test_pages_follow_each_other_by_link(client: FlaskClient, authorize: Authorize, create: Any) -> None:
    """Forth and back, and to the beginning from everywhere but there; the links keep every other parameter."""
    titles = [create(f"Task {number}").json["title"] for number in range(5)]
    query = "limit=2&q=task&sort=created_at&completed=false"

    forth = follow(client, authorize(), f"{TASKS}?{query}", "next")
    back = follow(client, authorize(), links_of(forth[-2])["next"], "prev")

    assert titles_of(forth) == [titles[:2], titles[2:4], titles[4:]]
    assert titles_of(back) == titles_of(forth)[::-1]
    assert [list(links_of(answer)) for answer in forth] == [["next"], ["next", "prev", "first"], ["prev", "first"]]
    assert {links_of(answer)["first"] for answer in forth[1:]} == {f"{TASKS}?{query}"}


@pytest.mark.parametrize("sort", list(Sort))
def test_the_members_of_a_page_and_its_links_say_the_same(
    client: FlaskClient, authorize: Authorize, create: Any, sort: Sort
) -> None:
    """``next`` and ``previous`` are what a client hands back as ``cursor``; null where there is no page."""
    for title in ("a", "b", "c"):
        create(title)
    path = f"{TASKS}?limit=1&sort={sort}"

    pages = follow(client, authorize(), path, "next")

    assert [body_of(page)["previous"] is None for page in pages] == [True, False, False]
    assert [body_of(page)["next"] is None for page in pages] == [False, False, True]
    for page in pages:
        for member, rel in (("next", "next"), ("previous", "prev")):
            cursor = body_of(page)[member]
            assert links_of(page).get(rel) == (f"{path}&cursor={cursor}" if cursor else None)
    again = client.get(f"{path}&cursor={body_of(pages[2])['previous']}", headers=authorize())
    assert body_of(again)["items"] == body_of(pages[1])["items"]


def test_a_user_id_that_needs_escaping_stays_so_in_links(client: FlaskClient, authorize: Authorize) -> None:
    """And cannot break out of the header."""
    user_id = 'a>; rel="next", <evil.example?&'
    path = f"/api/{quote(user_id, safe='')}/tasks"
    for _ in range(2):
        assert client.post(path, json={"title": "x"}, headers=authorize(user_id)).status_code == 201

    answer = client.get(f"{path}?limit=1&q=x", headers=authorize(user_id))

    link = answer.headers["Link"]
    assert link.count("<") == link.count(">") == link.count('rel="') == 1
    assert client.get(links_of(answer)["next"], headers=authorize(user_id)).status_code == 200


@pytest.mark.parametrize(("limit", "found"), [(1, 1), (2, 2), (3, 3), (200, 3)])
def test_a_page_holds_at_most_as_many_tasks_as_wanted(
    client: FlaskClient, authorize: Authorize, create: Any, limit: int, found: int
) -> None:
    """From 1 to 200; there is a next page exactly where tasks are left."""
    for _ in range(3):
        create()

    answer = client.get(f"{TASKS}?limit={limit}", headers=authorize())

    assert len(body_of(answer)["items"]) == found
    assert (body_of(answer)["next"] is None) == (found == 3)


def test_a_list_without_a_limit_shows_fifty(client: FlaskClient, authorize: Authorize, store: TaskStore) -> None:
    """The fifty-first is on the next page."""
    for _ in range(51):
        store.create("alice", {"title": "x", "description": None, "completed": False})

    pages = follow(client, authorize(), TASKS, "next")

    assert [len(body_of(page)["items"]) for page in pages] == [50, 1]


@pytest.mark.parametrize("wanted", ["true", "false"])
def test_a_list_can_be_narrowed(client: FlaskClient, authorize: Authorize, create: Any, wanted: str) -> None:
    """To completed tasks or to open ones."""
    create("true", completed=True)
    create("false")

    answer = client.get(f"{TASKS}?completed={wanted}", headers=authorize())

    assert titles_of([answer]) == [[wanted]]


def test_a_cursor_with_a_character_changed_is_refused_or_shows_ones_own_tasks(
    client: FlaskClient, authorize: Authorize, store: TaskStore
) -> None:
    """422, or a page of the user's own; never an error of ours, never somebody else's tasks."""
    for user_id in ("alice", "bob", "alice", "bob"):
        store.create(user_id, {"title": "x", "description": None, "completed": False})
    cursor = body_of(client.get(f"{TASKS}?limit=1", headers=authorize()))["next"]
    statuses = set()

    for place in range(0, len(cursor), 3):
        tampered = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        answer = client.get(f"{TASKS}?cursor={tampered}", headers=authorize())
        statuses.add(answer.status_code)
        assert {task["user_id"] for task in body_of(answer).get("items", [])} <= {"alice"}

    assert statuses <= {200, 422}
    assert 422 in statuses


def test_another_users_cursor_shows_ones_own_tasks_alone(
    client: FlaskClient, authorize: Authorize, create: Any
) -> None:
    """It grants nothing, and whether the task it was made of is there makes no difference."""
    mine = create("Mine").json
    theirs = client.post("/api/bob/tasks", json={"title": "x"}, headers=authorize("bob"))
    path = f"{TASKS}?cursor={Cursor.at(task_of(theirs.json), Sort.NEWEST, backward=False).dump()}"

    before = client.get(path, headers=authorize())
    client.delete(theirs.headers["Location"], headers=authorize("bob"))
    after = client.get(path, headers=authorize())

    assert before.json == after.json
    assert body_of(before)["items"] == [mine]


def task_of(body: Any) -> Task:
    """Return the task a body shows."""
    times = {name: datetime.fromisoformat(body[name]) for name in ("created_at", "updated_at")}
    return Task(**{**body, **times, "id": UUID(body["id"])}, version=1)


def test_the_summary_counts_without_a_list(
    client: FlaskClient, authorize: Authorize, create: Any, statements: list[str]
) -> None:
    """One statement, and each user's own tasks."""
    client.post("/api/bob/tasks", json={"title": "x"}, headers=authorize("bob"))
    for completed in (True, False, False):
        create(completed=completed)
    statements.clear()

    answer = client.get(f"{TASKS}/summary", headers=authorize())

    assert (answer.status_code, answer.json) == (200, {"total": 3, "open": 2, "completed": 1})
    assert len(statements) == 1
    nobody = client.get("/api/carol/tasks/summary", headers=authorize("carol"))
    assert nobody.json == {"total": 0, "open": 0, "completed": 0}


def test_lists_are_newest_first(client: FlaskClient, authorize: Authorize, create: Any) -> None:
    """Without being asked."""
    for title in ("first", "second"):
        create(title)

    answer = client.get(TASKS, headers=authorize())

    assert [task["title"] for task in body_of(answer)["items"]] == ["second", "first"]
    assert body_of(answer)["next"] is None


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=-1", "limit"),
        ("limit=50.0", "limit"),
        ("limit=1_0", "limit"),
        ("limit=%D9%A3", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("limit=", "limit"),
        ("completed=yes", "completed"),
        ("sort=version", "sort"),
        ("sort=--title", "sort"),
        ("q=%00", "q"),
        ("q=", "q"),
        ("q=" + "x" * 101, "q"),
        ("cursor=nonsense", "cursor"),
        ("cursor=", "cursor"),
        ("colour=red", "colour"),
        ("%ff=1", "%FF"),
    ],
)
def test_a_query_nobody_can_mean_is_refused(
    client: FlaskClient, authorize: Authorize, statements: list[str], query: str, field: str
) -> None:
    """422 names the parameter, and the database is not asked."""
    answer = client.get(f"{TASKS}?{query}", headers=authorize())

    assert answer.status_code == 422
    assert list(body_of(answer)["errors"]["query"]) == [field]
    assert statements == []


def test_a_cursor_of_another_order_is_refused(client: FlaskClient, authorize: Authorize, create: Any) -> None:
    """It would skip tasks or show them twice."""
    for _ in range(2):
        create()
    cursor = body_of(client.get(f"{TASKS}?limit=1", headers=authorize()))["next"]

    answer = client.get(f"{TASKS}?limit=1&sort=title&cursor={cursor}", headers=authorize())

    assert answer.status_code == 422
    assert body_of(answer)["errors"] == {"query": {"cursor": ["Belongs to a list in another order."]}}


def test_a_place_that_cannot_be_found_again_is_refused(client: FlaskClient, authorize: Authorize, create: Any) -> None:
    """A page that began behind a long title, which is gone while others begin like it; the answer says what to do."""
    for end in ("a", "b", "c"):
        create("x" * TITLE_START + end)
    page = client.get(f"{TASKS}?limit=2&sort=title", headers=authorize())
    path = f"{TASKS}?limit=2&sort=title&cursor={body_of(page)['next']}"
    found = client.get(path, headers=authorize())
    client.delete(f"{TASKS}/{body_of(page)['items'][1]['id']}", headers=authorize())

    answer = client.get(path, headers=authorize())

    assert [task["title"][-1] for task in body_of(found)["items"]] == ["c"]
    assert (answer.status_code, body_of(answer)) == (
        422,
        {
            "code": 422,
            "status": "Unprocessable Entity",
            "message": "The task where this page begins has changed: begin again without a cursor.",
            "errors": {"query": {"cursor": ["Not the cursor of a page any more."]}},
        },
    )


@given(
    user_id=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1),
    query=st.dictionaries(st.sampled_from(["limit", "q", "sort"]), st.text()),
)
def test_links_are_what_flask_would_build(user_id: str, query: dict[str, Any]) -> None:
    """Whatever is in the user id and in the parameters."""
    app = Flask("links")
    app.add_url_rule("/api/<user_id>/tasks", "tasks")
    path = f"/api/{quote(user_id, safe='')}/tasks"

    with app.test_request_context(path, query_string=query):
        links = _links_to({"next": "abc", "previous": None})
        expected = f'<{url_for("tasks", user_id=user_id, **query, cursor="abc")}>; rel="next"'

        assert links == ({"Link": expected} if len(expected) <= LONGEST_HEADER else {})


@pytest.mark.parametrize(
    ("prefix", "shown"), [("/todo", "/todo"), ("/my%20app", "/my%20app"), ("/my app", "/my%20app")]
)
def test_links_lead_back_through_the_prefix_of_a_proxy(prefix: str, shown: str) -> None:
    """Which may be quoted already, as it stands in the URL."""
    context = Flask("links").test_request_context("/api/alice/tasks", environ_overrides={"SCRIPT_NAME": prefix})

    with context:
        links = _links_to({"next": "abc", "previous": None})

    assert links == {"Link": f'<{shown}/api/alice/tasks?cursor=abc>; rel="next"'}
