"""When keys are fetched and for how long they are trusted, by a clock that stands still."""

from __future__ import annotations

import pytest

from auth.keys import KeyRing, VerificationKey
from auth.keys.key_set import KeySet
from auth.keys.remote.schedule import FetchBudget, RefreshState, RemoteKeySettings, Snapshot

SETTINGS = RemoteKeySettings()
GRACE = SETTINGS.timeout


def snapshot_at(
    fetched_at: float = 1000,
    said: float | None = None,
    settings: RemoteKeySettings = SETTINGS,
    *keys: VerificationKey,
) -> Snapshot:
    """Return keys as they were fetched at a time; ``said`` is how long the issuer lets them be kept."""
    fresh_for, usable_for = settings.lifetimes(said)
    return Snapshot(
        url="https://issuer.example/jwks",
        key_set=KeySet(KeyRing(keys)),
        date=None,
        fetched_at=fetched_at,
        fresh_until=fetched_at + fresh_for,
        usable_until=fetched_at + usable_for,
    )


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
    assert RemoteKeySettings(max_age=allowed).lifetimes(said)[0] == lifetime


@pytest.mark.parametrize(("limit", "usable"), [(86_400, 86_400), (600, 600), (0, 600)])
def test_the_stale_limit_counts_from_the_fetch_and_takes_nothing_away(limit: float, usable: float) -> None:
    """Keys that are not old yet are no matter of it."""
    assert RemoteKeySettings(stale_limit=limit).lifetimes(None) == (600, usable)


def state_at(fetched_at: float = 1000) -> RefreshState:
    return RefreshState.at_start(None, fetched_at, 0).after_success(snapshot_at(fetched_at), 0)


def test_a_process_without_keys_asks_at_once() -> None:
    """And trusts nothing until then."""
    state = RefreshState.at_start(None, 1000, 0.5)

    assert state.next_at == 1000
    assert state.trusted(1000, GRACE) is state.usable(1000) is None


def test_a_process_with_the_keys_of_its_parent_asks_when_they_are_due() -> None:
    """Their age goes on."""
    state = RefreshState.at_start(snapshot_at(), 1300, 0)

    assert state.next_at == 1420
    assert state.trusted(1300, GRACE) is state.snapshot


@pytest.mark.parametrize(("jitter", "seconds"), [(0, 420), (0.5, 465), (1, 510)])
def test_keys_are_fetched_again_well_before_they_are_too_old(jitter: float, seconds: float) -> None:
    """At 70 to 85 per cent of their life."""
    assert state_at().after_success(snapshot_at(2000), jitter).next_at == pytest.approx(2000 + seconds)


def test_keys_are_trusted_until_the_second_of_their_age() -> None:
    """After that the issuer might have withdrawn them, and nobody has asked."""
    state = state_at()

    assert state.trusted(1599.9, GRACE) is state.snapshot
    assert state.trusted(1600, GRACE) is None
    assert state.usable(1600) is state.snapshot


def test_keys_past_their_age_are_trusted_while_the_issuer_fails() -> None:
    """Up to the second of the limit."""
    state = state_at()
    for now in (1450, 1599, 50_000, 87_399):
        state = state.after_failure("It broke", now, SETTINGS, 1)
        assert state.trusted(now + 0.9, GRACE) is state.snapshot

    assert state.trusted(87_400, GRACE) is None
    assert state.usable(87_399.9) is state.snapshot
    assert state.usable(87_400) is None


def test_a_failure_of_long_ago_does_not_make_old_keys_good() -> None:
    """A process that was stopped has asked nobody meanwhile: its next attempt is overdue."""
    state = state_at().after_failure("It broke", 1450, SETTINGS, 1)
    assert state.next_at == 1451

    assert state.trusted(1599, GRACE) is state.snapshot
    assert state.trusted(5000, GRACE) is None


def test_the_pause_between_attempts_doubles_up_to_a_minute() -> None:
    """However long it goes on."""
    state, pauses = RefreshState.at_start(None, 1000, 0), []
    for now in range(2000, 202_000, 100):
        state = state.after_failure("It broke", now, SETTINGS, 1)
        pauses.append(state.next_at - now)

    assert pauses[:8] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert set(pauses[6:]) == {60}
    assert state.failures == 2000


def test_jitter_shortens_the_pause_by_a_quarter_at_most() -> None:
    """So that processes do not ask together."""
    assert RefreshState.at_start(None, 1000, 0).after_failure("It broke", 1000, SETTINGS, 0).next_at == 1000.75


def test_a_failure_that_a_request_has_set_off_does_not_put_off_the_next_attempt() -> None:
    """Nobody can keep us from the issuer by naming keys it does not have."""
    state = RefreshState.at_start(None, 1000, 0)
    for _ in range(4):
        state = state.after_failure("It broke", 1000, SETTINGS, 1)
    assert state.next_at == 1001

    assert state.after_failure("It broke", 1001, SETTINGS, 1).next_at == 1017


def test_the_first_pause_is_a_setting() -> None:
    """The rest follows from it, and a minute stays the longest."""
    settings, state, pauses = RemoteKeySettings(retry=25), RefreshState.at_start(None, 1000, 0), []
    for now in (2000, 2100, 2200):
        state = state.after_failure("It broke", now, settings, 1)
        pauses.append(state.next_at - now)

    assert pauses == [25, 50, 60]


def test_one_failure_is_enough_until_the_next_attempt_must_be_over() -> None:
    """Old keys are trusted for as long as that one takes."""
    state = state_at().after_failure("It broke", 1600, SETTINGS, 1)
    assert state.next_at == 1601

    assert state.trusted(1601 + GRACE - 0.1, GRACE) is state.snapshot
    assert state.trusted(1601 + GRACE, GRACE) is None


def test_a_success_is_no_failing_however_soon_the_keys_are_too_old() -> None:
    """A fetch that takes longer than the rest of a short life makes that no longer."""
    snapshot = snapshot_at(1000, None, RemoteKeySettings(max_age=10))
    state = RefreshState.at_start(None, 1000, 0).after_success(snapshot, 1)
    assert state.next_at == 1008.5

    assert state.trusted(1009.9, GRACE) is snapshot
    assert state.trusted(1010, GRACE) is None


def test_a_success_ends_the_failing() -> None:
    """The error is forgotten."""
    state = state_at().after_failure("It broke", 1450, SETTINGS, 1)
    assert (state.failures, state.error) == (1, "It broke")

    state = state.after_success(snapshot_at(1451), 0)

    assert (state.failures, state.error, state.next_at) == (0, None, 1871)


def test_the_same_keys_again_stay_the_same_ring() -> None:
    """Tokens that the ring has verified stay remembered; other keys are another ring."""
    one, other = (VerificationKey.from_secret(letter * 32) for letter in "ab")
    state = RefreshState.at_start(None, 1000, 0)
    assert state.ring is None
    state = state.after_success(snapshot_at(1000, None, SETTINGS, one, other), 0)
    ring = state.ring

    again = state.after_success(snapshot_at(1420, None, SETTINGS, other, one), 0)
    changed = again.after_success(snapshot_at(1840, None, SETTINGS, one), 0)

    assert again.ring is ring
    assert again.snapshot is not None
    assert again.snapshot.fetched_at == 1420
    assert changed.ring is not ring


@pytest.mark.parametrize(("now", "seconds"), [(1000, 1), (999.5, 1), (998.9, 2), (2000, 1), (0, 60)])
def test_retry_after_is_a_whole_number_of_seconds_up_to_a_minute(now: float, seconds: int) -> None:
    """At least one: it is meant for clients that would come back at once."""
    assert RefreshState.at_start(None, 1000, 0).retry_after(now) == seconds


def test_a_budget_is_spent_and_fills_up_again_evenly() -> None:
    """Five a minute: one every twelve seconds, and never more than five."""
    budget = FetchBudget(5, 1000)

    assert [budget.take(1000) for _ in range(6)] == [True] * 5 + [False]
    assert [budget.take(1011.9), budget.take(1012.1), budget.take(1013)] == [False, True, False]
    assert [budget.take(9000) for _ in range(6)] == [True] * 5 + [False]


def test_a_budget_of_nothing_is_never_there() -> None:
    """It turns such fetches off."""
    assert not FetchBudget(0, 1000).take(9000)
