"""Settings taken out of a mapping by type, with every problem kept as a sentence for the operator.

Names are the lower-case ones of an entry of ``AUTH_ISSUERS``; sentences show each as it was set: ``AUTH_AUDIENCE``, or
``AUTH_ISSUERS[1].audience``. What a setting means is judged elsewhere.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Findings:
    """What is wrong, and what is allowed and unwise: one sentence each, in the order of finding."""

    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class SettingReader:
    """The settings of the service, or of one issuer among several: own values first, then those it inherits."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        findings: Findings,
        *,
        prefix: str = "AUTH_",
        inherits: SettingReader | None = None,
        never: Collection[str] = (),
    ) -> None:
        """``settings`` has lower-case names and, where it inherits from nobody, its defaults filled in.

        ``never`` names what is not inherited.
        """
        self._settings = settings
        self._findings = findings
        self._prefix = prefix
        self._inherits = inherits
        self._never = never

    def label(self, name: str) -> str:
        """Return a setting's name as the operator has written it, or would."""
        if self._inherits is not None and self._is_inherited(name):
            return self._inherits.label(name)
        return self._own_label(name)

    def _own_label(self, name: str) -> str:
        """Return the name under which a setting would stand right here."""
        return self._prefix + (name.upper() if self._inherits is None else name)

    def problem(self, sentence: str) -> None:
        if sentence not in self._findings.problems:
            self._findings.problems.append(sentence)

    def warning(self, sentence: str) -> None:
        if sentence not in self._findings.warnings:
            self._findings.warnings.append(sentence)

    def check_names(self, known: Iterable[str]) -> None:
        """Refuse settings that nothing reads: a misspelt one would silently leave a check off."""
        names = list(known)
        for name in self._settings:
            if name not in names:
                close = difflib.get_close_matches(name, names, n=1)
                hint = f"; did you mean {self._own_label(close[0])}?" if close else "."
                self.problem(f"{self._own_label(name)} is not a setting{hint}")

    def text(self, name: str) -> str | None:
        """Return a text; None where it may be absent and is."""
        value = self.value(name)
        if value is not None and (not isinstance(value, str) or not value or value != value.strip()):
            self.problem(f"{self.label(name)} must be a text that is not empty, without space around it.")
            return None
        return value

    def texts(self, name: str) -> tuple[str, ...] | None:
        """Return one text or a list of them as a tuple; None where nothing is set."""
        value = self.value(name)
        if value is None:
            return None
        values: Any = (value,) if isinstance(value, str) else value
        if not isinstance(values, list | tuple | set | frozenset) or not all(
            isinstance(item, str) and item and item == item.strip() for item in values
        ):
            self.problem(
                f"{self.label(name)} must be a text or a list of texts, none of them empty or with space around it."
            )
            return None
        if isinstance(value, str) and "," in value:
            self.problem(f"{self.label(name)} holds a comma: write several as a list (in the environment as JSON).")
            return None
        return tuple(values)

    def items(self, name: str) -> list[Any]:
        """Return one value or a list of them as a list; empty where nothing is set."""
        value = self.value(name)
        if value is None:
            return []
        return list(value) if isinstance(value, list | tuple) else [value]

    def is_set(self, name: str) -> bool:
        """Tell whether a setting says anything: an empty list does not, nor does a switch that is off."""
        value = self.value(name)
        is_empty = isinstance(value, list | tuple | set | frozenset) and not value
        return value is not None and value is not False and not is_empty

    def number(self, name: str, *, minimum: float, maximum: float) -> float | None:
        """Return a number from ``minimum`` to ``maximum``; None where it may be absent and is."""
        value: Any = self.value(name)
        if value is None:
            return None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not minimum <= value <= maximum:
            self.problem(f"{self.label(name)} must be a number of at least {minimum} and at most {maximum}.")
            return None
        number: float = value
        return number

    def flag(self, name: str) -> bool:
        value = self.value(name)
        if not isinstance(value, bool):
            self.problem(f"{self.label(name)} must be true or false.")
            return False
        return value

    def value(self, name: str) -> Any:
        """Return what is set, here or in what is inherited; None where nothing is."""
        if self._inherits is not None and self._is_inherited(name):
            return self._inherits.value(name)
        return self._settings.get(name)

    def _is_inherited(self, name: str) -> bool:
        if self._inherits is None or name in self._never or self._settings.get(name) is not None:
            return False
        return self._inherits.is_set(name)
