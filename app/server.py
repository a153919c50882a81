"""The worker class of gunicorn that serves the app: its threads, with connections shared out fairly between workers."""

from __future__ import annotations

from typing import Any

from gunicorn.workers.gthread import ThreadWorker


class FairThreadWorker(ThreadWorker):
    """Takes a new connection only while one of its threads is free, and leaves it to another worker otherwise.

    gunicorn's own takes whatever it sees first. Connections that are kept open pile up on one worker then, while others
    are idle, and a request waits behind a slow client although another worker could serve it. All of this runs in the
    worker's main thread.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        #: Requests that have been handed to threads and are not over.
        self._under_way = 0
        super().__init__(*args, **kwargs)

    @property
    def worker_connections(self) -> int:
        """How many connections there may be now; gunicorn asks before it takes another one."""
        is_free = self._under_way < self.cfg.threads
        return self._most_connections if is_free else 0

    @worker_connections.setter
    def worker_connections(self, count: int) -> None:
        self._most_connections = count

    def enqueue_req(self, conn: Any) -> None:
        """Hand a connection to a thread."""
        super().enqueue_req(conn)
        self._under_way += 1

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Take a connection back from a thread."""
        self._under_way -= 1
        super().finish_request(conn, fs)
