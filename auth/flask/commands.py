"""The names of the command line, and nothing of what it does: a running service imports none of its tools."""

from __future__ import annotations

import sys
from importlib import import_module

import click
from flask import Flask

from ..errors import ConfigurationError

#: ``resource-server`` is for a service whose own blueprint is called ``auth``: Flask gives that name to its commands.
NAMES = ("auth", "resource-server")

_HELP = "Tokens, routes, and keys of the issuers."


class _LazyGroup(click.Group):
    """A group whose commands are imported when one of them is asked for, or their list."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return _tools().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return _tools().get_command(ctx, cmd_name)


class StartRefusedError(ConfigurationError, click.ClickException):
    """A :class:`ConfigurationError` that every ``flask`` command prints as it is, without a traceback."""


def show_help_if_asked() -> None:
    """Print the help that is asked for with ``flask auth … --help`` and exit; settings do not matter to it.

    Flask makes the app before it asks for a command of the app, so this is for an app that cannot be made.
    """
    arguments = sys.argv[1:]
    if click.get_current_context(silent=True) is None or "--help" not in arguments:
        return
    places = [place for place, argument in enumerate(arguments) if argument in NAMES]
    if places:
        # The last one: the app may have such a name too.
        name = arguments[places[-1]]
        _LazyGroup(name, help=_HELP).main(arguments[places[-1] + 1 :], prog_name=f"flask {name}")


def _tools() -> click.Group:
    # By name, whatever the library was imported as; the tools stand above this room.
    tools: click.Group = import_module("...cli.commands", __name__).auth_commands
    return tools


def register_commands(app: Flask) -> None:
    """Register the group under each name that the service has not taken."""
    for name in NAMES:
        if name not in app.cli.commands:
            app.cli.add_command(_LazyGroup(name, help=_HELP))
