"""Bursts of connections that are opened at once and kept open, by clients that repeat a request only as HTTP allows."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections import Counter
from dataclasses import dataclass
from typing import Self

from tests.support.gunicorn_server import ISSUER, PATIENCE, GunicornServer
from tests.support.lifetimes import A_DAY

CONNECTIONS = 16

#: How often each connection of a burst is used.
_REQUESTS = 3

_PATH = "/api/alice/tasks"
_HEADERS = ISSUER.authorization("alice", expires_in=A_DAY)

#: The outcome of a request that gets no answer although its connection is new.
UNANSWERED = "unanswered on a new connection"

#: How often each outcome was seen: a status, or :data:`UNANSWERED`.
Outcomes = Counter[int | str]


@dataclass(frozen=True, slots=True)
class Answer:
    """The status of an answer and the worker that gave it (``tests.support.watched_app``)."""

    status: int
    worker: str | None


class Client:
    """A client with one connection, which sends a request once more if the connection ends without an answer.

    Clients do so with a GET (RFC 9110 §9.2.2), because a server may close an idle connection at any time
    (RFC 9112 §9.5). That is no excuse if the connection is new.
    """

    def __init__(self, port: int, outcomes: Outcomes) -> None:
        self.outcomes = outcomes
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self._is_new = True

    def send(self) -> None:
        """Send a request; a connection that is gone shows when the answer is read."""
        with contextlib.suppress(OSError):
            self.connection.request("GET", _PATH, headers=_HEADERS)

    def receive(self) -> Answer:
        """Return the answer to the request, repeated if need be."""
        try:
            return self._read()
        except (OSError, http.client.HTTPException):
            if self._is_new:
                self.outcomes[UNANSWERED] += 1
            self.connection.close()
            self._is_new = True
            self.send()
            return self._read()

    def _read(self) -> Answer:
        response = self.connection.getresponse()
        response.read()
        self.outcomes[response.status] += 1
        # http.client opens a new connection by itself if the server says that it closes this one.
        self._is_new = response.will_close
        return Answer(response.status, response.getheader("X-Worker"))


def burst(server: GunicornServer, outcomes: Outcomes) -> list[Answer]:
    """Open all connections, ask on all of them at once, some times over, and return the first answer on each."""
    with contextlib.ExitStack() as stack:
        clients = [Client(server.port, outcomes) for _ in range(CONNECTIONS)]
        for client in clients:
            stack.callback(client.connection.close)
            client.connection.connect()
        rounds = []
        for _ in range(_REQUESTS):
            for client in clients:
                client.send()
            rounds.append([client.receive() for client in clients])
    return rounds[0]


class Bursts:
    """One burst after the other, while something happens to the server."""

    def __init__(self, server: GunicornServer) -> None:
        self.server = server
        self.outcomes: Outcomes = Counter()
        self._finished = 0
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._fire, daemon=True)

    def __enter__(self) -> Self:
        """Start the first burst."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Return when the last burst is answered."""
        self._stop.set()
        self._thread.join(PATIENCE)

    def go_on(self, *, bursts: int) -> None:
        """Return after so many more bursts."""
        with self._changed:
            enough = self._finished + bursts
            assert self._changed.wait_for(lambda: self._finished >= enough, PATIENCE), "a burst failed or got stuck"

    def _fire(self) -> None:
        while not self._stop.is_set():
            burst(self.server, self.outcomes)
            with self._changed:
                self._finished += 1
                self._changed.notify_all()
