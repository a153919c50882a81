"""The table and the shapes on the wire, as one SQLModel family."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from sqlalchemy import DateTime, Index
from sqlmodel import Field, SQLModel


def _now() -> datetime:
    return datetime.now(UTC)


class TaskBase(SQLModel):
    """What a client writes."""

    title: str = Field(min_length=1, max_length=255)
    description: str | None = Field(default=None, max_length=2000)
    completed: bool = False


class TaskCreate(TaskBase):
    """The values of a new task."""


class Task(TaskBase, table=True):
    """A row."""

    __tablename__ = "tasks"
    __table_args__ = tuple(
        Index(f"ix_tasks_{'_'.join(columns)}", *columns)
        for key in ("created_at", "updated_at", "title")
        for columns in (("user_id", key, "id"), ("user_id", "completed", key, "id"))
    )

    user_id: str = Field(primary_key=True)
    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    created_at: datetime = Field(default_factory=_now, sa_type=DateTime(timezone=True))
    updated_at: datetime = Field(default_factory=_now, sa_type=DateTime(timezone=True))


class TaskRead(TaskBase):
    """A task, as it is answered."""

    id: uuid.UUID
    user_id: str
    created_at: datetime
    updated_at: datetime
