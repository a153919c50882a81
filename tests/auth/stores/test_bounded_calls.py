"""Calls that end in time, and what happens to those that wait meanwhile."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from auth.stores.bounded_calls import BoundedCalls
from auth.stores.store import StoreBusyError, StoreUnavailableError

#: Seconds in which nothing takes place that does not hang, and those after which a call has waited for nothing.
LONG, SHORT = 30.0, 0.5

#: Seconds after which a failure says nothing any longer, whatever the timeout of the test is.
LATER = 100.0


class Clients:
    """Makes numbered clients, and notes which are closed."""

    def __init__(self) -> None:
        self.made = 0
        self.closed: list[int] = []
        self.all_are_closed = threading.Event()

    def connect(self) -> int:
        self.made += 1
        return self.made

    def close(self, client: int) -> None:
        self.closed.append(client)
        self.all_are_closed.set()


@pytest.fixture
def clients() -> Clients:
    return Clients()


@pytest.fixture
def hanging() -> Iterator[threading.Event]:
    """What calls wait for that hang; they go on when the test is over."""
    event = threading.Event()
    yield event
    event.set()


class Clock:
    """Stands still, so that a busy machine is none to the calls."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def is_outage(error: Exception) -> bool:
    return isinstance(error, OSError)


def calls_of(
    clients: Clients,
    *,
    timeout: float = LONG,
    threads: int = 2,
    waiting: int = 1000,
    idle: float = LONG,
    clock: Callable[[], float] | None = None,
) -> BoundedCalls[int]:
    return BoundedCalls(
        clients.connect,
        clients.close,
        timeout,
        threads=threads,
        waiting=waiting,
        idle=idle,
        is_outage=is_outage,
        clock=clock or Clock(),
    )


def failing(_client: int) -> None:
    raise OSError("no")


def waiting(begun: threading.Event, end: threading.Event) -> Callable[[int], None]:
    """Return work that says when it has begun, and waits for its end."""

    def work(_client: int) -> None:
        begun.set()
        end.wait()

    return work


def test_a_call_returns_what_the_work_returns(clients: Clients) -> None:
    """One thread with one client is enough for calls that come one after the other."""
    calls = calls_of(clients)

    assert [calls.call(lambda client: ("got", client)) for _ in range(3)] == [("got", 1)] * 3


def test_a_call_raises_what_the_work_raises(clients: Clients) -> None:
    """And the thread goes on."""
    calls = calls_of(clients)

    with pytest.raises(OSError, match="no"):
        calls.call(failing)

    assert calls.call(lambda client: client) == 1


def test_a_client_that_cannot_be_made_is_tried_again(clients: Clients) -> None:
    """The next call may have more luck."""
    outcomes: list[int | Exception] = [OSError("no"), 7]

    def connect() -> int:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    calls = BoundedCalls(connect, clients.close, LONG, is_outage=is_outage)
    with pytest.raises(OSError, match="no"):
        calls.call(lambda client: client)

    assert calls.call(lambda client: client) == 7


def test_a_caller_does_not_wait_for_work_that_hangs(clients: Clients, hanging: threading.Event) -> None:
    """The next call gets another thread."""
    calls = calls_of(clients, timeout=SHORT)

    with pytest.raises(StoreUnavailableError, match="it did not answer in time"):
        calls.call(lambda _client: hanging.wait())

    assert calls.call(lambda client: client) == 2


def test_work_that_nobody_waits_for_any_longer_is_not_begun(clients: Clients, hanging: threading.Event) -> None:
    """It would only keep the thread from the work of others."""
    calls, begun = calls_of(clients, timeout=SHORT, threads=1), [threading.Event() for _ in range(3)]
    for event in begun:
        with pytest.raises(StoreUnavailableError):
            calls.call(waiting(event, hanging))
    hanging.set()

    assert calls.call(lambda client: client) == 1
    assert [event.is_set() for event in begun] == [True, False, False]


def test_no_more_threads_are_made_than_allowed(clients: Clients) -> None:
    """Calls beyond them wait for one."""
    calls, inside = calls_of(clients, threads=2), threading.Barrier(2)

    answers = together(6, lambda: calls.call(lambda client: (inside.wait(), client)[1]))

    assert {type(answer) for answer in answers} == {int}
    assert clients.made == 2


def test_while_calls_fail_one_caller_tries_and_the_others_are_told_at_once(
    clients: Clients, hanging: threading.Event
) -> None:
    """An outage holds one thread of the server, not all of them."""
    calls, begun = calls_of(clients, threads=4), threading.Event()
    for _ in range(3):
        with pytest.raises(OSError, match="no"):
            calls.call(failing)

    with ExitStack() as stack:
        trying = threading.Thread(target=calls.call, args=(waiting(begun, hanging),))
        trying.start()
        stack.callback(trying.join)
        stack.callback(hanging.set)
        begun.wait(LONG)
        with pytest.raises(StoreUnavailableError, match="it does not answer, and another request is asking it"):
            calls.call(lambda client: client)

    # The one that tried was answered, so all ask again.
    assert together(4, lambda: type(calls.call(lambda client: client))) == [int] * 4


def test_each_caller_in_turn_tries_while_calls_fail(clients: Clients) -> None:
    """So the end of an outage is noticed by the next call."""
    calls = calls_of(clients)
    for _ in range(5):
        with pytest.raises(OSError, match="no"):
            calls.call(failing)

    assert calls.call(lambda client: client) == 1


def test_waiting_calls_are_bounded(clients: Clients, hanging: threading.Event) -> None:
    """Calls that nobody waits for any longer do not fill the memory."""
    calls = calls_of(clients, timeout=SHORT, threads=1, waiting=2)

    reasons = [reason_of(calls, lambda _client: hanging.wait()) for _ in range(4)]

    assert reasons == [
        "it did not answer in time",
        "too many requests ask it at once",
        "too many requests ask it at once",
        "too many requests wait for it",
    ]


def test_a_thread_without_work_closes_its_client(clients: Clients) -> None:
    """And the next call makes another."""
    calls = calls_of(clients, idle=0.01)
    calls.call(lambda client: client)
    clients.all_are_closed.wait(LONG)

    assert calls.call(lambda client: client) == 2
    assert 1 in clients.closed


def test_a_call_that_comes_while_a_thread_is_ending_is_made(clients: Clients) -> None:
    """By that thread or by another."""
    calls = calls_of(clients, idle=0)

    assert {calls.call(lambda _client: "made") for _ in range(200)} == {"made"}


def test_a_thread_that_got_no_client_has_none_to_close(clients: Clients) -> None:
    """It ends all the same."""
    threads = []

    def connect() -> int:
        threads.append(threading.current_thread())
        raise OSError("no")

    calls = BoundedCalls(connect, clients.close, LONG, idle=0.01, is_outage=is_outage)
    with pytest.raises(OSError, match="no"):
        calls.call(lambda client: client)
    threads[0].join(LONG)

    assert not threads[0].is_alive()
    assert clients.closed == []


def test_calls_go_on_if_the_system_has_no_thread_left(
    clients: Clients, hanging: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that there are do the work; without any, the call fails."""
    calls, none, begun = calls_of(clients, timeout=LONG), calls_of(clients), threading.Event()
    first = threading.Thread(target=calls.call, args=(waiting(begun, hanging),))
    first.start()
    begun.wait(LONG)
    second = threading.Thread(target=calls.call, args=(lambda client: client,))

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    start = threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", lambda thread: (start if thread is second else refuse)(thread))
    second.start()
    with pytest.raises(StoreBusyError, match="no thread could be started to ask it"):
        none.call(lambda client: client)
    hanging.set()
    first.join(LONG)
    second.join(LONG)

    assert not second.is_alive()
    assert clients.made == 1


def test_calls_that_wait_for_a_thread_are_no_outage(clients: Clients, hanging: threading.Event) -> None:
    """A client could open the circuit by load."""
    calls, begun = calls_of(clients, timeout=SHORT, threads=1), threading.Event()
    with pytest.raises(StoreUnavailableError):
        calls.call(waiting(begun, hanging))
    for _ in range(4):
        with pytest.raises(StoreBusyError, match="too many requests ask it at once"):
            calls.call(lambda client: client)
    hanging.set()

    assert together(4, lambda: calls.call(lambda client: client)) == [1] * 4


def test_a_process_that_is_too_busy_to_notice_an_answer_is_no_outage(
    clients: Clients, hanging: threading.Event
) -> None:
    """Each look at the clock finds it a minute later."""
    ticks = itertools.count(0, 60)
    calls = calls_of(clients, timeout=SHORT, clock=lambda: float(next(ticks)))

    for _ in range(4):
        with pytest.raises(StoreBusyError):
            calls.call(lambda _client: hanging.wait())


def test_a_call_without_an_answer_while_others_are_answered_is_no_outage(
    clients: Clients, hanging: threading.Event
) -> None:
    """The server is there."""
    calls, begun, outcomes = calls_of(clients, timeout=2 * SHORT), threading.Event(), list[str]()
    slow = threading.Thread(target=lambda: outcomes.append(reason_of(calls, waiting(begun, hanging))))
    slow.start()
    begun.wait(LONG)
    calls.call(lambda client: client)
    slow.join()

    assert outcomes == ["too many requests ask it at once"]


def test_a_connection_that_is_lost_while_others_are_answered_is_no_outage(clients: Clients) -> None:
    """Too little time for it, perhaps, and certainly no dead server."""
    calls, begun, end, outcomes = calls_of(clients), threading.Event(), threading.Event(), list[str]()

    def lose(_client: int) -> None:
        begun.set()
        end.wait()
        raise OSError("lost")

    losing = threading.Thread(target=lambda: outcomes.append(reason_of(calls, lose)))
    losing.start()
    begun.wait(LONG)
    calls.call(lambda client: client)
    end.set()
    losing.join()

    assert outcomes == ["too many requests ask it at once"]


def test_an_error_after_a_long_time_counts_only_if_the_process_was_free(clients: Clients) -> None:
    """A timeout of the connection may have passed while its answer lay there."""
    clock = Clock()
    calls = calls_of(clients, clock=clock)

    def time_out(_client: int) -> None:
        clock.now += LONG
        raise OSError("timed out")

    with pytest.raises(StoreBusyError):
        calls.call(time_out)


def test_errors_that_the_server_answers_with_are_no_outage(clients: Clients) -> None:
    """They prove that it is there."""
    calls, inside = calls_of(clients), threading.Barrier(2)

    def refuse(_client: int) -> None:
        raise KeyError("full")

    for _ in range(5):
        with pytest.raises(KeyError, match="full"):
            calls.call(refuse)

    assert together(2, lambda: calls.call(lambda _client: inside.wait(LONG) >= 0)) == [True, True]


def test_an_outage_ends_by_itself(clients: Clients) -> None:
    """All ask again when the last failure is some time ago, the first ones of the morning included."""
    clock, inside = Clock(), threading.Barrier(2)
    calls = calls_of(clients, clock=clock)
    for _ in range(3):
        with pytest.raises(OSError, match="no"):
            calls.call(failing)
    clock.now += LATER

    assert together(2, lambda: calls.call(lambda _client: inside.wait(LONG) >= 0)) == [True, True]


def test_an_outage_goes_on_while_all_threads_hang_in_it(clients: Clients, hanging: threading.Event) -> None:
    """Such as in a resolver. The calls that get no thread then are not refused for load."""
    clock = Clock()
    calls = calls_of(clients, timeout=SHORT, threads=1, clock=clock)
    for _ in range(3):
        with pytest.raises(OSError, match="no"):
            calls.call(failing)

    reasons = []
    for _ in range(4):
        reasons.append(reason_of(calls, lambda _client: hanging.wait()))
        clock.now += 1

    assert reasons == ["it did not answer in time"] * 4


def test_an_answer_is_given_however_late_the_clock_says_it_is(clients: Clients) -> None:
    """Its caller still waits for it."""
    clock = Clock()
    calls = calls_of(clients, clock=clock)

    def work(client: int) -> int:
        clock.now += LATER
        return client

    assert calls.call(work) == 1


@pytest.mark.filterwarnings("ignore:Exception in thread:pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_is_ended_in_a_call_is_replaced(clients: Clients) -> None:
    """Its caller is told, and no place is lost."""
    calls = calls_of(clients, threads=1, waiting=0)
    ended: list[threading.Thread] = []

    def end(_client: int) -> None:
        ended.append(threading.current_thread())
        raise SystemExit

    for _ in range(5):
        with pytest.raises(StoreBusyError, match="the thread that asked it was ended"):
            calls.call(end)

    assert calls.call(lambda client: client) == 6
    wait_for_the_end_of(ended)
    assert len(ended) == 5


@pytest.mark.filterwarnings("ignore:Exception in thread:pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_is_ended_while_it_waits_is_replaced(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """As greenlets are that somebody kills."""
    ended: list[threading.Thread] = []
    outcomes = [False, True]

    class Ending(queue.SimpleQueue[object]):
        def get(self, block: bool = True, timeout: float | None = None) -> object:
            if outcomes and outcomes.pop(0):
                ended.append(threading.current_thread())
                raise SystemExit
            return super().get(block, timeout)

    monkeypatch.setattr(queue, "SimpleQueue", Ending)
    calls = calls_of(clients, threads=1)
    calls.call(lambda client: client)
    assert clients.all_are_closed.wait(LONG)
    wait_for_the_end_of(ended)

    assert calls.call(lambda client: client) == 2


def wait_for_the_end_of(threads: list[threading.Thread]) -> None:
    """Wait until what ended them has been reported; pytest would blame the next test for it otherwise."""
    for thread in threads:
        thread.join(LONG)
        assert not thread.is_alive()


def reason_of(calls: BoundedCalls[int], work: Callable[..., object]) -> str:
    """Return why a call fails."""
    with pytest.raises(StoreUnavailableError) as caught:
        calls.call(work)
    return str(caught.value)


def together(count: int, work: Callable[[], object]) -> list[object]:
    """Return what some threads return."""
    results: list[object] = []
    threads = [threading.Thread(target=lambda: results.append(work())) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
