"""Finds the setting that a misspelt name was meant for. A misspelling stops the start; a foreign name does not."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

#: How alike two names are at least, from 0 to 1, if one is a misspelling of the other. ``SECRETS`` and ``JWK_URL`` are
#: above 0.9; the names of Flask-AppBuilder, APIFlask and Kubernetes stay below 0.65, ``TIMEOUT`` and ``API_KEY`` below
#: 0.75.
_CLOSE = 0.8


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that ``name`` is a misspelling of; None if it is too different from all of them.

    Names are lower-case words with underscores. Two words or more of a known name, in any order, count as that name.
    """
    likeness, found = max((_likeness(name.lower(), other), other) for other in known)
    return found if likeness >= _CLOSE else None


def _likeness(name: str, other: str) -> float:
    words, others = sorted(name.split("_")), sorted(other.split("_"))
    if len(words) > 1 and set(words) <= set(others):
        return 1
    pairs = ((name, other), ("_".join(words), "_".join(others)))
    return max(SequenceMatcher(None, *pair).ratio() for pair in pairs)
