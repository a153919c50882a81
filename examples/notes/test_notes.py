"""Users, strangers and bad tokens at the doors of the notes."""

from __future__ import annotations

import pytest
from flask import Flask
from flask_resource_server.testing import (
    AsUser,
    BadToken,
    TokenIssuer,
    acting_as,
    assert_routes_guarded,
    bad_tokens,
)
from notes import statistics


def test_users_write_and_read_their_own_notes(as_user: AsUser) -> None:
    alice = as_user("alice")

    written = alice.post("/notes/alice", data="Water the plants")

    assert written.status_code == 201
    assert alice.get("/notes/alice").get_json() == {"notes": ["Water the plants"]}


def test_users_do_not_read_the_notes_of_others(as_user: AsUser) -> None:
    answer = as_user("alice").get("/notes/bob")

    assert (answer.status_code, answer.get_json()["error"]) == (403, "not_owner")


def test_the_statistics_need_a_scope(as_user: AsUser) -> None:
    assert as_user("alice").get("/statistics").status_code == 403
    assert as_user("alice", scopes="statistics:read").get("/statistics").get_json() == {"notes": 0, "read_by": "alice"}


def test_topics_greet_users_and_serve_strangers(app: Flask, as_user: AsUser) -> None:
    assert as_user("alice").get("/topics").get_json()["hello"] == "alice"
    assert app.test_client().get("/topics").get_json()["hello"] is None


def test_a_view_can_be_called_as_a_function(app: Flask) -> None:
    with acting_as(app, "alice", scopes="statistics:read"):
        assert statistics() == {"notes": 0, "read_by": "alice"}


@pytest.mark.parametrize("bad", bad_tokens())
def test_a_bad_token_opens_nothing(bad: BadToken, app: Flask, jwt_issuer: TokenIssuer) -> None:
    answer = app.test_client().get("/notes/alice", headers=bad.headers(jwt_issuer))

    assert (answer.status_code, answer.get_json()["error"]) == (bad.status, bad.error)


def test_every_route_says_who_may_enter(app: Flask) -> None:
    assert_routes_guarded(app)
