"""The service on a fresh SQLite file, migrated as in production, and tokens its issuer could have made."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jwt
import pytest
from alembic import command
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from app.database import connect_database
from app.migrations.commands import alembic_config
from app.tasks.store import TaskStore

SECRET = "3d1f7b0c9a584e62b7d3f0a4c6e81925b0d7f3a9e5c14286"

Headers = dict[str, str]
Authorize = Callable[..., Headers]


def body_of(answer: TestResponse) -> Any:
    """Return the JSON an answer holds."""
    return answer.json


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of whoever runs the tests out of them."""
    for name in list(os.environ):
        if name.startswith(("FLASK_", "BETTER_AUTH_")) or name in ("DATABASE_URL", "REDIS_URL"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty database with the schema of the newest migration, to be copied."""
    path = tmp_path_factory.mktemp("database") / "empty.sqlite3"
    app = Flask("migrations")
    app.config["DATABASE_URL"] = f"sqlite:///{path}"
    connect_database(app)
    engine = app.extensions["database_engine"]
    command.upgrade(alembic_config(engine), "head")
    engine.dispose()
    return path


@pytest.fixture
def database_url(tmp_path: Path, migrated_database: Path) -> str:
    """Return the URL of a database of this test's own."""
    path = tmp_path / "tasks.sqlite3"
    path.write_bytes(migrated_database.read_bytes())
    return f"sqlite:///{path}"


@pytest.fixture
def settings(database_url: str) -> dict[str, Any]:
    """Return the settings the tests run with; a test may change them before it asks for ``app``."""
    return {"BETTER_AUTH_SECRET": SECRET, "DATABASE_URL": database_url, "TESTING": True}


@pytest.fixture
def app(settings: Mapping[str, Any]) -> Iterator[Flask]:
    """Return the service."""
    app = create_app(settings)
    yield app
    app.extensions["database_engine"].dispose()


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
def authorize() -> Authorize:
    """Return a function that makes the headers of a user, with a token as the issuer signs it."""

    def authorize(user_id: str = "alice", **headers: str) -> Headers:
        now = int(time.time())
        token = jwt.encode({"sub": user_id, "iat": now, "exp": now + 900}, SECRET, algorithm="HS256")
        return {"Authorization": f"Bearer {token}", **headers}

    return authorize
