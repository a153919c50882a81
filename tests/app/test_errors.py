"""Errors in one shape, with their headers, and the database's failures as 503."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from typing import Any, NoReturn

import pytest
from alembic import command
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.bounds import TooManySearchesError
from app.migrations.commands import alembic_config
from auth import public
from tests.support.tasks_api import Authorize, body_of


def test_a_method_that_is_not_there_says_which_are(client: FlaskClient) -> None:
    """405 keeps its Allow header."""
    answer = client.delete("/health")

    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    assert answer.json == {
        "code": 405,
        "status": "Method Not Allowed",
        "message": "The method is not allowed for the requested URL.",
    }


def test_a_database_that_fails_is_503_and_in_the_log(
    settings: dict[str, Any], empty_database_url: str, authorize: Authorize, caplog: pytest.LogCaptureFixture
) -> None:
    """With Retry-After for the client, and the driver's words for the operator only."""
    app = create_app(settings | {"DATABASE_URL": empty_database_url})

    answer = app.test_client().post("/api/alice/tasks", json={"title": "private words"}, headers=authorize())

    app.extensions["database"].engine.dispose()
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "2"
    assert answer.json == {
        "code": 503,
        "status": "Service Unavailable",
        "message": "The database cannot be used at the moment.",
    }
    assert re.search('no such table: tasks|relation "tasks" does not exist', caplog.text)
    assert "private words" not in caplog.text


def test_what_a_client_has_sent_is_not_in_the_log_of_a_database_that_fails(
    settings: dict[str, Any], empty_database_url: str, authorize: Authorize, caplog: pytest.LogCaptureFixture
) -> None:
    """PostgreSQL quotes the line of a statement that it takes offence at, and the values stand there."""
    app = create_app(settings | {"DATABASE_URL": empty_database_url})
    engine = app.extensions["database"].engine
    # The column that the service knows of and the database does not is the last one.
    command.upgrade(alembic_config(engine), "0001")

    answer = app.test_client().post("/api/alice/tasks", json={"title": "private words"}, headers=authorize())

    engine.dispose()
    assert answer.status_code == 503
    assert re.search(r"no column named creation|column \"creation\" of relation \"tasks\" does not exist", caplog.text)
    assert "private" not in caplog.text
    assert "alice" not in caplog.text


def test_a_search_too_many_is_503_and_not_an_error(
    app: Flask, authorize: Authorize, caplog: pytest.LogCaptureFixture
) -> None:
    """The client may try again, and the log does not speak of the database."""

    def refuse(*_: object) -> NoReturn:
        raise TooManySearchesError

    app.extensions["task_store"] = replace(app.extensions["task_store"], run=refuse)

    answer = app.test_client().get("/api/alice/tasks?q=milk", headers=authorize())

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert answer.json == {
        "code": 503,
        "status": "Service Unavailable",
        "message": "Too many searches are being made at the moment.",
    }
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_an_error_of_ours_is_500_without_a_word_about_it(
    settings: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """The log names the endpoint and never the path as it was typed."""
    app = create_app(settings | {"TESTING": False})

    @app.get("/fails/<name>")
    @public
    def fails(name: str) -> str:
        raise LookupError("what went wrong")

    answer = app.test_client().get("/fails/typed%0Aby%20a%20client")

    assert answer.status_code == 500
    assert body_of(answer)["status"] == "Internal Server Error"
    assert "what went wrong" not in answer.text
    (record,) = (record for record in caplog.records if record.levelno == logging.ERROR)
    assert record.getMessage() == "Unhandled error in fails"
    assert "LookupError: what went wrong" in caplog.text
    assert "typed" not in caplog.text


def test_a_path_with_two_slashes_is_unknown(client: FlaskClient, authorize: Authorize) -> None:
    """No redirect is made of what the Host header says."""
    answer = client.get("/api//alice/tasks", headers={"Host": "evil.example", **authorize()})

    assert answer.status_code == 404
    assert "evil.example" not in str(answer.headers)
    assert body_of(answer)["status"] == "Not Found"
