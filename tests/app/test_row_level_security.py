"""PostgreSQL's wall between users, as it stands for the role that ``docs/database.md`` tells people to create.

The SQL is taken from that page and run in a cluster of this module's own, since roles belong to the whole of one.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, insert, select, text, update
from sqlalchemy.exc import DisconnectionError, OperationalError, ProgrammingError

from app import create_app
from app.database import Database, Ways
from app.fast import SHORT_WAYS
from app.tasks.errors import IdTakenError
from app.tasks.models import tasks
from app.tasks.store import TaskStore
from app.transactions import SET_USER, USER_SETTING
from auth.testing import TokenIssuer
from tests.support.postgresql import make_documented_database
from tests.support.postgresql_server import PostgreSQLServer, postgresql
from tests.support.stores import PLAIN_WAYS, create_database
from tests.support.tasks_api import SECRET, body_of

__all__ = ["postgresql"]

CONTENT = {"title": "A task", "description": None, "completed": False}

#: The setting of a transaction that runs for nobody.
WHOSE = text(f"SELECT current_setting('{USER_SETTING}', true)")


#: For what only the short way promises.
on_the_short_way = pytest.mark.parametrize("ways", [SHORT_WAYS], ids=["fast"])


@pytest.fixture(scope="module")
def server(postgresql: PostgreSQLServer) -> PostgreSQLServer:
    """Return a server with the roles and the database of the page, migrated by the owner."""
    make_documented_database(postgresql)
    return postgresql


@pytest.fixture
def db(server: PostgreSQLServer, ways: Ways) -> Iterator[Database]:
    """Return the database as the service's role has it: one connection, which every transaction takes."""
    db = create_database(server.url("tasks", "tasks_app"), pool_size=1, ways=ways)
    yield db
    db.engine.dispose()
    server.execute("TRUNCATE tasks", "tasks")


@pytest.fixture
def engine(db: Database) -> Engine:
    """Return the engine of the same database."""
    return db.engine


@pytest.fixture
def store(db: Database) -> TaskStore:
    """Return a store in which alice and bob have a task each."""
    store = TaskStore(db.run)
    for user_id in ("alice", "bob"):
        store.create(user_id, {"title": f"A task of {user_id}", "description": None, "completed": False})
    return store


def owners(connection: Connection) -> list[str]:
    """Return whose tasks a query without any filter finds."""
    return sorted(connection.scalars(select(tasks.c.user_id)))


def row(user_id: str) -> dict[str, Any]:
    """Return the values of a row somebody might insert."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    values = {"title": "A title", "completed": False, "created_at": now, "updated_at": now, "version": 1}
    return {"user_id": user_id, "id": uuid.uuid4(), **values}


def identify_user(connection: Connection, user_id: str) -> None:
    """Begin a transaction and tell PostgreSQL its user, as the service does."""
    connection.exec_driver_sql("BEGIN")
    connection.exec_driver_sql(SET_USER, {"user_id": user_id})


@pytest.mark.usefixtures("store")
def test_a_query_that_forgot_its_filter_sees_nothing(engine: Engine) -> None:
    """Neither rows nor how many there are, where the transaction runs for nobody."""
    with engine.begin() as connection:
        assert owners(connection) == []
        assert connection.scalar(text("SELECT count(*) FROM tasks")) == 0


@pytest.mark.usefixtures("store")
def test_a_query_that_forgot_its_filter_sees_the_rows_of_the_transactions_user(engine: Engine) -> None:
    """And no others."""
    with engine.begin() as connection:
        identify_user(connection, "alice")

        assert owners(connection) == ["alice"]


@pytest.mark.usefixtures("store")
def test_a_write_that_forgot_its_filter_reaches_the_users_own_rows(engine: Engine, server: PostgreSQLServer) -> None:
    """Update and delete alike."""
    with engine.begin() as connection:
        identify_user(connection, "alice")
        updated = connection.execute(update(tasks).values(title="Everybody's")).rowcount
        deleted = connection.execute(text("DELETE FROM tasks")).rowcount

    assert (updated, deleted) == (1, 1)
    assert server.execute("SELECT user_id, title FROM tasks", "tasks") == [("bob", "A task of bob")]


@pytest.mark.parametrize("user_id", ["bob", "Alice", "alice ", ""])
def test_a_row_of_somebody_else_is_not_written(engine: Engine, store: TaskStore, user_id: str) -> None:
    """Inserted or handed over; user ids are compared character by character."""
    for statement in (insert(tasks).values(row(user_id)), update(tasks).values(user_id=user_id)):
        with engine.begin() as connection:
            identify_user(connection, "alice")
            with pytest.raises(ProgrammingError, match="violates row-level security policy"):
                connection.execute(statement)


def test_a_row_of_the_user_is_written(engine: Engine) -> None:
    """The wall stands between users, not in front of each."""
    with engine.begin() as connection:
        identify_user(connection, "alice")
        connection.execute(insert(tasks).values(row("alice")))

        assert owners(connection) == ["alice"]


@pytest.mark.usefixtures("store")
def test_support_reads_the_rows_of_the_user_in_the_path(server: PostgreSQLServer) -> None:
    """The transaction runs for that user, not for the caller, who has tasks too; a write reaches nothing."""
    app = create_app({"BETTER_AUTH_SECRET": SECRET, "DATABASE_URL": server.url("tasks", "tasks_app")})
    client, bob = app.test_client(), TokenIssuer(SECRET).authorization("bob", scopes="tasks:any")

    listed = [body_of(client.get(f"/api/{user_id}/tasks", headers=bob))["items"] for user_id in ("alice", "bob")]
    one = f"/api/alice/tasks/{listed[0][0]['id']}"

    assert [[task["title"] for task in tasks] for tasks in listed] == [["A task of alice"], ["A task of bob"]]
    assert body_of(client.get("/api/alice/tasks/summary", headers=bob))["total"] == 1
    assert client.get(one, headers=bob).status_code == 200
    assert client.delete(one, headers=bob).status_code == 403
    assert client.get(one.replace("alice", "bob"), headers=bob).status_code == 404


@pytest.mark.parametrize("end", ["commit", "rollback"])
@pytest.mark.usefixtures("store")
def test_the_next_user_of_a_pooled_connection_inherits_nothing(engine: Engine, end: str) -> None:
    """The setting ends with the transaction, however that ends."""
    with engine.connect() as connection:
        identify_user(connection, "alice")
        session = connection.scalar(text("SELECT pg_backend_pid()"))
        assert connection.scalar(WHOSE) == "alice"
        getattr(connection, end)()

    with engine.begin() as connection:
        assert connection.scalar(text("SELECT pg_backend_pid()")) == session
        assert connection.scalar(WHOSE) == ""
        assert owners(connection) == []
    with engine.begin() as connection:
        identify_user(connection, "bob")
        assert owners(connection) == ["bob"]


@pytest.mark.parametrize(
    "user_id",
    [
        "'; RESET ROLE; --",
        "\\'; RESET ROLE; --",
        "a' || 'b",
        "$$bob$$",
        "%s",
        '"bob"',
        "bob, alice",
        "DEFAULT",
        "界 \u2028 😀",
    ],
)
def test_a_user_id_cannot_break_out_of_the_setting(db: Database, engine: Engine, user_id: str) -> None:
    """It is a value, never part of a statement, whatever it looks like."""
    TaskStore(db.run).create(user_id, {"title": "Mine", "description": None, "completed": False})

    with engine.begin() as connection:
        identify_user(connection, user_id)
        assert owners(connection) == [user_id]
        assert connection.scalar(WHOSE) == user_id


def test_the_role_of_the_service_can_do_no_more_than_it_needs(server: PostgreSQLServer, engine: Engine) -> None:
    """It is no superuser, passes no policy, owns nothing, and can neither truncate nor change the table."""
    roles = server.execute(
        "SELECT rolname FROM pg_roles WHERE rolname ^@ 'tasks_' AND NOT (rolsuper OR rolbypassrls OR rolcreaterole)"
    )
    assert sorted(roles) == [("tasks_app",), ("tasks_owner",)]
    for statement in (
        "TRUNCATE tasks",
        "ALTER TABLE tasks DISABLE ROW LEVEL SECURITY",
        "DROP POLICY tasks_of_their_user ON tasks",
        "CREATE TABLE mine (id integer)",
        "UPDATE alembic_version SET version_num = '0001'",
    ):
        with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"), engine.begin() as connection:
            connection.execute(text(statement))


@pytest.mark.usefixtures("store")
def test_the_owner_is_held_and_a_superuser_is_not(server: PostgreSQLServer) -> None:
    """As the page says, which is why the service must not connect as either."""
    seen = {}
    for role in ("tasks_owner", "postgres"):
        engine = create_database(server.url("tasks", role)).engine
        with engine.begin() as connection:
            seen[role] = owners(connection)
        engine.dispose()

    assert seen == {"tasks_owner": [], "postgres": ["alice", "bob"]}


@on_the_short_way
def test_saying_whose_transaction_it_is_takes_no_round_trip_of_its_own(
    server: PostgreSQLServer, db: Database, tmp_path: Path
) -> None:
    """It leaves together with the statement: a request waits for the server once."""
    plain = create_database(server.url("tasks", "tasks_app"), ways=PLAIN_WAYS)

    waits = {name: times_waited(on, tmp_path / name) for name, on in {"plain": plain, "fast": db}.items()}
    plain.engine.dispose()

    # The pool's trial, BEGIN, setting, query, COMMIT; against setting and query in one pipeline.
    assert waits == {"plain": 5, "fast": 1}


def times_waited(db: Database, record: Path) -> int:
    """Return how often the client turns from sending to receiving while it counts somebody's tasks."""
    return "".join(direction for direction, _ in messages(db, record)).count("FB")


def messages(db: Database, record: Path) -> list[tuple[str, str]]:
    """Return direction (``F`` is sent) and name of each message while a store counts somebody's tasks."""
    store = TaskStore(db.run)
    # Preparing a statement takes one more round trip, once.
    for _ in range(8):
        store.summary("alice")
    with db.engine.connect() as connection:
        session: Any = connection.connection.driver_connection
    with record.open("w") as file:
        session.pgconn.trace(file.fileno())
        store.summary("alice")
        session.pgconn.untrace()
    # Time, direction, length, message and more; a message with several lines goes on without them.
    lines = (line.split("\t") for line in record.read_text().splitlines() if "\t" in line)
    return [(line[1], line[3]) for line in lines]


@on_the_short_way
def test_the_last_message_of_a_transaction_is_the_one_that_commits_it(db: Database, tmp_path: Path) -> None:
    """PgBouncer takes a server session for anything that comes later, and keeps it while we are idle."""
    sent = [name for direction, name in messages(db, tmp_path / "messages") if direction == "F"]

    assert sent.count("Sync") == 1
    assert sent[-1] == "Sync"


def test_a_connection_that_breaks_before_anything_is_asked_is_an_ordinary_error(
    server: PostgreSQLServer, db: Database, engine: Engine
) -> None:
    """One the service answers 503 for, and the next request has a connection that works."""
    store = TaskStore(db.run)

    def kill(dbapi_connection: Any, *_: object) -> None:
        server.execute("SELECT pg_terminate_backend(%(pid)s)", pid=dbapi_connection.info.backend_pid)

    # After the pool has looked at the connection.
    event.listen(engine, "checkout", kill, once=True)
    with pytest.raises(OperationalError):
        store.summary("alice")

    assert store.summary("alice").total == 0


def test_connections_that_the_server_has_closed_meanwhile_cost_no_request(server: PostgreSQLServer, ways: Ways) -> None:
    """The farewell is found before anything is asked, and none of the pool is used again; reads and writes alike."""
    db = create_database(server.url("tasks", "tasks_app"), pool_size=3, ways=ways)
    store, engine = TaskStore(db.run), db.engine
    with engine.connect(), engine.connect(), engine.connect():
        pass

    for number in (1, 2):
        server.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'tasks_app'")
        store.create("alice", CONTENT)
        server.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'tasks_app'")
        assert store.summary("alice").total == number

    engine.dispose()
    server.execute("TRUNCATE tasks", "tasks")


def test_news_of_the_server_are_no_farewell(server: PostgreSQLServer, db: Database, engine: Engine) -> None:
    """A connection that has something to say, and works, stays."""
    with engine.connect() as connection:
        session = connection.scalar(text("SELECT pg_backend_pid()"))
    server.execute("ALTER SYSTEM SET intervalstyle = 'iso_8601'")
    try:
        server.execute("SELECT pg_reload_conf()")
        created, _ = TaskStore(db.run).create("alice", CONTENT)

        assert TaskStore(db.run).get("alice", created.id) == created
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT pg_backend_pid()")) == session
    finally:
        server.execute("ALTER SYSTEM RESET intervalstyle")
        server.execute("SELECT pg_reload_conf()")


@pytest.mark.parametrize(("ways", "plans"), [(PLAIN_WAYS, 0), (SHORT_WAYS, 1)], ids=["plain", "fast"])
def test_a_change_of_the_table_fails_no_statement(
    server: PostgreSQLServer, db: Database, engine: Engine, plans: int
) -> None:
    """The plain way prepares nothing. What the short way has prepared is given up, and run again elsewhere."""
    store = TaskStore(db.run)
    for _ in range(8):
        store.page("alice", limit=1)
    with engine.connect() as connection:
        prepared = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%FROM tasks%'")
        assert connection.scalar(prepared) == plans
    server.execute("ALTER TABLE tasks ALTER COLUMN description TYPE text", "tasks")
    try:
        assert store.page("alice", limit=1).items == []
        with engine.connect() as connection:
            assert connection.scalar(prepared) == 0
    finally:
        server.execute("ALTER TABLE tasks ALTER COLUMN description TYPE varchar(2000)", "tasks")


def test_a_statement_that_fails_leaves_no_transaction_behind(db: Database, engine: Engine) -> None:
    """The only connection works for the next request."""
    store = TaskStore(db.run)
    task, _ = store.create("alice", CONTENT)

    with pytest.raises(IdTakenError):
        store.create("alice", CONTENT, task.id)

    with engine.connect() as connection:
        session: Any = connection.connection.driver_connection
        assert session.info.transaction_status.name == "IDLE"
    assert store.summary("alice").total == 1


def test_connections_as_old_as_one_that_failed_are_replaced_before_they_are_used(
    server: PostgreSQLServer,
) -> None:
    """Or each connection of the pool would cost a request of its own; those that are opened afterwards stay."""
    engine = create_database(server.url("tasks", "tasks_app"), pool_size=3).engine
    with engine.connect() as first, engine.connect() as second, engine.connect() as third:
        before = {session_of(connection) for connection in (first, second, third)}
        failed = first.connection
        failed.invalidate(RuntimeError("the network has forgotten it"))

    after = set()
    for _ in range(2):
        with engine.connect() as first, engine.connect() as second, engine.connect() as third:
            after |= {session_of(connection) for connection in (first, second, third)}

    engine.dispose()
    assert len(after) == 3
    assert after.isdisjoint(before)


def test_a_connection_that_fails_late_says_nothing_of_those_opened_since(server: PostgreSQLServer) -> None:
    """What was under way when a server went fails for a while after the next one is there."""
    engine = create_database(server.url("tasks", "tasks_app"), pool_size=3).engine
    with engine.connect() as first, engine.connect() as second:
        session_of(second)
        first.connection.invalidate(RuntimeError("the server has gone"))
        with engine.connect() as third:
            session = session_of(third)
        second.connection.invalidate(RuntimeError("for this one as well"))

    with engine.connect() as third:
        assert session_of(third) == session
    engine.dispose()


def test_a_statement_whose_preparation_failed_works_again(server: PostgreSQLServer, db: Database) -> None:
    """The driver takes it for prepared from then on; nothing has to be restarted for that."""
    store = TaskStore(db.run)
    for _ in range(5):
        store.page("alice", limit=1)
    server.execute("ALTER TABLE tasks RENAME TO elsewhere", "tasks")
    try:
        with pytest.raises(ProgrammingError, match="does not exist"):
            store.page("alice", limit=1)
    finally:
        server.execute("ALTER TABLE elsewhere RENAME TO tasks", "tasks")

    assert [store.page("alice", limit=1).items for _ in range(3)] == [[], [], []]


def test_a_server_that_takes_connections_back_at_once_is_an_ordinary_error(db: Database, engine: Engine) -> None:
    """One the service answers 503 for."""

    def take_back(*_: object) -> None:
        raise DisconnectionError

    event.listen(engine, "checkout", take_back)
    with pytest.raises(OperationalError):
        TaskStore(db.run).summary("alice")
    event.remove(engine, "checkout", take_back)

    assert TaskStore(db.run).summary("alice").total == 0


def session_of(connection: Connection) -> Any:
    return connection.scalar(text("SELECT pg_backend_pid()"))
