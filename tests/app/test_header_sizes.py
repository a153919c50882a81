"""The headers of every answer stay below 2 KiB, whatever clients send: proxies take more for a fault of the server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlencode, urljoin

import pytest
from flask.testing import FlaskClient
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.wrappers import Response

from app import create_app
from app.text_search import LONGEST_SEARCH
from auth.testing import TokenIssuer
from tests.support.tasks_api import SECRET, body_of

#: Bytes that the headers of an answer may take.
BOUND = 2048

#: What gunicorn puts in front of those of the app: status line, Server, Date and Connection.
GUNICORN = 160

ISSUER = TokenIssuer(SECRET)

#: User ids of one path segment, one of them longer than the service takes, and titles.
USER_IDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=256)
TITLES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=255)

#: Headers of a client's own whose text could come back in an answer.
MADE_UP = ("X-Request-ID", "X-Forwarded-Prefix", "X-Forwarded-Host", "If-None-Match", "Origin", "Referer", "Accept")


@pytest.fixture(scope="module")
def client(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """Return a client of a service that believes whatever the proxy in front says."""
    path = tmp_path_factory.mktemp("headers") / "tasks.sqlite3"
    path.write_bytes(migrated_file.read_bytes())
    settings = {"BETTER_AUTH_SECRET": SECRET, "DATABASE_URL": f"sqlite:///{path}", "TRUSTED_PROXIES": 1}
    app = create_app(settings | {"TRUST_FORWARDED_PREFIX": True})
    yield app.test_client()
    app.extensions["database"].engine.dispose()


def size_of(answer: Response) -> int:
    """Return the bytes of an answer's headers, as gunicorn sends them."""
    return GUNICORN + sum(len(f"{name}: {value}\r\n") for name, value in answer.headers)


@given(
    USER_IDS.filter(lambda user_id: user_id.strip(" .")),
    TITLES.filter(str.strip),
    st.sampled_from(["title", "-title", "created_at"]),
)
@example("alice", '"%' * 127, "title")
@example("alice", "\U0001f95b" * 255, "-title")
@example("\U0001f95b" * 255, "\x01" * 254 + "x", "title")
@example("\U0001f95b" * 255, "漢" * 60, "created_at")
def test_no_user_no_title_and_no_query_makes_long_headers(
    client: FlaskClient, user_id: str, title: str, sort: str
) -> None:
    """Of a list on its way there and back, and of new tasks, which are found where the answer says.

    Clients take "." and ".." out of a path before they send it (RFC 3986 §5.2.4), so users of that name are left out.
    """
    path, headers = f"/api/{quote(user_id, safe='')}/tasks", ISSUER.authorization(user_id)
    query = urlencode({"limit": "1", "q": title.strip()[:LONGEST_SEARCH], "sort": sort})
    answers = [client.post(path, json={"title": title}, headers=headers) for _ in range(3)]
    cursors = [""]

    for member in ("next", "next", "previous"):
        answers.append(client.get(f"{path}?{query}{cursors[-1]}", headers=headers))
        cursors.append(f"&cursor={body_of(answers[-1]).get(member)}")

    assert [size_of(answer) < BOUND for answer in answers] == [True] * 6
    if answers[0].status_code == 201:
        assert [answer.status_code for answer in answers] == [201] * 3 + [200] * 3
        assert client.get(urljoin(path, answers[0].headers["Location"]), headers=headers).json == answers[0].json
    for answer in answers:
        client.delete(urljoin(path, answer.headers.get("Location", "")), headers=headers)


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/docs/start.js", "/health", "/openapi.json", "/nowhere", "/api/{}/tasks"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "OPTIONS"])
@pytest.mark.parametrize("user_id", ["alice", "😀" * 255], ids=["short", "long"])
def test_no_header_of_a_client_makes_long_headers(client: FlaskClient, path: str, method: str, user_id: str) -> None:
    """Nothing of 8 KiB comes back, in an answer of whichever status; neither does a token."""
    headers = dict.fromkeys(MADE_UP, "/" + "x" * 8000)
    path = path.format(quote(user_id))

    for token in ({}, {"Authorization": f"Bearer {'x' * 8000}"}, ISSUER.authorization(user_id)):
        with client.open(path, method=method, headers=headers | token, json={"title": "x"}) as answer:
            assert size_of(answer) < BOUND


def test_ordinary_lists_and_tasks_have_their_links(client: FlaskClient) -> None:
    """Nobody misses a header for the sake of the bound."""
    headers = ISSUER.authorization("carol")
    for _ in range(3):
        created = client.post("/api/carol/tasks", json={"title": "漢" * 100}, headers=headers)
    query = urlencode({"limit": 1, "sort": "title", "completed": "false"})

    first = client.get(f"/api/carol/tasks?{query}", headers=headers)
    second = client.get(f"/api/carol/tasks?{query}&cursor={body_of(first)['next']}", headers=headers)

    assert created.headers["Location"] == f"/api/carol/tasks/{body_of(created)['id']}"
    assert [second.headers["Link"].count(f'rel="{rel}"') for rel in ("next", "prev", "first")] == [1, 1, 1]


def test_a_link_that_would_be_too_long_is_left_out(client: FlaskClient) -> None:
    """The body still says which pages there are."""
    headers = ISSUER.authorization("dave")
    for _ in range(3):
        client.post("/api/dave/tasks", json={"title": "漢" * 255}, headers=headers)

    answer = client.get("/api/dave/tasks", query_string={"limit": 1, "q": "漢" * LONGEST_SEARCH}, headers=headers)

    assert "Link" not in answer.headers
    assert body_of(answer)["next"] is not None
