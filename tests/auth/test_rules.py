"""What a view demands, as data."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
from flask.views import MethodView, View

from auth import AccessToken
from auth.access_token import freeze
from auth.errors import ConfigurationError, InsufficientRoleError, InsufficientScopeError, NotOwnerError
from auth.rules import (
    Declaration,
    OwnerRule,
    Policy,
    TokenRule,
    add_rule,
    declaration_of,
    is_marked_public,
    mark_public,
    rules_on,
)


def token(user_id: str = "alice", *scopes: str) -> AccessToken:
    return AccessToken(user_id=user_id, issuer=None, scopes=frozenset(scopes), roles=frozenset(), claims=freeze({}))


GRANTED = {
    "nothing asked": (TokenRule(), ()),
    "all there": (TokenRule(("a", "b")), ("a", "b", "c")),
    "one of any": (TokenRule((), ("a", "b")), ("b",)),
    "both kinds": (TokenRule(("a",), ("b", "c")), ("a", "c")),
}


@pytest.mark.parametrize(("rule", "scopes"), GRANTED.values(), ids=GRANTED)
def test_a_token_that_grants_enough_passes(rule: TokenRule, scopes: tuple[str, ...]) -> None:
    """A check returns nothing."""
    outcome: object = rule.check(token("alice", *scopes), {})  # type: ignore[func-returns-value]

    assert outcome is None


LACKING = {
    "none there": (TokenRule(("a",)), (), ("a",)),
    "one of two": (TokenRule(("a", "b")), ("a",), ("a", "b")),
    "none of any": (TokenRule((), ("a", "b")), ("c",), ("a", "b")),
    "only the any": (TokenRule(("a",), ("b", "c")), ("b",), ("a", "b", "c")),
    "another case": (TokenRule(("a",)), ("A",), ("a",)),
    "a prefix": (TokenRule(("read",)), ("read:all", "rea"), ("read",)),
}


@pytest.mark.parametrize(("rule", "scopes", "needed"), LACKING.values(), ids=LACKING)
def test_a_token_that_grants_too_little_is_refused(
    rule: TokenRule, scopes: tuple[str, ...], needed: tuple[str, ...]
) -> None:
    """The error names what would have sufficed."""
    with pytest.raises(InsufficientScopeError) as raised:
        rule.check(token("alice", *scopes), {})
    assert raised.value.scope == needed


def with_roles(*roles: str, scopes: frozenset[str] = frozenset()) -> AccessToken:
    return AccessToken(user_id="alice", issuer=None, scopes=scopes, roles=frozenset(roles), claims=freeze({}))


@pytest.mark.parametrize(
    ("rule", "roles"),
    [
        (TokenRule(roles=("a", "b")), ("a", "b", "c")),
        (TokenRule(any_role=("a", "b")), ("b",)),
        (TokenRule(roles=("a",), any_role=("b", "c")), ("a", "c")),
    ],
)
def test_a_user_with_enough_roles_passes(rule: TokenRule, roles: tuple[str, ...]) -> None:
    """All of the ones, and one of the others."""
    outcome: object = rule.check(with_roles(*roles), {})  # type: ignore[func-returns-value]  # nothing is the point

    assert outcome is None


@pytest.mark.parametrize(
    ("rule", "roles"),
    [
        (TokenRule(roles=("a",)), ()),
        (TokenRule(roles=("a", "b")), ("a",)),
        (TokenRule(any_role=("a", "b")), ("c",)),
        (TokenRule(roles=("a",), any_role=("b",)), ("b",)),
        (TokenRule(roles=("admin",)), ("Admin", "adminx", "adm")),
    ],
)
def test_a_user_with_too_few_roles_is_refused(rule: TokenRule, roles: tuple[str, ...]) -> None:
    """A scope of that name is no role."""
    with pytest.raises(InsufficientRoleError):
        rule.check(with_roles(*roles, scopes=frozenset({"a", "b", "admin"})), {})


def test_a_missing_scope_is_said_before_a_missing_role() -> None:
    """RFC 6750 has a word for the one; a client can ask for it."""
    with pytest.raises(InsufficientScopeError):
        TokenRule(("a",), roles=("r",)).check(with_roles(), {})


@pytest.mark.parametrize(
    ("rule", "more"),
    [
        (TokenRule(), False),
        (TokenRule(optional=True), False),
        (TokenRule(("a",)), True),
        (TokenRule(any_scope=("a",)), True),
        (TokenRule(roles=("a",)), True),
        (TokenRule(any_role=("a",)), True),
    ],
)
def test_a_rule_knows_whether_any_token_will_do(rule: TokenRule, more: bool) -> None:
    """The document promises a 403 where not."""
    assert rule.asks_for_more is more


def test_an_anonymous_caller_has_no_scopes_to_check() -> None:
    """Whether one may come in at all is decided before."""
    outcome: object = TokenRule(optional=True).check(None, {})  # type: ignore[func-returns-value]

    assert outcome is None


def test_the_owner_passes() -> None:
    """The named variable counts, whatever else the path holds."""
    outcome: object = OwnerRule("owner").check(token("alice"), {"owner": "alice", "user_id": "bob"})  # type: ignore[func-returns-value]

    assert outcome is None


STRANGERS = {
    "another": "bob",
    "another case": "Alice",
    "a space more": "alice ",
    "a dot more": "alice.",
    "a slash more": "alice/",
    "a prefix": "alic",
    "empty": "",
    "encoded again": "%61lice",
    "full width": "\uff41lice",
    "zero-width space": "alice\u200b",
}


@pytest.mark.parametrize("owner", STRANGERS.values(), ids=STRANGERS)
def test_anybody_else_is_refused(owner: str) -> None:
    """Character by character: nothing is folded, trimmed, decoded or normalised."""
    with pytest.raises(NotOwnerError):
        OwnerRule("user_id").check(token("alice"), {"user_id": owner})


def test_two_spellings_of_one_letter_are_two_users() -> None:
    """Composed and decomposed text differ, both ways."""
    composed, decomposed = "jos\u00e9", "jose\u0301"

    for user, owner in ((composed, decomposed), (decomposed, composed)):
        with pytest.raises(NotOwnerError):
            OwnerRule("user_id").check(token(user), {"user_id": owner})


def test_nobody_owns_a_path_without_a_token() -> None:
    """An anonymous caller is nobody's owner."""
    with pytest.raises(NotOwnerError):
        OwnerRule("user_id").check(None, {"user_id": "alice"})


@pytest.mark.parametrize("path", [{}, {"user": "alice"}, {"user_id": 7}, {"user_id": None}], ids=str)
def test_a_route_without_the_variable_as_text_is_a_mistake(path: dict[str, Any]) -> None:
    """Loud, and closed."""
    with pytest.raises(ConfigurationError, match="owns_path_user needs <user_id> as text in the route"):
        OwnerRule("user_id").check(token("alice"), path)


def test_rules_stand_on_a_function_outermost_first() -> None:
    """The order of the decorators, read from above."""

    def view() -> None: ...

    add_rule(view, OwnerRule("user_id"))
    add_rule(view, TokenRule())

    assert rules_on(view) == (TokenRule(), OwnerRule("user_id"))


def test_a_wrapper_hands_rules_on_and_does_not_share_them() -> None:
    """What is added outside is not seen inside."""

    def view() -> None: ...

    add_rule(view, TokenRule())
    wrapper = functools.wraps(view)(lambda: view())

    add_rule(wrapper, OwnerRule("user_id"))

    assert rules_on(view) == (TokenRule(),)
    assert rules_on(wrapper) == (OwnerRule("user_id"), TokenRule())


def declared(view: Callable[..., Any], method: str = "GET") -> Declaration:
    return declaration_of(view, method)


def test_a_view_that_says_nothing_is_missing_a_declaration() -> None:
    """Neither rules nor public."""

    def view() -> None: ...

    assert declared(view) == Declaration(Policy(()), public=False)
    assert declared(view).missing is True


def test_a_public_view_says_something() -> None:
    """Everybody may enter, on purpose."""

    def view() -> None: ...

    mark_public(view)

    assert declared(view) == Declaration(Policy(()), public=True)
    assert declared(view).missing is False


def test_each_handler_of_a_class_declares_for_its_method() -> None:
    """HEAD is answered by GET where it has no handler of its own; a method without any says nothing."""

    class Notes(MethodView):
        def get(self) -> str:
            return ""

        def post(self) -> str:
            return ""

    add_rule(Notes.get, TokenRule(("read",)))
    mark_public(Notes.post)
    view = Notes.as_view("notes")

    assert declared(view, "GET").policy.rules == (TokenRule(("read",)),)
    assert declared(view, "HEAD").policy.rules == (TokenRule(("read",)),)
    assert declared(view, "POST") == Declaration(Policy(()), public=True)
    assert declared(view, "DELETE").missing is True


def test_a_handler_for_head_declares_for_itself() -> None:
    """The rules of GET do not reach it."""

    class Notes(MethodView):
        def get(self) -> str:
            return ""

        def head(self) -> str:
            return ""

    add_rule(Notes.get, TokenRule())

    assert declared(Notes.as_view("notes"), "HEAD").missing is True


def test_the_same_rule_in_several_places_counts_once() -> None:
    """View, class and handler may repeat each other."""

    class Notes(MethodView):
        def get(self) -> str:
            return ""

    view = Notes.as_view("notes")
    add_rule(Notes.get, TokenRule())
    add_rule(view, TokenRule())

    assert declared(view).policy.rules == (TokenRule(),)


def test_a_subclass_of_a_public_class_is_not_public_itself() -> None:
    """What it adds was not there when somebody said so."""

    class Open(MethodView): ...

    mark_public(Open)

    class Derived(Open): ...

    assert is_marked_public(Open) is True
    assert is_marked_public(Derived) is False


def test_what_has_no_attributes_is_not_public() -> None:
    """An object without a ``__dict__`` cannot carry the mark."""
    assert is_marked_public(object()) is False


def test_a_token_is_demanded_unless_the_rule_says_otherwise() -> None:
    """A rule without arguments asks for a token and for no scopes."""
    assert TokenRule() == TokenRule(scopes=(), any_scope=(), optional=False)


def test_the_dispatching_of_a_class_declares_for_every_method() -> None:
    """A plain view has no handlers, so its rules stand there."""

    class Plain(View):
        def dispatch_request(self) -> str:
            return ""

    add_rule(Plain.dispatch_request, TokenRule(("read",)))

    assert declared(Plain.as_view("plain"), "GET").policy.rules == (TokenRule(("read",)),)
    assert declared(Plain.as_view("plain"), "POST").policy.rules == (TokenRule(("read",)),)


def test_a_class_with_two_bases_declares_what_both_demand() -> None:
    """The first does not hide the second."""

    class Reading(MethodView): ...

    class Owning(MethodView): ...

    class Both(Reading, Owning): ...

    add_rule(Reading, TokenRule(("read",)))
    add_rule(Owning, OwnerRule("user_id"))

    assert declared(Both.as_view("both")).policy.rules == (TokenRule(("read",)), OwnerRule("user_id"))
