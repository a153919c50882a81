"""Where one page of a list ends and the next begins: the orders a list can have, and the opaque cursor.

A cursor holds the order, the direction, the sort key and the id of the task at the edge of a page. It is no secret and
grants nothing, since every query is filtered by the user as well; it has a checksum and is parsed strictly all the
same, so a changed one is a clear refusal.
"""

from __future__ import annotations

import hashlib
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import orjson

from app.tasks.models import Task

#: Characters of the longest cursor: a title of 255 characters, escaped in JSON, then in base64.
CURSOR_LENGTH = 4096


#: Bytes behind the content of a cursor.
CHECKSUM_LENGTH = 6


class Sort(StrEnum):
    """The orders of a list, as the ``sort`` parameter names them; a leading minus is descending."""

    NEWEST = "-created_at"
    OLDEST = "created_at"
    LAST_CHANGED = "-updated_at"
    FIRST_CHANGED = "updated_at"
    TITLE_UP = "title"
    TITLE_DOWN = "-title"

    @property
    def field(self) -> str:
        """The field of the task that is the sort key."""
        return self.value.removeprefix("-")

    @property
    def descending(self) -> bool:
        """Whether the greatest key comes first."""
        return self.value.startswith("-")


@dataclass(frozen=True, slots=True)
class Cursor:
    """The task at the edge of a page, by what the list was sorted by, and the way to go from it."""

    sort: Sort
    #: Whether the page before that task is meant, and not the one after it.
    backward: bool
    key: datetime | str
    id: uuid.UUID

    @classmethod
    def at(cls, task: Task, sort: Sort, *, backward: bool) -> Cursor:
        """Return the cursor to what follows a task, or to what comes before it."""
        return cls(sort, backward, getattr(task, sort.field), task.id)

    def dump(self) -> str:
        """Return the cursor as the text a client hands back: JSON and its checksum in base64url without padding."""
        key = self.key if isinstance(self.key, str) else self.key.isoformat(timespec="microseconds")
        content = orjson.dumps([self.sort, int(self.backward), key, self.id])
        return urlsafe_b64encode(content + checksum(content)).rstrip(b"=").decode("ascii")


def checksum(content: bytes) -> bytes:
    """Return what tells a cursor that was given out from one that was changed; whoever forges one knows how, too."""
    return hashlib.blake2b(content, digest_size=CHECKSUM_LENGTH, person=b"tasks cursor").digest()


def parse_cursor(text: str) -> Cursor:
    """Return the cursor that dumps to exactly this text; raise ``ValueError`` where there is none."""
    if len(text) > CURSOR_LENGTH:
        raise ValueError("not a cursor: longer than any")
    try:
        sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        name, backward, key, task_id = orjson.loads(sealed[:-CHECKSUM_LENGTH])
        sort = Sort(name)
        edge = key if sort.field == "title" else datetime.fromisoformat(key)
        cursor = Cursor(sort, bool(backward), edge, uuid.UUID(task_id))
        canonical = cursor.dump()
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("not a cursor") from error
    if canonical != text or not _is_storable(cursor.key):
        raise ValueError("not a cursor as it was given out")
    return cursor


def _is_storable(key: object) -> bool:
    """Tell whether a sort key could be one of a task: a UTC time, or text without NUL."""
    if isinstance(key, datetime):
        return key.utcoffset() == timedelta(0)
    return isinstance(key, str) and "\0" not in key
