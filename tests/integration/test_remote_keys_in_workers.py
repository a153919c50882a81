"""Keys of an issuer in the workers of gunicorn: forks, threads, greenlets, restarts, each with the real thing."""

from __future__ import annotations

import http.client
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.certificates import certificate
from tests.support.gunicorn_server import PATIENCE
from tests.support.issuer_server import JWKS, Fault, IssuerServer
from tests.support.traffic import Traffic
from tests.support.watched_workers import KEY, MANY, NEXT_KEY, WatchedService, statuses, workers_of

#: For fetches that must not be over before the test lets them.
AS_LONG_AS_IT_TAKES = {"timeout": 30}

#: gunicorn's own settings.
Settings = dict[str, object]

#: The workers of gunicorn.conf.py.
GTHREAD: Settings = {}
GEVENT: Settings = {"worker_class": "gevent"}
# With more threads than one, gunicorn runs gthread instead.
SYNC: Settings = {"worker_class": "sync", "threads": 1}
PRELOAD: Settings = {"preload_app": True}
NO_PRELOAD: Settings = {"preload_app": False}

#: The workers that serve several callers at a time, each with the app made before the fork and after it.
CONCURRENT_WAYS = [
    pytest.param(GTHREAD | PRELOAD, id="gthread-preload"),
    pytest.param(GTHREAD | NO_PRELOAD, id="gthread"),
    pytest.param(GEVENT | PRELOAD, id="gevent-preload"),
    pytest.param(GEVENT | NO_PRELOAD, id="gevent"),
]
EVERY_WAY = [
    *CONCURRENT_WAYS,
    pytest.param(SYNC | PRELOAD, id="sync-preload"),
    pytest.param(SYNC | NO_PRELOAD, id="sync"),
]
THREADS_AND_GREENLETS = [pytest.param(GTHREAD | PRELOAD, id="gthread"), pytest.param(GEVENT | PRELOAD, id="gevent")]


@pytest.fixture
def issuer() -> Iterator[IssuerServer]:
    """Return an issuer that works, with one key."""
    with IssuerServer([KEY]) as issuer:
        yield issuer


def threads_of_master(service: WatchedService) -> int:
    """Return how many threads the process has that forks the workers."""
    return len(list(Path(f"/proc/{service.process.pid}/task").iterdir()))


@pytest.mark.parametrize("settings", EVERY_WAY)
def test_each_worker_fetches_once_however_many_ask_at_first(
    tmp_path: Path, issuer: IssuerServer, settings: Settings
) -> None:
    """Nothing is fetched before there is a token; fifty of them meet cold workers while the issuer takes its time."""
    token = issuer.token(KEY)
    with (
        WatchedService(tmp_path, issuer, workers=4, settings=settings, jwks=AS_LONG_AS_IT_TAKES) as service,
        ThreadPoolExecutor(MANY) as callers,
    ):
        service.ask_every_worker(path="/health")
        before = (service.fetches, threads_of_master(service))
        issuer.fault = Fault.PAUSED
        calls = [callers.submit(service.ask, token) for _ in range(MANY)]
        issuer.wait_for_requests(JWKS, 1)
        issuer.fault = None
        answers = [call.result() for call in calls] + service.ask_every_worker(token)

        assert before == (0, 1)
        assert statuses(answers) == {200}
        assert (service.fetches, threads_of_master(service)) == (4, 1)


@pytest.mark.parametrize("settings", CONCURRENT_WAYS)
def test_a_fetch_that_hangs_holds_up_nobody_whose_key_is_known(
    tmp_path: Path, issuer: IssuerServer, settings: Settings
) -> None:
    """One caller with an unknown key waits for it; fifty others come and go meanwhile, in the same worker."""
    token = issuer.token(KEY)
    with (
        WatchedService(tmp_path, issuer, settings=settings, jwks=AS_LONG_AS_IT_TAKES) as service,
        ThreadPoolExecutor(1) as caller,
    ):
        service.ask(token)
        issuer.fault = Fault.HANGING
        waiting = caller.submit(service.ask, issuer.token(NEXT_KEY))
        issuer.wait_for_requests(JWKS, 2)
        answers = service.ask_at_once([token] * MANY)
        meanwhile = (waiting.done(), service.fetches)
        issuer.fault = None

        assert statuses(answers) == {200}
        assert meanwhile == (False, 2)
        assert waiting.result().status == 401


def test_a_refresh_that_hangs_does_not_hold_up_a_worker_that_serves_one_at_a_time(
    tmp_path: Path, issuer: IssuerServer
) -> None:
    """It answers many between one attempt and the next; if they waited for an attempt, it would be one or two."""
    token = issuer.token(KEY)
    jwks = {"max_age": 2, "timeout": 1, "retry": 0.1}
    with WatchedService(tmp_path, issuer, settings=SYNC | PRELOAD, jwks=jwks) as service:
        answers = [service.ask(token)]
        issuer.fault = Fault.HANGING
        issuer.wait_for_requests(JWKS, 2)
        while service.fetches < 4:
            answers.append(service.ask(token))

        assert statuses(answers) == {200}
        assert len(answers) > 10


@pytest.mark.parametrize("settings", THREADS_AND_GREENLETS)
def test_keys_come_over_tls(tmp_path: Path, settings: Settings) -> None:
    """Also where gevent replaces what TLS is made of after the app was made."""
    tls, authority = certificate(tmp_path)
    with (
        IssuerServer([KEY], tls=tls) as issuer,
        WatchedService(tmp_path, issuer, settings=settings, SSL_CERT_FILE=str(authority)) as service,
    ):
        known, unknown = service.ask(issuer.token(KEY)), service.ask(issuer.token(NEXT_KEY))

        assert (known.status, unknown.status, service.fetches) == (200, 401, 2)


def replaced(service: WatchedService, workers: set[int]) -> set[int]:
    """Kill workers and return those that gunicorn has then."""
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    return service.workers_besides(workers)


@pytest.mark.parametrize("settings", THREADS_AND_GREENLETS)
def test_workers_forked_from_a_process_that_fetches_keys_fetch_their_own(
    tmp_path: Path, issuer: IssuerServer, settings: Settings
) -> None:
    """The master has keys, a thread that keeps them fresh, and a fetch under way whenever it forks a worker anew."""
    token = issuer.token(KEY)
    with WatchedService(
        tmp_path,
        issuer,
        workers=3,
        settings=settings,
        jwks=AS_LONG_AS_IT_TAKES | {"max_age": 1},
        TOKEN_AT_IMPORT=token,
    ) as service:
        answers = service.ask_every_worker(token)
        workers = workers_of(answers)
        for _ in range(2):
            fetches, issuer.fault = service.fetches, Fault.PAUSED
            # One by each worker and one by the master; none begins another as long as that goes on.
            issuer.wait_for_requests(JWKS, fetches + 4)
            workers = replaced(service, workers)
            issuer.fault = None
            answers += service.ask_every_worker(token)
        issuer.keys = [NEXT_KEY]
        withdrawn_at = time.monotonic()
        accepted_at = last_acceptance(service, token)
        of_next_key = service.ask_every_worker(issuer.token(NEXT_KEY))

        assert "watched_app was answered with 200" in service.log.read_text()
        assert threads_of_master(service) > 1
        assert statuses(answers + of_next_key) == {200}
        assert accepted_at < withdrawn_at + 1


def last_acceptance(service: WatchedService, token: str) -> float:
    """Call until every worker refuses a token; return when the last calls began of which one was accepted."""
    accepted_at = 0.0
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        began_at = time.monotonic()
        found = statuses(service.ask_every_worker(token))
        if found == {401}:
            return accepted_at
        assert found <= {200, 401}
        accepted_at = began_at
    raise AssertionError("the token is still accepted")


@pytest.mark.parametrize("settings", THREADS_AND_GREENLETS)
def test_a_worker_forked_during_an_outage_lives_on_the_keys_of_its_parent(
    tmp_path: Path, issuer: IssuerServer, settings: Settings
) -> None:
    """They are as old as they are, and an outage is an outage: trusted up to the hard limit."""
    token = issuer.token(KEY)
    with WatchedService(
        tmp_path,
        issuer,
        workers=2,
        settings=settings,
        jwks={"max_age": 1, "retry": 0.1},
        TOKEN_AT_IMPORT=token,
    ) as service:
        workers = workers_of(service.ask_every_worker(token))
        issuer.stop()
        replaced(service, workers)

        assert statuses(service.ask_every_worker(token)) == {200}


@pytest.mark.parametrize("settings", THREADS_AND_GREENLETS)
def test_a_worker_in_place_of_a_killed_one_fetches_for_itself(
    tmp_path: Path, issuer: IssuerServer, settings: Settings
) -> None:
    """kill -9; the other worker goes on."""
    token = issuer.token(KEY)
    with WatchedService(tmp_path, issuer, workers=2, settings=settings) as service:
        answers = service.ask_every_worker(token)
        killed, kept = workers_of(answers)
        workers = replaced(service, {killed})
        answers += service.ask_every_worker(token)

        assert statuses(answers) == {200}
        assert kept in workers
        assert service.fetches == 3


@pytest.mark.parametrize("settings", THREADS_AND_GREENLETS)
def test_a_reload_under_traffic_fails_no_request(tmp_path: Path, issuer: IssuerServer, settings: Settings) -> None:
    """SIGHUP: workers with keys go, workers without any come."""
    with (
        WatchedService(tmp_path, issuer, workers=2, settings=settings) as service,
        Traffic(service, [issuer.token(KEY)]) as traffic,
    ):
        for _ in range(2):
            # Heard from: gunicorn's workers do not hear of a stop while they start.
            workers = workers_of(service.ask_every_worker())
            service.process.send_signal(signal.SIGHUP)
            service.workers_besides(workers)
            traffic.go_on(calls=100)

    assert list(traffic.outcomes) == [200]


@pytest.mark.parametrize("settings", [*THREADS_AND_GREENLETS, pytest.param(SYNC | PRELOAD, id="sync")])
def test_a_stop_does_not_wait_for_an_issuer_that_hangs(
    tmp_path: Path, issuer: IssuerServer, settings: Settings
) -> None:
    """SIGTERM during a fetch that nobody waits for: over long before the fetch would be."""
    issuer.fault = Fault.HANGING
    with WatchedService(tmp_path, issuer, settings=settings, jwks=AS_LONG_AS_IT_TAKES) as service:
        ready = service.ask(None, "/health/ready")
        issuer.wait_for_requests(JWKS, 1)
        service.process.terminate()

        assert ready.status == 503
        assert service.process.wait(PATIENCE / 2) == 0


@pytest.mark.parametrize("settings", THREADS_AND_GREENLETS)
def test_a_stop_gives_up_those_who_wait_for_an_issuer_that_hangs(
    tmp_path: Path, issuer: IssuerServer, settings: Settings
) -> None:
    """SIGTERM while a request waits for the first keys: over once the graceful timeout is."""
    issuer.fault = Fault.HANGING
    impatient = settings | {"graceful_timeout": 1}
    with (
        WatchedService(tmp_path, issuer, settings=impatient, jwks=AS_LONG_AS_IT_TAKES) as service,
        ThreadPoolExecutor(1) as caller,
    ):
        waiting = caller.submit(service.ask, issuer.token(KEY))
        issuer.wait_for_requests(JWKS, 1)
        service.process.terminate()

        assert service.process.wait(PATIENCE / 2) == 0
        with pytest.raises((OSError, http.client.HTTPException)):
            waiting.result()
