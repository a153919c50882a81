"""The shapes of tasks on the wire, both ways, and what a client may ask a list for.

Reads strictly: unknown members, other types and text the database cannot keep are refused with 422.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

from marshmallow import Schema, ValidationError, fields, validates_schema
from marshmallow.validate import Length, Range

from app.tasks.models import DESCRIPTION_LENGTH, TITLE_LENGTH
from app.tasks.pages import Cursor, Sort, parse_cursor
from app.text_search import LONGEST_SEARCH

UUID_TEXT = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)

#: Most tasks on one page, and how many there are if the client does not say.
LARGEST_PAGE = 200
USUAL_PAGE = 50

ID = "0b5d7c1e-7a43-4f0e-9a36-6f1f0f4e2a11"
TASK_EXAMPLE = {
    "id": ID,
    "user_id": "alice",
    "title": "Buy milk",
    "description": "The one with the blue cap.",
    "completed": False,
    "created_at": "2026-01-01T09:30:00.000000+00:00",
    "updated_at": "2026-01-01T09:30:00.000000+00:00",
}


#: What each value of ``sort`` means.
ORDERS = """\
The order of the list:

- `-created_at`: newest first
- `created_at`: oldest first
- `-updated_at`: last changed first
- `updated_at`: last changed last
- `title`: by title, A to Z
- `-title`: by title, Z to A
"""

#: :func:`check_storable` and the trimming as patterns, for readers of the document: no NUL, and in a title at least one
#: character that Python does not take for space.
STORABLE = r"^[^\u0000]*$"
NOT_BLANK = r"^[^\u0000]*[^\s\u0000\u001c-\u001f\u0085][^\u0000]*$"


def check_storable(text: str) -> None:
    """Raise ``ValidationError`` for characters that are valid JSON and no text: NUL and lone surrogates."""
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValidationError("Must not contain NUL or lone surrogates.")


class TitleField(fields.String):
    """A title, trimmed."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            validate=[Length(1, TITLE_LENGTH), check_storable],
            metadata={
                "description": "Spaces at both ends are removed.",
                "pattern": NOT_BLANK,
                "examples": ["Buy milk"],
            },
            **kwargs,
        )

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        """Return the title without the space around it."""
        return super()._deserialize(value, attr, data, **kwargs).strip()


class DescriptionField(fields.String):
    """A longer text, or null."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            allow_none=True,
            validate=[Length(max=DESCRIPTION_LENGTH), check_storable],
            metadata={"pattern": STORABLE, "examples": ["The one with the blue cap."]},
            **kwargs,
        )


class StrictBoolean(fields.Boolean):
    """true or false; neither 1 nor "yes"."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bool:
        """Return a JSON boolean as it is and refuse everything else."""
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class StrictUUID(fields.UUID):
    """A UUID in its usual spelling (RFC 9562 §4), upper or lower case."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        """Return the UUID; what only Python takes for one (braces, ``urn:uuid:``, 32 digits in a row) is refused."""
        if not (isinstance(value, str) and UUID_TEXT.fullmatch(value)):
            raise self.make_error("invalid_uuid", input=value)
        return super()._deserialize(value, attr, data, **kwargs)


class QueryInteger(fields.Integer):
    """A whole number in a query string: ASCII digits and nothing else."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        """Return the number; what only Python takes for one (``1_0``, ``٣``) is refused."""
        if not (isinstance(value, str) and value.isascii() and value.isdigit()):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **kwargs)


class CursorField(fields.String):
    """The ``next`` or ``previous`` of another page."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        """Return the cursor that was given out as this text."""
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            return parse_cursor(text)
        except ValueError as error:
            raise ValidationError("Not the cursor of a page.") from error


class TaskSchema(Schema):
    """A task, as it is answered."""

    id = fields.UUID(required=True, metadata={"examples": [ID]})
    user_id = fields.String(required=True, metadata={"description": "The owner.", "examples": ["alice"]})
    title = TitleField(required=True)
    description = DescriptionField(required=True)
    completed = StrictBoolean(required=True)
    created_at = fields.DateTime(
        required=True, metadata={"description": "When the task was created, in UTC (RFC 3339)."}
    )
    updated_at = fields.DateTime(
        required=True, metadata={"description": "When the task was last changed, in UTC (RFC 3339)."}
    )

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._names = tuple(field.data_key or name for name, field in self.dump_fields.items())
        self._values_of = _getter([field.attribute or name for name, field in self.dump_fields.items()])

    def dump(self, obj: Any, *, many: bool | None = None) -> Any:
        """Return the members that marshmallow would, 1.7 × as fast for a page.

        No hook runs, and the values are the attributes as they are: the JSON provider writes ids and times.
        """
        names, values_of = self._names, self._values_of
        # Comparing the lengths would take longer than everything else.
        if many or (many is None and self.many):
            return [dict(zip(names, values_of(task), strict=False)) for task in obj]
        return dict(zip(names, values_of(obj), strict=False))


def _getter(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """Return a function that gets these attributes of an object; ``attrgetter`` needs two for a tuple."""
    return attrgetter(*names) if len(names) > 1 else lambda task: tuple(attrgetter(name)(task) for name in names)


class TaskContentSchema(Schema):
    """A task in full, as a client writes it; what is left out gets its default."""

    title = TitleField(required=True)
    description = DescriptionField(load_default=None)
    completed = StrictBoolean(load_default=False)


class NewTaskSchema(TaskContentSchema):
    """The values of a new task, perhaps with an id that the client has made."""

    id = StrictUUID(
        metadata={
            "description": "Optional. Choose one yourself to be able to send the request again without a second task.",
            "examples": [ID],
        }
    )


class TaskChangesSchema(Schema):
    """The members of a task that are to change; what is left out stays."""

    title = TitleField()
    description = DescriptionField()
    completed = StrictBoolean()


class CompletionSchema(Schema):
    """Whether the task is completed. Without it, a completed task is opened and an open one completed."""

    completed = StrictBoolean()


class TaskPageSchema(Schema):
    """Some tasks in order, and the way to those around them."""

    items = fields.List(fields.Nested(TaskSchema), required=True)
    next = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The `cursor` of the next page, or null on the last page."},
    )
    previous = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The `cursor` of the page before, or null on the first page."},
    )

    def dump(self, obj: Any, *, many: bool | None = None) -> Any:
        """Return a page with its tasks as their own schema dumps them; the cursors are text already."""
        page = {name: obj[name] for name in self.dump_fields}
        if "items" in page:
            items: Any = self.fields["items"]
            page["items"] = items.inner.schema.dump(page["items"], many=True)
        return page


class SummarySchema(Schema):
    """How many tasks there are."""

    total = fields.Integer(required=True, metadata={"examples": [3]})
    open = fields.Integer(required=True, metadata={"examples": [2]})
    completed = fields.Integer(required=True, metadata={"examples": [1]})


class TaskQuerySchema(Schema):
    """What a client may ask a list for."""

    limit = QueryInteger(
        load_default=USUAL_PAGE,
        validate=Range(1, LARGEST_PAGE),
        metadata={"description": "How many tasks a page has at most."},
    )
    cursor = CursorField(
        metadata={
            "description": "`next` or `previous` of another page. Send the same `sort` and filters as for that page."
        }
    )
    sort = fields.Enum(
        Sort,
        by_value=True,
        load_default=Sort.NEWEST,
        metadata={"description": ORDERS, "type": "string"},
    )
    completed = fields.Boolean(
        truthy={"true"},
        falsy={"false"},
        metadata={"description": "`true` for completed tasks only, `false` for open tasks only."},
    )
    text = fields.String(
        data_key="q",
        validate=[Length(1, LONGEST_SEARCH), check_storable],
        metadata={
            "description": "Only tasks with this text in the title or description. Upper and lower case are the same.",
            "pattern": STORABLE,
        },
    )

    @validates_schema
    def check_cursor(self, data: Mapping[str, Any], **_kwargs: Any) -> None:
        """Refuse a cursor of a list in another order: it would skip tasks or show them twice."""
        cursor: Cursor | None = data.get("cursor")
        if cursor is not None and cursor.sort != data["sort"]:
            raise ValidationError("Belongs to a list in another order.", "cursor")
