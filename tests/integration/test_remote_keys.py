"""What the keys of an issuer promise, in numbers and over HTTP: the service under gunicorn, the issuer on loopback."""

from __future__ import annotations

import os
import secrets
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jwt
import pytest

from tests.support.gunicorn_server import PATIENCE
from tests.support.issuer_server import JWKS, Fault, IssuerServer, SigningKey
from tests.support.issuers import Answer
from tests.support.traffic import Traffic
from tests.support.watched_workers import KEY, MANY, NEXT_KEY, WatchedService, statuses

#: Times are bounded here.
pytestmark = pytest.mark.alone

#: Seconds within which a caller learns that there are no keys.
COLD_ANSWER = 3

#: Seconds for one fetch in its place: less than the three it comes with, for machines that are busy with other tests.
TIMEOUT = {"timeout": 2}

#: Seconds that an answer may take beyond what is promised, on a machine that is busy with other tests.
BUSY = 2

#: Makes an outage a matter of moments.
SHORT_PAUSES = {"retry": 0.1}


@pytest.fixture
def issuer() -> Iterator[IssuerServer]:
    """Return an issuer that works, with one key."""
    with IssuerServer([KEY]) as issuer:
        yield issuer


def eventually(service: WatchedService, status: int, token: str | None, path: str = "/api/me") -> Answer:
    """Make the same call until it is answered with a status, and return that answer."""
    deadline = time.monotonic() + PATIENCE
    while (answer := service.ask(token, path)).status != status:
        assert time.monotonic() < deadline, f"{answer}\n{service.log.read_text()}"
        time.sleep(0.02)
    return answer


def check_that_keys_are_missing(answer: Answer) -> None:
    """Demand the whole answer that says so: the token is not to blame, and the client is told when to come back."""
    assert (answer.status, answer.body["error"]) == (503, "keys_unavailable")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert answer.headers["WWW-Authenticate"] is None


@pytest.mark.parametrize("fault", [None, Fault.HANGING, Fault.DRIPPING_BODY], ids=["dead", "hanging", "dripping"])
def test_a_cold_start_without_keys_is_answered_within_three_seconds_and_recovers_by_itself(
    tmp_path: Path, issuer: IssuerServer, fault: Fault | None
) -> None:
    """503 with ``Retry-After`` whatever ails the issuer, and no token is needed for it to be asked again."""
    token = issuer.token(KEY)
    issuer.fault = fault
    if fault is None:
        issuer.stop()
    with WatchedService(tmp_path, issuer, jwks=TIMEOUT) as service:
        began = time.monotonic()
        answers = service.ask_at_once([token] * MANY)
        took = time.monotonic() - began
        if fault is None:
            issuer.start()
        fetches, issuer.fault = service.fetches, None
        issuer.wait_for_requests(JWKS, fetches + 1)
        recovered = eventually(service, 200, token)

    for answer in answers:
        check_that_keys_are_missing(answer)
    assert took < COLD_ANSWER
    assert recovered.body["user_id"] == "alice"


def test_readiness_waits_for_the_keys_and_needs_no_token_for_that(tmp_path: Path, issuer: IssuerServer) -> None:
    """Else a probe that has to succeed before traffic comes would wait for the traffic."""
    issuer.fault = Fault.SERVER_ERROR
    with WatchedService(tmp_path, issuer, database=True, jwks=SHORT_PAUSES) as service:
        cold = service.ask(None, "/health/ready")
        issuer.wait_for_requests(JWKS, 2)
        failing = service.ask(None, "/health/ready")
        issuer.fault = None
        ready = eventually(service, 200, None, "/health/ready")

    (keys,) = ready.body["issuers"]
    assert (cold.status, cold.body["errors"]["keys"]) == (503, "unusable")
    assert failing.body["errors"]["issuers"] == {issuer.issuer: f"{issuer.jwks_url} answered with status 500"}
    assert 0 <= keys.pop("age") < PATIENCE
    assert 0.70 * 600 - PATIENCE < keys.pop("next_refresh") <= 0.85 * 600
    assert keys == {"issuer": issuer.issuer, "ready": True, "keys": 1, "last_error": None}


def test_readiness_shows_an_outage_that_no_caller_notices(tmp_path: Path, issuer: IssuerServer) -> None:
    """It is still ready, and says why somebody should look."""
    with WatchedService(tmp_path, issuer, database=True, jwks=SHORT_PAUSES | {"max_age": 1}) as service:
        eventually(service, 200, None, "/health/ready")
        issuer.fault = Fault.RESET
        issuer.wait_for_requests(JWKS, service.fetches + 2)
        answer = service.ask(None, "/health/ready")

    (keys,) = answer.body["issuers"]
    assert (answer.status, keys["ready"]) == (200, True)
    assert keys["last_error"] == f"{issuer.jwks_url} closed the connection"


def test_a_thousand_random_key_ids_cause_five_fetches_at_most(tmp_path: Path, issuer: IssuerServer) -> None:
    """From fifty callers at once, each refused; the holders of a known key are served all the while.

    One fetch comes back every two seconds, so a machine that is busy for longer with the thousand has a few more.
    """
    token = issuer.token(KEY)
    claims = jwt.decode(token, options={"verify_signature": False})
    tokens = [KEY.sign(claims, kid=secrets.token_urlsafe()) for _ in range(1000)]
    with WatchedService(tmp_path, issuer) as service, Traffic(service, [token]) as traffic:
        traffic.go_on(calls=1)
        began = time.monotonic()
        refused = service.ask_at_once(tokens)
        came_back = (time.monotonic() - began) // 2

        assert {(answer.status, answer.body["error"]) for answer in refused} == {(401, "invalid_signature")}
        assert set(traffic.outcomes) == {200}
        assert service.fetches <= 1 + 5 + came_back


def test_a_key_rotated_a_moment_ago_verifies_at_once(tmp_path: Path, issuer: IssuerServer) -> None:
    """The very first request with it, and those at the same time; the old key goes on."""
    with WatchedService(tmp_path, issuer) as service:
        before = service.ask(issuer.token(KEY))
        issuer.keys = [KEY, NEXT_KEY]
        after = service.ask_at_once([issuer.token(NEXT_KEY), issuer.token(KEY)] * (MANY // 2))

        assert statuses([before, *after]) == {200}
        assert service.fetches == 2


def test_a_flood_of_invented_ids_delays_a_new_key_by_two_seconds_at_most(tmp_path: Path, issuer: IssuerServer) -> None:
    """Ten a second spend the whole budget, so each new key waits for the next fetch it allows; known keys never do."""
    flood = [issuer.token(SigningKey.generate("ES256", secrets.token_hex(8))) for _ in range(100)]
    delays = []
    with WatchedService(tmp_path, issuer) as service:
        service.ask(issuer.token(KEY))
        began, fetches = time.monotonic(), service.fetches
        with (
            Traffic(service, flood, pause=0.4) as strangers,
            Traffic(service, [issuer.token(KEY)], pause=0.05) as known,
        ):
            issuer.wait_for_requests(JWKS, fetches + 7)
            for number in range(4):
                new = SigningKey.generate("ES256", f"new-{number}")
                token = issuer.token(new)
                issuer.keys = [KEY, new]
                published_at = time.monotonic()
                eventually(service, 200, token)
                delays.append(time.monotonic() - published_at)
        allowed = 5 + (time.monotonic() - began) / 2

        assert max(delays) < 2 + BUSY
        assert service.fetches - fetches <= allowed
    assert list(known.outcomes) == [200]
    assert list(strangers.outcomes) == [401]


def test_an_empty_key_set_of_a_moment_is_not_noticed(tmp_path: Path, issuer: IssuerServer) -> None:
    """The keys at hand serve on, readiness says why they are the last ones, and the next good set ends it."""
    token = issuer.token(KEY)
    with WatchedService(tmp_path, issuer, database=True, jwks={"retry": 1}) as service:
        before = service.ask(token)
        issuer.keys = []
        unknown = service.ask(issuer.token(NEXT_KEY))
        during, ready = service.ask(token), service.ask(None, "/health/ready")
        issuer.keys = [KEY]
        fetches = service.fetches
        issuer.wait_for_requests(JWKS, fetches + 1)
        after = service.ask(token)

    assert [answer.status for answer in (before, unknown, during, ready, after)] == [200, 401, 200, 200, 200]
    (keys,) = ready.body["issuers"]
    assert (keys["ready"], keys["keys"]) == (True, 1)
    assert keys["last_error"] == f"{issuer.jwks_url} answered with an empty key set"


def test_an_outage_is_not_noticed_by_the_holders_of_known_keys(tmp_path: Path, issuer: IssuerServer) -> None:
    """The keys get too old, one fetch after the other fails, and then nothing listens at that address."""
    jwks = SHORT_PAUSES | {"max_age": 1, "timeout": 1}
    with WatchedService(tmp_path, issuer, jwks=jwks) as service:
        service.ask(issuer.token(KEY))
        with Traffic(service, [issuer.token(KEY)]) as traffic:
            for fault in (Fault.SERVER_ERROR, Fault.HANGING, Fault.RESET):
                fetches, issuer.fault = service.fetches, fault
                issuer.wait_for_requests(JWKS, fetches + 1)
            issuer.stop()
            traffic.go_on(calls=300)
            unknown = service.ask(issuer.token(NEXT_KEY))

    assert list(traffic.outcomes) == [200]
    assert unknown.status == 401


def test_an_outage_beyond_the_hard_limit_is_noticed(tmp_path: Path, issuer: IssuerServer) -> None:
    """Keys that nobody has confirmed for so long are no keys; once the issuer is back, all is well again."""
    token = issuer.token(KEY)
    with WatchedService(tmp_path, issuer, jwks=SHORT_PAUSES | {"max_age": 1, "stale_limit": 2}) as service:
        service.ask(token)
        issuer.stop()
        refused = eventually(service, 503, token)
        issuer.start()
        recovered = eventually(service, 200, token)

    check_that_keys_are_missing(refused)
    assert recovered.status == 200


@pytest.mark.parametrize("others", [[NEXT_KEY], []], ids=["another key", "no key at all"])
def test_a_withdrawn_key_is_refused_within_the_refresh_interval(
    tmp_path: Path, issuer: IssuerServer, others: list[SigningKey]
) -> None:
    """Whatever begins later than that is refused, though nobody tells the service."""
    token = issuer.token(KEY)
    with WatchedService(tmp_path, issuer, jwks={"max_age": 2}) as service:
        answers = [service.ask(token)]
        issuer.keys = list(others)
        withdrawn_at = time.monotonic()
        while answers[-1].status == 200:
            began = time.monotonic()
            answers.append(service.ask(token))
            if answers[-1].status == 200:
                assert began < withdrawn_at + 2

    assert len(answers) > 2
    assert answers[-1].status == 401


def test_a_process_that_was_stopped_for_a_while_does_not_trust_what_it_knew(
    tmp_path: Path, issuer: IssuerServer
) -> None:
    """SIGSTOP, as a suspended machine would: the key is withdrawn meanwhile, and nobody could fetch."""
    token = issuer.token(KEY)
    with WatchedService(tmp_path, issuer, jwks={"max_age": 1}) as service, ThreadPoolExecutor(MANY) as callers:
        answers = [service.ask(token)]
        (worker,) = service.full_set()
        os.kill(worker, signal.SIGSTOP)
        issuer.keys = [NEXT_KEY]
        calls = [callers.submit(service.ask, token) for _ in range(MANY)]
        # The age of keys is a matter of the worker's own clock, which nothing else but time moves on.
        time.sleep(1.1)
        os.kill(worker, signal.SIGCONT)
        answers += [call.result() for call in calls]

    assert [answer.status for answer in answers] == [200] + [401] * MANY
