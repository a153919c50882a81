"""The same service by the same libraries, for speed: no request changes threads, none asks the database twice.

``async def`` endpoints that block while a statement runs. FastAPI's documentation advises against it, since a slow
statement holds up all requests of a worker; but with statements as short as these, handing each request to threads and
back costs more than it gains, on SQLite as on a PostgreSQL of the same machine. It was the fastest of the ways tried.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Query, status
from sqlmodel import Session

from benchmarks.original_stack.database import make_engine, newest_first
from benchmarks.original_stack.models import Task, TaskCreate, TaskRead
from benchmarks.original_stack.users import Credentials, get_current_user, get_path_user

app = FastAPI()
engine = make_engine()


async def get_user(user_id: str, credentials: Credentials) -> str:
    """Return the user of the path if it is the one of the token; nothing here waits, so no thread is needed."""
    return get_path_user(user_id, get_current_user(credentials))


UserDep = Annotated[str, Depends(get_user)]


@app.get("/health")
async def health() -> dict[str, str]:
    """Tell that the process answers."""
    return {"status": "ok"}


@app.get("/api/{user_id}/tasks", response_model=list[TaskRead])
async def list_tasks(user: UserDep, offset: int = 0, limit: Annotated[int, Query(le=200)] = 50) -> Sequence[Task]:
    """List tasks, newest first."""
    with Session(engine) as session:
        return session.exec(newest_first(user, offset, limit)).all()


@app.post("/api/{user_id}/tasks", response_model=TaskRead, status_code=status.HTTP_201_CREATED)
async def create_task(content: TaskCreate, user: UserDep) -> Task:
    """Create a task; what it is, is known before the database says so."""
    task = Task.model_validate(content, update={"user_id": user})
    with Session(engine, expire_on_commit=False) as session:
        session.add(task)
        session.commit()
    return task


@app.get("/api/{user_id}/tasks/{task_id}", response_model=TaskRead)
async def get_task(task_id: uuid.UUID, user: UserDep) -> Task:
    """Get a task."""
    with Session(engine) as session:
        task = session.get(Task, (user, task_id))
    if task is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "Task not found")
    return task
