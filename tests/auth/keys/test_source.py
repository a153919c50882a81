"""Keys known at start, and key sources of somebody else."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from auth.errors import KeysUnavailableError
from auth.keys import KeyRing, KeySource, KeyStatus, SimpleKeySource, StaticKeys, VerificationKey

SHORT, LONG = (VerificationKey.from_secret(b"0123456789abcdefghijklmnopqrstuv" * times) for times in (1, 2))


def test_static_keys_are_the_same_ring_for_good() -> None:
    """Nothing is fetched, so nothing newer comes."""
    source: KeySource = StaticKeys([SHORT])

    ring = source.current()

    assert ring.keys == (SHORT,)
    assert source.current() is source.peek() is ring
    assert source.newer(ring, "unknown") is None


def test_all_static_keys_are_tried_for_a_token_without_an_id() -> None:
    """They are the service's own, so nobody else decides how many there are."""
    keys = [VerificationKey.from_secret(f"{number:032}") for number in range(12)]

    assert StaticKeys(keys).current().candidates("HS256", None) == keys


def test_static_keys_say_how_many_they_are_and_that_nothing_is_fetched() -> None:
    """Whatever time it is."""
    source = StaticKeys([LONG, SHORT])

    assert source.status() == KeyStatus(ready=True, keys=2, age=None, last_error=None, next_refresh=None)
    assert source.algorithms == {"HS256", "HS384", "HS512"}


def test_static_keys_are_ready_if_there_are_any() -> None:
    """Keys known at start are ready at once."""
    assert StaticKeys([SHORT]).status().ready is True
    assert StaticKeys([]).status().ready is False


class OwnKeys(SimpleKeySource):
    """A key source of somebody else, with the one method that it must have."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self.keys: Sequence[VerificationKey] | None = [SHORT]

    def keys_for(self, algorithm: str, key_id: str | None) -> Sequence[VerificationKey]:
        self.asked.append((algorithm, key_id))
        if self.keys is None:
            raise KeysUnavailableError("the safe is locked")
        return self.keys


def test_a_simple_source_is_asked_for_the_keys_of_each_token() -> None:
    """Its answer is taken as it is, and again for the next token."""
    own = OwnKeys()
    source: KeySource = own
    assert source.current().candidates("HS256", "1") == [SHORT]

    own.keys = ()

    assert source.current().candidates("HS512", None) == []
    assert own.asked == [("HS256", "1"), ("HS512", None)]


def test_a_simple_source_has_nothing_newer_and_nothing_that_outlives_a_token() -> None:
    """Nobody knows when its keys change, so no token may be remembered."""
    source = OwnKeys()

    assert source.newer(source.current(), "1") is None
    assert source.peek() is None
    assert source.current() is not source.current()
    assert source.asked == []


def test_a_simple_source_says_when_its_keys_are_unavailable() -> None:
    """The error reaches the verifier as it is."""
    source = OwnKeys()
    source.keys = None

    with pytest.raises(KeysUnavailableError, match="the safe is locked"):
        source.current().candidates("HS256", None)


def test_a_simple_source_is_ready_unless_it_says_otherwise() -> None:
    """It may know nothing else about itself, and need not know its algorithms."""

    class Locked(OwnKeys):
        def ready(self) -> bool:
            return False

    ready, locked = OwnKeys().status(), Locked().status()

    assert ready == KeyStatus(ready=True, keys=None, age=None, last_error=None, next_refresh=None)
    assert locked == KeyStatus(ready=False, keys=None, age=None, last_error=None, next_refresh=None)
    assert OwnKeys().algorithms is None


def test_a_simple_source_must_say_which_keys_fit() -> None:
    """Forgetting the method is noticed at start."""
    incomplete: type = type("Incomplete", (SimpleKeySource,), {})

    with pytest.raises(TypeError, match="keys_for"):
        incomplete()


def test_a_ring_is_the_same_only_if_it_is_the_same_object() -> None:
    """A remembered token belongs to the ring that verified it, not to one with equal keys."""
    assert KeyRing((SHORT,)) != KeyRing((SHORT,))
