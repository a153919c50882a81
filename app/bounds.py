"""Limits how long a process waits for the database, and with how many threads, so that it can always answer.

PostgreSQL's own limits do not cover a commit that waits for a standby, and do not help if the server is frozen. So each
transaction has a deadline here too. Threads are few, so the last free one does not ask a database that has just kept
another waiting in vain: it is kept for ``/health``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from math import inf
from time import monotonic

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoAnswerError

from app.deadline import DEADLINE, LAST_THREAD_TIMEOUT, TRANSACTION_TIMEOUT
from app.transactions import Answer, RunOn, Statement, Values

#: Seconds after which a failure shows a database that does not answer. A search may take longer.
SILENCE = 1

#: Seconds for which the last free thread does not ask such a database, and after which a client may try again.
RETRY_AFTER = 2


class TooManySearchesError(Exception):
    """All threads of this process that searches may have are searching."""


class BoundedRun:
    """Runs statements on an engine with a deadline, which is shorter on the last free thread of a process.

    Searches may take half of the threads.
    """

    def __init__(self, engine: Engine, run: RunOn, threads: int, clock: Callable[[], float] = monotonic) -> None:
        self._engine = engine
        self._run = run
        self._threads = threads
        self._clock = clock
        self._most_searches = max(1, threads // 2)
        self._lock = threading.Lock()
        self._under_way = 0
        self._searches = 0
        self._silent_until = -inf

    def __call__(self, user_id: str, statement: Statement, values: Values) -> Answer:
        """Run a statement as :data:`app.transactions.Run` says.

        Raises:
            NoAnswerError: this is the last free thread, and the database has just kept one waiting.
            TooManySearchesError: the statement is a search, and there are enough.
        """
        options = statement.get_execution_options()
        is_search = "time_limit" in options
        seconds = min(self._enter(statement, is_search=is_search), options.get("deadline", inf))
        DEADLINE.at = monotonic() + seconds
        began = self._clock()
        try:
            return self._run(self._engine, user_id, statement, values)
        except (OperationalError, NoAnswerError):
            if self._clock() - began >= (LAST_THREAD_TIMEOUT if is_search else SILENCE):
                self._silent_until = self._clock() + RETRY_AFTER
            raise
        finally:
            DEADLINE.at = inf
            with self._lock:
                self._under_way -= 1
                self._searches -= is_search

    def _enter(self, statement: Statement, *, is_search: bool) -> float:
        """Count a statement in and return how many seconds it may take, or raise why it may not run now."""
        with self._lock:
            is_last = self._under_way >= self._threads - 1
            if is_last and self._clock() < self._silent_until and self._may_wait(statement):
                raise NoAnswerError("it has just kept others waiting, and this is the last thread")
            if is_search and self._searches >= self._most_searches:
                raise TooManySearchesError
            self._under_way += 1
            self._searches += is_search
        return LAST_THREAD_TIMEOUT if is_last and self._threads > 1 else TRANSACTION_TIMEOUT

    def _may_wait(self, statement: Statement) -> bool:
        """Tell whether a statement may have to wait for others: a read from SQLite never has to."""
        return self._engine.dialect.name != "sqlite" or not statement.is_select
