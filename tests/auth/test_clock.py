"""The clocks of the system while a test freezes time, by the packages that are in use for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import freezegun
import pytest
import time_machine
from flask import Flask

from auth import ResourceServer, current_token, require_jwt, verified_token
from auth.clock import steady_time, uptime
from auth.errors import TokenExpiredError
from auth.testing import PublishedIssuer, TokenIssuer, acting_as
from tests.support.issuer_server import AUDIENCE, IssuerServer, SigningKey
from tests.support.services import SECRET, authenticator_of

Freeze = Callable[[str], AbstractContextManager[Any]]


def freeze_with_time_machine(moment: str) -> AbstractContextManager[Any]:
    return time_machine.travel(moment, tick=False)


FREEZERS: dict[str, Freeze] = {"freezegun": freezegun.freeze_time, "time-machine": freeze_with_time_machine}

pytestmark = pytest.mark.parametrize("freeze", FREEZERS.values(), ids=FREEZERS)

#: A token lives 15 minutes and 30 seconds, the leeway included: its last second, and the first that is too late.
START, LAST, OVER = "2031-05-01 12:00:00", "2031-05-01 12:15:29", "2031-05-01 12:15:30"


def service(**settings: Any) -> Flask:
    """Return an app on the default clock."""
    app = Flask("service")
    app.config.update({"AUTH_SECRET": SECRET} | settings)
    ResourceServer(app)

    @app.get("/")
    @require_jwt
    def me() -> str:
        return current_token.user_id

    return app


def get(app: Flask, headers: dict[str, str]) -> tuple[int, str | None]:
    answer = app.test_client().get("/", headers=headers)
    return answer.status_code, answer.get_json()["error"] if answer.is_json else None


@pytest.mark.parametrize("cache_size", [0, 10])
def test_a_token_expires_in_frozen_time(freeze: Freeze, cache_size: int) -> None:
    """To the second, remembered or not."""
    app = service(AUTH_TOKEN_CACHE_SIZE=cache_size)
    with freeze(START):
        headers = TokenIssuer(SECRET).authorization("alice")
        assert get(app, headers) == (200, None)

    with freeze(LAST):
        assert get(app, headers) == (200, None)
    with freeze(OVER):
        assert get(app, headers) == (401, "token_expired")
    assert get(app, headers) == (401, "token_not_yet_valid")


def test_every_default_clock_is_frozen(freeze: Freeze) -> None:
    """That of an issuer, of an issuer for an app, and of a verifier."""
    app = service()
    with freeze(START):
        tokens = [
            issuer.issue("alice", expires_in=timedelta(0)) for issuer in (TokenIssuer(SECRET), TokenIssuer.for_app(app))
        ]
        verifier = authenticator_of(app.extensions["resource_server"].config.issuers, max_token_bytes=8192)
        claims = [verifier.verify(token).claims for token in tokens]

        assert [(claim["iat"], claim["exp"]) for claim in claims] == [(int(time.time()), int(time.time()))] * 2


def test_current_token_expires_in_frozen_time(freeze: Freeze) -> None:
    """Also while its request goes on."""
    app = service()
    with freeze(START):
        acting = acting_as(app, "alice")
        acting.__enter__()
    try:
        with freeze(LAST):
            assert current_token.user_id == "alice"
        with freeze(OVER):
            assert verified_token() is None
            with pytest.raises(TokenExpiredError):
                assert current_token.user_id
    finally:
        acting.__exit__(None, None, None)


@pytest.mark.parametrize("moment", ["1999-12-31", START])
def test_keys_are_fetched_in_frozen_time(freeze: Freeze, moment: str) -> None:
    """By real HTTP, with deadlines that are real."""
    with PublishedIssuer.generate("ES256", audience=AUDIENCE) as issuer, freeze(moment):
        app = service(AUTH_SECRET=None, **{name: value for name, value in issuer.settings.items() if value is not None})

        assert get(app, issuer.authorization("alice")) == (200, None)


def test_keys_do_not_grow_old_by_a_leap_in_time(freeze: Freeze) -> None:
    """A test of next year's tokens needs no issuer that answers again."""
    key = SigningKey.generate("ES256")
    with IssuerServer([key]) as server:
        app = service(
            AUTH_SECRET=None, AUTH_ISSUER=server.issuer, AUTH_AUDIENCE=AUDIENCE, AUTH_JWKS_URL=server.jwks_url
        )
        assert get(app, {"Authorization": f"Bearer {server.token(key)}"}) == (200, None)
        server.stop()

        with freeze("2049-01-01"):
            assert get(app, {"Authorization": f"Bearer {server.token(key)}"}) == (200, None)


@pytest.mark.parametrize("clock", [steady_time, uptime], ids=["steady", "uptime"])
def test_the_clocks_of_fetches_go_on(freeze: Freeze, clock: Callable[[], float]) -> None:
    """Frozen, a fetch would never come to its end."""
    before = clock()

    with freeze(START):
        assert 0 <= clock() - before < 60
