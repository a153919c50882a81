"""Guarded functions: what the decorators put in place of a view that is a function, a coroutine or from ``as_view``.

The request hook enforces the rules of a view before it is called. A guarded function checks them once more, for callers
that come past the hook.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from flask import Blueprint

from ..errors import MisuseError
from ..rules import AccessRule, Policy
from .answers import enforce_on_call
from .declarations import GUARD, add_rule, rules_on
from .unrun_guards import note_guard


def guard_function(view: Callable[..., Any], rules: tuple[AccessRule, ...]) -> Callable[..., Any]:
    """Return a function that checks rules when it is called, and the request hook finds them on it as well."""
    # A guard right on top of another asks for both at once, and calls what stands behind that.
    owner, behind, asked_there = getattr(view, "__dict__", {}).get(GUARD, (None, view, ()))
    unguarded, asked = (behind, (*rules, *asked_there)) if owner is view else (view, rules)
    policy = Policy(tuple(dict.fromkeys(asked)))
    named = _naming(unguarded, must_name=bool(policy.owners))

    if inspect.iscoroutinefunction(view):

        @functools.wraps(view)
        async def guarded(*args: Any, **kwargs: Any) -> Any:
            enforce_on_call(policy, named(args, kwargs) if args else kwargs)
            return await unguarded(*args, **kwargs)

    else:

        @functools.wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            enforce_on_call(policy, named(args, kwargs) if args else kwargs)
            return unguarded(*args, **kwargs)

    setattr(guarded, GUARD, (guarded, unguarded, policy.rules))
    note_guard(view, guarded, rules)
    for rule in reversed(rules):
        if rule not in rules_on(guarded):
            add_rule(guarded, rule)
    return guarded


def _naming(
    function: Callable[..., Any], *, must_name: bool
) -> Callable[[tuple[Any, ...], dict[str, Any]], dict[str, Any]]:
    """Return a function that maps the arguments of a call to parameter names.

    ``must_name`` refuses a call with a text or a number that has no name in the signature: it may be another user's id.
    """
    try:
        # Not the signature of a wrapped function, which may be called with other arguments.
        parameters = [*inspect.signature(function, follow_wrapped=False).parameters.values()]
    except (TypeError, ValueError):
        # Some callables have no signature.
        parameters = []
    by_place = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [parameter.name for parameter in parameters if parameter.kind in by_place]

    def named(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        if must_name and any(isinstance(value, str | int) for value in args[len(names) :]):
            raise MisuseError(f"{name_of(function)} was called with arguments whose names are unknown: use keywords.")
        # Positional values win: a keyword may have the same name as a positional-only parameter.
        return kwargs | dict(zip(names, args, strict=False))

    return named


def name_of(view: object) -> str:
    """Return what a view is called in a message."""
    return view.name if isinstance(view, Blueprint) else getattr(view, "__qualname__", type(view).__name__)
