"""What the OpenAPI document says about the service as a whole. Each operation describes itself in its view."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

DESCRIPTION = """\
Tasks, each user's under a path of their own.

Send an access token of the authorization server as `Authorization: Bearer …`. The user it names must be the
`user_id` of the path. Every error has the same shape; `error` tells programs why a token or a caller was refused.

Lists come in pages: hand `next` or `previous` back as `cursor`, or follow the `Link` header if there is one. Writes may
carry `If-Match` with the `ETag` of what was read, and are refused with 412 where the task has changed since. A create
under an `id` of the client's own may be sent again.
"""

RETRY_AFTER = {
    "Retry-After": {"description": "Seconds after which to try again.", "schema": {"type": "integer"}, "example": 2}
}


def answer(description: str, status: HTTPStatus, message: str) -> dict[str, Any]:
    """Return the description of a refusal that says when to try again."""
    example = {"code": status.value, "status": status.phrase, "message": message}
    schema = {"$ref": "#/components/schemas/Error"}
    content = {"application/json": {"schema": schema, "example": example}}
    return {"description": description, "headers": RETRY_AFTER, "content": content}


#: 503 of a protected operation. Stands in for the library's description, which knows of no database.
UNAVAILABLE = answer(
    "The database, or the keys to verify access tokens with, cannot be used at the moment.",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The database cannot be used at the moment.",
)

#: 429 of every operation that :mod:`app.rate_limits` counts, where limits are set.
RATE_LIMIT_EXCEEDED = answer(
    "The user or the address has made more requests than this service allows, where it limits them.",
    HTTPStatus.TOO_MANY_REQUESTS,
    "There have been too many requests.",
)

OPENAPI_SETTINGS: dict[str, Any] = {
    "API_TITLE": "Tasks",
    "API_VERSION": "1",
    "OPENAPI_VERSION": "3.1.0",
    "OPENAPI_URL_PREFIX": "/",
    "OPENAPI_JSON_PATH": "openapi.json",
    "API_SPEC_OPTIONS": {
        "info": {"description": DESCRIPTION},
        "components": {"responses": {"KeysUnavailable": UNAVAILABLE, "RateLimitExceeded": RATE_LIMIT_EXCEEDED}},
    },
}
