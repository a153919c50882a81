"""The worker of ``app/fast`` without one of its parts each, to find out what that part is worth."""

from __future__ import annotations

from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from app.fast.gunicorn_worker import YieldingThreadWorker


class SendsHeadsApart(YieldingThreadWorker):
    """Sends the head of an answer before its body, as gunicorn does."""

    def handle_request(self, request: Any, connection: Any, *others: Any) -> Any:
        """Answer a request as gunicorn does."""
        return ThreadWorker.handle_request(self, request, connection, *others)


class TakesAnExecutor(YieldingThreadWorker):
    """Answers with the threads of a ``ThreadPoolExecutor``, as gunicorn does."""

    def get_thread_pool(self) -> Any:
        """Return gunicorn's own pool."""
        return ThreadWorker.get_thread_pool(self)
