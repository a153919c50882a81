"""A verified token, as views see it."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from auth import AccessToken
from auth.access_token import Claims, Names, freeze


def token(**claims: Any) -> AccessToken:
    return AccessToken(user_id="alice", issuer=None, scopes=frozenset(), roles=frozenset(), claims=freeze(claims))


def test_registered_claims_have_names_of_their_own() -> None:
    """Subject, token id and both times are spelled out."""
    made = token(sub="alice", jti="t-1", exp=1_800_000_000, iat=0)

    assert made.subject == "alice"
    assert made.token_id == "t-1"
    assert made.expires_at == datetime(2027, 1, 15, 8, tzinfo=UTC)
    assert made.issued_at == datetime(1970, 1, 1, tzinfo=UTC)


def test_claims_that_are_absent_are_none() -> None:
    """Nothing is made up for what the issuer did not say."""
    made = token()

    assert (made.subject, made.token_id, made.expires_at, made.issued_at) == (None, None, None, None)


@pytest.mark.parametrize(
    ("seconds", "year"), [(-62_135_596_800, 1), (253_402_300_799, 9999), (253_402_300_798.999_999_9, 9999)]
)
def test_the_first_and_the_last_second_of_the_calendar_can_be_shown(seconds: float, year: int) -> None:
    """Every time that the verifier lets through can be read."""
    shown = token(exp=seconds).expires_at

    assert shown is not None
    assert shown.year == year


def test_every_token_is_true() -> None:
    """``if current_token:`` asks whether there is one, not what it holds."""
    assert bool(token()) is True


def test_a_token_cannot_be_changed() -> None:
    """Attributes are frozen."""
    made = token()

    with pytest.raises(FrozenInstanceError):
        made.user_id = "bob"  # type: ignore[misc]


CHANGES: dict[str, Callable[[Any], object]] = {
    "set": lambda claims: claims.__setitem__("sub", "bob"),
    "delete": lambda claims: claims.__delitem__("sub"),
    "merge": lambda claims: claims.__ior__({"sub": "bob"}),
    "clear": lambda claims: claims.clear(),
    "pop": lambda claims: claims.pop("sub"),
    "popitem": lambda claims: claims.popitem(),
    "setdefault": lambda claims: claims.setdefault("role", "admin"),
    "update": lambda claims: claims.update(sub="bob"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("depth", ["top", "nested"])
def test_claims_cannot_be_changed_at_any_depth(change: Callable[[Any], object], depth: str) -> None:
    """What one part of a request reads, another cannot have written."""
    claims = freeze({"sub": "alice", "nested": {"sub": "alice"}})

    with pytest.raises(TypeError, match="copy them with dict"):
        change(claims if depth == "top" else claims["nested"])
    assert claims == {"sub": "alice", "nested": {"sub": "alice"}}


def test_arrays_become_tuples_at_every_depth() -> None:
    """A list inside a claim could be changed otherwise."""
    claims = freeze({"roles": ["a", {"of": ["b"]}]})

    assert claims == {"roles": ("a", {"of": ("b",)})}
    assert isinstance(claims["roles"][1], Claims)


def test_claims_are_dumped_like_any_dictionary() -> None:
    """A view may answer with them."""
    claims = freeze({"roles": ["a"], "realm": {"x": 1}})

    assert json.loads(json.dumps(claims)) == {"roles": ["a"], "realm": {"x": 1}}


@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, lambda claims: pickle.loads(pickle.dumps(claims))],  # noqa: S301
    ids=["copy", "deepcopy", "pickle"],
)
def test_claims_can_be_copied_and_pickled(duplicate: Callable[[Claims], Claims]) -> None:
    """The copy equals the original and is as frozen."""
    claims = freeze({"realm": {"x": 1}})

    copied = duplicate(claims)

    assert copied == claims
    assert type(copied) is Claims


def test_the_claims_stay_out_of_the_representation() -> None:
    """A token that lands in a log or a traceback shows who, not what the issuer said about them."""
    made = token(sub="alice", email="alice@example.com")

    assert "alice@example.com" not in repr(made)


def granting(*scopes: str) -> AccessToken:
    return AccessToken(user_id="alice", issuer=None, scopes={*scopes}, roles=[*scopes], claims=freeze({}))  # type: ignore[arg-type]


def test_scopes_and_roles_are_sorted_lists_in_json() -> None:
    """In the same order in every process, whatever the order in the token."""
    made = granting("b", "c", "a")

    assert json.dumps([made.scopes, made.roles]) == '[["a", "b", "c"], ["a", "b", "c"]]'
    assert json.dumps(granting().scopes) == "[]"
    assert [*made.scopes] == ["a", "b", "c"]


def test_scopes_compare_like_a_set() -> None:
    """With sets, frozen ones and each other, from both sides; a list is no set."""
    scopes = granting("b", "a").scopes

    assert scopes == {"a", "b"} == scopes == frozenset({"a", "b"}) == scopes == granting("a", "b").scopes
    assert scopes != {"a"}
    assert (scopes == (anything := cast("object", ["a", "b"])), anything == scopes) == (False, False)
    assert hash(scopes) == hash(frozenset({"a", "b"}))
    assert {"a"} < scopes <= {"a", "b"} <= scopes < {"a", "b", "c"}
    assert (scopes > {"b"}, scopes > {"b", "c"}, scopes >= {"c"}) == (True, False, False)
    assert scopes & {"a", "c"} == {"a"} == {"a", "c"} & scopes
    assert scopes | {"c"} == {"a", "b", "c"}
    assert scopes - {"a"} == {"b"}
    assert scopes.isdisjoint({"c"})
    assert "a" in scopes
    assert len(scopes) == 2
    assert not granting().scopes


@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, lambda names: pickle.loads(pickle.dumps(names))],  # noqa: S301
    ids=["copy", "deepcopy", "pickle"],
)
def test_scopes_can_be_copied_and_pickled(duplicate: Callable[[Names], Names]) -> None:
    """As the claims can."""
    copied = duplicate(Names(["b", "a"]))

    assert (type(copied), [*copied]) == (Names, ["a", "b"])


def test_tokens_with_the_same_scopes_are_equal() -> None:
    """Whatever they were made from."""
    assert granting("a", "b") == granting("b", "a")
    assert len({granting("a", "b"), granting("b", "a")}) == 1
