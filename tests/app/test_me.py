"""What the service tells callers about themselves."""

from __future__ import annotations

from flask.testing import FlaskClient

from tests.support.tasks_api import Authorize, body_of


def test_callers_see_their_user_id_and_claims(client: FlaskClient, authorize: Authorize) -> None:
    """As the token says it."""
    answer = client.get("/api/me", headers=authorize("auth0|1"))

    assert answer.status_code == 200
    assert body_of(answer)["user_id"] == "auth0|1"
    assert sorted(body_of(answer)["claims"]) == ["exp", "iat", "jti", "sub"]


def test_strangers_are_refused(client: FlaskClient) -> None:
    """With the challenge."""
    answer = client.get("/api/me")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'
