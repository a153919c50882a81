"""The store in Redis: what it does when Redis does not answer, and which URLs it takes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from auth.errors import ConfigurationError
from auth.stores import Entry, RedisStore, StoreUnavailableError
from tests.support.certificates import certify
from tests.support.programs import free_port
from tests.support.redis_server import RedisServer, cluster

NOW = 1_800_000_000
ENTRIES = {"key": Entry(1, NOW + 60)}

#: Seconds. A call has to end in the first, and the test fails after the second.
TIMEOUT, MARGIN = 1.0, 10.0


def store_at(url: str, *, timeout: float = 5) -> RedisStore:
    return RedisStore(url, timeout=timeout, clock=lambda: NOW)


def reason_of(store: RedisStore) -> str:
    """Return why a store cannot be read; fail if it takes its time to say so."""
    began = time.monotonic()
    with pytest.raises(StoreUnavailableError) as caught:
        store.values(["key"])
    assert time.monotonic() - began < MARGIN
    return str(caught.value)


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    """A Redis of this module's own, which the tests leave running."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def mortal() -> Iterator[RedisServer]:
    """A Redis that a test may end."""
    with RedisServer() as server:
        yield server


@contextmanager
def strange_server(*pieces: bytes, pause: float) -> Iterator[str]:
    """Accept connections and send each the pieces, again and again; yield the URL."""
    over = threading.Event()
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

        def talk(connection: socket.socket) -> None:
            with connection:
                while not over.wait(pause):
                    try:
                        for piece in pieces:
                            connection.sendall(piece)
                    except OSError:
                        return

        def accept() -> None:
            while not over.is_set():
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                talkers.append(threading.Thread(target=talk, args=(connection,)))
                talkers[-1].start()

        talkers: list[threading.Thread] = []
        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield f"redis://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for talker in talkers:
                talker.join()


@pytest.mark.server
def test_a_frozen_redis_costs_no_more_than_the_timeout(mortal: RedisServer) -> None:
    """Its connections stay open, and nothing comes."""
    store = store_at(mortal.url, timeout=TIMEOUT)
    store.remember(ENTRIES)
    mortal.freeze()

    assert reason_of(store) == "it did not answer in time"


def test_a_redis_that_answers_byte_by_byte_costs_no_more_than_the_timeout() -> None:
    """A timeout that began anew with each byte would never end."""
    with strange_server(b"$", b"1", pause=0.05) as url:
        assert reason_of(store_at(url, timeout=TIMEOUT)) == "it did not answer in time"


def test_an_address_that_nobody_answers_at_costs_no_more_than_the_timeout() -> None:
    """A full backlog answers no handshake, as a dead host does."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port = listener.getsockname()[1]
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))

        assert reason_of(store_at(f"redis://127.0.0.1:{port}", timeout=TIMEOUT)) == "it did not answer in time"


@pytest.mark.server
def test_a_stopped_redis_is_told_at_once_and_found_again(mortal: RedisServer) -> None:
    """The first call after its start goes through, on the store that was there before."""
    store = store_at(mortal.url)
    store.remember(ENTRIES)
    mortal.stop()
    reasons = {reason_of(store) for _ in range(5)}
    mortal.start()

    assert reasons == {"it cannot be reached"}
    assert store.values(["key"]) == [None]


@pytest.mark.server
def test_a_restart_between_two_calls_is_not_noticed(mortal: RedisServer) -> None:
    """The connection that has ended meanwhile is replaced before it is used."""
    store = store_at(mortal.url)
    store.remember(ENTRIES)
    mortal.stop()
    mortal.start()

    assert store.values(["key"]) == [None]


def reasons_together(error: Exception, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return why two calls fail that ask at the same time, after some that failed with an error of the client."""
    store, over = store_at("redis://127.0.0.1:1", timeout=30), threading.Event()
    inside, reasons = threading.Semaphore(0), list[str]()

    def fail(*_anything: object) -> None:
        raise error

    def wait(*_anything: object) -> None:
        inside.release()
        over.wait()
        raise error

    monkeypatch.setattr("redis.Redis.mget", fail)
    for _ in range(4):
        reason_of(store)
    monkeypatch.setattr("redis.Redis.mget", wait)
    callers = [threading.Thread(target=lambda: reasons.append(reason_of(store))) for _ in range(2)]
    for caller in callers:
        caller.start()
    # Both have asked, or one has and the other has been told without asking.
    inside.acquire()
    while not reasons and not inside.acquire(timeout=0.01):
        pass
    over.set()
    for caller in callers:
        caller.join()
    return set(reasons)


ANSWERS: dict[str, tuple[Exception, str]] = {
    "full": (OutOfMemoryError("OOM"), "its memory is full"),
    "replica": (ReadOnlyError("READONLY"), "it is a replica, which takes no writes"),
    "rights": (
        NoPermissionError("NOPERM"),
        "it does not allow the user in the URL to read, to write and to run scripts",
    ),
    "loading": (BusyLoadingError("LOADING"), "it is still loading its data"),
    "password": (AuthenticationError("WRONGPASS"), "it does not accept the user or the password in the URL"),
    "another": (ResponseError("ERR"), "it answered with an error (ResponseError)"),
}


@pytest.mark.parametrize(("error", "reason"), ANSWERS.values(), ids=ANSWERS)
def test_an_error_that_redis_answers_with_does_not_make_callers_take_turns(
    error: Exception, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It proves that Redis is there: writes may fail while reads go on."""
    assert reasons_together(error, monkeypatch) == {reason}


@pytest.mark.parametrize("error", [RedisConnectionError("lost"), RedisTimeoutError("late"), OSError("no route")])
def test_a_redis_that_is_not_there_makes_callers_take_turns(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """One asks, the others are told at once."""
    assert "it does not answer, and another request is asking it" in reasons_together(error, monkeypatch)


def test_an_answer_that_is_none_of_ours_is_an_outage() -> None:
    """Whatever speaks there, nobody is let in by it."""
    with strange_server(b"HTTP/1.1 400 Bad Request\r\n", pause=0.01) as url:
        assert reason_of(store_at(url)) == "it answered with an error (InvalidResponse)"


@pytest.mark.server
@pytest.mark.parametrize("text", ["yes", "nan", ""])
def test_a_value_that_is_no_number_is_an_outage(redis: RedisServer, text: str) -> None:
    """Somebody else writes under our keys."""
    redis.tell("SET", "key", text)

    assert reason_of(store_at(redis.url)) == "it holds something else under a key of ours"
    redis.tell("DEL", "key")


@pytest.mark.server
def test_a_password_that_is_wrong_is_told_and_never_shown() -> None:
    """Neither in the reason nor in what the store looks like."""
    with RedisServer() as server:
        server.tell("CONFIG", "SET", "requirepass", "open sesame")
        right = store_at(f"redis://:open%20sesame@127.0.0.1:{server.port}")
        wrong = store_at(f"redis://:hunter2@127.0.0.1:{server.port}")
        right.remember(ENTRIES)

        assert right.values(["key"]) == [1]
        assert reason_of(wrong) == "it does not accept the user or the password in the URL"
        assert "hunter2" not in repr(wrong)


@pytest.mark.server
def test_a_user_without_the_right_to_read_is_told() -> None:
    """By the rule that is missing."""
    with RedisServer() as server:
        server.tell("ACL", "SETUSER", "app", "on", ">secret", "~*", "+eval")
        store = store_at(f"redis://app:secret@127.0.0.1:{server.port}")

        assert reason_of(store) == "it does not allow the user in the URL to read, to write and to run scripts"


@pytest.mark.server
def test_the_rights_that_the_documentation_names_are_enough() -> None:
    """No command but these is sent that needs one."""
    with RedisServer() as server:
        server.tell("ACL", "SETUSER", "app", "on", ">secret", "~*", "+mget", "+get", "+set", "+pttl", "+eval")
        store = store_at(f"redis://app:secret@127.0.0.1:{server.port}")
        store.remember(ENTRIES)

        assert store.values(["key"]) == [1]
        assert store.add_once("other", NOW + 60)


@pytest.mark.server
def test_a_replica_takes_no_writes(redis: RedisServer) -> None:
    """Nothing is lost silently."""
    with RedisServer("--replicaof", "127.0.0.1", str(redis.port)) as replica:
        store = store_at(replica.url)

        with pytest.raises(StoreUnavailableError, match="it is a replica, which takes no writes"):
            store.add_once("key", NOW + 60)


@pytest.mark.server
def test_a_redis_without_memory_takes_no_writes() -> None:
    """And keeps what it has, since nothing is evicted."""
    with (
        RedisServer("--maxmemory", "1", "--maxmemory-policy", "noeviction") as server,
        pytest.raises(StoreUnavailableError, match="its memory is full"),
    ):
        store_at(server.url).remember(ENTRIES)


@pytest.mark.server
def test_a_node_of_a_cluster_is_refused(tmp_path: Path) -> None:
    """It has some of the keys only."""
    with cluster(tmp_path) as (first, _):
        store = store_at(first.url)

        with pytest.raises(StoreUnavailableError, match="it is a node of a cluster"):
            store.values(["a", "b", "c"])


@pytest.mark.server
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # of forking with threads: that is the point
def test_a_child_of_a_fork_makes_its_own_connections(redis: RedisServer) -> None:
    """Two processes on one connection would read each other's answers."""
    store = store_at(redis.url)
    store.remember(ENTRIES)
    child = os.fork()
    if child == 0:
        os._exit(0 if [store.values(["key"]) for _ in range(50)] == [[1]] * 50 else 1)
    answers = [store.values(["none"]) for _ in range(50)]
    _, status = os.waitpid(child, 0)

    assert answers == [[None]] * 50
    assert status == 0


@pytest.mark.server
def test_tls_is_used_and_the_certificate_is_checked(tmp_path: Path) -> None:
    """Nobody is talked to whose certificate no known authority has signed."""
    certify("127.0.0.1", tmp_path / "certificate.pem", tmp_path / "key.pem")
    port, files = free_port(), (str(tmp_path / "certificate.pem"), str(tmp_path / "key.pem"))
    settings = ("--tls-port", str(port), "--tls-cert-file", files[0], "--tls-key-file", files[1])
    with RedisServer(*settings, "--tls-auth-clients", "no"):
        known = store_at(f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={files[0]}")
        known.remember(ENTRIES)

        assert known.values(["key"]) == [1]
        assert reason_of(store_at(f"rediss://127.0.0.1:{port}/0")) == "it cannot be reached"


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1:port/0",
        "redis://127.0.0.1:99999999/0",
        "redis://:hunter2@127.0.0.1/0?colour=blue",
        "redis://:hunter2@127.0.0.1/0 ",
        "redis+sentinel://:hunter2@127.0.0.1/0",
        "http://:hunter2@127.0.0.1/0",
    ],
)
def test_a_url_that_cannot_be_used_stops_the_start(url: str) -> None:
    """And is not repeated: it may hold a password."""
    with pytest.raises(ConfigurationError, match="The URL of the Redis cannot be used") as caught:
        store_at(url)

    assert "hunter2" not in f"{caught.value}{caught.value.__cause__}"


def test_a_missing_package_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what to install."""
    monkeypatch.setitem(sys.modules, "redis", None)

    with pytest.raises(ConfigurationError, match=r"Install it: pip install 'flask-resource-server\[redis\]'"):
        store_at("redis://127.0.0.1")


def test_the_package_is_not_imported_before_it_is_needed() -> None:
    """A service without Redis need not have it."""
    code = "import sys, auth, auth.stores; sys.exit('redis' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
