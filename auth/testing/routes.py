"""The routes of an app as a test in CI sees them."""

from __future__ import annotations

from flask import Flask

from ..flask.route_audit import audit_routes


def assert_routes_guarded(app: Flask) -> None:
    """Fail unless every route says who may enter and can work, as ``flask auth routes`` does.

    Raises:
        AssertionError: with a line for each fault that it finds.
        MisuseError: the app has no ResourceServer.
    """
    with app.app_context():
        problems = [f"{route}: {finding.sentence}" for route in audit_routes(app) for finding in route.findings]
    if problems:
        raise AssertionError("\n  ".join(("Something is wrong with these routes:", *problems)))
