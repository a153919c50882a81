"""The headers of every answer, errors and pages included."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from tests.support.tasks_api import Authorize

#: Nothing here depends on the database.
DATABASES = ("sqlite",)

DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"


@pytest.mark.parametrize("path", ["/health", "/openapi.json", "/api/alice/tasks", "/nowhere", "/docs/start.js"])
def test_every_answer_forbids_what_data_has_no_use_for(client: FlaskClient, path: str) -> None:
    """200, 401 and 404 alike."""
    with client.get(path) as answer:
        headers = answer.headers

    assert headers["Content-Security-Policy"] == DATA_POLICY
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Permissions-Policy"] == "camera=(), geolocation=(), microphone=()"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"


def test_strict_transport_security_is_said_over_https_only(client: FlaskClient) -> None:
    """RFC 6797 §7.2."""
    assert "Strict-Transport-Security" not in client.get("/health").headers
    secure = client.get("/health", base_url="https://localhost")
    assert secure.headers["Strict-Transport-Security"] == "max-age=63072000"


def test_a_trusted_proxy_may_say_that_the_client_came_by_https(settings: dict[str, Any]) -> None:
    """And nobody else may."""
    forwarded = {"X-Forwarded-Proto": "https"}

    trusting = create_app(settings | {"TRUSTED_PROXIES": 1}).test_client().get("/health", headers=forwarded)
    wary = create_app(settings).test_client().get("/health", headers=forwarded)

    assert "Strict-Transport-Security" in trusting.headers
    assert "Strict-Transport-Security" not in wary.headers


def test_each_request_has_an_id_of_ours(client: FlaskClient) -> None:
    """Never the one a client sends, which could be anything."""
    ids = {client.get("/health", headers={"X-Request-ID": "forged"}).headers["X-Request-ID"] for _ in range(3)}

    assert len(ids) == 3
    assert "forged" not in ids


def test_answers_to_callers_are_kept_out_of_caches(client: FlaskClient, authorize: Authorize) -> None:
    """Whatever the status."""
    for path, status in (("/api/alice/tasks", 200), ("/api/bob/tasks", 403), ("/nowhere", 404)):
        answer = client.get(path, headers=authorize())
        assert answer.status_code == status
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Authorization" in answer.headers["Vary"]
