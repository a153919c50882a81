"""What a task is: the table, and the tuple a row becomes. No query is written here; see :mod:`.store`."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, Boolean, Column, Index, LargeBinary, String, Table, Text, Uuid

from app.tables import UTCDateTime, metadata, sortable

#: Limits in characters, checked by the schemas.
TITLE_LENGTH = 255
DESCRIPTION_LENGTH = 2000

#: The longest subject that an issuer may send (OpenID Connect Core §2), in characters. Together with the longest title
#: it still fits into an index of PostgreSQL.
USER_ID_LENGTH = 255

#: The columns by which a list can be ordered.
SORT_KEYS = ("created_at", "updated_at", "title")

#: Bytes of the digest by which a repeated create is recognised.
CREATION_LENGTH = 16


tasks = Table(
    "tasks",
    metadata,
    # The user comes first in every key, so the rows of one user lie together.
    Column("user_id", sortable(Text), primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("title", sortable(String, TITLE_LENGTH), nullable=False),
    Column("description", String(DESCRIPTION_LENGTH), nullable=True),
    Column("completed", Boolean, nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("updated_at", UTCDateTime, nullable=False),
    Column("version", BigInteger, nullable=False),
    # A digest of what the client sent to create the task under an id that it chose; null if the service chose the id.
    Column("creation", LargeBinary(CREATION_LENGTH), nullable=True),
    # One index for each order of a list: of all tasks, and of the open or the completed ones.
    *(Index(None, "user_id", key, "id") for key in SORT_KEYS),
    *(Index(None, "user_id", "completed", key, "id") for key in SORT_KEYS),
)


class Task(NamedTuple):
    """One task of one user, as it was read. The fields stand in the order of the table's columns."""

    #: The identity claim of the owner's token, as it is.
    user_id: str
    id: uuid.UUID
    title: str
    description: str | None
    completed: bool
    created_at: datetime
    updated_at: datetime
    #: The entity tag: at first the microsecond of the creation, and one more with each write. A task that gets the id
    #: of a deleted one begins with a higher number than that ended with, so no tag ever means two things.
    version: int
