"""``flask db …``: Alembic's commands on the app's own database, without an ini file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from flask.cli import AppGroup
from flask.helpers import get_debug_flag
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from app.database import database_engine
from app.errors import words_of

#: Where the steps are.
FOLDER = Path(__file__).parent


class DatabaseCommands(AppGroup):
    """Commands that report a failure in one sentence; ``flask --debug`` shows the traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; if the database or Alembic refuses, say why and exit with status 1."""
        try:
            return super().invoke(ctx)
        except (CommandError, SQLAlchemyError) as error:
            if get_debug_flag():
                raise
            raise click.ClickException(sentence_about(error)) from error


def sentence_about(error: Exception) -> str:
    """Return why a command failed; what the driver of a database adds on further lines is left out."""
    if isinstance(error, CommandError):
        return str(error)
    first_line, _, _ = words_of(error).partition("\n")
    return f"The database cannot be used: {first_line}"


db_commands = DatabaseCommands("db", help="The schema of the database.")


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
