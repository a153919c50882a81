"""The bare framework: Flask that answers tasks from a constant, without a guard, a database or a schema.

What no service on Flask can be faster than, as long as Flask turns the tasks into JSON and a server sends them.
"""

from __future__ import annotations

from flask import Flask, Response, jsonify

from benchmarks.content import rows

app = Flask(__name__)

#: As our service answers them: newest first, without what stays in the database.
TASKS = [
    {
        "id": str(row["id"]),
        "user_id": row["user_id"],
        "title": row["title"],
        "description": row["description"],
        "completed": row["completed"],
        "created_at": row["created_at"].isoformat(),
        "updated_at": row["updated_at"].isoformat(),
    }
    for chunk in rows("user00", 200)
    for row in reversed(chunk)
][:20]

#: As long as a cursor of ours.
CURSOR = "WyItY3JlYXRlZF9hdCIsMCwiMjAyNi0wMS0wMVQwMDowMzowMC4wMDAwMDArMDA6MDAiLCIwMDAwMDAwMC0wMDAwLTQwMDAtODAwMC0wMDAw"


@app.get("/health")
def health() -> Response:
    """Tell that the process answers."""
    return jsonify(status="ok")


@app.get("/api/<user_id>/tasks")
def list_tasks(user_id: str) -> Response:  # noqa: ARG001 - the route gives it
    """List twenty tasks for any caller."""
    return jsonify(items=TASKS, next=CURSOR, previous=None)


@app.get("/api/<user_id>/tasks/<uuid:task_id>")
def get_task(user_id: str, task_id: object) -> Response:  # noqa: ARG001 - the route gives them
    """Get a task, always the same."""
    return jsonify(TASKS[0])
