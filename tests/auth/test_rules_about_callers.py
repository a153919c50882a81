"""Rules about who calls, whose the path is and who may pass, as data: each refusal with its reason and its message."""

from __future__ import annotations

from typing import Any

import pytest

from auth import AccessToken
from auth.access_token import freeze
from auth.errors import AuthError, DelegatedTokenError, MisuseError, NotOwnerError, NotTenantError, WrongCallerError
from auth.path_rules import OwnerRule, TenantRule
from auth.rules import Policy, TokenRule, override_names


def token(
    user_id: str = "alice",
    *,
    scopes: str = "",
    role: str = "",
    tenant: str | None = None,
    prefix: str = "",
    **claims: Any,
) -> AccessToken:
    """Return a token of a user, or of a client if ``client_id`` is the user."""
    return AccessToken(
        user_id=user_id,
        issuer=None,
        scopes=frozenset(scopes.split()),
        roles=frozenset({role} - {""}),
        claims=freeze({"sub": user_id} | claims),
        tenant_id=tenant,
        user_prefix=prefix,
    )


USER, CLIENT = token("alice", client_id="page"), token("job", client_id="job")
DELEGATED = token("alice", act={"sub": "helpdesk"})

ACCEPTED: dict[str, tuple[TokenRule | OwnerRule | TenantRule, AccessToken, dict[str, str]]] = {
    "a user, where users are asked for": (TokenRule(caller="user"), USER, {}),
    "a client, where clients are asked for": (TokenRule(caller="client"), CLIENT, {}),
    "a user who acts alone": (TokenRule(delegated=False), USER, {}),
    "an actor, where nothing is said of them": (TokenRule(caller="user"), DELEGATED, {}),
    "a client as the owner": (OwnerRule("user_id", clients=True), CLIENT, {"user_id": "job"}),
    "a scope": (OwnerRule("user_id", unless_scope=("a", "b")), token(scopes="b"), {"user_id": "bob"}),
    "a role": (OwnerRule("user_id", unless_role=("staff",)), token(role="staff"), {"user_id": "bob"}),
    "a client with the scope": (
        OwnerRule("user_id", unless_scope=("a",)),
        token("job", client_id="job", scopes="a"),
        {"user_id": "bob"},
    ),
    "a scope, within its issuer": (
        OwnerRule("user_id", unless_scope=("a",)),
        token("p:sue", scopes="a", prefix="p:"),
        {"user_id": "p:bob"},
    ),
    "the tenant": (TenantRule(), token(tenant="acme"), {"tenant_id": "acme"}),
    "the tenant under another name": (TenantRule("org"), token(tenant="acme"), {"org": "acme"}),
}


@pytest.mark.parametrize(("rule", "caller", "path"), ACCEPTED.values(), ids=ACCEPTED)
def test_a_caller_that_the_rule_is_about_passes(
    rule: TokenRule | OwnerRule | TenantRule, caller: AccessToken, path: dict[str, str]
) -> None:
    """A check returns nothing."""
    outcome: object = rule.check(caller, path)

    assert outcome is None


OWNER, TENANT = {"user_id": "alice"}, {"tenant_id": "acme"}

REFUSED: dict[
    str, tuple[TokenRule | OwnerRule | TenantRule, AccessToken | None, dict[str, str], type[AuthError], str, str]
] = {
    "a client, where users are asked for": (
        TokenRule(caller="user"),
        CLIENT,
        {},
        WrongCallerError,
        "the view is for users, and the token is a client's own",
        WrongCallerError.message,
    ),
    "a user, where clients are asked for": (
        TokenRule(caller="client"),
        USER,
        {},
        WrongCallerError,
        "the view is for clients, and the token is a user's",
        WrongCallerError.USER,
    ),
    "an actor": (
        TokenRule(delegated=False),
        DELEGATED,
        {},
        DelegatedTokenError,
        "the view is for the user alone, and the token has an actor (act)",
        DelegatedTokenError.message,
    ),
    "nobody": (OwnerRule("user_id"), None, OWNER, NotOwnerError, "the caller has no token", NotOwnerError.message),
    "another user": (
        OwnerRule("user_id"),
        token("bob"),
        OWNER,
        NotOwnerError,
        "the user of the token is not the user in the path",
        NotOwnerError.message,
    ),
    "another user, where clients may own": (
        OwnerRule("user_id", clients=True),
        token("bob"),
        OWNER,
        NotOwnerError,
        "the user of the token is not the user in the path",
        NotOwnerError.message,
    ),
    "a client of the same id": (
        OwnerRule("user_id"),
        token("alice", client_id="alice"),
        OWNER,
        NotOwnerError,
        "the token is a client's own, and the path is a user's",
        NotOwnerError.CLIENT,
    ),
    "another scope and role": (
        OwnerRule("user_id", unless_scope=("a",), unless_role=("b",)),
        token("bob", scopes="b", role="a"),
        OWNER,
        NotOwnerError,
        "the user of the token is not the user in the path",
        NotOwnerError.message,
    ),
    "a scope of another issuer": (
        OwnerRule("user_id", unless_scope=("a",)),
        token("p:sue", scopes="a", prefix="p:"),
        OWNER,
        NotOwnerError,
        "scope a does not count here: the path names no user of the token's issuer",
        NotOwnerError.message,
    ),
    "a role, for a path that names nobody": (
        OwnerRule("user_id", unless_role=("staff",)),
        token(role="staff"),
        {"user_id": "\0"},
        NotOwnerError,
        "role staff does not count here: the path names no user of the token's issuer",
        NotOwnerError.message,
    ),
    "another tenant": (
        TenantRule(),
        token(tenant="globex"),
        TENANT,
        NotTenantError,
        "the tenant of the token is not the tenant in the path",
        NotTenantError.message,
    ),
    "no tenant": (
        TenantRule(),
        token(),
        TENANT,
        NotTenantError,
        "the token names no tenant, or in a way that cannot be read",
        NotTenantError.NONE,
    ),
    "no token for a tenant": (
        TenantRule(),
        None,
        TENANT,
        NotTenantError,
        "the token names no tenant, or in a way that cannot be read",
        NotTenantError.NONE,
    ),
}


@pytest.mark.parametrize(("rule", "caller", "path", "kind", "reason", "message"), REFUSED.values(), ids=REFUSED)
def test_any_other_caller_is_refused(
    rule: TokenRule | OwnerRule | TenantRule,
    caller: AccessToken | None,
    path: dict[str, str],
    kind: type[AuthError],
    reason: str,
    message: str,
) -> None:
    """The log reads the reason, and the client the message."""
    with pytest.raises(kind) as raised:
        rule.check(caller, path)

    assert (raised.value.reason, raised.value.message) == (reason, message)
    assert getattr(raised.value, "hide", False) is False


@pytest.mark.parametrize("hide", [True, LookupError])
def test_a_hidden_refusal_keeps_its_reason_for_the_log(hide: bool | type[Exception]) -> None:
    """The answer is the 404 of the service, which the error names."""
    with pytest.raises(NotOwnerError) as raised:
        OwnerRule("user_id", hide=hide).check(token("bob"), OWNER)

    assert raised.value.hide is hide
    assert raised.value.reason == "the user of the token is not the user in the path"


def test_what_lets_a_caller_pass_is_said_in_words() -> None:
    """For the line of the log. An owner needs nothing."""
    rule = OwnerRule("user_id", unless_scope=("a",), unless_role=("staff",))

    assert rule.override(token("sue", scopes="a", role="staff"), "bob") == "scope a"
    assert rule.override(token("sue", role="staff"), "bob") == "role staff"
    assert rule.override(token("sue"), "bob") is None
    assert rule.override(token("bob", scopes="a"), "bob") is None
    assert rule.override(token("bob", scopes="a", client_id="bob"), "bob") == "scope a"


def asked(policy: Policy) -> list[object]:
    """Return the rules that a policy asks at each request, in their order."""
    return [check.__self__ for check in policy.checks]  # type: ignore[attr-defined]  # they are methods of the rules


@pytest.mark.parametrize("hide", [True, LookupError])
def test_one_rule_that_hides_hides_for_all_of_its_variable_and_is_asked_first(hide: bool | type[Exception]) -> None:
    """Whatever the order of the guards. Rules about another variable, and about tokens, tell as ever."""
    scoped, plain, hiding = TokenRule(("a",)), OwnerRule("user_id"), OwnerRule("user_id", hide=hide)
    path = {"user_id": "alice", "team": "alice"}

    for rules in ((scoped, plain, hiding), (hiding, plain, scoped), (plain, scoped, hiding)):
        with pytest.raises(NotOwnerError) as refused:
            Policy(rules).checks[0](token("bob"), path)
        assert refused.value.hide is hide
        assert asked(Policy(rules)) == [hiding, hiding, scoped]
        assert Policy(rules).forbids
    assert asked(Policy((OwnerRule("team"), hiding))) == [hiding, OwnerRule("team")]
    assert not Policy((TokenRule(), plain, hiding)).forbids
    assert Policy((plain,)).forbids
    assert not Policy((TokenRule(),)).forbids


def test_a_policy_knows_the_rules_that_let_some_callers_pass() -> None:
    """One way to pass is enough."""
    by_scope, by_role = OwnerRule("user_id", unless_scope=("a",)), OwnerRule("team", unless_role=("staff",))

    assert Policy((TokenRule(), OwnerRule("owner"), by_scope, TenantRule(), by_role)).overridable == (by_scope, by_role)
    assert Policy((OwnerRule("owner"), TenantRule())).overridable == ()


@pytest.mark.parametrize(
    ("arguments", "asks"),
    [({}, False), ({"scopes": ("a",)}, False), ({"caller": "user"}, True), ({"delegated": False}, True)],
    ids=str,
)
def test_a_rule_knows_whether_it_matters_who_is_calling(arguments: dict[str, Any], asks: bool) -> None:
    """A view that does not ask pays nothing."""
    assert TokenRule(**arguments).asks_who is asks


@pytest.mark.parametrize("rule", [OwnerRule("owner"), TenantRule("owner")], ids=["user", "tenant"])
def test_a_route_without_the_variable_is_a_mistake(rule: OwnerRule | TenantRule) -> None:
    """The error names the guard and the variable."""
    with pytest.raises(MisuseError, match=rf"^{rule.guard} needs <owner> in the route"):
        rule.check(token("alice", tenant="acme"), {"user_id": "alice"})


class NeedsMoreError(Exception):
    """An exception that cannot be raised without an argument."""

    def __init__(self, _argument: str) -> None:
        super().__init__()


WRONG: dict[str, tuple[type, dict[str, Any], str]] = {
    "a caller of no kind": (
        TokenRule,
        {"caller": "users"},
        'require_jwt takes "user" or "client" as caller, and True or False as delegated.',
    ),
    "a delegation that is no answer": (TokenRule, {"delegated": "no"}, 'require_jwt takes "user" or "client" as'),
    "a caller who need not call": (TokenRule, {"caller": "user", "optional": True}, "require_jwt cannot combine"),
    "clients in words": (OwnerRule, {"param": "user_id", "clients": "yes"}, "owns_path_user takes True or False as c"),
    "hiding in words": (OwnerRule, {"param": "user_id", "hide": "yes"}, "owns_path_user takes True or False as hide"),
    "hiding by a number": (OwnerRule, {"param": "user_id", "hide": int}, "owns_path_user takes True or False as hide"),
    "hiding by our own error": (OwnerRule, {"param": "user_id", "hide": NotOwnerError}, "owns_path_user takes True or"),
    "hiding by misuse": (OwnerRule, {"param": "user_id", "hide": MisuseError}, "owns_path_user takes True or False as"),
    "hiding by one that needs more": (
        OwnerRule,
        {"param": "user_id", "hide": NeedsMoreError},
        "owns_path_user raises NeedsMoreError as hide without arguments",
    ),
    "a tenant without a name": (
        TenantRule,
        {"param": "the tenant"},
        "owns_path_tenant takes the name of a path variable as param, such as tenant_id.",
    ),
}


@pytest.mark.parametrize(("rule", "arguments", "said"), WRONG.values(), ids=WRONG)
def test_a_rule_that_means_nothing_is_refused_where_it_is_written(
    rule: type, arguments: dict[str, Any], said: str
) -> None:
    """The sentence names the guard and the argument."""
    with pytest.raises(TypeError) as raised:
        rule(**arguments)

    assert str(raised.value).startswith(said)


def test_one_text_is_one_name_of_an_override() -> None:
    """A list is a choice. A scope has no spaces; a role may."""
    assert override_names("unless_scope", "a") == ("a",)
    assert override_names("unless_role", "site admin") == ("site admin",)
    assert override_names("unless_scope", ["a", "b"]) == ("a", "b")
    assert override_names("unless_role", None) == ()


@pytest.mark.parametrize(("argument", "names"), [("unless_scope", "a b"), ("unless_scope", []), ("unless_role", " a")])
def test_an_override_without_a_usable_name_is_refused(argument: str, names: Any) -> None:
    """The sentence names the argument."""
    with pytest.raises(TypeError, match=rf"^owns_path_user takes one name as {argument}, or a list of which one is"):
        override_names(argument, names)
