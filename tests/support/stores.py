"""Databases without an app around them, on either way."""

from __future__ import annotations

from typing import Any

from app import database
from app.database import Database, Ways
from app.fast import SHORT_WAYS

#: By SQLAlchemy alone.
PLAIN_WAYS: Ways = {}


def create_database(url: str, *, ways: Ways = SHORT_WAYS, **options: Any) -> Database:
    """Return a database as the service makes it."""
    return database.create_database(url, ways=ways, **options)
