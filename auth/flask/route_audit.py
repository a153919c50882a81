"""Every route of an app: who may enter, which place in the code says so, and what is wrong with it.

``flask auth routes`` prints this, the testing kit asserts it, and an app with ``AUTH_DENY_BY_DEFAULT`` looks at it once
before it serves its first request. Nothing here decides about a request.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flask import Blueprint, Flask
from werkzeug.routing import Rule

from ..errors import ConfigurationError
from ..path_rules import OwnerRule, TenantRule
from ..rules import AccessRule, Declaration, TokenRule
from .declarations import class_of, is_marked_public, own_rules, places_around, places_of, rules_on
from .documented_access import contradiction, documents_of
from .metadata import outside_of_resources
from .path import has_text, has_variable
from .satisfiable import exclusive_logins, unsatisfiable
from .server import state_of
from .unrun_guards import unrun_rules


class Fault(StrEnum):
    """What can be wrong with a route."""

    #: The view has neither a guard nor ``@public``.
    UNDECLARED = "undeclared"
    #: A guard stands above the route decorator.
    GUARD_NEVER_RUNS = "guard_never_runs"
    #: ``owns_path_user`` or ``owns_path_tenant`` names a variable that the path lacks.
    NO_OWNER = "no_owner"
    #: One of these names a variable whose converter does not take every id.
    OWNER_IS_NO_TEXT = "owner_is_no_text"
    #: No token of the trusted issuers can hold what the view asks for, or what lets others pass.
    UNSATISFIABLE = "unsatisfiable"
    #: The route is guarded and lies below no resource of the settings.
    OUTSIDE_RESOURCES = "outside_resources"
    #: HEAD or OPTIONS is open, and another method of the path is guarded.
    OPEN_METHOD = "open_method"
    #: The OpenAPI document says something else about who may enter.
    DOCUMENT_DISAGREES = "document_disagrees"


#: The faults that make a route useless, or open it to callers that a guard in the code was meant to keep out.
NEVER_WORKS = frozenset({Fault.GUARD_NEVER_RUNS, Fault.NO_OWNER, Fault.UNSATISFIABLE, Fault.OUTSIDE_RESOURCES})


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of a route, and in a sentence what to do about it."""

    fault: Fault
    sentence: str


@dataclass(frozen=True, slots=True)
class AuditedRoute:
    """One method of one route."""

    method: str
    #: As the route is written, such as ``/users/<user_id>``.
    path: str
    endpoint: str
    declaration: Declaration
    #: Where each rule of the policy stands, in its order; if there is none, where ``@public`` stands.
    places: tuple[str, ...]
    #: Whether it serves static files by Flask's own view, which needs no declaration.
    is_static: bool
    findings: tuple[Finding, ...]

    def __str__(self) -> str:
        """Return the method and the path."""
        return f"{self.method} {self.path}"


def audit_routes(app: Flask) -> list[AuditedRoute]:
    """Return each method of each route of an app, in the order of their paths.

    Left out are the OPTIONS that Flask answers by itself, a HEAD that is the GET of the same view, and routes without a
    view.

    Raises:
        MisuseError: the app has no ResourceServer.
    """
    return _audit(app, documents_of(app))


def refuse_what_never_works(app: Flask) -> None:
    """Demand that the guards of every declared route can do what they say.

    A route that declares nothing is no reason: it is refused at each request and named in the log. Nor is a route
    without the variable of an owner that other routes have: a framework may put a guard of the whole Api on pages of
    its own. It serves nobody.

    Raises:
        ConfigurationError: a guard never runs, or a route can serve nobody.
    """
    variables = {variable for route in app.url_map.iter_rules() for variable in route.arguments}
    problems = [
        f"{route}: {finding.sentence}"
        for route in _audit(app, [])
        for finding in route.findings
        if finding.fault in NEVER_WORKS and not route.declaration.missing
        if finding.fault is not Fault.NO_OWNER
        or not variables.issuperset(rule.param for rule in route.declaration.policy.owners)
    ]
    if problems:
        raise ConfigurationError(problems)


def has_guard_in_hook(app: Flask) -> bool:
    """Tell whether a guard is a ``before_request`` function of the whole app, where it declares no route."""
    return any(map(rules_on, app.before_request_funcs.get(None, ())))


def _audit(app: Flask, documents: list[dict[str, Any]]) -> list[AuditedRoute]:
    routes = sorted(app.url_map.iter_rules(), key=lambda route: route.rule)
    operations = [_Operation(app, route, method) for route in routes for method in _methods(app, route)]
    guarded = {operation.route.rule for operation in operations if operation.declaration.policy.rules}
    return [operation.audited(operation.route.rule in guarded, documents) for operation in operations]


def _methods(app: Flask, route: Rule) -> list[str]:
    """Return the methods that the view of a route answers itself."""
    view = app.view_functions.get(route.endpoint)
    if view is None:
        # Flask only builds URLs with it.
        return []
    methods = set(route.methods or ())
    if getattr(route, "provide_automatic_options", False):
        methods.discard("OPTIONS")
    if "GET" in methods and not hasattr(class_of(view), "head"):
        methods.discard("HEAD")
    return sorted(methods)


class _Operation:
    """One method of one route, while it is looked at."""

    def __init__(self, app: Flask, route: Rule, method: str) -> None:
        self.app, self.route, self.method = app, route, method
        self.server = state_of(app)
        self.view = app.view_functions[route.endpoint]
        self.declaration = self.server.declaration(app, route.endpoint, method)
        self.rules = self.declaration.policy.rules

    def audited(self, is_path_guarded: bool, documents: list[dict[str, Any]]) -> AuditedRoute:
        """Return what was found."""
        is_static = self.declaration.missing and self._is_static()
        findings = () if is_static else (*self._findings(is_path_guarded), *self._contradictions(documents))
        return AuditedRoute(
            method=self.method,
            path=self.route.rule,
            endpoint=self.route.endpoint,
            declaration=self.declaration,
            places=tuple(self._places()),
            is_static=is_static,
            findings=findings,
        )

    def _is_static(self) -> bool:
        name = self.route.endpoint.rpartition(".")[2]
        return name == "static" and getattr(self.view, "__module__", "").partition(".")[0] == "flask"

    def _places(self) -> Iterator[str]:
        """Yield where each rule stands. What a class hands on to the function made from it stands on the class."""
        view, *around = places_of(self.view, self.method, places_around(self.app, self.route.endpoint))
        places = [view, *around] if class_of(self.view) is None else [*around, view]
        for rule in self.rules:
            yield next((self._name(place) for place in places if rule in own_rules(place)), "view")
        if self.declaration.public and not self.rules:
            yield next((self._name(place) for place in places if is_marked_public(place)), "view")

    def _name(self, place: object) -> str:
        if isinstance(place, Blueprint):
            return f"blueprint {place.name}"
        if isinstance(place, type):
            return f"class {place.__name__}"
        if place is self.view:
            return "view"
        view_class = class_of(self.view)
        hooks = self.app.before_request_funcs.values()
        if view_class is None or any(place is hook for listed in hooks for hook in listed):
            return "before_request"
        name = getattr(place, "__qualname__", "").rpartition(".")[2]
        is_handler = place is getattr(view_class, name, None)
        return f"{view_class.__name__}.{name}" if is_handler else f"decorators of {view_class.__name__}"

    def _findings(self, is_path_guarded: bool) -> Iterator[Finding]:
        unrun = dict.fromkeys(rule for rule in unrun_rules(self.app, self.view) if rule not in self.rules)
        for rule in unrun:
            yield Finding(
                Fault.GUARD_NEVER_RUNS,
                f"{_guard(rule)} stands above the route decorator and never runs. Write it below that decorator.",
            )
        if self.declaration.missing and not unrun:
            yield self._silence(is_path_guarded)
        elif self.method == "HEAD" and self.declaration.public and not self.rules and is_path_guarded:
            yield Finding(Fault.OPEN_METHOD, "The path is guarded, and its HEAD is public. Give it the guard of GET.")
        if self.rules and (outside := outside_of_resources(self.route, self.server.config.metadata)):
            yield Finding(Fault.OUTSIDE_RESOURCES, outside)
        for rule in self.rules:
            if not isinstance(rule, TokenRule):
                yield from self._unusable_owner(rule)
            for problem in unsatisfiable(self.server, self.route.endpoint, rule):
                yield Finding(Fault.UNSATISFIABLE, problem)
        for problem in exclusive_logins(self.server, self.route.endpoint, self.declaration.policy):
            yield Finding(Fault.UNSATISFIABLE, problem)

    def _silence(self, is_path_guarded: bool) -> Finding:
        everybody = "refused" if self.server.config.deny_by_default else "let in"
        if is_path_guarded and self.method in {"HEAD", "OPTIONS"}:
            return Finding(
                Fault.OPEN_METHOD,
                f"The path is guarded, and its {self.method} is not: everybody is {everybody}. Guard it as well.",
            )
        return Finding(
            Fault.UNDECLARED,
            f"The view has neither a guard nor @public: everybody is {everybody}. Add @require_jwt or @public.",
        )

    def _unusable_owner(self, rule: OwnerRule | TenantRule) -> Iterator[Finding]:
        if not has_variable(self.route, rule.param):
            yield Finding(
                Fault.NO_OWNER,
                f"{rule.guard} needs <{rule.param}>, and the path has no such variable: nobody can enter. Correct "
                "the path, or name its variable with param=.",
            )
        elif not has_text(self.route, rule.param):
            yield Finding(
                Fault.OWNER_IS_NO_TEXT,
                f"The converter of <{rule.param}> does not take every id: the others are answered 404. Write "
                f"<{rule.param}> without a converter.",
            )

    def _contradictions(self, documents: list[dict[str, Any]]) -> Iterator[Finding]:
        if self.declaration.missing:
            # What the document says of it is beside the point.
            return
        hierarchy = self.server.config.scope_hierarchy
        for document in documents:
            if sentence := contradiction(document, self.route, self.method, self.declaration.policy, hierarchy):
                yield Finding(Fault.DOCUMENT_DISAGREES, sentence)


def _guard(rule: AccessRule) -> str:
    return f"@{rule.guard}"
