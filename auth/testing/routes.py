"""The routes of an app as a test in CI sees them."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Flask

from ..flask.path import has_text
from ..flask.server import state_of
from ..rules import OwnerRule


def assert_routes_guarded(app: Flask) -> None:
    """Fail unless every route says who may enter and can work, as ``flask auth routes`` does.

    Raises:
        AssertionError: with a line for each route that does not.
    """
    problems = list(_problems(app))
    if problems:
        raise AssertionError("These routes are not guarded:\n" + "\n".join(f"  {problem}" for problem in problems))


def _problems(app: Flask) -> Iterator[str]:
    state = state_of(app)
    for route in app.url_map.iter_rules():
        if route.endpoint not in app.view_functions or (route.endpoint == "static" and app.has_static_folder):
            continue
        for method in sorted((route.methods or set()) - {"HEAD", "OPTIONS"}):
            declaration = state.declaration(app, route.endpoint, method)
            if declaration.missing:
                yield f"{method} {route.rule}: neither a guard nor @public"
            for rule in declaration.policy.rules:
                if isinstance(rule, OwnerRule) and not has_text(route, rule.param):
                    yield f"{method} {route.rule}: the route has no <{rule.param}> that is text"
