"""Changes to JSON documents that leave them JSON: bytes that are changed blindly seldom get past a parser.

An input is the text of a JSON document, so whatever is found can be read, and be copied into a test.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import atheris

from fuzz.target import Mutator, Target


def _nested(levels: int) -> Any:
    value: Any = None
    for _ in range(levels):
        value = [value]
    return value


#: Values at which code that reads JSON has failed somewhere.
_HOSTILE: tuple[Any, ...] = (
    None,
    True,
    False,
    *(0, -1, 1, 0.5, -0.0, 1e308, 2**31, 2**53, 2**63, 10**30, math.nan, math.inf),
    *("", " ", "a", "\0", "\ud800", "\u00e9", "\U0001f600", "\u212a", "0", "null", "a\nb", '"', "\\", "x" * 300),
    *([], {}, [[]], [None], {"": None}, ["a", 1], _nested(15), _nested(40)),
)

#: How often bytes are changed without a look at what they mean.
_BLIND = 0.2

#: The most changes that are made in one step.
_MOST_CHANGES = 4


def json_mutator(target: Target) -> Mutator:
    """Return what changes a document: its values and members most of the time, its bytes otherwise."""
    names = target.words
    # What means something to the target is tried as often as what may mean something anywhere.
    own = [*target.values, *names] or [None]
    values = [*_HOSTILE, *own * max(1, len(_HOSTILE) // len(own))]

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        chance = random.Random(seed)  # noqa: S311  # what libFuzzer repeats has to come out the same
        document = parsed(data)
        if document is None or chance.random() < _BLIND:
            return bytes(atheris.Mutate(data, max_size))
        for _ in range(chance.randint(1, _MOST_CHANGES)):
            document = _changed(document, chance, values, names)
        text = json.dumps(document, separators=(",", ":")).encode()
        return text if len(text) <= max_size else data[:max_size]

    return mutate


def parsed(data: bytes) -> Any:
    """Return the JSON document of an input; None if the input is not JSON."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _changed(document: Any, chance: random.Random, values: Sequence[Any], names: Sequence[str]) -> Any:
    """Return a document with one place of it changed."""
    holder: list[Any] = [document]
    places = list(_places(holder))
    container, name = chance.choice(places)
    old = container[name]
    match chance.randrange(9):
        case 0 | 1:
            container[name] = chance.choice(values)
        case 2:
            other, where = chance.choice(places)
            container[name] = _copy(other[where])
        case 3 if container is not holder:
            del container[name]
        case 4:
            container[name] = chance.choice(_WRAPPERS)(old)
        case 5 if isinstance(container, dict):
            container[chance.choice([*names, *(place for _, place in places)])] = container.pop(name)
        case 6 if isinstance(old, dict):
            old[chance.choice([*names, "a"])] = chance.choice(values)
        case 7 if isinstance(old, list):
            old.extend(_copy(old) if chance.random() < 0.5 else [chance.choice(values)])
        case _:
            container[name] = _varied(old, chance, names)
    # Member names may have become numbers, which are no texts.
    return _copy(holder[0])


def _places(holder: Any) -> Any:
    """Yield every place of a document as its container and its name or index there."""
    for name in list(holder) if isinstance(holder, dict) else range(len(holder)):
        yield holder, name
        if isinstance(holder[name], (dict, list)):
            yield from _places(holder[name])


def _copy(value: Any) -> Any:
    return json.loads(json.dumps(value))


#: Ways to put a value into another one.
_WRAPPERS: tuple[Callable[[Any], Any], ...] = (
    lambda value: [value],
    lambda value: {"value": value},
    lambda value: [value, value],
    lambda value: json.dumps(value, ensure_ascii=False),
    lambda value: _with_one_name_twice(value) if isinstance(value, dict) and value else value,
    lambda value: value[0] if isinstance(value, list) and value else value,
)


def _with_one_name_twice(value: dict[str, Any]) -> str:
    """Return the text of an object with its first member once more at the end."""
    name = next(iter(value))
    return f"{json.dumps(value)[:-1]}, {json.dumps(name)}: 0}}"


def _varied(value: Any, chance: random.Random, names: Sequence[str]) -> Any:
    """Return a text or a number that is a little different; anything else as it is."""
    if isinstance(value, str):
        place = chance.randint(0, len(value))
        inserted = chance.choice(["", " ", "=", ".", ",", "\0", "A", "\u00ff", *names])
        return value[:place] + inserted + value[place + chance.randint(0, 2) :]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return chance.choice([value + 1, value - 1, -value, value + 0.5, value * 10**9, float(str(value)[:300])])
    return value
