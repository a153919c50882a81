"""What all tables have in common: the schema they belong to, and types that are the same in every database."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import DateTime, MetaData, String
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

#: The tables of all features. Migrations and the readiness probe look here.
metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"},
)


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


def sortable(text: type[String], length: int | None = None) -> String:
    """Return a text type that is ordered by code points in every database, whatever the locale of the server.

    The order of a locale can change with the operating system, and then indexes that were built before are wrong.
    """
    return text(length).with_variant(text(length, collation="C"), "postgresql")
