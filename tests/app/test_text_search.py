"""What a search finds: the same on every database, whatever is searched for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, String, bindparam, select

from app.database import create_database
from app.text_search import LONGEST_SEARCH, SHORT_SEARCH, kind_of

#: Letters with and without cases, among them those whose lower case is odd, and all that means something to LIKE, to
#: regular expressions, or to SQL.
CHARACTERS = "aAbBiIzZéÉßẞﬁǅЖж😀 \t\n0%_!\\*=.+?()[]{}^$|'\"-:&\u0301\u0130\u0131\u03a3\u03c3\u03c2"

#: Few letters, of which many places look alike.
REPEATS = st.text("aA", max_size=60)
TEXTS = st.text(CHARACTERS, max_size=60) | REPEATS


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Return an engine whose connections can search."""
    engine = create_database(database_url).engine
    yield engine
    engine.dispose()


def is_found(engine: Engine, wanted: str, title: str, description: str | None) -> bool:
    """Ask the database."""
    holds = kind_of(wanted)
    parameters = (bindparam(name, type_=String()) for name in ("wanted", "title", "description"))
    with engine.connect() as connection:
        values = {"wanted": wanted, "title": title, "description": description}
        return bool(connection.execute(select(holds(*parameters)), values).scalar())


def lowered(text: str) -> str:
    """Return a text in lower case, letter by letter."""
    return "".join(letter.lower()[0] for letter in text)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(title=TEXTS, description=TEXTS | st.none(), wanted=TEXTS.filter(bool), data=st.data())
def test_a_text_is_found_where_it_stands_letter_by_letter(
    engine: Engine, title: str, description: str | None, wanted: str, data: st.DataObject
) -> None:
    """In title or description, upper and lower case alike, and nowhere else; what no database says, Python does."""
    text = data.draw(st.sampled_from([title, description or ""]))
    start = data.draw(st.integers(0, max(0, len(text) - 1)))
    part = text[start : data.draw(st.integers(start + 1, len(text) + 1))]

    for searched in filter(None, (wanted, part, part.swapcase()[:LONGEST_SEARCH])):
        expected = any(lowered(searched) in lowered(where) for where in (title, description) if where is not None)
        assert is_found(engine, searched, title, description) is expected


@pytest.mark.parametrize("length", [1, 2, SHORT_SEARCH, SHORT_SEARCH + 1, LONGEST_SEARCH])
@pytest.mark.parametrize("letter", ["a", "😀"])
def test_a_text_that_is_almost_there_is_not_found(engine: Engine, letter: str, length: int) -> None:
    """One letter among many of the same kind makes the difference, wherever it stands."""
    same = letter * (length - 1)

    for wanted in (f"{same}b", f"b{same}", f"{same[: length // 2]}b{same[length // 2 :]}"):
        assert not is_found(engine, wanted, letter * 255, letter * 2000)
        assert is_found(engine, wanted, letter * 255, f"{letter * 900}{wanted.upper()}{letter * 900}")
