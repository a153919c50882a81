"""Keys from a real server on loopback that rotates, withdraws and fails: what a request gets, and for what it waits."""

from __future__ import annotations

import logging
import re
import secrets
import threading
import time
from base64 import urlsafe_b64decode
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from typing import Any

import pytest

from auth.errors import InvalidSignatureError, KeysUnavailableError
from auth.keys import (
    DiscoveredLocation,
    FetchError,
    FixedLocation,
    KeyRing,
    KeySource,
    RemoteKeySettings,
    RemoteKeySource,
)
from auth.settings.service import AuthConfig
from tests.support.issuer_server import JWKS, Fault, IssuerServer, SigningKey
from tests.support.remote_keys import (
    FIRST,
    SECOND,
    THIRD,
    Clock,
    at_once,
    eventually,
    found,
    in_threads,
    remote,
    until_failing,
    verification_keys,
)
from tests.support.services import authenticator_of

NAMELESS, OTHER_NAMELESS = (SigningKey.generate("EdDSA", None) for _ in range(2))

#: Every way to fail that a server has, and the seconds it is given: some take all they are allowed to.
OUTAGES = {fault: 3.0 for fault in Fault if fault is not Fault.PAUSED}
OUTAGES |= dict.fromkeys((Fault.HANGING, Fault.DRIPPING_HEADERS, Fault.DRIPPING_BODY), 0.8)


def verifies(keys: KeySource, token: str, key: SigningKey) -> bool:
    """Try the keys of the source, and then newer ones, as the verifier does."""
    signing_input, _, signature = token.rpartition(".")
    decoded = urlsafe_b64decode(signature + "==")
    ring: KeyRing | None = keys.current()
    for _ in range(2):
        if ring is None:
            return False
        if any(
            candidate.verify(key.algorithm, signing_input.encode(), decoded)
            for candidate in ring.candidates(key.algorithm, key.key_id)
        ):
            return True
        ring = keys.newer(ring, key.key_id)
    return False


@contextmanager
def lifting_the_fault(issuer: IssuerServer, after: float = 0.1) -> Iterator[None]:
    """Let the issuer be well again while somebody waits for it in here; ``after`` is in seconds."""
    lifter = threading.Timer(after, setattr, (issuer, "fault", None))
    lifter.start()
    yield
    lifter.join()


def test_nothing_happens_before_the_first_use(issuer: IssuerServer) -> None:
    """A server that loads the app before it forks has neither thread nor connection then."""
    before = threading.active_count()

    remote(issuer)

    assert threading.active_count() == before
    assert not issuer.requests


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_token_verifies_with_the_key_of_its_issuer(issuer: IssuerServer, algorithm: str) -> None:
    """The first request waits for the first fetch, and no longer."""
    key = SigningKey.generate(algorithm)
    issuer.keys = [key]

    assert verifies(remote(issuer), issuer.token(key), key)


def test_keys_are_found_by_discovery(issuer: IssuerServer) -> None:
    """Where only the issuer is known."""
    assert found(RemoteKeySource(DiscoveredLocation(issuer.issuer))) == verification_keys(FIRST)


def test_50_threads_on_a_cold_cache_cause_one_fetch(issuer: IssuerServer) -> None:
    """Threads that come during the fetch wait for it."""
    keys = remote(issuer)

    results = in_threads(50, lambda _: found(keys))

    assert results == [verification_keys(FIRST)] * 50
    assert issuer.requests[JWKS] == 1


def test_a_cold_start_without_keys_is_refused_within_3_seconds_and_recovers_by_itself(issuer: IssuerServer) -> None:
    """With the default settings, and an issuer that accepts connections and says nothing."""
    issuer.fault = Fault.HANGING
    keys = remote(issuer)
    began = time.monotonic()

    with pytest.raises(KeysUnavailableError) as raised:
        keys.current()

    assert time.monotonic() - began < 3
    assert raised.value.retry_after is not None
    assert 1 <= raised.value.retry_after <= 60
    issuer.fault = None
    eventually(keys.peek)
    assert found(keys) == verification_keys(FIRST)


def test_who_comes_late_in_a_first_fetch_waits_for_what_is_left_of_it(issuer: IssuerServer, clock: Clock) -> None:
    """Or requests that had to queue for a thread would be answered after more than the time for a fetch."""
    issuer.fault = Fault.PAUSED
    keys = remote(issuer, clock, timeout=10)
    keys.peek()
    issuer.wait_for_requests(JWKS, 1)
    clock.now += 9

    with at_once(), pytest.raises(KeysUnavailableError, match="the fetch has not finished"):
        found(keys)
    issuer.fault = None
    eventually(keys.peek)


@pytest.mark.parametrize(("fault", "timeout"), OUTAGES.items(), ids=lambda value: getattr(value, "name", ""))
def test_a_cold_start_survives_every_fault_of_the_issuer(issuer: IssuerServer, fault: Fault, timeout: float) -> None:
    """A 503 that says when to come again, never a refusal of the token, and no help is needed afterwards."""
    issuer.fault = fault
    keys = remote(issuer, timeout=timeout, retry=0.01)

    with pytest.raises(KeysUnavailableError) as raised:
        keys.current()

    assert raised.value.reason.startswith(f"no usable keys from {issuer.jwks_url}: ")
    until_failing(keys)
    issuer.fault = None
    eventually(keys.peek)
    assert found(keys) == verification_keys(FIRST)
    assert keys.status().last_error is None


def test_a_dead_issuer_holds_up_nobody_after_the_first_attempt(issuer: IssuerServer, clock: Clock) -> None:
    """Tokens that name it cannot occupy every thread of the server, not while it is asked again either."""
    issuer.fault = Fault.SERVER_ERROR
    keys = remote(issuer, clock, retry=60)
    keys.peek()
    until_failing(keys)

    with at_once(), pytest.raises(KeysUnavailableError, match="answered with status 500") as raised:
        keys.current()
    assert raised.value.retry_after in range(45, 61)
    issuer.fault = Fault.HANGING
    clock.now += 60
    keys.peek()
    issuer.wait_for_requests(JWKS, 2)
    with at_once(), pytest.raises(KeysUnavailableError):
        keys.current()


def test_an_empty_set_is_an_answer(issuer: IssuerServer) -> None:
    """The issuer is idle: its keys are known, there are none."""
    issuer.keys = []
    keys = remote(issuer, unknown_key_budget=0)

    assert found(keys) == []
    assert keys.status().ready
    assert keys.status().keys == 0


def test_a_known_key_never_waits_for_the_network(issuer: IssuerServer, clock: Clock) -> None:
    """Not while the set is fetched again either."""
    keys = remote(issuer, clock)
    found(keys)
    issuer.fault = Fault.PAUSED
    clock.now += 590
    keys.peek()
    issuer.wait_for_requests(JWKS, 2)

    with at_once():
        assert in_threads(20, lambda _: found(keys)) == [verification_keys(FIRST)] * 20


def test_keys_are_fetched_ahead_of_their_end_without_any_traffic(issuer: IssuerServer) -> None:
    """Nobody asks for keys here after the first time."""
    keys = remote(issuer, max_age=0.2)
    found(keys)

    issuer.wait_for_requests(JWKS, 4)

    age = keys.status().age
    assert age is not None


def test_cache_control_shortens_the_interval(issuer: IssuerServer, clock: Clock) -> None:
    """Between half a minute and the setting."""
    issuer.headers |= {"Cache-Control": "max-age=100", "Age": "40"}
    keys = remote(issuer, clock)
    found(keys)

    next_refresh = keys.status().next_refresh

    assert next_refresh is not None
    assert 42 <= next_refresh <= 51


def test_a_withdrawn_key_is_refused_within_the_refresh_interval(issuer: IssuerServer, clock: Clock) -> None:
    """Ten minutes by default, however busy or quiet the service is."""
    keys = remote(issuer, clock)
    assert found(keys, FIRST) == verification_keys(FIRST)
    issuer.keys = [SECOND]

    clock.now += 600

    assert found(keys, FIRST) == []
    assert found(keys, SECOND) == verification_keys(SECOND)


def test_the_same_keys_fetched_again_are_the_same_ring(issuer: IssuerServer, clock: Clock) -> None:
    """Tokens that they have verified stay remembered."""
    keys = remote(issuer, clock)
    found(keys)
    before = keys.peek()

    clock.now += 590
    keys.peek()
    issuer.wait_for_requests(JWKS, 2)
    eventually(lambda: (keys.status().age or 0) < 590)

    assert before is not None
    assert keys.peek() is before


def test_other_keys_are_another_ring(issuer: IssuerServer, clock: Clock) -> None:
    """As soon as they are fetched, tokens that the old keys have verified are forgotten."""
    keys = remote(issuer, clock)
    found(keys)
    before = keys.peek()
    issuer.keys = [FIRST, SECOND]
    clock.now += 590

    eventually(lambda: keys.peek() is not before)

    assert keys.peek() is not None
    assert found(keys, SECOND) == verification_keys(SECOND)


def test_keys_that_are_not_trusted_are_no_ring_at_a_peek(issuer: IssuerServer, clock: Clock) -> None:
    """Before the first fetch, and once they are so old that a fetch is needed; the peek starts it."""
    keys = remote(issuer, clock)
    issuer.fault = Fault.PAUSED

    assert keys.peek() is None
    issuer.wait_for_requests(JWKS, 1)
    issuer.fault = None
    eventually(keys.peek)
    before = keys.peek()
    issuer.fault = Fault.PAUSED
    clock.now += 5000
    assert keys.peek() is None
    issuer.fault = None
    eventually(keys.peek)
    assert keys.peek() is before


def test_a_remembered_token_of_a_withdrawn_key_is_refused_within_the_refresh_interval(
    issuer: IssuerServer, clock: Clock
) -> None:
    """To remember tokens makes nothing last longer: the next set without the key ends them all."""
    settings = {"AUTH_ISSUER": issuer.issuer, "AUTH_AUDIENCE": "https://api.example"}
    config = AuthConfig.from_mapping(settings, keys=remote(issuer, clock))
    verifier = authenticator_of(config.issuers, max_token_bytes=8192, cache_size=10)
    token = issuer.token(FIRST, aud="https://api.example")
    # The first one waits for the first fetch, so nobody could say beforehand which keys would verify it.
    assert verifier.verify(token) == (remembered := verifier.verify(token))
    assert verifier.verify(token) is remembered

    issuer.keys = [SECOND]
    clock.now += 600

    with pytest.raises(InvalidSignatureError):
        verifier.verify(token)


def test_a_process_that_was_stopped_asks_before_it_trusts_old_keys(issuer: IssuerServer, clock: Clock) -> None:
    """Nothing was fetched meanwhile and nothing has failed: the key may be gone since long."""
    keys = remote(issuer, clock)
    found(keys)
    issuer.keys = []
    clock.now += 50_000

    assert in_threads(20, lambda _: found(keys)) == [[]] * 20


def test_a_process_that_was_stopped_while_the_issuer_failed_asks_first_as_well(
    issuer: IssuerServer, clock: Clock
) -> None:
    """That it failed hours ago says nothing about now."""
    keys = remote(issuer, clock)
    found(keys)
    issuer.fault = Fault.SERVER_ERROR
    clock.now += 590
    keys.peek()
    until_failing(keys)
    issuer.fault = None
    issuer.keys = []
    clock.now += 5000

    assert found(keys) == []


def test_holders_of_known_keys_notice_no_outage_after_a_stop(issuer: IssuerServer, clock: Clock) -> None:
    """They wait until it is certain that the issuer fails, once for all."""
    keys = remote(issuer, clock, timeout=0.8, retry=60)
    found(keys)
    issuer.fault = Fault.HANGING
    clock.now += 5000

    assert in_threads(20, lambda _: found(keys)) == [verification_keys(FIRST)] * 20
    assert issuer.requests[JWKS] == 2


@pytest.mark.parametrize(("fault", "timeout"), OUTAGES.items(), ids=lambda value: getattr(value, "name", ""))
def test_no_fault_of_the_issuer_is_noticed_by_holders_of_known_keys(
    issuer: IssuerServer, clock: Clock, fault: Fault, timeout: float
) -> None:
    """The last good set stays; nothing an issuer answers by mistake takes its place."""
    keys = remote(issuer, clock, timeout=timeout)
    found(keys)
    issuer.fault = fault
    clock.now += 590
    keys.peek()
    until_failing(keys)

    assert found(keys) == verification_keys(FIRST)
    status = keys.status()
    assert status.ready
    assert status.last_error is not None
    assert status.last_error.startswith(issuer.jwks_url)


@pytest.mark.parametrize("document", [{}, {"keys": None}, {"error": "gone"}], ids=str)
def test_a_document_without_keys_withdraws_none(issuer: IssuerServer, clock: Clock, document: dict[str, Any]) -> None:
    """It is a failure like any other."""
    keys = remote(issuer, clock)
    found(keys)
    issuer.documents[JWKS] = document
    clock.now += 590
    keys.peek()
    until_failing(keys)

    assert found(keys) == verification_keys(FIRST)


#: Key sets that bring nothing to verify with, and the seconds for which the last good keys serve on.
WITHOUT_USABLE_KEYS = {
    "empty": ([], 600),
    "for encryption only": ([SECOND.jwk(use="enc")], 600),
    "private": ([SECOND.jwk(d="c2VjcmV0LXZhbHVl")], 86_400),
    "of an unknown type": ([{"kty": "AKP", "kid": "pq"}], 86_400),
}


def test_a_listener_is_called_after_each_fetch_that_brings_keys(issuer: IssuerServer) -> None:
    """Not after one that fails; and those who come late hear of the next one."""
    clock, heard = Clock(), Counter[str]()
    keys = remote(issuer, clock, max_age=10)
    keys.on_keys(lambda _age: heard.update(["first"]))
    keys.current()
    eventually(lambda: heard["first"] == 1)
    keys.on_keys(lambda _age: heard.update(["second"]))
    issuer.fault = Fault.SERVER_ERROR
    clock.now += 11
    until_failing(keys)
    before = Counter(heard)
    issuer.fault = None
    clock.now += 61
    keys.peek()
    eventually(lambda: heard["second"] == 1)

    assert before == {"first": 1}
    assert heard == {"first": 2, "second": 1}


def until_asked_again(issuer: IssuerServer, keys: RemoteKeySource, clock: Clock) -> None:
    """Pass the time until the next attempt, and return when it is over."""
    asked, due_in = issuer.requests[JWKS], keys.status().next_refresh
    assert due_in is not None
    clock.now += due_in
    keys.peek()
    issuer.wait_for_requests(JWKS, asked + 1)
    eventually(lambda: keys.status().next_refresh)


@pytest.mark.parametrize(("members", "seconds"), WITHOUT_USABLE_KEYS.values(), ids=WITHOUT_USABLE_KEYS)
def test_a_set_without_a_usable_key_does_not_take_good_keys_away(
    issuer: IssuerServer, clock: Clock, members: list[Any], seconds: float
) -> None:
    """They serve on while the issuer is asked again as after a failure, and its next good set is taken at once."""
    keys = remote(issuer, clock, retry=2)
    found(keys)
    before = keys.peek()
    issuer.keys = members
    until_asked_again(issuer, keys, clock)

    status = keys.status()
    assert keys.peek() is before
    assert (status.ready, status.keys) == (True, 1)
    assert status.last_error is not None
    assert status.last_error.startswith(f"{issuer.jwks_url} answered with")
    assert status.next_refresh is not None
    assert 1.5 <= status.next_refresh <= 2
    issuer.keys = [FIRST]
    until_asked_again(issuer, keys, clock)
    assert keys.peek() is before
    assert keys.status().last_error is None


@pytest.mark.parametrize(("members", "seconds"), WITHOUT_USABLE_KEYS.values(), ids=WITHOUT_USABLE_KEYS)
def test_a_set_without_a_usable_key_is_believed_in_the_end(
    issuer: IssuerServer, clock: Clock, members: list[Any], seconds: float
) -> None:
    """A set with no key for signatures when the age of the good keys is reached; a broken one is an outage."""
    keys = remote(issuer, clock)
    found(keys)
    began, issuer.keys = clock.now, members
    until_asked_again(issuer, keys, clock)
    # The pauses grow to a minute; nothing is at stake between one attempt and the next.
    clock.now = began + seconds - 0.5
    keys.peek()
    eventually(lambda: keys.status().next_refresh)

    assert found(keys) == verification_keys(FIRST)
    clock.now = began + seconds
    eventually(lambda: keys.peek() is not None)
    assert found(keys) == []
    assert keys.status().keys == 0
    assert keys.status().ready is (members == [])


def test_requests_wait_for_the_fetch_that_decides_about_withdrawn_keys(issuer: IssuerServer, clock: Clock) -> None:
    """The issuer has answered the last time, so it is worth the wait: none of them is told that it is unavailable."""
    keys = remote(issuer, clock, max_age=100)
    found(keys)
    issuer.keys = []
    clock.now += 99
    keys.peek()
    until_failing(keys)
    issuer.fault, issuer.keys = Fault.PAUSED, [SECOND]
    clock.now += 1

    with lifting_the_fault(issuer):
        assert in_threads(20, lambda _: found(keys, SECOND)) == [verification_keys(SECOND)] * 20


def test_a_new_key_after_an_empty_set_verifies_at_once(issuer: IssuerServer, clock: Clock) -> None:
    """The issuer answers, so an unknown id is worth a fetch, and all who need it share it."""
    keys = remote(issuer, clock, retry=60)
    found(keys)
    issuer.keys = []
    until_asked_again(issuer, keys, clock)
    issuer.keys = [FIRST, SECOND]

    assert in_threads(20, lambda _: found(keys, SECOND)) == [verification_keys(SECOND)] * 20
    assert keys.status().last_error is None


def test_a_cold_start_with_a_set_without_a_usable_key_is_asked_again_soon(issuer: IssuerServer, clock: Clock) -> None:
    """Tokens are refused until then, and readiness says why."""
    issuer.keys = [FIRST.jwk(use="enc")]
    keys = remote(issuer, clock)

    assert found(keys) == []
    status = keys.status()
    assert (status.ready, status.keys) == (False, 0)
    assert status.last_error == f"{issuer.jwks_url} answered without a usable key; ignored: 1"
    issuer.keys = [FIRST]
    until_asked_again(issuer, keys, clock)
    assert found(keys) == verification_keys(FIRST)
    assert keys.status().ready


def test_an_outage_is_not_noticed_until_the_hard_limit(issuer: IssuerServer, clock: Clock) -> None:
    """For 24 hours by default; then it is a 503, and over as soon as the issuer is back."""
    keys = remote(issuer, clock)
    found(keys)
    issuer.stop()
    for clock.now in (1000.0 + 590, *range(2000, 87_000, 1000), 1000.0 + 86_399):
        # An attempt is due by now, and fails.
        eventually(lambda: keys.status().next_refresh)
        with at_once():
            assert found(keys) == verification_keys(FIRST)
    assert keys.status().ready

    clock.now = 1000.0 + 86_400
    with at_once(), pytest.raises(KeysUnavailableError, match="refuses connections"):
        keys.current()
    assert not keys.status().ready
    issuer.start()
    clock.now += 61
    eventually(keys.peek)
    assert found(keys) == verification_keys(FIRST)


def test_a_key_rotated_one_second_ago_verifies_at_once(issuer: IssuerServer, clock: Clock) -> None:
    """Both do, for as long as both are published."""
    keys = remote(issuer, clock)
    found(keys)
    issuer.keys = [FIRST, SECOND]
    clock.now += 1

    assert verifies(keys, issuer.token(SECOND), SECOND)
    assert verifies(keys, issuer.token(FIRST), FIRST)
    assert issuer.requests[JWKS] == 2


def test_a_rotated_key_verifies_at_once_for_every_thread(issuer: IssuerServer, clock: Clock) -> None:
    """Whether it set off the fetch or joined it."""
    keys = remote(issuer, clock)
    found(keys)
    issuer.keys = [SECOND]

    assert in_threads(50, lambda _: found(keys, SECOND)) == [verification_keys(SECOND)] * 50
    assert issuer.requests[JWKS] <= 6


def test_1000_random_key_ids_cause_at_most_5_fetches(issuer: IssuerServer, clock: Clock) -> None:
    """Besides the first; and known keys are served all the while."""
    keys = remote(issuer, clock)
    found(keys)

    results = in_threads(50, lambda _: [found(keys, secrets.token_hex(8)) for _ in range(20)])

    assert results == [[[]] * 20] * 50
    assert issuer.requests[JWKS] <= 6
    assert found(keys) == verification_keys(FIRST)


@pytest.mark.parametrize("document", [{"keys": []}, {}], ids=["empty", "broken"])
def test_the_budget_is_not_passed_by_when_there_are_no_keys(
    issuer: IssuerServer, clock: Clock, document: dict[str, Any]
) -> None:
    """An issuer without keys, or one that answers with an error page, is asked no more often."""
    issuer.documents[JWKS] = document
    keys = remote(issuer, clock)
    keys.peek()
    eventually(lambda: keys.status().ready or keys.status().last_error)

    for _ in range(100):
        try:
            assert found(keys, secrets.token_hex(8)) == []
        except KeysUnavailableError:
            assert document == {}

    assert issuer.requests[JWKS] <= 6


def test_the_budget_counts_failures_as_well(issuer: IssuerServer, clock: Clock) -> None:
    """An issuer in trouble is not hammered."""
    keys = remote(issuer, clock)
    found(keys)
    issuer.fault = Fault.SERVER_ERROR

    assert [found(keys, secrets.token_hex(8)) for _ in range(100)] == [[]] * 100
    assert issuer.requests[JWKS] == 6


def test_the_budget_fills_up_again(issuer: IssuerServer, clock: Clock) -> None:
    """One fetch every two seconds."""
    keys = remote(issuer, clock)
    for _ in range(20):
        found(keys, secrets.token_hex(8))
    assert issuer.requests[JWKS] == 6
    issuer.keys = [SECOND]

    assert found(keys, SECOND) == []
    clock.now += 2
    assert found(keys, SECOND) == verification_keys(SECOND)


def test_without_a_budget_a_rotated_key_comes_with_the_next_refresh(issuer: IssuerServer, clock: Clock) -> None:
    """Nobody waits then, for there is nothing to wait for."""
    keys = remote(issuer, clock, unknown_key_budget=0)
    found(keys)
    issuer.keys = [SECOND]

    with at_once():
        assert found(keys, SECOND) == []
    clock.now += 600
    assert found(keys, SECOND) == verification_keys(SECOND)


def test_an_unknown_key_joins_the_fetch_that_is_under_way(issuer: IssuerServer, clock: Clock) -> None:
    """It costs no budget."""
    keys = remote(issuer, clock, unknown_key_budget=0)
    found(keys)
    issuer.fault, issuer.keys = Fault.PAUSED, [SECOND]
    clock.now += 590
    keys.peek()
    issuer.wait_for_requests(JWKS, 2)

    with lifting_the_fault(issuer):
        assert found(keys, SECOND) == verification_keys(SECOND)
    assert issuer.requests[JWKS] == 2


def test_a_fetch_that_began_too_early_for_a_key_is_followed_by_one_more(issuer: IssuerServer, clock: Clock) -> None:
    """The answer was on its way already when the issuer rotated."""
    keys = remote(issuer, clock)
    found(keys)
    issuer.fault = Fault.PAUSED
    clock.now += 590
    keys.peek()
    issuer.wait_for_requests(JWKS, 2)
    clock.now += 1
    issuer.keys = [FIRST, SECOND]

    with lifting_the_fault(issuer):
        assert found(keys, SECOND) == verification_keys(SECOND)
    assert issuer.requests[JWKS] == 3


def test_a_fetch_that_brings_other_new_keys_is_followed_by_one_more(issuer: IssuerServer, clock: Clock) -> None:
    """The issuer has rotated twice, and the answer with the first new key was on its way already."""
    keys = remote(issuer, clock)
    found(keys)
    issuer.fault, issuer.keys = Fault.PAUSED, [FIRST, SECOND]
    clock.now += 590
    keys.peek()
    issuer.wait_for_requests(JWKS, 2)
    clock.now += 1
    issuer.keys = [FIRST, SECOND, THIRD]

    with lifting_the_fault(issuer):
        assert found(keys, THIRD) == verification_keys(THIRD)
    assert issuer.requests[JWKS] == 3


def test_all_who_need_the_fetch_that_follows_share_it(issuer: IssuerServer) -> None:
    """A rotation needs one of the budget, whatever was under way before and however many requests come with the key."""
    keys = remote(issuer, unknown_key_budget=2)
    found(keys)
    issuer.fault = Fault.PAUSED
    stranger = threading.Thread(target=found, args=(keys, "invented"))
    stranger.start()
    issuer.wait_for_requests(JWKS, 2)
    issuer.keys = [FIRST, SECOND]

    with lifting_the_fault(issuer, after=0.3):
        assert in_threads(20, lambda _: found(keys, SECOND)) == [verification_keys(SECOND)] * 20
    assert issuer.requests[JWKS] == 3
    stranger.join()


@pytest.mark.parametrize(("budget", "fetches"), [(0, 1), (5, 2)])
def test_an_unknown_key_on_a_cold_start_costs_at_most_one_fetch_more(
    issuer: IssuerServer, budget: int, fetches: int
) -> None:
    """It comes from the budget: the first fetch may have begun before the issuer made the key."""
    keys = remote(issuer, unknown_key_budget=budget)

    assert found(keys, SECOND) == []
    assert issuer.requests[JWKS] == fetches


def test_a_fetch_that_began_after_the_question_is_not_repeated_for_it(issuer: IssuerServer, clock: Clock) -> None:
    """Another request has paid for it; the issuer has said all there is."""
    keys = remote(issuer, clock)
    found(keys)
    refresher, asked_at = keys._refresher(), clock()
    clock.now += 1
    found(keys, SECOND)

    assert refresher.ask_within_budget(asked_at) is None
    assert issuer.requests[JWKS] == 2


def test_an_unknown_key_is_not_waited_for_longer_than_a_fetch_may_take(issuer: IssuerServer) -> None:
    """Then the token is refused."""
    keys = remote(issuer, timeout=0.8)
    found(keys)
    issuer.fault = Fault.HANGING
    began = time.monotonic()

    assert found(keys, SECOND) == []
    assert time.monotonic() - began < 3


def test_while_the_issuer_fails_only_those_wait_who_take_from_the_budget(issuer: IssuerServer, clock: Clock) -> None:
    """The others are refused at once, a fetch under way or not."""
    keys = remote(issuer, clock, unknown_key_budget=1)
    found(keys)
    issuer.fault = Fault.SERVER_ERROR
    found(keys, SECOND)
    assert keys.status().last_error is not None
    issuer.fault = Fault.PAUSED
    clock.now += 5
    keys.peek()
    issuer.wait_for_requests(JWKS, 3)

    with at_once():
        assert in_threads(20, lambda _: found(keys, SECOND)) == [[]] * 20


def test_while_the_issuer_fails_an_unknown_key_may_find_it_recovered(issuer: IssuerServer, clock: Clock) -> None:
    """From the budget, ahead of the next attempt."""
    keys = remote(issuer, clock, retry=60)
    found(keys)
    issuer.fault = Fault.SERVER_ERROR
    found(keys, THIRD)
    issuer.fault, issuer.keys = None, [SECOND]

    assert found(keys, SECOND) == verification_keys(SECOND)
    assert keys.status().last_error is None


def test_a_known_key_whose_signature_does_not_verify_causes_no_fetch(issuer: IssuerServer, clock: Clock) -> None:
    """The issuer would have nothing to add."""
    keys = remote(issuer, clock)
    found(keys)

    assert not verifies(keys, issuer.token(SECOND), FIRST)
    assert found(keys, "key-1", "ES256") == []
    assert issuer.requests[JWKS] == 1


def test_the_id_of_a_key_that_was_left_out_causes_no_fetch(issuer: IssuerServer, clock: Clock) -> None:
    """The issuer publishes it, and it is still no use."""
    issuer.keys = [SECOND.jwk(use="enc")]
    keys = remote(issuer, clock)
    found(keys, SECOND)

    assert found(keys, SECOND) == []
    assert issuer.requests[JWKS] == 1


def test_a_token_without_an_id_is_tried_with_what_is_there_first(issuer: IssuerServer, clock: Clock) -> None:
    """No fetch as long as one of the keys verifies."""
    issuer.keys = [FIRST, NAMELESS]
    keys = remote(issuer, clock)
    found(keys, FIRST)

    assert verifies(keys, issuer.token(NAMELESS), NAMELESS)
    assert issuer.requests[JWKS] == 1


def test_a_token_without_an_id_is_tried_with_the_keys_that_are_new(issuer: IssuerServer, clock: Clock) -> None:
    """Once, from the budget; those that did not verify are not tried again."""
    issuer.keys = [FIRST, NAMELESS]
    keys = remote(issuer, clock)
    found(keys, FIRST)
    issuer.keys = [FIRST, NAMELESS, OTHER_NAMELESS]

    tried = found(keys, NAMELESS)

    assert tried == verification_keys(FIRST, NAMELESS, OTHER_NAMELESS)
    assert issuer.requests[JWKS] == 2
    assert verifies(keys, issuer.token(OTHER_NAMELESS), OTHER_NAMELESS)


def test_keys_that_came_while_others_were_tried_are_tried_without_asking(issuer: IssuerServer, clock: Clock) -> None:
    """Another request has seen to them."""
    issuer.keys = [NAMELESS]
    keys = remote(issuer, clock, unknown_key_budget=1)
    seen = keys.current()
    issuer.keys = [OTHER_NAMELESS]
    clock.now += 1
    found(keys, SECOND)

    newer = keys.newer(seen, None)

    assert newer is keys.current() is not seen
    assert newer.keys == tuple(verification_keys(OTHER_NAMELESS))
    assert issuer.requests[JWKS] == 2


def test_keys_without_an_id_rotate_under_tokens_with_one(issuer: IssuerServer, clock: Clock) -> None:
    """The id tells nothing, so what fails may be new."""
    issuer.keys = [NAMELESS]
    keys = remote(issuer, clock)
    found(keys, "any")
    issuer.keys = [OTHER_NAMELESS]

    assert found(keys, "any") == verification_keys(NAMELESS, OTHER_NAMELESS)


def test_tokens_without_an_id_cannot_cause_more_fetches_than_the_budget_has(issuer: IssuerServer, clock: Clock) -> None:
    """Nor more than ten attempts with each set."""
    issuer.keys = [SigningKey.generate("EdDSA", None) for _ in range(15)]
    keys = remote(issuer, clock)

    tried = [len(found(keys, None)) for _ in range(50)]

    assert tried == [10] * 50
    assert issuer.requests[JWKS] <= 6


def test_the_status_never_waits_and_sees_to_the_first_fetch(issuer: IssuerServer, clock: Clock) -> None:
    """A probe that kept traffic away until there are keys would keep it away for ever otherwise."""
    issuer.fault = Fault.PAUSED
    keys = remote(issuer, clock)

    with at_once():
        assert not keys.status().ready
        status = keys.status()

    assert (status.ready, status.keys, status.age, status.last_error, status.next_refresh) == (False, 0, None, None, 0)
    issuer.fault = None
    eventually(keys.peek)
    clock.now += 100
    status = keys.status()
    assert (status.ready, status.keys, status.age, status.last_error) == (True, 1, 100, None)
    assert status.next_refresh is not None
    assert 320 <= status.next_refresh <= 410


def messages(caplog: pytest.LogCaptureFixture, issuer: IssuerServer) -> list[tuple[str, str]]:
    """Return the level and the text of what was logged about an issuer."""
    lines = [
        (record.levelname, record.getMessage())
        for record in caplog.records
        if record.name == "flask_resource_server.keys"
    ]
    return [(level, text) for level, text in lines if f"from {issuer.jwks_url}" in text]


def test_each_failure_is_logged_once_and_the_recovery_too(
    issuer: IssuerServer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """As errors while there are no keys at all."""
    caplog.set_level(logging.INFO, "flask_resource_server.keys")
    issuer.fault = Fault.SERVER_ERROR
    keys = remote(issuer, clock)
    keys.peek()
    until_failing(keys)
    clock.now += 2
    keys.peek()
    eventually(lambda: len(messages(caplog, issuer)) == 2)
    issuer.fault = None
    clock.now += 10
    eventually(keys.peek)
    for _ in range(10):
        found(keys)

    eventually(lambda: len(messages(caplog, issuer)) == 3)
    first, second, third = messages(caplog, issuer)
    assert first[0] == second[0] == "ERROR"
    assert first[1].startswith(f"could not fetch keys from {issuer.jwks_url}; retrying in ")
    assert first[1].endswith(f" s: {issuer.jwks_url} answered with status 500")
    assert third == ("INFO", f"fetched keys from {issuer.jwks_url} again after 2 failed attempts")


def test_a_failure_with_keys_at_hand_is_a_warning(
    issuer: IssuerServer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody is refused yet."""
    keys = remote(issuer, clock)
    found(keys)
    issuer.fault = Fault.HTML
    clock.now += 590
    keys.peek()
    until_failing(keys)

    eventually(lambda: messages(caplog, issuer))
    assert [level for level, _ in messages(caplog, issuer)] == ["WARNING"]


@pytest.mark.parametrize(
    ("members", "ignored", "reason"),
    [
        ([], [], "answered with an empty key set"),
        ([SECOND.jwk(use="enc")], [SECOND], "answered without a usable key; ignored: 1"),
    ],
    ids=["empty", "unusable"],
)
def test_the_log_says_that_the_last_keys_are_kept(
    issuer: IssuerServer,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    members: list[Any],
    ignored: list[SigningKey],
    reason: str,
) -> None:
    """Once per attempt, with the reason for each key the first time, and at last that all is well again."""
    caplog.set_level(logging.INFO, "flask_resource_server.keys")
    keys = remote(issuer, clock)
    found(keys)
    issuer.keys = members
    until_asked_again(issuer, keys, clock)
    until_asked_again(issuer, keys, clock)
    issuer.keys = [FIRST, *members]
    until_asked_again(issuer, keys, clock)

    eventually(lambda: len(messages(caplog, issuer)) == 3 + len(ignored))
    *lines, kept, kept_again, well = messages(caplog, issuer)
    for level, text in (kept, kept_again):
        assert level == "WARNING"
        assert text.startswith(f"kept the keys from {issuer.jwks_url}; retrying in ")
        assert text.endswith(f" s: {issuer.jwks_url} {reason}")
    assert [text.partition(": ")[2] for _, text in lines] == [
        f'key 0 (kid "{key.key_id}") is not for signatures ("use")' for key in ignored
    ]
    assert well == ("INFO", f"fetched keys from {issuer.jwks_url} again after 2 failed attempts")


def test_the_log_says_when_the_last_keys_are_given_up(
    issuer: IssuerServer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """An empty set is believed then."""
    keys = remote(issuer, clock)
    found(keys)
    issuer.keys = []
    clock.now += 600
    assert found(keys) == []

    eventually(lambda: messages(caplog, issuer))
    assert messages(caplog, issuer)[0] == ("WARNING", f"gave up the keys from {issuer.jwks_url}: its key set is empty")


def test_a_set_without_a_usable_key_is_an_error_if_there_are_no_others(
    issuer: IssuerServer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """No token can be verified then."""
    caplog.set_level(logging.INFO, "flask_resource_server.keys")
    issuer.keys = [FIRST.jwk(use="enc")]
    remote(issuer, clock).current()

    eventually(lambda: len(messages(caplog, issuer)) == 2)
    ignored, failed = messages(caplog, issuer)
    assert ignored[0] == "INFO"
    assert failed[0] == "ERROR"
    assert failed[1].startswith(f"no usable keys from {issuer.jwks_url}; retrying in ")


def test_each_key_that_is_left_out_is_logged_once(
    issuer: IssuerServer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Again only if there is something new about it."""
    caplog.set_level(logging.INFO, "flask_resource_server.keys")
    issuer.keys = [FIRST, SECOND.jwk(use="enc"), {"kty": "oct", "k": "c2VjcmV0LXZhbHVl", "kid": "mac"}]
    keys = remote(issuer, clock)
    found(keys)
    eventually(lambda: len(messages(caplog, issuer)) == 2)
    issuer.keys.append(THIRD.jwk(key_ops=["sign"]))
    found(keys, "unknown")
    found(keys, "unknown")

    eventually(lambda: len(messages(caplog, issuer)) == 3)
    start = f"ignoring a key from {issuer.jwks_url}: key"
    assert messages(caplog, issuer) == [
        ("INFO", f'{start} 1 (kid "key-2") is not for signatures ("use")'),
        ("WARNING", f'{start} 2 (kid "mac") is a private or symmetric JWK; give the public one'),
        ("INFO", f'{start} 3 (kid "key-3") may not verify ("key_ops")'),
    ]
    assert "c2VjcmV0" not in caplog.text


def clock_warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if "the clock of this machine" in record.getMessage()]


@pytest.mark.parametrize(
    ("ahead", "relation", "refused"), [(600, "behind", "not yet valid"), (-600, "ahead of", "expired")]
)
def test_a_clock_that_is_wrong_is_warned_of_once(
    issuer: IssuerServer, clock: Clock, caplog: pytest.LogCaptureFixture, ahead: int, relation: str, refused: str
) -> None:
    """Every good token is refused then, and each refusal by itself looks like the fault of its client."""
    keys = remote(issuer, clock)
    for _ in range(2):
        issuer.headers["Date"] = formatdate(time.time() + ahead, usegmt=True)
        found(keys)
        clock.now += 700
    eventually(lambda: issuer.requests["/jwks"] == 2)

    eventually(lambda: clock_warnings(caplog))
    (line,) = clock_warnings(caplog)
    assert re.fullmatch(
        rf"the clock of this machine is (59\d|60\d) s {relation} that of {issuer.jwks_url}: "
        f"good tokens are refused as {refused}",
        line,
    )


@pytest.mark.parametrize(
    ("ahead", "tolerance", "age"),
    [(20, 30, None), (-20, 30, None), (600, 900, None), (-600, 30, 600)],
    ids=["a little ahead", "a little behind", "forgiven", "an answer out of a cache"],
)
def test_a_clock_that_is_right_enough_is_not_warned_of(
    issuer: IssuerServer,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    ahead: int,
    tolerance: float,
    age: int | None,
) -> None:
    """By the leeway of the tokens, and by the time that the answer has spent in caches (RFC 9111 §5.1)."""
    issuer.headers["Date"] = formatdate(time.time() + ahead, usegmt=True)
    if age is not None:
        issuer.headers["Age"] = str(age)
    keys = RemoteKeySource(
        FixedLocation(issuer.jwks_url), settings=RemoteKeySettings(clock_tolerance=tolerance), clock=clock
    )
    found(keys)
    issuer.keys = [{"kty": "oct"}, FIRST]
    found(keys, "unknown")

    # The second fetch has been logged, and so has the first.
    eventually(lambda: messages(caplog, issuer))
    assert clock_warnings(caplog) == []


@pytest.mark.parametrize("date", ["", "yesterday"])
def test_an_issuer_that_does_not_show_its_clock_is_not_judged_by_it(
    issuer: IssuerServer, clock: Clock, caplog: pytest.LogCaptureFixture, date: str
) -> None:
    """As in ``flask auth check``."""
    issuer.headers["Date"] = date
    issuer.keys = [{"kty": "oct"}, FIRST]
    found(remote(issuer, clock))

    eventually(lambda: messages(caplog, issuer))
    assert clock_warnings(caplog) == []


def test_a_look_at_the_issuer_changes_nothing(issuer: IssuerServer, clock: Clock) -> None:
    """It starts no thread and leaves no keys behind."""
    issuer.keys = [FIRST, SECOND.jwk(use="enc")]
    issuer.headers["Cache-Control"] = "max-age=100"
    before = threading.active_count()

    keys = RemoteKeySource(DiscoveredLocation(issuer.issuer), clock=clock)
    fetched = keys.fetch_now()

    # The server answers each request in a thread of its own.
    eventually(lambda: threading.active_count() <= before)
    assert fetched.url == issuer.jwks_url
    assert fetched.ring.keys == tuple(verification_keys(FIRST))
    assert [str(entry) for entry in fetched.key_set.dropped] == ['key 1 (kid "key-2") is not for signatures ("use")']
    assert fetched.ring.algorithms == {"EdDSA"}
    assert fetched.fresh_until == fetched.fetched_at + 100
    assert fetched.date is not None


def test_a_look_at_an_issuer_that_fails_says_why(issuer: IssuerServer) -> None:
    """For the person at the terminal."""
    issuer.fault = Fault.SERVER_ERROR

    with pytest.raises(FetchError, match="answered with status 500"):
        remote(issuer).fetch_now()


def test_the_defaults_are_those_of_the_design() -> None:
    """The settings of a deployment replace them."""
    settings = RemoteKeySettings()

    assert (settings.max_age, settings.stale_limit, settings.timeout) == (600, 86_400, 3)
    assert (settings.retry, settings.unknown_key_budget) == (1, 30)
