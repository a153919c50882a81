"""Alive and ready: what is said to a load balancer, and what is not."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from auth.stores import Entry, MemoryStore, StoreUnavailableError
from tests.support.tasks_api import body_of


def test_a_living_process_says_so_without_asking_the_database(tmp_path: Any, settings: dict[str, Any]) -> None:
    """A database that is away is no reason to restart the process."""
    client = create_app(settings | {"DATABASE_URL": f"sqlite:///{tmp_path}/no/such/folder/x"}).test_client()

    answer = client.get("/health")

    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_a_service_with_all_it_needs_is_ready(client: FlaskClient) -> None:
    """Nobody has to say who asks."""
    answer = client.get("/health/ready")

    assert (answer.status_code, answer.json) == (
        200,
        {
            "status": "ok",
            "issuers": [
                {"issuer": "any", "ready": True, "keys": 1, "age": None, "last_error": None, "next_refresh": None}
            ],
        },
    )


def test_a_database_without_the_table_is_not_ready(
    settings: dict[str, Any], empty_database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer names the database, the log says why."""
    app = create_app(settings | {"DATABASE_URL": empty_database_url})

    answer = app.test_client().get("/health/ready")

    app.extensions["database"].engine.dispose()
    assert answer.status_code == 503
    assert answer.json == {
        "code": 503,
        "status": "Service Unavailable",
        "message": "The service is not ready.",
        "errors": {"database": "unusable"},
    }
    assert re.search('no such table: tasks|relation "tasks" does not exist', caplog.text)


def test_missing_keys_are_named(app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the database is."""
    monkeypatch.setitem(app.extensions, "resource_server", WithoutKeys(app.extensions["resource_server"]))

    answer = client.get("/health/ready")

    assert (answer.status_code, body_of(answer)["errors"]) == (503, {"keys": "unusable"})


class WithoutKeys:
    """A resource server whose keys cannot be had."""

    def __init__(self, real: Any) -> None:
        self.real = real

    def keys_ready(self) -> bool:
        """Say so."""
        return False

    def __getattr__(self, name: str) -> Any:
        """Be like any other in the rest."""
        return getattr(self.real, name)


class Silent(MemoryStore):
    """A denylist that does not answer."""

    def values(self, keys: Sequence[str]) -> list[float | None]:
        """Say so."""
        raise StoreUnavailableError("it cannot be reached")


class Full(MemoryStore):
    """A denylist that answers and takes no entries."""

    def remember(self, entries: Mapping[str, Entry]) -> None:
        """Say so."""
        raise StoreUnavailableError("its memory is full")


@pytest.mark.parametrize("failure", ["refuse", "accept"])
@pytest.mark.parametrize(
    ("denylist", "reason"), [(Silent, "it cannot be reached"), (Full, "its memory is full")], ids=["silent", "full"]
)
def test_what_is_wrong_with_a_denylist_is_shown(
    settings: dict[str, Any], denylist: type[MemoryStore], reason: str, failure: str
) -> None:
    """It is a reason to send requests elsewhere only if it does not answer and the service refuses them meanwhile."""
    app = create_app(settings | {"AUTH_DENYLIST": denylist(), "AUTH_DENYLIST_FAILURE": failure})

    answer = app.test_client().get("/health/ready")

    app.extensions["database"].engine.dispose()
    if failure == "refuse" and denylist is Silent:
        assert (answer.status_code, body_of(answer)["errors"]) == (
            503,
            {"denylist": f"the denylist cannot be used: {reason}"},
        )
    else:
        assert answer.status_code == 200
        assert body_of(answer)["denylist"] == {
            "ready": denylist is Full,
            "refuses": failure == "refuse",
            "last_error": f"the denylist cannot be used: {reason}",
        }


def test_a_denylist_that_answers_is_shown(settings: dict[str, Any]) -> None:
    """And the service is ready."""
    app = create_app(settings | {"AUTH_DENYLIST": "memory"})

    answer = app.test_client().get("/health/ready")

    app.extensions["database"].engine.dispose()
    assert body_of(answer)["denylist"] == {"ready": True, "refuses": True, "last_error": None}
