"""``flask auth routes``: every route with who may enter, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
from flask.cli import with_appcontext

from ..flask.route_audit import AuditedRoute, audit_routes, has_guard_in_hook
from ..flask.server import current_state, this_app
from ..path_rules import OwnerRule, TenantRule
from ..rules import AccessRule
from .output import echo, echo_json

_HOOK = "A guard in before_request of the whole app declares no route. Guard its blueprints: require_jwt(blueprint)."


@click.command("routes")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_context
@with_appcontext
def list_routes(context: click.Context, as_json: bool) -> None:
    """List the routes with who may enter.

    FROM is the place in the code that says so: the view, a class, a blueprint or a hook. Below the list stands what is
    wrong with a route, and what to do about it. The static files that Flask serves by itself need no declaration.

    Exits with 1 if anything is wrong with a route, for a pipeline to ask.
    """
    routes = audit_routes(this_app())
    if as_json:
        echo_json([_as_data(route) for route in routes])
    else:
        for line in (*_table(routes), *_problems(routes)):
            echo(line)
    context.exit(int(any(route.findings for route in routes)))


def _table(routes: list[AuditedRoute]) -> Iterator[str]:
    rows = [("METHOD", "ROUTE", "ACCESS", "FROM")]
    rows += [(route.method, route.path, _access(route), ", ".join(dict.fromkeys(route.places))) for route in routes]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(map(str.ljust, row, widths)).rstrip()


def _problems(routes: list[AuditedRoute]) -> Iterator[str]:
    problems = [f"{route}: {finding.sentence}" for route in routes for finding in route.findings]
    if problems:
        yield ""
        yield from problems
    if any(route.declaration.missing and route.findings for route in routes) and has_guard_in_hook(this_app()):
        yield _HOOK


def _access(route: AuditedRoute) -> str:
    if route.is_static:
        return "nobody (static files)" if current_state().config.deny_by_default else "public (static files)"
    if route.declaration.missing:
        return "UNDECLARED"
    return ", ".join(map(_rule_in_words, route.declaration.policy.rules)) or "public"


def _rule_in_words(rule: AccessRule) -> str:
    if isinstance(rule, OwnerRule):
        return _owner_in_words(rule)
    if isinstance(rule, TenantRule):
        return f"tenant <{rule.param}>"
    if rule.optional:
        return "token or anonymous"
    words = [
        f"{rule.caller}'s token" if rule.caller else "token",
        *rule.scopes,
        *(f"role {role}" for role in rule.roles),
    ]
    words += [f"any of ({' '.join(rule.any_scope)})"] if rule.any_scope else []
    words += [] if rule.delegated else ["not delegated"]
    words += [f"acr {' or '.join(rule.acr)}"] if rule.acr else []
    words += [] if rule.max_age is None else [f"login within {rule.max_age} s"]
    words += [f"any role of ({', '.join(rule.any_role)})"] if rule.any_role else []
    return " ".join(words)


def _owner_in_words(rule: OwnerRule) -> str:
    others = ["client of that id"] if rule.clients else []
    others += [f"scope {scope}" for scope in rule.unless_scope]
    others += [f"role {role}" for role in rule.unless_role]
    return " or ".join([f"owner <{rule.param}>", *others]) + " (404 for others)" * bool(rule.hide)


def _as_data(route: AuditedRoute) -> dict[str, Any]:
    return {
        "method": route.method,
        "route": route.path,
        "endpoint": route.endpoint,
        "access": _access(route),
        "declared": not route.declaration.missing,
        "public": route.declaration.public and not route.declaration.policy.rules,
        "from": list(route.places),
        "problems": [{"problem": finding.fault.value, "sentence": finding.sentence} for finding in route.findings],
    }
