"""Response schemas that compile their dump function once.

The resulting JSON is the same as that of marshmallow's own ``dump``. Ids and times are not converted here: the JSON
provider writes them (:class:`app.service.FastJSONProvider`). A field without a rule here stops the start.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter, itemgetter
from typing import Any

from marshmallow import Schema, fields, missing

Dump = Callable[[Any], Any]

#: Fields whose values are already JSON, or are written by the JSON provider as marshmallow would.
PLAIN: tuple[type[fields.Field[Any]], ...] = (fields.String, fields.UUID, fields.Boolean, fields.DateTime)


class AnswerSchema(Schema):
    """A schema for objects that have all fields as attributes, or dictionaries that have all fields as items."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        #: Dumps one value.
        self.dump_one = compiled(self)

    def dump(self, obj: Any, *, many: bool | None = None) -> Any:
        """Return the JSON form of a value, or of each of ``many``."""
        many = self.many if many is None else many
        return [self.dump_one(value) for value in obj] if many else self.dump_one(obj)


def compiled(schema: Schema) -> Dump:
    """Return a function that dumps one value; raise ``TypeError`` if a field has no rule."""
    if any(schema._hooks.values()) or type(schema).get_attribute is not Schema.get_attribute:
        raise TypeError(f"{type(schema).__name__} has a hook, and hooks do not run for compiled schemas.")
    names = [field.attribute or name for name, field in schema.dump_fields.items()]
    members = [field.data_key or name for name, field in schema.dump_fields.items()]
    of_object, of_dictionary = _read_all(attrgetter, names), _read_all(itemgetter, names)
    rules = {member: _rule(field) for member, field in zip(members, schema.dump_fields.values(), strict=True)}
    converted = {member: rule for member, rule in rules.items() if rule is not None}

    def dump_one(value: Any) -> dict[str, Any]:
        read = of_dictionary if isinstance(value, dict) else of_object
        # Comparing the lengths would take longer than everything else.
        return dict(zip(members, read(value), strict=False))

    def dump_and_convert(value: Any) -> dict[str, Any]:
        answer = dump_one(value)
        for member, rule in converted.items():
            answer[member] = rule(answer[member])
        return answer

    return dump_and_convert if converted else dump_one


def _read_all(getter: Callable[..., Callable[[Any], Any]], names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """Return a function that reads all names of a value as a tuple; ``operator`` makes none for a single name."""
    read = getter(*names)
    return read if len(names) > 1 else lambda value: (read(value),)


def _rule(field: fields.Field[Any]) -> Dump | None:
    """Return a function that dumps the value of a field, or None if the value needs no conversion."""
    if field.dump_default is not missing:
        raise TypeError(
            f"The field {field.name} has a default, and has no rule by which a compiled schema could dump it."
        )
    if type(field) is fields.List:
        return _for_each(_rule(field.inner))
    if type(field) is fields.Nested and isinstance(field.schema, AnswerSchema) and not field.many:
        return _unless_none(field.schema.dump_one)
    if not _is_plain(field):
        raise TypeError(f"The field {field.name} has no rule by which a compiled schema could dump it.")
    return None


def _is_plain(field: fields.Field[Any]) -> bool:
    """Tell whether marshmallow would write the value of a field in the usual way."""
    kind = next((kind for kind in PLAIN if isinstance(field, kind)), None)
    if kind is None or type(field)._serialize is not kind._serialize:
        return False
    return getattr(field, "format", None) in (None, "iso")


def _for_each(rule: Dump | None) -> Dump | None:
    return None if rule is None else _unless_none(lambda values: [rule(value) for value in values])


def _unless_none(rule: Dump) -> Dump:
    return lambda value: None if value is None else rule(value)
