"""A whole table of settings read in one pass, with every problem kept as a sentence for the operator.

A setting that is absent or unusable has its default, so every value of a :class:`Section` is of the right kind.
Sentences name a setting as it was written: ``AUTH_AUDIENCE``, or ``AUTH_ISSUERS[1].audience``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from .spelling import closest
from .table import DEFAULTS, TABLE, Level, Setting
from .values import Place

#: A name as a person writes it.
_WORDS = re.compile(r"[A-Za-z]{1,16}(?:[_-][A-Za-z]{1,16})*")


@dataclass(frozen=True, slots=True)
class Section:
    """The settings of the service, or of one entry of ``AUTH_ISSUERS`` together with what it inherits."""

    #: What is wrong, and what is allowed and unwise, in sentences for the operator. All entries share them.
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    #: An attribute for each row of the table.
    values: SimpleNamespace = field(default_factory=SimpleNamespace)
    #: The names that are set, to good values or bad ones. An empty list or mapping sets nothing, nor does a
    #: switch that is off.
    given: set[str] = field(default_factory=set)
    labels: dict[str, str] = field(default_factory=dict)
    #: Whether this is an entry of ``AUTH_ISSUERS``.
    is_entry: bool = False

    def read(self, row: Setting, value: Any, place: Place) -> None:
        """Take a value; the default if it is absent or unusable."""
        self.labels[row.name] = place.label
        if _is_set(value):
            self.given.add(row.name)
        usable = row.default if value is None else row.kind.read(value, place)
        setattr(self.values, row.name, row.default if place.problems else usable)
        self.problems.extend(place.problems)

    def inherit(self, name: str, label: str, above: Section) -> None:
        """Take the value of the section above, and its label if that is where the value was set."""
        self.labels[name] = above.labels[name] if name in above.given else label
        self.given.update({name} & above.given)
        setattr(self.values, name, getattr(above.values, name))


def _is_set(value: object) -> bool:
    is_empty = isinstance(value, list | tuple | set | frozenset | dict) and not value
    return value is not None and value is not False and not is_empty


def read_service(settings: Mapping[Any, Any]) -> Section:
    """Read the ``AUTH_…`` keys of a mapping such as ``app.config``; a key that is None sets nothing.

    An unknown key belongs to another library and is left alone, unless it is a misspelling of one of ours.
    """
    section = Section()
    keys = {row.name: row.key for row in TABLE}
    for key in settings:
        if isinstance(key, str) and key.startswith("AUTH_") and key not in DEFAULTS:
            meant = closest(key.removeprefix("AUTH_"), keys)
            if meant is not None:
                section.problems.append(f"{key} is not a setting; did you mean {keys[meant]}?")
    for row in TABLE:
        value = settings.get(row.key) if row.level is not Level.ENTRY else None
        section.read(row, value, Place(row.key, f"FLASK_{row.key}"))
    return section


def read_entry(index: int, settings: Mapping[str, Any], above: Section) -> Section:
    """Read an entry of ``AUTH_ISSUERS``. Every name in it is meant for us, so an unknown one is refused."""
    section = Section(above.problems, above.warnings, is_entry=True)
    rows = {row.name: row for row in TABLE if row.level is not Level.SERVICE}
    prefix = f"AUTH_ISSUERS[{index}]."
    for name in settings:
        if name not in rows:
            meant = closest(name.lower().removeprefix("auth_"), rows)
            hint = "." if meant is None else f"; did you mean {prefix}{meant}?"
            # Anything else may be a secret in the wrong place.
            shown = f"{prefix}{name}" if _WORDS.fullmatch(name) else f"A name in {prefix[:-1]}"
            section.problems.append(f"{shown} is not a setting{hint}")
    for name, row in rows.items():
        if settings.get(name) is None and row.level is Level.SHARED:
            section.inherit(name, prefix + name, above)
        else:
            section.read(row, settings.get(name), Place(prefix + name))
    return section
