"""Revocation over several processes: a real Redis that is frozen, stopped and started again while requests come."""

from __future__ import annotations

import sys
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.support.callers import Callers
from tests.support.environments import run
from tests.support.gunicorn_server import ISSUER, PATIENCE, GunicornServer
from tests.support.redis_server import RedisServer

pytestmark = pytest.mark.alone

#: Seconds that a request waits for Redis, and those that it may take on a machine with other work to do.
TIMEOUT, MARGIN = 0.3, 3.0

ME = "/api/me"


class Visitors(Callers):
    """Callers who send a good token and a revoked one in turn, and note what comes of each and how long it takes."""

    def __init__(self, service: GunicornServer, good: dict[str, str], revoked: dict[str, str]) -> None:
        self.service = service
        self.headers = {"good": good, "revoked": revoked}
        #: By the kind of token: each status or error code, and how often it was answered.
        self.outcomes: dict[str, dict[Any, int]] = {kind: defaultdict(int) for kind in self.headers}
        self.longest = 0.0
        self._changed = threading.Condition()
        super().__init__()

    def go_on_calling(self) -> None:
        """Use both tokens in turn."""
        while not self.stopped.is_set():
            for kind, headers in self.headers.items():
                began = time.monotonic()
                status, body = self.service.call("GET", ME, headers=headers)
                taken = time.monotonic() - began
                with self._changed:
                    self.outcomes[kind][body.get("error", status)] += 1
                    self.longest = max(self.longest, taken)
                    self._changed.notify_all()

    def wait_for(self, kind: str, outcome: object, calls: int = 20) -> None:
        """Return when so many more calls have come to something."""
        with self._changed:
            enough = self.outcomes[kind][outcome] + calls
            assert self._changed.wait_for(lambda: self.outcomes[kind][outcome] >= enough, PATIENCE), self.outcomes


def service_with(
    folder: Path, redis: RedisServer, *, database: bool = False, timeout: float = TIMEOUT, **variables: Any
) -> GunicornServer:
    """Return a service of four workers with a denylist in Redis."""
    return GunicornServer(
        folder,
        database=database,
        probe="/health",
        WEB_CONCURRENCY="4",
        FLASK_AUTH_DENYLIST=redis.url,
        FLASK_AUTH_DENYLIST_TIMEOUT=str(timeout),
        **variables,
    )


def lasting_redis(folder: Path) -> RedisServer:
    """Return a Redis that keeps each write before it confirms it, as the documentation advises."""
    return RedisServer("--dir", str(folder), "--appendonly", "yes", "--appendfsync", "always")


def revoke_by_command(service: GunicornServer, *arguments: str) -> str:
    """Revoke something by another process, and return what the command says."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi:app", "auth", "revoke", *arguments]
    return run(command, settings=service.variables)


def test_no_revoked_token_gets_in_whatever_happens_to_redis(tmp_path: Path) -> None:
    """And no request waits longer than the timeout."""
    good, revoked = ISSUER.authorization("alice"), ISSUER.authorization("mallory")
    with lasting_redis(tmp_path) as redis, service_with(tmp_path, redis) as service:
        before = service.call("GET", ME, headers=revoked)[0]
        said = revoke_by_command(service, "--user", "mallory")
        with Visitors(service, good, revoked) as visitors:
            visitors.wait_for("revoked", "token_revoked", calls=100)
            visitors.wait_for("good", 200)
            redis.freeze()
            visitors.wait_for("good", "denylist_unavailable")
            redis.thaw()
            visitors.wait_for("good", 200)
            redis.stop()
            visitors.wait_for("good", "denylist_unavailable", calls=100)
            redis.start()
            visitors.wait_for("good", 200)
            visitors.wait_for("revoked", "token_revoked")
        log = service.log.read_text()

    assert before == 200
    assert "Revoked the tokens of the user." in said
    assert set(visitors.outcomes["revoked"]) == {"token_revoked", "denylist_unavailable"}
    assert set(visitors.outcomes["good"]) == {200, "denylist_unavailable"}
    assert visitors.longest < TIMEOUT + MARGIN
    assert "Traceback" not in log
    # Once for each worker and outage, not for each request.
    assert 2 <= log.count("Until it answers, requests with a token are refused") <= 40


def test_with_accept_requests_pass_and_log_and_readiness_say_so(tmp_path: Path) -> None:
    """The service is there, and somebody can see that revocation is not."""
    good, revoked = ISSUER.authorization("alice"), ISSUER.authorization("mallory")
    with (
        lasting_redis(tmp_path) as redis,
        service_with(tmp_path, redis, database=True, FLASK_AUTH_DENYLIST_FAILURE="accept") as service,
    ):
        revoke_by_command(service, "--user", "mallory")
        with Visitors(service, good, revoked) as visitors:
            visitors.wait_for("revoked", "token_revoked")
            redis.freeze()
            visitors.wait_for("revoked", 200)
            during = service.call("GET", "/health/ready")[1]
            redis.stop()
            visitors.wait_for("revoked", 200)
            redis.start()
            visitors.wait_for("revoked", "token_revoked", calls=100)
            after = service.call("GET", "/health/ready")[1]
        log = service.log.read_text()

    assert set(visitors.outcomes["good"]) == {200}
    assert (during["status"], during["denylist"]["ready"], during["denylist"]["refuses"]) == ("ok", False, False)
    assert after["denylist"] == {"ready": True, "refuses": False, "last_error": None}
    assert visitors.longest < TIMEOUT + MARGIN
    assert 1 <= log.count("REVOKED TOKENS ARE ACCEPTED") <= 40
    assert 1 <= log.count("the denylist answers again") <= 40


def test_a_user_who_logs_out_is_refused_by_every_worker_at_the_next_request(tmp_path: Path) -> None:
    """Whichever worker answered the logout, and whatever the others remember."""
    headers = ISSUER.authorization("alice")
    with RedisServer() as redis, service_with(tmp_path, redis, timeout=5) as service:
        before = {service.call("GET", ME, headers=headers)[0] for _ in range(20)}
        logout = service.call("POST", "/api/alice/logout-everywhere", headers=headers)[0]
        after = [service.call("GET", ME, headers=headers)[0] for _ in range(40)]
        keys = redis.keys()

    assert (before, logout, after) == ({200}, 204, [401] * 40)
    assert [key.rpartition(":")[0] for key in keys] == ["resource_server:revoked_user"]
