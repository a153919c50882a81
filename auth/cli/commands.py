"""``flask auth …``: a token to develop with, the list of routes with who may enter each, and a look at the issuers."""

from __future__ import annotations

import time

import click
from flask import current_app
from flask.cli import AppGroup

from ..errors import ConfigurationError
from ..flask.server import current_state
from .check import check_issuer
from .inspect_token import inspect_token
from .list_routes import list_routes

auth_commands: AppGroup = AppGroup("auth")
for command in (inspect_token, list_routes):
    auth_commands.add_command(command)


@auth_commands.command("token")
@click.argument("subject")
@click.option("--scope", "scopes", multiple=True, help="Scope to grant; may be repeated.")
@click.option("--role", "roles", multiple=True, help="Role of the user; may be repeated.")
@click.option("--expires-in", default=3600, show_default=True, help="Seconds until the token expires.")
def print_token(subject: str, scopes: tuple[str, ...], roles: tuple[str, ...], expires_in: int) -> None:
    """Print a development token for SUBJECT.

    It is signed with the shared secret of the service.
    """
    if not (current_state().config.development_tokens or current_app.debug):
        raise click.ClickException(
            "Tokens are minted in development only: set AUTH_DEVELOPMENT_TOKENS to true, or run flask --debug. "
            "In production they come from your authorization server."
        )
    if not subject.strip():
        raise click.BadParameter("a token needs a user", param_hint="SUBJECT")
    # Only here: a running service has no use for a module that signs.
    from ..testing.issuer import TokenIssuer

    try:
        issuer = TokenIssuer.for_app(current_app)
    except ConfigurationError as error:
        raise click.ClickException(error.problems[0]) from error
    try:
        click.echo(issuer.issue(subject, scopes=scopes, roles=roles, expires_in=expires_in))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--role") from error


@auth_commands.command("check")
def check_configuration() -> None:
    """Ask each issuer for its keys.

    Tells what stands in the way of verifying tokens, and exits with 1 if anything does.
    """
    failed = False
    for issuer in current_state().config.issuers:
        click.echo(
            f"{' and '.join(issuer.names) or 'any issuer'}, for {', '.join(sorted(issuer.audience)) or 'no audience'}:"
        )
        for finding in check_issuer(issuer, time.time):
            failed = failed or finding.is_problem
            click.echo(f"  {'PROBLEM: ' if finding.is_problem else ''}{finding.sentence}")
    if failed:
        raise click.exceptions.Exit(1)
