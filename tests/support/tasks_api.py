"""The tasks API as its tests use it: who calls, where the tasks are, and tasks that are kept past HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.tasks.models import Task
from app.tasks.store import TaskStore

SECRET = "3d1f7b0c9a584e62b7d3f0a4c6e81925b0d7f3a9e5c14286"

#: The tasks of alice, and one of them.
TASKS = "/api/alice/tasks"
ID = "0b5d7c1e-7a43-4f0e-9a36-6f1f0f4e2a11"
TASK = f"{TASKS}/{ID}"

#: What the clock of a store shows first.
START = datetime(2026, 1, 1, 12, 0, 0, 1, tzinfo=UTC)

Headers = dict[str, str]
Authorize = Callable[..., Headers]


class Clock:
    """A clock that moves on by one second whenever somebody looks."""

    def __init__(self) -> None:
        self.now = START
        self._lock = Lock()

    def __call__(self) -> datetime:
        """Return the time and move on."""
        with self._lock:
            self.now += timedelta(seconds=1)
            return self.now


def body_of(answer: TestResponse) -> Any:
    """Return the JSON an answer holds."""
    return answer.json


def send(client: FlaskClient, headers: Headers, body: object, *, at: str = TASKS, method: str = "POST") -> TestResponse:
    """Send a body as JSON in ASCII, so that what is no text can be said."""
    return client.open(at, method=method, data=json.dumps(body), headers=headers, content_type="application/json")


def keep(store: TaskStore, title: str = "Buy milk", *, user_id: str = "alice", completed: bool = False) -> Task:
    """Keep a task."""
    return store.create(user_id, {"title": title, "description": None, "completed": completed})[0]


def tag(created: TestResponse, changes: int = 0) -> str:
    """Return the entity tag that a task has after some changes."""
    first = int(created.headers["ETag"].strip('"'))
    return f'"{first + changes}"'
