"""What a task is: the table, and the frozen object a row becomes. No query is written here; see :mod:`.store`."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, MetaData, String, Table, Text, Uuid
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

#: Limits in characters, checked by the schemas.
TITLE_LENGTH = 255
DESCRIPTION_LENGTH = 2000


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
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"},
)

tasks = Table(
    "tasks",
    metadata,
    # The user comes first in every key, so that a user's rows lie together.
    Column("user_id", Text, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("title", String(TITLE_LENGTH), nullable=False),
    Column("description", String(DESCRIPTION_LENGTH), nullable=True),
    Column("completed", Boolean, nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("updated_at", UTCDateTime, nullable=False),
    Column("version", BigInteger, nullable=False),
    # One index for each order a list can have.
    Index(None, "user_id", "created_at", "id"),
    Index(None, "user_id", "updated_at", "id"),
    Index(None, "user_id", "title", "id"),
)


@dataclass(frozen=True, slots=True)
class Task:
    """One task of one user, as it was read. The fields stand in the order of the table's columns."""

    #: The identity claim of the owner's token, as it is.
    user_id: str
    id: uuid.UUID
    title: str
    description: str | None
    completed: bool
    created_at: datetime
    updated_at: datetime
    #: 1 at first and one more with each write; the entity tag.
    version: int
