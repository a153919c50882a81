"""Logging out everywhere: the caller's own tokens, all of them, and nobody else's."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from auth.stores import Entry, MemoryStore, StoreUnavailableError
from auth.testing import TokenIssuer
from tests.support.tasks_api import SECRET, Authorize, body_of

PATH = "/api/alice/logout-everywhere"


class Denylist(MemoryStore):
    """A denylist that can be read and not be written to, once it is told so."""

    is_full = False

    def remember(self, entries: Mapping[str, Entry]) -> None:
        """Keep them, or say that there is no room."""
        if self.is_full:
            raise StoreUnavailableError("its memory is full")
        super().remember(entries)


@pytest.fixture
def denylist() -> Denylist:
    return Denylist()


@pytest.fixture
def revoking(settings: dict[str, Any], denylist: Denylist) -> Iterator[Flask]:
    """The service with a denylist."""
    app = create_app(settings | {"AUTH_DENYLIST": denylist})
    yield app
    app.extensions["database"].engine.dispose()


def test_every_token_of_the_user_is_refused_from_then_on(revoking: Flask, authorize: Authorize) -> None:
    """The one of the request as well."""
    client, used, other = revoking.test_client(), authorize("alice"), authorize("alice")

    answer = client.post(PATH, headers=used)

    assert (answer.status_code, answer.data) == (204, b"")
    assert "Content-Type" not in answer.headers
    for headers in (used, other):
        assert body_of(client.get("/api/me", headers=headers))["error"] == "token_revoked"
    assert client.get("/api/me", headers=authorize("bob")).status_code == 200


@pytest.mark.parametrize("ahead", [20, None])
def test_the_token_of_the_request_is_refused_whatever_its_clock_says(
    settings: dict[str, Any], denylist: Denylist, ahead: int | None
) -> None:
    """The issuer's may run ahead by the leeway, or say nothing."""
    app = create_app(settings | {"AUTH_DENYLIST": denylist, "AUTH_REQUIRED_CLAIMS": ["exp"]})
    issued = None if ahead is None else int(time.time()) + ahead
    client, headers = app.test_client(), TokenIssuer(SECRET).authorization("alice", claims={"iat": issued})

    answer = client.post(PATH, headers=headers)
    refused = client.get("/api/me", headers=headers)
    app.extensions["database"].engine.dispose()

    assert answer.status_code == 204
    assert body_of(refused)["error"] == "token_revoked"


def test_nobody_logs_out_another(revoking: Flask, authorize: Authorize) -> None:
    """The path is guarded as that of the tasks is."""
    client = revoking.test_client()

    stranger, bob = client.post(PATH), client.post(PATH, headers=authorize("bob"))

    assert (stranger.status_code, bob.status_code) == (401, 403)
    assert client.get("/api/me", headers=authorize("alice")).status_code == 200


def test_a_revocation_that_was_not_kept_is_no_success(
    revoking: Flask, denylist: Denylist, authorize: Authorize
) -> None:
    """The user has to know that the stolen phone is still logged in."""
    denylist.is_full = True

    answer = revoking.test_client().post(PATH, headers=authorize("alice"))

    assert (answer.status_code, body_of(answer)["error"]) == (503, "denylist_unavailable")
    assert answer.headers["Retry-After"] == "5"


def test_without_a_denylist_there_is_no_such_path(client: FlaskClient, headers: dict[str, str]) -> None:
    """Nor is it in the document: nobody is told that something was revoked."""
    assert client.post(PATH, headers=headers).status_code == 404
    assert not [path for path in body_of(client.get("/openapi.json"))["paths"] if "logout" in path]


def test_the_document_shows_the_operation(revoking: Flask) -> None:
    """With its refusals."""
    document = body_of(revoking.test_client().get("/openapi.json"))

    operation = document["paths"]["/api/{user_id}/logout-everywhere"]["post"]
    assert operation["operationId"] == "logOutEverywhere"
    assert "a token from the last seconds may name a later time, and then stays valid" in operation["description"]
    assert operation["security"] == [{"bearerAuth": []}]
    assert sorted(operation["responses"]) == ["204", "401", "403", "429", "503", "default"]
