"""Several statements in one transaction of a user, on either database and on the engine of either way."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, insert, literal, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from app.database import Database
from app.tasks.models import tasks
from app.tasks.store import TaskStore
from app.transactions import transaction
from tests.support.tasks_api import keep


@pytest.fixture(autouse=True)
def used_connections(own_store: TaskStore) -> None:
    """Let the pool hold a connection that has been used before."""
    own_store.summary("alice")


def test_the_statements_of_a_transaction_are_committed_together(own_database: Database, own_store: TaskStore) -> None:
    """Others see neither of them before its end."""
    first, second = keep(own_store), keep(own_store)

    with transaction(own_database.engine, "alice") as connection:
        for task in (first, second):
            connection.execute(update(tasks).where(tasks.c.id == task.id).values(title="Buy tea"))
        assert {task.title for task in own_store.page("alice", limit=2).items} == {first.title}

    assert [task.title for task in own_store.page("alice", limit=2).items] == ["Buy tea", "Buy tea"]


def test_all_statements_are_undone_if_the_second_fails(own_database: Database, own_store: TaskStore) -> None:
    """The connection works for the next statement."""
    task = keep(own_store)

    def change_and_fail() -> None:
        with transaction(own_database.engine, "alice") as connection:
            connection.execute(update(tasks).values(title="Buy tea"))
            connection.execute(insert(tasks), row_like(task))

    with pytest.raises(IntegrityError):
        change_and_fail()

    assert own_store.page("alice", limit=9).items == [task]


def test_all_statements_are_undone_if_the_code_between_them_fails(own_database: Database, own_store: TaskStore) -> None:
    """Whatever the error is."""
    task = keep(own_store)

    def change_and_fail() -> None:
        with transaction(own_database.engine, "alice") as connection:
            connection.execute(update(tasks).values(title="Buy tea"))
            raise LookupError

    with pytest.raises(LookupError):
        change_and_fail()

    assert own_store.get("alice", task.id) == task


def test_a_transaction_sees_the_rows_of_its_user_alone(
    own_database: Database, own_store: TaskStore, database: str
) -> None:
    """On PostgreSQL, though its statements forget the filter. SQLite knows no users."""
    hers, his = keep(own_store), keep(own_store, user_id="bob")

    seen = {}
    for user_id in ("alice", "bob", "carol"):
        with transaction(own_database.engine, user_id) as connection:
            seen[user_id] = set(connection.scalars(select(tasks.c.id)))
            seen[user_id] |= set(connection.scalars(select(tasks.c.id)))

    if database == "postgresql":
        assert seen == {"alice": {hers.id}, "bob": {his.id}, "carol": set()}
    else:
        assert set(map(frozenset, seen.values())) == {frozenset({hers.id, his.id})}


def test_no_user_is_left_on_the_connection(own_database: Database, own_store: TaskStore, database: str) -> None:
    """The next transaction on it sees the rows of nobody, unless it names a user."""
    keep(own_store)
    with transaction(own_database.engine, "alice") as connection:
        connection.execute(select(tasks.c.id))

    with own_database.engine.begin() as connection:
        assert len(connection.scalars(select(tasks.c.id)).all()) == (0 if database == "postgresql" else 1)


def test_a_transaction_ends_at_its_time_limit(own_database: Database, own_store: TaskStore) -> None:
    """What it has done is undone."""
    task = keep(own_store)
    numbers = select(literal(1).label("number")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.number + 1).where(numbers.c.number < 10**9))

    def change_and_count() -> None:
        with transaction(own_database.engine, "alice", time_limit=0.2) as connection:
            connection.execute(update(tasks).values(title="Buy tea"))
            connection.execute(select(func.count()).select_from(numbers))

    with pytest.raises(OperationalError):
        change_and_count()

    assert own_store.get("alice", task.id) == task


def row_like(task: Any) -> dict[str, Any]:
    """Return the row of a task that exists."""
    return {**task._asdict(), "creation": None}
