"""When keys are fetched and for how long they are trusted, by a clock that stands still."""

from __future__ import annotations

import pytest

from auth.keys.key_set import KeySet
from auth.keys.remote.schedule import HeldKeys, RemoteKeySettings, Standing, TokenBucket, held

SETTINGS = RemoteKeySettings()
GRACE = SETTINGS.timeout


def test_what_is_not_set_has_a_sensible_value() -> None:
    """Ten minutes, a day, three seconds, one second, five a minute."""
    assert RemoteKeySettings() == RemoteKeySettings(
        max_age=600, stale_limit=86_400, timeout=3, retry=1, unknown_key_budget=5
    )


LIFETIMES = {
    "nothing said": (None, 600, 600),
    "less": (300, 600, 300),
    "more": (86_400, 600, 600),
    "hardly any": (5, 600, 30),
    "none": (0, 600, 30),
    "none, and hardly any allowed": (0, 10, 10),
}


@pytest.mark.parametrize(("said", "allowed", "lifetime"), LIFETIMES.values(), ids=LIFETIMES)
def test_the_issuer_says_for_how_long_its_keys_are_good_within_bounds(
    said: float | None, allowed: float, lifetime: float
) -> None:
    """At least 30 seconds, at most the setting."""
    keys = held(KeySet(), said, 1000, RemoteKeySettings(max_age=allowed))

    assert keys.fresh_until == 1000 + lifetime


@pytest.mark.parametrize(("limit", "usable"), [(86_400, 86_400), (600, 600), (0, 600)])
def test_the_stale_limit_counts_from_the_fetch_and_takes_nothing_away(limit: float, usable: float) -> None:
    """Keys that are not old yet are no matter of it."""
    assert held(KeySet(), None, 1000, RemoteKeySettings(stale_limit=limit)).usable_until == 1000 + usable


def keys_at(fetched_at: float = 1000) -> HeldKeys:
    return held(KeySet(), None, fetched_at, SETTINGS)


def standing_at(fetched_at: float = 1000) -> Standing:
    return Standing.at_start(None, fetched_at, 0).after_success(keys_at(fetched_at), 0)


def test_a_process_without_keys_asks_at_once() -> None:
    """And trusts nothing until then."""
    standing = Standing.at_start(None, 1000, 0.5)

    assert standing.next_at == 1000
    assert standing.trusted(1000, GRACE) is standing.usable(1000) is None


def test_a_process_with_the_keys_of_its_parent_asks_when_they_are_due() -> None:
    """Their age goes on."""
    standing = Standing.at_start(keys_at(), 1300, 0)

    assert standing.next_at == 1420
    assert standing.trusted(1300, GRACE) is standing.held


@pytest.mark.parametrize(("jitter", "seconds"), [(0, 420), (0.5, 465), (1, 510)])
def test_keys_are_fetched_again_well_before_they_are_too_old(jitter: float, seconds: float) -> None:
    """At 70 to 85 per cent of their life."""
    assert standing_at().after_success(keys_at(2000), jitter).next_at == pytest.approx(2000 + seconds)


def test_keys_are_trusted_until_the_second_of_their_age() -> None:
    """After that the issuer might have withdrawn them, and nobody has asked."""
    standing = standing_at()

    assert standing.trusted(1599.9, GRACE) is standing.held
    assert standing.trusted(1600, GRACE) is None
    assert standing.usable(1600) is standing.held


def test_keys_past_their_age_are_trusted_while_the_issuer_fails() -> None:
    """Up to the second of the limit."""
    standing = standing_at()
    for now in (1450, 1599, 50_000, 87_399):
        standing = standing.after_failure("It broke", now, SETTINGS, 1)
        assert standing.trusted(now + 0.9, GRACE) is standing.held

    assert standing.trusted(87_400, GRACE) is None
    assert standing.usable(87_399.9) is standing.held
    assert standing.usable(87_400) is None


def test_a_failure_of_long_ago_does_not_make_old_keys_good() -> None:
    """A process that was stopped has asked nobody meanwhile: its next attempt is overdue."""
    standing = standing_at().after_failure("It broke", 1450, SETTINGS, 1)
    assert standing.next_at == 1451

    assert standing.trusted(1599, GRACE) is standing.held
    assert standing.trusted(5000, GRACE) is None


def test_the_pause_between_attempts_doubles_up_to_a_minute() -> None:
    """However long it goes on."""
    standing, pauses = Standing.at_start(None, 1000, 0), []
    for now in range(2000, 202_000, 100):
        standing = standing.after_failure("It broke", now, SETTINGS, 1)
        pauses.append(standing.next_at - now)

    assert pauses[:8] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert set(pauses[6:]) == {60}
    assert standing.failures == 2000


def test_jitter_shortens_the_pause_by_a_quarter_at_most() -> None:
    """So that processes do not ask together."""
    assert Standing.at_start(None, 1000, 0).after_failure("It broke", 1000, SETTINGS, 0).next_at == 1000.75


def test_a_failure_that_a_request_has_set_off_does_not_put_off_the_next_attempt() -> None:
    """Nobody can keep us from the issuer by naming keys it does not have."""
    standing = Standing.at_start(None, 1000, 0)
    for _ in range(4):
        standing = standing.after_failure("It broke", 1000, SETTINGS, 1)
    assert standing.next_at == 1001

    assert standing.after_failure("It broke", 1001, SETTINGS, 1).next_at == 1017


def test_the_first_pause_is_a_setting() -> None:
    """The rest follows from it, and a minute stays the longest."""
    settings, standing, pauses = RemoteKeySettings(retry=25), Standing.at_start(None, 1000, 0), []
    for now in (2000, 2100, 2200):
        standing = standing.after_failure("It broke", now, settings, 1)
        pauses.append(standing.next_at - now)

    assert pauses == [25, 50, 60]


def test_one_failure_is_enough_until_the_next_attempt_must_be_over() -> None:
    """Old keys are trusted for as long as that one takes."""
    standing = standing_at().after_failure("It broke", 1600, SETTINGS, 1)
    assert standing.next_at == 1601

    assert standing.trusted(1601 + GRACE - 0.1, GRACE) is standing.held
    assert standing.trusted(1601 + GRACE, GRACE) is None


def test_a_success_is_no_failing_however_soon_the_keys_are_too_old() -> None:
    """A fetch that takes longer than the rest of a short life makes that no longer."""
    keys = held(KeySet(), None, 1000, RemoteKeySettings(max_age=10))
    standing = Standing.at_start(None, 1000, 0).after_success(keys, 1)
    assert standing.next_at == 1008.5

    assert standing.trusted(1009.9, GRACE) is keys
    assert standing.trusted(1010, GRACE) is None


def test_a_success_ends_the_failing() -> None:
    """The error is forgotten."""
    standing = standing_at().after_failure("It broke", 1450, SETTINGS, 1)
    assert (standing.failures, standing.error) == (1, "It broke")

    standing = standing.after_success(keys_at(1451), 0)

    assert (standing.failures, standing.error, standing.next_at) == (0, None, 1871)


@pytest.mark.parametrize(("now", "seconds"), [(1000, 1), (999.5, 1), (998.9, 2), (2000, 1), (0, 60)])
def test_retry_after_is_a_whole_number_of_seconds_up_to_a_minute(now: float, seconds: int) -> None:
    """At least one: it is meant for clients that would come back at once."""
    assert Standing.at_start(None, 1000, 0).retry_after(now) == seconds


def test_a_budget_is_spent_and_fills_up_again_evenly() -> None:
    """Five a minute: one every twelve seconds, and never more than five."""
    bucket = TokenBucket(5, 1000)

    assert [bucket.take(1000) for _ in range(6)] == [True] * 5 + [False]
    assert [bucket.take(1011.9), bucket.take(1012.1), bucket.take(1013)] == [False, True, False]
    assert [bucket.take(9000) for _ in range(6)] == [True] * 5 + [False]


def test_a_budget_of_nothing_is_never_there() -> None:
    """It turns such fetches off."""
    assert not TokenBucket(0, 1000).take(9000)
