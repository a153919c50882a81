"""The tasks in the database: one statement per operation, each filtered by the user as the second wall.

The first wall is the path check in front of the views; a query here finds a user's own rows even if that were missing.
Statements are built once and only given their values. Knows nothing of HTTP: what a client did wrong is an error of
this module, and :mod:`app.errors` makes it an answer.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cache
from typing import Any, NoReturn

from sqlalchemy import (
    Engine,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from app.tasks.models import Task, tasks
from app.tasks.pages import Cursor, Sort

#: Versions a write is willing to replace; None where the client named none.
Versions = Collection[int] | None

COLUMNS = tuple(tasks.c[field.name] for field in fields(Task))

ONE_TASK = and_(tasks.c.user_id == bindparam("owner"), tasks.c.id == bindparam("task_id"))
EXPECTED_VERSION = tasks.c.version.in_(bindparam("versions", expanding=True))

CREATE = insert(tasks)
GET = select(*COLUMNS).where(ONE_TASK)
DELETE = delete(tasks).where(ONE_TASK)
DELETE_CONDITIONALLY = DELETE.where(EXPECTED_VERSION)
PROBE = select(literal(1)).select_from(tasks).limit(1)


class TaskNotFoundError(Exception):
    """The user has no task of that id; somebody else may."""


class PreconditionFailedError(Exception):
    """The task is there, in another version than the client expects (RFC 9110 §13.1.1)."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some tasks in order, and the cursor to those that follow."""

    items: list[Task]
    #: None on the last page.
    next: Cursor | None


@dataclass(frozen=True, slots=True)
class TaskStore:
    """Every user's tasks. Safe to share between threads; holds nothing but the engine and the clock."""

    engine: Engine
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def create(self, user_id: str, values: Mapping[str, Any]) -> Task:
        """Keep a new task of ``title``, ``description`` and ``completed`` and return it."""
        now = self.clock()
        task = Task(user_id, uuid.uuid4(), **values, created_at=now, updated_at=now, version=1)
        with self.engine.begin() as connection:
            connection.execute(CREATE, {field.name: getattr(task, field.name) for field in fields(task)})
        return task

    def get(self, user_id: str, task_id: uuid.UUID) -> Task:
        """Return one task; raise :class:`TaskNotFoundError` where the user has none of that id."""
        with self.engine.connect() as connection:
            row = connection.execute(GET, _one_task(user_id, task_id)).first()
        if row is None:
            raise TaskNotFoundError
        return _task(row)

    def page(
        self,
        user_id: str,
        *,
        limit: int,
        sort: Sort = Sort.NEWEST,
        cursor: Cursor | None = None,
        completed: bool | None = None,
        text: str | None = None,
    ) -> Page:
        """Return up to ``limit`` tasks after ``cursor``; ``text`` is looked for in titles and descriptions."""
        statement = page_statement(
            sort,
            after=cursor is not None,
            by_completed=completed is not None,
            by_text=text is not None,
        )
        values: dict[str, Any] = {"owner": user_id, "row_limit": limit + 1}
        if cursor is not None:
            values |= {"last_key": cursor.key, "last_id": cursor.id}
        if completed is not None:
            values["wanted"] = completed
        if text is not None:
            values["pattern"] = like_pattern(text)
        with self.engine.connect() as connection:
            found = [_task(row) for row in connection.execute(statement, values)]
        items = found[:limit]
        return Page(items, Cursor.after(items[-1], sort) if len(found) > limit else None)

    def change(self, user_id: str, task_id: uuid.UUID, values: Mapping[str, Any], versions: Versions = None) -> Task:
        """Set the given fields and return the task; without any, the task stays as it is, version and all."""
        if not values:
            return self._unchanged(user_id, task_id, versions)
        statement = update_statement(frozenset(values), conditional=versions is not None)
        return self._write(
            statement, user_id, task_id, versions, {f"new_{name}": value for name, value in values.items()}
        )

    def toggle(self, user_id: str, task_id: uuid.UUID, versions: Versions = None) -> Task:
        """Complete an open task or reopen a completed one, in one statement: two at once cancel out."""
        return self._write(toggle_statement(conditional=versions is not None), user_id, task_id, versions, {})

    def delete(self, user_id: str, task_id: uuid.UUID, versions: Versions = None) -> None:
        """Remove a task for good."""
        statement = DELETE if versions is None else DELETE_CONDITIONALLY
        with self.engine.begin() as connection:
            removed = connection.execute(statement, _one_task(user_id, task_id, versions)).rowcount
        if not removed:
            self._refuse(user_id, task_id)

    def probe(self) -> None:
        """Read from the table, to find out whether that can be done; raise SQLAlchemy's error where it cannot."""
        with self.engine.connect() as connection:
            connection.execute(PROBE).first()

    def _write(
        self,
        statement: ReturningUpdate[Any],
        user_id: str,
        task_id: uuid.UUID,
        versions: Versions,
        values: Mapping[str, Any],
    ) -> Task:
        """Run an update of one task, conditional on its version where one is expected, and return what it became."""
        parameters = {**values, **_one_task(user_id, task_id, versions), "now": self.clock()}
        with self.engine.begin() as connection:
            row: Row[Any] | None = connection.execute(statement, parameters).first()
        if row is None:
            self._refuse(user_id, task_id)
        return _task(row)

    def _unchanged(self, user_id: str, task_id: uuid.UUID, versions: Versions) -> Task:
        """Return a task that is asked to stay as it is, if it is in an expected version."""
        task = self.get(user_id, task_id)
        if versions is not None and task.version not in versions:
            raise PreconditionFailedError
        return task

    def _refuse(self, user_id: str, task_id: uuid.UUID) -> NoReturn:
        """Raise why a write met no row: the task is not there, or it is in another version."""
        self.get(user_id, task_id)
        raise PreconditionFailedError


def _task(row: Sequence[Any]) -> Task:
    """Return the task a row of all :data:`COLUMNS` stands for."""
    return Task(*row)


def _one_task(user_id: str, task_id: uuid.UUID, versions: Versions = None) -> dict[str, Any]:
    """Return the values that name one task in a statement, and the versions expected of it."""
    expected = {} if versions is None else {"versions": list(versions)}
    return {"owner": user_id, "task_id": task_id, **expected}


@cache
def page_statement(sort: Sort, *, after: bool, by_completed: bool, by_text: bool) -> Select[Any]:
    """Return the query for one page, by key: it walks the index of its order from where the last page ended."""
    key = (tasks.c[sort.field], tasks.c.id)
    statement = select(*COLUMNS).where(tasks.c.user_id == bindparam("owner"))
    if after:
        last = tuple_(bindparam("last_key", type_=key[0].type), bindparam("last_id", type_=key[1].type))
        statement = statement.where(tuple_(*key) < last if sort.descending else tuple_(*key) > last)
    if by_completed:
        statement = statement.where(tasks.c.completed == bindparam("wanted"))
    if by_text:
        pattern = func.lower(bindparam("pattern", type_=tasks.c.title.type))
        matches = (func.lower(tasks.c[name]).like(pattern, escape="\\") for name in ("title", "description"))
        statement = statement.where(or_(*matches))
    order = (column.desc() for column in key) if sort.descending else key
    return statement.order_by(*order).limit(bindparam("row_limit"))


@cache
def update_statement(names: frozenset[str], *, conditional: bool) -> ReturningUpdate[Any]:
    """Return the update that sets the named fields of one task."""
    return _returning({tasks.c[name]: bindparam(f"new_{name}") for name in sorted(names)}, conditional)


@cache
def toggle_statement(*, conditional: bool) -> ReturningUpdate[Any]:
    """Return the update that turns ``completed`` over, whatever it is by then."""
    return _returning({tasks.c.completed: not_(tasks.c.completed)}, conditional)


def _returning(values: Mapping[Any, Any], conditional: bool) -> ReturningUpdate[Any]:
    """Return an update of one task that counts its version up and answers with the row."""
    values = {**values, tasks.c.updated_at: bindparam("now"), tasks.c.version: tasks.c.version + 1}
    where = and_(ONE_TASK, EXPECTED_VERSION) if conditional else ONE_TASK
    return update(tasks).where(where).values(values).returning(*COLUMNS)


def like_pattern(text: str) -> str:
    """Return the LIKE pattern for a substring, in which no character of the text is a wildcard."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
