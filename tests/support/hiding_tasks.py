"""The tasks API as ``wsgi.py`` makes it, with another user's tasks hidden: to its caller they do not exist."""

from __future__ import annotations

from app.tasks.errors import TaskNotFoundError
from app.tasks.views import blp
from auth import owns_path_user
from wsgi import app

owns_path_user(hide=TaskNotFoundError)(blp)

__all__ = ["app"]
