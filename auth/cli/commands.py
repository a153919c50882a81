"""``flask auth …``: all commands, each in a module of its own."""

from __future__ import annotations

import click

from .check_issuers import check_issuers
from .generate_keys import generate_keys
from .inspect_token import inspect_token
from .list_routes import list_routes
from .make_token import make_token
from .revoke_tokens import revoke_tokens

auth_commands: click.Group = click.Group("auth")
auth_commands.add_command(check_issuers)
auth_commands.add_command(generate_keys)
auth_commands.add_command(inspect_token)
auth_commands.add_command(list_routes)
auth_commands.add_command(make_token)
auth_commands.add_command(revoke_tokens)
