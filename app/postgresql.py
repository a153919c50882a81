"""Connections to PostgreSQL that wait no longer than the thread's deadline (:mod:`app.deadline`).

This imports psycopg, which only the extra ``postgres`` installs.
"""

from __future__ import annotations

import re
from math import inf
from time import monotonic
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import make_conninfo

from app.deadline import DEADLINE

Found = TypeVar("Found")


#: Options that name a place. Whether it exists shows when it is needed.
ADDRESS = frozenset({"dbname", "host", "hostaddr", "passfile", "password", "service", "user"})

#: Options that libpq reads as whole numbers, some of them only once it is connected.
NUMBERS = frozenset(
    {
        "connect_timeout",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "tcp_user_timeout",
    }
)

#: Options that the service cannot work with: it uses no replication, and always UTF-8.
OURS = frozenset({"client_encoding", "replication"})


def is_usable(name: str, value: str) -> bool:
    """Tell whether libpq knows a connection option and takes its value, as far as can be told without connecting."""
    known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    if name not in known - OURS:
        return False
    if name in NUMBERS and value:
        return re.fullmatch(r"-?[0-9]{1,9}", value) is not None
    if name in ADDRESS:
        return True
    # This socket does not exist, but libpq checks the options before it connects.
    attempt = psycopg.pq.PGconn.connect_start(make_conninfo(host="/no/such/folder", **{name: value}).encode())
    complaint = attempt.error_message
    attempt.finish()
    return not complaint.startswith(b"invalid ")


def connect(settings: dict[str, Any]) -> BoundedConnection:
    """Connect as psycopg does; if there is a deadline, each host gets an equal part of the time left."""
    hosts = str(settings.get("host") or "").count(",") + 1
    # psycopg counts in whole seconds, two at least; none means no limit.
    own = int(settings["connect_timeout"] or 0)
    seconds = min(own if own > 0 else inf, DEADLINE.left() / hosts)
    return BoundedConnection.connect(**{**settings, "connect_timeout": 0 if seconds == inf else max(1, int(seconds))})


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that closes if the server has not answered by the deadline; the outcome is then unknown."""

    def wait(self, gen: PQGen[Found], *args: Any, **kwargs: Any) -> Found:
        """Wait until the deadline as psycopg does, which wakes up ten times a second."""
        return super().wait(self._until(DEADLINE.at, gen), *args, **kwargs)

    def _until(self, deadline: float, gen: PQGen[Found]) -> PQGen[Found]:
        """Pass everything on in both directions between psycopg and its generator."""
        try:
            state = next(gen)
            while True:
                ready = yield state
                # If something has arrived, it may be the answer.
                if not ready and monotonic() >= deadline:
                    self.close()
                    raise psycopg.OperationalError("the server has not answered in time")
                state = gen.send(ready)
        except StopIteration as end:
            found: Found = end.value
            return found
