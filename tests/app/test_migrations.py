"""The schema: steps and models agree, steps go both ways with tasks in the table, and ``flask db`` takes them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Engine, String, Table, Text, event, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.types import TypeEngine

from app import create_app
from app.migrations import commands, turns
from app.migrations.commands import alembic_config
from app.migrations.turns import take_turn
from app.tables import UTCDateTime, metadata, sortable
from app.tasks.errors import IdTakenError
from app.tasks.models import tasks
from app.tasks.store import TaskStore
from tests.support.stores import create_database

NOW = datetime(2026, 1, 1, 12, 0, 0, 1, tzinfo=UTC)

#: A task as the first revision kept it.
ROW: dict[str, Any] = {
    "user_id": "älice",
    "id": uuid.UUID("0b5d7c1e-7a43-4f0e-9a36-6f1f0f4e2a11"),
    "title": "Zebra 🥛",
    "description": "x" * 2000,
    "completed": False,
    "created_at": NOW,
    "updated_at": NOW,
    "version": 1,
}


def revisions() -> list[str]:
    """Return all revisions, the first one first."""
    folder = ScriptDirectory(str(commands.FOLDER))
    return [script.revision for script in folder.walk_revisions()][::-1]


@pytest.fixture
def engine(empty_database_url: str) -> Iterator[Engine]:
    """Return an engine on a database that has no tables yet."""
    engine = create_database(empty_database_url).engine
    yield engine
    engine.dispose()


def schema_of(engine: Engine) -> dict[str, Any]:
    """Return what the database says of the table."""
    found = inspect(engine)
    columns = {column["name"]: (str(column["type"]), column["nullable"]) for column in found.get_columns("tasks")}
    indexes = {index["name"]: index["column_names"] for index in found.get_indexes("tasks")}
    return {"columns": columns, "indexes": indexes, "key": found.get_pk_constraint("tasks")["constrained_columns"]}


def rows_of(engine: Engine) -> list[dict[str, Any]]:
    """Return the rows, in the columns that every revision has."""
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(*(tasks.c[name] for name in ROW))).mappings()]


def test_models_and_migrations_agree(engine: Engine) -> None:
    """Alembic finds nothing to do after the last step; the orders of texts, which it does not look at, agree too."""
    command.upgrade(alembic_config(engine), "head")

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    modelled = {name: getattr(kind, "collation", None) for name, kind in types_in(engine).items()}
    assert collations_of(engine) == {name: collation for name, collation in modelled.items() if collation}


def types_in(engine: Engine) -> dict[str, TypeEngine[Any]]:
    """Return the types of the models' columns in one database."""
    return {column.name: column.type.dialect_impl(engine.dialect) for column in tasks.c}


def collations_of(engine: Engine) -> dict[str, str]:
    """Return the columns that the database orders otherwise than by its own locale."""
    if engine.dialect.name == "sqlite":
        return {}
    query = "SELECT column_name, collation_name FROM information_schema.columns WHERE table_name = 'tasks'"
    with engine.connect() as connection:
        return {name: collation for name, collation in connection.execute(text(query)) if collation}


@pytest.mark.parametrize("start", revisions())
def test_tasks_survive_the_steps_from_every_revision_and_back(engine: Engine, start: str) -> None:
    """Up to the newest and down again, where the schema is what it was."""
    config = alembic_config(engine)
    command.upgrade(config, start)
    with engine.begin() as connection:
        connection.execute(insert(tasks).values(**ROW))
    before = schema_of(engine)

    command.upgrade(config, "head")
    upgraded = rows_of(engine)
    command.downgrade(config, start)

    assert upgraded == rows_of(engine) == [ROW]
    assert schema_of(engine) == before


@pytest.mark.parametrize("start", revisions())
def test_the_service_works_with_tasks_of_every_revision(empty_database_url: str, engine: Engine, start: str) -> None:
    """They are read, listed, counted and written; what they were created by is not known."""
    command.upgrade(alembic_config(engine), start)
    with engine.begin() as connection:
        connection.execute(insert(tasks).values(**ROW))
    command.upgrade(alembic_config(engine), "head")
    store, user_id, task_id = TaskStore(create_database(empty_database_url).run), ROW["user_id"], ROW["id"]
    content = {name: ROW[name] for name in ("title", "description", "completed")}

    assert store.page(user_id, limit=9).items == [store.get(user_id, task_id)]
    with pytest.raises(IdTakenError):
        store.create(user_id, content, task_id)
    assert store.toggle(user_id, task_id).version == 2
    assert (store.summary(user_id).open, store.summary(user_id).completed) == (0, 1)


def test_steps_go_up_and_down_and_up_again(engine: Engine) -> None:
    """Down to nothing, also with a task in the table."""
    config = alembic_config(engine)
    command.upgrade(config, "head")
    with engine.begin() as connection:
        connection.execute(insert(tasks).values(**ROW))
    schema = schema_of(engine)
    command.downgrade(config, "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]

    command.upgrade(config, "head")

    assert sorted(inspect(engine).get_table_names()) == ["alembic_version", "tasks"]
    assert schema_of(engine) == schema


def test_a_step_that_fails_leaves_nothing_behind(engine: Engine) -> None:
    """And is taken once the reason is gone."""
    config = alembic_config(engine)
    command.upgrade(config, "0001")
    with engine.begin() as connection:
        connection.execute(insert(tasks).values(**ROW))
        connection.execute(text("CREATE INDEX ix_tasks_user_id_completed_title_id ON tasks (id)"))
    before = schema_of(engine)

    with pytest.raises(DBAPIError):
        command.upgrade(config, "head")
    after = schema_of(engine)
    with engine.begin() as connection:
        connection.execute(text("DROP INDEX ix_tasks_user_id_completed_title_id"))
    command.upgrade(config, "head")

    assert after == before
    assert rows_of(engine) == [ROW]


def test_flask_db_takes_the_steps(settings: dict[str, Any], empty_database_url: str) -> None:
    """Upgrading twice does nothing the second time."""
    app = create_app(settings | {"DATABASE_URL": empty_database_url})
    runner = app.test_cli_runner()

    results = [
        runner.invoke(args=["db", *arguments])
        for arguments in (["upgrade"], ["upgrade"], ["current"], ["history"], ["downgrade", "base"], ["current"])
    ]

    assert [result.exit_code for result in results] == [0] * 6, [result.exception for result in results]
    assert f"{revisions()[-1]} (head)" in results[2].output
    assert "Create the table of tasks" in results[3].output
    assert not any(revision in results[5].output for revision in revisions())
    app.extensions["database"].engine.dispose()


def test_the_revision_is_read_without_waiting_for_a_writer(settings: dict[str, Any], empty_database_url: str) -> None:
    """Not on SQLite either, where writers wait for each other."""
    app = create_app(settings | {"DATABASE_URL": empty_database_url})
    engine, runner = app.extensions["database"].engine, app.test_cli_runner()
    assert runner.invoke(args=["db", "upgrade"]).exit_code == 0

    with engine.begin() as writer:
        writer.execute(insert(tasks).values(**ROW))
        result = runner.invoke(args=["db", "current"])

    assert (result.exit_code, f"{revisions()[-1]} (head)" in result.output) == (0, True)
    engine.dispose()


@contextmanager
def steps_of_another(engine: Engine) -> Iterator[None]:
    """Take the turn of those that take steps, and give it back."""
    isolation = {"isolation_level": "AUTOCOMMIT"} if engine.dialect.name == "sqlite" else {}
    with engine.execution_options(**isolation).connect() as other:
        take_turn(other)
        yield
        other.exec_driver_sql("ROLLBACK")


def test_steps_wait_while_another_process_takes_them(engine: Engine) -> None:
    """For longer than a request would wait for a lock; then they are taken, if they still have to be."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 0"))

    with ThreadPoolExecutor() as threads:
        with steps_of_another(engine):
            waiting = threads.submit(command.upgrade, alembic_config(engine), "head")
            with pytest.raises(TimeoutError):
                waiting.result(0.5)
        waiting.result()

    assert schema_of(engine)["columns"].keys() == {column.name for column in tasks.c}


def test_steps_do_not_wait_for_ever(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten minutes; here less."""
    monkeypatch.setattr(turns, "TURN_TIMEOUT", 1)

    with steps_of_another(engine), pytest.raises(OperationalError, match=r"lock timeout|database is locked"):
        command.upgrade(alembic_config(engine), "head")

    assert inspect(engine).get_table_names() == []


def test_flask_db_names_what_it_does_not_know(settings: dict[str, Any], empty_database_url: str) -> None:
    """In a sentence: an unknown revision, a step below the first."""
    app = create_app(settings | {"DATABASE_URL": empty_database_url})
    runner = app.test_cli_runner()

    results = [runner.invoke(args=["db", *arguments]) for arguments in (["upgrade", "9999"], ["downgrade"])]
    app.extensions["database"].engine.dispose()

    assert [result.exit_code for result in results] == [1, 1]
    assert [result.output.splitlines()[-1] for result in results] == [
        "Error: Can't locate revision identified by '9999'",
        "Error: Relative revision -1 didn't produce 1 migrations",
    ]


def test_flask_db_writes_a_new_step(
    settings: dict[str, Any], empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the template, complete with docstrings, and empty where nothing has changed."""
    app = create_app(settings | {"DATABASE_URL": empty_database_url})
    versions = commands.FOLDER / "versions"
    copy = copied(commands.FOLDER, tmp_path / "migrations")
    monkeypatch.setattr(commands, "FOLDER", copy)
    upgraded = app.test_cli_runner().invoke(args=["db", "upgrade"])

    result = app.test_cli_runner().invoke(args=["db", "revision", "-m", "Nothing new"])

    assert (upgraded.exit_code, result.exit_code) == (0, 0), result.exception
    (name,) = {path.name for path in (copy / "versions").glob("*.py")} - {path.name for path in versions.glob("*.py")}
    written = (copy / "versions" / name).read_text()
    assert written.startswith('"""Nothing new.\n')
    assert f"down_revision = '{revisions()[-2]}'" in written
    assert "op." not in written
    compile(written, name, "exec")
    app.extensions["database"].engine.dispose()


@pytest.fixture
def new_table() -> Iterator[Table]:
    """Return a table that no step has made yet, with the types of :mod:`app.tables`."""
    table = Table(
        "notes",
        metadata,
        Column("user_id", sortable(Text), primary_key=True),
        Column("title", sortable(String, 9), nullable=False),
        Column("written_at", UTCDateTime, nullable=False),
    )
    yield table
    metadata.remove(table)


def test_a_step_that_flask_db_writes_for_a_new_table_runs(
    settings: dict[str, Any], empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new_table: Table
) -> None:
    """It needs nothing of the service, and afterwards Alembic finds nothing to do."""
    app = create_app(settings | {"DATABASE_URL": empty_database_url})
    copy = copied(commands.FOLDER, tmp_path / "migrations")
    monkeypatch.setattr(commands, "FOLDER", copy)
    arguments = (["upgrade"], ["revision", "-m", "Add notes"], ["upgrade"])

    results = [app.test_cli_runner().invoke(args=["db", *each]) for each in arguments]

    assert [result.exit_code for result in results] == [0] * 3, [result.exception for result in results]
    (written,) = (path.read_text() for path in (copy / "versions").glob("*_add_notes.py"))
    assert "sa.Column('written_at', sa.DateTime(timezone=True), nullable=False)" in written
    assert "app." not in written
    engine = app.extensions["database"].engine
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def copied(folder: Path, copy: Path) -> Path:
    """Copy the steps and what Alembic needs beside them."""
    (copy / "versions").mkdir(parents=True)
    for path in (folder / "env.py", folder / "script.py.mako", *(folder / "versions").glob("*.py")):
        (copy / path.relative_to(folder)).write_text(path.read_text())
    return copy
