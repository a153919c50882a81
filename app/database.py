"""The app's database, fit for gunicorn: engines connect when first used, and a forked child starts afresh.

DATABASE_URL chooses SQLite for one machine, or PostgreSQL (and what speaks its protocol) for many. Nothing here knows
the tables: each feature has its own. What goes wrong with the database is answered and logged here.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, cast
from weakref import WeakSet

from flask import Flask, current_app
from flask.typing import ResponseReturnValue
from sqlalchemy import URL, Engine, Select, Table, create_engine, event, false, literal, make_url, select
from sqlalchemy.exc import (
    DBAPIError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import ServiceUnavailable

from app import sqlite
from app.api import answer
from app.bounds import RETRY_AFTER, BoundedRun, TooManySearchesError
from app.deadline import LAST_THREAD_TIMEOUT
from app.tables import metadata
from app.transactions import Run, RunOn, run_in_transaction

#: Seconds a request waits for a connection of the pool.
POOL_TIMEOUT = 5

#: Seconds for connecting to a server.
CONNECT_TIMEOUT = 3

#: Seconds after which PostgreSQL ends what a request has begun and does not end.
STATEMENT_TIMEOUT = 10

#: Connections of one process unless a setting says otherwise: as many as gunicorn.conf.py gives it threads.
POOL_SIZE = 2

#: The key in ``app.extensions`` of the ways that replace :data:`PLAIN`, by the name of the database.
WAYS = "database_ways"

#: Errors that no value of a request can cause. A failover may leave a read-only database (InternalError), a pooler may
#: keep plans that a migration has outdated (NotSupportedError), and before a migration a table may be missing
#: (ProgrammingError).
DATABASE_ERRORS = (
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    PoolTimeoutError,
    ProgrammingError,
)

#: Engines of this process; a fork inherits their open connections and must not use them.
_engines: WeakSet[Engine] = WeakSet()

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Way:
    """How statements reach one kind of database."""

    run: RunOn = run_in_transaction
    #: Arguments of :func:`sqlalchemy.create_engine` that replace ours.
    options: Mapping[str, Any] = field(default_factory=dict)
    #: Options of what SQLAlchemy itself runs on the engine, such as ``engine.begin()``.
    execution_options: Mapping[str, Any] = field(default_factory=dict)
    #: Called with each new engine.
    set_up: Callable[[Engine], None] = lambda _engine: None


#: By SQLAlchemy alone.
PLAIN = Way()
Ways = Mapping[str, Way]


@dataclass(frozen=True, slots=True)
class Database:
    """An engine, and what runs statements on it."""

    engine: Engine
    run: Run

    def probe(self) -> None:
        """Try to read from each table; raise SQLAlchemy's error if that fails."""
        for table in metadata.sorted_tables:
            self.run("", probe_of(table), {})


@cache
def probe_of(table: Table) -> Select[Any]:
    """Return a statement that needs a table and the right to read it, but reads no row.

    If rows are spread over servers, it asks none of them.
    """
    return select(literal(1)).select_from(table).where(false()).execution_options(deadline=LAST_THREAD_TIMEOUT)


def connect_database(app: Flask) -> None:
    """Give the app its database, which does not connect before the first statement, and answer its errors."""
    app.extensions["database"] = create_database(
        app.config["DATABASE_URL"],
        pool_size=app.config["DATABASE_POOL_SIZE"],
        threads=app.config["GUNICORN_THREADS"],
        synchronous=app.config["DATABASE_SYNCHRONOUS"],
        ways=app.extensions.get(WAYS, {}),
    )
    app.register_error_handler(TooManySearchesError, _answer_too_many_searches)
    for error in DATABASE_ERRORS:
        app.register_error_handler(error, _answer_database_unavailable)


def current_database() -> Database:
    """Return the database of the current app."""
    return cast("Database", current_app.extensions["database"])


def database_url(text: str) -> URL:
    """Return a database URL with the driver that is installed: ``postgresql://`` means psycopg 3 here."""
    url = make_url(text)
    return url.set(drivername="postgresql+psycopg") if url.drivername in ("postgres", "postgresql") else url


def create_database(
    text: str,
    *,
    pool_size: int = POOL_SIZE,
    threads: int = POOL_SIZE,
    synchronous: str = "full",
    ways: Ways | None = None,
) -> Database:
    """Return the database at a URL. It connects when first used, so a preloading master stays unconnected.

    The pool never grows beyond ``pool_size`` connections; each of the process's ``threads`` waits for one for a bounded
    time. ``synchronous`` is for SQLite and one of :data:`app.sqlite.SYNCHRONOUS`.
    """
    url = database_url(text)
    way = (ways or {}).get(url.get_backend_name(), PLAIN)
    engine = _engine_of(url, way, pool_size, synchronous)
    _engines.add(engine)
    return Database(engine, BoundedRun(engine, way.run, threads))


def _engine_of(url: URL, way: Way, pool_size: int, synchronous: str) -> Engine:
    """Return an engine whose connections keep our limits, set up for a way."""
    is_postgresql = url.get_backend_name() == "postgresql"
    options: dict[str, Any] = {
        "pool_size": pool_size,
        "max_overflow": 0,
        "pool_timeout": POOL_TIMEOUT,
        "pool_pre_ping": True,
        "hide_parameters": True,
        # The URL itself has the last word on these.
        "connect_args": {name: value for name, value in _POSTGRESQL.items() if is_postgresql and name not in url.query},
    }
    engine = create_engine(url, **{**options, **way.options})
    if is_postgresql:
        event.listen(engine, "do_connect", _connect_to_postgresql)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", partial(sqlite.set_up, synchronous))
    way.set_up(engine)
    if way.execution_options:
        engine = engine.execution_options(**way.execution_options)
    return engine


#: Options of each session. They give up a server that does not answer and a statement that does not end.
_POSTGRESQL: dict[str, Any] = {
    "connect_timeout": CONNECT_TIMEOUT,
    # For a server that has vanished without closing its connections: TCP alone would wait a quarter of an hour.
    "tcp_user_timeout": STATEMENT_TIMEOUT * 1000,
    "keepalives_idle": STATEMENT_TIMEOUT,
    # Times come in UTC, so nothing has to convert them.
    "options": f"-c statement_timeout={STATEMENT_TIMEOUT}s -c idle_in_transaction_session_timeout={STATEMENT_TIMEOUT}s"
    " -c timezone=UTC",
    # Behind a pooler that shares server sessions, a name could stand for a statement that another client has prepared.
    "prepare_threshold": None,
}


def _connect_to_postgresql(_dialect: object, _record: object, _arguments: object, settings: dict[str, Any]) -> Any:
    """Open a connection that keeps deadlines. Only the extra ``postgres`` installs the driver."""
    from app.postgresql import connect

    return connect(settings)


def _answer_too_many_searches(_error: TooManySearchesError) -> ResponseReturnValue:
    """Answer 503: other searches hold all threads that searches may have."""
    return answer(ServiceUnavailable("Too many searches are being made at the moment.", retry_after=RETRY_AFTER))


def _answer_database_unavailable(error: DBAPIError | PoolTimeoutError) -> ResponseReturnValue:
    """Answer 503, and log the words of the driver."""
    log_database_error(error)
    return answer(ServiceUnavailable("The database cannot be used at the moment.", retry_after=RETRY_AFTER))


def log_database_error(error: Exception) -> None:
    """Log the words of the driver for an error."""
    cause = getattr(error, "orig", None) or error
    logger.error("The database cannot be used: %s: %s", type(cause).__name__, words_of(error))


def words_of(error: Exception) -> str:
    """Return the driver's own words for an error.

    SQLAlchemy's words would repeat the statement, and PostgreSQL's details the values in it.
    """
    cause = getattr(error, "orig", None) or error
    words = getattr(getattr(cause, "diag", None), "message_primary", None) or cause
    return str(words)


def _forget_inherited_connections() -> None:
    """Give a forked child empty pools and leave the parent's connections open for the parent."""
    for engine in list(_engines):
        engine.dispose(close=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_inherited_connections)
