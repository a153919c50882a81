"""The thread behind remote keys: started when it is needed, one per process, gone with its owner, and never missed."""

from __future__ import annotations

import copy
import gc
import logging
import os
import queue
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import auth
from auth.errors import KeysUnavailableError
from auth.keys import FixedLocation, RemoteKeySettings, RemoteKeySource
from auth.keys.remote.connections import Deadline
from auth.keys.remote.discovery import Address
from auth.keys.remote.refresher import Refresher
from tests.support.issuer_server import JWKS, Fault, IssuerServer
from tests.support.remote_keys import (
    FIRST,
    PATIENCE,
    SECOND,
    Clock,
    at_once,
    eventually,
    found,
    in_threads,
    remote,
    until_failing,
    verification_keys,
)

#: Threads that earlier tests have left, and that may not have ended yet.
OTHERS: set[threading.Thread] = set()


def refreshers() -> list[threading.Thread]:
    """Return the threads that fetch keys for the present test."""
    gc.collect()
    return [thread for thread in threading.enumerate() if thread.name == "auth-keys" and thread not in OTHERS]


@pytest.fixture(autouse=True)
def no_other_refreshers() -> None:
    """What other tests do with their threads is theirs to check."""
    OTHERS.clear()
    OTHERS.update(refreshers())


@dataclass
class SlowLocation:
    """A location that takes as long as a broken resolver: no deadline interrupts it."""

    url: str
    name: str = "the issuer"
    asked: int = 0
    answer: threading.Event = field(default_factory=threading.Event)
    failure: BaseException | None = None
    keep: float = 3600

    def find(self, deadline: Deadline) -> Address:
        self.asked += 1
        self.answer.wait(PATIENCE)
        if self.failure is not None:
            raise self.failure
        return Address(self.url, self.keep)


def silent_after_one_answer(
    issuer: IssuerServer, clock: Clock, **settings: Any
) -> tuple[RemoteKeySource, SlowLocation]:
    """Return keys that were fetched once, and the location that holds up every fetch from now on."""
    location = SlowLocation(issuer.jwks_url, keep=100)
    location.answer.set()
    keys = RemoteKeySource(location, clock=clock, settings=RemoteKeySettings(**settings))
    found(keys)
    location.answer.clear()
    return keys, location


def test_of_two_threads_that_begin_together_one_makes_the_refresher(
    issuer: IssuerServer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other takes it over: nobody waits for a refresher that nobody else sees."""
    keys = remote(issuer, clock)
    others: list[Refresher] = []

    def make_second(*arguments: Any) -> Refresher:
        monkeypatch.undo()
        others.append(keys._refresher())
        return Refresher(*arguments)

    monkeypatch.setattr("auth.keys.remote.key_source.Refresher", make_second)

    assert keys._refresher() is others[0]


def test_there_is_one_thread_however_many_ask(issuer: IssuerServer, clock: Clock) -> None:
    """A daemon, so that it keeps no process from ending."""
    keys = remote(issuer, clock)

    in_threads(20, lambda _: found(keys))

    (thread,) = refreshers()
    assert thread.daemon


def test_of_two_threads_that_come_first_one_makes_the_refresher(issuer: IssuerServer) -> None:
    """The other one uses it."""
    in_between: list[RemoteKeySource] = []

    def clock() -> float:
        # Asked for the first time while the refresher is being made: another thread is faster here.
        if in_between:
            in_between.pop().peek()
        return 1000.0

    keys = remote(issuer, clock)
    in_between.append(keys)
    keys.peek()

    assert not in_between
    assert found(keys) == verification_keys(FIRST)
    assert len(refreshers()) == 1
    assert issuer.requests[JWKS] == 1


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_shares_nothing_and_begins_anew(
    issuer: IssuerServer, copied: Callable[[RemoteKeySource], RemoteKeySource]
) -> None:
    """One that shared thread and locks would be passed over by a fork, and never come free in the child."""
    keys = remote(issuer)
    found(keys)

    assert found(copied(keys), FIRST) == verification_keys(FIRST)
    assert issuer.requests[JWKS] == 2


def test_the_thread_ends_with_the_key_set(issuer: IssuerServer) -> None:
    """Apps are made and thrown away in tests; their threads must not pile up."""
    keys = remote(issuer)
    found(keys)
    reference = weakref.ref(keys)
    assert len(refreshers()) == 1

    del keys
    gc.collect()

    assert reference() is None
    eventually(lambda: not refreshers())


def test_a_thread_that_cannot_be_started_is_a_failed_attempt(
    issuer: IssuerServer, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody waits for it; it is logged once, and the next request tries again."""

    def no_more_threads(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    keys = remote(issuer, clock)
    with monkeypatch.context() as patch, at_once():
        patch.setattr(threading.Thread, "start", no_more_threads)
        for _ in range(10):
            with pytest.raises(KeysUnavailableError, match="no thread could be started"):
                keys.current()
    assert len(caplog.records) == 1

    keys.peek()

    eventually(lambda: len(refreshers()) == 1)
    clock.now += 1
    eventually(keys.peek)
    assert found(keys) == verification_keys(FIRST)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # the thread dies of it, as meant
def test_a_thread_that_died_is_replaced(issuer: IssuerServer, clock: Clock) -> None:
    """Whatever ended it; who waited for it is not kept."""
    location = SlowLocation(issuer.jwks_url, failure=SystemExit())
    location.answer.set()
    keys = RemoteKeySource(location, clock=clock)
    with at_once(), pytest.raises(KeysUnavailableError, match="the fetch has not finished"):
        keys.current()
    eventually(lambda: not refreshers())

    location.failure = None

    assert found(keys) == verification_keys(FIRST)


def test_nobody_waits_for_a_thread_that_has_ended(issuer: IssuerServer, clock: Clock) -> None:
    """Who asked it for one more fetch is let go."""
    location = SlowLocation(issuer.jwks_url)
    keys = RemoteKeySource(location, clock=clock)
    keys.peek()
    eventually(lambda: location.asked)
    refresher = keys._refresher()
    fetch = refresher.ask_within_budget(clock())
    assert fetch is not None

    refresher.stop()
    location.answer.set()

    with at_once():
        fetch.wait(PATIENCE)
    eventually(lambda: not refreshers())
    assert refresher.ask_within_budget(clock()) is None


def test_a_failure_that_nobody_foresaw_is_a_failure(clock: Clock, issuer: IssuerServer) -> None:
    """The thread goes on and tries again."""
    location = SlowLocation(issuer.jwks_url, failure=ZeroDivisionError("secret"))
    location.answer.set()
    keys = RemoteKeySource(location, clock=clock)
    keys.peek()
    until_failing(keys)
    assert keys.status().last_error == "the fetch failed unexpectedly (ZeroDivisionError)"

    location.failure = None
    clock.now += 1
    eventually(keys.peek)

    assert len(refreshers()) == 1


def test_who_looked_before_a_fetch_ended_looks_again_before_asking(issuer: IssuerServer, clock: Clock) -> None:
    """What was missing may be there by now."""
    keys = remote(issuer, clock)
    refresher = keys._refresher()
    seen = refresher.state
    found(keys)

    assert refresher.join(seen) is None
    assert refresher.ask_within_budget(clock() - 1) is None


def test_a_fetch_that_began_late_enough_is_not_paid_for_again(issuer: IssuerServer, clock: Clock) -> None:
    """It will bring what any other would."""
    keys = remote(issuer, clock, unknown_key_budget=0)
    found(keys)
    issuer.fault = Fault.PAUSED
    clock.now += 590
    keys.peek()
    issuer.wait_for_requests(JWKS, 2)
    refresher = keys._refresher()

    assert refresher.ask_within_budget(clock() - 1) is not None
    assert refresher.ask_within_budget(clock()) is None
    clock.now += 3
    # Now it counts as failed.
    assert refresher.ask_within_budget(clock() - 10) is None
    issuer.fault = None


def test_while_the_issuer_fails_only_who_pays_waits(issuer: IssuerServer, clock: Clock) -> None:
    """A dead one would hold every thread of the server."""
    keys = remote(issuer, clock, unknown_key_budget=1)
    found(keys)
    issuer.fault = Fault.SERVER_ERROR
    clock.now += 590
    keys.peek()
    until_failing(keys)
    issuer.fault = Fault.PAUSED
    refresher = keys._refresher()

    assert refresher.ask_within_budget(clock() - 1) is not None
    issuer.wait_for_requests(JWKS, 3)
    assert refresher.ask_within_budget(clock() - 1) is None
    issuer.fault = None


def test_callers_who_ask_before_a_fetch_begins_share_it(issuer: IssuerServer, clock: Clock) -> None:
    """It ends for all of them."""
    keys = remote(issuer, clock)
    found(keys)
    issuer.fault = Fault.SERVER_ERROR
    clock.now += 590
    keys.peek()
    until_failing(keys)
    issuer.fault = Fault.PAUSED
    refresher = keys._refresher()

    under_way = refresher.ask_within_budget(clock())
    issuer.wait_for_requests(JWKS, 3)
    one, another = (refresher.ask_within_budget(clock()) for _ in range(2))

    assert one is another is not None
    assert one is not under_way
    issuer.fault = None


class Inbox(queue.SimpleQueue[None]):
    """What the thread waits at, and for how long."""

    def __init__(self) -> None:
        self.waits: list[float | None] = []

    def get(self, block: bool = True, timeout: float | None = None) -> None:
        self.waits.append(timeout)
        super().get(block, timeout)


def test_the_thread_sleeps_until_the_next_fetch_is_due(issuer: IssuerServer, clock: Clock) -> None:
    """It takes no time from the requests."""
    keys = remote(issuer, clock)
    inbox = keys._refresher()._inbox = Inbox()

    keys.peek()
    eventually(lambda: inbox.waits)

    (seconds,) = inbox.waits
    assert seconds is not None
    assert 420 <= seconds <= 510


class SlowHandler(logging.Handler):
    """A log that takes its time."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.go_on.wait(PATIENCE)


def test_nobody_waits_for_the_log(issuer: IssuerServer, clock: Clock) -> None:
    """What a fetch has brought is there for the requests first."""
    issuer.keys = [FIRST, {"kty": "unknown"}]
    log, handler = logging.getLogger("flask_resource_server.keys"), SlowHandler()
    log.addHandler(handler)

    with at_once():
        assert found(remote(issuer, clock), FIRST) == verification_keys(FIRST)
    handler.go_on.set()
    log.removeHandler(handler)


def test_a_fetch_that_overruns_its_time_counts_as_failed(issuer: IssuerServer, clock: Clock) -> None:
    """A resolver that hangs cannot be interrupted, and must not hold up every request until it gives up."""
    location = SlowLocation(issuer.jwks_url)
    keys = RemoteKeySource(location, clock=clock)
    keys.peek()
    eventually(lambda: location.asked)
    clock.now += 3

    with at_once(), pytest.raises(KeysUnavailableError, match="the fetch has not finished"):
        keys.current()
    location.answer.set()
    eventually(keys.peek)


def test_known_keys_are_trusted_while_a_fetch_overruns_its_time(issuer: IssuerServer, clock: Clock) -> None:
    """That is a failure of the issuer, and holders of known keys notice none."""
    location = SlowLocation(issuer.jwks_url)
    location.answer.set()
    keys = RemoteKeySource(location, clock=clock)
    found(keys)
    location.answer.clear()
    issuer.fault = Fault.SERVER_ERROR
    clock.now += 590
    keys.peek()
    # The location is remembered until a fetch from it fails; the one after that has to look for it, and hangs.
    until_failing(keys)
    clock.now += 5
    keys.peek()
    eventually(lambda: location.asked == 2)
    clock.now += 50

    with at_once():
        assert found(keys) == verification_keys(FIRST)
    location.answer.set()


def test_known_keys_are_trusted_once_the_issuer_has_not_answered_for_as_long_as_a_request_waits(
    issuer: IssuerServer, clock: Clock
) -> None:
    """A silent issuer counts as failing; here the clock stands still, so the fetch never overruns its time."""
    keys, location = silent_after_one_answer(issuer, clock, timeout=0.5)
    clock.now += 700

    assert found(keys) == verification_keys(FIRST)
    assert location.asked == 2
    assert keys.peek() is None
    location.answer.set()


def test_keys_that_are_too_old_for_any_outage_are_not_trusted_while_the_issuer_is_silent(
    issuer: IssuerServer, clock: Clock
) -> None:
    """The stale limit holds however the fetch ends."""
    keys, location = silent_after_one_answer(issuer, clock, timeout=0.5)
    clock.now += 86_400

    with pytest.raises(KeysUnavailableError, match="the fetch has not finished"):
        keys.current()
    location.answer.set()


def test_an_unknown_key_waits_for_a_part_of_the_time_of_a_fetch(issuer: IssuerServer, clock: Clock) -> None:
    """However long that one takes."""
    keys, location = silent_after_one_answer(issuer, clock, unknown_key_budget=0, timeout=0.5)
    clock.now += 590
    keys.peek()
    eventually(lambda: location.asked == 2)

    with at_once():
        assert found(keys, SECOND) == []
    location.answer.set()


def test_keys_are_used_although_they_are_old_when_they_arrive(issuer: IssuerServer, clock: Clock) -> None:
    """Where the issuer gives them a shorter life than a fetch takes, there would never be any."""
    issuer.fault = Fault.PAUSED
    keys = remote(issuer, clock, max_age=1)
    results: list[object] = []
    waiting = threading.Thread(target=lambda: results.append(found(keys)))
    waiting.start()
    issuer.wait_for_requests(JWKS, 1)
    clock.now += 2
    issuer.fault = None
    waiting.join(PATIENCE)

    assert results == [verification_keys(FIRST)]


def test_an_unknown_key_does_not_wait_for_a_fetch_that_overruns_its_time(issuer: IssuerServer, clock: Clock) -> None:
    """It would wait in vain, and so would everybody who makes keys up."""
    keys, location = silent_after_one_answer(issuer, clock, unknown_key_budget=0)
    clock.now += 590
    keys.peek()
    eventually(lambda: location.asked == 2)
    clock.now += 5

    with at_once():
        assert found(keys, SECOND) == []
    location.answer.set()


#: What a process does that forks while its threads are busy with keys of each kind.
FORKING = """
import os, signal, sys, threading
from auth.keys import FixedLocation, RemoteKeySettings, RemoteKeySource

# Enough of everything, for a machine that is busy: who waits in vain here waits for a lock.
settings = RemoteKeySettings(unknown_key_budget=1_000_000, timeout=25)
keys = RemoteKeySource(FixedLocation(sys.argv[1]), settings=settings)
untouched = RemoteKeySource(FixedLocation(sys.argv[1]), settings=settings)

def work():
    while True:
        keys.newer(keys.current(), "unknown")

def check():
    threads = [thread.name for thread in threading.enumerate()]
    assert "auth-keys" not in threads, threads
    known = keys.current()
    assert known is of_the_parent, "the keys of the parent are not used"
    fetched_at = keys._refresher().state.snapshot.fetched_at
    keys.newer(known, "unknown")
    assert keys._refresher().state.snapshot.fetched_at > fetched_at, "nothing was fetched"
    assert known.keys == untouched.current().keys != ()
    assert [thread.name for thread in threading.enumerate()].count("auth-keys") == 2

of_the_parent = keys.current()
for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
for _ in range(10):
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        try:
            check()
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status:
        sys.exit(f"a child ended with {status}")
print("fine")
"""


def test_children_of_a_fork_inherit_keys_but_no_threads_and_no_locks(issuer: IssuerServer) -> None:
    """However busy the parent is at that moment: each child verifies at once and fetches for itself."""
    finished = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKING, issuer.jwks_url],
        cwd=Path(auth.__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert finished.stderr == ""
    assert finished.stdout == "fine\n"


@pytest.fixture
def fork(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[RemoteKeySource], Refresher]]:
    """Return a function that makes this process look like its own child to a key source.

    It returns the refresher of the parent, whose thread goes on in here until the test is over.
    """
    parents: list[Refresher] = []

    def child(keys: RemoteKeySource) -> Refresher:
        parents.append(keys._refresher())
        monkeypatch.setattr(os, "getpid", lambda: -len(parents))
        return parents[-1]

    yield child
    for parent in parents:
        monkeypatch.setattr(os, "getpid", lambda process=parent._process: process)
        parent.stop()


def test_a_child_verifies_with_inherited_keys_while_the_issuer_is_gone(
    issuer: IssuerServer, clock: Clock, fork: Callable[[RemoteKeySource], Refresher]
) -> None:
    """The keys of the parent are as good as the child's own, and keep their age."""
    keys, untouched = remote(issuer, clock), remote(issuer, clock)
    ring = keys.current()
    clock.now += 100
    issuer.fault = Fault.SERVER_ERROR

    of_the_parent = fork(keys)

    assert keys.current() is ring
    assert keys.status().age == 100
    assert keys._refresher() is not of_the_parent
    with pytest.raises(KeysUnavailableError):
        untouched.current()


def test_a_child_tells_its_listeners_the_age_of_inherited_keys_once(
    issuer: IssuerServer, clock: Clock, fork: Callable[[RemoteKeySource], Refresher]
) -> None:
    """At first use, and not as if it had fetched them."""
    keys, ages = remote(issuer, clock), list[float]()
    keys.on_keys(ages.append)
    keys.current()
    eventually(lambda: ages == [0])
    clock.now += 100

    fork(keys)

    assert ages == [0]
    for _ in range(2):
        keys.peek()
    assert ages == [0, 100]


def test_a_child_fetches_inherited_keys_again_when_they_are_due(
    issuer: IssuerServer, clock: Clock, fork: Callable[[RemoteKeySource], Refresher]
) -> None:
    """After 70 to 85 % of their life, which began in the parent."""
    keys = remote(issuer, clock)
    found(keys)
    clock.now += 100

    fork(keys)

    next_refresh = keys.status().next_refresh
    assert next_refresh is not None
    assert 320 <= next_refresh <= 410


def test_a_grandchild_begins_with_the_keys_of_its_parent(
    issuer: IssuerServer, clock: Clock, fork: Callable[[RemoteKeySource], Refresher]
) -> None:
    """Not with the older keys of its grandparent."""
    keys = remote(issuer, clock)
    found(keys)
    fork(keys)
    issuer.keys = [SECOND]
    clock.now += 600
    ring = keys.current()

    fork(keys)

    assert keys.current() is ring


def test_a_child_does_not_stop_what_belongs_to_its_parent(
    issuer: IssuerServer, clock: Clock, fork: Callable[[RemoteKeySource], Refresher]
) -> None:
    """A lock in there may be held forever by a thread that the child does not have."""
    keys = remote(issuer, clock)
    found(keys)

    of_the_parent = fork(keys)
    del keys
    gc.collect()

    assert not of_the_parent._is_stopped
    assert len(refreshers()) == 1


def test_settings_and_location_are_shared_by_reference_only() -> None:
    """Making a key set costs nothing: no lock, which gevent might replace later, and no name lookup."""
    keys = RemoteKeySource(FixedLocation("https://issuer.invalid/jwks"), settings=RemoteKeySettings())

    kinds = {type(value).__module__ for value in vars(keys).values()}

    assert not kinds & {"threading", "_thread", "queue", "_queue", "socket", "ssl"}
