"""Which keys of a ring are tried for a token, and when newer keys could help."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from auth.keys import KeyRing, VerificationKey

SHORT, LONG = b"0123456789abcdefghijklmnopqrstuv", b"0123456789abcdefghijklmnopqrstuv" * 2


def key(key_id: str | None, *algorithms: str, material: bytes = SHORT) -> VerificationKey:
    return VerificationKey(key_id, frozenset(algorithms or ("HS256",)), material)


def ring(*keys: VerificationKey) -> KeyRing:
    return KeyRing(keys)


def test_a_token_with_an_id_gets_the_key_of_that_id() -> None:
    """Other keys of the same algorithm are not tried."""
    first, second, nameless = key("1"), key("2"), key(None)

    assert ring(first, second, nameless).candidates("HS256", "2") == [second]


@pytest.mark.parametrize("key_id", ["2", ""])
def test_a_token_with_an_unknown_id_gets_the_keys_without_an_id(key_id: str) -> None:
    """PEM files and secrets carry no id, whatever the issuer writes into its tokens."""
    named, nameless, other = key("1"), key(None), key(None, "HS512", material=LONG)

    assert ring(named, nameless, other).candidates("HS256", key_id) == [nameless]


def test_a_token_without_an_id_gets_every_key_of_its_algorithm() -> None:
    """In the order of the ring."""
    keys = [key("1"), key(None), key("2")]

    assert ring(*keys, key("3", "HS512")).candidates("HS256", None) == keys


def test_an_unknown_id_finds_nothing_if_every_key_has_an_id() -> None:
    """The token is refused then."""
    assert ring(key("1")).candidates("HS256", "2") == []


def test_a_key_is_never_offered_for_another_algorithm() -> None:
    """Not even with its id."""
    assert ring(key("1", "HS256")).candidates("HS512", "1") == []


def test_a_key_with_several_algorithms_is_offered_for_each() -> None:
    """A long secret serves every hash."""
    long_secret = VerificationKey.from_secret(LONG)

    assert [ring(long_secret).candidates(name, None) for name in ("HS256", "HS384", "HS512")] == [[long_secret]] * 3
    assert ring(long_secret, key("1")).algorithms == {"HS256", "HS384", "HS512"}
    assert ring().algorithms == frozenset()


def test_ten_keys_are_tried_at_most() -> None:
    """A token without an id costs a bounded number of verifications."""
    keys = [key(str(number)) for number in range(12)]

    assert ring(*keys).candidates("HS256", None) == keys[:10]
    assert ring(*keys).candidates("HS256", "11") == [keys[11]]


def test_a_ring_names_every_published_id() -> None:
    """Also the ids of unusable keys: a newer ring would not bring these keys either."""
    named = KeyRing((key("1"), key(None)), frozenset({"2"}))

    assert [named.names(key_id) for key_id in ("1", "2", "3", None)] == [True, True, False, False]


def test_rings_with_the_same_keys_are_alike_in_any_order() -> None:
    """Some issuers list their keys in a different order each time."""
    first, second = key("1"), key("2")

    assert ring(first, second).is_like(ring(second, first))
    assert not ring(first, second).is_like(ring(first))
    assert not ring(first).is_like(ring(first, second))
    assert not ring(first, second).is_like(ring(first, key("3")))
    assert not ring(first).is_like(ring(key("1", material=LONG)))
    assert not ring(first).is_like(KeyRing((first,), frozenset({"2"})))


def test_the_order_of_more_keys_than_are_tried_makes_a_difference() -> None:
    """A token without an id is tried with the first ten."""
    keys = [key(str(number)) for number in range(11)]

    assert ring(*keys).is_like(ring(*keys))
    assert not ring(*keys).is_like(ring(*reversed(keys)))


def test_the_order_of_as_many_keys_as_are_tried_makes_no_difference() -> None:
    """Each of the ten is tried, whichever comes first."""
    keys = [key(str(number)) for number in range(10)]

    assert ring(*keys).is_like(ring(*reversed(keys)))


def test_two_rings_with_the_same_keys_are_two() -> None:
    """A token is remembered for one ring; another one verifies it again."""
    keys = ring(key("1")).keys

    assert KeyRing(keys) != KeyRing(keys)


def test_a_ring_cannot_be_changed() -> None:
    """Threads share it, and remembered tokens belong to it."""
    unchanging = ring(key("1"))

    with pytest.raises(FrozenInstanceError):
        unchanging.keys = ()  # type: ignore[misc]  # which is the point
