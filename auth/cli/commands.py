"""``flask auth …``: all commands, each in a module of its own."""

from __future__ import annotations

import click

from .check_issuers import check_issuers
from .generate_keys import generate_keys
from .inspect_token import inspect_token
from .list_routes import list_routes
from .make_token import make_token

auth_commands = click.Group("auth")
for command in (check_issuers, generate_keys, inspect_token, list_routes, make_token):
    auth_commands.add_command(command)
