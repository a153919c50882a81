"""``@require_jwt``, ``@owns_path_user``, ``@owns_path_tenant`` and ``@public``: what a view says about who may enter.

A decorator puts a rule on a view, a view class or a blueprint, where the request hook finds it. A function, and what
``as_view`` of a class returns, enforces its rules once more when it is called. Nothing else is decided here: the rules
are in :mod:`..rules`, the verification below, the answers at the edge.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, Literal, TypeVar, cast, overload

from flask import Blueprint, Flask
from flask.views import View
from werkzeug.exceptions import HTTPException

from ..path_rules import OwnerRule, TenantRule
from ..rules import AccessRule, TokenRule, override_names, role_names, scope_names
from ..step_up import acr_names
from .declarations import add_rule, is_marked_public, mark_public, rules_of_class, rules_on
from .guarded_functions import guard_function, name_of

#: What a guard that is written with arguments looks like.
_EXAMPLES = {
    "require_jwt": 'require_jwt(scopes="reports:read")',
    "owns_path_user": 'owns_path_user(param="owner")',
    "owns_path_tenant": 'owns_path_tenant(param="organization")',
}

#: A view function, a method, a view class or a blueprint. A decorator returns the type it was given.
ViewT = TypeVar("ViewT", bound=Callable[..., Any] | Blueprint)


@overload
def require_jwt(view: ViewT, /) -> ViewT: ...
@overload
def require_jwt(
    *,
    scopes: str | Iterable[str] | None = None,
    any_scope: str | Iterable[str] | None = None,
    roles: str | Iterable[str] | None = None,
    any_role: str | Iterable[str] | None = None,
    caller: Literal["user", "client"] | None = None,
    delegated: bool = True,
    acr: str | Iterable[str] | None = None,
    max_age: int | None = None,
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
    caller: Literal["user", "client"] | None = None,
    delegated: bool = True,
    acr: str | Iterable[str] | None = None,
    max_age: int | None = None,
    optional: bool = False,
) -> ViewT | Callable[[ViewT], ViewT]:
    """Demand a verified access token, as ``@require_jwt`` or with arguments.

    Works on functions, async functions, methods, ``View`` and ``MethodView`` classes, in ``MethodView.decorators``, and
    on blueprints: ``require_jwt(blueprint)`` guards every view of it and of the blueprints nested in it, whenever they
    are registered. The rules of a blueprint, a class and a function must all hold.

    Args:
        scopes: all of these are needed; one text, with spaces between several (RFC 6749 §3.3), or a list.
        any_scope: at least one of these is needed; written like ``scopes``.
        roles: the user has all of these, which come from where ``AUTH_PROFILE`` says; one text is one role, or a list.
        any_role: the user has at least one of these; written like ``roles``.
        caller: ``"user"`` refuses a client's own token (RFC 6749 §4.4), and ``"client"`` every other, with 403
            ``wrong_caller``.
        delegated: ``False`` refuses a token with ``act`` (RFC 8693 §4.1), by which somebody acts for the user, with 403
            ``delegated_token``.
        acr: the user has logged in in this way, or in one of a list; ``AUTH_ACR_VALUES`` says which are stronger.
            Otherwise the answer is 401 ``insufficient_user_authentication``, which says what to ask for (RFC 9470).
        max_age: the user has logged in at most so many seconds ago; the answer is the same.
        optional: let a request without any credentials in as anonymous (``current_token`` is false then). A bad token
            is still refused.

    A refusal is answered 401, or 403 where a scope (RFC 6750 §3.1) or a role is missing.
    """
    rule = TokenRule(
        scopes=scope_names(scopes),
        any_scope=scope_names(any_scope),
        roles=role_names(roles),
        any_role=role_names(any_role),
        caller=caller,
        delegated=delegated,
        acr=acr_names(acr),
        max_age=max_age,
        optional=optional,
    )
    return _decorate(view, rule, "require_jwt")


@overload
def owns_path_user(view: ViewT, /) -> ViewT: ...
@overload
def owns_path_user(
    *,
    param: str = "user_id",
    clients: bool = False,
    unless_scope: str | Iterable[str] | None = None,
    unless_role: str | Iterable[str] | None = None,
    hide: bool | type[Exception] = False,
) -> Callable[[ViewT], ViewT]: ...
def owns_path_user(
    view: ViewT | None = None,
    /,
    *,
    param: str = "user_id",
    clients: bool = False,
    unless_scope: str | Iterable[str] | None = None,
    unless_role: str | Iterable[str] | None = None,
    hide: bool | type[Exception] = False,
) -> ViewT | Callable[[ViewT], ViewT]:
    """Demand that the user of the token is the user in the path; verifies the token itself if nobody has.

    The text that stood in the path, decoded once, is compared with the identity claim, character by character; so is
    the argument ``param``, if the guarded function is called with one: another view, or a decorator above the guard,
    cannot ask for somebody else's. Otherwise the answer is 403 ``not_owner``. A route without the path variable
    ``param`` answers nobody.

    Args:
        param: the path variable that names the user.
        clients: ``True`` lets a client's own token own the path of its id. Otherwise it owns none, also if its id is
            that of a user (RFC 9068 §5).
        unless_scope: a token with this scope passes although it is not the owner's, a client's own token too; of a
            list, one is enough. The audit log names the caller and the owner.
        unless_role: the same for a role.
        hide: ``True`` answers 404 instead of 403, as the service answers for an unknown resource, and the audit log
            tells the truth. If the views raise an exception of their own for an unknown resource, give its class.
    """
    _check_unknown(hide)
    rule = OwnerRule(
        param=param,
        clients=clients,
        unless_scope=override_names("unless_scope", unless_scope),
        unless_role=override_names("unless_role", unless_role),
        hide=hide,
    )
    return _decorate(view, rule, "owns_path_user")


def _check_unknown(hide: bool | type[Exception]) -> None:
    """Demand that an exception of HTTP is an error of the client; another would be answered as a success or a fault."""
    if isinstance(hide, type) and issubclass(hide, HTTPException):
        code = hide.code
        if code is None or not 400 <= code < 500:
            raise TypeError(
                f"owns_path_user cannot hide by {hide.__name__}: its code is {code}, and an unknown resource is "
                "answered with one from 400 to 499."
            )


@overload
def owns_path_tenant(view: ViewT, /) -> ViewT: ...
@overload
def owns_path_tenant(*, param: str = "tenant_id") -> Callable[[ViewT], ViewT]: ...
def owns_path_tenant(view: ViewT | None = None, /, *, param: str = "tenant_id") -> ViewT | Callable[[ViewT], ViewT]:
    """Demand that the tenant of the token (``AUTH_TENANT_CLAIM``) is the tenant in the path.

    Compares as :func:`owns_path_user` does, and verifies the token itself if nobody has. A token of another tenant, and
    one that names none, is answered 403 ``not_tenant``. If the user is in the path as well, add ``@owns_path_user``.
    """
    return _decorate(view, TenantRule(param), "owns_path_tenant")


def public(view: ViewT) -> ViewT:
    """Say that everybody may call a view, for ``AUTH_DENY_BY_DEFAULT``.

    Works on functions, classes and blueprints, in place, and on views that are not yours:
    ``app.view_functions[name] = public(app.view_functions[name])``. It opens nothing that has a guard: a public view in
    a guarded blueprint stays guarded.
    """
    if isinstance(view, Flask | staticmethod | classmethod) or not (callable(view) or isinstance(view, Blueprint)):
        raise TypeError(f"public stands on a view, a view class or a blueprint; got {type(view).__name__}.")
    if rules_on(view) or rules_on(getattr(view, "dispatch_request", None)):
        raise TypeError(f"{name_of(view)} cannot be public: it has a guard.")
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

    add_rule(decorator, rule)
    return decorator


# A guard carries the rule that it puts on a view, for classes that list their guards in ``method_decorators``.
add_rule(require_jwt, TokenRule())
add_rule(owns_path_user, OwnerRule("user_id"))
add_rule(owns_path_tenant, TenantRule())


def _guard(view: ViewT, *, rule: AccessRule, name: str) -> ViewT:
    if isinstance(view, staticmethod | classmethod):
        raise TypeError(f"{name} stands below @{type(view).__name__}, not above it.")
    if isinstance(view, Flask):
        raise TypeError(f"{name} guards views, view classes and blueprints; for a whole app, set AUTH_DENY_BY_DEFAULT.")
    if is_marked_public(view):
        raise TypeError(f"{name_of(view)} cannot have a guard: it is public.")
    if isinstance(view, Blueprint):
        add_rule(view, rule)
        return view
    if not callable(view):
        raise TypeError(
            f"{name} stands on a view, or takes keyword arguments such as @{_EXAMPLES[name]}; "
            f"got {type(view).__name__}."
        )
    if isinstance(view, type):
        if not issubclass(view, View):
            raise TypeError(f"{name} stands on functions and on View classes; {name_of(view)} is neither.")
        _guard_class(view, rule)
        return view
    return cast("ViewT", guard_function(view, (rule,)))


def _guard_class(view_class: type[View], rule: AccessRule) -> None:
    """Guard a class and every class that will be derived from it.

    The rule on the class is what the request hook enforces for the class and all its subclasses, whatever those add or
    override. ``as_view`` guards what it returns as well, for callers that come past the hook. A handler or a
    ``dispatch_request`` that is called by hand is not guarded: an ``as_view`` of a service's own has to call Flask's.
    """
    _refuse_public_members(view_class)
    add_rule(view_class, rule)
    if isinstance(getattr(view_class.as_view, "__func__", None), _GuardedAsView):
        # This class or one of its bases has a guard already, whose as_view reads the rules when it is called.
        return
    view_class.as_view = classmethod(_GuardedAsView(view_class))  # type: ignore[assignment]  # mypy knows it as a method


class _GuardedAsView:
    """``View.as_view`` of a guarded class: what it returns enforces the rules of the class it is called on."""

    def __init__(self, guarded: type[View]) -> None:
        self._guarded = guarded
        #: The class method that the guarded class defines itself; None if it inherits one.
        self._own: Any = vars(guarded).get("as_view")
        functools.update_wrapper(self, View.as_view.__func__)  # type: ignore[attr-defined]  # a class method has it

    def __call__(self, view_class: type[View], *args: Any, **kwargs: Any) -> Callable[..., Any]:
        _refuse_public_members(view_class)
        make = self._own.__get__(None, view_class) if self._own else self._inherited(view_class)
        return guard_function(make(*args, **kwargs), rules_of_class(view_class))

    def _inherited(self, view_class: type[View]) -> Callable[..., Any]:
        # Found at each call, because a decorator such as dataclass(slots=True) makes a new class. If a wrapper around
        # as_view hides it, the guarded class is used.
        holders = (base for base in view_class.__mro__ if _function(vars(base).get("as_view")) is self)
        holder: Any = next(holders, self._guarded)
        make: Callable[..., Any] = super(holder, view_class).as_view  # type: ignore[misc]  # holder is found at run time
        return make


def _refuse_public_members(view_class: type[View]) -> None:
    """Refuse a handler that says it is public in a class that has a guard: the guard would win, silently."""
    for name in {"dispatch_request", *(method.lower() for method in view_class.methods or ())}:
        function = _function(inspect.getattr_static(view_class, name, None))
        if is_marked_public(function):
            raise TypeError(f"{name_of(function)} cannot be public: its class has a guard.")


def _function(member: Any) -> Any:
    return getattr(member, "__func__", member)
