"""The worker class of gunicorn.conf.py under a gunicorn that lacks one of the attributes the class needs."""

from __future__ import annotations

from app.fast import gunicorn_worker
from app.fast.gunicorn_worker import YieldingThreadWorker

__all__ = ["YieldingThreadWorker"]

gunicorn_worker.NEEDED = (*gunicorn_worker.NEEDED, "busy_threads")
