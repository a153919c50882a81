"""The names of the command line, and nothing of what it does: a running service imports none of its tools."""

from __future__ import annotations

import sys
from importlib import import_module

import click
from flask import Flask

from ..errors import ConfigurationError

#: ``resource-server`` is for a service whose own blueprint is called ``auth``: Flask gives that name to its commands.
NAMES = ("auth", "resource-server")

_HELP = """Look at tokens, routes and keys.

Each command has an exit status for scripts: 0 if all is well, 1 if something is wrong, 2 if the command is called
wrongly. Its --help says more.
"""


class _LazyGroup(click.Group):
    """A group whose commands are imported when one of them is asked for, or their list."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return _tools().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return _tools().get_command(ctx, cmd_name)


class StartRefusedError(ConfigurationError, click.ClickException):
    """A :class:`ConfigurationError` that every ``flask`` command prints as it is, without a traceback."""


def run_without_settings() -> None:
    """Run a command that needs no settings, if it is one that was asked for, and exit.

    Flask makes the app before it asks for a command of the app, so this is for an app that cannot be made: for
    ``flask auth … --help``, and for ``flask auth keygen``, which makes the secret that is missing.
    """
    if click.get_current_context(silent=True) is None:
        return
    arguments = sys.argv[1:]
    # The last one counts: the app may have such a name too.
    for place in reversed(range(len(arguments))):
        name, *rest = arguments[place:]
        if name in NAMES and ("--help" in rest or rest[:1] == ["keygen"]):
            _LazyGroup(name, help=_HELP).main(rest, prog_name=f"flask {name}")


def _tools() -> click.Group:
    # By name, whatever the library was imported as; the tools stand above this room.
    tools: click.Group = import_module("...cli.commands", __name__).auth_commands
    return tools


def register_commands(app: Flask) -> None:
    """Register the group under each name that the service has not taken."""
    for name in NAMES:
        if name not in app.cli.commands:
            app.cli.add_command(_LazyGroup(name, help=_HELP))
