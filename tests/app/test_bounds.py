"""Which transactions may begin, and how long they may take: a thread stays free, and searches share the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoAnswerError

from app.bounds import BoundedRun, TooManySearchesError
from app.database import probe_of
from app.deadline import DEADLINE
from app.tasks.models import tasks
from app.tasks.pages import Sort
from app.tasks.statements import CREATE, GET, page_statement
from app.text_search import Holds
from app.transactions import Answer, Statement, Values

SEARCH = page_statement(Sort.NEWEST, backward=False, by_cursor=False, by_completed=False, by_text=Holds)
NOTHING = Answer([], 0)

#: Nobody connects with them.
POSTGRESQL = create_engine("postgresql+psycopg://")
SQLITE = create_engine("sqlite://")


class Database:
    """A database in whose place the test says how each transaction ends, and when."""

    def __init__(self, threads: int, engine: Engine = POSTGRESQL) -> None:
        self.now = 1000.0
        #: Seconds left to each transaction when it began.
        self.patience: list[float] = []
        #: What a transaction does before it ends.
        self.works: Callable[[], None] = lambda: None
        self._bounded = BoundedRun(engine, self._run, threads, lambda: self.now)

    def _run(self, _engine: Engine, _user_id: str, _statement: Statement, _values: Values) -> Answer:
        self.patience.append(DEADLINE.at - monotonic())
        self.works()
        return NOTHING

    def ask(self, statement: Statement = GET) -> Answer:
        """Run a transaction."""
        return self._bounded("alice", statement, {})

    @contextmanager
    def busy(self, *statements: Statement) -> Iterator[None]:
        """Keep a thread waiting for the answer to each of the statements."""
        begun, end = threading.Semaphore(0), threading.Event()

        def wait() -> None:
            begun.release()
            assert end.wait(10)

        with ThreadPoolExecutor(len(statements)) as threads:
            self.works = wait
            waiting = []
            for statement in statements:
                waiting.append(threads.submit(self.ask, statement))
                assert begun.acquire(timeout=10)
            self.works = lambda: None
            try:
                yield
            finally:
                end.set()
        assert [thread.result() for thread in waiting] == [NOTHING] * len(statements)

    def fail(self, statement: Statement = GET, *, after: float) -> None:
        """Let a transaction fail after so many seconds."""

        def fall_silent() -> None:
            self.now += after
            raise OperationalError(None, None, Exception("no answer"))

        self.works = fall_silent
        with pytest.raises(OperationalError):
            self.ask(statement)
        self.works = lambda: None


@pytest.mark.parametrize(("threads", "searches"), [(1, 1), (2, 1), (3, 1), (4, 2), (9, 4)])
def test_searches_take_half_of_the_threads_at_most(threads: int, searches: int) -> None:
    """And one at least. Whatever else is asked goes on, and when one of them ends another may begin."""
    database = Database(threads)

    with database.busy(*[SEARCH] * searches):
        with pytest.raises(TooManySearchesError):
            database.ask(SEARCH)
        assert database.ask(GET) == NOTHING

    assert database.ask(SEARCH) == NOTHING


@pytest.mark.parametrize(("threads", "patience"), [(1, [12]), (2, [12, 3]), (3, [12, 12, 3])])
def test_the_last_free_thread_waits_for_three_seconds_and_the_others_for_twelve(
    threads: int, patience: list[int]
) -> None:
    """A process with one thread has no other to spare."""
    database = Database(threads)

    with database.busy(*[GET] * threads):
        pass

    assert [round(seconds) for seconds in database.patience] == patience
    assert DEADLINE.left() > 1e9


def test_the_readiness_probe_waits_for_three_seconds_on_any_thread() -> None:
    """Those who ask do not wait long either."""
    database = Database(threads=9)

    database.ask(probe_of(tasks))

    assert [round(seconds) for seconds in database.patience] == [3]


def test_a_database_that_falls_silent_does_not_get_the_last_thread_for_two_seconds() -> None:
    """The other threads go on asking it; after two seconds the last one does again."""
    database = Database(threads=2)
    database.fail(after=1)

    with database.busy(GET):
        with pytest.raises(NoAnswerError):
            database.ask()
        database.now += 1.9
        with pytest.raises(NoAnswerError):
            database.ask()
        database.now += 0.1
        assert database.ask() == NOTHING


def test_the_only_thread_leaves_a_silent_database_alone_as_well() -> None:
    """Requests that have queued up behind it are answered meanwhile."""
    database = Database(threads=1)
    database.fail(after=12)

    with pytest.raises(NoAnswerError):
        database.ask()
    database.now += 2

    assert database.ask() == NOTHING


@pytest.mark.parametrize(("statement", "after"), [(GET, 0.9), (SEARCH, 2.9)], ids=["any", "search"])
def test_a_failure_that_comes_soon_is_no_silence(statement: Statement, after: float) -> None:
    """A server that is away says so at once, and a search may take its time: nobody is turned away for either."""
    database = Database(threads=2)
    database.fail(statement, after=after)

    with database.busy(GET):
        assert database.ask() == NOTHING


def test_who_reads_from_sqlite_is_not_kept_waiting_by_those_who_write() -> None:
    """Writers take turns there, and the last thread does not wait for its turn again and again."""
    database = Database(threads=2, engine=SQLITE)
    database.fail(CREATE, after=5)

    with database.busy(CREATE):
        with pytest.raises(NoAnswerError):
            database.ask(CREATE)
        assert database.ask(GET) == NOTHING


def test_a_failed_transaction_gives_its_place_back() -> None:
    """That of a search too."""
    database = Database(threads=2)

    for _ in range(3):
        database.fail(SEARCH, after=0)

    assert database.ask(SEARCH) == NOTHING
    assert [round(seconds) for seconds in database.patience] == [12] * 4
