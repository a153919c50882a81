"""Where rules stand: on a view function, on a view class and its bases, on the blueprints and hooks around it.

A rule is an attribute of what it stands on. :func:`functools.wraps` hands the attribute on to every wrapper around a
function, so the rule is found wherever the guard stands in the stack, and a view that demands nothing can be told from
one that forgot to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from flask import Flask
from flask.views import View

from ..rules import AccessRule, Declaration, Policy

_RULES = "_resource_server_rules"
_PUBLIC = "_resource_server_public"

#: Where a guard keeps itself, the function behind it, and what it asks for. It starts with the guard: wrappers copy it.
GUARD = "_resource_server_guard"


class Marks:
    """Changes with each guard and public mark of this process. A change invalidates cached declarations."""

    #: Compared by identity: a counter that two threads increase at once might return to an earlier number.
    made: ClassVar[object] = object()


def rules_on(place: object) -> tuple[AccessRule, ...]:
    """Return the rules that stand on one function, class or blueprint."""
    rules: tuple[AccessRule, ...] = getattr(place, _RULES, ())
    return rules


def own_rules(place: object) -> tuple[AccessRule, ...]:
    """Return the rules that stand on one function, class or blueprint itself: not on a base of the class."""
    rules: tuple[AccessRule, ...] = getattr(place, "__dict__", {}).get(_RULES, ())
    return rules


def rules_of_class(view_class: type) -> tuple[AccessRule, ...]:
    """Return the rules of a class and of all its bases: a subclass cannot shed what its base demands."""
    return tuple(dict.fromkeys(rule for base in view_class.__mro__ for rule in rules_on(base)))


def add_rule(place: object, rule: AccessRule) -> None:
    """Put a rule on a function, class or blueprint, in front of those it has."""
    setattr(place, _RULES, (rule, *rules_on(place)))
    Marks.made = object()


def is_marked_public(place: object) -> bool:
    """Tell whether a function, class or blueprint says itself that it is public; a subclass does not inherit that."""
    return getattr(place, "__dict__", {}).get(_PUBLIC, False) is True


def mark_public(place: object) -> None:
    """Say that everybody may call what is marked."""
    setattr(place, _PUBLIC, True)
    Marks.made = object()


def declaration_of(view: Callable[..., Any], method: str, around: Iterable[object] = ()) -> Declaration:
    """Return what stands on a view, its class, the handler for ``method`` and the places around it, taken together.

    All rules must hold. A public mark counts only if there is no rule: a blueprint's guard holds for every view in it.
    """
    around = [*around]
    rules = dict.fromkeys(rule for place in places_of(view, method, around) for rule in rules_on(place))
    view_class = class_of(view)
    inside = [] if view_class is None else [view_class, view_class.dispatch_request, _handler(view_class, method)]
    is_public = any(is_marked_public(place) for place in (view, *inside, *around))
    return Declaration(Policy(tuple(rules)), public=is_public)


def places_of(view: Callable[..., Any], method: str, around: Iterable[object] = ()) -> list[object]:
    """Return the places whose rules hold for a view, from the inside out.

    These are the view, what its class puts around the handler for ``method``, the handler, the class with its bases,
    and the places around it.
    """
    view_class = class_of(view)
    if view_class is None:
        return [view, *around]
    decorators = method_decorators(view_class, handler_name(view_class, method))
    handler = _handler(view_class, method)
    return [view, view_class.dispatch_request, *decorators, handler, *view_class.__mro__, *around]


def _handler(view_class: type, method: str) -> object:
    return getattr(view_class, handler_name(view_class, method), None)


def class_of(view: Callable[..., Any]) -> type[View] | None:
    """Return the view class that a view was made from; None for a function."""
    view_class: type[View] | None = getattr(view, "view_class", None)
    return view_class or _class_of_method(view)


def handler_name(view_class: type | None, method: str) -> str:
    """Return the name of a class's handler for a method. HEAD is answered by ``get`` if the class has no ``head``."""
    return "get" if method == "HEAD" and not hasattr(view_class, "head") else method.lower()


def _class_of_method(view: Callable[..., Any]) -> type[View] | None:
    """Return the view class that a bound method belongs to, if the view is one."""
    owner = getattr(view, "__self__", None)
    return type(owner) if isinstance(owner, View) else None


def method_decorators(view_class: type, name: str) -> Iterable[Any]:
    """Return what Flask-RESTful and RESTX put around a handler when it is called, the outermost first.

    A guard among them carries the rule that it will put there.
    """
    decorators: Any = getattr(view_class, "method_decorators", ())
    if isinstance(decorators, Mapping):
        decorators = decorators.get(name, ())
    return reversed(decorators) if isinstance(decorators, list | tuple) else ()


def places_around(app: Flask, endpoint: str) -> list[object]:
    """Return the blueprints that an endpoint lies in, the innermost first, each with the guards in its hooks.

    A guard that is registered with ``before_request`` runs in front of every view of its blueprint. It declares nothing
    if it lets anonymous callers in, if something around it decides whether it runs, or if it is a hook of the whole
    app: then a view without a guard of its own is one that was forgotten.
    """
    name = endpoint
    places: list[object] = []
    while "." in name:
        name = name.rpartition(".")[0]
        if name in app.blueprints:
            hooks = app.before_request_funcs.get(name, ())
            places += [app.blueprints[name], *filter(_always_guards, hooks)]
    return places


def _always_guards(hook: object) -> bool:
    """Tell whether a hook is a guard, and no wrapper around one, and lets no anonymous caller in."""
    guard = getattr(hook, "__dict__", {}).get(GUARD, (None,))[0]
    return guard is getattr(hook, "__func__", hook) and not all(rule.optional for rule in rules_on(hook))
