"""What is refused before the database is asked: values beyond their limits, and what is not text. Always 4xx."""

from __future__ import annotations

import itertools
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from tests.support.tasks_api import ID, TASK, TASKS, body_of, send

#: None of it gets as far as the database.
DATABASES = ("sqlite",)

#: Valid JSON and no text.
NO_TEXT = {"NUL": "a\0b", "high surrogate": "a\ud800b", "low surrogate": "\udfff", "swapped pair": "\udc00\ud800"}

#: What only Python takes for a digit.
DIGIT = "\N{ARABIC-INDIC DIGIT THREE}"

#: Other types than a text.
NO_STRINGS: list[Any] = [1, 1.5, True, [], ["a"], {}, {"a": "b"}]

#: Writes with a JSON body.
WRITES = [("POST", TASKS), ("PUT", TASK), ("PATCH", TASK), ("PATCH", f"{TASK}/complete")]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
@pytest.mark.parametrize("character", ["x", "😀", "\u0301"], ids=ascii)
@pytest.mark.parametrize(("field", "length"), [("title", 256), ("description", 2001)])
def test_texts_beyond_their_limits_are_refused(
    client: FlaskClient, headers: dict[str, str], task: str, method: str, character: str, field: str, length: int
) -> None:
    """By the name of the field."""
    body = {"title": "x", field: character * length}

    answer = send(client, headers, body, at=TASKS if method == "POST" else task, method=method)

    assert answer.status_code == 422
    assert list(body_of(answer)["errors"]["json"]) == [field]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
@pytest.mark.parametrize("text", NO_TEXT.values(), ids=NO_TEXT)
@pytest.mark.parametrize("field", ["title", "description", "id", "completed", "nobody knows"])
def test_what_is_no_text_is_refused_wherever_it_stands(
    client: FlaskClient, headers: dict[str, str], task: str, method: str, text: str, field: str
) -> None:
    """No database could keep it, no client could read it."""
    at = TASKS if method == "POST" else task

    assert send(client, headers, {"title": "x", field: text}, at=at, method=method).status_code == 422
    assert send(client, headers, {"title": "x", text: field}, at=at, method=method).status_code == 422


@pytest.mark.parametrize("value", NO_STRINGS, ids=repr)
@pytest.mark.parametrize("field", ["title", "description", "id"])
def test_other_types_are_no_text(client: FlaskClient, headers: dict[str, str], field: str, value: object) -> None:
    """Nothing is converted."""
    assert send(client, headers, {"title": "x", field: value}).status_code == 422


@pytest.mark.parametrize("value", [0, 1, "true", "false", "yes", "", None, [], [True], {}], ids=repr)
def test_completed_is_true_or_false(client: FlaskClient, headers: dict[str, str], task: str, value: object) -> None:
    """And nothing that is like one of them."""
    for method, path in WRITES:
        body = {"completed": value} if path.endswith("complete") else {"title": "x", "completed": value}

        assert send(client, headers, body, at=path, method=method).status_code == 422


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "0",
        ID[:-1],
        ID + "0",
        f" {ID}",
        f"{ID}\n",
        f"{{{ID}}}",
        f"urn:uuid:{ID}",
        ID.replace("-", ""),
        ID.replace("0", DIGIT),
        ID.replace("b", "g"),
        "../../bob/tasks",
        "' OR 1=1 --",
    ],
    ids=ascii,
)
def test_an_id_that_is_no_uuid_is_refused_or_not_found(
    client: FlaskClient, headers: dict[str, str], task: str, value: str
) -> None:
    """In the body 422; in the path such a task never was."""
    path = f"{TASKS}/{quote(value, safe='')}"

    assert send(client, headers, {"title": "x", "id": value}).status_code == 422
    # With slashes, what stands in front of the last /tasks is the id of another user.
    unknown = 403 if value.endswith("/tasks") else 404
    assert client.get(path, headers=headers).status_code == unknown
    assert client.delete(path, headers=headers).status_code in (unknown, 405)
    assert client.get(task, headers=headers).status_code == 200


DEEP = {
    "lists": "[" * 30000 + "]" * 30000,
    "open lists": "[" * 65000,
    "objects": '{"a":' * 10000 + "1" + "}" * 10000,
    "below the limit of Python": "[" * 900 + "]" * 900,
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_deep_json_is_refused(client: FlaskClient, headers: dict[str, str], task: str, text: str) -> None:
    """As the whole body and as the value of a field."""
    for (method, path), body in itertools.product(WRITES, (text, f'{{"title":{text[:65000]}}}')):
        answer = client.open(path, method=method, data=body, headers=headers, content_type="application/json")

        assert answer.status_code in (400, 422)


BODIES = {
    "nothing but space": b"  \n",
    "two texts": b'{"title": "a"} {"title": "b"}',
    "a byte order mark": b'\xef\xbb\xbf{"title": "a"}',
    "UTF-16": '{"title": "a"}'.encode("utf-16"),
    "Latin-1": '{"title": "é"}'.encode("latin-1"),
    "an overlong NUL": b'{"title": "\xc0\x80"}',
    "a surrogate in UTF-8": b'{"title": "\xed\xa0\x80"}',
    "a control character": b'{"title": "\x01"}',
    "single quotes": b"{'title': 'a'}",
    "a comment": b'{"title": "a"} // b',
    "NaN": b'{"title": NaN}',
    "Infinity": b'{"title": "a", "completed": -Infinity}',
    "a number of 5000 digits": b'{"title": ' + b"9" * 5000 + b"}",
    "a member that comes twice": b'{"title": "a", "title": "b"}',
    "the same in other letters": b'{"title": "a", "\\u0074itle": "b"}',
    "one that comes twice further in": b'{"title": {"a": 1, "a": 1}}',
    "an unknown one that comes twice": b'{"title": "a", "x": 1, "x": 1}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_what_two_parsers_could_read_differently_is_400(
    client: FlaskClient, headers: dict[str, str], task: str, body: bytes
) -> None:
    """Before anybody asks what it means."""
    for method, path in WRITES:
        answer = client.open(path, method=method, data=body, headers=headers, content_type="application/json")

        assert (answer.status_code, body_of(answer)["message"]) == (400, "The body is not valid JSON.")


@pytest.mark.parametrize("number", ["1e999", "-0.0", "1E400", "0.1e-9999"])
def test_numbers_beyond_all_bounds_are_no_text(client: FlaskClient, headers: dict[str, str], number: str) -> None:
    """Valid JSON of another type."""
    body = f'{{"title": {number}}}'

    assert client.post(TASKS, data=body, headers=headers, content_type="application/json").status_code == 422


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "nonsense",
        "text/plain",
        "text/json",
        "text/html",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/json, text/plain",
        "application/jsonp",
        "APPLICATION",
        "/",
        ";",
    ],
)
def test_another_content_type_is_415(
    client: FlaskClient, headers: dict[str, str], task: str, content_type: str | None
) -> None:
    """A page of somebody else's can send those without asking."""
    for method, path in WRITES:
        answer = client.open(path, method=method, data=b'{"title": "x"}', headers=headers, content_type=content_type)

        assert answer.status_code == 415


@pytest.mark.parametrize(
    "query",
    [
        *(
            f"limit={value}"
            for value in ("0", "201", "-1", "1.0", "1e2", "%2B1", "", "9" * 5000, DIGIT, "1_0", "0x10", "%00")
        ),
        *(f"completed={value}" for value in ("1", "True", "TRUE", "yes", "", "null", "%00")),
        *(f"sort={value}" for value in ("", "id", "--title", "-", "title,id", "user_id", "TITLE", "%00")),
        *(f"q={value}" for value in ("", "%00", "a%00b", "x" * 256)),
        *(f"cursor={value}" for value in ("", "%00", "A" * 5000, "..", "null", "%FF", "é")),
        "nobody=knows",
        "limit[]=1",
        "%00=%00",
        "=",
    ],
)
def test_a_hostile_query_is_422(client: FlaskClient, headers: dict[str, str], query: str) -> None:
    """And tells which part of it is wrong."""
    answer = client.get(f"{TASKS}?{query}", headers=headers)

    assert answer.status_code == 422
    assert body_of(answer)["errors"]["query"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/%FF/tasks",
        "/api/%00/tasks",
        "/api/alice%00/tasks",
        "/api/alice/tasks/%FF",
        "/api/alice/tasks/%00",
        "/api/alice/tasks/../tasks",
        "/api/alice/tasks/%2e%2e/tasks",
        "/api/%2e%2e/tasks",
        "/api//tasks",
        "//api/alice/tasks",
        "/api/alice/tasks/",
        "/api/alice/tasks%2F",
        "/api/ALICE/tasks",
        "/api/alice /tasks",
        "/api/%C3%A0lice/tasks",
        "/api/" + "a" * 60000 + "/tasks",
        "/api/alice/tasks/" + "0" * 60000,
        "/" + "a/" * 10000,
    ],
    ids=lambda path: path[:30],
)
def test_a_hostile_path_is_nobodys(client: FlaskClient, headers: dict[str, str], task: str, path: str) -> None:
    """404 or 405, or 403 where it names another user."""
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        assert client.open(path, method=method, headers=headers).status_code in (403, 404, 405)
    assert body_of(client.get(TASKS, headers=headers))["items"][0]["title"] == "Here"
