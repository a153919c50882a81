"""What a view demands, as data."""

from __future__ import annotations

from typing import Any

import pytest

from auth import AccessToken
from auth.access_token import freeze
from auth.errors import InsufficientRoleError, InsufficientScopeError, MisuseError, NotOwnerError
from auth.rules import OwnerRule, TokenRule


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
    with pytest.raises(MisuseError, match="owns_path_user needs <user_id> in the route"):
        OwnerRule("user_id").check(token("alice"), path)


def test_a_token_is_demanded_unless_the_rule_says_otherwise() -> None:
    """A rule without arguments asks for a token and for no scopes."""
    assert TokenRule() == TokenRule(scopes=(), any_scope=(), optional=False)
