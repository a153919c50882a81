"""Guards that stand above a route decorator: the route has the function below them, so they never run.

Flask hands every route a function and keeps no way back, and a guard cannot see what is written below it. So each guard
notes which function it was put on. Later, when the routes are known, a route whose function has such a note has lost
the rules of that guard.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from flask import Flask, has_request_context

from ..rules import AccessRule

_View = Callable[..., Any]

#: By function: the rules of the guards that were put on it, and those of the guards that still exist.
_GUARDS: WeakKeyDictionary[_View, dict[tuple[AccessRule, ...], WeakSet[_View]]] = WeakKeyDictionary()


def note_guard(view: _View, guard: _View, rules: tuple[AccessRule, ...]) -> None:
    """Note that a guard was put on a function. A guard that is made while a request is served declares no route."""
    if isinstance(view, FunctionType) and not has_request_context():
        _GUARDS.setdefault(view, {}).setdefault(rules, WeakSet()).add(guard)


def unrun_rules(app: Flask, view: _View) -> Iterator[AccessRule]:
    """Yield the rules of guards that were put on a view after the route decorator had taken it."""
    for function in _outside_of_guards(view):
        for rules, guards in _GUARDS.get(function, {}).items():
            if _stands_above(app, function, guards):
                yield from rules


def _outside_of_guards(view: _View) -> Iterator[_View]:
    """Yield a view and the functions that it wraps, down to the first guard."""
    function: Any = view
    while isinstance(function, FunctionType):
        yield function
        inner = getattr(function, "__wrapped__", None)
        if isinstance(inner, FunctionType) and any(function in guards for guards in _GUARDS.get(inner, {}).values()):
            return
        function = inner


def _stands_above(app: Flask, function: _View, guards: WeakSet[_View]) -> bool:
    """Tell whether the guards on a function stand above its route decorator.

    Then the name of the function means the guard, and no route of the app leads to it. A name inside another function
    cannot be looked up: there, guards that no route leads to are enough.
    """
    routed = {id(part) for view in app.view_functions.values() for part in _wrapped(view)}
    if any(id(guard) in routed for guard in guards):
        return False
    if "<locals>" in function.__qualname__:
        return True
    named: Any = sys.modules.get(function.__module__)
    for name in function.__qualname__.split("."):
        named = getattr(named, name, None)
    return any(part in guards for part in _wrapped(named))


def _wrapped(view: Any) -> Iterator[Any]:
    """Yield a view and everything that it wraps."""
    while isinstance(view, FunctionType):
        yield view
        view = getattr(view, "__wrapped__", None)
