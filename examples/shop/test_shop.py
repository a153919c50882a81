"""Who may do what in the shop."""

from __future__ import annotations

import pytest
from flask import Flask
from flask_resource_server.testing import AsUser, BadToken, TokenIssuer, acting_as, assert_routes_guarded, bad_tokens
from shop import Customer, db, this_customer
from sqlalchemy import event, insert

ORDERS = "/users/alice/orders"
ORIGIN = "https://shop.example.com"


def test_users_place_and_read_their_own_orders(as_user: AsUser) -> None:
    """The order says whose it is; the body cannot."""
    alice = as_user("alice", scopes="orders:write")

    placed = alice.post(ORDERS, json={"product": "mug", "quantity": 2})

    expected = {"id": 1, "customer_id": "alice", "product": "mug", "quantity": 2, "sent": False}
    assert (placed.status_code, placed.json) == (201, expected)
    assert alice.get(ORDERS).json == [expected]
    assert alice.get(f"{ORDERS}/1").json == expected
    assert alice.post(ORDERS, json={"product": "mug", "customer_id": "bob"}).status_code == 422


def test_nobody_reaches_the_orders_of_another_user(as_user: AsUser) -> None:
    """Neither by the path of the other user nor by the number of the order in their own path."""
    as_user("alice", scopes="orders:write").post(ORDERS, json={"product": "mug"})
    bob = as_user("bob", scopes="orders:write")

    listed, read, placed = bob.get(ORDERS), bob.get(f"{ORDERS}/1"), bob.post(ORDERS, json={"product": "mug"})

    assert [answer.json["error"] for answer in (listed, read, placed)] == ["not_owner"] * 3
    assert bob.get("/users/bob/orders/1").status_code == 404
    assert bob.delete("/users/bob/orders/1").status_code == 404


@pytest.mark.parametrize(("method", "path"), [("POST", ORDERS), ("DELETE", f"{ORDERS}/1")])
def test_writing_needs_the_scope(as_user: AsUser, method: str, path: str) -> None:
    """A token for reading reads."""
    refused = as_user("alice").open(path, method=method, json={"product": "mug"})

    assert (refused.status_code, refused.json["error"]) == (403, "insufficient_scope")
    assert 'scope="orders:write"' in refused.headers["WWW-Authenticate"]
    assert as_user("alice").get(ORDERS).json == []


def test_the_staff_sends_orders_and_customers_cannot_cancel_them_afterwards(as_user: AsUser) -> None:
    """Sending needs a scope of its own."""
    alice = as_user("alice", scopes="orders:write")
    for _ in range(2):
        alice.post(ORDERS, json={"product": "shirt"})

    by_the_customer = alice.put("/orders/1/shipment")
    by_the_staff = as_user("sam", scopes="orders:send").put("/orders/1/shipment")

    assert by_the_customer.status_code == 403
    assert by_the_staff.json["sent"] is True
    assert alice.delete(f"{ORDERS}/1").status_code == 409
    assert alice.delete(f"{ORDERS}/2").status_code == 204
    assert as_user("sam", scopes="orders:send").put("/orders/2/shipment").status_code == 404


@pytest.mark.parametrize("bad", bad_tokens(), ids=str)
def test_bad_tokens_are_refused(app: Flask, jwt_issuer: TokenIssuer, bad: BadToken) -> None:
    """Every kind that a resource server has to refuse."""
    answer = app.test_client().get(ORDERS, headers=bad.headers(jwt_issuer))

    assert (answer.status_code, answer.json["error"]) == (bad.status, bad.error)


def test_everybody_reads_the_products_and_the_document(app: Flask) -> None:
    """Without a token."""
    client = app.test_client()

    assert client.get("/products").json["mug"] == 900
    assert client.get("/openapi.json").json["paths"]["/users/{user_id}/orders"]["post"]["security"]


def test_every_route_says_who_may_enter(app: Flask) -> None:
    """A view that is added without a decorator fails here."""
    assert_routes_guarded(app)


def test_the_row_of_a_user_is_made_once(app: Flask) -> None:
    """Code without a request is tested as a user."""
    with acting_as(app, "alice"):
        assert this_customer() is this_customer()
        assert [customer.id for customer in db.session.scalars(db.select(Customer))] == ["alice"]


def test_two_first_requests_of_a_user_at_once_make_one_row(app: Flask) -> None:
    """The second request finds the row that the first one has just written."""

    def the_other_request(*_: object) -> None:
        with db.engine.begin() as connection:
            connection.execute(insert(Customer).values(id="alice"))

    with acting_as(app, "alice"):
        event.listen(db.session, "before_flush", the_other_request, once=True)

        assert this_customer().id == "alice"


@pytest.mark.parametrize(("origin", "allowed"), [(ORIGIN, ORIGIN), ("https://elsewhere.example", None)])
def test_only_the_pages_of_the_shop_may_call(app: Flask, origin: str, allowed: str | None) -> None:
    """They can read why a request was refused."""
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }
    client = app.test_client()

    preflight, refused = client.options(ORDERS, headers=asked), client.get(ORDERS, headers={"Origin": origin})

    assert preflight.headers.get("Access-Control-Allow-Origin") == allowed
    assert refused.status_code == 401
    assert refused.headers.get("Access-Control-Allow-Origin") == allowed
    assert refused.headers.get("Access-Control-Expose-Headers") == (allowed and "WWW-Authenticate")
