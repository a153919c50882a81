"""When callers take turns, and until when."""

from __future__ import annotations

import pytest

from auth.stores.circuit import Circuit


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def circuit(clock: Clock) -> Circuit:
    """One of calls with a timeout of half a second."""
    return Circuit(0.5, clock)


def test_three_failures_open_it_and_an_answer_closes_it(circuit: Circuit) -> None:
    """Fewer may be chance."""
    states = []
    for note in (circuit.fail, circuit.fail, circuit.fail, circuit.close, circuit.fail):
        note()
        states.append(circuit.is_open)

    assert states == [False, False, True, False, False]


@pytest.mark.parametrize(("later", "is_open"), [(1.25, True), (1.5, False)])
def test_it_closes_by_itself_a_second_and_a_timeout_after_the_last_failure(
    circuit: Circuit, clock: Clock, later: float, is_open: bool
) -> None:
    """The call that has begun before the second is over must have had its time."""
    for _ in range(3):
        circuit.fail()
    clock.now += later

    assert circuit.is_open is is_open


def test_failures_far_apart_do_not_open_it(circuit: Circuit, clock: Clock) -> None:
    """Three blips in three nights are no outage."""
    for _ in range(5):
        circuit.fail()
        clock.now += 2

    assert not circuit.is_open
