"""The tasks API as a protected resource that clients find by its URL."""

from __future__ import annotations

from pathlib import Path

from app import create_app
from auth.wire.metadata import WELL_KNOWN
from tests.support.services import ISSUER, SECRET

URL = "https://tasks.example"


def test_the_tasks_api_publishes_its_metadata(tmp_path: Path) -> None:
    """One setting is enough: the document is public, and the challenges lead there."""
    app = create_app(
        {
            "DATABASE_URL": f"sqlite:///{tmp_path / 'tasks.sqlite3'}",
            "AUTH_SECRET": SECRET,
            "AUTH_ISSUER": ISSUER,
            "AUTH_RESOURCE": URL,
        }
    )
    client = app.test_client()

    document, refused = client.get(WELL_KNOWN), client.get("/api/alice/tasks")

    assert document.get_json() == {
        "resource": URL,
        "authorization_servers": [ISSUER],
        "bearer_methods_supported": ["header"],
    }
    assert refused.headers["WWW-Authenticate"] == f'Bearer realm="api", resource_metadata="{URL}{WELL_KNOWN}"'
