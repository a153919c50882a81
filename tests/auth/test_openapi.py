"""What the library tells people who write OpenAPI documents in their own way."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.views import MethodView
from openapi_spec_validator import OpenAPIV2SpecValidator, OpenAPIV30SpecValidator, OpenAPIV31SpecValidator
from werkzeug.routing import Rule

from auth import ResourceServer, public, require_jwt
from auth.openapi import components, describe_guards, security_of
from tests.support.documentation import snippets
from tests.support.services import SETTINGS

VALIDATORS = {"2.0": OpenAPIV2SpecValidator, "3.0.3": OpenAPIV30SpecValidator, "3.1.0": OpenAPIV31SpecValidator}


def written(version: str, *paths: str) -> dict[str, Any]:
    """Return a document that somebody has written, without a word about tokens."""
    typed: dict[str, Any] = {"type": "string"} if version == "2.0" else {"schema": {"type": "string"}}
    parameters = [{"name": "name", "in": "path", "required": True} | typed]
    operation = {"responses": {"200": {"description": "Fine."}}}
    items = {path: {"get": dict(operation)} | ({"parameters": parameters} if "{" in path else {}) for path in paths}
    named = {"swagger": version} if version == "2.0" else {"openapi": version}
    return named | {"info": {"title": "Reports", "version": "1"}, "paths": items}


def app_with(**views: Any) -> Flask:
    """Return an app that serves each view at its name, and one in a guarded blueprint."""
    app, blueprint = Flask(__name__), Blueprint("inside", __name__, url_prefix="/api")
    app.config.update(SETTINGS)
    for name, view in views.items():
        app.add_url_rule(f"/{name}", name, view)
    blueprint.add_url_rule("/<path:name>", "one", lambda name: name)
    app.register_blueprint(require_jwt(blueprint))
    ResourceServer(app)
    return app


@pytest.mark.parametrize("version", VALIDATORS)
def test_a_document_that_somebody_wrote_gets_the_guards(version: str) -> None:
    """Guarded views get a padlock and the refusals, public ones an empty list, silent ones nothing."""
    views = {"reports": require_jwt(scopes="a")(lambda: "in"), "news": public(lambda: "in"), "old": lambda: "in"}
    before = written(version, "/reports", "/news", "/old", "/api/{name}")

    document = describe_guards(before, app_with(**views))

    VALIDATORS[version](document).validate()  # type: ignore[arg-type,unused-ignore]
    reports, news, old, inside = (document["paths"][path]["get"] for path in document["paths"])
    assert reports["security"] == [{"bearerAuth": ["a"] if version == "3.1.0" else []}]
    assert {"401", "403", "503"} <= reports["responses"].keys()
    assert (news["security"], "security" in old) == ([], False)
    assert inside["security"] == [{"bearerAuth": []}]
    assert before == written(version, "/reports", "/news", "/old", "/api/{name}")


def test_a_prefix_that_the_document_leaves_out_is_named() -> None:
    """As Flask-RESTX does; without it nothing is found, and nothing is described wrongly."""
    app = app_with()

    found = [describe_guards(written("3.1.0", "/{name}"), app, prefix=prefix) for prefix in ("/api", "")]

    assert [document["paths"]["/{name}"]["get"].get("security") for document in found] == [[{"bearerAuth": []}], None]


def test_a_route_outside_of_the_prefix_is_another_path() -> None:
    """The document has a path of that name, which is served below the prefix."""
    app = app_with(reports=require_jwt(lambda: "in"))

    document = describe_guards(written("3.1.0", "/reports"), app, prefix="/api")

    assert "security" not in document["paths"]["/reports"]["get"]


def test_a_route_without_a_view_says_nothing() -> None:
    """Flask lets an extension add a rule first and its view later."""
    app = app_with()
    app.url_map.add(Rule("/later", endpoint="later"))

    assert "security" not in describe_guards(written("3.1.0", "/later"), app)["paths"]["/later"]["get"]


def test_sections_that_are_none_count_as_empty() -> None:
    """flask-openapi3 writes them so."""
    document = describe_guards(written("3.1.0") | {"components": {"schemas": None, "headers": None}}, app_with())

    assert "AuthError" in document["components"]["schemas"]


class Reports(MethodView):
    @require_jwt(scopes="reports:write")
    def post(self) -> str:
        return "in"

    @public
    def get(self) -> str:
        return "in"


def test_the_security_of_a_view_is_known_without_an_app() -> None:
    """By method for a class, and by version; silence is not the same as open."""
    view = Reports.as_view("reports")

    assert security_of(view, "POST") == [{"bearerAuth": ["reports:write"]}]
    assert security_of(view, "POST", version="3.0.3") == [{"bearerAuth": []}]
    assert security_of(view) == []
    assert security_of(lambda: "in") is None


def test_the_components_have_the_sections_of_their_version() -> None:
    """They are copies: what a caller does to them changes nobody else's."""
    assert list(components("2.0")) == ["securityDefinitions", "definitions", "responses"]
    assert list(components()) == ["securitySchemes", "schemas", "responses"]
    components()["schemas"].clear()
    assert components()["schemas"]


def test_the_page_names_what_security_of_returns() -> None:
    """For the view that stands above it."""
    assert 'scopes="reports:read"' in snippets("openapi.md", "python")[0]
    assert security_of(require_jwt(scopes="reports:read")(lambda: "in")) == [{"bearerAuth": ["reports:read"]}]
