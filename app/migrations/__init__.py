"""The schema of the database, step by step (Alembic), and the ``flask db`` commands that take the steps.

What the schema is now stands in the models of each feature; a test holds that both agree. A running service imports
neither Alembic nor the steps.
"""

from __future__ import annotations

import click
from flask.cli import AppGroup


class DatabaseCommands(AppGroup):
    """``flask db``, whose commands are imported when one of them is asked for, or their list."""

    def __init__(self) -> None:
        super().__init__("db", help="The schema of the database.")

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return _commands().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command."""
        return _commands().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; if it fails, say why in one sentence."""
        from app.migrations.commands import failures_in_one_sentence

        with failures_in_one_sentence():
            return super().invoke(ctx)


def _commands() -> click.Group:
    from app.migrations.commands import db_commands

    return db_commands
