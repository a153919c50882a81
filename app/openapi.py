"""What the OpenAPI document says about the service as a whole. Each operation describes itself in its view."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from http import HTTPStatus
from typing import Any

from apispec import BasePlugin
from werkzeug.http import HTTP_STATUS_CODES

DESCRIPTION = """\
A task list for each user.

**Access.** Send an access token as `Authorization: Bearer …`. The `user_id` in the path must be the user that the token
names. With the scope `tasks:any` a token may also read the tasks of every other user. All errors have the same shape.
For a refused token or user, `error` names the reason.

**Pages.** Lists come in pages. To get the next page, send its `next` as `cursor`; for the page before, `previous`. The
`Link` header says the same.

**Safe writes.** Send the `ETag` of the task as `If-Match`: if somebody else has changed the task, the write is refused
with 412. You can repeat a create if you choose the `id` yourself.
"""

RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}, "example": 2}}

#: How the token gets into Swagger UI.
HOW_TO_AUTHORIZE = (
    "Paste the access token alone, without `Bearer`. Your authorization server issues it. "
    "This page forgets it when you reload the page."
)
HOW_TO_GET_ONE = "For development, `.venv/bin/flask auth token alice` prints one."


def error(status: HTTPStatus, description: str, *, headers: Any = None, **bodies: dict[str, Any]) -> dict[str, Any]:
    """Return the description of an error, with an example body for each reason: what it says beside the status."""
    # As Werkzeug answers: the phrases of :class:`~http.HTTPStatus` change with the version of CPython.
    start = {"code": status.value, "status": HTTP_STATUS_CODES[status]}
    examples = {reason: {"value": start | body} for reason, body in bodies.items()}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}, "examples": examples}}
    return {"description": description, "content": content} | ({"headers": headers} if headers else {})


UNUSABLE_VALUES = "Some values in the request cannot be used: `errors` says which and why."
UNUSABLE_BODY = "Some members of the body cannot be used."
UNUSABLE_QUERY = "Some parameters of the query cannot be used."

#: What the errors of any feature say, by the name that operations refer to them by. The document has those that an
#: operation refers to. A feature says more of its own errors through ``errors`` of :class:`app.blueprint.Blueprint`.
ERRORS: dict[str, dict[str, Any]] = {
    "BAD_REQUEST": error(
        HTTPStatus.BAD_REQUEST,
        "The body is not JSON, or it says something twice.",
        not_json={"message": "The body is not valid JSON."},
    ),
    "NOT_FOUND": error(
        HTTPStatus.NOT_FOUND,
        "The user has no such resource.",
        not_found={"message": "There is no such resource."},
    ),
    "CONFLICT": error(
        HTTPStatus.CONFLICT,
        "The request contradicts what is there already.",
        id_taken={"message": "Another resource has been created under this id."},
    ),
    "PRECONDITION_FAILED": error(
        HTTPStatus.PRECONDITION_FAILED,
        "The resource is not the version that `If-Match` names.",
        changed={"message": "The resource has changed: read it again before writing."},
    ),
    # CPython 3.13 and newer call it CONTENT_TOO_LARGE.
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE.name: error(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "The body is too long.",
        too_long={"message": "The data value transmitted exceeds the capacity limit."},
    ),
    "UNSUPPORTED_MEDIA_TYPE": error(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "The body is of another type than JSON.",
        not_json={"message": "The body must be sent as application/json."},
    ),
    "UnusableBody": error(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        UNUSABLE_BODY,
        unknown={
            "message": UNUSABLE_VALUES,
            "errors": {"json": {"colour": ["Unknown field."]}},
        },
    ),
    "UnusableQuery": error(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        UNUSABLE_QUERY,
        unknown={
            "message": UNUSABLE_VALUES,
            "errors": {"query": {"colour": ["Unknown field."]}},
        },
    ),
    # Of every operation that :mod:`app.rate_limits` counts.
    "RateLimitExceeded": error(
        HTTPStatus.TOO_MANY_REQUESTS,
        "You or your address have made too many requests. Not every service sets a limit.",
        headers=RETRY_AFTER,
        too_many={"message": "There have been too many requests."},
    ),
    "SERVICE_UNAVAILABLE": error(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The service cannot do its work; `errors` says why.",
        database={"message": "The service is not ready.", "errors": {"database": "unusable"}},
    ),
    "DEFAULT_ERROR": error(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Any other error, such as one of the service itself.",
        fault={
            "message": "The server encountered an internal error and was unable to complete your request. Either the "
            "server is overloaded or there is an error in the application."
        },
    ),
    "NOT_MODIFIED": {"description": "You have the current version already. There is no body."},
}

#: What stands in for the library's descriptions of a refusal. Those of 401 are the library's own.
REFUSALS: dict[str, dict[str, Any]] = {
    # The API demands neither scopes nor roles.
    "AccessDenied": error(
        HTTPStatus.FORBIDDEN,
        "The access token is valid, but it belongs to another user than the one in the path, or to a client, and does "
        "not have what lets it pass.",
        not_owner={
            "message": "The access token belongs to another user than the one in the path.",
            "error": "not_owner",
        },
        not_owner_client={
            "message": "The access token is a client's own, and this path belongs to a user. Send a user's token.",
            "error": "not_owner",
        },
    ),
    # The library knows of no database.
    "KeysUnavailable": error(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The database, the keys of the authorization server or the denylist are unavailable. The token may be fine.",
        headers=RETRY_AFTER,
        database={"message": "The database cannot be used at the moment."},
        keys={"message": "The keys to verify access tokens with are not available.", "error": "keys_unavailable"},
        denylist={
            "message": "The service cannot check at the moment whether the access token has been revoked. "
            "Try again later.",
            "error": "denylist_unavailable",
        },
    ),
}

OPENAPI_SETTINGS: dict[str, Any] = {
    "API_TITLE": "Tasks",
    "API_VERSION": "1.0.0",
    "OPENAPI_VERSION": "3.1.0",
    "OPENAPI_URL_PREFIX": "/",
    "OPENAPI_JSON_PATH": "openapi.json",
    "API_SPEC_OPTIONS": {
        "info": {"description": DESCRIPTION, "license": {"name": "MIT License", "identifier": "MIT"}},
        "externalDocs": {
            "description": "Documentation of flask-resource-server",
            "url": "https://flask-resource-server.readthedocs.io/",
        },
        "components": {"responses": REFUSALS},
    },
}


def bearer_scheme(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the security scheme in words for who presses Authorize."""
    description = HOW_TO_AUTHORIZE
    if config.get("AUTH_DEVELOPMENT_TOKENS"):
        description = f"{description} {HOW_TO_GET_ONE}"
    return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": description}


class PathParametersFirst(BasePlugin):
    """Lists the parameters of a path in each of its operations, in front.

    Viewers show what stands beside the operations after everything else.
    """

    def path_helper(
        self,
        path: str | None = None,
        operations: dict[str, Any] | None = None,
        parameters: list[dict[str, Any]] | None = None,
        **_context: Any,
    ) -> None:
        """Move the parameters; apispec hands out lists that are there to be changed."""
        for operation in (operations or {}).values():
            operation["parameters"] = [*deepcopy(parameters or []), *operation.get("parameters", [])]
        if parameters:
            parameters.clear()
