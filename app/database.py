"""The app's database, fit for gunicorn: engines connect when first used, and a forked child starts afresh.

DATABASE_URL chooses SQLite for one machine, or PostgreSQL (and what speaks its protocol) for many. :mod:`app.tasks`
knows the tables and the statements.
"""

from __future__ import annotations

import os
import secrets
import select
import sqlite3
import time
from functools import partial
from typing import Any, cast
from weakref import WeakSet

from flask import Flask, current_app
from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import DisconnectionError, InvalidatePoolError

from app.tasks import sqlite
from app.tasks.bounds import BoundedRun
from app.tasks.drivers import Run, run_by_sqlalchemy, run_on_postgresql, run_on_sqlite
from app.tasks.store import TaskStore

#: Seconds a SQLite statement waits for another process's write, and a request for a connection of the pool.
BUSY_TIMEOUT = 5

#: Seconds for connecting to a server.
CONNECT_TIMEOUT = 3

#: Seconds after which PostgreSQL ends what a request has begun and does not end.
STATEMENT_TIMEOUT = 10

#: Connections of one process unless a setting says otherwise: as many as gunicorn.conf.py gives it threads.
POOL_SIZE = 2

#: What SQLite syncs at each commit: the log, or nothing. With nothing, a power failure may take the last commits.
SYNCHRONOUS = ("full", "normal")

#: Engines of this process; a fork inherits their open connections and must not use them.
_engines: WeakSet[Engine] = WeakSet()


def connect_database(app: Flask) -> None:
    """Give the app its engine and its store; neither connects before the first statement."""
    engine = create_database_engine(
        app.config["DATABASE_URL"],
        pool_size=app.config["DATABASE_POOL_SIZE"],
        synchronous=app.config["DATABASE_SYNCHRONOUS"],
    )
    app.extensions["database_engine"] = engine
    app.extensions["task_store"] = store_on(engine, threads=app.config["GUNICORN_THREADS"])


def store_on(engine: Engine, *, threads: int = POOL_SIZE) -> TaskStore:
    """Return the store of an engine, by the short way if there is one; PostgreSQL is told each transaction's user."""
    run = _SHORT_WAYS.get(engine.dialect.name, run_by_sqlalchemy)
    return TaskStore(engine, run=BoundedRun(run, threads))


_SHORT_WAYS: dict[str, Run] = {"postgresql": run_on_postgresql, "sqlite": run_on_sqlite}


def database_engine() -> Engine:
    """Return the engine of the current app."""
    return cast("Engine", current_app.extensions["database_engine"])


def task_store() -> TaskStore:
    """Return the store of the current app."""
    return cast("TaskStore", current_app.extensions["task_store"])


def database_url(text: str) -> URL:
    """Return a database URL with the driver that is installed: ``postgresql://`` means psycopg 3 here."""
    url = make_url(text)
    return url.set(drivername="postgresql+psycopg") if url.drivername in ("postgres", "postgresql") else url


def create_database_engine(text: str, *, pool_size: int = POOL_SIZE, synchronous: str = "full") -> Engine:
    """Return an engine for a database URL. It connects when first used, so a preloading master stays unconnected.

    The pool never grows beyond ``pool_size`` connections; a request waits for one for a bounded time. On PostgreSQL,
    :mod:`app.tasks.drivers` begins the transactions, not the driver. ``synchronous`` is for SQLite and one of
    :data:`SYNCHRONOUS`.
    """
    url = database_url(text)
    is_postgresql = url.get_backend_name() == "postgresql"
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=BUSY_TIMEOUT,
        hide_parameters=True,
        **_ENGINE.get(url.get_backend_name(), {}),
        # The URL itself has the last word on these.
        connect_args={name: value for name, value in _POSTGRESQL.items() if is_postgresql and name not in url.query},
    )
    if is_postgresql:
        event.listen(engine, "do_connect", _connect_to_postgresql)
        event.listen(engine, "connect", _guard_prepared_statements)
        _watch_connections(engine)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", partial(_set_up_sqlite, synchronous))
    _engines.add(engine)
    return engine


#: PostgreSQL's driver begins no transactions. Both drivers take values by name.
_ENGINE: dict[str, dict[str, str]] = {
    "postgresql": {"isolation_level": "AUTOCOMMIT"},
    "sqlite": {"paramstyle": "named"},
}

#: Options of each session. They give up a server that does not answer and a statement that does not end.
_POSTGRESQL: dict[str, Any] = {
    "connect_timeout": CONNECT_TIMEOUT,
    # For a server that has vanished without closing its connections: TCP alone would wait a quarter of an hour.
    "tcp_user_timeout": STATEMENT_TIMEOUT * 1000,
    "keepalives_idle": STATEMENT_TIMEOUT,
    # Times come in UTC, so nothing has to convert them.
    "options": f"-c statement_timeout={STATEMENT_TIMEOUT}s -c idle_in_transaction_session_timeout={STATEMENT_TIMEOUT}s"
    " -c timezone=UTC",
}


def _guard_prepared_statements(connection: Any, _record: object) -> None:
    """Keep a new connection from running what another client has prepared.

    Each driver counts its prepared statements from zero. Behind a pooler that shares server sessions, such as PgBouncer
    1.18, the same name could be a read of ours and a delete of another process. Such a pooler announces a process id of
    its own. If that differs from the server's, nothing is prepared. Some poolers count their ids up from one, so the
    two may agree by chance. Names are therefore unique as well: at worst, a statement is not found and is run again.
    """
    try:
        (server,) = connection.execute("SELECT pg_backend_pid()").fetchone()
    except BaseException:
        # The pool does not know of it yet.
        connection.close()
        raise
    # psycopg has no public way to choose the names. Tests hold that this one works.
    names: Any = getattr(connection, "_prepared", None)
    are_unique = hasattr(names, "_prepared_idx")
    if are_unique:
        names._prepared_idx = secrets.randbits(62)
    if not are_unique or server != connection.info.backend_pid:
        connection.prepare_threshold = None


def _connect_to_postgresql(_dialect: object, _record: object, _arguments: object, settings: dict[str, Any]) -> Any:
    """Open a connection that keeps deadlines. Only the extra ``postgres`` installs the driver."""
    from app.tasks.postgresql import connect

    return connect(settings)


def _watch_connections(engine: Engine) -> None:
    """When one pooled connection fails, discard every connection opened before it.

    After a failover or a migration, one request fails instead of one for each connection of the pool.
    """
    # Marks the connections that are believed to work. Once one of them fails, a new mark replaces it.
    generation = object()

    def note_opening(_connection: Any, record: Any) -> None:
        record.info["generation"] = generation

    def note_failure(_connection: Any, record: Any, error: BaseException | None) -> None:
        nonlocal generation
        # A connection that is discarded here is no new failure, and an older connection says nothing about newer ones.
        is_failure = error is not None and not isinstance(error, DisconnectionError)
        if is_failure and record.info.get("generation") is generation:
            generation = object()

    def look(connection: Any, record: Any, _proxy: object) -> None:
        if record.info["generation"] is not generation:
            raise DisconnectionError
        _check_for_close(connection)

    event.listen(engine, "connect", note_opening)
    event.listen(engine, "invalidate", note_failure)
    event.listen(engine, "checkout", look)


def _check_for_close(connection: Any) -> None:
    """Give up a connection that the server has closed meanwhile, and all older ones of the pool.

    Only a notice of the server makes an idle connection readable, so the server is asked only if there is one.
    """
    try:
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        if poll.poll(0):
            connection.execute("")
    except connection.Error as error:
        raise InvalidatePoolError from error


def _set_up_sqlite(synchronous: str, connection: Any, _record: object) -> None:
    """Let a new SQLite connection wait for other writers, keep acknowledged writes, and search text in any language."""
    sqlite.set_up(connection)
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT * 1000}")
    _write_ahead(cursor)
    # With WAL, only FULL syncs the log at each commit. NORMAL may lose acknowledged writes in a power failure.
    cursor.execute(f"PRAGMA synchronous = {synchronous}")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    """Switch the file to write-ahead logging, if it is not yet.

    SQLite itself does not wait if another process does the same to a new file.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            # The lower byte is the code, the rest says more about it.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _forget_inherited_connections() -> None:
    """Give a forked child empty pools and leave the parent's connections open for the parent."""
    for engine in list(_engines):
        engine.dispose(close=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_inherited_connections)
