"""What a view demands of its caller, as data, and the checks that compare it with a verified token.

The decorators write rules, the server enforces them, the OpenAPI document and ``flask auth routes`` read them. Nothing
here reads a request or knows where a rule stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Any

from .access_token import AccessToken
from .errors import DelegatedTokenError, InsufficientRoleError, InsufficientScopeError, WrongCallerError
from .identifiers import is_scope_token
from .path_rules import OwnerRule, TenantRule
from .step_up import LoginDemand, check_max_age

#: Who may be asked for as the caller: the user of a token, or a client with a token of its own.
CALLERS = ("user", "client")


@dataclass(frozen=True, slots=True)
class TokenRule:
    """A certain caller shows a verified access token that grants certain scopes to a user with certain roles."""

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
    #: One of :data:`CALLERS`; None if either may enter.
    caller: str | None = None
    #: Whether somebody may act for the user.
    delegated: bool = True
    #: The user has logged in in one of these ways (``acr``), if there are any.
    acr: tuple[str, ...] = ()
    #: The user has logged in at most so many seconds ago; None if it does not matter when.
    max_age: int | None = None

    #: Whether a verified token alone is not enough.
    asks_for_more: bool = field(init=False)
    #: Whether it matters who is calling.
    asks_who: bool = field(init=False)

    guard = "require_jwt"

    def __post_init__(self) -> None:
        if self.caller not in (None, *CALLERS) or not isinstance(self.delegated, bool):
            raise TypeError('require_jwt takes "user" or "client" as caller, and True or False as delegated.')
        check_max_age(self.max_age)
        asks_who = self.caller is not None or not self.delegated
        asks_for_login = bool(self.acr) or self.max_age is not None
        grants = any((self.scopes, self.any_scope, self.roles, self.any_role))
        object.__setattr__(self, "asks_who", asks_who)
        object.__setattr__(self, "asks_for_more", asks_who or asks_for_login or grants)
        if self.optional and grants:
            raise TypeError(
                "require_jwt cannot combine optional=True with scopes or roles: an anonymous caller has neither."
            )
        if self.optional and asks_who:
            raise TypeError(
                "require_jwt cannot combine optional=True with caller or delegated: a caller who is refused would "
                "come back as an anonymous one."
            )
        if asks_for_login and (self.optional or self.caller == "client"):
            raise TypeError(
                "require_jwt cannot combine acr or max_age with optional=True or with clients as callers: neither an "
                "anonymous caller nor a client has logged in."
            )

    def check(self, token: AccessToken | None, _path: Mapping[str, Any]) -> None:
        """Raise if the token is not that of the caller asked for, or does not grant what the rule asks for.

        Raises:
            WrongCallerError: the token is a client's own and the rule asks for a user, or the other way round.
            DelegatedTokenError: somebody acts for the user.
            InsufficientScopeError: a scope is missing.
            InsufficientRoleError: a role is missing.
        """
        if token is None:
            return
        if self.asks_who:
            self._check_caller(token)
        if not _has(token.scopes, self.scopes, self.any_scope):
            # Only now does it matter which scopes imply others.
            granted = token.effective_scopes
            if not _has(granted, self.scopes, self.any_scope):
                missing = _missing(granted, self.scopes, self.any_scope)
                reason = f"the token lacks a scope of this view: {missing}"
                raise InsufficientScopeError((*self.scopes, *self.any_scope), reason, missing)
        if not _has(token.roles, self.roles, self.any_role):
            missing = _missing(token.roles, self.roles, self.any_role)
            raise InsufficientRoleError(f"the user lacks a role of this view: {missing}", missing)

    def _check_caller(self, token: AccessToken) -> None:
        if self.caller == "user" and token.is_client:
            raise WrongCallerError("the view is for users, and the token is a client's own")
        if self.caller == "client" and not token.is_client:
            raise WrongCallerError("the view is for clients, and the token is a user's", WrongCallerError.USER)
        if not self.delegated and token.claims.get("act") is not None:
            raise DelegatedTokenError("the view is for the user alone, and the token has an actor (act)")


def _has(granted: Set[str], every: tuple[str, ...], any_of: tuple[str, ...]) -> bool:
    return all(name in granted for name in every) and not (any_of and granted.isdisjoint(any_of))


def _missing(granted: Set[str], every: tuple[str, ...], any_of: tuple[str, ...]) -> str:
    """Return in words what is asked for and not granted."""
    parts = [", ".join(name for name in every if name not in granted)]
    if granted.isdisjoint(any_of):
        parts.append("one of " * (len(any_of) > 1) + ", ".join(any_of))
    return " and ".join(filter(None, parts))


AccessRule = TokenRule | OwnerRule | TenantRule


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules that must all hold, prepared once where they are written and then checked at each request."""

    rules: tuple[AccessRule, ...]
    #: Whether a caller without any credentials may enter; false as soon as one rule needs a token.
    optional: bool = field(init=False)
    #: How the user has to have logged in, by all rules together; None if it does not matter.
    login: LoginDemand | None = field(init=False, repr=False, compare=False)
    #: The rules about a path variable, which must name the user or the tenant of the token.
    owners: tuple[OwnerRule | TenantRule, ...] = field(init=False, repr=False, compare=False)
    #: The path variables that they name.
    variables: Set[str] = field(init=False, repr=False, compare=False)
    #: The rules about the owner that let some callers pass who are not the owner.
    overridable: tuple[OwnerRule, ...] = field(init=False, repr=False, compare=False)
    #: Whether a caller can learn that they were refused: all but the hidden refusals of an owner.
    forbids: bool = field(init=False, repr=False, compare=False)
    #: The checks of the rules for which a token alone is not enough. Each takes the token and the text of each of
    #: those path variables, and raises an error that refuses the request.
    checks: tuple[Callable[[AccessToken | None, Mapping[str, Any]], None], ...] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        enforced = _hidden_first(self.rules)
        owners = tuple(rule for rule in enforced if not isinstance(rule, TokenRule))
        asking = [rule for rule in enforced if rule.asks_for_more]
        overridable = [rule for rule in owners if isinstance(rule, OwnerRule)]
        object.__setattr__(self, "optional", all(rule.optional for rule in enforced))
        tokens = [rule for rule in enforced if isinstance(rule, TokenRule)]
        login = LoginDemand.of((rule.acr for rule in tokens), (rule.max_age for rule in tokens))
        object.__setattr__(self, "login", login)
        object.__setattr__(self, "owners", owners)
        object.__setattr__(self, "variables", frozenset(rule.param for rule in owners))
        object.__setattr__(
            self, "overridable", tuple(rule for rule in overridable if rule.unless_scope or rule.unless_role)
        )
        object.__setattr__(self, "forbids", any(not _is_hidden(rule) for rule in asking))
        object.__setattr__(self, "checks", tuple(rule.check for rule in asking))

    def least_scopes(self) -> tuple[str, ...]:
        """Return scopes that are enough: all that are needed, and the first of each choice."""
        rules = [rule for rule in self.rules if isinstance(rule, TokenRule)]
        return tuple(dict.fromkeys(name for rule in rules for name in (*rule.scopes, *rule.any_scope[:1])))

    def all_scopes(self) -> tuple[str, ...]:
        """Return every scope that the rules name."""
        rules = [rule for rule in self.rules if isinstance(rule, TokenRule)]
        return tuple(dict.fromkeys(name for rule in rules for name in (*rule.scopes, *rule.any_scope)))


def check_login(token: AccessToken, demand: LoginDemand, now: float) -> None:
    """Raise if the user has not logged in as all rules of a view demand; ``now`` is in seconds since the epoch.

    It is asked before every other rule, so that a 401 comes before a 403 and names all that a new token needs.

    Raises:
        WrongCallerError: the token is a client's own, and a client does not log in.
        MalformedTokenError: a claim that is asked for has the wrong type.
        InsufficientUserAuthenticationError: the login was of another kind, or is too old.
    """
    if token.is_client:
        raise WrongCallerError("the view asks how the user logged in, and the token is a client's own")
    demand.check(token.claims, token.login_shape, now)


def _hidden_first(rules: tuple[AccessRule, ...]) -> list[AccessRule]:
    """Return the rules as they are enforced: one that hides the refusals of a variable hides those of all others.

    These come first. Otherwise the order of the guards would decide what a stranger is told.
    """
    hiding = {rule.param: rule.hide for rule in reversed(rules) if isinstance(rule, OwnerRule) and rule.hide}
    enforced = [
        replace(rule, hide=hiding[rule.param]) if isinstance(rule, OwnerRule) and rule.param in hiding else rule
        for rule in rules
    ]
    return sorted(enforced, key=lambda rule: not _is_hidden(rule))


def _is_hidden(rule: AccessRule) -> bool:
    return isinstance(rule, OwnerRule) and bool(rule.hide)


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a view says about who may enter: rules, or that everybody may, or nothing at all."""

    policy: Policy
    public: bool

    @property
    def missing(self) -> bool:
        """Whether the view says nothing."""
        return not self.policy.rules and not self.public


def scope_names(scopes: str | Iterable[str] | None) -> tuple[str, ...]:
    """Return scope names, each a ``scope-token`` of RFC 6749 §3.3, so that the challenge can quote them.

    None demands nothing. An empty list is refused: it may come from a setting, and would let everybody pass.
    """
    if scopes is None:
        return ()
    names: tuple[Any, ...] = tuple(scopes.split(" ")) if isinstance(scopes, str) else tuple(scopes)
    if not names or not all(map(is_scope_token, names)):
        raise TypeError(
            "scopes are names of printable ASCII without spaces, quotes and backslashes: one text with single spaces "
            "between them, or a list."
        )
    return tuple(dict.fromkeys(names))


def override_names(argument: str, names: str | Iterable[str] | None) -> tuple[str, ...]:
    """Return the scopes or roles of which one is enough; ``argument`` takes them. One text is one name."""
    read = scope_names if argument == "unless_scope" else role_names
    try:
        return read([names] if isinstance(names, str) else names)
    except TypeError:
        raise TypeError(f"owns_path_user takes one name as {argument}, or a list of which one is enough.") from None


def role_names(roles: str | Iterable[str] | None) -> tuple[str, ...]:
    """Return role names; unlike scopes they may hold spaces, so one text is one role. An empty list is refused."""
    if roles is None:
        return ()
    names: tuple[Any, ...] = (roles,) if isinstance(roles, str) else tuple(roles)
    if not names or not all(isinstance(name, str) and name and name == name.strip() for name in names):
        raise TypeError("roles are names without space around them: one text, or a list.")
    return tuple(dict.fromkeys(names))
