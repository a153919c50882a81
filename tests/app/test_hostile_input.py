"""What no honest client sends and the database meets all the same: it comes back as it was, or matches nothing."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from app.text_search import LONGEST_SEARCH
from tests.support.tasks_api import ID, TASKS, body_of, send

#: What fills a field to its limit: one byte, two, four, combining marks, and what a query language or a page minds.
CHARACTERS = ["x", "é", "😀", "\u0301", "'", '"', "%", "\\", "<", "\u202e", "\x7f", "\ufffe"]


@pytest.mark.parametrize("character", CHARACTERS, ids=ascii)
def test_texts_at_their_limits_come_back_as_they_were(
    client: FlaskClient, headers: dict[str, str], character: str
) -> None:
    """Counted in characters, whatever they take in bytes; they are found again, too."""
    content = {"title": character * 255, "description": character * 2000}

    created = send(client, headers, content)
    query = {"q": content["title"][:LONGEST_SEARCH], "sort": "title", "limit": 1}
    found = client.get(TASKS, query_string=query, headers=headers)

    assert created.status_code == 201
    assert {name: body_of(created)[name] for name in content} == content
    assert body_of(found)["items"] == [body_of(created)]


@pytest.mark.parametrize(
    "text", [ID.upper(), "00000000-0000-0000-0000-000000000000", "f" * 8 + "-ffff" * 3 + "-" + "f" * 12]
)
def test_any_uuid_is_an_id(client: FlaskClient, headers: dict[str, str], text: str) -> None:
    """Upper case is the same one."""
    created = send(client, headers, {"title": "x", "id": text})

    assert created.status_code == 201
    assert body_of(created)["id"] == text.lower()
    assert client.get(created.headers["Location"], headers=headers).status_code == 200


@pytest.mark.parametrize(
    "query", ["limit=1", "limit=200", "limit=0001", "q=%FF", "q=%ED%A0%80", "q=%25", "q=_", "q=%5C", "&&&"]
)
def test_an_odd_query_is_no_hostile_one(client: FlaskClient, headers: dict[str, str], task: str, query: str) -> None:
    """Bytes that are no UTF-8 are text that no task has."""
    answer = client.get(f"{TASKS}?{query}", headers=headers)

    assert answer.status_code == 200
    assert len(body_of(answer)["items"]) == (0 if query.startswith("q=") else 1)


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
@pytest.mark.parametrize(
    "value",
    ["", '""', 'W/""', '"', "x", "W/", ",,,", '"a", "", "b"', '"0"', '"-1"', '"1e3"', '"' + "9" * 4000 + '"', '"\xff"'],
)
def test_hostile_entity_tags_match_nothing(
    client: FlaskClient, headers: dict[str, str], task: str, header: str, value: str
) -> None:
    """They are no reason for a fault, nor for a write."""
    method, expected = ("DELETE", 412) if header == "If-Match" else ("GET", 200)

    answer = client.open(task, method=method, headers={**headers, header: value})

    assert answer.status_code == expected
