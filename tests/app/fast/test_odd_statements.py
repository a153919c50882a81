"""Statements that the tasks do not need come out the same on both ways, and each runs in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from time import sleep
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    Dialect,
    Engine,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    Uuid,
    bindparam,
    delete,
    event,
    func,
    insert,
    literal,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from app.database import Database
from app.fast import SHORT_WAYS
from app.fast.connections import PREPARE_THRESHOLD
from app.fast.statements import query_of
from app.tables import UTCDateTime
from app.tasks.pages import Sort
from app.tasks.statements import (
    CREATE,
    CREATION,
    GET,
    SUMMARY,
    Expected,
    delete_statement,
    page_statement,
    update_statement,
)
from app.tasks.store import TaskStore
from app.text_search import kind_of
from app.transactions import Statement, run_in_transaction
from tests.support.postgresql import PostgreSQL
from tests.support.stores import PLAIN_WAYS, create_database

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ONE, TWO = uuid.UUID(int=1), uuid.UUID(int=2)


class Day(UTCDateTime):
    """A time that is read as its day."""

    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return midnight of the day."""
        time = super().process_result_value(value, dialect)
        return None if time is None else time.replace(hour=0, minute=0, second=0, microsecond=0)


notes = Table(
    "notes",
    MetaData(),
    Column("user_id", Text, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("text", Text),
    Column("written_at", UTCDateTime, default=lambda: NOW),
    Column("stars", Integer, nullable=False, server_default="7"),
    Column("price", Numeric(10, 2)),
    Column("weight", Float),
    Column("changes", Integer, default=0, onupdate=1),
    Column("read_on", Day),
)
counted = Table("counted", notes.metadata, Column("id", Integer, primary_key=True), Column("text", Text))
#: The database looks for the note that is meant when it commits.
references = Table(
    "references",
    notes.metadata,
    Column("id", Integer, primary_key=True),
    Column("counted_id", ForeignKey(counted.c.id, deferrable=True, initially="DEFERRED")),
)

ROW = {"user_id": "alice", "id": ONE, "text": "50 %", "price": Decimal("1.50"), "weight": 0.25}
FULL = {**ROW, "id": TWO, "written_at": NOW, "stars": 1, "changes": 3}

MINE = notes.c.user_id == bindparam("owner")

#: Each is run after the ones before it.
ODD: dict[str, tuple[Any, dict[str, Any]]] = {
    "columns with defaults are left out": (insert(notes), ROW),
    "no column is left out": (insert(notes), FULL),
    "the same key again": (insert(notes), FULL),
    "a default of the server is returned": (
        insert(notes).returning(notes.c.stars, notes.c.price),
        {**ROW, "id": uuid.UUID(int=3)},
    ),
    "named values": (insert(notes).values(user_id=bindparam("owner"), id=bindparam("it")), {"owner": "bob", "it": ONE}),
    "the database makes the key": (insert(counted), {"text": "one"}),
    "the database makes the key of named values": (insert(counted).values(text=bindparam("words")), {"words": "two"}),
    "a row that is refused at the commit": (insert(references), {"id": 1, "counted_id": 12345}),
    "the row has been undone": (select(references), {}),
    "a row that is not refused at the commit": (insert(references), {"id": 1, "counted_id": 1}),
    "an unknown column": (insert(notes), {**FULL, "colour": "red"}),
    "a list": (select(notes.c.text).where(notes.c.id.in_([ONE, TWO])).order_by(notes.c.id), {}),
    "a list that comes with the values": (
        select(notes.c.id).where(MINE, notes.c.id.in_(bindparam("ids", expanding=True))).order_by(notes.c.id),
        {"owner": "alice", "ids": [ONE, TWO]},
    ),
    "an empty list": (select(notes.c.id).where(notes.c.id.in_([])), {}),
    "exact and rough numbers": (
        select(notes.c.price, notes.c.weight, notes.c.stars).where(MINE).order_by(notes.c.id),
        {"owner": "alice"},
    ),
    "computed numbers": (select(func.sum(notes.c.price), func.avg(notes.c.weight), func.count()), {}),
    "a quotient": (select(literal(1) / bindparam("divisor", type_=Integer)), {"divisor": 2}),
    "a column in words": (select(text("1 AS one"), notes.c.written_at, notes.c.id).where(notes.c.id == ONE), {}),
    "all columns in words": (select(literal_column("*"), notes.c.id).where(notes.c.id == TWO), {}),
    "a column twice": (select(notes.c.id, notes.c.id, notes.c.written_at).where(notes.c.id == TWO), {}),
    "a union": (select(notes.c.stars).union(select(notes.c.stars)).order_by("stars"), {}),
    "words alone": (text("SELECT 1"), {}),
    "more values than wanted": (select(notes.c.stars).where(MINE).order_by("stars"), {"owner": "alice", "other": 1}),
    "another value for one that it has": (select(bindparam("number", 1)), {"number": 2}),
    "a value that is made late": (select(bindparam("number", callable_=lambda: 3, type_=Integer)), {}),
    "a missing value": (select(notes.c.stars).where(MINE), {}),
    "a value of another type": (select(notes.c.stars).where(notes.c.id == bindparam("it")), {"it": 5}),
    "a time without a zone": (insert(notes), {**FULL, "written_at": NOW.replace(tzinfo=None)}),
    "a name with a space": (select(notes.c.stars).where(notes.c.id == bindparam("this one")), {"this one": TWO}),
    "per cent": (select(notes.c.id).where(notes.c.text.like("50 %"), notes.c.stars % 2 == 1).order_by("id"), {}),
    "another name for a table": (
        select(func.count()).select_from(notes).execution_options(schema_translate_map={None: None}),
        {},
    ),
    "an update that counts": (update(notes).where(MINE).values(text="new"), {"owner": "alice"}),
    "an update by its values": (update(notes).where(notes.c.id == bindparam("it")), {"it": ONE, "text": "newer"}),
    "an update that returns rows": (
        update(notes).where(MINE).values(changes=bindparam("to")).returning(notes.c.changes),
        {"owner": "alice", "to": 9},
    ),
    "an update of nothing": (
        update(notes).where(MINE).values(changes=bindparam("to")).returning(notes.c.id),
        {"owner": "nobody", "to": 9},
    ),
    "a time in a type of its own": (
        update(notes).where(MINE).values(read_on=bindparam("now")),
        {"owner": "alice", "now": datetime(2026, 2, 3, 4, 5, tzinfo=UTC)},
    ),
    "that time and an ordinary one": (select(notes.c.read_on, notes.c.written_at).where(MINE), {"owner": "alice"}),
    "all that is there": (select(notes).order_by(notes.c.user_id, notes.c.id), {}),
    "a delete that returns rows": (delete(notes).where(MINE).returning(notes.c.id), {"owner": "bob"}),
    "a delete that counts": (delete(notes).where(MINE), {"owner": "alice"}),
    "a delete of nothing": (delete(notes).where(MINE), {"owner": "alice"}),
}


@pytest.fixture
def database_by(empty_database_url: str) -> Iterator[Callable[[Any], Database]]:
    """Return a function that gives the database on some ways, with empty tables."""
    engines: list[Engine] = []

    def database_by(ways: Any) -> Database:
        database = create_database(empty_database_url, ways=ways, pool_size=1)
        engines.append(database.engine)
        notes.metadata.drop_all(database.engine)
        notes.metadata.create_all(database.engine)
        return database

    yield database_by
    for engine in engines:
        engine.dispose()


def outcome(database: Database, statement: Any, values: dict[str, Any]) -> object:
    """Return what a statement gives: rows with their types and the count, or the error and its cause."""
    try:
        return repr(database.run("alice", statement, values))
    except (SQLAlchemyError, ArithmeticError) as error:
        return type(error), type(getattr(error, "orig", None))


def test_odd_statements_come_out_the_same_on_both_ways(database_by: Callable[[Any], Database]) -> None:
    """Rows, types, counts and errors; what the short way is not sure of runs the plain way."""
    plain, short = (
        {name: outcome(database, *asked) for name, asked in ODD.items()}
        for database in map(database_by, (PLAIN_WAYS, SHORT_WAYS))
    )

    assert short == plain


def test_affected_counts_what_an_update_or_a_delete_changes(database_by: Callable[[Any], Database], ways: Any) -> None:
    """Returned rows count too; a read, and an insert, count nothing."""
    database = database_by(ways)
    affected = {
        name: database.run("alice", statement, values).affected
        for name, (statement, values) in ODD.items()
        if name in ("columns with defaults are left out", "no column is left out", "all that is there", "named values")
        or "update" in name
        or "delete" in name
    }

    assert affected == {
        "columns with defaults are left out": 0,
        "no column is left out": 0,
        "named values": 0,
        "an update that counts": 2,
        "an update by its values": 2,
        "an update that returns rows": 2,
        "an update of nothing": 0,
        "all that is there": 0,
        "a delete that returns rows": 1,
        "a delete that counts": 2,
        "a delete of nothing": 0,
    }


@pytest.mark.parametrize("pause", [0, 0.02], ids=["answers one by one", "all answers at once"])
def test_a_row_that_is_refused_at_the_commit_costs_no_connection(
    postgresql: PostgreSQL, ways: Any, pause: float, caplog: pytest.LogCaptureFixture
) -> None:
    """The error is the one of the constraint, nothing is logged, and each connection of the pool stays."""
    name = postgresql.new_database()
    database = create_database(postgresql.owner_url(name), ways=ways)
    engine, run = database.engine, database.run
    event.listen(engine, "connect", lambda connection, _: slow_down(connection, pause))
    notes.metadata.create_all(engine)
    before = sessions(engine)

    for _ in range(PREPARE_THRESHOLD + 2):
        with pytest.raises(IntegrityError, match="violates foreign key constraint"):
            run("alice", insert(references), {"id": 1, "counted_id": 12345})
        assert run("alice", select(references), {}).rows == []

    assert sessions(engine) == before
    assert caplog.messages == []
    engine.dispose()
    postgresql.drop(name)


def slow_down(connection: Any, pause: float) -> None:
    """Let a connection pause after each step, so that the server has sent everything when it looks."""
    wait = connection.wait

    def paused(steps: Any) -> Any:
        ready = None
        while True:
            try:
                wanted = steps.send(ready)
            except StopIteration as end:
                return end.value
            sleep(pause)
            ready = yield wanted

    def slow_wait(steps: Any, *args: Any, **kwargs: Any) -> Any:
        return wait(paused(steps), *args, **kwargs)

    connection.wait = slow_wait


def sessions(engine: Engine) -> set[int]:
    """Return the numbers of the server's sessions, of as many connections as the pool has."""
    with engine.connect() as first, engine.connect() as second:
        return {connection.scalar(text("SELECT pg_backend_pid()")) for connection in (first, second)}


@pytest.mark.parametrize(
    "statement",
    [
        CREATE,
        GET,
        CREATION,
        SUMMARY,
        delete_statement(Expected.ANY),
        delete_statement(Expected.ONE),
        update_statement(frozenset({"title"}), Expected.ONE),
        page_statement(Sort.NEWEST, backward=False, by_cursor=True, by_completed=True, by_text=kind_of("milk")),
    ],
)
def test_the_statements_of_the_tasks_take_the_short_way(
    database_by: Callable[[Any], Database], statement: Statement
) -> None:
    """None of them has to be left to SQLAlchemy."""
    assert query_of(statement, database_by(SHORT_WAYS).engine.dialect).names is not None


def begin_and_fail(engine: Engine) -> None:
    """Insert a row, and raise an error before the transaction ends."""
    with engine.begin() as connection:
        connection.execute(insert(notes), ROW)
        raise LookupError


def test_sqlalchemys_own_transaction_is_undone_if_it_fails(database_by: Callable[[Any], Database], ways: Any) -> None:
    """Also on the engine of the short way, before and after it has lent a connection."""
    database = database_by(ways)
    count: Statement = select(func.count()).select_from(notes)

    for _ in range(2):
        with pytest.raises(LookupError):
            begin_and_fail(database.engine)
        assert database.run("alice", count, {}).rows == [(0,)]


def test_a_statement_that_runs_the_plain_way_is_one_transaction_of_its_user(postgresql: PostgreSQL, ways: Any) -> None:
    """On PostgreSQL the policy sees the user, and nothing of it is left on the connection."""
    database_name = postgresql.migrated_database()
    database = create_database(postgresql.role_url(database_name), ways=ways, pool_size=1)
    engine, run = database.engine, database.run
    store = TaskStore(run)
    task, _ = store.create("alice", {"title": "Buy milk", "description": None, "completed": False})
    hers = GET.with_only_columns(GET.selected_columns.title, func.current_setting("app.user_id")).where(
        GET.selected_columns.title.in_(["Buy milk"])
    )
    values = {"owner": "alice", "task_id": task.id}

    assert run("alice", hers, values).rows == [("Buy milk", "alice")]
    assert run("bob", hers, values).rows == []
    assert run_in_transaction(engine, "bob", GET, values).rows == []
    assert store.get("alice", task.id) == task
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT current_setting('app.user_id', true)").scalar() == ""

    engine.dispose()
    postgresql.drop(database_name)


def test_the_plain_way_recovers_from_a_plan_that_a_migration_has_outdated(postgresql: PostgreSQL) -> None:
    """On a connection that prepares statements, as the short way has it: the statement is run again on another."""
    name = postgresql.new_database()
    database = create_database(postgresql.owner_url(name), ways=SHORT_WAYS, pool_size=1)
    engine = database.engine
    notes.metadata.create_all(engine)
    listed: Statement = select(notes.c.stars).where(notes.c.id.in_([ONE]))
    opened: list[object] = []
    database.run("alice", insert(notes), ROW)
    for _ in range(9):
        database.run("alice", listed, {})
    event.listen(engine, "connect", lambda connection, _: opened.append(connection))
    other = create_database(postgresql.owner_url(name), ways=PLAIN_WAYS).engine
    with other.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE notes ALTER COLUMN stars TYPE bigint")

    assert database.run("alice", listed, {}).rows == [(7,)]
    assert len(opened) == 1

    for used in (engine, other):
        used.dispose()
    postgresql.drop(name)
