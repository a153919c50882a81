"""What a view demands, as data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from auth import AccessToken
from auth.access_token import freeze
from auth.errors import InsufficientRoleError, InsufficientScopeError, MisuseError, NotOwnerError
from auth.path_rules import OwnerRule
from auth.rules import Declaration, Policy, TokenRule, role_names, scope_names
from auth.scopes import ScopeHierarchy


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
    "none there": (TokenRule(("a",)), (), ("a",), "a"),
    "one of two": (TokenRule(("a", "b")), ("a",), ("a", "b"), "b"),
    "none of any": (TokenRule((), ("a", "b")), ("c",), ("a", "b"), "one of a, b"),
    "two of three": (TokenRule(("a", "b", "c")), ("b",), ("a", "b", "c"), "a, c"),
    "not the any of one": (TokenRule((), ("a",)), ("c",), ("a",), "a"),
    "only the any": (TokenRule(("a",), ("b", "c")), ("b",), ("a", "b", "c"), "a"),
    "neither kind": (TokenRule(("a",), ("b", "c")), ("d",), ("a", "b", "c"), "a and one of b, c"),
    "another case": (TokenRule(("a",)), ("A",), ("a",), "a"),
    "a prefix": (TokenRule(("read",)), ("read:all", "rea"), ("read",), "read"),
}


@pytest.mark.parametrize(("rule", "scopes", "needed", "missing"), LACKING.values(), ids=LACKING)
def test_a_token_that_grants_too_little_is_refused(
    rule: TokenRule, scopes: tuple[str, ...], needed: tuple[str, ...], missing: str
) -> None:
    """The error names what would have sufficed; the log and the client read what is missing of it."""
    with pytest.raises(InsufficientScopeError) as raised:
        rule.check(token("alice", *scopes), {})
    assert raised.value.scope == needed
    assert raised.value.reason == f"the token lacks a scope of this view: {missing}"
    assert raised.value.message == f"The access token lacks a scope that this request needs: {missing}."


def test_a_scope_that_implies_what_is_asked_for_passes() -> None:
    """The error names what is neither there nor implied."""
    hierarchy = ScopeHierarchy({"write": frozenset({"read"})})
    wide = replace(token("alice", "write"), scope_hierarchy=hierarchy)

    TokenRule(("read", "write")).check(wide, {})
    TokenRule((), ("read", "other")).check(wide, {})
    with pytest.raises(InsufficientScopeError) as raised:
        TokenRule(("read", "other")).check(wide, {})

    assert raised.value.scope == ("read", "other")
    assert raised.value.reason == "the token lacks a scope of this view: other"


def test_a_policy_names_the_fewest_scopes_and_all_of_them() -> None:
    """Each once, in the order of its rules."""
    rules = (TokenRule(("b", "a"), ("c", "d")), OwnerRule("user_id"), TokenRule(("a", "e"), ("d", "c"), roles=("f",)))

    assert Policy(rules).least_scopes() == ("b", "a", "c", "e", "d")
    assert Policy(rules).all_scopes() == ("b", "a", "c", "d", "e")
    assert Policy(()).least_scopes() == Policy((OwnerRule("user_id"),)).all_scopes() == ()


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
    ("rule", "roles", "missing"),
    [
        (TokenRule(roles=("a",)), (), "a"),
        (TokenRule(roles=("a", "b")), ("a",), "b"),
        (TokenRule(any_role=("a", "b")), ("c",), "one of a, b"),
        (TokenRule(roles=("a",), any_role=("b",)), ("b",), "a"),
        (TokenRule(roles=("a",), any_role=("b",)), ("c",), "a and b"),
        (TokenRule(roles=("site admin",)), ("Site admin", "site", "admin"), "site admin"),
    ],
)
def test_a_user_with_too_few_roles_is_refused(rule: TokenRule, roles: tuple[str, ...], missing: str) -> None:
    """A scope of that name is no role. The log and the client read what is missing."""
    with pytest.raises(InsufficientRoleError) as raised:
        rule.check(with_roles(*roles, scopes=frozenset({"a", "b", "site admin"})), {})
    assert raised.value.reason == f"the user lacks a role of this view: {missing}"
    assert raised.value.message == f"The user of the access token lacks a role that this request needs: {missing}."


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
        (TokenRule(caller="user"), True),
        (TokenRule(caller="client"), True),
        (TokenRule(delegated=False), True),
        (TokenRule(caller=None, delegated=True), False),
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
    with pytest.raises(MisuseError, match="owns_path_user needs <user_id> in the route"):
        OwnerRule("user_id").check(token("alice"), path)


def test_a_token_is_demanded_unless_the_rule_says_otherwise() -> None:
    """A rule without arguments asks for a token and for no scopes."""
    assert TokenRule() == TokenRule(scopes=(), any_scope=(), optional=False)


@pytest.mark.parametrize(
    "more", [{"scopes": ("a",)}, {"any_scope": ("a",)}, {"roles": ("a",)}, {"any_role": ("a",)}], ids=str
)
def test_an_optional_token_cannot_be_asked_for_scopes_or_roles(more: dict[str, Any]) -> None:
    """An anonymous caller would lack them, or pass without them."""
    with pytest.raises(TypeError, match=r"^require_jwt cannot combine optional=True with scopes or roles"):
        TokenRule(optional=True, **more)


@pytest.mark.parametrize("name", ["", "user id", "9", "user-id", "<user_id>", 7, None, b"user_id"], ids=repr)
def test_the_owner_is_a_path_variable_with_a_name(name: Any) -> None:
    """A name that no route can have is refused where it is written."""
    with pytest.raises(TypeError, match=r"^owns_path_user takes the name of a path variable as param, such as user_id"):
        OwnerRule(name)


TOKEN, ANYBODY, OWNER = TokenRule(), TokenRule(optional=True), OwnerRule("user_id")


@pytest.mark.parametrize(
    ("rules", "optional"),
    [((), True), ((ANYBODY,), True), ((ANYBODY, TOKEN), False), ((TOKEN,), False), ((ANYBODY, OWNER), False)],
)
def test_one_rule_that_needs_a_token_makes_a_policy_need_one(rules: tuple[Any, ...], optional: bool) -> None:
    """Whatever the others allow."""
    assert Policy(rules).optional is optional


def test_a_policy_knows_the_rules_about_path_variables() -> None:
    """In the order of its rules."""
    assert Policy((OwnerRule("team"), TOKEN, OWNER)).owners == (OwnerRule("team"), OWNER)
    assert Policy((TOKEN,)).owners == ()


def test_a_policy_asks_the_rules_for_which_a_token_is_not_enough() -> None:
    """Nothing is asked twice at each request, and nothing in vain."""
    scoped = TokenRule(("a",))
    checks = Policy((TOKEN, scoped, ANYBODY, OWNER)).checks

    assert checks == (scoped.check, OWNER.check)
    for check, refusal in zip(checks, (InsufficientScopeError, NotOwnerError), strict=True):
        with pytest.raises(refusal):
            check(token("bob"), {"user_id": "alice"})
    assert Policy((TOKEN,)).checks == ()


@pytest.mark.parametrize(
    ("rules", "public", "missing"), [((), False, True), ((), True, False), ((TOKEN,), False, False)]
)
def test_a_view_without_rules_that_is_not_public_says_nothing(
    rules: tuple[Any, ...], public: bool, missing: bool
) -> None:
    """Such a view is refused if everything is denied by default."""
    assert Declaration(Policy(rules), public).missing is missing


SCOPES: dict[str, tuple[str | Iterable[str] | None, tuple[str, ...]]] = {
    "nothing": (None, ()),
    "one": ("read", ("read",)),
    "one text": ("read write", ("read", "write")),
    "a list": (["write", "read"], ("write", "read")),
    "the keys of a mapping": ({"a": 1, "b": 2}.keys(), ("a", "b")),
    "a name twice": ("b a b", ("b", "a")),
    "the edges of the alphabet": ("! # [ ] ~", ("!", "#", "[", "]", "~")),
    "letters that are capital": ("XX", ("XX",)),
}


@pytest.mark.parametrize(("written", "names"), SCOPES.values(), ids=SCOPES)
def test_scopes_are_one_text_or_several(written: str | Iterable[str] | None, names: tuple[str, ...]) -> None:
    """A text is split at its spaces, as the ``scope`` claim is (RFC 6749 §3.3)."""
    assert scope_names(written) == names


NO_SCOPES: dict[str, Any] = {
    "empty": "",
    "an empty list": [],
    "two spaces": "a  b",
    "a space before": " a",
    "a space after": "a ",
    "a tab": "a\tb",
    "a line end": "a\n",
    "a quotation mark": 'a"b',
    "a backslash": "a\\b",
    "no ASCII": "é",
    "a control character": "\x7f",
    "a space in a list": ["a b"],
    "an empty name": ["a", ""],
    "a number": ["a", 1],
    "bytes": [b"a"],
    "null": [None],
}


@pytest.mark.parametrize("written", NO_SCOPES.values(), ids=NO_SCOPES)
def test_what_a_challenge_cannot_quote_is_no_scope(written: Any) -> None:
    """An empty list is refused as well: it would let everybody pass."""
    with pytest.raises(TypeError, match=r"^scopes are names of printable ASCII"):
        scope_names(written)


ROLES: dict[str, tuple[str | Iterable[str] | None, tuple[str, ...]]] = {
    "nothing": (None, ()),
    "one": ("admin", ("admin",)),
    "one with a space": ("team lead", ("team lead",)),
    "a list": (["b", "a"], ("b", "a")),
    "the keys of a mapping": ({"a": 1, "b": 2}.keys(), ("a", "b")),
    "a name twice": (["b", "a", "b"], ("b", "a")),
    "another script": ("управляющий", ("управляющий",)),
}


@pytest.mark.parametrize(("written", "names"), ROLES.values(), ids=ROLES)
def test_roles_are_one_text_or_several(written: str | Iterable[str] | None, names: tuple[str, ...]) -> None:
    """One text is one role, spaces and all."""
    assert role_names(written) == names


NO_ROLES: dict[str, Any] = {
    "empty": "",
    "blank": "  ",
    "an empty list": [],
    "a space before": " admin",
    "a space after": ["admin "],
    "a line end": "admin\n",
    "an empty name": ["admin", ""],
    "a number": ["admin", 1],
    "null": [None],
}


@pytest.mark.parametrize("written", NO_ROLES.values(), ids=NO_ROLES)
def test_a_role_has_a_name_without_space_around_it(written: Any) -> None:
    """An empty list is refused as well: it would let everybody pass."""
    with pytest.raises(TypeError, match=r"^roles are names without space around them"):
        role_names(written)
