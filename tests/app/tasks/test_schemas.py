"""Tasks and pages are dumped as marshmallow itself would dump them."""

from __future__ import annotations

import json
from datetime import UTC
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, fields

from app.service import Service
from app.tasks.models import Task
from app.tasks.schemas import TaskPageSchema, TaskSchema

PROVIDER = Service("app").json

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

#: The fields of a task, dumped by marshmallow.
PlainTaskSchema = Schema.from_dict(dict(TaskSchema().fields), name="PlainTaskSchema")


class PlainPageSchema(Schema):
    """The fields of a page, dumped by marshmallow."""

    items = fields.List(fields.Nested(PlainTaskSchema))
    next = fields.String()
    previous = fields.String()


def members(text: str) -> Any:
    """Return the value of a JSON text, objects as lists of their members: their order counts."""
    return json.loads(text, object_pairs_hook=list)


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


class LongTaskSchema(TaskSchema):
    """A task with more members: another name for an attribute, and one that is written and not answered."""

    etag = fields.Integer(attribute="version", data_key="ETag")
    secret = fields.String(load_only=True)


@pytest.mark.parametrize(
    ("schema", "names"),
    [
        (TaskSchema(only=("id",)), ["id"]),
        (TaskSchema(only=()), []),
        (TaskSchema(only=("title", "id")), ["id", "title"]),
        (TaskSchema(exclude=("created_at", "updated_at")), ["id", "user_id", "title", "description", "completed"]),
        (LongTaskSchema(), [*TaskSchema().fields, "ETag"]),
    ],
    ids=["one", "none", "two", "all but two", "more"],
)
@given(task=tasks)
def test_a_task_has_the_members_that_its_schema_names(schema: TaskSchema, names: list[str], task: Task) -> None:
    """No more and no fewer, with the values that marshmallow would give them."""
    plain = Schema.from_dict(dict(schema.fields))()

    assert set(schema.dump(task)) == set(names)
    assert members(PROVIDER.dumps(schema.dump(task))) == members(json.dumps(plain.dump(task)))
    assert members(PROVIDER.dumps(schema.dump([task], many=True))) == members(json.dumps(plain.dump([task], many=True)))


@given(page=pages)
def test_a_page_has_the_members_that_its_schema_names(page: dict[str, Any]) -> None:
    """Its tasks too."""
    found = TaskPageSchema(only=("items.id", "next")).dump(page)

    assert found == {"items": [{"id": task.id} for task in page["items"]], "next": page["next"]}
