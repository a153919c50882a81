"""A PostgreSQL for the tests: databases of their own, and a role that owns nothing there.

The server is the one at ``TEST_POSTGRESQL_URL``, of a superuser, or else a cluster made for the tests. What is made
there has a name nobody else has, and is gone after them.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psycopg
from alembic import command
from sqlalchemy import URL, make_url

from app.database import create_database
from app.migrations.commands import alembic_config
from tests.support.documentation import snippets
from tests.support.postgresql_server import PostgreSQLAddress, PostgreSQLServer

#: Nothing here has to survive a power cut.
UNSAFE = "ALTER DATABASE {} SET synchronous_commit = off"


class PostgreSQL:
    """Databases on one server, each as the tests need it, and the role the service uses there."""

    def __init__(self, server: psycopg.Connection, url: URL) -> None:
        self._server = server
        self._url = url
        self._prefix = f"tasks_test_{secrets.token_hex(4)}"
        self._databases: list[str] = []
        self.role = f"{self._prefix}_app"
        self._password = secrets.token_hex(16)
        self._template: str | None = None

    def new_database(self, template: str = "template0") -> str:
        """Return the name of a new database, a copy of another."""
        name = f"{self._prefix}_{len(self._databases)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        self._databases.append(name)
        self._execute(UNSAFE.format(name))
        return name

    def migrated_database(self) -> str:
        """Return the name of a new database with the schema of the newest migration, which the role may use."""
        if self._template is None:
            self._template = self._make_template()
        return self.new_database(self._template)

    def owner_url(self, database: str) -> str:
        """Return the URL for the owner of the tables."""
        return self._url.set(database=database).render_as_string(hide_password=False)

    def role_url(self, database: str) -> str:
        """Return the URL for the service, which may read and write rows and is subject to the policy."""
        url = self._url.set(database=database, username=self.role, password=self._password)
        return url.render_as_string(hide_password=False)

    def drop(self, database: str) -> None:
        """Remove a database, even while clients are connected."""
        self._execute(f"DROP DATABASE {database} WITH (FORCE)")
        self._databases.remove(database)

    def close(self) -> None:
        """Remove what was made, and hang up."""
        for database in list(self._databases):
            self.drop(database)
        self._execute(f"DROP ROLE IF EXISTS {self.role}")
        self._server.close()

    def _make_template(self) -> str:
        self._execute(f"CREATE ROLE {self.role} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '{self._password}'")
        name = self.new_database()
        engine = create_database(self.owner_url(name)).engine
        command.upgrade(alembic_config(engine), "head")
        with engine.begin() as connection:
            connection.exec_driver_sql(f"GRANT SELECT, INSERT, UPDATE, DELETE ON tasks TO {self.role}")
        # A database that somebody is connected to cannot be copied.
        engine.dispose()
        return name

    def _execute(self, statement: str) -> None:
        self._server.execute(statement.encode())


def make_documented_database(server: PostgreSQLAddress) -> None:
    """Make the roles and the database ``tasks`` as ``docs/database.md`` says, migrated by the owner."""
    (roles, *_) = snippets("database.md", "sql")
    server.run_script(roles)
    owner = create_database(server.url("tasks", "tasks_owner")).engine
    command.upgrade(alembic_config(owner), "head")
    owner.dispose()


@contextmanager
def running_postgresql() -> Iterator[PostgreSQL]:
    """Yield the server; skip the test, or fail it in CI, where there is neither one nor the programs to run one."""
    with ExitStack() as stack:
        text = os.environ.get("TEST_POSTGRESQL_URL") or stack.enter_context(PostgreSQLServer()).url("postgres")
        postgresql = PostgreSQL(psycopg.connect(text, autocommit=True, connect_timeout=3), make_url(text))
        stack.callback(postgresql.close)
        yield postgresql
