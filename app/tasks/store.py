"""The tasks in the database: one statement per operation, each for one user and filtered by that user.

Three walls stand between two users: the path check in front of the views, the filter here, and on PostgreSQL the
database itself, which is told for whom each transaction runs (:meth:`TaskStore._transaction`). Statements are built
once and only given their values. Knows nothing of HTTP: what a client did wrong is an error of this module, and
:mod:`app.errors` makes it an answer.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cache
from typing import Any, NoReturn

from sqlalchemy import (
    Connection,
    Engine,
    Row,
    Select,
    and_,
    bindparam,
    case,
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
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.dml import ReturningUpdate

from app.tasks.models import CREATION_LENGTH, USER_ID_LENGTH, LowerCase, Task, tasks
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
CREATION = select(*COLUMNS, tasks.c.creation).where(ONE_TASK)
SUMMARY = (
    select(tasks.c.completed, func.count()).where(tasks.c.user_id == bindparam("owner")).group_by(tasks.c.completed)
)
PROBE = select(literal(1)).select_from(tasks).limit(1)


class TaskNotFoundError(Exception):
    """The user has no task of that id; somebody else may."""


class PreconditionFailedError(Exception):
    """The task is there, in another version than the client expects (RFC 9110 §13.1.1)."""


class IdTakenError(Exception):
    """The user has another task under the id that the client chose."""


class UserIdTooLongError(Exception):
    """The user id has more characters than an issuer may give it (OpenID Connect Core §2)."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some tasks in order, and the cursors to those around them."""

    items: list[Task]
    #: None on the last page.
    next: Cursor | None
    #: None on the first page.
    previous: Cursor | None


@dataclass(frozen=True, slots=True)
class Summary:
    """How many tasks a user has."""

    open: int
    completed: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.open + self.completed


#: Tells the database for whom the transaction of a connection runs.
Identify = Callable[[Connection, str], None]


def identify_nobody(_connection: Connection, _user_id: str) -> None:
    """Do nothing: the database keeps no rows apart by itself."""


@dataclass(frozen=True, slots=True)
class TaskStore:
    """Every user's tasks. Safe to share between threads; holds nothing but the engine, the clock and a function."""

    engine: Engine
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    identify: Identify = identify_nobody

    @contextmanager
    def _transaction(self, user_id: str) -> Iterator[Connection]:
        """Run a transaction that the database knows to be one user's."""
        if len(user_id) > USER_ID_LENGTH:
            raise UserIdTooLongError
        with self.engine.begin() as connection:
            self.identify(connection, user_id)
            yield connection

    def create(self, user_id: str, values: Mapping[str, Any], task_id: uuid.UUID | None = None) -> tuple[Task, bool]:
        """Keep a new task of ``title``, ``description`` and ``completed``; return it, and whether it is new.

        Under a ``task_id`` that the client has chosen the same may be asked for again: the task that is there is
        returned then, whatever has become of it. Something else under that id is an :class:`IdTakenError`.
        """
        now = self.clock()
        version = round(now.timestamp() * 1_000_000)
        task = Task(user_id, task_id or uuid.uuid4(), **values, created_at=now, updated_at=now, version=version)
        creation = None if task_id is None else digest(values)
        try:
            with self._transaction(user_id) as connection:
                row = {field.name: getattr(task, field.name) for field in fields(task)}
                connection.execute(CREATE, row | {"creation": creation})
        except IntegrityError:
            if task_id is None:
                raise
            return self._created_before(task, creation), False
        return task, True

    def _created_before(self, task: Task, creation: bytes | None) -> Task:
        """Return the task that has an id already, if it was created by the same request."""
        with self._transaction(task.user_id) as connection:
            row = connection.execute(CREATION, _one_task(task.user_id, task.id)).first()
        # None: it has been deleted in between, so the id was taken and is not this task's any more.
        if row is None or row.creation != creation:
            raise IdTakenError
        return _task(row[:-1])

    def get(self, user_id: str, task_id: uuid.UUID) -> Task:
        """Return one task; raise :class:`TaskNotFoundError` where the user has none of that id."""
        with self._transaction(user_id) as connection:
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
        """Return up to ``limit`` tasks beside ``cursor``; ``text`` is looked for in titles and descriptions."""
        backward = cursor is not None and cursor.backward
        statement = page_statement(
            sort,
            backward=backward,
            by_cursor=cursor is not None,
            by_completed=completed is not None,
            by_text=text is not None,
        )
        values: dict[str, Any] = {"owner": user_id, "row_limit": limit + 1}
        if cursor is not None:
            values |= {"edge_key": cursor.key, "edge_id": cursor.id}
        if completed is not None:
            values["wanted"] = completed
        if text is not None:
            values["pattern"] = like_pattern(text)
        with self._transaction(user_id) as connection:
            found = [_task(row) for row in connection.execute(statement, values)]
        return _page(found, limit, sort, cursor)

    def summary(self, user_id: str) -> Summary:
        """Return how many tasks a user has, open and completed."""
        with self._transaction(user_id) as connection:
            counts = {row[0]: row[1] for row in connection.execute(SUMMARY, {"owner": user_id})}
        return Summary(open=counts.get(False, 0), completed=counts.get(True, 0))

    def change(self, user_id: str, task_id: uuid.UUID, values: Mapping[str, Any], versions: Versions = None) -> Task:
        """Set the given fields and return the task; where they are so already it stays as it is, version and all."""
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
        with self._transaction(user_id) as connection:
            removed = connection.execute(statement, _one_task(user_id, task_id, versions)).rowcount
        if not removed:
            self._refuse(user_id, task_id, versions)

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
        with self._transaction(user_id) as connection:
            row: Row[Any] | None = connection.execute(statement, parameters).first()
        if row is None:
            self._refuse(user_id, task_id, versions)
        return _task(row)

    def _unchanged(self, user_id: str, task_id: uuid.UUID, versions: Versions) -> Task:
        """Return a task that is asked to stay as it is, if it is in an expected version."""
        task = self.get(user_id, task_id)
        if versions is not None and task.version not in versions:
            raise PreconditionFailedError
        return task

    def _refuse(self, user_id: str, task_id: uuid.UUID, versions: Versions) -> NoReturn:
        """Raise why a write met no row: the task is not there, or it is in another version."""
        if versions is None:
            # Whatever has been created under the id since, this write expected no version of it.
            raise TaskNotFoundError
        self.get(user_id, task_id)
        raise PreconditionFailedError


def _task(row: Sequence[Any]) -> Task:
    """Return the task a row of all :data:`COLUMNS` stands for."""
    return Task(*row)


def _one_task(user_id: str, task_id: uuid.UUID, versions: Versions = None) -> dict[str, Any]:
    """Return the values that name one task in a statement, and the versions expected of it."""
    expected = {} if versions is None else {"versions": list(versions)}
    return {"owner": user_id, "task_id": task_id, **expected}


def _page(found: list[Task], limit: int, sort: Sort, cursor: Cursor | None) -> Page:
    """Return a page of what was found, one task more than it holds, read away from the cursor."""
    items, has_more = found[:limit], len(found) > limit
    backward = cursor is not None and cursor.backward
    if backward:
        items.reverse()
    # Where we come from, there was something; ahead there is, if one task more than wanted was found.
    is_more_after, is_more_before = (True, has_more) if backward else (has_more, cursor is not None)
    return Page(
        items,
        next=Cursor.at(items[-1], sort, backward=False) if items and is_more_after else None,
        previous=Cursor.at(items[0], sort, backward=True) if items and is_more_before else None,
    )


def digest(values: Mapping[str, Any]) -> bytes:
    """Return what tells one request to create a task from another."""
    text = json.dumps(values, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=CREATION_LENGTH).digest()


@cache
def page_statement(sort: Sort, *, backward: bool, by_cursor: bool, by_completed: bool, by_text: bool) -> Select[Any]:
    """Return the query for one page, by key: it walks the index of its order away from the cursor."""
    key = (tasks.c[sort.field], tasks.c.id)
    descending = sort.descending != backward
    statement = select(*COLUMNS).where(tasks.c.user_id == bindparam("owner"))
    if by_cursor:
        edge = tuple_(bindparam("edge_key", type_=key[0].type), bindparam("edge_id", type_=key[1].type))
        statement = statement.where(tuple_(*key) < edge if descending else tuple_(*key) > edge)
    if by_completed:
        statement = statement.where(tasks.c.completed == bindparam("wanted"))
    if by_text:
        pattern = LowerCase(bindparam("pattern", type_=tasks.c.title.type))
        matches = (LowerCase(tasks.c[name]).like(pattern, escape="\\") for name in ("title", "description"))
        statement = statement.where(or_(*matches))
    order = (column.desc() for column in key) if descending else key
    return statement.order_by(*order).limit(bindparam("row_limit"))


@cache
def update_statement(names: frozenset[str], *, conditional: bool) -> ReturningUpdate[Any]:
    """Return the update that sets the named fields of one task, and touches nothing where they are so already."""
    values = {tasks.c[name]: bindparam(f"new_{name}", type_=tasks.c[name].type) for name in sorted(names)}
    return _returning(values, conditional)


@cache
def toggle_statement(*, conditional: bool) -> ReturningUpdate[Any]:
    """Return the update that turns ``completed`` over, whatever it is by then."""
    return _returning({tasks.c.completed: not_(tasks.c.completed)}, conditional)


def _returning(values: Mapping[Any, Any], conditional: bool) -> ReturningUpdate[Any]:
    """Return an update of one task that counts its version up if anything changes, and answers with the row."""
    is_different = or_(*(column.is_distinct_from(value) for column, value in values.items()))
    now = bindparam("now", type_=tasks.c.updated_at.type)
    written = {
        **values,
        tasks.c.updated_at: case((is_different, now), else_=tasks.c.updated_at),
        tasks.c.version: case((is_different, tasks.c.version + 1), else_=tasks.c.version),
    }
    where = and_(ONE_TASK, EXPECTED_VERSION) if conditional else ONE_TASK
    return update(tasks).where(where).values(written).returning(*COLUMNS)


def like_pattern(text: str) -> str:
    """Return the LIKE pattern for a substring, in which no character of the text is a wildcard."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
