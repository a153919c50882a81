"""The moment until which a thread waits for the database, whatever it waits for there.

:mod:`app.tasks.bounds` sets it. Those that wait look at it: connections to PostgreSQL while nothing comes
(:mod:`app.tasks.postgresql`), and SQLite while it works (:mod:`app.tasks.sqlite`). No thread and no timer watches, so
there is nothing to see to after a fork.
"""

from __future__ import annotations

import threading
from math import inf
from time import monotonic

#: Seconds for a transaction, from waiting for a connection to the end of its commit.
TRANSACTION_TIMEOUT = 12

#: Seconds for a transaction on the last thread of a process that waits for nothing else, and for the readiness probe.
LAST_THREAD_TIMEOUT = 3

#: Seconds that the database may work on a search.
SEARCH_TIMEOUT = 2


class Deadline(threading.local):
    """The end of patience of whichever thread looks; without one, it waits as long as it takes."""

    #: As :func:`time.monotonic` counts, in seconds.
    at: float = inf

    def left(self) -> float:
        """Return the seconds that are left, none where it is over."""
        return max(0.0, self.at - monotonic())

    def is_over(self) -> bool:
        """Tell whether there is no time left."""
        return monotonic() >= self.at


#: That of the thread that looks.
DEADLINE = Deadline()
