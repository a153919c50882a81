"""The service under gunicorn, as it runs in production: restart, crash, and the edges of HTTP."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.environments import run
from tests.support.gunicorn_server import ISSUER, PATIENCE, GunicornServer
from tests.support.lifetimes import A_DAY

TASKS = "/api/alice/tasks"
ALICE = ISSUER.authorization("alice", expires_in=A_DAY)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GunicornServer]:
    """Return a running server, shared by the tests that do it no harm."""
    with GunicornServer(tmp_path_factory.mktemp("server")) as server:
        yield server


def titles(server: GunicornServer) -> set[str]:
    """Return the titles of all of alice's tasks."""
    found: set[str] = set()
    cursor = ""
    while True:
        status, page = server.call("GET", f"{TASKS}?limit=200{cursor}", headers=ALICE)
        assert status == 200
        found |= {task["title"] for task in page["items"]}
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


def test_a_task_is_created_and_listed(server: GunicornServer) -> None:
    """And neither strangers nor other users see it."""
    created, task = server.call("POST", TASKS, {"title": "Buy milk"}, ALICE)
    listed, page = server.call("GET", TASKS, headers=ALICE)

    assert (created, listed) == (201, 200)
    assert task in page["items"]
    assert server.call("GET", TASKS)[0] == 401
    assert server.call("GET", TASKS, headers=ISSUER.authorization("bob"))[0] == 403


def test_what_the_settings_leave_open_is_said_once(server: GunicornServer) -> None:
    """By the server, in names the operator has, and not by each process or by commands that serve nobody."""
    left_open = [line for line in server.log.read_text().splitlines() if " is not set: " in line]
    command = [sys.executable, "-m", "flask", "--app", "wsgi:app"]

    said = [
        run([*command, *arguments], settings=server.variables) for arguments in (["db", "current"], ["auth", "routes"])
    ]

    assert len(server.workers()) == 2
    assert [line.partition("WARNING flask_resource_server ")[2] for line in left_open] == [
        "BETTER_AUTH_URL is not set: any token signed with BETTER_AUTH_SECRET is accepted, from any issuer.",
        "BETTER_AUTH_URL is not set: tokens that name no audience are accepted, even tokens for another service.",
    ]
    assert not any("is not set" in text for text in said)


def test_tasks_outlive_a_restart(tmp_path: Path) -> None:
    """They are in the database, not in the process."""
    with GunicornServer(tmp_path) as server:
        _, task = server.call("POST", TASKS, {"title": "Still here"}, ALICE)

    with GunicornServer(tmp_path) as server:
        status, page = server.call("GET", TASKS, headers=ALICE)

    assert (status, page["items"]) == (200, [task])


def test_killed_workers_lose_no_acknowledged_write(tmp_path: Path) -> None:
    """kill -9 in the middle of a stream of writes: whatever was answered with 201 is there afterwards."""
    acknowledged: set[str] = set()
    stop = threading.Event()

    def write(server: GunicornServer, writer: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            title = f"{writer}-{number}"
            try:
                status, _ = server.call("POST", TASKS, {"title": title}, ALICE)
            except (OSError, http.client.HTTPException):
                continue
            if status == 201:
                acknowledged.add(title)

    with GunicornServer(tmp_path) as server:
        writers = [threading.Thread(target=write, args=(server, number)) for number in range(4)]
        for writer in writers:
            writer.start()
        killed = kill_workers(server, acknowledged, times=3)
        stop.set()
        for writer in writers:
            writer.join(PATIENCE)
        server.wait_until_ready()
        kept = titles(server)

    assert killed == 3
    assert len(acknowledged) >= 40
    assert acknowledged <= kept


def kill_workers(server: GunicornServer, acknowledged: set[str], *, times: int) -> int:
    """Kill a worker each time some more writes were acknowledged; return how many were killed."""
    killed = 0
    deadline = time.monotonic() + PATIENCE
    while killed < times and time.monotonic() < deadline:
        workers = server.workers()
        if workers and len(acknowledged) >= 10 * (killed + 1):
            os.kill(workers[0], signal.SIGKILL)
            killed += 1
        time.sleep(0.02)
    while len(acknowledged) < 10 * (times + 1) and time.monotonic() < deadline:
        time.sleep(0.02)
    return killed


@pytest.mark.parametrize(
    "token", [pytest.param("x" * 8192, id="as long as allowed"), pytest.param("x" * 12000, id="longer than allowed")]
)
def test_a_long_token_is_refused_by_the_app_and_not_by_gunicorn(server: GunicornServer, token: str) -> None:
    """401 with the error in JSON, where gunicorn would say 400 in HTML."""
    status, body = server.call("GET", TASKS, headers={"Authorization": f"Bearer {token}"})

    assert (status, body["error"]) == (401, "malformed_token")


def test_two_authorization_headers_are_a_malformed_request(server: GunicornServer) -> None:
    """RFC 6750 §2, by way of a socket: no client library would send it."""
    token = ALICE["Authorization"]
    raw = (
        f"GET {TASKS} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Authorization: {token}\r\nAuthorization: {token}\r\n\r\n"
    )

    head, _, body = server.exchange(raw.encode()).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["error"] == "malformed_request"


def test_a_body_that_is_too_long_is_refused_before_it_is_read(server: GunicornServer) -> None:
    """413 while the client still has ten megabytes to send."""
    raw = (
        f"POST {TASKS} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
        f"Content-Length: 10000000\r\nAuthorization: {ALICE['Authorization']}\r\n\r\n"
    )

    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        connection.sendall(raw.encode())
        answer = connection.recv(65536)

    assert answer.startswith(b"HTTP/1.1 413 ")


def test_the_log_holds_neither_paths_nor_tokens(server: GunicornServer) -> None:
    """Not even of a request that is refused."""
    server.call("GET", "/api/typed-by-a-client/tasks", headers=ALICE)

    log = server.log.read_text()

    assert "not_owner" in log
    assert "typed-by-a-client" not in log
    assert ALICE["Authorization"].split()[1] not in log


def test_json_logs_are_json_from_the_first_line_to_the_last(tmp_path: Path) -> None:
    """gunicorn's own lines as well as the app's."""
    with GunicornServer(tmp_path, FLASK_LOG_FORMAT="json") as server:
        server.call("GET", TASKS)

    lines = [json.loads(line) for line in server.log.read_text().splitlines()]

    assert {"gunicorn.error", "flask_resource_server.audit"} <= {line["logger"] for line in lines}
    assert all({"time", "level", "message"} <= line.keys() for line in lines)


def test_forwarded_headers_are_believed_only_where_proxies_are_named(tmp_path: Path) -> None:
    """A client that says it came by https is not believed; one proxy's word is, where the settings name it."""
    asked = b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n"

    with GunicornServer(tmp_path) as server:
        wary = server.exchange(asked)
    with GunicornServer(tmp_path, FLASK_TRUSTED_PROXIES="1") as server:
        trusting = server.exchange(asked)

    assert b"Strict-Transport-Security" not in wary
    assert b"Strict-Transport-Security" in trusting


def raw(token: str, *lines: str, body: str = "") -> bytes:
    """Return a request to create a task, with further header lines."""
    head = ["POST /api/alice/tasks HTTP/1.1", "Host: localhost", f"Authorization: Bearer {token}"]
    return "\r\n".join([*head, "Content-Type: application/json", "Connection: close", *lines, "", body]).encode()


def test_a_body_that_breaks_off_or_does_not_end_is_the_clients_fault(tmp_path: Path) -> None:
    """A broken chunk is 400, a chunked body beyond the limit 413: never 5xx, never half a body taken for the whole."""
    token = ISSUER.issue("alice")
    padded = '{"title": "cut"}'.ljust(65536) + "THIS IS NOT JSON"
    chunk = f"{len(padded):x}\r\n{padded}\r\n0\r\n\r\n"

    with GunicornServer(tmp_path) as server:
        broken = server.exchange(raw(token, "Transfer-Encoding: chunked", body="ZZ\r\n"))
        endless = server.exchange(raw(token, "Transfer-Encoding: chunked", body=chunk))
        _, page = server.call("GET", TASKS, headers=ALICE)

    assert broken.startswith(b"HTTP/1.1 400 ")
    assert endless.startswith(b"HTTP/1.1 413 ")
    assert page["items"] == []


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"threads": 2}, id="threads"),
        pytest.param({"worker_class": "sync", "threads": 1}, id="sync"),
        pytest.param({"worker_class": "gevent"}, id="gevent"),
    ],
)
def test_clients_that_fall_silent_do_not_hold_the_service_up(tmp_path: Path, settings: dict[str, object]) -> None:
    """More of them than there are threads, in the middle of a header: each is cut off, and the others are served."""
    with (
        GunicornServer(tmp_path, settings=settings, GUNICORN_READ_TIMEOUT="1", WEB_CONCURRENCY="1") as server,
        contextlib.ExitStack() as silent,
    ):
        for _ in range(4):
            connection = silent.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Unfinished: ")

        status, _ = server.call("GET", "/health")

    assert status == 200


def test_a_token_in_a_header_that_is_mistyped_is_not_logged(tmp_path: Path) -> None:
    """gunicorn would quote the line it cannot read."""
    token = ISSUER.issue("alice")

    with GunicornServer(tmp_path) as server:
        answer = server.exchange(f"GET /health HTTP/1.1\r\nHost: x\r\nAuthorization Bearer {token}\r\n\r\n".encode())
        server.call("GET", "/health")

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert token not in server.log.read_text()
    assert "Invalid request from ip=127.0.0.1" in server.log.read_text()
