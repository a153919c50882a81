"""The routes of an app, asserted."""

from __future__ import annotations

import pytest
from flask import Flask

from auth import ResourceServer, owns_path_user, public, require_jwt
from auth.errors import MisuseError
from auth.testing import assert_routes_guarded
from tests.support.services import SECRET


def hello(**_variables: str) -> str:
    return "hello"


@pytest.fixture
def app() -> Flask:
    """A new app as Flask makes it, static files included."""
    app = Flask("service", static_folder="static")
    app.config["AUTH_SECRET"] = SECRET
    ResourceServer(app)
    app.add_url_rule("/guarded", "guarded", require_jwt(lambda: ""))
    app.add_url_rule("/public", "public", public(lambda: ""))
    app.add_url_rule("/users/<user_id>", "owned", owns_path_user(hello))
    return app


def test_routes_that_say_who_may_enter_pass(app: Flask) -> None:
    """Static files, and answers that Flask makes by itself, need no declaration."""
    assert_routes_guarded(app)


def test_every_route_that_is_wrong_stands_in_the_failure(app: Flask) -> None:
    """With its method and what is wrong, a line each."""
    app.add_url_rule("/silent", "silent", hello, methods=["GET", "POST"])
    app.add_url_rule("/orders/<owner>", "orders", owns_path_user(hello))

    with pytest.raises(AssertionError) as failed:
        assert_routes_guarded(app)

    first, *lines = str(failed.value).splitlines()
    assert first == "Something is wrong with these routes:"
    assert [line.split(": ")[0] for line in lines] == ["  GET /orders/<owner>", "  GET /silent", "  POST /silent"]
    assert "<user_id>" in lines[0]
    assert "neither a guard nor @public" in lines[1]


def test_an_app_without_a_resource_server_fails_otherwise() -> None:
    """No route of it can be guarded."""
    with pytest.raises(MisuseError, match="Call ResourceServer"):
        assert_routes_guarded(Flask("bare"))
