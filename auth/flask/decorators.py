"""``@require_jwt``, ``@owns_path_user`` and ``@public``: what a view says about who may enter.

A decorator puts a rule on the view, enforces it when the view is called, and notes it for the OpenAPI document. It
decides nothing else: the rules are in :mod:`.rules`, the verification below, the answers at the edge.
"""

from __future__ import annotations

import functools
import inspect
import re
import weakref
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast, overload
from weakref import WeakKeyDictionary

from flask.views import View

from ..rules import AccessRule, OwnerRule, Policy, TokenRule, add_rule, is_marked_public, mark_public, rules_on
from .extension import enforce
from .openapi import note_rules
from .server import this_app

_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")

#: A view function, a method, or a class of them: it goes out as the type it came in.
ViewT = TypeVar("ViewT", bound=Callable[..., Any])


@overload
def require_jwt(view: ViewT, /) -> ViewT: ...
@overload
def require_jwt(
    *,
    scopes: str | Iterable[str] | None = None,
    any_scope: str | Iterable[str] | None = None,
    roles: str | Iterable[str] | None = None,
    any_role: str | Iterable[str] | None = None,
    optional: bool = False,
) -> Callable[[ViewT], ViewT]: ...
def require_jwt(
    view: ViewT | None = None,
    /,
    *,
    scopes: str | Iterable[str] | None = None,
    any_scope: str | Iterable[str] | None = None,
    roles: str | Iterable[str] | None = None,
    any_role: str | Iterable[str] | None = None,
    optional: bool = False,
) -> ViewT | Callable[[ViewT], ViewT]:
    """Demand a verified access token, as ``@require_jwt`` or with arguments.

    Works on functions, async functions, methods, ``View`` and ``MethodView`` classes, and in ``MethodView.decorators``.

    Args:
        scopes: all of these are needed; one text, with spaces between several (RFC 6749 §3.3), or a list.
        any_scope: at least one of these is needed; written like ``scopes``.
        roles: the user has all of these, which come from where ``AUTH_PROFILE`` says; one text is one role, or a list.
        any_role: the user has at least one of these; written like ``roles``.
        optional: let a request without any credentials in as anonymous (``current_token`` is false then). A bad token
            is refused all the same.

    A refusal is answered 401, or 403 where a scope (RFC 6750 §3.1) or a role is missing.
    """
    rule = TokenRule(
        scopes=_as_scopes(scopes),
        any_scope=_as_scopes(any_scope),
        roles=_as_roles(roles),
        any_role=_as_roles(any_role),
        optional=optional,
    )
    if optional and rule.asks_for_more:
        raise TypeError(
            "require_jwt cannot be optional and demand scopes or roles: what would it ask of an anonymous caller?"
        )
    return _decorate(view, rule, "require_jwt")


@overload
def owns_path_user(view: ViewT, /) -> ViewT: ...
@overload
def owns_path_user(*, param: str = "user_id") -> Callable[[ViewT], ViewT]: ...
def owns_path_user(view: ViewT | None = None, /, *, param: str = "user_id") -> ViewT | Callable[[ViewT], ViewT]:
    """Demand that the user of the token is the user in the path; verifies the token itself if nobody has.

    The decoded path value is compared with the identity claim, character by character; 403 ``not_owner`` otherwise. A
    route without the path variable ``param``, or with one that is not text, answers nobody.
    """
    return _decorate(view, OwnerRule(param), "owns_path_user")


def public(view: ViewT) -> ViewT:
    """Say that everybody may call a view, which ``AUTH_DENY_BY_DEFAULT`` wants to hear.

    Works on functions and classes, in place, and on views of others:
    ``app.view_functions[name] = public(app.view_functions[name])``.
    """
    if rules_on(view) or rules_on(getattr(view, "dispatch_request", None)):
        raise TypeError(f"{_name(view)} cannot be public: it has a guard.")
    if inspect.ismethod(view):
        # A bound method takes no attributes, and its function belongs to every instance.
        return public(cast("ViewT", functools.wraps(view)(functools.partial(view))))
    mark_public(view)
    return view


def _decorate(view: ViewT | None, rule: AccessRule, name: str) -> ViewT | Callable[[ViewT], ViewT]:
    """Apply a rule to what stands below the decorator, which is there already or comes with the next call."""
    if view is not None:
        return _guard(view, rule=rule, name=name)

    def decorator(view: ViewT) -> ViewT:
        return _guard(view, rule=rule, name=name)

    return decorator


def _guard(view: ViewT, *, rule: AccessRule, name: str) -> ViewT:
    if isinstance(view, staticmethod | classmethod):
        raise TypeError(f"{name} stands below @{type(view).__name__}, not above it.")
    if not callable(view):
        raise TypeError(f"{name} stands on a view, or takes keyword arguments; got {type(view).__name__}.")
    if is_marked_public(view):
        raise TypeError(f"{_name(view)} cannot have a guard: it is public.")
    if isinstance(view, type):
        if not issubclass(view, View):
            raise TypeError(f"{name} stands on functions and on View classes; {_name(view)} is neither.")
        _guard_class(view, rule)
        return view
    viewed_class = _class_being_viewed(view)
    if viewed_class is not None:
        _guard_members(viewed_class, rule, ("dispatch_request",))
    return cast("ViewT", _guard_function(view, rule))


def _guard_class(view_class: type[View], rule: AccessRule) -> None:
    """Guard a class and every class that will be derived from it.

    A subclass may add methods, dispatch by itself or through a mixin, and list decorators of its own: none of that
    sheds the guard. The rule on the class is what the server enforces for every class derived from it; the members are
    guarded, and each new subclass's, for the document and for whoever calls them past the server.
    """
    add_rule(view_class, rule)
    _guard_members(view_class, rule)
    own = vars(view_class).get("__init_subclass__")

    def guard_subclass(cls: type[View], /, **kwargs: Any) -> None:
        if own is None:
            holder: Any = _holder(cls, "__init_subclass__", guard_subclass)
            super(holder, cls).__init_subclass__(**kwargs)
        else:
            own.__func__(cls, **kwargs)
        _guard_members(cls, rule)

    if own is not None:
        # The guard before this one, or the class's own: looked for through this one from now on.
        functools.update_wrapper(guard_subclass, own.__func__)
    # Set from outside, as the class statement would: mypy knows it as a method of object.
    view_class.__init_subclass__ = classmethod(guard_subclass)  # type: ignore[assignment]


def _guard_members(view_class: type[View], rule: AccessRule, besides: tuple[str, ...] = ()) -> None:
    """Guard what answers requests in a class: its dispatching, and each HTTP method's handler.

    The dispatching is what cannot be passed by; the handlers are where flask-smorest looks for the notes. What the
    class inherits it goes on inheriting: a guard in front of it hands on to whatever stands next in line.
    """
    names = {"dispatch_request", *(method.lower() for method in view_class.methods or ())}
    for name in sorted(names.difference(besides)):
        member = inspect.getattr_static(view_class, name, None)
        function = getattr(member, "__func__", member)
        if is_marked_public(function):
            raise TypeError(f"{_name(function)} cannot be public: its class has a guard.")
        if not inspect.isfunction(function) or rule in rules_on(function):
            continue
        if name in vars(view_class):
            guarded = _guard_function(function, rule)
            setattr(view_class, name, type(member)(guarded) if function is not member else guarded)
        elif function is member:
            setattr(view_class, name, _guard_function(_hand_on(name, function), rule))


def _hand_on(name: str, inherited: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that calls what its class inherits by a name, in Python's own order."""

    # Looked for once for each class; it is not for this to keep a class alive.
    holders: WeakKeyDictionary[type, weakref.ref[type]] = WeakKeyDictionary()

    @functools.wraps(inherited)
    def hand_on(self: View, *args: Any, **kwargs: Any) -> Any:
        view_class = type(self)
        known = holders.get(view_class)
        holder = None if known is None else known()
        if holder is None:
            holder = _holder(view_class, name, hand_on)
            holders[view_class] = weakref.ref(holder)
        following = getattr(super(holder, self), name)
        return this_app().ensure_sync(following)(*args, **kwargs)

    # The search for the holder must not look through this class's function into the one of its base.
    del hand_on.__wrapped__
    return hand_on


def _holder(view_class: type, name: str, function: object) -> type:
    """Return the class in a line of descent that holds a function, wrapped or not, under a name.

    Asked when it is called: a decorator such as ``dataclass(slots=True)`` makes a class anew.
    """
    return next(cls for cls in view_class.__mro__ if _holds(vars(cls).get(name), function))


def _holds(member: object, function: object) -> bool:
    held = getattr(member, "__func__", member)
    return callable(held) and inspect.unwrap(held, stop=lambda inner: inner is function) is function


#: Where a guard keeps itself, the function behind it, and what it asks for. Other wrappers copy it, so it names itself.
_GUARD = "_auth_guard"


def _guard_function(view: Callable[..., Any], rule: AccessRule) -> Callable[..., Any]:
    # A guard right on top of another asks for both at once, and calls what stands behind that.
    owner, behind, asked_there = getattr(view, "__dict__", {}).get(_GUARD, (None, view, ()))
    unguarded, rules = (behind, (rule, *asked_there)) if owner is view else (view, (rule,))
    policy = Policy(rules)
    if inspect.iscoroutinefunction(view):

        @functools.wraps(view)
        async def guarded(*args: Any, **kwargs: Any) -> Any:
            enforce(policy)
            return await unguarded(*args, **kwargs)

    else:

        @functools.wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            enforce(policy)
            return unguarded(*args, **kwargs)

    setattr(guarded, _GUARD, (guarded, unguarded, rules))
    add_rule(guarded, rule)
    note_rules(guarded, rules_on(guarded))
    return guarded


def _class_being_viewed(view: Callable[..., Any]) -> type[View] | None:
    """Return the class whose ``as_view`` is applying ``MethodView.decorators`` right now.

    Flask hands those decorators a function that does not name its class yet, and flask-smorest reads its notes from the
    class's methods alone: only the call that is going on knows both. The view is guarded without it; what would be lost
    is the note in the document.
    """
    if not getattr(view, "__qualname__", "").startswith("View.as_view.<locals>"):
        return None
    # The function behind the class method, which mypy takes for bound already.
    frame = inspect.currentframe()
    while frame is not None and frame.f_code is not View.as_view.__func__.__code__:  # type: ignore[attr-defined]
        frame = frame.f_back
    return None if frame is None else cast("type[View] | None", frame.f_locals.get("cls"))


def _as_scopes(scopes: str | Iterable[str] | None) -> tuple[str, ...]:
    """Return scope names, each a ``scope-token`` of RFC 6749 §3.3, so that the challenge can quote them.

    None demands nothing. An empty list is refused: it may come from a setting, and would let everybody pass.
    """
    if scopes is None:
        return ()
    names: tuple[Any, ...] = tuple(scopes.split(" ")) if isinstance(scopes, str) else tuple(scopes)
    if not names or not all(isinstance(name, str) and _SCOPE_TOKEN.fullmatch(name) for name in names):
        raise TypeError(
            "scopes are names of printable ASCII without spaces, quotes and backslashes: one text with single spaces "
            "between them, or a list."
        )
    return tuple(dict.fromkeys(names))


def _as_roles(roles: str | Iterable[str] | None) -> tuple[str, ...]:
    """Return role names; unlike scopes they may hold spaces, so one text is one role. An empty list is refused."""
    if roles is None:
        return ()
    names: tuple[Any, ...] = (roles,) if isinstance(roles, str) else tuple(roles)
    if not names or not all(isinstance(name, str) and name and name == name.strip() for name in names):
        raise TypeError("roles are names without space around them: one text, or a list.")
    return tuple(dict.fromkeys(names))


def _name(view: object) -> str:
    return getattr(view, "__qualname__", type(view).__name__)
