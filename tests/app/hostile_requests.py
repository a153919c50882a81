"""What the tests of hostile input have in common."""

from __future__ import annotations

import json

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

TASKS = "/api/alice/tasks"
ID = "0b5d7c1e-7a43-4f0e-9a36-6f1f0f4e2a11"
TASK = f"{TASKS}/{ID}"


def send(
    client: FlaskClient, headers: dict[str, str], body: object, *, at: str = TASKS, method: str = "POST"
) -> TestResponse:
    """Send a body as JSON in ASCII, so that what is no text can be said."""
    return client.open(at, method=method, data=json.dumps(body), headers=headers, content_type="application/json")
