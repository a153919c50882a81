"""The threads of a worker: each call is made once, its end is told once, and none is lost at the end."""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from app.fast.worker_threads import Outcome, WorkerThreads

#: Seconds in which nothing takes place that does not hang.
LONG = 30.0


@pytest.fixture
def threads() -> Iterator[WorkerThreads]:
    threads = WorkerThreads(2)
    yield threads
    threads.shutdown()


def ended(outcome: Outcome) -> Outcome:
    """Wait until a call has been made."""
    told: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    outcome.add_done_callback(told.put)
    return told.get(timeout=LONG)


def test_a_call_returns_its_result(threads: WorkerThreads) -> None:
    outcome = ended(threads.submit(divmod, 7, 2))

    assert (outcome.result(), outcome.cancelled()) == ((3, 1), False)


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), KeyboardInterrupt()])
def test_a_call_raises_its_error_where_the_result_is_asked_for(threads: WorkerThreads, error: BaseException) -> None:
    """And its thread makes the next calls: gunicorn's own pool does the same with what would end a thread."""

    def fail() -> None:
        raise error

    for _ in range(5):
        outcome = ended(threads.submit(fail))
        with pytest.raises(type(error)) as raised:
            outcome.result()
        assert raised.value is error
    assert ended(threads.submit(int, "5")).result() == 5


def test_calls_are_made_at_once_and_by_no_more_threads_than_there_are(threads: WorkerThreads) -> None:
    both, go_on = threading.Barrier(3), threading.Event()

    def meet() -> str:
        both.wait(LONG)
        go_on.wait(LONG)
        return threading.current_thread().name

    outcomes = [threads.submit(meet) for _ in range(2)]
    third = threads.submit(lambda: threading.current_thread().name)
    both.wait(LONG)
    assert third._is_done is False

    go_on.set()
    names = {ended(outcome).result() for outcome in outcomes}
    assert len(names) == 2
    assert ended(third).result() in names


def test_threads_that_the_system_does_not_have_are_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are started when there are some again. Without any, gunicorn is told, and replaces the worker."""
    start, is_full = threading.Thread.start, True

    def start_if_there_is_room(thread: threading.Thread) -> None:
        if is_full:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_if_there_is_room)
    threads = WorkerThreads(2)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        threads.submit(int)

    is_full = False
    first = threads.submit(threading.get_ident)
    is_full = True
    others = [threads.submit(threading.get_ident) for _ in range(5)]
    assert {ended(other).result() for other in others} == {ended(first).result()}

    is_full = False
    both = threading.Barrier(2)
    outcomes = [threads.submit(both.wait, LONG) for _ in range(2)]
    assert {ended(outcome).result() for outcome in outcomes} == {0, 1}
    threads.shutdown()


def test_the_end_of_a_call_is_told_once() -> None:
    """Whether the call or the wish to be told comes first: gunicorn would answer a connection twice otherwise."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    told: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    threads = WorkerThreads(2)
    try:
        for _ in range(2_000):
            threads.submit(int).add_done_callback(told.put)
    finally:
        sys.setswitchinterval(before)
    threads.shutdown()

    assert told.qsize() == 2_000
    assert len({id(told.get()) for _ in range(2_000)}) == 2_000


def test_calls_that_wait_at_the_end_are_made() -> None:
    """A connection that has been accepted is answered."""
    go_on = threading.Event()
    threads = WorkerThreads(1)
    first = threads.submit(go_on.wait, LONG)
    others = [threads.submit(int, number) for number in range(10)]

    threads.shutdown(wait=False)
    go_on.set()

    assert ended(first).result() is True
    assert [ended(other).result() for other in others] == list(range(10))
    threads.shutdown()


def test_nothing_of_a_call_is_kept_by_the_thread_that_made_it(threads: WorkerThreads) -> None:
    """A request and its token would stay in memory until the next one."""

    class Request:
        pass

    request = Request()
    ended(threads.submit(lambda _request: None, request))

    deadline = time.monotonic() + LONG
    while sys.getrefcount(request) > 2:
        assert time.monotonic() < deadline, "it is still kept"
        time.sleep(0.001)
