"""Cursors: what is given out is understood again, and nothing else is."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from app.tasks.models import Task
from app.tasks.pages import CHECKSUM_LENGTH, CURSOR_LENGTH, TITLE_START, Cursor, Sort, checksum, parse_cursor

ID = "0b5d7c1e-7a43-4f0e-9a36-6f1f0f4e2a11"
TIME = "2026-01-01T12:00:00.000001+00:00"


DIGEST = "0123456789abcdef"
START = "a" * TITLE_START


def titled(title: str) -> Task:
    """Return a task with a title."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Task("alice", UUID(ID), title, None, False, now, now, 1)


def encoded(value: Any, **settings: Any) -> str:
    """Return any value in the clothes of a cursor."""
    text = value if isinstance(value, str) else json.dumps(value, **{"separators": (",", ":"), **settings})
    content = text.encode()
    return urlsafe_b64encode(content + checksum(content)).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "cursor",
    [
        Cursor(Sort.NEWEST, False, datetime(2026, 1, 1, 12, 0, 0, 1, tzinfo=UTC), UUID(ID)),
        Cursor(Sort.OLDEST, True, datetime(2026, 1, 1, tzinfo=UTC), UUID(ID)),
        Cursor(Sort.TITLE_UP, False, "ÜBUNG 🥛 \"'\\", UUID(ID)),
        Cursor.at(titled("🥛" * TITLE_START), Sort.TITLE_DOWN, backward=True),
        Cursor.at(titled("🥛" * 255), Sort.TITLE_DOWN, backward=True),
        Cursor.at(titled("\x01" * 255), Sort.TITLE_DOWN, backward=True),
    ],
    ids=["microseconds", "whole second", "odd title", "longest whole title", "longest title", "characters to escape"],
)
def test_a_cursor_that_was_given_out_is_understood(cursor: Cursor) -> None:
    """Byte for byte, in characters that need no escape in a URL."""
    text = cursor.dump()

    assert parse_cursor(text) == cursor
    assert text.replace("-", "").replace("_", "").isalnum()
    assert len(text) <= CURSOR_LENGTH


def test_a_cursor_holds_no_more_than_the_beginning_of_a_title() -> None:
    """The rest stands in a digest, which differs wherever titles do."""
    texts = [Cursor.at(titled(START + rest), Sort.TITLE_UP, backward=False).dump() for rest in ("", "b", "c")]
    contents = [urlsafe_b64decode(text + "=" * (-len(text) % 4)) for text in texts]

    assert len(set(texts)) == 3
    assert all(START.encode() in content and START.encode() + b"a" not in content for content in contents)
    assert not any(START.encode() + rest in content for content in contents for rest in (b"b", b"c"))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("###", id="not base64url"),
        pytest.param("é", id="not ASCII"),
        pytest.param("A" * 5000, id="too long"),
        pytest.param("A", id="cut off"),
        pytest.param("_w", id="not UTF-8"),
        pytest.param(encoded("nonsense"), id="not JSON"),
        pytest.param(encoded("[" * 3000), id="deep JSON"),
        pytest.param(encoded(None), id="null"),
        pytest.param(encoded({"a": 1, "b": 2, "c": 3}), id="an object"),
        pytest.param(encoded(["title", 0, "a"]), id="too short"),
        pytest.param(encoded(["version", 0, "1", ID]), id="unknown order"),
        pytest.param(encoded([["title"], 0, "a", ID]), id="order of another type"),
        pytest.param(encoded(["title", 0, 1, ID]), id="key of another type"),
        pytest.param(encoded(["title", 0, "a", 1]), id="id of another type"),
        pytest.param(encoded(["title", 2, "a", ID]), id="unknown direction"),
        pytest.param(encoded(["title", True, "a", ID]), id="direction of another type"),
        pytest.param(encoded(["title", [], "a", ID]), id="direction that is a list"),
        pytest.param(encoded(["title", "a", ID]), id="no direction"),
        pytest.param(encoded(["title", 0, "a", ID, 0]), id="too much"),
        pytest.param(encoded(["title", 0, "a", ID.upper()]), id="upper-case UUID"),
        pytest.param(encoded(["title", 0, "ä", ID]), id="escaped where it need not be"),
        pytest.param(encoded(["title", 0, "a", "1"]), id="no UUID"),
        pytest.param(encoded(["title", 0, "a", "{" + ID + "}"]), id="UUID in braces"),
        pytest.param(encoded(["title", 0, "a", ID], separators=(", ", ":")), id="spaces"),
        pytest.param(encoded(["title", 0, "a\0", ID], ensure_ascii=False), id="NUL"),
        pytest.param(encoded(["title", 0, START + "a", ID]), id="title longer than is given out"),
        pytest.param(encoded(["title", 0, START + "a", ID, DIGEST]), id="the same with a digest"),
        pytest.param(encoded(["title", 0, "a", ID, DIGEST]), id="digest of a short title"),
        pytest.param(encoded(["title", 0, START, ID, None]), id="digest that is null"),
        pytest.param(encoded(["title", 0, START, ID, 7]), id="digest of another type"),
        pytest.param(encoded(["title", 0, START, ID, [DIGEST]]), id="digest that is a list"),
        pytest.param(encoded(["title", 0, START, ID, DIGEST.upper()]), id="upper-case digest"),
        pytest.param(encoded(["title", 0, START, ID, DIGEST * 2]), id="long digest"),
        pytest.param(encoded(["title", 0, START, ID, DIGEST, DIGEST]), id="two digests"),
        pytest.param(encoded(["created_at", 0, TIME, ID, DIGEST]), id="digest of a time"),
        pytest.param(encoded(["title", 0, "\ud800", ID]), id="lone surrogate"),
        pytest.param(encoded(["created_at", 0, "yesterday", ID]), id="no time"),
        pytest.param(encoded(["created_at", 0, "2026-01-01T12:00:00.000001", ID]), id="time without zone"),
        pytest.param(encoded(["created_at", 0, "2026-01-01T12:00:00.000001+01:00", ID]), id="time of another zone"),
        pytest.param(encoded(["created_at", 0, "9999-12-31T23:59:59.999999-23:59", ID]), id="time beyond the calendar"),
        pytest.param(encoded(["created_at", 0, TIME, ID]) + "=", id="padded"),
    ],
)
def test_a_tampered_cursor_is_a_value_error(text: str) -> None:
    """And no other error, which would be a 500."""
    with pytest.raises(ValueError, match="not"):
        parse_cursor(text)


def test_a_cursor_with_any_character_changed_is_refused() -> None:
    """Also where what it says then could be the edge of a page."""
    text = Cursor(Sort.OLDEST, False, datetime(2026, 1, 1, tzinfo=UTC), UUID(ID)).dump()

    for place, character in enumerate(text):
        changed = f"{text[:place]}{'A' if character != 'A' else 'B'}{text[place + 1 :]}"
        with pytest.raises(ValueError, match="not a cursor"):
            parse_cursor(changed)


def test_a_cursor_without_its_checksum_is_refused() -> None:
    """Or with that of another."""
    content = json.dumps(["title", 0, "a", ID], separators=(",", ":")).encode()

    for end in (b"", bytes(CHECKSUM_LENGTH), checksum(content + b" ")):
        with pytest.raises(ValueError, match="not a cursor"):
            parse_cursor(urlsafe_b64encode(content + end).rstrip(b"=").decode())
