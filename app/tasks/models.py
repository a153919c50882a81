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

#: The longest subject that an issuer may send (OpenID Connect Core §2), in characters. Together with the longest title
#: it still fits into an index of PostgreSQL.
USER_ID_LENGTH = 255

#: The columns by which a list can be ordered.
SORT_KEYS = ("created_at", "updated_at", "title")

#: Bytes of the digest by which a repeated create is recognised.
CREATION_LENGTH = 16


class UTCDateTime(TypeDecorator[datetime]):
    """An instant with microseconds: aware in Python, and UTC in the database, even if that stores no time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert an aware time to UTC; raise ``ValueError`` for a naive one."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a time zone is no instant")
        instant = value.astimezone(UTC)
        # SQLite stores text. One zone and one width make the text sort like the time.
        return instant.replace(tzinfo=None) if dialect.name == "sqlite" else instant

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give a stored time its time zone back."""
        if value is None or value.tzinfo is UTC:
            return value
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        """Return a function that reads a stored time. It reads SQLite's text in one step, since a page holds many."""
        return _read_utc if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


def _read_utc(text: str | None) -> datetime | None:
    """Return the time that SQLAlchemy has written as text, without a zone."""
    return None if text is None else datetime.fromisoformat(text + "+00:00")


def sortable(text: type[String], length: int | None = None) -> String:
    """Return a text type that is ordered by code points in every database, whatever the locale of the server.

    The order of a locale can change with the operating system, and then indexes that were built before are wrong.
    """
    return text(length).with_variant(text(length, collation="C"), "postgresql")


metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"},
)

tasks = Table(
    "tasks",
    metadata,
    # The user comes first in every key, so the rows of one user lie together.
    Column("user_id", sortable(Text), primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("title", sortable(String, TITLE_LENGTH), nullable=False),
    Column("description", String(DESCRIPTION_LENGTH), nullable=True),
    Column("completed", Boolean, nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("updated_at", UTCDateTime, nullable=False),
    Column("version", BigInteger, nullable=False),
    # A digest of what the client sent to create the task under an id that it chose; null if the service chose the id.
    Column("creation", LargeBinary(CREATION_LENGTH), nullable=True),
    # One index for each order of a list: of all tasks, and of the open or the completed ones.
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
    #: The entity tag: at first the microsecond of the creation, and one more with each write. A task that gets the id
    #: of a deleted one begins with a higher number than that ended with, so no tag ever means two things.
    version: int
