"""Writes to a SQLite file that others hold: each waits for its turn, and no longer than it may."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic

import pytest

from app.deadline import DEADLINE
from app.fast import sqlite_writes
from app.fast.sqlite_writes import write
from app.sqlite import BUSY_TIMEOUT

INSERT = "INSERT INTO notes VALUES (:id)"
SET_UP = "PRAGMA journal_mode = WAL; CREATE TABLE notes (id INTEGER PRIMARY KEY); PRAGMA busy_timeout = 5000"

#: Seconds in which nothing takes place that does not hang.
LONG = 30.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "notes.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SET_UP)
    return path


def connected(file: Path) -> sqlite3.Connection:
    """Return a connection as the pool has them."""
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA busy_timeout = 5000")
    return connection


@pytest.fixture
def connection(file: Path) -> Iterator[sqlite3.Connection]:
    with closing(connected(file)) as connection:
        yield connection
        # Whatever has happened, SQLAlchemy's own transactions on this connection wait as before.
        assert connection.execute("PRAGMA busy_timeout").fetchone() == (5000,)
        assert not connection.in_transaction


@pytest.fixture
def other(file: Path) -> Iterator[sqlite3.Connection]:
    """A writer that knows no turns, such as another process."""
    with closing(connected(file)) as other:
        yield other


@pytest.fixture(autouse=True)
def no_deadline_is_left() -> Iterator[None]:
    yield
    DEADLINE.at = float("inf")


def ids(connection: sqlite3.Connection) -> list[int]:
    return [number for (number,) in connection.execute("SELECT id FROM notes ORDER BY id")]


def test_a_write_is_committed_when_it_returns(connection: sqlite3.Connection, other: sqlite3.Connection) -> None:
    """With its answer, if it has one."""
    assert write(connection, INSERT, {"id": 1}) == ([], 1)
    assert ids(other) == [1]

    rows, _ = write(connection, "UPDATE notes SET id = id + :more RETURNING id", {"more": 6})
    assert (rows, ids(other)) == ([(7,)], [7])
    assert write(other, "DELETE FROM notes", {}) == ([], 1)


def test_a_write_waits_for_its_turn(connection: sqlite3.Connection, other: sqlite3.Connection) -> None:
    other.execute("BEGIN IMMEDIATE")
    other.execute(INSERT, {"id": 1})
    commit = threading.Timer(0.2, other.commit)
    commit.start()

    write(connection, INSERT, {"id": 2})

    commit.join()
    assert ids(connection) == [1, 2]


def test_a_write_gives_up_at_the_deadline(connection: sqlite3.Connection, other: sqlite3.Connection) -> None:
    """SQLite itself would wait five seconds, whatever time the transaction has left."""
    other.execute("BEGIN IMMEDIATE")
    began = monotonic()
    DEADLINE.at = began + 0.1

    with pytest.raises(sqlite3.OperationalError, match="database is locked"):
        write(connection, INSERT, {"id": 1})

    assert 0.1 <= monotonic() - began < BUSY_TIMEOUT
    other.rollback()
    assert ids(other) == []


def test_a_write_that_has_no_time_left_is_tried_once(connection: sqlite3.Connection) -> None:
    """It may be its turn."""
    DEADLINE.at = monotonic() - 1

    write(connection, INSERT, {"id": 1})

    assert ids(connection) == [1]


def test_a_write_whose_turn_never_comes_is_tried_at_the_end(connection: sqlite3.Connection) -> None:
    """A thread of this process that is stuck cannot keep the others from writing."""
    DEADLINE.at = monotonic() + 0.1

    with sqlite_writes._turn:
        write(connection, INSERT, {"id": 1})

    assert ids(connection) == [1]
    assert not sqlite_writes._turn.locked()


def test_a_write_that_is_refused_lets_the_next_one_have_its_turn(connection: sqlite3.Connection) -> None:
    """Nothing of it stays."""
    write(connection, INSERT, {"id": 1})

    with pytest.raises(sqlite3.IntegrityError):
        write(connection, "INSERT INTO notes VALUES (5), (1)", {})

    assert not sqlite_writes._turn.locked()
    assert ids(connection) == [1]


def test_an_error_of_the_driver_itself_is_raised_as_it_is(connection: sqlite3.Connection) -> None:
    """Such as one about text that somebody else has written."""
    with pytest.raises(sqlite3.OperationalError, match="Could not decode"):
        write(connection, "INSERT INTO notes VALUES (1) RETURNING CAST(x'ff' AS TEXT)", {})


def test_threads_and_processes_that_write_at_once_lose_nothing(file: Path) -> None:
    """Forty writes of each of six writers, half of which know no turns."""

    def work(first: int) -> None:
        with closing(connected(file)) as connection:
            for number in range(first, first + 40):
                if first % 200:
                    write(connection, INSERT, {"id": number})
                else:
                    connection.execute(INSERT, {"id": number})

    threads = [threading.Thread(target=work, args=(100 * number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)

    with closing(connected(file)) as connection:
        assert ids(connection) == [100 * number + i for number in range(6) for i in range(40)]
