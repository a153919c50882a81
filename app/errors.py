"""Errors as answers: the JSON shape of all errors, and the one place where errors of the store become HTTP.

Errors of authentication and authorization do not pass here: :mod:`auth` answers them itself, in the same shape. What
went wrong is logged here too, since the answer does not say it.
"""

from __future__ import annotations

import logging
from typing import Any

import flask_smorest
from flask import Flask, current_app, jsonify, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from sqlalchemy.exc import (
    DBAPIError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import (
    Conflict,
    Forbidden,
    HTTPException,
    NotFound,
    PreconditionFailed,
    ServiceUnavailable,
    UnprocessableEntity,
)

from app.docs_ui.login import current_login
from app.openapi import UNUSABLE_VALUES, PathParametersFirst, bearer_scheme
from app.tasks.bounds import RETRY_AFTER, TooManySearchesError
from app.tasks.store import (
    IdTakenError,
    LostPlaceError,
    PreconditionFailedError,
    TaskNotFoundError,
    UserIdTooLongError,
)

#: Errors that no value of a request can cause. A failover may leave a read-only database (InternalError), a pooler may
#: keep plans that a migration has outdated (NotSupportedError), and before a migration a table may be missing
#: (ProgrammingError).
DATABASE_ERRORS = (
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    PoolTimeoutError,
    ProgrammingError,
)

#: What werkzeug says of an error, and what a client can do more with.
DESCRIPTIONS: dict[str | None, str | None] = {UnprocessableEntity.description: UNUSABLE_VALUES}

logger = logging.getLogger(__name__)


class ErrorSchema(Schema):
    """What went wrong. The same shape for every error of this API."""

    code = fields.Integer(required=True, metadata={"description": "The HTTP status code."})
    status = fields.String(required=True, metadata={"description": "The name of the status code."})
    message = fields.String(metadata={"description": "What is wrong, in a sentence for people."})
    error = fields.String(
        metadata={"description": "Why the token or the user was refused, for programs. Other errors do not have it."}
    )
    errors = fields.Dict(
        metadata={"description": "What is wrong with each part of the request, or which part of the service fails."}
    )


class Api(flask_smorest.Api):
    """flask-smorest's Api: errors keep their headers and have a message; the document knows the path prefix."""

    ERROR_SCHEMA = ErrorSchema

    def __init__(self, app: Flask) -> None:
        """Document an app."""
        super().__init__(app, spec_kwargs={"extra_plugins": [PathParametersFirst()]})
        self.spec.components.security_scheme("bearerAuth", bearer_scheme(app.config))

    def _register_pagination_header(self) -> None:
        """Leave a header out of the document that no operation answers with."""

    def handle_http_exception(self, error: HTTPException) -> tuple[dict[str, Any], int, dict[str, str]]:
        """Answer with the JSON shape and the error's own headers: Allow, Retry-After."""
        body, status, headers = super().handle_http_exception(error)
        if description := DESCRIPTIONS.get(error.description, error.description):
            body.setdefault("message", description)
        own = {name: value for name, value in error.get_headers(request.environ) if name != "Content-Type"}
        return body, status, {**own, **(headers or {})}

    def _openapi_json(self) -> ResponseReturnValue:
        """Serve the OpenAPI document with the prefix that a proxy puts in front of the service, and with the login."""
        document, login = self.spec.to_dict(), current_login()
        described = login.describe(document) if login else document
        return jsonify(described | {"servers": [{"url": request.script_root or "/"}]})


def register_error_handlers(app: Flask) -> None:
    """Answer the errors of the store and of the database in HTTP."""
    app.register_error_handler(TaskNotFoundError, _answer_task_not_found)
    app.register_error_handler(PreconditionFailedError, _answer_precondition_failed)
    app.register_error_handler(IdTakenError, _answer_id_taken)
    app.register_error_handler(LostPlaceError, _answer_lost_place)
    app.register_error_handler(UserIdTooLongError, _answer_user_id_too_long)
    app.register_error_handler(TooManySearchesError, _answer_too_many_searches)
    for error in DATABASE_ERRORS:
        app.register_error_handler(error, _answer_database_unavailable)


def _answer_task_not_found(_error: TaskNotFoundError) -> ResponseReturnValue:
    """Answer 404, the same for a task that never existed and for another user's task."""
    return _answer(NotFound("There is no such task."))


def _answer_precondition_failed(_error: PreconditionFailedError) -> ResponseReturnValue:
    """Answer 412 to a write that expects another version of the task."""
    return _answer(PreconditionFailed("The task has changed: read it again before writing."))


def _answer_id_taken(_error: IdTakenError) -> ResponseReturnValue:
    """Answer 409 to a create under an id that stands for something else."""
    return _answer(Conflict("Another task has been created under this id."))


def _answer_lost_place(_error: LostPlaceError) -> ResponseReturnValue:
    """Answer 422, as for any unusable cursor; a guess would leave tasks out or show them twice."""
    error = UnprocessableEntity("The task where this page begins has changed: begin again without a cursor.")
    # What flask-smorest's error handler reads.
    error.data = {"errors": {"query": {"cursor": ["Not the cursor of a page any more."]}}}  # type: ignore[attr-defined]
    return _answer(error)


def _answer_user_id_too_long(_error: UserIdTooLongError) -> ResponseReturnValue:
    """Answer 403: the token is good, but a user with such an id cannot have tasks."""
    return _answer(Forbidden("The user id is longer than 255 characters."))


def _answer_too_many_searches(_error: TooManySearchesError) -> ResponseReturnValue:
    """Answer 503: other searches hold all threads that searches may have."""
    return _answer(ServiceUnavailable("Too many searches are being made at the moment.", retry_after=RETRY_AFTER))


def _answer_database_unavailable(error: DBAPIError | PoolTimeoutError) -> ResponseReturnValue:
    """Answer 503, and log the words of the driver."""
    log_database_error(error)
    return _answer(ServiceUnavailable("The database cannot be used at the moment.", retry_after=RETRY_AFTER))


def log_database_error(error: Exception) -> None:
    """Log the words of the driver for an error."""
    cause = getattr(error, "orig", None) or error
    logger.error("The database cannot be used: %s: %s", type(cause).__name__, words_of(error))


def words_of(error: Exception) -> str:
    """Return the driver's own words for an error.

    SQLAlchemy's words would repeat the statement, and PostgreSQL's details the values in it.
    """
    cause = getattr(error, "orig", None) or error
    words = getattr(getattr(cause, "diag", None), "message_primary", None) or cause
    return str(words)


def _answer(error: HTTPException) -> ResponseReturnValue:
    """Return the app's answer to an HTTP error."""
    answer: ResponseReturnValue = current_app.handle_http_exception(error)
    return answer
