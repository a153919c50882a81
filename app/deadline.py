"""The moment until which a thread waits for the database.

:mod:`app.bounds` sets it. Code that waits reads it: connections to PostgreSQL (:mod:`app.postgresql`), and
SQLite while it works (:mod:`app.sqlite`). No thread and no timer is involved, so a fork changes nothing.
"""

from __future__ import annotations

import threading
from math import inf
from time import monotonic

#: Seconds for a transaction, from waiting for a connection to the end of its commit.
TRANSACTION_TIMEOUT = 12

#: Seconds for a transaction on the last free thread of a process, and for the readiness probe.
LAST_THREAD_TIMEOUT = 3

#: Seconds that the database may work on a search.
SEARCH_TIMEOUT = 2


class Deadline(threading.local):
    """When the current thread stops waiting; without a deadline, it waits as long as it takes."""

    #: As :func:`time.monotonic` counts, in seconds.
    at: float = inf

    def left(self) -> float:
        """Return the seconds that are left; 0 if the deadline is over."""
        return max(0.0, self.at - monotonic())

    def is_over(self) -> bool:
        """Tell whether there is no time left."""
        return monotonic() >= self.at


#: The deadline of the current thread.
DEADLINE = Deadline()
