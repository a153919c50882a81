"""``flask auth …``: a token to develop with, the list of routes with who may enter each, and a look at the issuers."""

from __future__ import annotations

import time
from itertools import chain
from typing import Any

import click
from flask import current_app
from flask.cli import AppGroup
from werkzeug.routing import Rule

from ..errors import ConfigurationError
from ..flask.declarations import rules_on
from ..flask.path import has_text
from ..flask.server import current_state, this_app
from ..rules import AccessRule, Declaration, OwnerRule
from .check import check_issuer

auth_commands: AppGroup = AppGroup("auth")


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


@auth_commands.command("routes")
def list_routes() -> None:
    """List the routes with who may enter.

    Exits with 1 if a route says nothing or cannot work.
    """
    failed, is_silent = False, False
    lines = [("METHOD", "ROUTE", "ACCESS")]
    for route in sorted(current_app.url_map.iter_rules(), key=lambda route: route.rule):
        view = current_app.view_functions[route.endpoint]
        for method in _methods(route, view):
            declaration = current_state().declaration(this_app(), route.endpoint, method)
            lacking = [
                rule.param
                for rule in declaration.policy.rules
                if isinstance(rule, OwnerRule) and not has_text(route, rule.param)
            ]
            is_silent = is_silent or declaration.missing
            failed = failed or declaration.missing or bool(lacking)
            note = f"  UNUSABLE: the route has no <{lacking[0]}> that is text" if lacking else ""
            lines.append((method, route.rule, f"{_in_words(declaration)}{note}"))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        click.echo("  ".join(map(str.ljust, line, widths)).rstrip())
    hooks = chain.from_iterable(current_app.before_request_funcs.values())
    if is_silent and any(map(rules_on, hooks)):
        click.echo("A guard in before_request declares no route. Guard the blueprint: require_jwt(blueprint).")
    if failed:
        raise click.exceptions.Exit(1)


def _methods(route: Rule, view: Any) -> list[str]:
    """Return the methods that a view answers itself: without Flask's OPTIONS, and without a HEAD that is its GET."""
    methods = set(route.methods or ())
    if getattr(route, "provide_automatic_options", False):
        methods.discard("OPTIONS")
    if "GET" in methods and not hasattr(getattr(view, "view_class", None), "head"):
        methods.discard("HEAD")
    return sorted(methods)


def _in_words(declaration: Declaration) -> str:
    if declaration.missing:
        return "UNDECLARED"
    return ", ".join(map(_rule_in_words, declaration.policy.rules)) or "public"


def _rule_in_words(rule: AccessRule) -> str:
    if isinstance(rule, OwnerRule):
        return f"owner <{rule.param}>"
    if rule.optional:
        return "token or anonymous"
    words = ["token", *rule.scopes, *(f"role {role}" for role in rule.roles)]
    words += [f"any of ({' '.join(rule.any_scope)})"] if rule.any_scope else []
    words += [f"any role of ({', '.join(rule.any_role)})"] if rule.any_role else []
    return " ".join(words)
