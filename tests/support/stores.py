"""Stores of tasks without an app around them, on either way to the database."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine

from app import database
from app.database import Ways, database_on
from app.fast import SHORT_WAYS
from app.tasks.store import TaskStore

#: By SQLAlchemy alone.
PLAIN_WAYS: Ways = {}

#: How each engine was made.
_ways: WeakKeyDictionary[Engine, Ways] = WeakKeyDictionary()


def create_database_engine(url: str, *, ways: Ways = SHORT_WAYS, **options: Any) -> Engine:
    """Return an engine as the service makes it."""
    engine = database.create_database_engine(url, ways=ways, **options)
    _ways[engine] = ways
    return engine


def store_on(engine: Engine, *, threads: int = database.POOL_SIZE) -> TaskStore:
    """Return a store on an engine, on the way for which that was made."""
    return TaskStore(engine, run=database_on(engine, threads=threads, ways=_ways[engine]).run)
