"""The log: one line per record, in two formats, with the id of the request and nothing a client could forge."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.logs import HANDLER_NAME, JSONFormatter, RequestTextFilter, TextFormatter, configure_logging
from tests.support.tasks_api import Authorize

#: Nothing here depends on the database.
DATABASES = ("sqlite",)


@pytest.fixture(autouse=True)
def root_as_before() -> Iterator[None]:
    """Leave the root logger as it was found."""
    root = logging.getLogger()
    before = list(root.handlers)
    yield
    root.handlers[:] = before


def record(message: str = "said", **extra: Any) -> logging.LogRecord:
    """Return a record as a logger makes it."""
    return logging.makeLogRecord({"name": "app.test", "levelname": "INFO", "msg": message, "created": 0.5, **extra})


def failure() -> Any:
    """Return the exc_info of an error whose text tries to look like a line of its own."""
    error = LookupError("lost\n1970-01-01T00:00:00.000+00:00 INFO app all is well")
    return (LookupError, error, None)


def test_text_lines_say_when_how_bad_who_and_what() -> None:
    """In that order."""
    assert TextFormatter().format(record()) == "1970-01-01T00:00:00.500+00:00 INFO app.test said"


def test_text_lines_cannot_be_forged() -> None:
    """Line ends and control characters are escaped; a traceback is indented."""
    line = TextFormatter().format(record("one\r\ntwo\x1b[2J\u2028three", exc_info=failure()))

    first, *rest = line.split("\n")
    assert first.endswith("one\\r\\ntwo\\x1b[2J\\u2028three")
    assert rest
    assert all(part.startswith("    ") for part in rest)


def test_json_lines_hold_the_extra_of_a_record() -> None:
    """As members, beside the standard ones, which they cannot replace."""
    line = JSONFormatter().format(record(route="/api", level="forged", odd={1}))

    assert json.loads(line) == {
        "route": "/api",
        "odd": "{1}",
        "time": "1970-01-01T00:00:00.500+00:00",
        "level": "INFO",
        "logger": "app.test",
        "message": "said",
    }


def test_json_records_are_one_line_whatever_they_hold() -> None:
    """Tracebacks too."""
    line = JSONFormatter().format(record("one\ntwo\u2028", exc_info=failure()))

    assert "\n" not in line
    assert line.isascii()
    assert "LookupError: lost" in json.loads(line)["exception"]


def test_configuring_again_changes_the_format_and_adds_no_handler(settings: dict[str, Any]) -> None:
    """One line per record, also where a process makes several apps."""
    for log_format in ("text", "json", "json"):
        create_app(settings | {"LOG_FORMAT": log_format})

    (ours,) = (handler for handler in logging.getLogger().handlers if handler.get_name() == HANDLER_NAME)
    assert isinstance(ours.formatter, JSONFormatter)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_refusal_is_one_line_with_the_id_the_client_was_told(
    client: FlaskClient, authorize: Authorize, capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    """Route, reason and verified user; neither the token nor the path as it was typed."""
    configure_logging(log_format)
    headers = authorize("alice")

    answer = client.get("/api/typed%0Dby-a-client/tasks", headers=headers)

    (line,) = (line for line in capsys.readouterr().err.splitlines() if "refused" in line)
    assert answer.headers["X-Request-ID"] in line
    assert line.count("request_id") == 1 or log_format == "json"
    assert "not_owner" in line
    assert "alice" in line
    assert "/api/<path:user_id>/tasks" in line
    assert "typed" not in line
    assert headers["Authorization"].split()[1] not in line


def test_lines_within_a_request_carry_its_id(settings: dict[str, Any]) -> None:
    """Also those that know nothing of requests."""
    app = create_app(settings)

    with app.test_request_context("/health"):
        text, data = TextFormatter().format(record()), json.loads(JSONFormatter().format(record()))

    assert text.endswith(f'request_id="{data["request_id"]}"')


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (
            "Invalid request from ip=::1: Invalid HTTP Header: 'Authorization Bearer TOKEN'",
            "Invalid request from ip=::1",
        ),
        ("Invalid request from ip=127.0.0.1: Invalid request line: 'TOKEN'", "Invalid request from ip=127.0.0.1"),
        ("Worker exiting (pid: 7)", "Worker exiting (pid: 7)"),
    ],
)
def test_what_gunicorn_quotes_of_a_request_is_cut(said: str, kept: str) -> None:
    """A mistyped header may hold a token."""
    record = logging.makeLogRecord({"msg": said, "exc_info": (ValueError, ValueError("TOKEN"), None)})

    passed = RequestTextFilter().filter(record)

    assert passed
    assert record.getMessage() == kept
    assert (record.exc_info is None) is (kept != said)


def test_a_fault_of_ours_keeps_its_place_in_the_log() -> None:
    """Where it was and of what kind; neither the path nor the words of the exception."""
    try:
        int("TOKEN")
    except ValueError:
        fault = sys.exc_info()
    record = logging.makeLogRecord({"msg": "Error handling request /api?access_token=TOKEN", "exc_info": fault})

    passed = RequestTextFilter().filter(record)

    first, *trace, last = record.getMessage().splitlines()
    assert passed
    assert (first, last) == ("Error handling request", "ValueError")
    assert "test_logs.py" in trace[0]
    assert "invalid literal" not in record.getMessage()
