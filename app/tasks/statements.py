"""What the store asks of the database, in SQLAlchemy's words: every statement is filtered by the one user it names.

Statements are built once, with parameters instead of values, and run by :mod:`app.transactions`. Which operation runs
which, and what an answer means, is :mod:`app.tasks.store`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache
from typing import Any

from sqlalchemy import (
    Delete,
    Select,
    String,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    not_,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from app.deadline import SEARCH_TIMEOUT
from app.tasks.models import Task, tasks
from app.tasks.pages import Sort
from app.text_search import Holds

COLUMNS = tuple(tasks.c[name] for name in Task._fields)

ONE_TASK = and_(tasks.c.user_id == bindparam("owner"), tasks.c.id == bindparam("task_id"))

CREATE = insert(tasks)
GET = select(*COLUMNS).where(ONE_TASK)
CREATION = select(*COLUMNS, tasks.c.creation).where(ONE_TASK)
SUMMARY = (
    select(tasks.c.completed, func.count()).where(tasks.c.user_id == bindparam("owner")).group_by(tasks.c.completed)
)


@cache
def page_statement(
    sort: Sort, *, backward: bool, by_cursor: bool, by_completed: bool, by_text: Callable[..., Holds] | None
) -> Select[Any]:
    """Return the query for one page, by key: it walks the index of its order away from the cursor."""
    key = (tasks.c[sort.field], tasks.c.id)
    descending = sort.descending != backward
    statement = select(*COLUMNS).where(tasks.c.user_id == bindparam("owner"))
    if by_cursor:
        edge = tuple_(bindparam("edge_key", type_=key[0].type), bindparam("edge_id", type_=key[1].type))
        statement = statement.where(tuple_(*key) < edge if descending else tuple_(*key) > edge)
    if by_completed:
        statement = statement.where(tasks.c.completed == bindparam("wanted"))
    if by_text is not None:
        statement = statement.where(by_text(bindparam("text", type_=String()), tasks.c.title, tasks.c.description))
        statement = statement.execution_options(time_limit=SEARCH_TIMEOUT)
    order = (column.desc() for column in key) if descending else key
    return statement.order_by(*order).limit(bindparam("row_limit"))


class Expected(Enum):
    """How many versions a write may replace."""

    ANY = "any"
    ONE = "one"
    #: Or none.
    SEVERAL = "several"


#: Which task a write is for. Most writes expect one version, and a statement without a list can take the short way.
_TASK = {
    Expected.ANY: ONE_TASK,
    Expected.ONE: and_(ONE_TASK, tasks.c.version == bindparam("expected")),
    Expected.SEVERAL: and_(ONE_TASK, tasks.c.version.in_(bindparam("expected", expanding=True))),
}


@cache
def update_statement(names: frozenset[str], expected: Expected) -> ReturningUpdate[Any]:
    """Return the update that sets the named fields of one task, and changes nothing if the values are the same."""
    values = {tasks.c[name]: bindparam(f"new_{name}", type_=tasks.c[name].type) for name in sorted(names)}
    return _returning(values, expected)


@cache
def toggle_statement(expected: Expected) -> ReturningUpdate[Any]:
    """Return the update that toggles ``completed``."""
    return _returning({tasks.c.completed: not_(tasks.c.completed)}, expected)


@cache
def delete_statement(expected: Expected) -> Delete:
    """Return the statement that removes one task."""
    return delete(tasks).where(_TASK[expected])


def _returning(values: Mapping[Any, Any], expected: Expected) -> ReturningUpdate[Any]:
    """Return an update of one task that increments its version if anything changes, and returns the row."""
    is_different = or_(*(column.is_distinct_from(value) for column, value in values.items()))
    now = bindparam("now", type_=tasks.c.updated_at.type)
    written = {
        **values,
        tasks.c.updated_at: case((is_different, now), else_=tasks.c.updated_at),
        tasks.c.version: case((is_different, tasks.c.version + 1), else_=tasks.c.version),
    }
    return update(tasks).where(_TASK[expected]).values(written).returning(*COLUMNS)
