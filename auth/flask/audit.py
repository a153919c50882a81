"""One log line per refusal: why, where, which request, and who where that is verified.

Nothing of the token and nothing a client typed is written: routes appear as their rule, reasons in our own words, a
verified user id as a JSON string. Standard :mod:`logging`, logger ``auth.audit``; the fields are on the record as well,
for formatters that write JSON.
"""

from __future__ import annotations

import json
import logging
import os
import random
from typing import Any

from ..errors import AuthError

_LOGGER = logging.getLogger("auth.audit")
_REQUEST_ID = "auth.request_id"

#: What request ids are made of, by process. They tell requests apart and are no secret, and to ask the system for
#: random bytes each time would let every other thread go first. Nobody else seeds it.
_NUMBERS: dict[int, random.Random] = {}

#: Characters of a user id that are logged; the rest of a longer one is left out.
_LONGEST_USER_ID = 200


def request_id(environ: dict[str, Any]) -> str:
    """Return the id of a request, 16 hexadecimal digits made by us at first use; never one that the client sent."""
    made: str | None = environ.get(_REQUEST_ID)
    if made is None:
        process = os.getpid()
        numbers = _NUMBERS.get(process) or _NUMBERS.setdefault(process, random.Random())  # noqa: S311 - an id is no secret
        made = environ[_REQUEST_ID] = f"{numbers.getrandbits(64):016x}"
    return made


def log_refusal(
    error: AuthError, *, route: str, environ: dict[str, Any], user_id: str | None, undeclared: bool = False
) -> None:
    """Log one refused request; ``user_id`` only where the token was verified.

    At WARNING, or at ERROR for a route that is ``undeclared``: a caller did nothing wrong there, the service did.
    """
    fields = {
        "error": error.code.value,
        "status": error.status.value,
        "reason": error.reason,
        "route": route,
        "request_id": request_id(environ),
    }
    if user_id is not None:
        fields["user_id"] = user_id[:_LONGEST_USER_ID]
    text = " ".join(f"{name}={json.dumps(value)}" for name, value in fields.items())
    if undeclared:
        _LOGGER.error(
            "access refused, no guard and no @public is to be seen on the view of this route: %s", text, extra=fields
        )
    else:
        _LOGGER.warning("access refused: %s", text, extra=fields)
