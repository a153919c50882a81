"""One log line per refusal: why, where, which request, and who where that is verified.

Nothing of the token and nothing a client typed is written: routes appear as their rule, reasons in our own words, a
verified user id as a JSON string. Standard :mod:`logging`, logger ``auth.audit``; the fields are on the record as well,
for formatters that write JSON.
"""

from __future__ import annotations

import json
import logging
import secrets
from typing import Any

from auth.errors import AuthError

_LOGGER = logging.getLogger("auth.audit")
_REQUEST_ID = "auth.request_id"


def request_id(environ: dict[str, Any]) -> str:
    """Return the id of a request, 16 hexadecimal digits made by us at first use; never one that the client sent."""
    made: str = environ.setdefault(_REQUEST_ID, secrets.token_hex(8))
    return made


def log_refusal(error: AuthError, *, route: str, environ: dict[str, Any], user_id: str | None) -> None:
    """Log one refused request at WARNING; ``user_id`` only where the token was verified."""
    fields = {
        "error": error.code.value,
        "status": error.status.value,
        "reason": error.reason,
        "route": route,
        "request_id": request_id(environ),
    }
    if user_id is not None:
        fields["user_id"] = user_id
    _LOGGER.warning("access refused: %s", _as_text(fields), extra=fields)


def log_undeclared(*, route: str, environ: dict[str, Any]) -> None:
    """Log at ERROR that a route says nothing about who may enter, and was refused for that."""
    fields = {"reason": "neither a guard nor @public", "route": route, "request_id": request_id(environ)}
    _LOGGER.error("undeclared route refused: %s", _as_text(fields), extra=fields)


def _as_text(fields: dict[str, Any]) -> str:
    return " ".join(f"{name}={json.dumps(value)}" for name, value in fields.items())
