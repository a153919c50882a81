"""How the databases carry out each statement of the store: along an index, without reading or sorting whatever else.

On PostgreSQL as the role of the service, with the policy, statistics of a filled table, and no planner setting changed;
as a statement that knows its values, and as a prepared one that does not.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from sqlalchemy import Connection, event, insert

from app.database import Database
from app.fast.statements import query_of
from app.migrations.commands import alembic_config
from app.tasks.models import tasks
from app.tasks.pages import Cursor, Sort
from app.tasks.store import Page, TaskStore
from app.transactions import SET_USER, Answer, Statement, Values
from tests.support.postgresql import PostgreSQL
from tests.support.stores import create_database

USER = "user 7"
START = datetime(2026, 1, 1, tzinfo=UTC)

#: What a statement was given together with its text.
Asked = tuple[str, Any]


def rows(users: int = 20, each: int = 500) -> list[dict[str, Any]]:
    """Return many users' tasks, a third of them completed, in no order."""
    return [
        {
            "user_id": f"user {number % users}",
            "id": uuid.uuid5(uuid.NAMESPACE_OID, str(number)),
            "title": f"Task {number * 7919 % 10007}",
            "description": "The one with the blue cap.",
            "completed": number % 3 == 0,
            "created_at": START + timedelta(seconds=number),
            "updated_at": START + timedelta(seconds=number * 7919 % 10007),
            "version": 1,
        }
        for number in range(users * each)
    ]


@pytest.fixture(scope="module")
def filled_url(
    request: pytest.FixtureRequest, database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Return the URL of a database with ten thousand tasks, as the service gets it."""
    if database == "sqlite":
        path: Path = tmp_path_factory.mktemp("filled") / "tasks.sqlite3"
        fill(f"sqlite:///{path}", migrate=True)
        yield f"sqlite:///{path}"
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    name = server.migrated_database()
    fill(server.owner_url(name), migrate=False)
    with psycopg.connect(server.owner_url(name), autocommit=True) as owner:
        clean_up(owner)
    yield server.role_url(name)
    server.drop(name)


def clean_up(owner: psycopg.Connection) -> None:
    """Do what autovacuum does before long: an index alone is read where its rows are known to be visible to all."""
    for _ in range(20):
        # What is not on disk yet, or somebody's snapshot does not hold yet, is not visible to all.
        owner.execute("CHECKPOINT")
        owner.execute("VACUUM ANALYZE tasks")
        found = owner.execute("SELECT relallvisible = relpages FROM pg_class WHERE relname = 'tasks'").fetchone()
        if found == (True,):
            return
    raise AssertionError("the tasks did not become visible to all")


def fill(url: str, *, migrate: bool) -> None:
    """Write the tasks into a database."""
    engine = create_database(url).engine
    if migrate:
        command.upgrade(alembic_config(engine), "head")
    with engine.begin() as connection:
        connection.execute(insert(tasks), rows())
    engine.dispose()


@pytest.fixture
def filled_database(filled_url: str) -> Iterator[Database]:
    """Return a database with many tasks."""
    database = create_database(filled_url)
    yield database
    database.engine.dispose()


def asked_by(database: Database, call: Callable[[TaskStore], object]) -> Asked:
    """Return the one statement that an operation runs, and its values; it takes no effect."""
    seen: list[Asked] = []

    class NotRunError(Exception):
        """Ends the operation before the statement runs."""

    def note_sent(_connection: object, _cursor: object, text: str, parameters: Any, *_: object) -> None:
        seen.append((text, parameters))
        raise NotRunError

    def note(_user_id: str, statement: Statement, values: Values) -> Answer:
        query = query_of(statement, database.engine.dialect)
        if query.names is not None:
            note_sent(None, None, query.text, query.parameters(values))
        # It has a list, so SQLAlchemy writes the text when it has the values.
        with database.engine.connect() as connection:
            event.listen(connection, "before_cursor_execute", note_sent)
            connection.execute(statement, values)
        raise AssertionError("the statement has run")

    with pytest.raises(NotRunError):
        call(TaskStore(note))
    (asked,) = seen
    return asked


#: Steps that add nothing to what is read.
HARMLESS = {"Limit", "ModifyTable", "Aggregate", "Result"}


def plans_of(database: Database, asked: Asked) -> list[list[str]]:
    """Return the plans there are for a statement; each step with its index and what that is asked for."""
    with database.engine.begin() as connection:
        if database.engine.dialect.name == "sqlite":
            return [sqlite_plan(connection, *asked)]
        connection.exec_driver_sql("BEGIN")
        connection.exec_driver_sql(SET_USER, {"user_id": USER})
        return [postgresql_plan(connection, *asked), prepared_plan(connection, *asked)]


def sqlite_plan(connection: Connection, statement: str, parameters: Any) -> list[str]:
    """Return SQLite's plan in the words of PostgreSQL, as far as they fit."""
    details = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    only = [detail.replace("SEARCH tasks USING COVERING INDEX", "Index Only Scan") for detail in details]
    return [detail.replace("SEARCH tasks USING INDEX", "Index Scan") for detail in only]


def postgresql_plan(connection: Connection, statement: str, parameters: Any) -> list[str]:
    """Return PostgreSQL's plan for a statement whose values it knows."""
    (found,) = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar_one()
    return list(flattened(found))


def prepared_plan(connection: Connection, statement: str, parameters: Mapping[str, Any]) -> list[str]:
    """Return PostgreSQL's plan for a statement that was prepared, as drivers do, for values of any kind."""
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", statement)))
    numbered = re.sub(r"%\((\w+)\)s", lambda match: f"${names.index(match[1]) + 1}", statement)
    session: Any = connection.connection.driver_connection
    cursor = psycopg.ClientCursor(session)
    cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    cursor.execute(f"PREPARE prepared AS {numbered}".encode())
    values = ", ".join(["%s"] * len(names))
    execute = f"EXPLAIN (FORMAT JSON) EXECUTE prepared{f'({values})' if names else ''}"
    cursor.execute(execute.encode(), [parameters[name] for name in names])
    ((found,),) = cursor.fetchall()[0]
    cursor.execute("DEALLOCATE prepared")
    return list(flattened(found))


def flattened(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the steps of PostgreSQL's plan, the last one first."""
    plan = found.get("Plan", found)
    if plan["Node Type"] not in HARMLESS:
        yield f"{plan['Node Type']} {plan.get('Index Name', '')} ({plan.get('Index Cond', '')})"
    for below in plan.get("Plans", []):
        yield from flattened(below)


def edge(sort: Sort, *, backward: bool) -> Cursor:
    """Return a cursor into the middle of the tasks."""
    key = "Task 5000" if sort.field == "title" else START + timedelta(seconds=5000)
    return Cursor(sort, backward, key, uuid.UUID(int=0))


@pytest.mark.parametrize("sort", list(Sort))
@pytest.mark.parametrize("completed", [None, False, True], ids=["all", "open", "completed"])
@pytest.mark.parametrize("way", ["first page", "next page", "page before"])
def test_a_list_walks_the_index_of_its_order(
    filled_database: Database, sort: Sort, completed: bool | None, way: str
) -> None:
    """It begins at the cursor and ends with the page: nothing is skipped, filtered or sorted."""
    cursor = None if way == "first page" else edge(sort, backward=way == "page before")

    def page(store: TaskStore) -> Page:
        return store.page(USER, limit=20, sort=sort, completed=completed, cursor=cursor)

    narrowed = "" if completed is None else "completed_"
    for plan in plans_of(filled_database, asked_by(filled_database, page)):
        (step,) = plan
        assert step.startswith(f"Index Scan ix_tasks_user_id_{narrowed}{sort.field}_id (")
        assert (re.search(rf"\b{sort.field}\W*(?:text)?, ?id\)", step) is not None) == (cursor is not None)
        assert ("completed" in step.partition("(")[2]) == (completed is not None)


@pytest.mark.parametrize("sort", list(Sort))
@pytest.mark.parametrize("completed", [None, True], ids=["all", "completed"])
@pytest.mark.parametrize("text", ["cap", "the one with the blue cap"], ids=["short", "long"])
def test_a_search_reads_no_other_users_tasks(
    filled_database: Database, sort: Sort, completed: bool | None, text: str
) -> None:
    """Texts are compared on the way along an index; PostgreSQL sorts what it finds if it expects that to be little."""

    def search(store: TaskStore) -> Page:
        return store.page(USER, limit=20, sort=sort, completed=completed, text=text, cursor=edge(sort, backward=False))

    for plan in plans_of(filled_database, asked_by(filled_database, search)):
        walked = plan[-1]
        assert re.match(rf"(Bitmap )?Index Scan ix_tasks_user_id_\w*{sort.field}_id \(", walked)
        assert "user_id" in walked.partition("(")[2]
        assert [step.split("  ")[0] for step in plan[:-1]] in ([], ["Sort", "Bitmap Heap Scan"])


TASK_ID = uuid.uuid5(uuid.NAMESPACE_OID, "7")
CONTENT = {"title": "x", "description": None, "completed": True}

BY_KEY: dict[str, Callable[[TaskStore], object]] = {
    "get": lambda store: store.get(USER, TASK_ID),
    "change": lambda store: store.change(USER, TASK_ID, CONTENT),
    "conditional change": lambda store: store.change(USER, TASK_ID, CONTENT, {1, 2}),
    "toggle": lambda store: store.toggle(USER, TASK_ID),
    "conditional toggle": lambda store: store.toggle(USER, TASK_ID, {1}),
    "delete": lambda store: store.delete(USER, TASK_ID),
    "conditional delete": lambda store: store.delete(USER, TASK_ID, {1}),
}


@pytest.mark.parametrize("operation", BY_KEY)
def test_one_task_is_found_by_its_key(filled_database: Database, operation: str) -> None:
    """User and id, which are the primary key."""
    for plan in plans_of(filled_database, asked_by(filled_database, BY_KEY[operation])):
        (step,) = plan
        assert re.match(r"Index Scan (pk_tasks|sqlite_autoindex_tasks_1) \(", step)
        assert "user_id" in step
        assert re.search(r"\bid =|\bid=", step)


def test_a_create_reads_nothing(filled_database: Database) -> None:
    """It looks nothing up first; the key decides."""
    for plan in plans_of(filled_database, asked_by(filled_database, lambda store: store.create(USER, CONTENT))):
        assert plan == []


def test_the_summary_reads_an_index_and_no_task(filled_database: Database) -> None:
    """The counts are in there."""
    for plan in plans_of(filled_database, asked_by(filled_database, lambda store: store.summary(USER))):
        (step,) = plan
        assert re.match(r"Index Only Scan ix_tasks_user_id_completed_\w+_id \(", step)


def test_the_readiness_probe_reads_no_task(filled_database: Database) -> None:
    """PostgreSQL does not even begin to: some users' tasks may be on a server that is away, while others are served."""
    statement, parameters = asked_by(filled_database, lambda store: Database(filled_database.engine, store.run).probe())

    with filled_database.engine.connect() as connection:
        found = connection.exec_driver_sql(statement, parameters).all()
        if filled_database.engine.dialect.name == "postgresql":
            analyzed = connection.exec_driver_sql(
                f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters
            ).scalar_one()
            (scan,) = analyzed[0]["Plan"]["Plans"]
            assert scan["Actual Loops"] == 0

    assert found == []
