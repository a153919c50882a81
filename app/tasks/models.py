"""What a task is: the table, and the tuple a row becomes. No query is written here; see :mod:`.store`."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, LargeBinary, MetaData, String, Table, Text, Uuid
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

#: Limits in characters, checked by the schemas.
TITLE_LENGTH = 255
DESCRIPTION_LENGTH = 2000

#: The longest subject an issuer may send (OpenID Connect Core §2), in characters; with the longest title it still fits
#: into an index of PostgreSQL.
USER_ID_LENGTH = 255

#: The columns by which a list can be ordered.
SORT_KEYS = ("created_at", "updated_at", "title")

#: Bytes of the digest that a repeated create is recognised by.
CREATION_LENGTH = 16


class UTCDateTime(TypeDecorator[datetime]):
    """An instant with microseconds: aware in Python, UTC in the database, also where that keeps no time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware time into UTC; a naive one has no place here and is refused with ``ValueError``."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a time zone is no instant")
        instant = value.astimezone(UTC)
        # SQLite keeps text: one zone and one width, so that the text sorts like the time.
        return instant.replace(tzinfo=None) if dialect.name == "sqlite" else instant

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give a stored time its time zone back."""
        if value is None or value.tzinfo is UTC:
            return value
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        """Return what reads a stored time; from SQLite's text in one step, since a page holds many."""
        return _read_utc if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


def _read_utc(text: str | None) -> datetime | None:
    """Return the time that SQLAlchemy has written as text, without a zone."""
    return None if text is None else datetime.fromisoformat(text + "+00:00")


def sortable(text: type[String], length: int | None = None) -> String:
    """Return a text type that is ordered by code points in every database, whatever the locale of the server.

    Orders of locales change with the operating system, and indexes that were built before are wrong then.
    """
    return text(length).with_variant(text(length, collation="C"), "postgresql")


metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"},
)

tasks = Table(
    "tasks",
    metadata,
    # The user comes first in every key, so that a user's rows lie together.
    Column("user_id", sortable(Text), primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("title", sortable(String, TITLE_LENGTH), nullable=False),
    Column("description", String(DESCRIPTION_LENGTH), nullable=True),
    Column("completed", Boolean, nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("updated_at", UTCDateTime, nullable=False),
    Column("version", BigInteger, nullable=False),
    # What the client sent to create the task under an id of its own, as a digest; null where the id is ours.
    Column("creation", LargeBinary(CREATION_LENGTH), nullable=True),
    # One index for each order a list can have, of all tasks, and of the open or the completed ones.
    *(Index(None, "user_id", key, "id") for key in SORT_KEYS),
    *(Index(None, "user_id", "completed", key, "id") for key in SORT_KEYS),
)


class Task(NamedTuple):
    """One task of one user, as it was read. The fields stand in the order of the table's columns."""

    #: The identity claim of the owner's token, as it is.
    user_id: str
    id: uuid.UUID
    title: str
    description: str | None
    completed: bool
    created_at: datetime
    updated_at: datetime
    #: The microsecond of the creation at first, and one more with each write; the entity tag. A task that takes the id
    #: of a deleted one begins higher than that ended, so no tag ever means two things.
    version: int
