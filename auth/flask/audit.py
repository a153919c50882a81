"""One log line per refusal: the reason, the route, the request id and, if verified, user, client and actor.

Nothing else of the token is written, and no raw text of a client: routes appear as their rule, reasons in our own
words, verified names as JSON strings. Standard :mod:`logging`, logger ``flask_resource_server.audit``; the fields are
on the record as well, for formatters that write JSON.
"""

from __future__ import annotations

import json
import logging

from ..access_token import AccessToken
from ..errors import AuthError

_LOGGER = logging.getLogger("flask_resource_server.audit")
#: Characters of a name that are logged; the rest of a longer one is left out.
_LONGEST_NAME = 200


def log_refusal(
    error: AuthError, *, route: str, request_id: str, token: AccessToken | None, undeclared: bool = False
) -> None:
    """Log one refused request; ``token`` is given only if it was verified.

    At WARNING, or at ERROR for a route that is ``undeclared``: the fault is the service's, not the caller's.
    """
    fields = {
        "error": error.code.value,
        "status": error.status.value,
        "reason": error.reason,
        "route": route,
        "request_id": request_id,
    }
    if token is not None:
        actor = token.actor
        acting = None if actor is None else actor.subject
        names = {"user_id": token.user_id, "client": token.client_id, "actor": acting}
        fields |= {name: value[:_LONGEST_NAME] for name, value in names.items() if value is not None}
    text = " ".join(f"{name}={json.dumps(value)}" for name, value in fields.items())
    if undeclared:
        _LOGGER.error("access refused: the view has neither a guard nor @public: %s", text, extra=fields)
    else:
        _LOGGER.warning("access refused: %s", text, extra=fields)
