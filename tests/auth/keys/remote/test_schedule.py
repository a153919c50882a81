"""When keys are fetched and for how long they are trusted, by a clock that stands still."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from auth.keys import KeyRing, VerificationKey
from auth.keys.key_set import DroppedKey, KeySet
from auth.keys.remote.schedule import FetchBudget, RefreshState, RemoteKeySettings, Snapshot

SETTINGS = RemoteKeySettings()
GRACE = SETTINGS.timeout

SIGNING = VerificationKey.from_secret("a" * 32)
NO_KEY_AT_ALL = KeySet(KeyRing())
NONE_USABLE = KeySet(KeyRing(), (DroppedKey(index=0, key_id='"a"', reason="is not a readable JWK"),))
ONLY_FOR_ENCRYPTION = KeySet(
    KeyRing(), (DroppedKey(index=0, key_id='"e"', reason='is not for signatures ("use")', is_expected=True),)
)


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
    """Ten minutes, a day, three seconds, one second, thirty a minute."""
    assert RemoteKeySettings() == RemoteKeySettings(
        max_age=600, stale_limit=86_400, timeout=3, retry=1, unknown_key_budget=30
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
    return RefreshState.at_start(None, fetched_at, 0).after_fetch(snapshot_at(fetched_at), fetched_at, SETTINGS, 0)


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


def test_a_process_whose_parent_had_no_usable_key_asks_at_once() -> None:
    """Its parent was about to ask again as well. A parent whose issuer had no key yet was not."""
    unusable, empty = (replace(snapshot_at(), key_set=key_set) for key_set in (NONE_USABLE, NO_KEY_AT_ALL))

    assert RefreshState.at_start(unusable, 1300, 0).next_at == 1300
    assert not RefreshState.at_start(unusable, 1300, 0).is_ready(1300)
    assert RefreshState.at_start(empty, 1300, 0).next_at == 1420
    assert RefreshState.at_start(empty, 1300, 0).is_ready(1300)


@pytest.mark.parametrize(("jitter", "seconds"), [(0, 420), (0.5, 465), (1, 510)])
def test_keys_are_fetched_again_well_before_they_are_too_old(jitter: float, seconds: float) -> None:
    """At 70 to 85 per cent of their life."""
    assert state_at().after_fetch(snapshot_at(2000), 2000, SETTINGS, jitter).next_at == pytest.approx(2000 + seconds)


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
    state = RefreshState.at_start(None, 1000, 0).after_fetch(snapshot, 1000, SETTINGS, 1)
    assert state.next_at == 1008.5

    assert state.trusted(1009.9, GRACE) is snapshot
    assert state.trusted(1010, GRACE) is None


def test_a_success_ends_the_failing() -> None:
    """The error is forgotten."""
    state = state_at().after_failure("It broke", 1450, SETTINGS, 1)
    assert (state.failures, state.error) == (1, "It broke")

    state = state.after_fetch(snapshot_at(1451), 1451, SETTINGS, 0)

    assert (state.failures, state.error, state.next_at) == (0, None, 1871)


def with_keys(fetched_at: float = 1000) -> RefreshState:
    return RefreshState.at_start(None, fetched_at, 0).after_fetch(
        snapshot_at(fetched_at, None, SETTINGS, SIGNING), fetched_at, SETTINGS, 0
    )


def after(state: RefreshState, key_set: KeySet, now: float) -> RefreshState:
    """Return the state after a fetch that brought a key set, with the longest pauses."""
    return state.after_fetch(replace(snapshot_at(now), key_set=key_set), now, SETTINGS, 1)


@pytest.mark.parametrize(
    ("key_set", "until"),
    [(NO_KEY_AT_ALL, 1600), (ONLY_FOR_ENCRYPTION, 1600), (NONE_USABLE, 87_400)],
    ids=["empty", "for encryption", "unusable"],
)
def test_good_keys_serve_on_when_the_issuer_publishes_no_usable_one(key_set: KeySet, until: float) -> None:
    """A set without a key that verifies withdraws them when their age is reached; one that is broken is a failure.

    A realm that withdraws its only signing key still publishes its key for encryption.
    """
    state = before = with_keys()
    for now in (1420, *range(1500, int(until), 60), until - 1):
        state = after(state, key_set, now)
        assert state.trusted(now, GRACE) is before.snapshot
        assert state.is_ready(now)

    assert state.next_at == until
    assert state.usable(until - 0.1) is before.snapshot
    assert state.usable(until) is state.trusted(until, GRACE) is None
    given_up = after(state, key_set, until)
    assert given_up.ring is key_set.ring


def test_the_pauses_after_a_set_without_a_usable_key_are_those_after_a_failure() -> None:
    """The issuer may have noticed by then, and nobody waits for ten minutes."""
    state, pauses = with_keys(), []
    for now in range(1420, 1600, 60):
        state = after(state, NO_KEY_AT_ALL, now)
        pauses.append(state.next_at - now)

    assert pauses == [1, 2, 4]
    assert state.error == "https://issuer.example/jwks answered with an empty key set"
    assert after(with_keys(), NONE_USABLE, 1420).error == (
        "https://issuer.example/jwks answered without a usable key; ignored: 1"
    )


def test_an_empty_set_is_believed_at_once_if_the_age_of_the_keys_is_reached() -> None:
    """Keys that nobody confirmed for so long may have been withdrawn long since."""
    state = after(with_keys(), NO_KEY_AT_ALL, 1600)

    assert (state.failures, state.error, state.given_up_at) == (0, None, math.inf)
    assert state.snapshot is not None
    assert (state.snapshot.fetched_at, state.snapshot.ring.keys) == (1600, ())


def test_the_age_counts_from_the_last_usable_set_whatever_the_issuer_says() -> None:
    """A short max-age of the issuer takes nothing from the time for which an empty set is not believed."""
    short = snapshot_at(1000, 30, SETTINGS, SIGNING)
    state = RefreshState.at_start(None, 1000, 0).after_fetch(short, 1000, SETTINGS, 0)

    state = after(state, NO_KEY_AT_ALL, 1500)

    assert state.trusted(1500.5, GRACE) is short
    assert state.given_up_at == 1600


def test_an_outage_after_an_empty_set_does_not_bring_withdrawn_keys_back() -> None:
    """The last word of the issuer was that they are gone."""
    state = after(with_keys(), NO_KEY_AT_ALL, 1590).after_failure("It broke", 1595, SETTINGS, 1)

    assert state.is_unanswered
    assert state.usable(1599.9) is not None
    assert state.usable(1600) is None
    assert not state.is_ready(1600)


def test_keys_that_an_empty_set_has_withdrawn_do_not_come_back() -> None:
    """An outage hid the end of their time, and then the issuer publishes keys that cannot be used."""
    state = after(with_keys(), NO_KEY_AT_ALL, 1590).after_failure("It broke", 1595, SETTINGS, 1)

    state = after(state, NONE_USABLE, 1700)

    assert state.ring is NONE_USABLE.ring
    assert not state.is_ready(1700)


def test_a_withdrawal_after_a_slip_counts_and_a_slip_after_a_withdrawal_gives_no_more_time() -> None:
    """The time that is left to good keys never grows without a usable set."""
    slipped = after(after(with_keys(), NO_KEY_AT_ALL, 1500), NONE_USABLE, 1501)
    withdrawn = after(after(with_keys(), NONE_USABLE, 1500), NO_KEY_AT_ALL, 1501)

    assert (slipped.given_up_at, withdrawn.given_up_at) == (1600, 1600)


def test_usable_keys_end_it_at_once() -> None:
    """The same ones stay the same ring, so tokens stay remembered."""
    before = with_keys()
    held = after(before, NO_KEY_AT_ALL, 1500)

    state = held.after_fetch(snapshot_at(1501, None, SETTINGS, SIGNING), 1501, SETTINGS, 0)

    assert held.ring is before.ring is state.ring
    assert (state.failures, state.error, state.rejected, state.given_up_at) == (0, None, None, math.inf)


def test_an_empty_set_at_first_is_an_answer_and_one_without_a_usable_key_is_a_failure() -> None:
    """Some issuers make their first key when they need it. What is published and cannot be used needs a person."""
    start = RefreshState.at_start(None, 1000, 0)
    empty, unusable = after(start, NO_KEY_AT_ALL, 1000), after(start, NONE_USABLE, 1000)

    assert (empty.failures, empty.is_ready(1000), empty.next_at) == (0, True, 1510)
    assert (unusable.failures, unusable.is_ready(1000), unusable.next_at) == (1, False, 1001)
    assert unusable.trusted(1000, GRACE) is unusable.snapshot is not None
    assert after(unusable, NO_KEY_AT_ALL, 1001).failures == 0


def test_the_same_keys_again_stay_the_same_ring() -> None:
    """Tokens that the ring has verified stay remembered; other keys are another ring."""
    one, other = (VerificationKey.from_secret(letter * 32) for letter in "ab")
    state = RefreshState.at_start(None, 1000, 0)
    assert state.ring is None
    state = state.after_fetch(snapshot_at(1000, None, SETTINGS, one, other), 1000, SETTINGS, 0)
    ring = state.ring

    again = state.after_fetch(snapshot_at(1420, None, SETTINGS, other, one), 1420, SETTINGS, 0)
    changed = again.after_fetch(snapshot_at(1840, None, SETTINGS, one), 1840, SETTINGS, 0)

    assert again.ring is ring
    assert again.snapshot is not None
    assert again.snapshot.fetched_at == 1420
    assert changed.ring is not ring


@pytest.mark.parametrize(("now", "seconds"), [(1000, 1), (999.5, 1), (998.9, 2), (2000, 1), (0, 60)])
def test_retry_after_is_a_whole_number_of_seconds_up_to_a_minute(now: float, seconds: int) -> None:
    """At least one: it is meant for clients that would come back at once."""
    assert RefreshState.at_start(None, 1000, 0).retry_after(now) == seconds


def test_a_budget_is_spent_and_fills_up_again_evenly() -> None:
    """Thirty a minute: one every two seconds, and never more than five at once."""
    budget = FetchBudget(30, 1000)

    assert [budget.take(1000) for _ in range(6)] == [True] * 5 + [False]
    assert [budget.take(1001.9), budget.take(1002.1), budget.take(1003)] == [False, True, False]
    assert [budget.take(9000) for _ in range(6)] == [True] * 5 + [False]


@pytest.mark.parametrize(("per_minute", "at_once", "pause"), [(1, 1, 60), (3, 3, 20), (5, 5, 12), (60, 5, 1)])
def test_what_is_left_of_a_budget_at_once_is_five_at_most(per_minute: int, at_once: int, pause: float) -> None:
    """A small budget is spent at once as well; each fetch comes back after its part of a minute."""
    budget = FetchBudget(per_minute, 1000)

    assert [budget.take(1000) for _ in range(at_once + 1)] == [True] * at_once + [False]
    assert [budget.take(1000 + pause - 0.1), budget.take(1000 + pause + 0.1)] == [False, True]


def test_a_budget_of_nothing_is_never_there() -> None:
    """It turns such fetches off."""
    assert not FetchBudget(0, 1000).take(9000)
