"""The worker class of gunicorn.conf.py, with an app that cannot be loaded once gunicorn has forked."""

from __future__ import annotations

from app.fast.gunicorn_worker import YieldingThreadWorker


class BrokenWorker(YieldingThreadWorker):
    """A worker that fails after it has begun."""

    def load_wsgi(self) -> None:
        """Fail as an app does that, say, finds no library."""
        raise RuntimeError("the app cannot be loaded")
