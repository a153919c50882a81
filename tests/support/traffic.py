"""Requests without pause, from several threads, while something happens to the servers."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Sequence

from tests.support.callers import Callers, outcome_of
from tests.support.gunicorn_server import PATIENCE, GunicornServer


class Traffic(Callers):
    """Callers of ``/api/me`` who use each of the tokens in turn, those that are added meanwhile too."""

    def __init__(self, service: GunicornServer, tokens: Sequence[str], *, pause: float = 0) -> None:
        """``pause`` is how many seconds each caller waits between two calls."""
        self.service = service
        self.pause = pause
        self.tokens = tokens
        #: How often each outcome was seen: a status, or the name of what went wrong with the connection.
        self.outcomes: Counter[int | str] = Counter()
        self._changed = threading.Condition()
        super().__init__()

    def go_on(self, *, calls: int) -> None:
        """Return after so many more calls."""
        with self._changed:
            enough = self.outcomes.total() + calls
            assert self._changed.wait_for(lambda: self.outcomes.total() >= enough, PATIENCE), "the service got stuck"

    def go_on_calling(self) -> None:
        """Use the tokens in turn."""
        for number in itertools.count():
            if self.stopped.is_set():
                return
            token = self.tokens[number % len(self.tokens)]
            outcome = outcome_of(self.service, "GET", "/api/me", headers={"Authorization": f"Bearer {token}"})
            with self._changed:
                self.outcomes[outcome] += 1
                self._changed.notify_all()
            self.stopped.wait(self.pause)
