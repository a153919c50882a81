"""The store in memory: bounded, and honest when it is full."""

from __future__ import annotations

import os
import threading

import pytest

from auth.stores import Entry, MemoryStore, StoreUnavailableError

NOW = 1_800_000_000


def full_store(now: list[float]) -> MemoryStore:
    """Return a store with room for three, which holds three for a minute."""
    store = MemoryStore(most=3, clock=lambda: now[0], steady=lambda: now[0])
    store.remember({key: Entry(1, NOW + 60) for key in "abc"})
    return store


def test_a_full_store_refuses_new_entries_and_drops_none() -> None:
    """A revocation that is lost silently would be worse than one that is refused."""
    store = full_store([NOW])

    with pytest.raises(StoreUnavailableError, match="the store in memory is full: it keeps 3 entries"):
        store.remember({"a": Entry(2, NOW + 60), "d": Entry(1, NOW + 60)})
    with pytest.raises(StoreUnavailableError, match="is full"):
        store.add_once("d", NOW + 60)

    assert store.values("abcd") == [1, 1, 1, None]


def test_a_full_store_still_extends_what_it_holds() -> None:
    """That takes no room."""
    store = full_store([NOW])

    store.remember({"a": Entry(2, NOW + 120)})

    assert store.values("a") == [2]
    assert not store.add_once("b", NOW + 60)


def test_there_is_room_again_when_entries_end() -> None:
    """Without anybody's doing."""
    now: list[float] = [NOW]
    store = full_store(now)
    store.remember({"a": Entry(1, NOW + 120)})

    now[0] = NOW + 60
    store.remember({"d": Entry(4, NOW + 120)})

    assert store.values("abcd") == [1, None, None, 4]
    assert len(store) == 2
    assert store.add_once("b", NOW + 120)


def test_an_entry_that_is_extended_again_and_again_takes_no_more_room() -> None:
    """The times that no longer count are sorted out."""
    now: list[float] = [NOW]
    store = MemoryStore(clock=lambda: now[0], steady=lambda: now[0])
    for second in range(3_000):
        store.remember({"key": Entry(1, NOW + second)})

    now[0] = NOW + 2_998.0
    store.remember({"other": Entry(1, NOW + 5_000)})

    assert store.values(["key", "other"]) == [1, 1]
    now[0] = NOW + 2_999.0
    assert store.add_once("key", NOW + 5_000)


def test_a_clock_that_is_put_forward_and_back_loses_nothing() -> None:
    """A revoked token would be good again. Meanwhile the token is over as well, by the same clock."""
    now, steady = [float(NOW)], [1_000.0]
    store = MemoryStore(clock=lambda: now[0], steady=lambda: steady[0])
    store.remember({"key": Entry(1, NOW + 600)})

    now[0] += 7_200
    store.remember({"other": Entry(1, NOW + 9_000)})
    meanwhile = store.values(["key"])
    now[0] -= 7_200

    assert (meanwhile, store.values(["key"])) == ([None], [1])
    assert not store.add_once("key", NOW + 600)


def test_a_clock_that_was_ahead_loses_nothing_when_it_is_put_right() -> None:
    """The token lives longer then than it seemed, and so does the entry, to the second."""
    now, steady = [NOW + 7_200.0], [1_000.0]
    store = MemoryStore(most=1, clock=lambda: now[0], steady=lambda: steady[0])
    store.remember({"key": Entry(1, NOW + 7_800)})

    now[0] -= 7_200
    for seconds in (600, 7_199):
        now[0] += seconds
        steady[0] += seconds
        assert not store.add_once("key", NOW + 7_800)
    now[0] += 1
    steady[0] += 1

    assert store.values(["key"]) == [None]
    assert store.add_once("other", NOW + 9_000)


def test_a_key_that_is_over_by_one_clock_is_added_anew() -> None:
    """Even if there is no room for another one."""
    now = [float(NOW)]
    store = MemoryStore(most=1, clock=lambda: now[0], steady=lambda: 1_000)
    added = [store.add_once("key", NOW + 60)]
    now[0] += 60

    assert [*added, store.add_once("key", NOW + 120), store.add_once("key", NOW + 120)] == [True, True, False]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # of forking with threads: that is the point
def test_a_child_of_a_fork_has_the_entries_and_no_lock_of_its_parent() -> None:
    """A thread of the parent may be inside when a worker is forked."""
    inside, leave = threading.Event(), threading.Event()

    def clock() -> float:
        if threading.current_thread() is not threading.main_thread():
            inside.set()
            leave.wait()
        return NOW

    store = MemoryStore(clock=clock)
    store.remember({"key": Entry(1, NOW + 60)})
    thread = threading.Thread(target=store.remember, args=({"other": Entry(1, NOW + 60)},))
    thread.start()
    inside.wait()
    child = os.fork()
    if child == 0:
        store.remember({"new": Entry(2, NOW + 60)})
        os._exit(0 if store.values(["key", "new"]) == [1, 2] else 1)
    leave.set()
    thread.join()
    _, status = os.waitpid(child, 0)

    assert status == 0
    assert store.values(["key", "new", "other"]) == [1, None, 1]
