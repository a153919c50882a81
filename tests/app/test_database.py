"""Engines: what SQLite is told on each connection, and that a fork inherits nothing."""

from __future__ import annotations

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from app.database import create_database

#: What SQLite is told, and forks.
DATABASES = ("sqlite",)


def test_an_engine_connects_only_when_it_is_used(tmp_path: Path) -> None:
    """A master that preloads the app opens no file."""
    create_database(f"sqlite:///{tmp_path / 'tasks.sqlite3'}")

    assert list(tmp_path.iterdir()) == []


def test_sqlite_is_set_up_for_durability_and_for_several_processes(database_url: str) -> None:
    """Write-ahead log, full sync, five seconds of patience, foreign keys."""
    engine = create_database(database_url).engine

    with engine.connect() as connection:
        found = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        }
    engine.dispose()

    assert found == {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 5000, "foreign_keys": 1}


def test_sqlite_may_be_told_to_sync_later(database_url: str) -> None:
    """For those who can do without the last acknowledged writes if the power fails."""
    engine = create_database(database_url, synchronous="normal").engine

    with engine.connect() as connection:
        found = connection.execute(text("PRAGMA synchronous")).scalar()
    engine.dispose()

    assert found == 1


def test_a_new_file_that_another_process_writes_to_is_waited_for(tmp_path: Path) -> None:
    """SQLite refuses at once to switch it to write-ahead logging."""
    path = tmp_path / "tasks.sqlite3"
    engine = create_database(f"sqlite:///{path}").engine

    def ask() -> str:
        with engine.connect() as connection:
            return str(connection.scalar(text("PRAGMA journal_mode")))

    with ThreadPoolExecutor() as threads, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE t (x)")
        other.execute("BEGIN IMMEDIATE")
        other.execute("INSERT INTO t VALUES (1)")
        waiting = threads.submit(ask)
        with pytest.raises(TimeoutError):
            waiting.result(0.2)
        other.execute("COMMIT")

        assert waiting.result() == "wal"
    engine.dispose()


def test_a_forked_child_does_not_use_its_parents_connections(database_url: str) -> None:
    """Its pool is empty; the parent's connection stays open for the parent."""
    engine = create_database(database_url).engine
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    inherited = engine.pool.status()

    child = os.fork()
    if child == 0:
        os._exit(0 if "Connections in pool: 0" in engine.pool.status() else 1)
    _, status = os.waitpid(child, 0)

    assert "Connections in pool: 1" in inherited
    assert os.waitstatus_to_exitcode(status) == 0
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
    engine.dispose()
