"""Where one page of a list ends and the next begins: the orders a list can have, and the opaque cursor.

A cursor holds the order, the direction, the sort key and the id of the task at the edge of a page. It holds a short
title whole, and the beginning and a digest of a long one: URLs have to stay short, and proxies log them. A cursor is
not secret and grants nothing, since every query is filtered by the user as well. It has a checksum and is parsed
strictly, so a changed cursor is refused.
"""

from __future__ import annotations

import hashlib
import re
import sys
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

import orjson

from app.tasks.models import TITLE_LENGTH, Task

#: The most characters of a title that a cursor holds.
TITLE_START = 64

#: Characters of the longest cursor: that much of a title, every character escaped in JSON, and all of it in base64.
CURSOR_LENGTH = 640

#: Bytes of the checksum behind the content of a cursor.
CHECKSUM_LENGTH = 6

#: What a digest of a title looks like.
DIGEST = re.compile(r"[0-9a-f]{16}")


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


class Edge(NamedTuple):
    """The place where a page begins: just behind this key and id, in the direction in which the page is read."""

    key: datetime | str
    id: uuid.UUID
    #: The beginning of titles that cannot be placed before or behind the edge, since the title at the edge is unknown.
    #: None if it is known.
    doubtful: str | None = None

    def is_doubtful(self, title: str) -> bool:
        """Tell whether a title cannot be placed before or behind the edge."""
        return self.doubtful is not None and title.startswith(self.doubtful) and title != self.doubtful


@dataclass(frozen=True, slots=True)
class Cursor:
    """The task at the edge of a page, the order of the list, and the direction to read in."""

    sort: Sort
    #: Whether the cursor leads to the page before that task; otherwise, to the page after it.
    backward: bool
    key: datetime | str
    id: uuid.UUID
    #: Tells a title from others that begin with the same :data:`TITLE_START` characters; None if the key is complete.
    digest: str | None = None

    @classmethod
    def at(cls, task: Task, sort: Sort, *, backward: bool) -> Cursor:
        """Return the cursor to what follows a task, or to what comes before it."""
        key = getattr(task, sort.field)
        if isinstance(key, str) and len(key) > TITLE_START:
            return cls(sort, backward, key[:TITLE_START], task.id, title_digest(key))
        return cls(sort, backward, key, task.id)

    def edge(self, title: str | None = None) -> Edge:
        """Return where the page begins.

        ``title`` is the present title of the task, None if the task is gone; only a cursor with a digest needs it. If
        the title has changed, the page begins in front of all titles with the same beginning.
        """
        if self.digest is None:
            return Edge(self.key, self.id)
        if title is not None and title_digest(title) == self.digest:
            return Edge(title, self.id)
        start, is_read_downwards = str(self.key), self.sort.descending != self.backward
        # No title with this beginning is greater than one that goes on with the greatest character.
        rest = chr(sys.maxunicode) * (TITLE_LENGTH - TITLE_START) if is_read_downwards else ""
        return Edge(start + rest, uuid.UUID(int=2**128 - 1), doubtful=start)

    def dump(self) -> str:
        """Return the cursor as the text that a client sends: JSON and its checksum in base64url without padding."""
        key = self.key if isinstance(self.key, str) else self.key.isoformat(timespec="microseconds")
        parts = [self.sort, int(self.backward), key, self.id]
        content = orjson.dumps(parts if self.digest is None else [*parts, self.digest])
        return urlsafe_b64encode(content + checksum(content)).rstrip(b"=").decode("ascii")


def title_digest(title: str) -> str:
    """Return a digest that tells a title from others with the same beginning."""
    return hashlib.blake2b(title.encode(), digest_size=8).hexdigest()


def checksum(content: bytes) -> bytes:
    """Return a checksum that shows a changed cursor. It has no secret, so it does not stop a forger."""
    return hashlib.blake2b(content, digest_size=CHECKSUM_LENGTH, person=b"tasks cursor").digest()


def parse_cursor(text: str) -> Cursor:
    """Return the cursor that dumps to exactly this text; raise ``ValueError`` if there is none."""
    if len(text) > CURSOR_LENGTH:
        raise ValueError("not a cursor: longer than any")
    try:
        sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        name, backward, key, task_id, *rest = orjson.loads(sealed[:-CHECKSUM_LENGTH])
        sort = Sort(name)
        edge = key if sort.field == "title" else datetime.fromisoformat(key)
        (digest,) = rest or (None,)
        cursor = Cursor(sort, bool(backward), edge, uuid.UUID(task_id), digest)
        canonical = cursor.dump()
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("not a cursor") from error
    if canonical != text or not _could_be_an_edge(cursor.key, cursor.digest):
        raise ValueError("not a cursor as it was given out")
    return cursor


def _could_be_an_edge(key: object, digest: object) -> bool:
    """Tell whether a task could have such a key: a UTC time; or text without NUL, with a digest if it is cut off."""
    if isinstance(key, datetime):
        return digest is None and key.utcoffset() == timedelta(0)
    if not isinstance(key, str) or "\0" in key:
        return False
    if digest is None:
        return len(key) <= TITLE_START
    return len(key) == TITLE_START and isinstance(digest, str) and DIGEST.fullmatch(digest) is not None
