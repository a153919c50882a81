"""The names of the command line, and nothing of what it does: a running service imports none of its tools."""

from __future__ import annotations

from importlib import import_module

import click
from flask import Flask

#: ``resource-server`` is for a service whose own blueprint is called ``auth``: Flask gives that name to its commands.
NAMES = ("auth", "resource-server")


class _LazyGroup(click.Group):
    """A group whose commands are imported when one of them is asked for, or their list."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return _tools().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return _tools().get_command(ctx, cmd_name)


def _tools() -> click.Group:
    # By name, whatever the library was imported as; the tools stand above this room.
    tools: click.Group = import_module("...cli.commands", __name__).auth_commands
    return tools


def register_commands(app: Flask) -> None:
    """Register the group under each name that the service has not taken."""
    for name in NAMES:
        if name not in app.cli.commands:
            app.cli.add_command(
                _LazyGroup(name, help="Tokens for development, the guards of the routes, the keys of the issuers.")
            )
