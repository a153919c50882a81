"""Databases for one measurement each, filled, and gone afterwards: SQLite files, or on a PostgreSQL server.

The server is the one of ``BENCHMARK_POSTGRESQL_URL``, of a superuser; by default the one of this machine.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic import command
from sqlalchemy import Engine, Table, create_engine, delete, insert, make_url
from sqlalchemy.exc import OperationalError

from app.database import database_url
from app.migrations.commands import alembic_config
from app.tasks.models import tasks
from benchmarks.content import CHUNK, rows
from benchmarks.row_level_security import held_role, run

SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"

VARIABLE = "BENCHMARK_POSTGRESQL_URL"
USUAL_SERVER = "postgresql://postgres@127.0.0.1:5432/postgres"


@dataclass(frozen=True, slots=True)
class Database:
    """Where one subject keeps its tasks."""

    #: The URL a server connects with.
    url: str
    #: The role that made the table, which no policy restricts.
    owner: Engine
    table: Table

    def fill(self, sizes: Mapping[str, int]) -> None:
        """Give each user so many tasks."""
        names = self.table.c.keys()
        # To make an index of a million rows at once is many times faster than to add them one by one.
        indexes = self.table.indexes if sum(sizes.values()) > CHUNK else ()
        with self.owner.begin() as connection:
            for index in indexes:
                index.drop(connection)
            for user_id, count in sizes.items():
                for chunk in rows(user_id, count):
                    connection.execute(insert(self.table), [{name: row[name] for name in names} for row in chunk])
            for index in indexes:
                index.create(connection)
        self.tidy()

    def remove_created(self, title: str) -> None:
        """Remove what a burst has created, so that the next one meets the same table."""
        with self.owner.begin() as connection:
            connection.execute(delete(self.table).where(self.table.c.title == title))
        self.tidy()

    def tidy(self) -> None:
        """Do now what the database would do at a moment of its own choosing: statistics, and clearing away."""
        is_sqlite = self.owner.dialect.name == "sqlite"
        statements = ("ANALYZE", "PRAGMA wal_checkpoint(TRUNCATE)") if is_sqlite else ("VACUUM ANALYZE tasks",)
        with self.owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)


@contextmanager
def our_database(kind: str) -> Iterator[Database]:
    """Make a database as ``flask db upgrade`` does; on PostgreSQL the service is a role that the policy holds."""
    with empty_database(kind) as url, engine_of(url) as owner:
        command.upgrade(alembic_config(owner), "head")
        if kind == SQLITE:
            yield Database(url, owner, tasks)
        else:
            with held_role(owner) as role:
                yield Database(_as_role(owner, url, role), owner, tasks)


@contextmanager
def original_database(kind: str) -> Iterator[Database]:
    """Make a database with the table of :mod:`benchmarks.original_stack`, which knows of no policy."""
    # Only installed where peers are measured.
    from benchmarks.original_stack.models import Task

    with empty_database(kind) as url, engine_of(url) as owner:
        table: Table = Task.__table__
        table.create(owner)
        yield Database(url, owner, table)


@contextmanager
def empty_database(kind: str) -> Iterator[str]:
    """Yield the URL of a new database and remove that in the end."""
    if kind == SQLITE:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            yield f"sqlite:///{Path(folder) / 'tasks.sqlite3'}"
        return
    name = f"benchmark_{secrets.token_hex(6)}"
    with engine_of(server_url(), isolation_level="AUTOCOMMIT") as server:
        run(server, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        try:
            yield make_url(server_url()).set(database=name).render_as_string(hide_password=False)
        finally:
            run(server, f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def engine_of(url: str, **options: Any) -> Iterator[Engine]:
    """Yield an engine and close its connections in the end."""
    engine = create_engine(url, **options)
    try:
        yield engine
    finally:
        engine.dispose()


def kinds() -> tuple[str, ...]:
    """Return the kinds of database there are here; a server that somebody has named has to be there."""
    try:
        with engine_of(server_url(), connect_args={"connect_timeout": 3}) as server:
            server.connect().close()
    except OperationalError:
        if VARIABLE in os.environ:
            raise
        return (SQLITE,)
    return (SQLITE, POSTGRESQL)


def server_url() -> str:
    """Return the URL of the PostgreSQL server's superuser, with the driver that is installed."""
    return database_url(os.environ.get(VARIABLE) or USUAL_SERVER).render_as_string(hide_password=False)


def _as_role(owner: Engine, url: str, role: str) -> str:
    """Give a role a password, for servers that ask for one, and return the URL with both."""
    password = secrets.token_hex(16)
    run(owner, f"ALTER ROLE {role} PASSWORD '{password}'")
    return make_url(url).set(username=role, password=password).render_as_string(hide_password=False)
