"""The Flask class of the service: what others add to it works as in any other Flask app."""

from __future__ import annotations

from flask import Flask

from auth import current_token, require_jwt
from tests.support.tasks_api import Authorize

DATABASES = ("sqlite",)


def test_an_async_view_works(app: Flask, authorize: Authorize) -> None:
    """The service has none; a service that is copied from it may."""

    @app.get("/later")
    @require_jwt
    async def later() -> dict[str, str]:
        return {"user_id": current_token.user_id}

    answer = app.test_client().get("/later", headers=authorize())

    assert (answer.status_code, answer.json) == (200, {"user_id": "alice"})
    assert app.test_client().get("/later").status_code == 401
