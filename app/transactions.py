"""Transactions of one user, by SQLAlchemy, mostly of one statement.

PostgreSQL is told the user of each transaction, since the policies of the tables read it. :mod:`app.fast` can run the
same statements on a shorter way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from sqlalchemy import Connection, Delete, Engine, Insert, Select
from sqlalchemy.exc import InvalidRequestError, OperationalError
from sqlalchemy.sql.dml import ReturningUpdate

from app.sqlite import searching

#: The setting of a PostgreSQL transaction that the row-level policies of the tables read.
USER_SETTING = "app.user_id"

#: Tells PostgreSQL the user of the present transaction.
SET_USER = f"SELECT set_config('{USER_SETTING}', %(user_id)s, true)"

#: Also limits each statement that follows to so many seconds, unless its limit is lower already. 0 means no limit.
SET_USER_AND_TIME_LIMIT = f"""{SET_USER}, set_config('statement_timeout', (1000 * extract(epoch FROM least(
    nullif(current_setting('statement_timeout')::interval, '0'), make_interval(secs => %(seconds)s)
)))::text, true)"""

#: It may have the execution options ``deadline`` (seconds for its transaction) and ``time_limit`` (seconds that the
#: database may work on it).
Statement = Select[Any] | Insert | ReturningUpdate[Any] | Delete
Values = Mapping[str, Any]


class Answer(NamedTuple):
    """The result of a statement."""

    rows: list[tuple[Any, ...]]
    #: How many rows an UPDATE or a DELETE has changed; 0 after any other statement.
    affected: int


#: Runs a statement in a transaction of one user, and returns when that is committed.
Run = Callable[[str, Statement, Values], Answer]

#: Does the same on an engine.
RunOn = Callable[[Engine, str, Statement, Values], Answer]


def run_in_transaction(engine: Engine, user_id: str, statement: Statement, values: Values) -> Answer:
    """Run a statement as :data:`RunOn` says, on any database."""
    time_limit: float | None = statement.get_execution_options().get("time_limit")
    with transaction(engine, user_id, time_limit) as connection:
        result = connection.execute(statement, values)
        rows = [tuple(row) for row in result] if result.returns_rows else []
        counts = statement.is_update or statement.is_delete
        return Answer(rows, (len(rows) or result.rowcount) if counts else 0)


@contextmanager
def transaction(engine: Engine, user_id: str, time_limit: float | None = None) -> Iterator[Connection]:
    """Begin a transaction of one user, for several statements; commit at the end, or undo all of them after an error.

    It has no deadline (:mod:`app.bounds`). ``time_limit`` is in seconds, on PostgreSQL for each statement and on SQLite
    for all of them.
    """
    with _connect(engine) as connection, connection.begin(), _prepared(connection, user_id, time_limit):
        yield connection


def user_statement(user_id: str, time_limit: float | None) -> tuple[str, dict[str, Any]]:
    """Return what tells PostgreSQL the user, and perhaps a limit for what follows: text and values."""
    if time_limit is None:
        return SET_USER, {"user_id": user_id}
    return SET_USER_AND_TIME_LIMIT, {"user_id": user_id, "seconds": time_limit}


def _connect(engine: Engine) -> Connection:
    """Return a connection of the pool."""
    try:
        return engine.connect()
    except InvalidRequestError as error:
        # The pool has tried twice, and each time the server closed the connection at once.
        raise OperationalError(None, None, error) from error


@contextmanager
def _prepared(connection: Connection, user_id: str, time_limit: float | None) -> Iterator[None]:
    """Tell a database what it has to know of the transaction."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(*user_statement(user_id, time_limit))
        yield
    elif connection.dialect.name == "sqlite" and time_limit is not None:
        # The driver's own connection, which has a clock to check.
        # SQLAlchemy does not say which driver's connection it is.
        with searching(connection.connection.driver_connection, time_limit):  # type: ignore[arg-type]
            yield
    else:
        yield
