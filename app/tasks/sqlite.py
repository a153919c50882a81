"""What SQLite gets from us: a function that searches texts, and somebody who looks at the clock while it works."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from time import monotonic, sleep

from app.tasks.deadline import DEADLINE

#: Instructions of SQLite after which it looks whether it has worked too long: more than most requests take. A search
#: does so after fewer, about ten tasks.
LOOK_EVERY, SEARCH_LOOKS_EVERY = 10_000, 200

#: Seconds after which a search pauses for the first time and then again, and for how long. Other threads need the
#: interpreter that runs :func:`holds`. It is free between two tasks too, but so shortly that a thread that waits for it
#: gets it only after five milliseconds, and a request needs it dozens of times.
FIRST_PAUSE, NEXT_PAUSE, PAUSE = 0.005, 0.0005, 0.00005

#: Letters that Python does not lower one by one, as PostgreSQL does: I with a dot becomes two letters, and a sigma is
#: lowered differently at the end of a word, so that the beginning of a word would not be found in it.
EXCEPTIONS = (("\u0130", "i"), ("\u03a3", "\u03c3"))


def set_up(connection: sqlite3.Connection) -> None:
    """Teach a new connection to search, and to end what takes longer than its thread has patience."""
    connection.create_function("holds", 3, holds, deterministic=True)
    connection.set_progress_handler(DEADLINE.is_over, LOOK_EVERY)


@contextmanager
def searching(connection: sqlite3.Connection, seconds: float) -> Iterator[None]:
    """Give a search so many seconds, with pauses for other threads; it ends with an ``OperationalError``."""
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


def holds(wanted: str, title: str, description: str | None) -> bool:
    """Tell whether a title or a description holds a text, upper and lower case alike."""
    find = _finder(wanted)
    return find(_lower(title)) is not None or (description is not None and find(_lower(description)) is not None)


@lru_cache(maxsize=64)
def _finder(wanted: str) -> Callable[[str], re.Match[str] | None]:
    return re.compile(re.escape(_lower(wanted))).search


def _lower(text: str) -> str:
    """Return a text in lower case, letter by letter like PostgreSQL."""
    if not text.isascii():
        for letter, lower in EXCEPTIONS:
            text = text.replace(letter, lower)
    return text.lower()
