"""Lets processes that migrate at the same time wait for each other: one takes the steps, and the others find none left.

This happens when a service starts on several machines, each with ``flask db upgrade`` in front.
"""

from __future__ import annotations

from sqlalchemy import Connection

from app.sqlite import BUSY_TIMEOUT

#: Seconds for which a process waits while another one takes steps.
TURN_TIMEOUT = 600

#: Seconds for which a step waits for the lock of a table on PostgreSQL.
LOCK_TIMEOUT = 5

#: The number of PostgreSQL's advisory lock for migrations. Each database has its own locks.
TURN = int.from_bytes(b"tasks")


def take_turn(connection: Connection) -> None:
    """Wait until no other process takes steps, and keep others waiting until the transaction ends.

    Raises :class:`sqlalchemy.exc.OperationalError` after :data:`TURN_TIMEOUT`. On other databases than ours it does
    nothing.
    """
    if connection.dialect.name == "postgresql":
        _lock_on_postgresql(connection)
    elif connection.dialect.name == "sqlite":
        _begin_on_sqlite(connection)


def _lock_on_postgresql(connection: Connection) -> None:
    """Set the limits of the transaction, and lock out others until it ends.

    A lock of the session would outlive us behind a pooler such as PgBouncer.
    """
    for statement in (
        # A step may take longer than a request.
        "SET LOCAL statement_timeout = 0",
        "SET LOCAL idle_in_transaction_session_timeout = 0",
        f"SET LOCAL lock_timeout = '{TURN_TIMEOUT}s'",
        f"SELECT pg_advisory_xact_lock({TURN})",
        # Waiting for the table has its own limit, since every request for it waits behind us.
        f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}s'",
    ):
        connection.exec_driver_sql(statement)


def _begin_on_sqlite(connection: Connection) -> None:
    """Begin the transaction for writing; the driver would begin none for changes of the schema."""
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {TURN_TIMEOUT * 1000}")
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {BUSY_TIMEOUT * 1000}")
