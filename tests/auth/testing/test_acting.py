"""A user who acts in code without a request."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, request

from auth import ResourceServer, current_token, owns_path_user, require_jwt, verified_token
from auth.errors import InvalidAudienceError, MisuseError, NotOwnerError, TokenExpiredError
from auth.flask.answers import Refusal
from auth.testing import acting_as, local_issuer
from tests.auth.testing.test_local import PARTNER, PRODUCTION, SEVERAL, service


def order() -> str:
    """Do what a service function does, which no view calls here."""
    return f"ordered by {current_token.user_id}"


def user_of_a_request(app: Flask) -> str:
    body: dict[str, str] = app.test_client().get("/me").get_json()
    return body["user_id"]


@require_jwt(scopes="orders:write")
@owns_path_user
def orders(user_id: str) -> str:
    return f"orders of {user_id}"


def resources_at(urls: list[str], root: str = "/") -> Flask:
    """Return a service that is several resources."""
    return service(**PRODUCTION | {"AUTH_AUDIENCE": None, "AUTH_RESOURCE": urls, "APPLICATION_ROOT": root})


@pytest.fixture
def app() -> Flask:
    app = service(**PRODUCTION)
    app.add_url_rule("/users/<user_id>/orders", view_func=orders)
    app.add_url_rule("/open", view_func=order)
    return app


def test_a_function_without_a_request_acts_for_the_user(app: Flask) -> None:
    """With the scopes and roles that the test gives."""
    with acting_as(app, "alice", scopes="orders:write orders:read", roles="admin", claims={"plan": "gold"}) as token:
        assert order() == "ordered by alice"
        assert verified_token() == token == current_token
        assert token.scopes == {"orders:write", "orders:read"}
        assert (token.roles, token.claims["plan"]) == ({"admin"}, "gold")


def test_nobody_acts_outside_the_block(app: Flask) -> None:
    """Neither after it nor after a failure."""
    with pytest.raises(ZeroDivisionError), acting_as(app, "alice"):
        1 / 0  # noqa: B018  # any error

    assert verified_token() is None
    assert app.test_client().get("/me").status_code == 401
    with app.test_request_context(), pytest.raises(MisuseError):
        order()


def test_the_user_acts_in_request_contexts_of_the_test(app: Flask) -> None:
    """``current_token`` is theirs before any guard has run, and guards decide as always."""
    with acting_as(app, "alice", scopes="orders:write"):
        with app.test_request_context("/users/alice/orders", headers={"X-Other": "kept"}):
            assert (order(), request.headers["X-Other"]) == ("ordered by alice", "kept")
            assert orders("alice") == "orders of alice"
        with app.test_request_context("/users/bob/orders"), pytest.raises(Refusal) as refused:
            orders("bob")

    assert isinstance(refused.value.error, NotOwnerError)


def test_a_missing_scope_is_missed_as_always(app: Flask) -> None:
    """Acting for somebody opens nothing."""
    with acting_as(app, "alice"):
        with app.test_request_context("/users/alice/orders"), pytest.raises(Refusal, match="orders:write"):
            orders("alice")
        assert app.test_client().get("/users/alice/orders").status_code == 403


def test_requests_of_a_client_are_of_the_user_too(app: Flask) -> None:
    """Unless they bring credentials; and a view without a guard has no token, as in production."""
    with local_issuer(app) as issuer, acting_as(app, "alice"):
        client = app.test_client()
        assert client.get("/me").json == {"user_id": "alice", "roles": []}
        assert client.get("/me", headers=issuer.authorization("bob")).json == {"user_id": "bob", "roles": []}
        assert client.get("/me", headers={"Authorization": "Bearer x"}).status_code == 401
        with app.test_request_context(headers=issuer.authorization("bob")), pytest.raises(MisuseError):
            order()
        app.testing = True
        with pytest.raises(MisuseError):
            client.get("/open")


def test_one_user_acts_inside_the_block_of_another(app: Flask) -> None:
    """And the first goes on afterwards."""
    with acting_as(app, "alice"):
        with acting_as(app, "bob"):
            assert (order(), user_of_a_request(app)) == ("ordered by bob", "bob")
        assert (order(), user_of_a_request(app)) == ("ordered by alice", "alice")


def test_the_user_may_be_of_one_of_several_issuers() -> None:
    """By the name of the issuer; an unknown one is refused in a sentence."""
    app = service(**SEVERAL)

    with acting_as(app, "alice", issuer=PARTNER):
        assert order() == "ordered by partner:alice"
    with pytest.raises(LookupError, match="The app trusts no issuer https://shop; it trusts "):
        acting_as(app, "alice", issuer="https://shop").__enter__()


def test_a_token_that_the_app_refuses_makes_nobody_act(app: Flask) -> None:
    """The error says why."""
    with pytest.raises(TokenExpiredError), acting_as(app, "alice", expires_in=-60):
        pass


@pytest.mark.parametrize(
    "keys", [{"AUTH_SECRET": "q8Zk1vX4dN7bR2mT5yW9cF3hJ6pL0sGa"}, PRODUCTION], ids=["secret", "keys"]
)
def test_any_app_will_do(keys: dict[str, Any]) -> None:
    """With a shared secret, or with keys that it would fetch."""
    app = Flask("service")
    app.config.update(keys)
    ResourceServer(app)

    with acting_as(app, "alice"):
        assert order() == "ordered by alice"


@pytest.mark.parametrize(
    ("mount", "paths", "expected"),
    [
        ("/", ["/orders", "/mcp"], "/mcp"),
        ("/", ["", "/mcp"], "/"),
        ("/shop", ["/shop/orders", "/shop/orders/old"], "/orders/old"),
        ("/shop", ["/shop", "/mcp"], "/"),
        ("/shop", ["/shopping", "/shop/mcp"], "/mcp"),
    ],
)
def test_a_user_acts_at_the_path_of_a_resource(mount: str, paths: list[str], expected: str) -> None:
    """The app is several, and tokens mean nothing elsewhere."""
    resources = [f"https://api.example{path}" for path in paths]
    app = resources_at(resources, mount)

    with acting_as(app, "alice"):
        assert (order(), request.path) == ("ordered by alice", expected)
        with app.test_request_context(method="POST"):
            assert (order(), request.method) == ("ordered by alice", "POST")


def test_a_user_whose_token_names_one_resource_acts_there() -> None:
    """And not at another, as in production."""
    app = resources_at(["https://api.example/orders", "https://api.example/mcp"])

    with acting_as(app, "alice", claims={"aud": "https://api.example/orders"}):
        assert (order(), request.path) == ("ordered by alice", "/orders")
        with app.test_request_context("/orders/5"):
            assert order() == "ordered by alice"
        with pytest.raises(InvalidAudienceError):
            app.test_request_context("/mcp")


def test_nobody_acts_outside_of_all_resources() -> None:
    """Neither resource lies below the path of the app."""
    app = resources_at(["https://api.example/orders", "https://api.example/mcp"], "/shop")

    with pytest.raises(InvalidAudienceError), acting_as(app, "alice"):
        raise AssertionError
