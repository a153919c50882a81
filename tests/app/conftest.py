"""The service on a fresh database, migrated as in production, and tokens its issuer could have made.

Every test of something that asks for ``database_url`` runs twice, on SQLite and on PostgreSQL. A module that is about
neither, or about one of them, says so: ``DATABASES = ("sqlite",)``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from app import create_app
from app.database import Database, Ways
from app.fast import SHORT_WAYS
from app.migrations.commands import alembic_config
from app.tasks.store import TaskStore
from auth.testing import TokenIssuer
from tests.support.postgresql import PostgreSQL, running_postgresql
from tests.support.stores import PLAIN_WAYS, create_database
from tests.support.tasks_api import ID, SECRET, TASK, Authorize, Clock, Headers, send

#: Where the tests run, unless their module says otherwise.
DATABASES = ("sqlite", "postgresql")

#: Fixtures that start a server; ``make unit`` leaves out the tests that ask for one.
SERVERS = {"postgresql", "shared_database", "redis"}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the environment of the developer out of the tests."""
    for name in list(os.environ):
        if name.startswith(("FLASK_", "BETTER_AUTH_")) or name in ("DATABASE_URL", "REDIS_URL", "GUNICORN_THREADS"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def closed_databases(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close what a test has opened; CPython 3.13 warns of a SQLite connection that is collected while it is open."""
    engines: set[Engine] = set()
    monkeypatch.setattr("app.database._engines", engines)
    yield
    for engine in engines:
        engine.dispose()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of a module on each of its databases."""
    if not {"database", "database_url", "empty_database_url"}.isdisjoint(metafunc.fixturenames):
        databases = getattr(metafunc.module, "DATABASES", DATABASES)
        metafunc.parametrize("database", databases, indirect=True, scope="module")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need a server."""
    for item in items:
        if isinstance(item, pytest.Function) and needs_server(item):
            item.add_marker("server")


def needs_server(test: pytest.Function) -> bool:
    """Tell whether a test runs on PostgreSQL, or asks for a server by name."""
    parameters = test.callspec.params if hasattr(test, "callspec") else {}
    return parameters.get("database") == "postgresql" or not SERVERS.isdisjoint(test.fixturenames)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty SQLite database with the schema of the newest migration, to be copied."""
    path = tmp_path_factory.mktemp("database") / "empty.sqlite3"
    engine = create_database(f"sqlite:///{path}").engine
    command.upgrade(alembic_config(engine), "head")
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """Return a PostgreSQL."""
    with running_postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def shared_database(postgresql: PostgreSQL) -> Iterator[tuple[str, psycopg.Connection]]:
    """Return a migrated database, and its owner's connection to empty it: a new one for each test takes too long."""
    name = postgresql.migrated_database()
    with psycopg.connect(postgresql.owner_url(name), autocommit=True) as owner:
        yield postgresql.role_url(name), owner


@pytest.fixture(scope="module")
def database(request: pytest.FixtureRequest) -> str:
    """Return the name of the database the test runs on."""
    name: str = request.param
    return name


@pytest.fixture
def database_url(request: pytest.FixtureRequest, database: str, tmp_path: Path) -> str:
    """Return the URL of a migrated database without tasks, as the service gets it."""
    if database == "sqlite":
        path = tmp_path / "tasks.sqlite3"
        path.write_bytes(request.getfixturevalue("migrated_file").read_bytes())
        return f"sqlite:///{path}"
    url: str
    url, owner = request.getfixturevalue("shared_database")
    owner.execute("DELETE FROM tasks")
    return url


@pytest.fixture
def empty_database_url(request: pytest.FixtureRequest, database: str, tmp_path: Path) -> Iterator[str]:
    """Return the URL of a database without tables, for the role that migrates it."""
    if database == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    else:
        server: PostgreSQL = request.getfixturevalue("postgresql")
        name = server.new_database()
        yield server.owner_url(name)
        server.drop(name)


@pytest.fixture(params=[PLAIN_WAYS, SHORT_WAYS], ids=["plain", "fast"])
def ways(request: pytest.FixtureRequest) -> Ways:
    """Return each way to the database."""
    ways: Ways = request.param
    return ways


@pytest.fixture
def settings(database_url: str) -> dict[str, Any]:
    """Return the settings the tests run with; a test may change them before it asks for ``app``."""
    return {"BETTER_AUTH_SECRET": SECRET, "DATABASE_URL": database_url, "TESTING": True}


@pytest.fixture
def app(settings: Mapping[str, Any]) -> Iterator[Flask]:
    """Return the service."""
    app = create_app(settings)
    yield app
    app.extensions["database"].engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Return a client of the service."""
    return app.test_client()


@pytest.fixture
def store(app: Flask) -> TaskStore:
    """Return the store behind the service."""
    store: TaskStore = app.extensions["task_store"]
    return store


@pytest.fixture
def own_database(database_url: str, ways: Ways) -> Iterator[Database]:
    """Return a database without an app around it."""
    database = create_database(database_url, ways=ways)
    yield database
    database.engine.dispose()


@pytest.fixture
def own_store(own_database: Database) -> TaskStore:
    """Return a store without an app around it."""
    return TaskStore(own_database.run, clock=Clock())


@pytest.fixture
def authorize() -> Authorize:
    """Return a function that makes the headers of a user, with a token as the issuer signs it."""
    issuer = TokenIssuer(SECRET)

    def authorize(user_id: str = "alice", **headers: str) -> Headers:
        return {**issuer.authorization(user_id), **headers}

    return authorize


@pytest.fixture
def headers(authorize: Authorize) -> dict[str, str]:
    """Return the headers of alice."""
    return authorize()


@pytest.fixture
def task(client: FlaskClient, headers: dict[str, str]) -> str:
    """Return the path of a task of alice that is there."""
    assert send(client, headers, {"id": ID, "title": "Here"}).status_code == 201
    return TASK
