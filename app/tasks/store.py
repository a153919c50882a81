"""The tasks in the database: one statement per operation, each for one user and filtered by that user.

Three checks keep two users apart: the path check in front of the views, the filter in each statement
(:mod:`app.tasks.statements`), and on PostgreSQL the database itself, which is told the user of each transaction.
This module knows nothing of HTTP. It raises the errors of :mod:`app.tasks.errors`.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.dml import ReturningUpdate

from app.tasks.errors import (
    IdTakenError,
    LostPlaceError,
    PreconditionFailedError,
    TaskNotFoundError,
    UserIdTooLongError,
)
from app.tasks.models import CREATION_LENGTH, USER_ID_LENGTH, Task
from app.tasks.pages import Cursor, Edge, Sort
from app.tasks.statements import (
    CREATE,
    CREATION,
    GET,
    SUMMARY,
    Expected,
    delete_statement,
    page_statement,
    toggle_statement,
    update_statement,
)
from app.text_search import kind_of
from app.transactions import Answer, Run, Statement, Values

#: Versions that a write may replace; None if the client named none.
Versions = Collection[int] | None


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


@dataclass(frozen=True, slots=True)
class TaskStore:
    """The tasks of all users. Threads may share a store: it holds two functions."""

    #: Runs a statement on the database, such as ``current_database().run``.
    run: Run
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def _run(self, user_id: str, statement: Statement, values: Values) -> Answer:
        """Run one statement in a transaction of one user, which the database is told."""
        if len(user_id) > USER_ID_LENGTH:
            raise UserIdTooLongError
        return self.run(user_id, statement, values)

    def create(self, user_id: str, values: Mapping[str, Any], task_id: uuid.UUID | None = None) -> tuple[Task, bool]:
        """Save a new task with ``title``, ``description`` and ``completed``; return it, and whether it is new.

        A client that has chosen ``task_id`` may repeat the same request. It then gets the existing task, even if that
        has changed since.

        Raises:
            IdTakenError: the id stands for a task that another request has created.
        """
        now = self.clock()
        version = round(now.timestamp() * 1_000_000)
        task = Task(user_id, task_id or uuid.uuid4(), **values, created_at=now, updated_at=now, version=version)
        creation = None if task_id is None else digest(values)
        try:
            self._run(user_id, CREATE, {**task._asdict(), "creation": creation})
        except IntegrityError:
            if task_id is None:
                raise
            return self._created_before(task, creation), False
        return task, True

    def _created_before(self, task: Task, creation: bytes | None) -> Task:
        """Return the task that has an id already, if it was created by the same request."""
        rows = self._run(task.user_id, CREATION, _one_task(task.user_id, task.id)).rows
        # No row: the task has been deleted in between. The id was taken by it, not by this request.
        if not rows or rows[0][-1] != creation:
            raise IdTakenError
        return Task(*rows[0][:-1])

    def get(self, user_id: str, task_id: uuid.UUID) -> Task:
        """Return one task; raise :class:`TaskNotFoundError` if the user has none with that id."""
        rows = self._run(user_id, GET, _one_task(user_id, task_id)).rows
        if not rows:
            raise TaskNotFoundError
        return Task(*rows[0])

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
        """Return up to ``limit`` tasks beside ``cursor``; ``text`` searches titles and descriptions.

        Raises:
            LostPlaceError: the cursor holds the beginning of a long title, the task no longer has that title, and there
                are titles with the same beginning: any page would leave tasks out or show them twice.
        """
        backward = cursor is not None and cursor.backward
        statement = page_statement(
            sort,
            backward=backward,
            by_cursor=cursor is not None,
            by_completed=completed is not None,
            by_text=None if text is None else kind_of(text),
        )
        values: dict[str, Any] = {"owner": user_id, "row_limit": limit + 1}
        edge = None if cursor is None else self._edge(user_id, cursor)
        if edge is not None:
            values |= {"edge_key": edge.key, "edge_id": edge.id}
        if completed is not None:
            values["wanted"] = completed
        if text is not None:
            values["text"] = text
        found = list(map(Task._make, self._run(user_id, statement, values).rows))
        if edge is not None and found and edge.is_doubtful(found[0].title):
            raise LostPlaceError
        return _page(found, limit, sort, cursor)

    def _edge(self, user_id: str, cursor: Cursor) -> Edge:
        """Return where the page of a cursor begins; the task has the rest of a title that the cursor cuts off."""
        rows = [] if cursor.digest is None else self._run(user_id, GET, _one_task(user_id, cursor.id)).rows
        return cursor.edge(Task(*rows[0]).title if rows else None)

    def summary(self, user_id: str) -> Summary:
        """Return how many tasks a user has, open and completed."""
        counts = dict(self._run(user_id, SUMMARY, {"owner": user_id}).rows)
        return Summary(open=counts.get(False, 0), completed=counts.get(True, 0))

    def change(self, user_id: str, task_id: uuid.UUID, values: Mapping[str, Any], versions: Versions = None) -> Task:
        """Set the given fields and return the task; unchanged values change nothing, not even the version."""
        if not values:
            return self._unchanged(user_id, task_id, versions)
        statement = update_statement(frozenset(values), _expected(versions))
        written = {f"new_{name}": value for name, value in values.items()}
        return self._write(statement, user_id, task_id, versions, written)

    def toggle(self, user_id: str, task_id: uuid.UUID, versions: Versions = None) -> Task:
        """Complete an open task or reopen a completed one, in one statement: two toggles at once cancel out."""
        return self._write(toggle_statement(_expected(versions)), user_id, task_id, versions, {})

    def delete(self, user_id: str, task_id: uuid.UUID, versions: Versions = None) -> None:
        """Remove a task for good."""
        if not self._run(
            user_id, delete_statement(_expected(versions)), _one_task(user_id, task_id, versions)
        ).affected:
            self._refuse(user_id, task_id, versions)

    def _write(
        self,
        statement: ReturningUpdate[Any],
        user_id: str,
        task_id: uuid.UUID,
        versions: Versions,
        values: Mapping[str, Any],
    ) -> Task:
        """Run an update of one task, which has to be in an expected version if there are any; return the new task."""
        parameters = {**values, **_one_task(user_id, task_id, versions), "now": self.clock()}
        rows = self._run(user_id, statement, parameters).rows
        if not rows:
            self._refuse(user_id, task_id, versions)
        return Task(*rows[0])

    def _unchanged(self, user_id: str, task_id: uuid.UUID, versions: Versions) -> Task:
        """Return a task that a request leaves unchanged, if it is in an expected version."""
        task = self.get(user_id, task_id)
        if versions is not None and task.version not in versions:
            raise PreconditionFailedError
        return task

    def _refuse(self, user_id: str, task_id: uuid.UUID, versions: Versions) -> NoReturn:
        """Raise the reason why a write found no row: the task does not exist, or it is in another version."""
        if versions is None:
            # A task may have been created under the id since, but this write was not for it.
            raise TaskNotFoundError
        self.get(user_id, task_id)
        raise PreconditionFailedError


def _one_task(user_id: str, task_id: uuid.UUID, versions: Versions = None) -> dict[str, Any]:
    """Return the values that name one task in a statement, and the versions expected of it."""
    values = {"owner": user_id, "task_id": task_id}
    if versions is None:
        return values
    return {**values, "expected": next(iter(versions)) if len(versions) == 1 else list(versions)}


def _expected(versions: Versions) -> Expected:
    """Return how many versions are expected."""
    if versions is None:
        return Expected.ANY
    return Expected.ONE if len(versions) == 1 else Expected.SEVERAL


def _page(found: list[Task], limit: int, sort: Sort, cursor: Cursor | None) -> Page:
    """Return a page. ``found`` was read away from the cursor, and holds one task more if there is another page."""
    items, has_more = found[:limit], len(found) > limit
    backward = cursor is not None and cursor.backward
    if backward:
        items.reverse()
    # Behind us there is the page that we come from. Ahead there is another one if one task more than wanted was found.
    is_more_after, is_more_before = (True, has_more) if backward else (has_more, cursor is not None)
    return Page(
        items,
        next=Cursor.at(items[-1], sort, backward=False) if items and is_more_after else None,
        previous=Cursor.at(items[0], sort, backward=True) if items and is_more_before else None,
    )


def digest(values: Mapping[str, Any]) -> bytes:
    """Return a digest that tells one request to create a task from another."""
    text = json.dumps(values, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=CREATION_LENGTH).digest()
