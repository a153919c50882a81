"""Keys known at start."""

from __future__ import annotations

from collections.abc import Iterable

from auth.keys import KeySource, KeyStatus, StaticKeys, VerificationKey, status_of

SHORT, LONG = b"0123456789abcdefghijklmnopqrstuv", b"0123456789abcdefghijklmnopqrstuv" * 2


def key(key_id: str | None, *algorithms: str) -> VerificationKey:
    return VerificationKey(key_id, frozenset(algorithms or ("HS256",)), SHORT)


def test_a_key_is_found_by_its_id() -> None:
    """Others of the same algorithm are not tried."""
    first, second = key("1"), key("2")

    assert StaticKeys([first, second]).keys_for("HS256", "2") == [second]


def test_a_key_without_an_id_may_have_any() -> None:
    """PEM files and secrets carry no id, whatever the issuer writes into its tokens."""
    named, nameless = key("1"), key(None)

    assert StaticKeys([named, nameless]).keys_for("HS256", "2") == [nameless]
    assert StaticKeys([named, nameless]).keys_for("HS256", "1") == [named]


def test_a_token_without_an_id_may_come_from_any_key_of_its_algorithm() -> None:
    """They are tried in the order of the settings."""
    keys = [key("1"), key(None), key("2")]

    assert StaticKeys(keys).keys_for("HS256", None) == keys


def test_an_unknown_id_finds_nothing_where_every_key_has_one() -> None:
    """The token is refused then."""
    assert StaticKeys([key("1")]).keys_for("HS256", "2") == []


def test_a_key_is_never_offered_for_another_algorithm() -> None:
    """Not even with its id."""
    assert StaticKeys([key("1", "HS256")]).keys_for("HS512", "1") == []


def test_a_key_with_several_algorithms_is_offered_for_each() -> None:
    """A long secret serves every hash."""
    long_secret = VerificationKey.from_secret(LONG)
    keys: KeySource = StaticKeys([long_secret])

    assert [keys.keys_for(name, None) for name in ("HS256", "HS384", "HS512")] == [[long_secret]] * 3


def test_keys_are_ready_where_there_are_any() -> None:
    """Known at start means ready at once."""
    assert StaticKeys([key(None)]).ready() is True
    assert StaticKeys([]).ready() is False


def test_static_keys_say_how_many_they_are_and_that_nothing_is_fetched() -> None:
    """Whatever time it is."""
    keys = StaticKeys([VerificationKey.from_secret(LONG), key(None)])

    assert status_of(keys) == KeyStatus(ready=True, keys=2, age=None, last_error=None, next_refresh=None)
    assert keys.algorithms == {"HS256", "HS384", "HS512"}


class OwnKeys:
    """A key source of somebody else, with no more than it must have."""

    def keys_for(self, algorithm: str, key_id: str | None) -> Iterable[VerificationKey]:
        return iter(())

    def ready(self) -> bool:
        return False


def test_a_source_need_not_have_a_status() -> None:
    """It is asked whether it is ready then."""
    assert status_of(OwnKeys()) == KeyStatus(ready=False, keys=None, age=None, last_error=None, next_refresh=None)
