"""A store of its own for each test, on a clock that needs no waiting, and alice's tasks over HTTP."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event
from werkzeug.test import TestResponse

from app.database import Database
from app.fast.statements import query_of
from app.transactions import Answer, Statement, Values
from tests.support.tasks_api import TASKS, Authorize


@pytest.fixture
def statements(app: Flask) -> list[str]:
    """Return the list of SQL statements that reach the database from now on, and of other uses of a connection."""
    seen: list[str] = []
    database: Database = app.extensions["database"]
    # True while a statement of the store is under way.
    noted = [False]

    def note(user_id: str, statement: Statement, values: Values) -> Answer:
        seen.append(query_of(statement, database.engine.dialect).text)
        noted[0] = True
        try:
            return database.run(user_id, statement, values)
        finally:
            noted[0] = False

    def note_other(*_: object) -> None:
        if not noted[0]:
            seen.append("something past the store")

    event.listen(database.engine, "checkout", note_other)
    app.extensions["task_store"] = replace(app.extensions["task_store"], run=note)
    return seen


@pytest.fixture
def create(client: FlaskClient, authorize: Authorize) -> Any:
    """Return a function that creates a task and returns the answer."""

    def create(title: str = "Buy milk", **content: Any) -> TestResponse:
        answer = client.post(TASKS, json={"title": title, **content}, headers=authorize())
        assert answer.status_code == 201
        return answer

    return create
