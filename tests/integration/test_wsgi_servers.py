"""The commands of ``docs/deploying/servers.md``, run as they stand there: the guards answer alike under each server."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from auth.testing import TokenIssuer
from tests.support.documentation import DOCS, table
from tests.support.environments import ROOT, run
from tests.support.gunicorn_server import environment
from tests.support.lifetimes import A_DAY
from tests.support.programs import PATIENCE, Program, accepts_connections, free_port
from tests.support.services import AUDIENCE, ISSUER, SECRET

PAGE = "deploying/servers.md"
COMMANDS = re.findall(
    r"^ *((?:\w+=\S+ )?(?:gunicorn|waitress-serve|granian) .*:app)$", (DOCS / PAGE).read_text(), re.MULTILINE
)
GUNICORN, WAITRESS, TRUSTING_WAITRESS, TASKS_ON_WAITRESS, GRANIAN, TASKS_ON_GRANIAN = COMMANDS
SERVERS = {"gunicorn": GUNICORN, "waitress": WAITRESS, "granian": GRANIAN}

#: What the page says about factories.
FACTORIES = {
    "gunicorn": GUNICORN.replace("service:app", "'service:create_app()'"),
    "waitress": WAITRESS.replace("service:app", "--call service:create_app"),
    "granian": GRANIAN.replace("service:app", "--factory service:create_app"),
}

ALICE = TokenIssuer(SECRET, issuer=ISSUER, audience=AUDIENCE).authorization("alice", expires_in=A_DAY)

#: ``/slow`` says that it has begun, and waits until it may end.
SERVICE = f"""
import time
from pathlib import Path
from flask import Flask, request
from auth import ResourceServer, current_token, require_jwt

def create_app():
    app = Flask(__name__)
    app.config.update(AUTH_SECRET={SECRET!r}, AUTH_ISSUER={ISSUER!r}, AUTH_AUDIENCE={AUDIENCE!r})
    ResourceServer(app)

    @app.get("/me")
    @require_jwt
    def me():
        return {{"user_id": current_token.user_id}}

    @app.get("/seen")
    def seen():
        fields = [name for name in request.headers.keys() if name.startswith("X-Forwarded")]
        return {{"client": request.remote_addr, "origin": request.host_url, "fields": sorted(fields)}}

    @app.get("/slow")
    def slow():
        Path("begun").touch()
        while not Path("may-end").exists():
            time.sleep(0.01)
        return {{"ended": True}}

    return app

app = create_app()
"""

FORWARDED = {
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "api.example.com",
}


@contextmanager
def served(command: str, folder: Path, **variables: str) -> Iterator[tuple[Program, int]]:
    """Run a command of the page on a free port; give program and port."""
    port = free_port()
    (folder / "service.py").write_text(SERVICE)
    assert command.count("8000") == 1
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    shell = ["bash", "-euc", f"exec env {command.replace('8000', str(port))}"]
    where = ROOT if "wsgi:app" in command else folder
    settings = {"PATH": path, "PYTHONPATH": str(ROOT), **variables}
    with Program(shell, folder / "log", variables=settings, folder=where) as server:
        server.wait_until(lambda: accepts_connections(port))
        yield server, port


def answer(
    port: int, path: str, headers: dict[str, str] | None = None, method: str = "GET", body: str | None = None
) -> tuple[int, Any]:
    """Return the status of an answer and its body: what it says as JSON, if it does."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request(method, path, body, headers or {})
        got = connection.getresponse()
        text = got.read()
        return got.status, json.loads(text) if got.headers.get_content_type() == "application/json" else text
    finally:
        connection.close()


def refusal(port: int, size: int) -> tuple[int, str | None]:
    """Return how a token of so many bytes is refused, and the name of the error if the library has refused it."""
    status, body = answer(port, "/me", {"Authorization": "Bearer " + "a" * size})
    return status, body["error"] if isinstance(body, dict) else None


@pytest.mark.parametrize(
    "command", [*SERVERS.values(), *FACTORIES.values()], ids=[*SERVERS, *(f"{name}, factory" for name in FACTORIES)]
)
def test_a_guard_answers_under_each_server(command: str, tmp_path: Path) -> None:
    """401 without a token and 200 with one; the library itself refuses a token that is a little too long."""
    with served(command, tmp_path) as (_, port):
        without, with_token = answer(port, "/me"), answer(port, "/me", ALICE)
        too_long = refusal(port, 8193)

    assert (without[0], without[1]["error"]) == (401, "missing_token")
    assert with_token == (200, {"user_id": "alice"})
    assert too_long == (401, "malformed_token")


@pytest.mark.parametrize(
    ("server", "fits", "limit", "too_long"),
    [
        ("gunicorn", 16_000, None, 17_000),
        ("waitress", 261_000, "262144", 263_000),
        ("granian", 416_000, "417792", 900_000),
    ],
)
def test_a_server_refuses_longer_tokens_itself(
    server: str, fits: int, limit: str | None, too_long: int, tmp_path: Path
) -> None:
    """With 431; the table has the numbers. granian reads a little more than it promises to."""
    with served(SERVERS[server], tmp_path) as (_, port):
        refused = refusal(port, fits), refusal(port, too_long)

    rows = {name: cell for name, cell, _ in table(PAGE, "Long tokens")}
    assert refused == ((401, "malformed_token"), (431, None))
    assert limit is None or limit in rows[server]


def test_granian_takes_a_hundred_fields(tmp_path: Path) -> None:
    """Two of them are the client's own."""
    with served(GRANIAN, tmp_path) as (_, port):
        statuses = [answer(port, "/seen", {f"X-{number}": "" for number in range(more)})[0] for more in (98, 99)]

    assert statuses == [200, 431]


@pytest.mark.parametrize(
    ("command", "client", "origin", "fields"),
    [
        (GUNICORN, "127.0.0.1", "https://127.0.0.1", sorted(FORWARDED)),
        (WAITRESS, "127.0.0.1", "http://127.0.0.1", []),
        (TRUSTING_WAITRESS, "203.0.113.7", "https://api.example.com", sorted(FORWARDED)),
        (GRANIAN, "127.0.0.1", "http://127.0.0.1", sorted(FORWARDED)),
    ],
    ids=["gunicorn", "waitress", "waitress with options", "granian"],
)
def test_the_fields_of_a_proxy_reach_the_app(
    command: str, client: str, origin: str, fields: list[str], tmp_path: Path
) -> None:
    """Or not: the page says what becomes of them."""
    with served(command, tmp_path) as (_, port):
        _, seen = answer(port, "/seen", FORWARDED)

    assert (seen["client"], seen["fields"]) == (client, fields)
    assert seen["origin"].removesuffix("/").removesuffix(f":{port}") == origin


@pytest.mark.parametrize(("server", "ends"), [("gunicorn", True), ("waitress", False), ("granian", True)])
def test_a_stop_lets_running_requests_end(server: str, ends: bool, tmp_path: Path) -> None:
    """Unless it is waitress: it ends at once."""
    got: list[object] = []

    def call(port: int) -> None:
        try:
            got.append(answer(port, "/slow"))
        except (OSError, http.client.HTTPException) as error:
            got.append(type(error))

    # One worker, which has started when it answers: one that is told to stop while it starts misses the signal.
    command = SERVERS[server].replace("--workers 2", "--workers 1")
    with served(command, tmp_path) as (program, port):
        caller = threading.Thread(target=call, args=(port,))
        caller.start()
        program.wait_until((tmp_path / "begun").exists)
        program.process.send_signal(signal.SIGTERM)
        if not ends:
            caller.join(PATIENCE)
        (tmp_path / "may-end").touch()
        caller.join(PATIENCE)
        program.process.wait(PATIENCE)

    rows = {name: said for name, _, _, said in table(PAGE, "WSGI servers")}
    assert (got == [(200, {"ended": True})]) is ends
    assert ("running requests are cut" in rows[server]) is not ends


@pytest.mark.parametrize("command", [TASKS_ON_WAITRESS, TASKS_ON_GRANIAN], ids=["waitress", "granian"])
def test_the_tasks_api_works_under_other_servers(command: str, tmp_path: Path) -> None:
    """Its configuration for gunicorn is not read; the pool of connections is as large as the number of threads."""
    variables = {**environment(tmp_path), "BETTER_AUTH_SECRET": SECRET}
    run([sys.executable, "-m", "flask", "--app", "wsgi:app", "db", "upgrade"], settings=variables)
    headers = TokenIssuer(SECRET).authorization("alice")
    body = json.dumps({"title": "Deploy it"})

    with served(command, tmp_path, **variables) as (_, port):
        ready = answer(port, "/health/ready")[0]
        refused = answer(port, "/api/alice/tasks")
        created = answer(port, "/api/alice/tasks", headers | {"Content-Type": "application/json"}, "POST", body)
        too_long = answer(port, "/api/me", {"Authorization": "Bearer " + "a" * 9000})

    size = re.search(r"POOL_SIZE=(\d+)", command)
    threads = re.search(r"threads[= ](\d+)", command)
    assert (ready, refused[0], refused[1]["error"]) == (200, 401, "missing_token")
    assert (created[0], created[1]["title"]) == (201, "Deploy it")
    assert (too_long[0], too_long[1]["error"]) == (401, "malformed_token")
    assert size is not None
    assert threads is not None
    assert size[1] == threads[1]
