"""Statements end when their time is over, on either database, and the next request is not disturbed by that."""

from __future__ import annotations

import time
from typing import Any

import pytest
from sqlalchemy import Select, func, literal, select, text
from sqlalchemy.exc import OperationalError

from app.database import Database
from app.deadline import DEADLINE
from app.tasks.store import TaskStore
from tests.support.tasks_api import keep

#: Far more than a test waits.
ENDLESS = 10**9


def endless() -> Select[Any]:
    """Return a statement that works for hours, on SQLite as on PostgreSQL."""
    numbers = select(literal(1).label("number")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.number + 1).where(numbers.c.number < ENDLESS))
    return select(func.count()).select_from(numbers)


@pytest.mark.parametrize("limit", ["deadline", "time_limit"])
def test_a_statement_ends_when_its_time_is_over(own_database: Database, own_store: TaskStore, limit: str) -> None:
    """As an error of the database's; the store works as before, with all the time there is."""
    statement = endless().execution_options(**{limit: 0.2})
    start = time.monotonic()

    with pytest.raises(OperationalError):
        own_database.run("alice", statement, {})

    assert time.monotonic() - start < 10
    assert DEADLINE.left() > ENDLESS
    task = keep(own_store)
    assert own_store.get("alice", task.id) == task


def test_what_has_no_limit_takes_the_time_it_needs(own_database: Database) -> None:
    """As a migration does; here right after a statement that was ended, on the same connection if that has survived."""
    with pytest.raises(OperationalError):
        own_database.run("alice", endless().execution_options(time_limit=0.01), {})
    short = str(endless().compile(own_database.engine, compile_kwargs={"literal_binds": True})).replace(
        str(ENDLESS), "50000"
    )

    with own_database.engine.connect() as connection:
        assert connection.execute(text(short)).scalar() == 50_000
