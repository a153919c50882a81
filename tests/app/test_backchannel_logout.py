"""The tasks API receives logout tokens of its issuer."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from auth.testing import TokenIssuer
from tests.support.logouts import CLIENT, logout_token
from tests.support.services import AUDIENCE, ISSUER, SECRET

PATH = "/auth/backchannel-logout"
TOKENS = TokenIssuer(SECRET, issuer=ISSUER, audience=AUDIENCE)


def client_of(folder: Path, **settings: Any) -> FlaskClient:
    """Return a client of the tasks API behind the issuer of the tests."""
    bound = {"AUTH_SECRET": SECRET, "AUTH_ISSUER": ISSUER, "AUTH_AUDIENCE": AUDIENCE}
    receives = {"AUTH_DENYLIST": "memory", "AUTH_LOGOUT_AUDIENCE": CLIENT}
    return create_app(
        {"DATABASE_URL": f"sqlite:///{folder / 'tasks.sqlite3'}", **bound, **receives, **settings}
    ).test_client()


def log_out(client: FlaskClient, **claims: Any) -> Any:
    now = int(time.time())
    return client.post(PATH, data={"logout_token": logout_token(iat=now, exp=now + 120, **claims)})


def test_a_session_that_is_over_reaches_no_task(tmp_path: Path) -> None:
    """The route needs no token, although every other one does."""
    client = client_of(tmp_path)
    over, other = (TOKENS.authorization("alice", claims={"sid": sid}) for sid in ("s-1", "s-2"))

    response = log_out(client, sid="s-1")

    assert (response.status_code, response.data, response.headers["Cache-Control"]) == (200, b"", "no-store")
    assert [client.get("/api/me", headers=headers).status_code for headers in (over, other)] == [401, 200]


@pytest.mark.parametrize(
    ("limit", "statuses"), [("RATE_LIMIT_ADDRESS", [200, 200, 429]), ("RATE_LIMIT_USER", [200] * 3)]
)
def test_logouts_count_for_the_address_and_for_no_user(tmp_path: Path, limit: str, statuses: list[int]) -> None:
    """An issuer sends those of many users from few addresses."""
    client = client_of(tmp_path, **{limit: "2 per hour"})

    assert [log_out(client, jti=str(number)).status_code for number in range(3)] == statuses
