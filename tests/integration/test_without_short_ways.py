"""The service without ``app/fast`` under a real gunicorn: the plain way is complete."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.environments import ROOT, run
from tests.support.gunicorn_server import ISSUER, GunicornServer
from tests.support.postgresql import running_postgresql
from tests.support.trees import copied_service, without_short_ways

TASKS = "/api/alice/tasks"


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[GunicornServer]:
    """Return a server whose tree has no short ways; it has migrated its SQLite itself."""
    service = without_short_ways(copied_service(tmp_path))
    if request.param == "sqlite":
        with GunicornServer(tmp_path, root=service) as server:
            yield server
        return
    with running_postgresql() as postgresql:
        url = postgresql.role_url(postgresql.migrated_database())
        with GunicornServer(tmp_path, root=service, database=False, DATABASE_URL=url) as server:
            yield server


def test_the_service_works_without_its_short_ways(server: GunicornServer) -> None:
    """Every operation on tasks, the wall between users, and an orderly end."""
    alice, bob = ISSUER.authorization("alice"), ISSUER.authorization("bob")

    created, task = server.call("POST", TASKS, {"title": "Buy milk"}, alice)
    path = f"{TASKS}/{task['id']}"
    replaced, _ = server.call("PUT", path, {"title": "Buy tea"}, alice)
    changed, _ = server.call("PATCH", path, {"description": "Green."}, alice)
    completed, task = server.call("PATCH", f"{path}/complete", None, alice)

    assert (created, replaced, changed, completed) == (201, 200, 200, 200)
    assert (task["title"], task["description"], task["completed"]) == ("Buy tea", "Green.", True)
    assert server.call("GET", path, headers=alice) == (200, task)
    assert server.call("GET", f"{TASKS}?q=tea", headers=alice)[1]["items"] == [task]
    assert server.call("GET", f"{TASKS}/summary", headers=alice)[1]["total"] == 1
    assert server.call("GET", path, headers=bob)[0] == 403
    assert server.call("GET", path.replace("alice", "bob"), headers=bob)[0] == 404
    assert server.call("DELETE", path, headers=alice) == (204, None)
    assert server.call("GET", path, headers=alice)[0] == 404
    assert server.call("POST", TASKS, {"title": "x" * 100_000}, alice)[0] == 413


def test_the_layers_hold_without_the_short_ways(tmp_path: Path) -> None:
    """Who deletes the folder does not have to change what is checked."""
    service = without_short_ways(copied_service(tmp_path))
    shutil.copy(ROOT / "pyproject.toml", service)

    said = run([Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"], cwd=service)

    assert "0 broken" in said


def test_a_body_that_a_client_holds_back_is_asked_for(server: GunicornServer) -> None:
    """gunicorn's own worker asks for it at once, and the service does not ask a second time."""
    body = b'{"title": "Buy milk"}'
    head = [
        f"POST {TASKS} HTTP/1.1",
        "Host: localhost",
        "Connection: close",
        "Content-Type: application/json",
        "Expect: 100-continue",
        f"Content-Length: {len(body)}",
        f"Authorization: {ISSUER.authorization('alice')['Authorization']}",
    ]

    answer = server.exchange("\r\n".join([*head, "", ""]).encode() + body)

    assert answer.count(b"HTTP/1.1 100 Continue\r\n") == 1
    assert b"HTTP/1.1 201 CREATED\r\n" in answer
