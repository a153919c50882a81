"""Whether a token can exist that meets the rules of each view: a view that would refuse everybody is a mistake.

Looked at twice: for the views that are there when the app gets its ResourceServer, which stops the start, and for all
of them before the first request is served.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flask import Flask
from werkzeug.routing import Rule

from ..errors import ConfigurationError
from ..path_rules import OwnerRule
from ..rules import AccessRule, Policy, TokenRule
from ..settings.spelling import closest
from ..tokens.issuer import TrustedIssuer
from .declarations import declaration_of, places_around
from .metadata import outside_of_resources
from .server import ServerState


def check_satisfiable(app: Flask, server: ServerState) -> None:
    """Demand that tokens of one issuer at least carry what the views of an app ask for, and can be meant for them.

    Raises:
        ConfigurationError: a view asks for roles or for scopes, and no issuer's tokens carry any; or for logins that no
            issuer knows, or that exclude each other; or a guarded route lies below none of the resources.
    """
    problems: dict[str, None] = {}
    for route, policy in _policies(app):
        problems |= dict.fromkeys(
            problem for rule in policy.rules for problem in unsatisfiable(server, route.endpoint, rule)
        )
        problems |= dict.fromkeys(exclusive_logins(server, route.endpoint, policy))
        outside = outside_of_resources(route, server.config.metadata)
        if policy.rules and outside:
            problems[f"{route.rule}: {outside}"] = None
    if problems:
        raise ConfigurationError(problems)


def unsatisfiable(server: ServerState, endpoint: str, rule: AccessRule) -> Iterator[str]:
    """Yield in words why no token can meet a rule of a view, or a part of it."""
    issuers = server.config.issuers
    asked = f"The guard of the view {endpoint}"
    if isinstance(rule, TokenRule):
        yield from _problems(
            f"{asked} asks for",
            "nobody could enter",
            rule.scopes or rule.any_scope,
            rule.roles or rule.any_role,
            issuers,
        )
        yield from _unknown_logins(f"{asked} asks for", rule.acr, issuers)
    elif isinstance(rule, OwnerRule):
        yield from _problems(
            f"{asked} lets other users pass by", "nobody could", rule.unless_scope, rule.unless_role, issuers
        )
    elif not any(issuer.tenant_path for issuer in issuers):
        yield (
            f"{asked} asks for a tenant, and AUTH_TENANT_CLAIM is not set: nobody could enter. Set it to the claim "
            "that names the tenant, such as org_id."
        )


def _unknown_logins(asked: str, acr: tuple[str, ...], issuers: Sequence[TrustedIssuer]) -> Iterator[str]:
    orders = [issuer.login.acr_values for issuer in issuers]
    if not all(orders):
        # An issuer without the setting may know any.
        return
    known = dict.fromkeys(name for order in orders for name in order)
    for name in acr:
        if name not in known:
            meant = closest(name, known)
            hint = "" if meant is None else f" Did you mean {meant}?"
            yield (
                f"{asked} acr {name}, and AUTH_ACR_VALUES does not hold it: nobody could enter by it. Add it there, in "
                f"the order of strength.{hint}"
            )


def exclusive_logins(server: ServerState, endpoint: str, policy: Policy) -> Iterator[str]:
    """Yield in words that no login meets all rules of a view, although each of them could be met."""
    login, shapes = policy.login, [issuer.login for issuer in server.config.issuers]
    if login is None or len(login.acr) < 2 or any(shape.lists_acr or login.satisfying(shape) for shape in shapes):
        return
    demands = " and ".join(f"acr {' or '.join(names)}" for names in login.acr)
    yield (
        f"The guards of the view {endpoint} ask for {demands} at once: nobody could enter. Correct one of them, or say "
        "in AUTH_ACR_VALUES which login is stronger."
    )


def _policies(app: Flask) -> Iterator[tuple[Rule, Policy]]:
    for route in app.url_map.iter_rules():
        view = app.view_functions.get(route.endpoint)
        if view is None:
            # Flask only builds URLs with it.
            continue
        for method in sorted(route.methods or ()):
            yield route, declaration_of(view, method, places_around(app, route.endpoint)).policy


def _problems(
    asked: str, outcome: str, scopes: tuple[str, ...], roles: tuple[str, ...], issuers: Sequence[TrustedIssuer]
) -> Iterator[str]:
    profiles = [issuer.profile for issuer in issuers]
    none = f"and AUTH_PROFILE says that tokens carry none: {outcome}."
    if roles and not any(profile.role_paths for profile in profiles):
        claims = dict.fromkeys(claim for profile in profiles for claim in profile.scope_claims)
        way_out = f"Ask for scopes, which are read from {' and '.join(claims)}" if claims else "Take them out"
        yield f"{asked} roles, {none} {way_out}, or use a profile whose tokens have roles."
    if scopes and not any(profile.scope_claims for profile in profiles):
        yield f"{asked} scopes, {none} Use a profile whose tokens have scopes."
