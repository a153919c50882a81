"""Requests without pause, from several threads, while something happens to the servers."""

from __future__ import annotations

import http.client
import itertools
import threading
from collections import Counter
from collections.abc import Sequence
from typing import Self

from tests.support.gunicorn_server import PATIENCE, GunicornServer

_THREADS = 4


class Traffic:
    """Callers of ``/api/me`` who use each of the tokens in turn, those that are added meanwhile too."""

    def __init__(self, service: GunicornServer, tokens: Sequence[str], *, pause: float = 0) -> None:
        """``pause`` is how many seconds each caller waits between two calls."""
        self.service = service
        self.pause = pause
        self.tokens = tokens
        #: How often each outcome was seen: a status, or the name of what went wrong with the connection.
        self.outcomes: Counter[int | str] = Counter()
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._call_without_pause, daemon=True) for _ in range(_THREADS)]

    def __enter__(self) -> Self:
        """Start calling."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Return when the last call is answered."""
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def go_on(self, *, calls: int) -> None:
        """Return after so many more calls."""
        with self._changed:
            enough = self.outcomes.total() + calls
            assert self._changed.wait_for(lambda: self.outcomes.total() >= enough, PATIENCE), "the service got stuck"

    def _call_without_pause(self) -> None:
        for number in itertools.count():
            if self._stop.is_set():
                return
            outcome = self._call(self.tokens[number % len(self.tokens)])
            with self._changed:
                self.outcomes[outcome] += 1
                self._changed.notify_all()
            self._stop.wait(self.pause)

    def _call(self, token: str) -> int | str:
        try:
            status, _ = self.service.call("GET", "/api/me", headers={"Authorization": f"Bearer {token}"})
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__
        return status
