"""What the tasks API counts beside its guards: requests by route, method and status, and how long they took."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import create_app
from app.metrics import metrics
from auth.testing import TokenIssuer
from tests.support.scrapes import Sample, samples

SECRET = "b1946ac92492d2347c6235b4d2611184e7a3c0f95d6b8a21"
ISSUER = TokenIssuer(SECRET)


@pytest.fixture
def service(tmp_path: Path) -> Flask:
    """Return a service that counts. It has no tables: its guards need none."""
    return create_app(
        {
            "AUTH_SECRET": SECRET,
            "DATABASE_URL": f"sqlite:///{tmp_path / 'tasks.sqlite3'}",
            "AUTH_METRICS_PATH": "/metrics",
        }
    )


def scrape(service: Flask) -> dict[Sample, float]:
    answer = service.test_client().get("/metrics", headers=ISSUER.authorization("prometheus", scopes="metrics:read"))
    assert answer.status_code == 200
    return samples(answer.text)


def counted(service: Flask, before: Mapping[Sample, float], name: str) -> dict[tuple[str, ...], float]:
    """Return by the values of its labels how much a metric has grown; the apps of a process share it."""
    after = {sample: value - before.get(sample, 0) for sample, value in scrape(service).items() if sample[0] == name}
    return {tuple(value for _, value in labels): value for (_, labels), value in after.items() if value}


def test_requests_are_counted_by_route_method_and_status(service: Flask) -> None:
    """The route is the rule: no path, no user and no invented method becomes a label."""
    client, alice = service.test_client(), ISSUER.authorization("alice")
    scrape(service)
    before = scrape(service)
    client.get("/api/me", headers=alice)
    client.get("/api/me")
    client.get("/api/bob/tasks", headers=alice)
    client.get("/api/carol/tasks", headers=alice)
    client.get("/nowhere/alice")
    client.open("/health", method="INVENTED")
    client.get("/health")

    # The first scrape is answered, and so counted, after it was written.
    assert counted(service, before, "app_requests_total") == {
        ("GET", "/api/me", "200"): 1,
        ("GET", "/api/me", "401"): 1,
        ("GET", "/api/<path:user_id>/tasks", "403"): 2,
        ("GET", "", "404"): 1,
        ("other", "", "405"): 1,
        ("GET", "/health", "200"): 1,
        ("GET", "/metrics", "200"): 1,
    }


def test_requests_are_timed_by_route_and_method(service: Flask) -> None:
    """As often as they are counted."""
    scrape(service)
    before = scrape(service)
    for _ in range(3):
        service.test_client().get("/health")

    assert counted(service, before, "app_request_seconds_count")["GET", "/health"] == 3


def test_the_counts_are_guarded(service: Flask) -> None:
    """By the scope, in a service that denies by default."""
    client = service.test_client()

    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers=ISSUER.authorization("alice")).status_code == 403


def test_counts_that_cannot_be_written_change_no_answer(
    service: Flask, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log says so once."""
    monkeypatch.setattr("app.metrics.LOGGED", set())
    counter, _ = metrics()
    monkeypatch.setattr(counter, "labels", lambda *_: 1 / 0)
    answers = [service.test_client().get("/health").status_code for _ in range(3)]

    assert answers == [200, 200, 200]
    assert [record.message for record in caplog.records if record.name == "app.metrics"] == [
        "cannot count requests for Prometheus: ZeroDivisionError: division by zero"
    ]


RACE = """\
import sys
from app import create_app
app = create_app({settings!r})
import prometheus_client
prometheus_client.Counter = prometheus_client.Histogram = None
print(app.test_client().get("/health").status_code)
"""


def test_the_metrics_are_made_before_the_first_request(tmp_path: Path) -> None:
    """Two threads with a first request each would both make them."""
    settings: dict[str, Any] = {
        "AUTH_SECRET": SECRET,
        "DATABASE_URL": f"sqlite:///{tmp_path / 'tasks.sqlite3'}",
        "AUTH_METRICS": True,
    }
    program = RACE.format(settings=settings)
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert finished.stdout.split() == ["200"]
    assert "cannot count" not in finished.stderr


OFF = """\
import sys
from app import create_app
app = create_app({settings!r})
app.test_client().get("/health")
print(app.test_client().get("/metrics").status_code, "prometheus_client" in sys.modules)
"""


def test_nothing_is_counted_or_imported_unless_the_path_is_set(tmp_path: Path) -> None:
    """And there is no such route."""
    settings: dict[str, Any] = {"AUTH_SECRET": SECRET, "DATABASE_URL": f"sqlite:///{tmp_path / 'tasks.sqlite3'}"}
    program = OFF.format(settings=settings)
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert finished.stdout.split() == ["404", "False"]
