"""Clients that create tasks without pause and repeat what was not answered, while something happens to the service."""

from __future__ import annotations

import itertools
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator

from tests.support.callers import Callers, outcome_of
from tests.support.gunicorn_server import ISSUER, PATIENCE, GunicornServer


class Writers(Callers):
    """Writers of one user's tasks, each task under an id of the client's and repeated until it is acknowledged."""

    def __init__(self, service: GunicornServer) -> None:
        self.service = service
        #: A user of these writers' own, so that services can be shared.
        self.user_id = str(uuid.uuid4())
        self.headers = ISSUER.authorization(self.user_id)
        self.path = f"/api/{self.user_id}/tasks"
        #: How often each outcome was seen: a status, or the name of what went wrong with the connection.
        self.outcomes: Counter[int | str] = Counter()
        #: The tasks the service said it has, and those it was asked for.
        self.acknowledged: set[str] = set()
        self.asked: set[str] = set()
        self._changed = threading.Condition()
        super().__init__()

    def wait_for(self, outcome: int | str, *, times: int = 1, patience: float = PATIENCE) -> None:
        """Return when an outcome was seen so many times more."""
        with self._changed:
            enough = self.outcomes[outcome] + times
            reached = self._changed.wait_for(lambda: self.outcomes[outcome] >= enough, patience)
        assert reached, f"no {outcome} came, only {self.outcomes}"

    def go_on_calling(self) -> None:
        """Write one task after the other."""
        while not self.stopped.is_set():
            task_id = str(uuid.uuid4())
            self.asked.add(task_id)
            for _ in itertools.takewhile(lambda _: not self.stopped.is_set(), itertools.count()):
                outcome = outcome_of(self.service, "POST", self.path, {"id": task_id, "title": task_id}, self.headers)
                with self._changed:
                    self.outcomes[outcome] += 1
                    if outcome in (200, 201):
                        self.acknowledged.add(task_id)
                    self._changed.notify_all()
                if outcome in (200, 201):
                    break
                # As Retry-After asks for, only sooner; a service that is away would be asked thousands of times.
                self.stopped.wait(0.02)

    def assert_nothing_is_lost(self, service: GunicornServer | None = None) -> None:
        """Compare what was acknowledged with what is there: everything, once, and nothing that nobody asked for."""
        found = list(self._kept(service or self.service))

        assert self.acknowledged
        assert len(found) == len(set(found))
        assert self.acknowledged <= set(found) <= self.asked

    def _kept(self, service: GunicornServer) -> Iterator[str]:
        cursor: str | None = ""
        while cursor is not None:
            path = f"{self.path}?limit=200&cursor={cursor}".removesuffix("&cursor=")
            deadline = time.monotonic() + PATIENCE
            # For two seconds, a worker may not know yet that its database answers again, although another one does.
            while (answer := service.call("GET", path, headers=self.headers))[0] == 503 and time.monotonic() < deadline:
                time.sleep(0.1)
            status, page = answer
            assert status == 200
            yield from (task["id"] for task in page["items"])
            cursor = page["next"]
