"""What the OpenAPI document says about the service as a whole. Each operation describes itself in its view."""

from __future__ import annotations

from typing import Any

DESCRIPTION = """\
Tasks, each user's under a path of their own.

Send an access token of the authorization server as `Authorization: Bearer …`. The user it names must be the
`user_id` of the path. Every error has the same shape; `error` tells programs why a token or a caller was refused.

Lists come in pages: hand `next` or `previous` back as `cursor`, or follow the `Link` header. Writes may carry
`If-Match` with the `ETag` of what was read, and are refused with 412 where the task has changed since. A create under
an `id` of the client's own may be sent again.
"""

RETRY_AFTER = {
    "Retry-After": {"description": "Seconds after which to try again.", "schema": {"type": "integer"}, "example": 2}
}

#: 503 of a protected operation. Stands in for the library's description, which knows of no database.
UNAVAILABLE = {
    "description": "The database, or the keys to verify access tokens with, cannot be used at the moment.",
    "headers": RETRY_AFTER,
    "content": {
        "application/json": {
            "schema": {"$ref": "#/components/schemas/Error"},
            "example": {
                "code": 503,
                "status": "Service Unavailable",
                "message": "The database cannot be used at the moment.",
            },
        }
    },
}

#: 429 of every operation that :mod:`app.rate_limits` counts, where limits are set.
RATE_LIMIT_EXCEEDED = {
    "description": "The user or the address has made more requests than this service allows, where it limits them.",
    "headers": RETRY_AFTER,
    "content": {
        "application/json": {
            "schema": {"$ref": "#/components/schemas/Error"},
            "example": {
                "code": 429,
                "status": "Too Many Requests",
                "message": "There have been too many requests.",
            },
        }
    },
}

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
