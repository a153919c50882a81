"""The tasks that every subject is filled with."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 1, 1, tzinfo=UTC)
CHUNK = 10_000

Row = dict[str, Any]


def task_id(number: int) -> uuid.UUID:
    """Return the id of a user's task by its number, the oldest being 0."""
    return uuid.UUID(int=number, version=4)


def created_at(number: int) -> datetime:
    """Return when that task was created."""
    return START + timedelta(seconds=number)


def rows(user_id: str, count: int) -> Iterator[list[Row]]:
    """Yield the tasks of a user, some at a time, a second apart and every tenth completed."""
    for first in range(0, count, CHUNK):
        yield [
            {
                "user_id": user_id,
                "id": task_id(number),
                "title": f"Task {number * 7919 % count:07}",
                "description": "What has to be done, in a few words that take some room.",
                "completed": number % 10 == 0,
                "created_at": created_at(number),
                "updated_at": created_at(number),
                "version": number + 1,
                "creation": None,
            }
            for number in range(first, min(first + CHUNK, count))
        ]
