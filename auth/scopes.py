"""Which scopes imply others, so that a token with a wide scope meets a demand for a narrow one.

The settings close the relation over once, at start. Scopes are compared in :mod:`.rules`; nothing here decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ScopeHierarchy:
    """The scopes of a service, wide and narrow: ``AUTH_SCOPE_IMPLIES``."""

    #: By name, every scope that a scope implies, also by way of another one.
    implied: Mapping[str, Set[str]] = field(default_factory=dict)

    def effective(self, scopes: Set[str]) -> Set[str]:
        """Return scopes together with those that they imply."""
        return frozenset(scopes).union(*(self.implied[name] for name in scopes if name in self.implied))

    def wider_than(self, name: str) -> tuple[str, ...]:
        """Return the scopes that imply another one, in the order of the setting."""
        return tuple(wide for wide, narrow in self.implied.items() if name in narrow)

    def with_wider(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return scopes of which one is enough, and after them those that imply one of them."""
        return tuple(dict.fromkeys((*names, *(wide for name in names for wide in self.wider_than(name)))))


#: No scope implies another.
FLAT = ScopeHierarchy()


def closed_over(implies: Mapping[str, tuple[str, ...]]) -> dict[str, frozenset[str]]:
    """Return by name every scope that a scope implies.

    Raises:
        ValueError: a scope implies itself, also by way of another one; the argument is the number of its entry.
    """
    closed: dict[str, frozenset[str]] = {}
    for number, name in enumerate(implies, 1):
        found: set[str] = set()
        ahead = [*implies[name]]
        while ahead:
            narrow = ahead.pop()
            if narrow not in found:
                found.add(narrow)
                ahead += implies.get(narrow, ())
        if name in found:
            raise ValueError(number)
        closed[name] = frozenset(found)
    return closed
