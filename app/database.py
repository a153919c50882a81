"""The app's database, fit for gunicorn: engines connect when first used, and a forked child starts afresh.

What is stored there and how it is asked for is :mod:`app.tasks`' business.
"""

from __future__ import annotations

import os
from typing import Any, cast
from weakref import WeakSet

from flask import Flask, current_app
from sqlalchemy import Engine, create_engine, event

from app.tasks.store import TaskStore

#: Seconds a SQLite statement waits for another process's write, and a request for a connection of the pool.
BUSY_TIMEOUT = 5

#: Engines of this process; a fork inherits their open connections and must not use them.
_engines: WeakSet[Engine] = WeakSet()


def connect_database(app: Flask) -> None:
    """Give the app its engine and its store; neither connects before the first statement."""
    engine = create_database_engine(app.config["DATABASE_URL"])
    app.extensions["database_engine"] = engine
    app.extensions["task_store"] = TaskStore(engine)


def database_engine() -> Engine:
    """Return the engine of the current app."""
    return cast("Engine", current_app.extensions["database_engine"])


def task_store() -> TaskStore:
    """Return the store of the current app."""
    return cast("TaskStore", current_app.extensions["task_store"])


def create_database_engine(url: str) -> Engine:
    """Return an engine for a database URL. It connects when first used, so a preloading master stays unconnected."""
    engine = create_engine(
        url, pool_timeout=BUSY_TIMEOUT, pool_pre_ping=not url.startswith("sqlite"), hide_parameters=True
    )
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
    _engines.add(engine)
    return engine


def _set_up_sqlite(connection: Any, _record: object) -> None:
    """Make a new SQLite connection wait its turn, keep every acknowledged write, and compare text in any language."""
    connection.create_function("lower", 1, _lower, deterministic=True)
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT * 1000}")
    cursor.execute("PRAGMA journal_mode = WAL")
    # With WAL, only FULL syncs the log at each commit: NORMAL may lose acknowledged writes with the power.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _lower(text: object) -> object:
    """Lower-case like PostgreSQL does; SQLite's own ``lower`` stops at ASCII."""
    return text.lower() if isinstance(text, str) else text


def _forget_inherited_connections() -> None:
    """Give a forked child empty pools and leave the parent's connections open for the parent."""
    for engine in list(_engines):
        engine.dispose(close=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_inherited_connections)
