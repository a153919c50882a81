"""Compiled schemas dump what marshmallow dumps, and nothing they have no rule for."""

from __future__ import annotations

import json
from datetime import UTC
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, fields, post_dump

from app.answer_schema import AnswerSchema
from app.service import TasksService
from app.tasks.models import Task
from app.tasks.schemas import TaskPageSchema, TaskSchema

PROVIDER = TasksService("app").json

tasks = st.builds(
    Task,
    user_id=st.text(),
    id=st.uuids(),
    title=st.text(),
    description=st.none() | st.text(),
    completed=st.booleans(),
    created_at=st.datetimes(timezones=st.just(UTC)),
    updated_at=st.datetimes(timezones=st.just(UTC)),
    version=st.integers(),
)

pages = st.fixed_dictionaries(
    {"items": st.lists(tasks, max_size=3), "next": st.none() | st.text(), "previous": st.none() | st.text()}
)


def members(text: str) -> Any:
    """Return the value of a JSON text, objects as lists of their members: their order counts."""
    return json.loads(text, object_pairs_hook=list)


class PlainTaskSchema(Schema):
    """The fields of a task, dumped by marshmallow."""

    class Meta:
        include = TaskSchema._declared_fields


class PlainPageSchema(Schema):
    """The fields of a page, dumped by marshmallow."""

    items = fields.List(fields.Nested(PlainTaskSchema))
    next = fields.String()
    previous = fields.String()


@given(task=tasks)
def test_a_task_is_dumped_as_marshmallow_does(task: Task) -> None:
    """Each member, and their order."""
    assert members(PROVIDER.dumps(TaskSchema().dump(task))) == members(json.dumps(PlainTaskSchema().dump(task)))


@given(page=pages)
def test_a_page_is_dumped_as_marshmallow_does(page: dict[str, Any]) -> None:
    """With the tasks in it."""
    assert members(PROVIDER.dumps(TaskPageSchema().dump(page))) == members(json.dumps(PlainPageSchema().dump(page)))


@given(found=st.lists(tasks, max_size=3))
def test_many_tasks_are_dumped_as_marshmallow_does(found: list[Task]) -> None:
    """Whether the schema or the call says that there are several."""
    expected = members(json.dumps(PlainTaskSchema().dump(found, many=True)))

    assert members(PROVIDER.dumps(TaskSchema(many=True).dump(found))) == expected
    assert members(PROVIDER.dumps(TaskSchema().dump(found, many=True))) == expected


def test_names_of_attributes_and_of_members_may_differ() -> None:
    """And a schema may have a single field, or none of a nested value."""

    class InnerSchema(AnswerSchema):
        here = fields.String(data_key="there", attribute="real")

    class OuterSchema(AnswerSchema):
        inner = fields.Nested(InnerSchema)
        several = fields.List(fields.Nested(InnerSchema))
        texts = fields.List(fields.String())

    empty = dict.fromkeys(("inner", "several", "texts"))
    dumped = {"there": "x"}

    assert OuterSchema().dump(empty) == empty
    assert OuterSchema().dump({"inner": {"real": "x"}, "several": [{"real": "x"}], "texts": ["a"]}) == {
        "inner": dumped,
        "several": [dumped],
        "texts": ["a"],
    }


class Upper(fields.String):
    """A text that is dumped in capitals."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str:
        return str(value).upper()


@pytest.mark.parametrize(
    "field",
    [
        Upper(),
        fields.Integer(),
        fields.Date(),
        fields.DateTime(format="rfc822"),
        fields.DateTime(format="timestamp"),
        fields.String(dump_default="nothing"),
        fields.Function(lambda _: 1),
        fields.Constant(1),
        fields.Nested(PlainTaskSchema),
        fields.List(Upper()),
        fields.List(fields.String(), dump_default=list),
        fields.Nested(TaskSchema, dump_default=None),
    ],
    ids=repr,
)
def test_a_field_without_a_rule_stops_the_start(field: fields.Field[Any]) -> None:
    """It would be dumped in another way than it says."""
    schema = type("OddSchema", (AnswerSchema,), {"field": field})

    with pytest.raises(TypeError, match="has no rule"):
        schema()


def test_a_hook_stops_the_start() -> None:
    """It would not run."""

    class HookedSchema(AnswerSchema):
        name = fields.String()

        @post_dump
        def change(self, data: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
            return data

    class ReadingSchema(AnswerSchema):
        name = fields.String()

        def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
            return default

    for schema in (HookedSchema, ReadingSchema):
        with pytest.raises(TypeError, match=f"{schema.__name__} has a hook"):
            schema()
