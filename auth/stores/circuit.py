"""Whether a server fails at the moment, judged by what the last calls came to."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

#: Failures in a row after which the circuit is open.
_TOLERATED = 3

#: Seconds after a failure in which the next call should begin. The circuit stays open for one timeout more, so that the
#: failure of that call still finds it open.
_PAUSE = 1.0


class Circuit:
    """Open while calls fail. It ends by itself: a failure of last night says nothing about this morning."""

    def __init__(self, timeout: float, clock: Callable[[], float]) -> None:
        """``timeout`` is that of a call, in seconds; ``clock`` returns seconds and never goes back."""
        self._lasts = _PAUSE + timeout
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._last = -math.inf

    @property
    def is_open(self) -> bool:
        """Whether callers are to take turns."""
        return self._failures >= _TOLERATED and self._clock() - self._last < self._lasts

    def fail(self) -> None:
        """Note that the server has failed a call."""
        with self._lock:
            now = self._clock()
            self._failures = self._failures + 1 if now - self._last < self._lasts else 1
            self._last = now

    def close(self) -> None:
        """Note that the server has answered."""
        self._failures = 0
