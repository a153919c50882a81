"""A read is answered 1.3 × as fast on SQLite and 1.6 to 1.8 × on PostgreSQL: one statement, straight to the driver.

SQLAlchemy writes the SQL, keeps the connections and converts values of each type; it is asked for that once for each
statement. What it would do at each execution is left out, its events included: nothing here fires
``before_cursor_execute``. Errors are still SQLAlchemy's, and a statement that needs more than that runs the plain way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Delete, Dialect, Engine, Insert, Select, Update
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import (
    DBAPIError,
    InvalidRequestError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    StatementError,
)
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from app.fast import sqlite_writes
from app.sqlite import searching
from app.tables import UTCDateTime
from app.transactions import Answer, Statement, Values, run_in_transaction, user_statement

#: Errors that PostgreSQL reports about a prepared statement before it does anything. A migration has changed the
#: columns of its result (0A000), or it does not exist, because its preparation failed without the driver's knowledge
#: (26000).
LOST_PLANS = frozenset({"0A000", "26000"})

#: Execution options that both ways know.
_OPTIONS = frozenset({"deadline", "time_limit"})

#: What a type raises if it cannot convert a value; SQLAlchemy words it.
_UNUSABLE = (ArithmeticError, AttributeError, LookupError, StatementError, TypeError, ValueError)


class Query(NamedTuple):
    """A statement as a driver takes it."""

    text: str
    #: The names of the values that it is run with; None if only SQLAlchemy can run it.
    names: frozenset[str] | None
    #: The values that are part of the statement, as the driver takes them.
    constants: dict[str, Any]
    #: Converts a value for the driver, for each parameter that needs it.
    binds: dict[str, Callable[[Any], Any]]
    #: Converts a value from the driver, for each column that needs it, with the place of the column.
    results: list[tuple[int, Callable[[Any], Any]]]
    #: Whether it only reads.
    is_select: bool
    #: Whether its answer says how many rows it has changed.
    counts: bool
    #: Seconds that the database may work on it; None for the usual limit.
    time_limit: float | None

    def parameters(self, values: Values) -> dict[str, Any] | None:
        """Return the values as the driver takes them; None if SQLAlchemy has to run the statement, or to refuse it."""
        if self.names is None or values.keys() != self.names:
            return None
        parameters = {**self.constants, **values}
        try:
            for name, bind in self.binds.items():
                parameters[name] = bind(parameters[name])
        except _UNUSABLE:
            return None
        return parameters

    def answer(self, rows: list[tuple[Any, ...]], rowcount: int) -> Answer:
        """Return the driver's rows in Python's types. Converting by columns needs no loop over the values."""
        affected = (len(rows) or rowcount) if self.counts else 0
        if not rows or not self.results:
            return Answer(rows, affected)
        columns: list[Any] = list(zip(*rows, strict=True))
        for place, convert in self.results:
            columns[place] = map(convert, columns[place])
        return Answer(list(zip(*columns, strict=True)), affected)


# The tasks have some hundred and forty statements, most of them for kinds of pages. Other features bring their own.
@lru_cache(maxsize=1024)
def query_of(statement: Statement, dialect: Dialect) -> Query:
    """Return a statement as the driver of a dialect takes it; computed once for each statement."""
    compiled: SQLCompiler = statement.compile(dialect=dialect)
    try:
        return _short_query(statement, compiled, dialect)
    except (_TooMuchError, *_UNUSABLE):
        return Query(compiled.string, None, {}, {}, [], is_select=False, counts=False, time_limit=None)


class _TooMuchError(Exception):
    """A statement needs more of SQLAlchemy than its text and the conversion of values."""


def _short_query(statement: Statement, compiled: SQLCompiler, dialect: Dialect) -> Query:
    """Return a statement that a driver can run; raise an error unless it certainly does what SQLAlchemy would."""
    if not _is_complete(statement, compiled):
        raise _TooMuchError
    binds = {name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in compiled.binds.items()}
    results = [_result_processor(column.type, dialect) for column in compiled._result_columns]
    brought = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
    return Query(
        compiled.string,
        frozenset(binds.keys() - brought.keys()),
        {name: (binds[name] or _as_it_is)(value) for name, value in brought.items()},
        {name: bind for name, bind in binds.items() if bind is not None and name not in brought},
        [(place, convert) for place, convert in enumerate(results) if convert is not None],
        statement.is_select,
        statement.is_update or statement.is_delete,
        statement.get_execution_options().get("time_limit"),
    )


def _is_complete(statement: Any, compiled: SQLCompiler) -> bool:
    """Tell whether a text says all of a statement: SQLAlchemy adds nothing to it and reads nothing else afterwards."""
    return (
        isinstance(statement, Select | Insert | Update | Delete)
        and statement.get_execution_options().keys() <= _OPTIONS
        # The place of each column in a row is known.
        and compiled._ordered_columns
        and not (
            # Lists, and values that become part of the text.
            compiled.post_compile_params
            or compiled.literal_execute_params
            # Defaults, and keys that the database makes.
            or compiled.prefetch
            or compiled.implicit_returning
            # Names that the driver does not take.
            or compiled.escaped_bind_names
            or any(bind.callable for bind in compiled.binds.values())
        )
    )


class _Untold:
    """Stands for the type that a cursor tells of a column; who asks for it gets an error."""

    def __eq__(self, other: object) -> bool:
        raise _TooMuchError

    def __hash__(self) -> int:
        raise _TooMuchError


def _result_processor(kind: TypeEngine[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    """Return a function that converts a value from the driver, or None if the value needs no conversion."""
    # Another class may read it otherwise.
    if type(kind) is UTCDateTime and dialect.name == "sqlite":
        # In one step, since a page holds many.
        return _read_utc
    return kind.dialect_impl(dialect).result_processor(dialect, _Untold())


def _read_utc(text: str | None) -> datetime | None:
    """Return the time that SQLAlchemy has written as text, without a zone."""
    return None if text is None else datetime.fromisoformat(text + "+00:00")


def _as_it_is(value: Any) -> Any:
    return value


def run_on_sqlite(engine: Engine, user_id: str, statement: Statement, values: Values) -> Answer:
    """Run a statement on SQLite, which knows no users."""
    query = query_of(statement, engine.dialect)
    parameters = query.parameters(values)
    if parameters is None:
        return run_in_transaction(engine, user_id, statement, values)
    with (
        driver_connection(engine) as connection,
        nullcontext() if query.time_limit is None else searching(connection, query.time_limit),
    ):
        if not query.is_select:
            return query.answer(*sqlite_writes.write(connection, query.text, parameters))
        return query.answer(connection.execute(query.text, parameters).fetchall(), 0)


def run_on_postgresql(engine: Engine, user_id: str, statement: Statement, values: Values) -> Answer:
    """Run a statement on PostgreSQL, whose policy shows it the rows of one user.

    Both statements go out together, so there is one round trip. All statements of a pipeline are one transaction, which
    is committed at its end and undone if anything fails. Values go beside the text and never into it, because
    PostgreSQL may log the text.
    """
    try:
        return _run_on_postgresql(engine, user_id, statement, values)
    except (NotSupportedError, ProgrammingError) as error:
        if getattr(error.orig, "sqlstate", None) not in LOST_PLANS:
            raise
        # The statement has not run. Its connection has been discarded together with the plan.
        return _run_on_postgresql(engine, user_id, statement, values)


def _run_on_postgresql(engine: Engine, user_id: str, statement: Statement, values: Values) -> Answer:
    query = query_of(statement, engine.dialect)
    parameters = query.parameters(values)
    if parameters is None:
        return run_in_transaction(engine, user_id, statement, values)
    with driver_connection(engine) as connection:
        with _pipeline(connection):
            connection.execute(*user_statement(user_id, query.time_limit))
            cursor = connection.execute(query.text, parameters)
        rows = cursor.fetchall() if cursor.description else []
    return query.answer(rows, cursor.rowcount)


def forget_lost_plans(context: ExceptionContext) -> None:
    """Let the plain way give up a connection that holds a plan that no longer works."""
    if getattr(context.original_exception, "sqlstate", None) in LOST_PLANS:
        context.is_disconnect = True


@contextmanager
def _pipeline(connection: Any) -> Iterator[None]:
    """Open a pipeline whose last message is the Sync that commits, and read all answers to it.

    psycopg would send a Flush after it. At the commit, PgBouncer gives the server session to another client. For a
    later Flush it takes a session again and keeps it, waiting for an answer that PostgreSQL never gives.
    """
    with connection.pipeline() as pipeline:
        # psycopg has no public way to leave it out. A test shows that this one works.
        fetch = getattr(pipeline, "_fetch_gen", None)
        if fetch is not None:
            pipeline._fetch_gen = lambda **_: fetch(flush=False)
        yield
        # If PostgreSQL refuses the commit, it answers the Sync twice: with the error, and with the end. psycopg expects
        # one answer, and would leave the other one on a connection that is then of no use.
        getattr(pipeline, "result_queue", []).append(None)
    # Otherwise it would refer to itself, and stay in memory until the garbage collector runs.
    vars(pipeline).pop("_fetch_gen", None)


@contextmanager
def driver_connection(engine: Engine) -> Iterator[Any]:
    """Lend a connection of the pool as the driver knows it; the driver's errors come out as SQLAlchemy's."""
    driver: Any = engine.dialect.loaded_dbapi
    pooled = None
    try:
        pooled = engine.raw_connection()
        yield pooled.driver_connection
    except driver.Error as error:
        if pooled is not None and (
            engine.dialect.is_disconnect(error, pooled.driver_connection, None)
            or getattr(error, "sqlstate", None) in LOST_PLANS
        ):
            pooled.invalidate(error)
        raise DBAPIError.instance(None, None, error, driver.Error, dialect=engine.dialect) from error
    except InvalidRequestError as error:
        if pooled is not None:
            raise
        # The pool has tried twice, and each time the server closed the connection at once.
        raise OperationalError(None, None, error) from error
    finally:
        if pooled is not None:
            pooled.close()
