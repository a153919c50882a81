"""One user's searches, made to be as expensive as can be, keep nobody else from being served."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.tasks.models import tasks
from benchmarks import searches
from benchmarks.databases import Database, engine_of
from benchmarks.traffic import SECRET
from tests.support.gunicorn_server import GunicornServer
from tests.support.postgresql_server import PostgreSQLServer, postgresql

__all__ = ["postgresql"]

#: Tasks of the one who searches, and searches at once.
TASKS, CLIENTS = 6000, 32


@pytest.fixture(params=["sqlite", "postgresql"])
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[GunicornServer]:
    """Return a service with two processes of two threads, and with tasks of one letter in great number."""
    url = f"sqlite:///{tmp_path / 'tasks.sqlite3'}"
    if request.param == "postgresql":
        server: PostgreSQLServer = request.getfixturevalue("postgresql")
        name = f"searched_{time.monotonic_ns()}"
        server.execute(f"CREATE DATABASE {name}")
        url = server.url(name)
    with GunicornServer(
        tmp_path, DATABASE_URL=url, BETTER_AUTH_SECRET=SECRET, WEB_CONCURRENCY="2", GUNICORN_THREADS="2"
    ) as service:
        with engine_of(url.replace("postgresql:", "postgresql+psycopg:")) as owner:
            searches.fill(Database(url, owner, tasks), TASKS)
        yield service


@pytest.mark.parametrize("letters", list(searches.LETTERS))
def test_many_crafted_searches_keep_nobody_waiting(service: GunicornServer, letters: str) -> None:
    """Somebody else's lists and ``/health`` are answered; most of the searches are refused with 503."""
    paths = searches.crafted(letters, searches.longest_search(service.port))

    found = searches.measure(service.port, letters, paths, CLIENTS, seconds=3)

    assert set(found["lists"].statuses) == {200}
    assert set(found["health"].statuses) == {200}
    assert set(found["searches"].statuses) <= {200, 503}
    assert found["searches"].statuses[503] > 0
    assert not found["searches"].without_retry_after
