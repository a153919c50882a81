"""What the tests of remote keys share: a clock that is set by hand, and key sets of a server that fails on demand."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from auth.keys import FixedLocation, KeySource, RemoteKeySettings, RemoteKeySource, VerificationKey
from tests.support.issuer_server import IssuerServer, SigningKey

#: Keys that an issuer has one after the other.
FIRST, SECOND, THIRD = (SigningKey.generate("EdDSA", f"key-{number}") for number in (1, 2, 3))

#: Seconds after which a test gives up; never reached where all is well.
PATIENCE = 20

#: Seconds that count as not having waited for the network: far more than it takes, far less than the 2.7 of a wait.
AT_ONCE = 1.5


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def remote(issuer: IssuerServer, clock: Callable[[], float] = time.monotonic, **settings: Any) -> RemoteKeySource:
    """Return the keys of an issuer, which nobody has asked for yet."""
    return RemoteKeySource(FixedLocation(issuer.jwks_url), settings=RemoteKeySettings(**settings), clock=clock)


def found(keys: KeySource, key: SigningKey | str | None = "key-1", algorithm: str = "EdDSA") -> list[VerificationKey]:
    """Return all the keys that the verifier would try for a token that none of them verifies."""
    key_id = key.key_id if isinstance(key, SigningKey) else key
    ring = keys.current()
    tried = list(ring.candidates(algorithm, key_id))
    newer = keys.newer(ring, key_id)
    return tried + [key for key in (newer.candidates(algorithm, key_id) if newer else ()) if key not in tried]


def verification_keys(*keys: SigningKey) -> list[VerificationKey]:
    return [VerificationKey.from_jwk(key.jwk()) for key in keys]


def eventually(condition: Callable[[], object]) -> None:
    """Wait for what another thread does."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        threading.Event().wait(0.002)


def until_failing(keys: RemoteKeySource) -> None:
    eventually(lambda: keys.status().last_error)


@contextmanager
def at_once() -> Iterator[None]:
    """Demand that nothing in here waits for the network."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < AT_ONCE


def in_threads(count: int, work: Callable[[int], object]) -> list[object]:
    """Do something in many threads at the same moment; return what came of it."""
    results: list[object] = [None] * count
    barrier = threading.Barrier(count)

    def run(number: int) -> None:
        barrier.wait(PATIENCE)
        results[number] = work(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads)
    return results
