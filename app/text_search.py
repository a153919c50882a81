"""Finds tasks that hold a text, ignoring case, in linear time: no text can make a search expensive.

``LIKE``, ``position()`` and Python's ``in`` compare up to the whole wanted text at each place of another. In texts of
one letter that takes a hundred times as long as in ordinary ones. Regular expressions of one literal do not: Python
looks at each character once (Knuth, Morris and Pratt), and PostgreSQL runs an automaton.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Boolean, ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

#: Characters of the longest text that can be searched for.
LONGEST_SEARCH = 100

#: Characters up to which PostgreSQL searches with ``position()``: twice as fast in ordinary texts, and no slower at
#: worst than the automaton with a longer one.
SHORT_SEARCH = 16


class Holds(FunctionElement[bool]):
    """Whether the first text is in one of the others, upper and lower case alike; every character means itself."""

    name = "holds"
    type = Boolean()
    inherit_cache = True


class HoldsLong(Holds):
    """The same for a first text of more than :data:`SHORT_SEARCH` characters."""

    inherit_cache = True


def kind_of(wanted: str) -> Callable[..., Holds]:
    """Return the function that finds a text in tasks."""
    return Holds if len(wanted) <= SHORT_SEARCH else HoldsLong


@compiles(Holds)
def _by_position(element: Holds, compiler: SQLCompiler, **kwargs: Any) -> str:
    """Use a function that every database has; its time for a long text depends on the database."""
    wanted, *texts = (_lowered(clause, compiler, **kwargs) for clause in element.clauses)
    return "({})".format(" OR ".join(f"position({wanted} IN {text}) > 0" for text in texts))


@compiles(HoldsLong, "postgresql")
def _by_automaton(element: HoldsLong, compiler: SQLCompiler, **kwargs: Any) -> str:
    """Match a regular expression that is literal from the first to the last character."""
    wanted, *texts = (_lowered(clause, compiler, **kwargs) for clause in element.clauses)
    return "({})".format(" OR ".join(f"{text} ~ ('***=' || {wanted})" for text in texts))


@compiles(Holds, "sqlite")
@compiles(HoldsLong, "sqlite")
def _by_function(element: Holds, compiler: SQLCompiler, **kwargs: Any) -> str:
    """Call :func:`app.sqlite.holds`, which each connection is given."""
    return f"holds({compiler.process(element.clauses, **kwargs)})"


def _lowered(text: ColumnElement[Any], compiler: SQLCompiler, **kwargs: Any) -> str:
    """Return the lower case of a text, on PostgreSQL in the locale of the database.

    Under the collation of code points, by which titles are sorted, PostgreSQL changes only ASCII letters.
    """
    collate = ' COLLATE "default"' if compiler.dialect.name == "postgresql" else ""
    return f"lower({compiler.process(text, **kwargs)}{collate})"
