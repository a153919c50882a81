"""The tasks API: one class per path, one method per operation, each a call of the store.

The decorator on each operation says who may call. Reads use the user in the path, which may be another than the caller:
:data:`may_read` has checked that the caller may read their tasks. Writes use the user of the verified token;
``@owns_path_user`` has checked that it is the one in the path. :mod:`app.tasks.errors` answers what the store
raises.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote, urlencode
from uuid import UUID

from flask import Response, current_app, request
from flask.blueprints import BlueprintSetupState
from flask.views import MethodView

from app.api import without_body
from app.blueprint import Blueprint
from app.database import Database
from app.response_headers import LONGEST_HEADER
from app.tasks.errors import ERRORS, answer_errors
from app.tasks.etags import client_holds, expected_versions, headers_of
from app.tasks.models import Task
from app.tasks.pages import Cursor
from app.tasks.schemas import (
    ID,
    TASK_EXAMPLE,
    CompletionSchema,
    NewTaskSchema,
    SummarySchema,
    TaskChangesSchema,
    TaskContentSchema,
    TaskPageSchema,
    TaskQuerySchema,
    TaskSchema,
)
from app.tasks.store import Summary, TaskStore
from auth import current_token, owns_path_user

Answer = tuple[Any, dict[str, str]]

blp = Blueprint("tasks", __name__, description="The tasks of a user. Only that user can change them.", errors=ERRORS)
answer_errors(blp)

#: The scope with which support staff and jobs read the tasks of any user. Nothing lets anybody write those of another.
READS_ANY = "tasks:any"

may_read = owns_path_user(unless_scope=READS_ANY)

USER_ID = {
    "name": "user_id",
    "in": "path",
    "description": "The user whose tasks these are: the one that the access token names, or, to read with the scope "
    f"`{READS_ANY}`, any other.",
    "example": "alice",
}
TASK_ID = {"name": "task_id", "in": "path", "description": "The `id` of the task.", "example": ID}
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "Write only if the task still has this `ETag`; else the answer is 412.",
    "schema": {"type": "string"},
}
IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The `ETag` of the version you have; 304 if it is still the current one.",
    "schema": {"type": "string"},
}
ETAG = {
    "ETag": {"description": "The version of the task.", "schema": {"type": "string"}, "example": '"1767259800000000"'}
}
LOCATION = {"Location": {"description": "The path of the task.", "schema": {"type": "string"}}}
LINK = {
    "Link": {
        "description": 'Links to the pages around this one: `rel="next"`, `rel="prev"` and `rel="first"` (RFC 8288). '
        "A header longer than 1 KiB is left out; `next` and `previous` in the body are always there.",
        "schema": {"type": "string"},
    }
}

CONTENT_EXAMPLE = {"title": "Buy milk", "description": "The one with the blue cap."}
COMPLETED_EXAMPLE = TASK_EXAMPLE | {"completed": True, "updated_at": "2026-01-02T17:00:00.000000+00:00"}
RENAMED_EXAMPLE = TASK_EXAMPLE | {"title": "Buy oat milk", "updated_at": "2026-01-02T17:00:00.000000+00:00"}
PAGE_EXAMPLE = {"items": [TASK_EXAMPLE], "next": None, "previous": None}

#: What a request with a body may be refused for before its members are looked at.
BODY_ERRORS = (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)


@blp.record_once
def open_store(state: BlueprintSetupState) -> None:
    """Give the app its store of tasks."""
    database: Database = state.app.extensions["database"]
    state.app.extensions["task_store"] = TaskStore(database.run)


def task_store() -> TaskStore:
    """Return the store of the current app."""
    return cast("TaskStore", current_app.extensions["task_store"])


@blp.route("/api/<path:user_id>/tasks", parameters=[USER_ID])
class Tasks(MethodView):
    """All tasks of one user."""

    @may_read
    @blp.doc(operationId="listTasks")
    @blp.arguments(TaskQuerySchema, location="query")
    @blp.response(200, TaskPageSchema, description="One page of tasks.", headers=LINK, example=PAGE_EXAMPLE)
    def get(self, query: dict[str, Any], user_id: str) -> Answer:
        """List tasks."""
        page = task_store().page(user_id, **query)
        cursors = {"next": _dump(page.next), "previous": _dump(page.previous)}
        return {"items": page.items, **cursors}, _links_to(cursors)

    @owns_path_user
    @blp.doc(operationId="createTask")
    @blp.refuses(*BODY_ERRORS, HTTPStatus.CONFLICT)
    @blp.alt_response(
        200,
        schema=TaskSchema,
        description="The task was created by an earlier request with this `id` and the same content.",
        headers=LOCATION | ETAG,
        example=TASK_EXAMPLE,
        success=True,
    )
    @blp.arguments(NewTaskSchema, example=CONTENT_EXAMPLE)
    @blp.response(201, TaskSchema, description="The new task.", headers=LOCATION | ETAG, example=TASK_EXAMPLE)
    def post(self, content: dict[str, Any], **_path: str) -> tuple[Any, int, dict[str, str]]:
        """Create a task.

        If you choose the `id`, you can safely send the request again: the answer is 200 with the task that is there.
        It is 409 if the `id` belongs to a task with other content.
        """
        task_id = content.pop("id", None)
        task, is_new = task_store().create(current_token.user_id, content, task_id)
        headers = {"Location": _location_of(task), **headers_of(task)}
        return task, 201 if is_new else 200, headers


@blp.route("/api/<path:user_id>/tasks/summary", parameters=[USER_ID])
class TaskSummary(MethodView):
    """How many tasks a user has."""

    @may_read
    @blp.doc(operationId="summarizeTasks")
    @blp.response(200, SummarySchema, description="The counts.", example={"total": 3, "open": 2, "completed": 1})
    def get(self, user_id: str) -> Summary:
        """Count tasks."""
        return task_store().summary(user_id)


@blp.route("/api/<path:user_id>/tasks/<uuid:task_id>", parameters=[USER_ID, TASK_ID])
class OneTask(MethodView):
    """One task."""

    @may_read
    @blp.doc(operationId="getTask", parameters=[IF_NONE_MATCH])
    @blp.refuses(HTTPStatus.NOT_FOUND)
    @blp.alt_response(304, response="NOT_MODIFIED", success=True)
    @blp.response(200, TaskSchema, description="The task.", headers=ETAG, example=TASK_EXAMPLE)
    def get(self, user_id: str, task_id: UUID) -> Response | Answer:
        """Get a task."""
        task = task_store().get(user_id, task_id)
        if client_holds(task):
            return without_body(HTTPStatus.NOT_MODIFIED, headers_of(task))
        return task, headers_of(task)

    @owns_path_user
    @blp.doc(operationId="replaceTask", parameters=[IF_MATCH])
    @blp.refuses(*BODY_ERRORS, HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED)
    @blp.arguments(TaskContentSchema, example=CONTENT_EXAMPLE | {"completed": True})
    @blp.response(200, TaskSchema, description="The task as it is now.", headers=ETAG, example=COMPLETED_EXAMPLE)
    def put(self, content: dict[str, Any], task_id: UUID, **_path: str) -> Answer:
        """Replace a task.

        Members that you leave out get their default value, as in a new task.
        """
        task = task_store().change(current_token.user_id, task_id, content, expected_versions())
        return task, headers_of(task)

    @owns_path_user
    @blp.doc(operationId="changeTask", parameters=[IF_MATCH])
    @blp.refuses(*BODY_ERRORS, HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED)
    @blp.arguments(TaskChangesSchema, required=False, example={"title": "Buy oat milk"})
    @blp.response(200, TaskSchema, description="The task as it is now.", headers=ETAG, example=RENAMED_EXAMPLE)
    def patch(self, changes: dict[str, Any], task_id: UUID, **_path: str) -> Answer:
        """Change a task.

        Members that you leave out stay as they are.
        """
        task = task_store().change(current_token.user_id, task_id, changes, expected_versions())
        return task, headers_of(task)

    @owns_path_user
    @blp.doc(operationId="deleteTask", parameters=[IF_MATCH])
    @blp.refuses(HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED)
    @blp.response(204, description="The task is gone. There is no body.")
    def delete(self, task_id: UUID, **_path: str) -> Response:
        """Delete a task."""
        task_store().delete(current_token.user_id, task_id, expected_versions())
        return without_body(HTTPStatus.NO_CONTENT)


@blp.route("/api/<path:user_id>/tasks/<uuid:task_id>/complete", parameters=[USER_ID, TASK_ID])
class Completion(MethodView):
    """Whether one task is completed."""

    @owns_path_user
    @blp.doc(operationId="completeTask", parameters=[IF_MATCH])
    @blp.refuses(*BODY_ERRORS, HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED)
    @blp.arguments(CompletionSchema, required=False, example={"completed": True})
    @blp.response(200, TaskSchema, description="The task as it is now.", headers=ETAG, example=COMPLETED_EXAMPLE)
    def patch(self, wish: dict[str, bool], task_id: UUID, **_path: str) -> Answer:
        """Complete or reopen a task.

        Without a body, an open task is completed and a completed one is opened again. To repeat a request safely, send
        `completed` instead.
        """
        store, user_id = task_store(), current_token.user_id
        if wish:
            task = store.change(user_id, task_id, wish, expected_versions())
        else:
            task = store.toggle(user_id, task_id, expected_versions())
        return task, headers_of(task)


def _dump(cursor: Cursor | None) -> str | None:
    return cursor.dump() if cursor else None


def _links_to(cursors: dict[str, str | None]) -> dict[str, str]:
    """Return the header that links to the pages before and after this one (RFC 8288), if there are any.

    If the query makes the header too long, it is left out; the body has both cursors.
    """
    arguments = request.args.to_dict()
    is_inside = arguments.pop("cursor", None) is not None
    query = urlencode(arguments, safe="!$'()*,/:;?@")
    # A cursor is of characters that need no quotes.
    queries = {
        rel: f"{query}&cursor={cursor}" if query else f"cursor={cursor}"
        for rel, cursor in (("next", cursors["next"]), ("prev", cursors["previous"]))
        if cursor is not None
    }
    if is_inside:
        queries["first"] = query
    path = _own_path()
    links = ", ".join(f'<{path}{"?" if query else ""}{query}>; rel="{rel}"' for rel, query in queries.items())
    return {"Link": links} if 0 < len(links) <= LONGEST_HEADER else {}


def _location_of(task: Task) -> str:
    """Return the path of a new task, or, if a long user id makes that too long, the last part, relative to the list.

    Clients resolve either against the URL of the request (RFC 9110 §10.2.2, RFC 3986 §5.2).
    """
    path = f"{_own_path()}/{task.id}"
    return path if len(path) <= LONGEST_HEADER else f"tasks/{task.id}"


def _own_path() -> str:
    """Return the path of the user's list, which the request is for.

    A slash in the user id is quoted. ``url_for`` leaves it as it is, and a client would take the path
    ``/api/a/../b/tasks`` of the user ``a/../b`` for that of the user ``b``. A prefix may be quoted already: a proxy
    sends it as it stands in the URL.
    """
    user_id, safe = (request.view_args or {}).get("user_id", ""), "!$&'()*+,:;=@"
    before = request.path.removesuffix(f"{user_id}/tasks")
    return (
        f"{quote(request.root_path, safe=f'{safe}/%')}{quote(before, safe=f'{safe}/')}{quote(user_id, safe=safe)}/tasks"
    )
