"""Cursors of the tasks API: what is no cursor is refused, and what is one gives a page of the caller's own tasks.

An input is a JSON document: a text is a cursor as a client sends it; a list is what a cursor holds, and gets the
checksum that is right for it. Anything else is taken as the cursor itself.

- Only ``ValueError`` is raised, which the API answers with 422.
- A cursor has one spelling, and is made of characters that need no escape in a URL.
- Its time is in UTC, and its text without NUL, which PostgreSQL takes in no text.
- Whatever a cursor says, the database gives a page for it, or the place counts as lost; no row is somebody else's.
- The cursors of that page are understood again.
"""

from __future__ import annotations

import json
import uuid
from base64 import urlsafe_b64encode
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from app.database import create_database
from app.tasks.errors import LostPlaceError
from app.tasks.models import Task, tasks
from app.tasks.pages import CURSOR_LENGTH, TITLE_START, Cursor, Sort, checksum, parse_cursor
from app.tasks.store import TaskStore
from fuzz.json_mutator import json_mutator, parsed
from fuzz.target import Target

_START = datetime(2026, 1, 1, 12, tzinfo=UTC)
_LONG = "a" * TITLE_START
_TITLES = ("Buy milk", "", "\u00dc\U0001f95b", _LONG, _LONG + "b", _LONG + "c", "z" * 255)


def _same(at: datetime) -> datetime:
    return at


def _filled_store() -> TaskStore:
    """Return a store in memory with tasks of two users."""
    database = create_database("sqlite:///file::memory:?cache=shared&uri=true")
    tasks.metadata.create_all(database.engine)
    store = TaskStore(database.run)
    for number, title in enumerate(_TITLES):
        at = _START + timedelta(hours=number)
        for owner in ("alice", "bob"):
            values = {"title": title, "description": None, "completed": False}
            replace(store, clock=partial(_same, at)).create(owner, values, uuid.UUID(int=number + len(owner)))
    return store


_STORE = _filled_store()


def check(data: bytes) -> None:
    """Demand what is said above of one cursor."""
    text = _text_of(data)
    try:
        cursor = parse_cursor(text)
    except ValueError:
        return
    assert cursor.dump() == text
    assert len(text) <= CURSOR_LENGTH
    assert text.isascii()
    assert text.replace("-", "").replace("_", "").isalnum()
    assert "\0" not in str(cursor.key)
    assert not isinstance(cursor.key, datetime) or cursor.key.utcoffset() == timedelta(0)
    for title in (None, *_TITLES):
        cursor.edge(title)
    with suppress(LostPlaceError):
        page = _STORE.page("alice", limit=2, sort=cursor.sort, cursor=cursor)
        assert all(task.user_id == "alice" for task in page.items)
        assert all(parse_cursor(other.dump()) == other for other in (page.next, page.previous) if other is not None)


def _text_of(data: bytes) -> str:
    document = parsed(data)
    if isinstance(document, str):
        return document
    if isinstance(document, list):
        content = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
        return urlsafe_b64encode(content + checksum(content)).rstrip(b"=").decode()
    return data.decode("utf-8", "surrogateescape")


def _seeds() -> list[bytes]:
    task = Task("alice", uuid.UUID(int=1), _LONG + "b", None, False, _START, _START, 1)
    cursors = [Cursor.at(task, sort, backward=backward).dump() for sort in Sort for backward in (False, True)]
    contents: list[Any] = [
        ["-created_at", 0, _START.isoformat(timespec="microseconds"), str(uuid.UUID(int=1))],
        ["title", 1, "Buy milk", str(uuid.UUID(int=1))],
        ["-title", 0, _LONG, str(uuid.UUID(int=1)), "0123456789abcdef"],
    ]
    return [json.dumps(value, separators=(",", ":")).encode() for value in (*cursors, *contents)]


_VALUES = (
    "0001-01-01T00:00:00.000000+00:00",
    "9999-12-31T23:59:59.999999+00:00",
    "2026-01-01T12:00:00.000000Z",
    "2026-01-01T12:00:00.000000+23:59",
    "2026-01-01T12:00:00.000000",
    *_TITLES,
    str(uuid.UUID(int=0)),
    str(uuid.UUID(int=2**128 - 1)),
)

TARGET = Target(check, _seeds, words=tuple(Sort), values=_VALUES, mutator=json_mutator, max_length=2048)
