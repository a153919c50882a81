"""The log of the process: one line per record on standard error, as text or as JSON.

Each line has the id of the request and the ``extra`` of its record. There is no access log: paths are text of the
client, and such text is never written unescaped.

python-json-logger would replace one class of ten lines. The id of the request, and the members that ``extra`` must not
replace, would still be ours.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from datetime import UTC, datetime
from typing import Any, TextIO, cast

from flask import current_app, has_request_context, request
from flask.logging import wsgi_errors_stream

HANDLER_NAME = "tasks-service"

#: Attributes that every record has. All others came as ``extra``.
STANDARD_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

#: Loggers whose INFO lines are written. Of all others, only warnings are.
TALKATIVE = ("app", "flask_resource_server", "alembic")


def configure_logging(log_format: str) -> None:
    """Give the process its one handler; if it has that already, set the format."""
    root = logging.getLogger()
    handler = next((handler for handler in root.handlers if handler.get_name() == HANDLER_NAME), None)
    if handler is None:
        handler = logging.StreamHandler(cast("TextIO", wsgi_errors_stream))
        handler.set_name(HANDLER_NAME)
        root.addHandler(handler)
    handler.setFormatter(JSONFormatter() if log_format == "json" else TextFormatter())
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.INFO)


def facts(record: logging.LogRecord) -> dict[str, Any]:
    """Return what a record holds beside its message: the id of the request and its ``extra``."""
    extra = {name: value for name, value in vars(record).items() if name not in STANDARD_ATTRIBUTES}
    if has_request_context():
        extra.setdefault("request_id", current_app.extensions["resource_server"].request_id(request.environ))
    return extra


def timestamp(record: logging.LogRecord) -> str:
    """Return the time of a record in UTC, as RFC 3339 writes it."""
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


class TextFormatter(logging.Formatter):
    """Lines for people. Every line after the first is indented, so that no line can be forged."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one record: time, level, logger and message, and the id of the request unless the message has it."""
        line = f"{timestamp(record)} {record.levelname} {record.name} {escape(record.getMessage())}"
        if not hasattr(record, "request_id") and (request_id := facts(record).get("request_id")):
            line += f" request_id={json.dumps(request_id)}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return "\n    ".join(line.splitlines())


class JSONFormatter(logging.Formatter):
    """One JSON object per record, always on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one record. Its facts are members of the object, but cannot replace the standard members."""
        line = {
            **facts(record),
            "time": timestamp(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class RequestTextFilter(logging.Filter):
    """Cuts off what gunicorn quotes from a request that it cannot read: a mistyped header may hold a token."""

    QUOTING = re.compile(r"(Invalid request from ip=\S*|Error handling request|Socket error processing request)")

    def filter(self, record: logging.LogRecord) -> bool:
        """Shorten a record to gunicorn's own words, and let it pass."""
        if said := self.QUOTING.match(record.getMessage()):
            record.msg, record.args = said[1].rstrip(":"), ()
            if record.exc_info and said[1].startswith("Error"):
                # A fault of the service: keep its place and kind, without the words of the exception.
                kind, _, trace = record.exc_info
                record.msg += f"\n{''.join(traceback.format_tb(trace))}{kind.__name__ if kind else ''}"
            record.exc_info = record.exc_text = None
        return True


def escape(text: str) -> str:
    """Return text with everything escaped that is not printable, such as line ends."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
