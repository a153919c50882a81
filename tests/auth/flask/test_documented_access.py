"""Documents that say something else about who may enter than what is enforced, as ``flask auth routes`` finds them."""

from __future__ import annotations

from typing import Any

import pytest

from auth import public
from auth.flask.openapi import SCHEME
from tests.support.services import add_view, service


@pytest.mark.parametrize(
    ("security", "status"),
    [
        pytest.param([{"password": []}], 0, id="a password"),
        pytest.param([{"password": []}, {}], 0, id="a password or nothing"),
        pytest.param([{SCHEME: []}], 1, id="an access token"),
        pytest.param([{"password": []}, {SCHEME: []}], 1, id="a password or an access token"),
        pytest.param([], 0, id="nothing"),
    ],
)
def test_a_public_view_may_document_a_guard_of_another_library(
    security: list[dict[str, list[str]]], status: int
) -> None:
    """Such as a password; only an access token is ours to ask for, and we ask for none there."""
    app = service("flask-smorest")

    def login() -> dict[str, Any]:
        return {}

    login._apidoc = {"manual_doc": {"security": security}}  # type: ignore[attr-defined]  # what Blueprint.doc writes
    add_view(app, "/login", public(login))

    outcome = app.test_cli_runner().invoke(args=["auth", "routes"])

    assert outcome.exit_code == status, outcome.output
    assert ("and the view is public" in outcome.output) == bool(status)
