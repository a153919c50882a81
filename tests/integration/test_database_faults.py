"""What befalls a database befalls it for real here, under load: the service answers 503 meanwhile and loses nothing."""

from __future__ import annotations

import http.client
import os
import resource
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from alembic import command
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from app import create_app
from app.database import create_database
from app.migrations.commands import alembic_config
from tests.support.environments import run
from tests.support.gunicorn_server import ISSUER, PATIENCE, SECRET, GunicornServer, environment
from tests.support.lifetimes import A_DAY
from tests.support.postgresql_server import PostgreSQLServer, postgresql
from tests.support.writers import Writers

__all__ = ["postgresql"]

TASKS = "/api/alice/tasks"
ALICE = ISSUER.authorization("alice", expires_in=A_DAY)

#: What a writer may be told while the database is away and when it is back.
EXPECTED = {200, 201, 503}


@pytest.fixture(scope="module")
def service(postgresql: PostgreSQLServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GunicornServer]:
    """Return a service on PostgreSQL that nobody restarts, whatever befalls its database."""
    postgresql.execute("CREATE DATABASE tasks")
    with GunicornServer(tmp_path_factory.mktemp("service"), DATABASE_URL=postgresql.url("tasks")) as service:
        workers = service.all_workers()
        yield service
        assert service.workers() == workers


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database of a test's own, of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'tasks.sqlite3'}"
    server: PostgreSQLServer = request.getfixturevalue("postgresql")
    name = f"test_{time.monotonic_ns()}"
    server.execute(f"CREATE DATABASE {name}")
    return server.url(name)


def migrate(folder: Path, revision: str = "head", **variables: str) -> None:
    """Bring a database to a revision, as an operator does."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi:app", "db", "upgrade", revision]
    run(command, settings=environment(folder, **variables))


def retry_after(service: GunicornServer) -> tuple[int, str | None]:
    """Return the status of a list, and the seconds after which to ask again."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=PATIENCE)
    with closing(connection):
        connection.request("GET", TASKS, headers=ALICE)
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.getheader("Retry-After")


def test_a_database_that_stops_is_503_and_works_again_when_it_is_back(
    postgresql: PostgreSQLServer, service: GunicornServer
) -> None:
    """Without a restart of the service, and without losing a write; it falls in the middle of some."""
    with Writers(service) as writers:
        writers.wait_for(201, times=20)
        postgresql.stop("immediate")
        writers.wait_for(503, times=8)
        refused, ready = retry_after(service), service.call("GET", "/health/ready")
        postgresql.start()
        writers.wait_for(201, times=20)

    assert refused == (503, "2")
    assert (ready[0], ready[1]["errors"]) == (503, {"database": "unusable"})
    assert service.call("GET", "/health/ready")[0] == 200
    assert set(writers.outcomes) <= EXPECTED
    writers.assert_nothing_is_lost()
    assert "The database cannot be used: OperationalError: connection" in service.log.read_text()


def test_connections_that_the_server_kills_are_replaced(postgresql: PostgreSQLServer, service: GunicornServer) -> None:
    """All of them at once, in the middle of their work: at most a request each fails."""
    with Writers(service) as writers:
        for _ in range(3):
            writers.wait_for(201, times=10)
            postgresql.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'tasks'")
        writers.wait_for(201, times=10)

    assert set(writers.outcomes) <= EXPECTED
    assert writers.outcomes[503] <= 3 * 8
    writers.assert_nothing_is_lost()


def test_a_server_that_may_only_be_read_is_503_for_writes_alone(
    postgresql: PostgreSQLServer, service: GunicornServer
) -> None:
    """What a failover leaves behind for a moment: not our error, so not a 500."""

    def allow_writes(setting: str) -> None:
        postgresql.execute(f"ALTER DATABASE tasks SET default_transaction_read_only = {setting}")
        postgresql.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'tasks'")

    with Writers(service) as writers:
        writers.wait_for(201, times=4)
        allow_writes("on")
        writers.wait_for(503, times=16)
        read, _ = retry_after(service)
        allow_writes("off")
        writers.wait_for(201, times=4)

    assert read == 200
    assert set(writers.outcomes) <= EXPECTED
    assert "cannot execute INSERT in a read-only transaction" in service.log.read_text()
    writers.assert_nothing_is_lost()


def test_a_change_of_the_table_under_load_is_at_most_503(postgresql: PostgreSQLServer, service: GunicornServer) -> None:
    """Also one that outdates what the connections have prepared; the next request has a connection without that."""
    with Writers(service) as writers:
        writers.wait_for(201, times=60)
        for number, change in enumerate(
            ("ADD COLUMN priority integer NOT NULL DEFAULT 0", "ALTER COLUMN description TYPE text")
        ):
            postgresql.execute(f"ALTER TABLE tasks {change}", "tasks")
            writers.wait_for(201, times=20 * (number + 1))
            assert service.call("GET", TASKS, headers=ALICE)[0] in (200, 503)

    assert set(writers.outcomes) <= EXPECTED
    assert [service.call("GET", TASKS, headers=ALICE)[0] for _ in range(20)].count(200) >= 20 - 8
    writers.assert_nothing_is_lost()


def test_a_pool_without_a_free_connection_is_503_after_a_bounded_wait(
    postgresql: PostgreSQLServer, tmp_path: Path
) -> None:
    """The one connection is held up by a lock on the table: who waits for the connection is told after five seconds."""
    postgresql.execute("CREATE DATABASE crowded")
    url = postgresql.url("crowded")

    def ask(service: GunicornServer) -> tuple[int, str | None, float]:
        start = time.monotonic()
        return *retry_after(service), time.monotonic() - start

    with (
        GunicornServer(
            tmp_path, DATABASE_URL=url, WEB_CONCURRENCY="1", GUNICORN_THREADS="2", FLASK_DATABASE_POOL_SIZE="1"
        ) as service,
        psycopg.connect(url) as session,
        ThreadPoolExecutor() as callers,
    ):
        session.execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
        asked = [callers.submit(ask, service) for _ in range(2)]
        while not any(call.done() for call in asked):
            time.sleep(0.05)
        session.rollback()
        answers = sorted(call.result() for call in asked)
        log = service.log.read_text()

    assert [answer[:2] for answer in answers] == [(200, None), (503, "2")]
    assert answers[1][2] < 9
    assert "QueuePool limit of size 1 overflow 0 reached" in log


def test_a_statement_that_does_not_end_is_given_up(postgresql: PostgreSQLServer, tmp_path: Path) -> None:
    """By PostgreSQL, after ten seconds or what the URL says instead."""
    postgresql.execute("CREATE DATABASE patient")
    url = postgresql.url("patient")

    with (
        GunicornServer(tmp_path, DATABASE_URL=url + "?options=-c%20statement_timeout%3D500ms") as service,
        psycopg.connect(url) as session,
    ):
        session.execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
        held_up = retry_after(service)
        session.rollback()
        free = retry_after(service)

        assert "canceling statement due to statement timeout" in service.log.read_text()

    assert (held_up, free) == ((503, "2"), (200, None))


def test_a_service_that_is_ahead_of_its_database_waits_for_the_migration(database_url: str, tmp_path: Path) -> None:
    """Nothing is worse than 503 before and while the schema is brought up, and nothing is restarted after."""
    migrate(tmp_path, "0001", DATABASE_URL=database_url)

    with GunicornServer(tmp_path, database=False, probe="/health", DATABASE_URL=database_url) as service:
        with Writers(service) as writers:
            writers.wait_for(503, times=4)
            early = dict(writers.outcomes)
            migrate(tmp_path, DATABASE_URL=database_url)
            writers.wait_for(201, times=20)
        writers.assert_nothing_is_lost()

    assert set(early) == {503}
    assert set(writers.outcomes) <= EXPECTED


def test_a_step_that_cannot_be_taken_leaves_nothing_behind(postgresql: PostgreSQLServer) -> None:
    """It is one transaction: what it did before it failed is undone, and it can be taken again."""
    postgresql.execute("CREATE DATABASE obstructed")
    engine = create_database(postgresql.url("obstructed")).engine
    command.upgrade(alembic_config(engine), "0001")
    # The name that the last index of the step is to have.
    postgresql.execute("CREATE INDEX ix_tasks_user_id_completed_title_id ON tasks (title)", "obstructed")

    with pytest.raises(DBAPIError, match="already exists"):
        command.upgrade(alembic_config(engine), "head")
    postgresql.execute("DROP INDEX ix_tasks_user_id_completed_title_id", "obstructed")
    command.upgrade(alembic_config(engine), "head")
    engine.dispose()

    assert postgresql.execute("SELECT version_num FROM alembic_version", "obstructed") == [("0002",)]


def test_a_step_does_not_wait_long_for_the_table(postgresql: PostgreSQLServer) -> None:
    """Everybody else's requests would wait behind it; a request of its own length it may take."""
    postgresql.execute("CREATE DATABASE occupied")
    url = postgresql.url("occupied")
    engine = create_database(url).engine
    command.upgrade(alembic_config(engine), "0001")

    with psycopg.connect(url) as session:
        session.execute("SELECT FROM tasks")
        with pytest.raises(DBAPIError, match="lock timeout"):
            command.upgrade(alembic_config(engine), "head")
    engine.dispose()


def test_a_killed_master_and_killed_workers_lose_no_acknowledged_write(database_url: str, tmp_path: Path) -> None:
    """kill -9 of each worker, then of the master: the orphans end by themselves, the next start finds everything."""
    with GunicornServer(tmp_path, DATABASE_URL=database_url) as service:
        with Writers(service) as writers:
            for worker in service.workers():
                writers.wait_for(201, times=10)
                os.kill(worker, signal.SIGKILL)
            writers.wait_for(201, times=10)
            orphans = service.workers()
            service.process.kill()
            service.process.wait(PATIENCE)
            writers.wait_for("ConnectionRefusedError")
        wait_for_the_end(orphans)

    with GunicornServer(tmp_path, database=False, DATABASE_URL=database_url) as service:
        writers.assert_nothing_is_lost(service)


def wait_for_the_end(processes: list[int]) -> None:
    """Return when all of the processes have ended."""
    deadline = time.monotonic() + PATIENCE
    while any(is_running(process) for process in processes):
        assert time.monotonic() < deadline, "orphans go on"
        time.sleep(0.05)


def is_running(process: int) -> bool:
    """Tell whether a process is there and is more than a name in the table."""
    try:
        return ") Z " not in Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False


def test_a_reload_under_load_fails_not_one_request(tmp_path: Path) -> None:
    """SIGHUP three times: new workers take over, the old ones finish what they have begun."""
    with GunicornServer(tmp_path) as service, Writers(service) as writers:
        for _ in range(3):
            old = set(service.all_workers())
            writers.wait_for(201, times=10)
            service.process.send_signal(signal.SIGHUP)
            wait_for_the_end(list(old))
            writers.wait_for(201, times=10)

    assert set(writers.outcomes) == {201}


def test_writers_of_several_processes_take_turns_and_do_not_wait_for_ever(tmp_path: Path) -> None:
    """Somebody else's short transactions on the SQLite file are waited for; a long one is 503, and reading goes on."""
    with GunicornServer(tmp_path, WEB_CONCURRENCY="4") as service:
        database = sqlite3.connect(tmp_path / "tasks.sqlite3", isolation_level=None)
        with closing(database), Writers(service) as writers:
            for _ in range(5):
                database.execute("BEGIN IMMEDIATE")
                time.sleep(0.2)
                database.execute("ROLLBACK")
                writers.wait_for(201, times=5)
            contended = dict(writers.outcomes)
            database.execute("BEGIN IMMEDIATE")
            start = time.monotonic()
            writers.wait_for(503)
            waited = time.monotonic() - start
            read, _ = retry_after(service)
            database.execute("ROLLBACK")
            writers.wait_for(201, times=10)
        writers.assert_nothing_is_lost()

    assert set(contended) == {201}
    assert (read, waited < 10) == (200, True)
    assert set(writers.outcomes) <= EXPECTED
    assert "database is locked" in service.log.read_text()


def test_a_file_that_cannot_grow_is_503_for_writes_alone(tmp_path: Path) -> None:
    """The kernel refuses the workers further bytes, then allows them again."""
    with GunicornServer(tmp_path) as service:
        with Writers(service) as writers:
            writers.wait_for(201, times=10)
            limits = {worker: resource.prlimit(worker, resource.RLIMIT_FSIZE) for worker in service.all_workers()}
            for worker, (_, hard) in limits.items():
                resource.prlimit(worker, resource.RLIMIT_FSIZE, (64 * 1024, hard))
            writers.wait_for(503, times=8)
            read, _ = retry_after(service)
            for worker, limit in limits.items():
                resource.prlimit(worker, resource.RLIMIT_FSIZE, limit)
            writers.wait_for(201, times=10)
        writers.assert_nothing_is_lost()

    assert read == 200
    assert set(writers.outcomes) <= EXPECTED
    assert "The database cannot be used: OperationalError: disk I/O error" in service.log.read_text()


def test_a_full_database_is_503_for_writes_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """SQLite says "full" itself at its page limit, as it does on a full disk; the limit is one of each connection."""
    migrate(tmp_path)
    app = create_app({"BETTER_AUTH_SECRET": SECRET, "DATABASE_URL": f"sqlite:///{tmp_path / 'tasks.sqlite3'}"})
    engine = app.extensions["database"].engine
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA max_page_count = 1"))
    client = app.test_client()
    long = {"title": "A task", "description": "x" * 2000}

    # There is some room left in the pages that the schema has taken.
    answers = [client.post(TASKS, json=long, headers=ALICE) for _ in range(20)]
    read = client.get(TASKS, headers=ALICE)
    statuses = [answer.status_code for answer in answers]
    engine.dispose()

    assert (answers[-1].status_code, answers[-1].headers["Retry-After"]) == (503, "2")
    assert set(statuses) <= {201, 503}
    assert read.json is not None
    assert len(read.json["items"]) == statuses.count(201)
    assert "database or disk is full" in caplog.text


def test_a_file_that_may_not_be_written_is_503_for_writes_alone(tmp_path: Path) -> None:
    """Opened for reading only, because permissions of files do not bind a root that runs the tests."""
    migrate(tmp_path)
    url = f"sqlite:///file:{tmp_path / 'tasks.sqlite3'}?mode=ro&uri=true"

    with GunicornServer(tmp_path, database=False, DATABASE_URL=url) as service:
        written, _ = service.call("POST", TASKS, {"title": "A task"}, ALICE)
        read, _ = retry_after(service)
        log = service.log.read_text()

    assert (written, read) == (503, 200)
    assert "The database cannot be used: OperationalError: attempt to write a readonly database" in log
