"""``flask db …``: Alembic's commands on the app's own database, without an ini file.

Flask-Migrate needs Flask-SQLAlchemy. Flask-Alembic takes the place of ``env.py``, where machines wait for their turn
(:mod:`app.migrations.turns`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from flask.cli import AppGroup
from flask.helpers import get_debug_flag
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from app.database import current_database, words_of

#: Where the steps are.
FOLDER = Path(__file__).parent


@contextmanager
def failures_in_one_sentence() -> Iterator[None]:
    """If the database or Alembic refuses, say why and exit with status 1; ``flask --debug`` shows the traceback."""
    try:
        yield
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


db_commands = AppGroup("db")


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
    command.upgrade(alembic_config(current_database().engine), revision)


@db_commands.command()
@click.argument("revision", default="-1")
def downgrade(revision: str) -> None:
    """Take the schema back to REVISION, by default by one step."""
    command.downgrade(alembic_config(current_database().engine), revision)


@db_commands.command()
def current() -> None:
    """Show which revision the database has."""
    command.current(alembic_config(current_database().engine))


@db_commands.command()
def history() -> None:
    """List the revisions there are."""
    command.history(alembic_config(current_database().engine))


@db_commands.command()
@click.option("--message", "-m", required=True, help="What the step does, in a few words.")
@click.option("--autogenerate/--empty", default=True, help="Compare the models with the database, or start empty.")
def revision(message: str, autogenerate: bool) -> None:
    """Write a new step from what the models say and the database lacks."""
    command.revision(alembic_config(current_database().engine), message=message, autogenerate=autogenerate)
