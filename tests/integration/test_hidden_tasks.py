"""Tasks of another user, hidden, under gunicorn: byte for byte what a task is that nobody has."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

import pytest

from tests.support.gunicorn_server import ISSUER, PATIENCE, GunicornServer
from tests.support.lifetimes import A_DAY

TASK_ID = "0b5d7c1e-7a43-4f0e-9a36-6f1f0f4e2a11"

ALICE = f"Authorization: {ISSUER.authorization('alice', expires_in=A_DAY)['Authorization']}\r\n"
CAROL = ISSUER.authorization("carol", expires_in=A_DAY)

#: Method, the end of the path, more header fields, and the body.
REQUESTS: dict[str, tuple[str, str, str, str]] = {
    "GET": ("GET", "", "", ""),
    "HEAD": ("HEAD", "", "", ""),
    "OPTIONS": ("OPTIONS", "", "", ""),
    "PUT": ("PUT", "", "", '{"title": "Milk"}'),
    "PATCH": ("PATCH", "", "", '{"title": "Milk"}'),
    "DELETE": ("DELETE", "", "", ""),
    "POST": ("POST", "", "", '{"title": "Milk"}'),
    "complete": ("PATCH", "/complete", "", ""),
    "If-None-Match": ("GET", "", 'If-None-Match: "1"\r\n', ""),
    "If-None-Match: *": ("GET", "", "If-None-Match: *\r\n", ""),
    "If-Match": ("DELETE", "", 'If-Match: "1"\r\n', ""),
    "Range": ("GET", "", "Range: bytes=0-1\r\n", ""),
    "Origin": ("GET", "", "Origin: https://page.example\r\n", ""),
    "Accept": ("GET", "", "Accept: text/html\r\n", ""),
    "a query": ("GET", "?x=1", "", ""),
    "a request id": ("GET", "", "X-Request-ID: r1\r\n", ""),
    "close": ("GET", "", "Connection: close\r\n", ""),
}


@pytest.fixture(scope="module", params=["", "1000/minute"], ids=["", "with rate limits"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GunicornServer]:
    """Yield the service, in which carol has a task and alice has none."""
    folder = tmp_path_factory.mktemp("hidden")
    limits = {"FLASK_RATE_LIMIT_USER": request.param, "FLASK_RATE_LIMIT_ADDRESS": request.param}
    variables = {name: value for name, value in limits.items() if value}
    with GunicornServer(folder, settings={"wsgi_app": "tests.support.hiding_tasks:app"}, **variables) as server:
        status, _ = server.call("POST", "/api/carol/tasks", {"title": "Secret", "id": TASK_ID}, CAROL)
        assert status == 201
        yield server


def raw(service: GunicornServer, request: str) -> str:
    """Return an answer as it comes, up to the end of the connection or of what the server sends."""
    with socket.create_connection(("127.0.0.1", service.port), PATIENCE) as connection:
        connection.sendall(request.encode())
        connection.shutdown(socket.SHUT_WR)
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts).decode()


def ask(service: GunicornServer, user: str, name: str) -> str:
    """Return the answer to a request of alice, without the time and the id of the request."""
    method, end, headers, body = REQUESTS[name]
    content = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    path = f"/api/{user}/tasks/{TASK_ID}{end}"
    answer = raw(service, f"{method} {path} HTTP/1.1\r\nHost: tasks.example\r\n{ALICE}{headers}{content}\r\n{body}")
    return re.sub(r"(?m)^(Date|X-Request-ID): .*\r\n", "", answer)


@pytest.mark.parametrize("name", REQUESTS)
def test_a_task_of_another_user_is_like_a_task_that_nobody_has(service: GunicornServer, name: str) -> None:
    """Of alice there is none under this id, and carol has one; only the time and the id of the request differ."""
    unknown, hidden = (ask(service, user, name) for user in ("alice", "carol"))

    assert hidden == unknown
    status = re.match(r"HTTP/1\.1 (\d+) ", unknown)
    assert status is not None
    assert status[1] == {"OPTIONS": "200", "POST": "405"}.get(name, "404")


def test_the_owner_still_has_the_task(service: GunicornServer) -> None:
    """It was neither changed nor deleted, and the log of the service tells who tried."""
    status, task = service.call("GET", f"/api/carol/tasks/{TASK_ID}", None, CAROL)

    assert (status, task["title"], task["completed"]) == (200, "Secret", False)
    assert 'access refused: error="not_owner" status=403' in service.log.read_text()
