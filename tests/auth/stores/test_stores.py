"""What every store promises, in memory and in Redis alike."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from auth.stores import Entry, MemoryStore, RedisStore, Store
from tests.support.redis_server import RedisServer

NOW = 1_800_000_000

Result = TypeVar("Result")


class Clock:
    """Seconds since the epoch that a test sets."""

    def __init__(self) -> None:
        self.now: float = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    """A Redis of this module's own."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.server)])
def store(request: pytest.FixtureRequest, clock: Clock) -> Store:
    """A store that is empty."""
    if request.param == "memory":
        return MemoryStore(clock=clock, steady=clock)
    redis: RedisServer = request.getfixturevalue("redis")
    redis.tell("FLUSHALL")
    return RedisStore(redis.url, timeout=5, clock=clock)


def test_values_come_back_in_the_order_of_the_keys(store: Store) -> None:
    """And a key that is not there has none."""
    store.remember({"first": Entry(1.5, NOW + 60), "second": Entry(2, NOW + 60)})

    assert isinstance(store, Store)
    assert store.values(["second", "none", "first"]) == [2, None, 1.5]


@pytest.mark.parametrize("value", [0, -1.5, NOW + 0.123456789, 1e300, math.inf])
def test_a_value_comes_back_as_it_was(store: Store, value: float) -> None:
    """Every digit of it."""
    store.remember({"key": Entry(value, NOW + 60)})

    assert store.values(["key"]) == [value]


def test_nothing_asked_is_nothing_answered(store: Store) -> None:
    """Without a round trip."""
    store.remember({})

    assert list(store.values([])) == []


@pytest.mark.parametrize(("first", "second"), [(1, 2), (2, 1), (NOW, NOW + 0.001), (-1, -2)])
def test_the_larger_value_stays(store: Store, first: float, second: float) -> None:
    """Whichever came first."""
    store.remember({"key": Entry(first, NOW + 60)})
    store.remember({"key": Entry(second, NOW + 60)})

    assert store.values(["key"]) == [max(first, second)]


@pytest.mark.parametrize("times", [(60, 7200), (7200, 60)])
def test_the_later_time_stays(
    store: Store, clock: Clock, times: tuple[int, int], request: pytest.FixtureRequest
) -> None:
    """So nothing that is remembered later shortens what was promised."""
    for seconds in times:
        store.remember({"key": Entry(1, NOW + seconds)})

    if isinstance(store, RedisStore):
        redis: RedisServer = request.getfixturevalue("redis")
        assert 3600 < redis.tell("TTL", "key") <= 7200
    clock.now += 3600
    assert store.values(["key"]) == [1]


def test_an_entry_whose_time_is_over_is_not_kept(store: Store) -> None:
    """The second itself is over."""
    store.remember({"over": Entry(1, NOW), "long over": Entry(1, NOW - 60), "there": Entry(1, NOW + 60)})

    assert store.values(["over", "long over", "there"]) == [None, None, 1]


def test_a_key_is_added_once(store: Store) -> None:
    """Each key for itself."""
    added = [store.add_once(key, NOW + 60) for key in ("first", "first", "second")]

    assert added == [True, False, True]
    assert store.values(["first", "second"]) == [1, 1]


def test_a_key_that_is_added_by_many_at_once_is_new_to_one(store: Store) -> None:
    """There is no moment between looking and adding."""
    answers = in_threads(8, lambda: store.add_once("key", NOW + 60))

    assert sorted(answers) == [False] * 7 + [True]


def test_what_many_remember_at_once_is_the_largest(store: Store) -> None:
    """There is no moment between comparing and writing."""
    numbers = iter(range(100))
    lock = threading.Lock()

    def remember() -> None:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            store.remember({"key": Entry(number, NOW + 60)})

    in_threads(4, remember)

    assert store.values(["key"]) == [99]


def in_threads(count: int, work: Callable[[], Result]) -> list[Result]:
    """Return what some threads return that begin together."""
    start, results = threading.Barrier(count), []

    def run() -> None:
        start.wait()
        results.append(work())

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
