"""JSON as the service writes it, by orjson or by what stands in for it: no value of a client's becomes a 500."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask, jsonify
from hypothesis import given
from hypothesis import strategies as st

from app.service import Service
from auth import AccessToken
from auth.access_token import Claims

APP = Service("app")

TIME = datetime(2026, 1, 1, 9, 30, tzinfo=UTC)

#: What a JSON text of a client's may be read as.
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(value=values)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    """Whichever of the two has written it."""
    assert json.loads(APP.json.dumps(value)) == value


@pytest.mark.parametrize("stranger", [None, "\ud800", 2**64, {"\udfff": 1}, Decimal(1)], ids=ascii)
def test_times_and_ids_are_written_alike_whatever_is_beside_them(stranger: Any) -> None:
    """RFC 3339 and the usual spelling, microseconds where there are some; never Flask's HTTP dates."""
    value = [TIME, TIME.replace(microsecond=20), uuid.UUID(int=1), stranger]

    written = json.loads(APP.json.dumps(value))

    assert written[:3] == [
        "2026-01-01T09:30:00+00:00",
        "2026-01-01T09:30:00.000020+00:00",
        "00000000-0000-0000-0000-000000000001",
    ]


def test_the_scopes_of_a_token_are_written_as_a_list() -> None:
    """Which orjson leaves to Python's own encoder, like the time beside them."""
    token = AccessToken(user_id="alice", issuer=None, scopes={"b", "a"}, roles=frozenset(), claims=Claims())

    assert APP.json.dumps({"scopes": token.scopes, "roles": token.roles}) == '{"scopes":["a","b"],"roles":[]}'


def test_members_keep_their_order() -> None:
    """Also where orjson has to give up."""
    for value in (1, "\ud800"):
        assert list(json.loads(APP.json.dumps({"b": value, "a": value}))) == ["b", "a"]


def test_what_nobody_can_write_is_an_error_of_ours() -> None:
    """It is not written as something else."""
    with pytest.raises(TypeError):
        APP.json.dumps(object())


@pytest.mark.parametrize("debug", [False, True])
def test_an_answer_is_one_line_of_json(debug: bool) -> None:
    """In UTF-8, and the same while somebody looks for a mistake."""
    app = Service("app")
    app.debug = debug

    with app.app_context():
        answer = jsonify(name="é", other=[1])

    assert answer.data == '{"name":"é","other":[1]}\n'.encode()
    assert answer.content_type == "application/json"


def test_another_layout_is_to_be_had_for_the_asking() -> None:
    """As from Flask."""
    assert APP.json.dumps({"a": 1}, indent=1) == '{\n "a": 1\n}'


def test_the_default_provider_writes_the_same_value() -> None:
    """Other bytes, the same JSON: characters outside ASCII are no longer escaped."""
    value = {"name": "é 😀", "number": 1.5, "none": None}

    assert json.loads(APP.json.dumps(value)) == json.loads(Flask("other").json.dumps(value))
