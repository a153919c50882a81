"""Threads that call a service without pause while something happens to it, and what a call comes to."""

from __future__ import annotations

import http.client
import threading
from abc import ABC, abstractmethod
from typing import Any, Self

from tests.support.gunicorn_server import PATIENCE, GunicornServer


class Callers(ABC):
    """Threads that each go on while the ``with`` statement does."""

    def __init__(self, threads: int = 4) -> None:
        self.stopped = threading.Event()
        self._threads = [threading.Thread(target=self.go_on_calling, daemon=True) for _ in range(threads)]

    @abstractmethod
    def go_on_calling(self) -> None:
        """Call until ``stopped`` is set."""

    def __enter__(self) -> Self:
        """Start calling."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Return when the last call is answered."""
        self.stopped.set()
        for thread in self._threads:
            thread.join(PATIENCE)


def outcome_of(service: GunicornServer, method: str, path: str, *arguments: Any, **options: Any) -> int | str:
    """Return the status of an answer, or the name of what went wrong with the connection."""
    try:
        status, _ = service.call(method, path, *arguments, **options)
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    return status
