"""The worker of ``app/fast`` without one of its parts each, to find out what that part is worth."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from app.fast import sqlite_writes
from app.fast.gunicorn_worker import YieldingThreadWorker


class SendsHeadsApart(YieldingThreadWorker):
    """Sends the head of an answer before its body, as gunicorn does."""

    def handle_request(self, request: Any, connection: Any, *others: Any) -> Any:
        """Answer a request as gunicorn does."""
        return ThreadWorker.handle_request(self, request, connection, *others)


class TakesAnExecutor(YieldingThreadWorker):
    """Answers with the threads of a ``ThreadPoolExecutor``, as gunicorn does."""

    def get_thread_pool(self) -> Any:
        """Return gunicorn's own pool."""
        return ThreadWorker.get_thread_pool(self)


class LetsSQLiteWait(YieldingThreadWorker):
    """Writes to SQLite in a transaction of the driver, and waits for other writers as SQLite does."""

    def init_process(self) -> None:
        """Serve with other writes."""
        sqlite_writes.write = write_in_a_transaction
        super().init_process()


def write_in_a_transaction(
    connection: sqlite3.Connection, text: str, parameters: Mapping[str, Any]
) -> tuple[list[tuple[Any, ...]], int]:
    """Run a statement that writes as the driver of SQLite does by default."""
    connection.execute("BEGIN")
    try:
        cursor = connection.execute(text, parameters)
        rows = cursor.fetchall()
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise
    return rows, cursor.rowcount
