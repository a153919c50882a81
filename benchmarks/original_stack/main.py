"""The tutorial's way: plain ``def`` endpoints, one dependency for the session, one for the user.

Plain ``def`` because FastAPI's documentation asks for it where a library blocks, as SQLModel's sessions do; its own
tutorial on SQL databases is written so, too.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Query, status
from sqlmodel import Session

from benchmarks.original_stack.database import make_engine, newest_first
from benchmarks.original_stack.models import Task, TaskCreate, TaskRead
from benchmarks.original_stack.users import get_path_user

app = FastAPI()
engine = make_engine()


def get_session() -> Iterator[Session]:
    """Give a request a session of its own."""
    with Session(engine) as session:
        yield session


SessionDep = Annotated[Session, Depends(get_session)]
UserDep = Annotated[str, Depends(get_path_user)]


@app.get("/health")
def health() -> dict[str, str]:
    """Tell that the process answers."""
    return {"status": "ok"}


@app.get("/api/{user_id}/tasks", response_model=list[TaskRead])
def list_tasks(
    session: SessionDep, user: UserDep, offset: int = 0, limit: Annotated[int, Query(le=200)] = 50
) -> Sequence[Task]:
    """List tasks, newest first."""
    return session.exec(newest_first(user, offset, limit)).all()


@app.post("/api/{user_id}/tasks", response_model=TaskRead, status_code=status.HTTP_201_CREATED)
def create_task(content: TaskCreate, session: SessionDep, user: UserDep) -> Task:
    """Create a task."""
    task = Task.model_validate(content, update={"user_id": user})
    session.add(task)
    session.commit()
    session.refresh(task)
    return task


@app.get("/api/{user_id}/tasks/{task_id}", response_model=TaskRead)
def get_task(task_id: uuid.UUID, session: SessionDep, user: UserDep) -> Task:
    """Get a task."""
    task = session.get(Task, (user, task_id))
    if task is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "Task not found")
    return task
