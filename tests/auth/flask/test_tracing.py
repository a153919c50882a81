"""What a guard writes into the span of its request, by the real SDK of OpenTelemetry and its Flask instrumentation."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from auth import ResourceServer, owns_path_user, require_jwt
from tests.support.lifetimes import A_DAY
from tests.support.services import ISSUED, ISSUER, OTHER_SECRET, SECRET, SETTINGS, bearer, clock, compact, with_claims

#: It has no types.
instrument: Callable[..., None] = FlaskInstrumentor.instrument_app

ALICE = ISSUED.authorization("alice", expires_in=A_DAY)


class Traced:
    """An app whose requests are spans."""

    def __init__(self, *, instrumented_late: bool = False, **settings: Any) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.app = Flask("service")
        self.app.config.update(SETTINGS | settings)
        if not instrumented_late:
            instrument(self.app, tracer_provider=provider)
        ResourceServer(self.app, clock=clock)
        if instrumented_late:
            instrument(self.app, tracer_provider=provider)
        self.app.add_url_rule("/users/<user_id>", "user", owns_path_user(lambda user_id: {"owner": user_id}))
        self.app.add_url_rule("/news", "news", require_jwt(optional=True)(lambda: {"news": []}))

    def attributes(self, path: str, headers: dict[str, str]) -> dict[str, Any]:
        """Make a request and return what is ours in its span."""
        self._exporter.clear()
        self.app.test_client().get(path, headers=headers)
        (span,) = self._exporter.get_finished_spans()
        return {name: value for name, value in (span.attributes or {}).items() if name.startswith(("auth.", "enduser"))}


def test_a_span_says_whose_issuer_a_token_is_of_and_whether_it_was_remembered() -> None:
    """Never who the user is."""
    traced = Traced()
    spans = [traced.attributes("/users/alice", ALICE) for _ in range(2)]

    assert spans == [
        {"auth.issuer": ISSUER, "auth.token.remembered": False},
        {"auth.issuer": ISSUER, "auth.token.remembered": True},
    ]


@pytest.mark.parametrize(
    ("path", "headers", "attributes"),
    [
        ("/users/alice", {}, {"auth.error": "missing_token"}),
        ("/users/alice", bearer(compact(secret=OTHER_SECRET)), {"auth.error": "invalid_signature"}),
        ("/users/alice", bearer(with_claims(exp=1)), {"auth.error": "token_expired"}),
        (
            "/users/bob",
            ALICE,
            {"auth.error": "not_owner", "auth.issuer": ISSUER, "auth.token.remembered": False},
        ),
        ("/news", {}, {}),
    ],
)
def test_the_span_of_a_refused_request_has_the_error(
    path: str, headers: dict[str, str], attributes: dict[str, Any]
) -> None:
    """And the issuer only if the token was verified: what a forged token claims is not repeated."""
    assert Traced().attributes(path, headers) == attributes


def test_the_user_is_named_only_if_a_setting_says_so() -> None:
    """Also for a user who is refused."""
    traced = Traced(AUTH_TRACE_USER=True)

    assert traced.attributes("/users/alice", ALICE)["enduser.id"] == "alice"
    assert traced.attributes("/users/bob", ALICE)["enduser.id"] == "alice"


def test_a_token_without_an_issuer_has_none_in_its_span() -> None:
    """With a shared secret, a token need not say who issued it."""
    traced = Traced(AUTH_SECRET=SECRET, AUTH_ISSUER=None)

    assert traced.attributes("/users/alice", bearer(with_claims(iss=...))) == {"auth.token.remembered": False}


def test_an_app_that_is_instrumented_late_has_spans_without_us() -> None:
    """Its hook runs after ours, so the span begins after the guard: instrument first, as the documentation says."""
    traced = Traced(instrumented_late=True)

    assert traced.attributes("/users/alice", ALICE) == {}


def test_a_process_without_opentelemetry_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it is imported."""
    monkeypatch.delitem(sys.modules, "opentelemetry.trace")

    assert Traced.attributes(traced := Traced(), "/users/alice", ALICE) == {}
    assert traced.app.extensions["resource_server"].is_serving
