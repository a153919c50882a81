"""SQLite's connections: durable writes, patience with other writers, a function that searches texts, and a clock."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from time import monotonic, sleep
from typing import Any

from app.deadline import DEADLINE

#: Seconds a statement waits for another process's write.
BUSY_TIMEOUT = 5

#: What is synced at each commit: the log, or nothing. With nothing, a power failure may take the last commits.
SYNCHRONOUS = ("full", "normal")

#: Instructions of SQLite between two checks of the clock: more than most requests take. A search checks more often,
#: after about ten tasks.
LOOK_EVERY, SEARCH_LOOKS_EVERY = 10_000, 200

#: Seconds after which a search pauses for the first time and then again, and the length of a pause. Other threads need
#: the interpreter that runs :func:`holds`. Between two tasks it is free so shortly that a waiting thread gets it only
#: after five milliseconds, and a request needs it dozens of times.
FIRST_PAUSE, NEXT_PAUSE, PAUSE = 0.005, 0.0005, 0.00005

#: Letters that Python does not lower one by one as PostgreSQL does. I with a dot becomes two letters. A sigma is
#: lowered differently at the end of a word, so the beginning of a word would not be found in the word.
EXCEPTIONS = (("\u0130", "i"), ("\u03a3", "\u03c3"))


def set_up(synchronous: str, connection: Any, _record: object) -> None:
    """Let a new connection search, keep deadlines and acknowledged writes, and wait for other writers."""
    connection.create_function("holds", -1, holds, deterministic=True)
    connection.set_progress_handler(DEADLINE.is_over, LOOK_EVERY)
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
    deadline = monotonic() + BUSY_TIMEOUT
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if not is_busy(error) or monotonic() > deadline:
                raise
            sleep(0.01)
        else:
            return


def is_busy(error: sqlite3.Error) -> bool:
    """Tell whether a statement was refused because another one holds the file."""
    # The lower byte is the code, the rest says more about it. The driver's own errors have none.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


@contextmanager
def searching(connection: sqlite3.Connection, seconds: float) -> Iterator[None]:
    """Give a search so many seconds, with pauses for other threads; a longer search raises ``OperationalError``."""
    now = monotonic()
    end, pause_at = min(DEADLINE.at, now + seconds), now + FIRST_PAUSE

    def look() -> bool:
        nonlocal pause_at
        if monotonic() < pause_at:
            return False
        sleep(PAUSE)
        pause_at = monotonic() + NEXT_PAUSE
        return pause_at >= end

    connection.set_progress_handler(look, SEARCH_LOOKS_EVERY)
    try:
        yield
    finally:
        connection.set_progress_handler(DEADLINE.is_over, LOOK_EVERY)


def holds(wanted: str, *texts: str | None) -> bool:
    """Tell whether one of some texts holds another text, upper and lower case alike."""
    find = _finder(wanted)
    return any(text is not None and find(_lower(text)) is not None for text in texts)


@lru_cache(maxsize=64)
def _finder(wanted: str) -> Callable[[str], re.Match[str] | None]:
    return re.compile(re.escape(_lower(wanted))).search


def _lower(text: str) -> str:
    """Return a text in lower case, letter by letter like PostgreSQL."""
    if not text.isascii():
        for letter, lower in EXCEPTIONS:
            text = text.replace(letter, lower)
    return text.lower()
