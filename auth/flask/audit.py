"""One log line per refusal: the reason, the route, the request id and, if verified, the user.

Nothing of the token is written, and no raw text of a client: routes appear as their rule, reasons in our own words, a
verified user id as a JSON string. Standard :mod:`logging`, logger ``flask_resource_server.audit``; the fields are on
the record as well, for formatters that write JSON.
"""

from __future__ import annotations

import json
import logging

from ..errors import AuthError

_LOGGER = logging.getLogger("flask_resource_server.audit")
#: Characters of a user id that are logged; the rest of a longer one is left out.
_LONGEST_USER_ID = 200


def log_refusal(
    error: AuthError, *, route: str, request_id: str, user_id: str | None, undeclared: bool = False
) -> None:
    """Log one refused request; ``user_id`` is given only if the token was verified.

    At WARNING, or at ERROR for a route that is ``undeclared``: the fault is the service's, not the caller's.
    """
    fields = {
        "error": error.code.value,
        "status": error.status.value,
        "reason": error.reason,
        "route": route,
        "request_id": request_id,
    }
    if user_id is not None:
        fields["user_id"] = user_id[:_LONGEST_USER_ID]
    text = " ".join(f"{name}={json.dumps(value)}" for name, value in fields.items())
    if undeclared:
        _LOGGER.error("access refused: the view has neither a guard nor @public: %s", text, extra=fields)
    else:
        _LOGGER.warning("access refused: %s", text, extra=fields)
