"""The engine of ``DATABASE_URL``, the same for both apps, and the query for a page."""

from __future__ import annotations

import os
from typing import Any

from sqlalchemy import Engine, event
from sqlmodel import col, create_engine, select
from sqlmodel.sql.expression import SelectOfScalar

from benchmarks.original_stack.models import Task


def make_engine() -> Engine:
    """Return the engine; on SQLite with the pragmas that our service sets."""
    url = os.environ["DATABASE_URL"]
    if not url.startswith("sqlite:"):
        return create_engine(url)
    # A session is opened in one thread and may be used in another.
    engine = create_engine(url, connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _set_up_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout = 5000")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute(f"PRAGMA synchronous = {os.environ.get('DATABASE_SYNCHRONOUS', 'full')}")
    cursor.close()


def newest_first(user: str, offset: int, limit: int) -> SelectOfScalar[Task]:
    """Return the query for some tasks of a user."""
    order = (col(Task.created_at).desc(), col(Task.id).desc())
    return select(Task).where(Task.user_id == user).order_by(*order).offset(offset).limit(limit)
