"""What every statement of the store has in common, which is what a database that shards by user relies on."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.elements import BooleanClauseList
from sqlalchemy.sql.expression import Executable

from app.tasks import statements
from app.tasks.models import tasks
from app.tasks.pages import Sort
from app.tasks.statements import CREATE, Expected, delete_statement, page_statement, toggle_statement, update_statement
from app.text_search import Holds, HoldsLong

FIELDS = ("title", "description", "completed")


def filtered_statements() -> Iterator[Any]:
    """Yield every statement but the create, which has no filter, and the readiness probe, which is for nobody."""
    for statement in vars(statements).values():
        if isinstance(statement, Executable) and statement is not CREATE:
            yield statement
    for sort, backward, by_cursor, by_completed, by_text in product(
        Sort, *[[False, True]] * 3, (None, Holds, HoldsLong)
    ):
        yield page_statement(sort, backward=backward, by_cursor=by_cursor, by_completed=by_completed, by_text=by_text)
    for expected in Expected:
        yield toggle_statement(expected)
        yield delete_statement(expected)
        for count in range(1, len(FIELDS) + 1):
            for fields in combinations(FIELDS, count):
                yield update_statement(frozenset(fields), expected)


def conditions(clause: ColumnElement[bool] | None) -> Iterator[str]:
    """Yield the conditions all of which a row has to meet."""
    if isinstance(clause, BooleanClauseList) and clause.operator.__name__ == "and_":
        for part in clause.clauses:
            yield from conditions(part)
    else:
        yield str(clause)


def test_a_statement_is_about_one_user_and_one_table() -> None:
    """The user is named once, by a parameter, and not as one of several possibilities; nothing is joined."""
    for statement in filtered_statements():
        text, froms = (
            str(statement),
            [statement.table] if isinstance(statement, UpdateBase) else statement.get_final_froms(),
        )
        assert list(conditions(statement.whereclause)).count("tasks.user_id = :owner") == 1, text
        assert text.count(":owner") == 1, text
        assert froms == [tasks], text


def test_a_create_writes_the_row_of_one_user() -> None:
    """Its user is a value of its own."""
    assert str(CREATE).count(":user_id") == 1
    assert CREATE.table is tasks
