"""``flask db …``: Alembic's commands on the app's own database, without an ini file."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from alembic import command
from alembic.config import Config
from flask.cli import AppGroup
from sqlalchemy import Engine

from app.database import database_engine

#: Where the steps are.
FOLDER = Path(__file__).parent

db_commands = AppGroup("db", help="The schema of the database.")


def alembic_config(engine: Engine) -> Config:
    """Return what Alembic needs to know: where the steps are, and which database to take them on."""
    config = Config(stdout=sys.stdout, attributes={"engine": engine})
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


@db_commands.command()
@click.argument("revision", default="head")
def upgrade(revision: str) -> None:
    """Bring the schema up to REVISION, by default the newest."""
    command.upgrade(alembic_config(database_engine()), revision)


@db_commands.command()
@click.argument("revision", default="-1")
def downgrade(revision: str) -> None:
    """Take the schema back to REVISION, by default by one step."""
    command.downgrade(alembic_config(database_engine()), revision)


@db_commands.command()
def current() -> None:
    """Show which revision the database has."""
    command.current(alembic_config(database_engine()))


@db_commands.command()
def history() -> None:
    """List the revisions there are."""
    command.history(alembic_config(database_engine()))


@db_commands.command()
@click.option("--message", "-m", required=True, help="What the step does, in a few words.")
@click.option("--autogenerate/--empty", default=True, help="Compare the models with the database, or start empty.")
def revision(message: str, autogenerate: bool) -> None:
    """Write a new step from what the models say and the database lacks."""
    command.revision(alembic_config(database_engine()), message=message, autogenerate=autogenerate)
