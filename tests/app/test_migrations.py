"""The schema: steps and models agree, steps go both ways, and ``flask db`` takes them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from sqlalchemy import Engine, inspect

from app import create_app
from app.database import create_database_engine
from app.migrations.commands import alembic_config
from app.tasks.models import metadata


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Return an engine on a database that is not there yet."""
    engine = create_database_engine(f"sqlite:///{tmp_path / 'new.sqlite3'}")
    yield engine
    engine.dispose()


def test_models_and_migrations_agree(engine: Engine) -> None:
    """Alembic finds nothing to do after the last step."""
    command.upgrade(alembic_config(engine), "head")

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_steps_go_up_and_down_and_up_again(engine: Engine) -> None:
    """Down to nothing."""
    command.upgrade(alembic_config(engine), "head")
    command.downgrade(alembic_config(engine), "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]

    command.upgrade(alembic_config(engine), "head")

    assert sorted(inspect(engine).get_table_names()) == ["alembic_version", "tasks"]


def test_flask_db_takes_the_steps(settings: dict[str, Any], tmp_path: Path) -> None:
    """Upgrading twice does nothing the second time."""
    app = create_app(settings | {"DATABASE_URL": f"sqlite:///{tmp_path / 'cli.sqlite3'}"})
    runner = app.test_cli_runner()

    results = [
        runner.invoke(args=["db", *arguments])
        for arguments in (["upgrade"], ["upgrade"], ["current"], ["history"], ["downgrade"], ["current"])
    ]

    assert [result.exit_code for result in results] == [0] * 6, [result.exception for result in results]
    assert "0001 (head)" in results[2].output
    assert "Create the table of tasks" in results[3].output
    assert "0001" not in results[5].output
    app.extensions["database_engine"].dispose()


def test_flask_db_writes_a_new_step(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the template, complete with docstrings, and empty where nothing has changed."""
    migrations = Path(__file__).parents[2] / "app" / "migrations"
    copy = tmp_path / "migrations"
    (copy / "versions").mkdir(parents=True)
    for name in ("env.py", "script.py.mako", "versions/0001_tasks.py"):
        (copy / name).write_text((migrations / name).read_text())
    monkeypatch.setattr("app.migrations.commands.FOLDER", copy)

    result = app.test_cli_runner().invoke(args=["db", "revision", "-m", "Nothing new"])

    assert result.exit_code == 0, result.exception
    (written,) = set((copy / "versions").glob("*.py")) - {copy / "versions" / "0001_tasks.py"}
    text = written.read_text()
    assert text.startswith('"""Nothing new.\n')
    assert "down_revision = '0001'" in text
    compile(text, written.name, "exec")
