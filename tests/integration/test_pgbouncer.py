"""The service behind a real PgBouncer, with the roles and the settings that ``docs/database.md`` gives.

Debian 12 has version 1.18, which shares server sessions between clients and knows nothing of prepared statements. A
client that runs a statement prepared by another client there runs the wrong statement.
"""

from __future__ import annotations

import itertools
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Engine, event, select, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from app.database import Database
from app.migrations.commands import alembic_config
from app.tasks.errors import TaskNotFoundError
from app.tasks.models import Task, tasks
from app.tasks.statements import CREATE
from app.tasks.store import TaskStore
from tests.support.documentation import snippets
from tests.support.gunicorn_server import ISSUER, GunicornServer
from tests.support.pgbouncer_server import running_pgbouncer
from tests.support.postgresql import make_documented_database
from tests.support.postgresql_server import PostgreSQLServer, postgresql
from tests.support.programs import PATIENCE
from tests.support.stores import create_database

__all__ = ["postgresql"]

ROLE = "tasks_app"

#: Times are exact to the minute there: a session that dropped our time zone would show.
ELSEWHERE = "ALTER DATABASE tasks SET timezone = 'America/St_Johns'"

CONTENT = {"title": "A task", "description": None, "completed": False}

USERS = ("alice", "bob")

THREADS = 8

#: A query that forgot its filter.
OWNERS = select(tasks.c.user_id).distinct()


@pytest.fixture(scope="module")
def server(postgresql: PostgreSQLServer) -> PostgreSQLServer:
    """Return a server with the roles, the database and the limits of the page, in an odd time zone."""
    make_documented_database(postgresql)
    (limits,) = (script for script in snippets("database.md", "sql") if "statement_timeout" in script)
    postgresql.run_script(limits)
    postgresql.execute(ELSEWHERE)
    return postgresql


def test_a_read_never_runs_what_another_process_has_prepared(server: PostgreSQLServer, tmp_path: Path) -> None:
    """Both processes use one server session, and what each runs often takes the same two values.

    One deletes what is not there until its driver prepares that; then the other reads a task until its driver does.
    """

    def service(name: str, url: str) -> GunicornServer:
        folder = tmp_path / name
        folder.mkdir()
        return GunicornServer(folder, database=False, DATABASE_URL=url, WEB_CONCURRENCY="1", GUNICORN_THREADS="1")

    headers = ISSUER.authorization("alice")
    with (
        running_pgbouncer(server, ROLE, pool_mode="transaction", pool_size=1) as url,
        service("deletes", url) as deletes,
        service("reads", url) as reads,
    ):
        _, task = reads.call("POST", "/api/alice/tasks", CONTENT, headers)
        path = f"/api/alice/tasks/{task['id']}"
        deleted = [deletes.call("DELETE", f"/api/alice/tasks/{uuid.uuid4()}", headers=headers) for _ in range(8)]
        read = [reads.call("GET", path, headers=headers) for _ in range(12)]

    assert [status for status, _ in deleted] == [404] * 8
    assert read == [(200, task)] * 12


@pytest.fixture(autouse=True)
def no_tasks(server: PostgreSQLServer) -> None:
    """Begin without tasks."""
    server.execute("TRUNCATE tasks", "tasks")


@pytest.fixture(params=[("transaction", 3), ("session", THREADS)], ids=lambda mode: mode[0])
def db(request: pytest.FixtureRequest, server: PostgreSQLServer) -> Iterator[Database]:
    """Return a database behind a PgBouncer in each of its modes; in one, there are fewer sessions than threads."""
    pool_mode, pool_size = request.param
    with running_pgbouncer(server, ROLE, pool_mode=pool_mode, pool_size=pool_size) as url:
        db = create_database(url, pool_size=THREADS)
        yield db
        db.engine.dispose()


@pytest.fixture
def engine(db: Database) -> Engine:
    """Return the engine of the same database."""
    return db.engine


def test_threads_and_users_get_their_own_answers_alone(db: Database) -> None:
    """No answer is another's, no task is lost, and a query that forgot its filter sees the rows of its user alone."""
    store = TaskStore(db.run)
    with ThreadPoolExecutor(THREADS) as threads:
        kept = list(threads.map(lambda number: work(store, USERS[number % 2], rounds=40, seed=number), range(THREADS)))

    for number, user_id in enumerate(USERS):
        expected = {task.id: task for mine in kept[number::2] for task in mine}
        found = {task.id: task for task in all_tasks(store, user_id)}
        assert found == expected
        assert store.summary(user_id).completed == sum(task.completed for task in expected.values())


def work(store: TaskStore, user_id: str, *, rounds: int, seed: int) -> list[Task]:
    """Do what clients do, check each answer, and return the tasks that must exist in the end."""
    operations = itertools.cycle((read, change, toggle, delete, miss, forget_the_filter, forge))
    mine: list[Task] = []
    for number in range(seed, seed + rounds):
        task, _ = store.create(user_id, CONTENT | {"title": f"{seed} {number}"})
        mine.append(task)
        # Four of seven, so that each comes in turn and tasks remain.
        for operation in itertools.islice(operations, 4):
            operation(store, user_id, mine, number % len(mine))
    return mine


def read(store: TaskStore, user_id: str, mine: list[Task], number: int) -> None:
    """Read a task, and the newest of the user's."""
    assert store.get(user_id, mine[number].id) == mine[number]
    assert {task.user_id for task in store.page(user_id, limit=5).items} == {user_id}


def change(store: TaskStore, user_id: str, mine: list[Task], number: int) -> None:
    """Give a task another title."""
    old, title = mine[number], f"Changed from {mine[number].version}"
    mine[number] = store.change(user_id, old.id, {"title": title}, [old.version])
    assert (mine[number].id, mine[number].title) == (old.id, title)


def toggle(store: TaskStore, user_id: str, mine: list[Task], number: int) -> None:
    """Complete a task, or reopen it."""
    old = mine[number]
    mine[number] = store.toggle(user_id, old.id)
    assert (mine[number].id, mine[number].completed) == (old.id, not old.completed)


def delete(store: TaskStore, user_id: str, mine: list[Task], number: int) -> None:
    """Delete a task, unless it is the last one."""
    if len(mine) > 1:
        task = mine.pop(number)
        store.delete(user_id, task.id)
        with pytest.raises(TaskNotFoundError):
            store.get(user_id, task.id)


def miss(store: TaskStore, user_id: str, mine: list[Task], number: int) -> None:
    """Delete and toggle what is not there."""
    for operation in (store.delete, store.toggle):
        with pytest.raises(TaskNotFoundError):
            operation(user_id, uuid.uuid4())


def forget_the_filter(store: TaskStore, user_id: str, mine: list[Task], number: int) -> None:
    """Ask who has tasks, for the user and for nobody."""
    assert store.run(user_id, OWNERS, {}).rows == [(user_id,)]
    assert store.run("", OWNERS, {}).rows == []


def forge(store: TaskStore, user_id: str, mine: list[Task], number: int) -> None:
    """Insert a row of the other user."""
    (other,) = set(USERS) - {user_id}
    row = mine[number]._replace(user_id=other, id=uuid.uuid4())._asdict()
    with pytest.raises(ProgrammingError, match="violates row-level security policy"):
        store.run(user_id, CREATE, {**row, "creation": None})


def all_tasks(store: TaskStore, user_id: str) -> Iterator[Task]:
    """Yield every task of a user, page by page."""
    cursor, is_last = None, False
    while not is_last:
        page = store.page(user_id, limit=20, cursor=cursor)
        yield from page.items
        cursor, is_last = page.next, page.next is None


def test_the_limits_of_the_page_hold_behind_a_pooler(engine: Engine) -> None:
    """PgBouncer drops those that a connection brings along; the role has them."""
    with engine.connect() as connection:
        limits = [
            connection.scalar(text(f"SHOW {name}"))
            for name in ("statement_timeout", "idle_in_transaction_session_timeout")
        ]

    assert limits == ["10s", "10s"]


def test_nothing_is_prepared_behind_a_pooler(db: Database, engine: Engine) -> None:
    """In session mode neither, where it would do no harm: the two cannot be told apart."""
    store = TaskStore(db.run)
    for _ in range(12):
        store.summary("alice")

    assert prepared_on(engine) == []


def prepared_on(engine: Engine) -> list[str]:
    """Return the names of what the driver has prepared on the session of a connection."""
    with engine.connect() as connection:
        return list(connection.scalars(text("SELECT name FROM pg_prepared_statements")))


def test_a_change_of_the_table_costs_no_connection_behind_a_pooler(
    db: Database, engine: Engine, server: PostgreSQLServer
) -> None:
    """Without prepared statements there are no outdated plans, so PgBouncer has nothing to be told."""
    store, opened = TaskStore(db.run), []
    store.create("alice", CONTENT)
    event.listen(engine, "connect", lambda connection, _: opened.append(connection))
    for kind in ("text", "varchar(2000)"):
        for _ in range(8):
            assert len(store.page("alice", limit=5).items) == 1
        server.execute(f"ALTER TABLE tasks ALTER COLUMN description TYPE {kind}", "tasks")

    assert store.summary("alice").total == 1
    assert opened == []


def test_a_server_that_is_back_is_used_again(server: PostgreSQLServer) -> None:
    """Requests fail while it is away, as they do without a pooler, and nothing has to be restarted."""
    with running_pgbouncer(server, ROLE, pool_mode="transaction", pool_size=3) as url:
        db = create_database(url)
        store = TaskStore(db.run)
        task, _ = store.create("alice", CONTENT)
        server.stop("immediate")
        with pytest.raises(OperationalError):
            store.get("alice", task.id)
        server.start()
        found = get_in_the_end(store, task)
        db.engine.dispose()

    assert found == task


def test_migrations_run_through_a_pooler_as_well(server: PostgreSQLServer) -> None:
    """The lock that makes others wait ends with the transaction, not with the server session."""
    with running_pgbouncer(server, "tasks_owner", pool_mode="transaction", pool_size=1) as url:
        engine = create_database(url).engine
        command.downgrade(alembic_config(engine), "base")
        command.upgrade(alembic_config(engine), "head")
        locks = server.execute("SELECT pid FROM pg_locks WHERE locktype = 'advisory'")
        engine.dispose()

    assert locks == []
    assert server.execute("SELECT version_num FROM alembic_version", "tasks") == [("0002",)]


def get_in_the_end(store: TaskStore, task: Task) -> Task | None:
    """Read a task until that works, or for as long as a test has patience."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(OperationalError):
            return store.get(task.user_id, task.id)
    return None


def test_a_pooler_that_announces_the_servers_own_id_mixes_up_nothing(server: PostgreSQLServer) -> None:
    """By chance, or because it hands the id through: statements are not found then, and run again elsewhere."""
    with running_pgbouncer(server, ROLE, pool_mode="transaction", pool_size=1) as url:
        databases = [create_database(url, pool_size=1) for _ in range(2)]
        for db in databases:
            event.listen(db.engine, "connect", pass_for_a_server, once=True)
        deletes, reads = (TaskStore(db.run) for db in databases)
        task, _ = reads.create("alice", CONTENT)
        for _ in range(8):
            with pytest.raises(TaskNotFoundError):
                deletes.delete("alice", uuid.uuid4())
        is_prepared = bool(prepared_on(databases[0].engine))

        answers = Counter(reads.get("alice", task.id) for _ in range(12))

        for db in databases:
            db.engine.dispose()
    assert is_prepared
    assert answers == {task: 12}


def pass_for_a_server(connection: Any, _record: object) -> None:
    """Let the driver prepare statements as it does by default."""
    connection.prepare_threshold = 5


def test_a_server_of_ones_own_prepares_statements_under_names_of_their_own(server: PostgreSQLServer) -> None:
    """Without a pooler nothing is given up, and no two connections use the same name."""
    databases = [create_database(server.url("tasks", ROLE), pool_size=1) for _ in range(2)]
    for db in databases:
        for _ in range(12):
            TaskStore(db.run).summary("alice")

    first, second = (set(prepared_on(db.engine)) for db in databases)
    for db in databases:
        db.engine.dispose()

    assert first
    assert second
    assert first.isdisjoint(second)


def test_a_driver_whose_names_cannot_be_chosen_prepares_nothing(server: PostgreSQLServer) -> None:
    """Another psycopg may keep its count elsewhere; that costs time, and is safe."""
    db = create_database(server.url("tasks", ROLE), pool_size=1)
    event.listen(
        db.engine, "connect", lambda connection, _: delattr(connection._prepared, "_prepared_idx"), insert=True
    )
    for _ in range(12):
        TaskStore(db.run).summary("alice")

    assert prepared_on(db.engine) == []
    db.engine.dispose()
