"""What a view demands of its caller, as data: written by the decorators, read by the server and the OpenAPI document.

A rule stands on the view itself, as an attribute that :func:`functools.wraps` hands on to every wrapper around it. So
the server finds it wherever the guard stands in the stack, and can tell a view that demands nothing from one that
forgot to. Checks compare verified values; nothing here reads a request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .access_token import AccessToken
from .errors import ConfigurationError, InsufficientRoleError, InsufficientScopeError, NotOwnerError

_RULES = "_auth_rules"
_PUBLIC = "_auth_public"


@dataclass(frozen=True, slots=True)
class TokenRule:
    """The caller shows a verified access token that grants certain scopes to a user with certain roles."""

    #: Every one of these is needed.
    scopes: tuple[str, ...] = ()
    #: At least one of these is needed, if there are any.
    any_scope: tuple[str, ...] = ()
    #: Whether a caller without any credentials may enter as well.
    optional: bool = False
    #: The user has every one of these.
    roles: tuple[str, ...] = ()
    #: The user has at least one of these, if there are any.
    any_role: tuple[str, ...] = ()

    #: Whether a verified token alone is not enough.
    asks_for_more: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "asks_for_more", any((self.scopes, self.any_scope, self.roles, self.any_role)))

    def check(self, token: AccessToken | None, _path: Mapping[str, Any]) -> None:
        """Raise where the token does not grant what the rule asks for.

        Raises:
            InsufficientScopeError: a scope is missing.
            InsufficientRoleError: a role is.
        """
        if token is None:
            return
        if not _holds(token.scopes, self.scopes, self.any_scope):
            raise InsufficientScopeError((*self.scopes, *self.any_scope), "the token lacks a scope of this view")
        if not _holds(token.roles, self.roles, self.any_role):
            raise InsufficientRoleError("the user lacks a role of this view")


def _holds(held: frozenset[str], every: tuple[str, ...], any_of: tuple[str, ...]) -> bool:
    return held.issuperset(every) and not (any_of and held.isdisjoint(any_of))


@dataclass(frozen=True, slots=True)
class OwnerRule:
    """The user of the token is the user whom the path names."""

    #: The path variable that holds the user.
    param: str

    optional = False
    asks_for_more = True

    def check(self, token: AccessToken | None, path: Mapping[str, Any]) -> None:
        """Compare the decoded path value with the identity claim, character by character.

        Raises:
            NotOwnerError: they differ.
            ConfigurationError: the route has no such variable, or one that is not text.
        """
        owner = path.get(self.param)
        if not isinstance(owner, str):
            raise ConfigurationError(
                [
                    f"owns_path_user needs <{self.param}> as text in the route; this one has none. "
                    "Correct the route or name its variable with param=."
                ]
            )
        if token is None or token.user_id != owner:
            raise NotOwnerError("the user of the token is not the user in the path")


AccessRule = TokenRule | OwnerRule


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules that hold together, prepared once where they are written down, and then asked per request."""

    rules: tuple[AccessRule, ...]
    #: Whether a caller without any credentials may enter; false as soon as one rule needs a token.
    optional: bool = field(init=False)
    #: The rules for which it is not enough that there is a token.
    _demanding: tuple[AccessRule, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "optional", all(rule.optional for rule in self.rules))
        object.__setattr__(self, "_demanding", tuple(rule for rule in self.rules if rule.asks_for_more))

    def check(self, token: AccessToken | None, path: Mapping[str, Any]) -> None:
        """Raise what the first rule raises that does not hold."""
        for rule in self._demanding:
            rule.check(token, path)


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a view says about who may enter: rules, or that everybody may, or nothing at all."""

    policy: Policy
    public: bool

    @property
    def missing(self) -> bool:
        """Whether the view says nothing."""
        return not self.policy.rules and not self.public


def rules_on(view: object) -> tuple[AccessRule, ...]:
    """Return the rules that stand on one function or class."""
    rules: tuple[AccessRule, ...] = getattr(view, _RULES, ())
    return rules


def add_rule(view: object, rule: AccessRule) -> None:
    """Put a rule on a function or class, in front of those it has."""
    setattr(view, _RULES, (rule, *rules_on(view)))


def is_marked_public(view: object) -> bool:
    """Tell whether a function or class says itself that it is public; a subclass does not inherit that."""
    return getattr(view, "__dict__", {}).get(_PUBLIC, False) is True


def mark_public(view: object) -> None:
    setattr(view, _PUBLIC, True)


def declaration_of(view: Callable[..., Any], method: str) -> Declaration:
    """Return what a view function says about requests with ``method``, its class and handler included."""
    view_class = getattr(view, "view_class", None)
    places: list[object] = [view]
    bases: tuple[object, ...] = ()
    if view_class is not None:
        handler = getattr(view_class, method.lower(), None)
        if handler is None and method == "HEAD":
            handler = getattr(view_class, "get", None)
        places += [view_class, view_class.dispatch_request, handler]
        # What a class demands, each class derived from it demands, whatever that overrides.
        bases = view_class.__mro__
    rules = dict.fromkeys(rule for place in (*places, *bases) for rule in rules_on(place))
    return Declaration(Policy(tuple(rules)), public=any(is_marked_public(place) for place in places))
