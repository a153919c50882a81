"""What can be wrong with an operation on tasks, and how HTTP says it.

:mod:`app.tasks.store` raises these errors. The blueprint of the tasks answers them.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Blueprint
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import Conflict, Forbidden, NotFound, PreconditionFailed, UnprocessableEntity

from app.api import answer
from app.openapi import UNUSABLE_BODY, UNUSABLE_QUERY, UNUSABLE_VALUES, error

NO_TASK = "There is no such task."
ID_TAKEN = "Another task has been created under this id."
TASK_CHANGED = "The task has changed: read it again before writing."

#: What the OpenAPI document says of errors of these operations, by the names of :data:`app.openapi.ERRORS`.
ERRORS: dict[str, dict[str, Any]] = {
    "NOT_FOUND": error(
        HTTPStatus.NOT_FOUND,
        "The user has no such task.",
        no_task={"message": NO_TASK},
    ),
    "CONFLICT": error(
        HTTPStatus.CONFLICT,
        "The `id` belongs to another task.",
        id_taken={"message": ID_TAKEN},
    ),
    "PRECONDITION_FAILED": error(
        HTTPStatus.PRECONDITION_FAILED,
        "The task is not the version that `If-Match` names.",
        changed={"message": TASK_CHANGED},
    ),
    "UnusableBody": error(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        UNUSABLE_BODY,
        too_long={
            "message": UNUSABLE_VALUES,
            "errors": {"json": {"title": ["Length must be between 1 and 255."]}},
        },
        unknown={
            "message": UNUSABLE_VALUES,
            "errors": {"json": {"colour": ["Unknown field."]}},
        },
    ),
    "UnusableQuery": error(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        UNUSABLE_QUERY,
        too_many={
            "message": UNUSABLE_VALUES,
            "errors": {"query": {"limit": ["Must be greater than or equal to 1 and less than or equal to 200."]}},
        },
        no_cursor={
            "message": UNUSABLE_VALUES,
            "errors": {"query": {"cursor": ["Not the cursor of a page."]}},
        },
    ),
}


class TaskNotFoundError(Exception):
    """The user has no task with that id. Another user may have one."""


class PreconditionFailedError(Exception):
    """The task is there, in another version than the client expects (RFC 9110 §13.1.1)."""


class IdTakenError(Exception):
    """The user has another task under the id that the client chose."""


class LostPlaceError(Exception):
    """The place where a page begins is lost: its task is gone or renamed, and other titles have the same beginning."""


class UserIdTooLongError(Exception):
    """The user id has more characters than an issuer may give it (OpenID Connect Core §2)."""


def answer_errors(blueprint: Blueprint) -> None:
    """Let a blueprint answer these errors in HTTP."""
    blueprint.register_error_handler(TaskNotFoundError, _answer_task_not_found)
    blueprint.register_error_handler(PreconditionFailedError, _answer_precondition_failed)
    blueprint.register_error_handler(IdTakenError, _answer_id_taken)
    blueprint.register_error_handler(LostPlaceError, _answer_lost_place)
    blueprint.register_error_handler(UserIdTooLongError, _answer_user_id_too_long)


def _answer_task_not_found(_error: TaskNotFoundError) -> ResponseReturnValue:
    """Answer 404, the same for a task that never existed and for another user's task."""
    return answer(NotFound(NO_TASK))


def _answer_precondition_failed(_error: PreconditionFailedError) -> ResponseReturnValue:
    """Answer 412 to a write that expects another version of the task."""
    return answer(PreconditionFailed(TASK_CHANGED))


def _answer_id_taken(_error: IdTakenError) -> ResponseReturnValue:
    """Answer 409 to a create under an id that stands for something else."""
    return answer(Conflict(ID_TAKEN))


def _answer_lost_place(_error: LostPlaceError) -> ResponseReturnValue:
    """Answer 422, as for any unusable cursor; a guess would leave tasks out or show them twice."""
    error = UnprocessableEntity("The task where this page begins has changed: begin again without a cursor.")
    # flask-smorest's error handler reads this attribute, and werkzeug's types do not have it.
    error.data = {"errors": {"query": {"cursor": ["Not the cursor of a page any more."]}}}  # type: ignore[attr-defined]
    return answer(error)


def _answer_user_id_too_long(_error: UserIdTooLongError) -> ResponseReturnValue:
    """Answer 403: the token is good, but a user with such an id cannot have tasks."""
    return answer(Forbidden("The user id is longer than 255 characters."))
