"""How the user has to have logged in, as data: what a token has to say, and what a refusal says."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from auth import AccessToken
from auth.access_token import freeze
from auth.errors import AuthError, InsufficientUserAuthenticationError, MalformedTokenError, WrongCallerError
from auth.numeric_date import EARLIEST, LATEST, is_numeric_date
from auth.rules import Policy, TokenRule, check_login
from auth.step_up import OPENID_LOGIN, LoginDemand, LoginShape, acr_names

NOW = 1_800_000_000

ORDERED = LoginShape(acr_values=("pwd", "phr", "phrh"))
LENIENT = LoginShape(leeway=30)
ENTRA = LoginShape(acr_claim="acrs", lists_acr=True)

PHR, STRONG = LoginDemand((("phr",),)), LoginDemand((("phr", "phrh"),))
RECENT = LoginDemand(max_age=300)
BOTH = LoginDemand((("phr",),), 300)


def refusal(check: Callable[..., None], *arguments: Any) -> AuthError | None:
    """Return what a check raises."""
    try:
        check(*arguments)
    except AuthError as error:
        return error
    return None


SATISFIED: dict[str, tuple[LoginDemand, LoginShape, dict[str, Any]]] = {
    "the acr": (PHR, OPENID_LOGIN, {"acr": "phr"}),
    "one acr of the list": (STRONG, OPENID_LOGIN, {"acr": "phrh"}),
    "the acr, in an order": (PHR, ORDERED, {"acr": "phr"}),
    "a stronger acr": (PHR, ORDERED, {"acr": "phrh"}),
    "a stronger acr than the weakest of the list": (LoginDemand((("phrh", "pwd"),)), ORDERED, {"acr": "phr"}),
    "an acr for each of several rules": (LoginDemand((("phr", "phrh"), ("phrh",))), OPENID_LOGIN, {"acr": "phrh"}),
    "a stronger acr for several rules": (LoginDemand((("pwd",), ("phr",))), ORDERED, {"acr": "phrh"}),
    "an acr in a list": (PHR, ENTRA, {"acrs": ["pwd", "phr"]}),
    "an acr in a list that was frozen": (PHR, ENTRA, {"acrs": ("pwd", "phr")}),
    "an acr as a text, if there may be a list": (PHR, ENTRA, {"acrs": "phr"}),
    "two rules by a list": (LoginDemand((("c1",), ("c2",))), ENTRA, {"acrs": ["c1", "c2"]}),
    "now": (RECENT, OPENID_LOGIN, {"auth_time": NOW}),
    "as long ago as allowed": (RECENT, OPENID_LOGIN, {"auth_time": NOW - 300}),
    "as long ago as allowed with the leeway": (RECENT, LENIENT, {"auth_time": NOW - 330}),
    "ahead, within the leeway": (RECENT, LENIENT, {"auth_time": NOW + 30}),
    "with a fraction of a second": (RECENT, OPENID_LOGIN, {"auth_time": NOW - 299.5}),
    "both": (BOTH, OPENID_LOGIN, {"acr": "phr", "auth_time": NOW}),
    "an unreadable time that nobody asks for": (PHR, OPENID_LOGIN, {"acr": "phr", "auth_time": "noon"}),
    "an unreadable acr that nobody asks for": (RECENT, OPENID_LOGIN, {"acr": 1, "auth_time": NOW}),
}


@pytest.mark.parametrize(("demand", "shape", "claims"), SATISFIED.values(), ids=SATISFIED)
def test_a_login_as_demanded_satisfies(demand: LoginDemand, shape: LoginShape, claims: dict[str, Any]) -> None:
    """Nothing is raised."""
    assert refusal(demand.check, claims, shape, NOW) is None


REFUSED: dict[str, tuple[LoginDemand, LoginShape, dict[str, Any], str]] = {
    "no acr": (PHR, OPENID_LOGIN, {}, "acr is absent"),
    "null as acr": (PHR, OPENID_LOGIN, {"acr": None}, "acr is absent"),
    "another acr": (PHR, OPENID_LOGIN, {"acr": "pwd"}, "acr is not one that the view asks for"),
    "an empty acr": (PHR, OPENID_LOGIN, {"acr": ""}, "acr is not one that the view asks for"),
    "another case": (PHR, OPENID_LOGIN, {"acr": "PHR"}, "acr is not one that the view asks for"),
    "two values in one text": (PHR, OPENID_LOGIN, {"acr": "pwd phr"}, "acr is not one that the view asks for"),
    "a stronger acr without an order": (PHR, OPENID_LOGIN, {"acr": "phrh"}, "acr is not one that the view asks for"),
    "a weaker acr": (PHR, ORDERED, {"acr": "pwd"}, "acr is not one that the view asks for"),
    "an acr outside the order": (PHR, ORDERED, {"acr": "gold"}, "acr is not one that the view asks for"),
    "an acr that only the view knows": (
        LoginDemand((("gold",),)),
        ORDERED,
        {"acr": "gold"},
        "acr is not one that the view asks for",
    ),
    "an acr for one of two rules": (
        LoginDemand((("phr", "phrh"), ("phrh",))),
        OPENID_LOGIN,
        {"acr": "phr"},
        "acr is not one that the view asks for",
    ),
    "an empty list": (PHR, ENTRA, {"acrs": []}, "acrs is absent"),
    "others in a list": (PHR, ENTRA, {"acrs": ["c1"], "acr": "phr"}, "acrs is not one that the view asks for"),
    "no time": (RECENT, OPENID_LOGIN, {}, "auth_time is absent"),
    "null as time": (RECENT, OPENID_LOGIN, {"auth_time": None}, "auth_time is absent"),
    "too long ago": (RECENT, OPENID_LOGIN, {"auth_time": NOW - 301}, "auth_time is more than 300 s ago"),
    "too long ago for the leeway": (RECENT, LENIENT, {"auth_time": NOW - 331}, "auth_time is more than 300 s ago"),
    "ahead": (
        RECENT,
        OPENID_LOGIN,
        {"auth_time": NOW + 1},
        "auth_time lies ahead (is the clock of this machine right?)",
    ),
    "ahead of the leeway": (
        RECENT,
        LENIENT,
        {"auth_time": NOW + 31},
        "auth_time lies ahead (is the clock of this machine right?)",
    ),
    "neither": (BOTH, OPENID_LOGIN, {}, "acr is absent and auth_time is absent"),
    "the acr, too long ago": (
        BOTH,
        OPENID_LOGIN,
        {"acr": "phr", "auth_time": NOW - 301},
        "auth_time is more than 300 s ago",
    ),
}


@pytest.mark.parametrize(("demand", "shape", "claims", "reason"), REFUSED.values(), ids=REFUSED)
def test_any_other_login_does_not(demand: LoginDemand, shape: LoginShape, claims: dict[str, Any], reason: str) -> None:
    """The error says all that the next login needs, whatever was missing."""
    with pytest.raises(InsufficientUserAuthenticationError) as raised:
        demand.check(claims, shape, NOW)

    assert raised.value.reason == reason
    assert (raised.value.acr_values, raised.value.max_age) == (demand.accepted(shape), demand.max_age)


WRONG_TYPES: dict[str, tuple[LoginDemand, LoginShape, dict[str, Any], str]] = {
    "a number as acr": (PHR, OPENID_LOGIN, {"acr": 1}, "acr has the wrong type"),
    "true as acr": (PHR, OPENID_LOGIN, {"acr": True}, "acr has the wrong type"),
    "a list as acr": (PHR, OPENID_LOGIN, {"acr": ["phr"]}, "acr has the wrong type"),
    "an object as acr": (PHR, OPENID_LOGIN, {"acr": {"phr": 1}}, "acr has the wrong type"),
    "numbers in a list": (PHR, ENTRA, {"acrs": ["phr", 1]}, "acrs has the wrong type"),
    "an object in the place of a list": (PHR, ENTRA, {"acrs": {"phr": 1}}, "acrs has the wrong type"),
    "a text as time": (RECENT, OPENID_LOGIN, {"auth_time": str(NOW)}, "auth_time has the wrong type"),
    "true as time": (RECENT, OPENID_LOGIN, {"auth_time": True}, "auth_time has the wrong type"),
    "false as time": (RECENT, OPENID_LOGIN, {"auth_time": False}, "auth_time has the wrong type"),
    "a list as time": (RECENT, OPENID_LOGIN, {"auth_time": [NOW]}, "auth_time has the wrong type"),
    "milliseconds": (RECENT, OPENID_LOGIN, {"auth_time": NOW * 1000}, "auth_time has the wrong type"),
    "a huge number": (RECENT, OPENID_LOGIN, {"auth_time": 10**400}, "auth_time has the wrong type"),
    "infinity": (RECENT, OPENID_LOGIN, {"auth_time": math.inf}, "auth_time has the wrong type"),
    "no number": (RECENT, OPENID_LOGIN, {"auth_time": math.nan}, "auth_time has the wrong type"),
    "a wrong time beside another acr": (BOTH, OPENID_LOGIN, {"auth_time": "noon"}, "auth_time has the wrong type"),
}


@pytest.mark.parametrize(("demand", "shape", "claims", "reason"), WRONG_TYPES.values(), ids=WRONG_TYPES)
def test_a_claim_of_the_wrong_type_is_malformed(
    demand: LoginDemand, shape: LoginShape, claims: dict[str, Any], reason: str
) -> None:
    """Another login would not help: the issuer writes it so."""
    with pytest.raises(MalformedTokenError) as raised:
        demand.check(claims, shape, NOW)

    assert raised.value.reason == reason


ACCEPTED: dict[str, tuple[LoginDemand, LoginShape, tuple[str, ...]]] = {
    "one": (PHR, OPENID_LOGIN, ("phr",)),
    "those of a list, as they are written": (LoginDemand((("phrh", "phr"),)), ORDERED, ("phrh", "phr")),
    "a demand, not what is stronger": (PHR, ORDERED, ("phr",)),
    "what both rules name": (LoginDemand((("phr", "phrh"), ("phrh", "pwd"))), OPENID_LOGIN, ("phrh",)),
    "the stronger of two rules": (LoginDemand((("phr",), ("phrh",))), ORDERED, ("phrh",)),
    "all that satisfy two rules": (LoginDemand((("phr",), ("phr", "phrh"))), ORDERED, ("phr", "phrh")),
    "all, if nothing satisfies both": (LoginDemand((("a",), ("b",))), OPENID_LOGIN, ("a", "b")),
    "none": (RECENT, OPENID_LOGIN, ()),
}


@pytest.mark.parametrize(("demand", "shape", "names"), ACCEPTED.values(), ids=ACCEPTED)
def test_the_challenge_names_what_every_rule_accepts(
    demand: LoginDemand, shape: LoginShape, names: tuple[str, ...]
) -> None:
    """RFC 9470 §3: one of the named values is enough."""
    assert demand.accepted(shape) == names


def test_rules_that_exclude_each_other_are_satisfied_by_nothing() -> None:
    """Which is said at the start of the app."""
    assert LoginDemand((("a",), ("b",))).satisfying(OPENID_LOGIN) == ()
    assert LoginDemand((("gold",),)).satisfying(ORDERED) == ()
    assert PHR.satisfying(ORDERED) == ("phr",)


def test_rules_combine_to_the_strictest() -> None:
    """The youngest login counts, and each acr."""
    rules = (TokenRule(max_age=600), TokenRule(), TokenRule(acr=("phr",), max_age=300), TokenRule(acr=("phr",)))

    assert Policy(rules).login == LoginDemand((("phr",),), 300)
    assert Policy((TokenRule(acr=("a",)), TokenRule(acr=("b",)))).login == LoginDemand((("a",), ("b",)))
    assert Policy((TokenRule(max_age=1),)).login == LoginDemand((), 1)
    assert Policy((TokenRule(scopes=("a",)),)).login is None
    assert Policy(()).login is None


@pytest.mark.parametrize("rule", [TokenRule(acr=("phr",)), TokenRule(max_age=300)], ids=["acr", "max_age"])
def test_a_rule_about_the_login_asks_for_more_than_a_token(rule: TokenRule) -> None:
    """So it is asked at each request, and documented as a view that may refuse."""
    assert rule.asks_for_more
    assert not rule.asks_who
    assert Policy((rule,)).forbids
    assert not Policy((rule,)).optional


def token(**claims: Any) -> AccessToken:
    made = freeze({"sub": "alice"} | claims)
    return AccessToken(user_id="alice", issuer=None, scopes=set(), roles=set(), claims=made, login_shape=ORDERED)


def test_a_client_has_not_logged_in() -> None:
    """Even if its token says so."""
    own = token(client_id="alice", acr="phr", auth_time=NOW)

    with pytest.raises(WrongCallerError) as raised:
        check_login(own, BOTH, NOW)

    assert raised.value.reason == "the view asks how the user logged in, and the token is a client's own"
    assert raised.value.message == WrongCallerError.message


def test_the_login_is_read_in_the_shape_of_the_tokens_issuer() -> None:
    """Here with an order."""
    accepted = refusal(check_login, token(acr="phrh", auth_time=NOW), BOTH, NOW)
    refused = refusal(check_login, token(acr="pwd", auth_time=NOW), BOTH, NOW)

    assert accepted is None
    assert isinstance(refused, InsufficientUserAuthenticationError)


ACR: dict[str, tuple[Any, tuple[str, ...]]] = {
    "nothing": (None, ()),
    "a text": ("phr", ("phr",)),
    "a list": (["phr", "phrh", "phr"], ("phr", "phrh")),
    "a tuple": (("urn:okta:loa:2fa:any",), ("urn:okta:loa:2fa:any",)),
    "the keys of a mapping": ({"a": 1, "b": 2}, ("a", "b")),
    "the outermost characters": ("!#[]~", ("!#[]~",)),
}


@pytest.mark.parametrize(("written", "names"), ACR.values(), ids=ACR)
def test_acr_values_are_one_text_or_a_list(written: Any, names: tuple[str, ...]) -> None:
    """One text is one value."""
    assert acr_names(written) == names


UNQUOTABLE: dict[str, Any] = {
    "empty": "",
    "an empty list": [],
    "two in one text": "phr phrh",
    "a space in front": " phr",
    "a quotation mark": 'p"hr',
    "a backslash": "p\\hr",
    "another header": "phr\r\nSet-Cookie: a=b",
    "null": "phr\x00",
    "delete": "phr\x7f",
    "no ASCII": "größer",
    "a number": [1],
    "None in a list": [None],
}


@pytest.mark.parametrize("written", UNQUOTABLE.values(), ids=UNQUOTABLE)
def test_what_a_challenge_cannot_quote_is_refused(written: Any) -> None:
    """RFC 6750 §3: no quotes, no backslashes, no controls; spaces stand between values."""
    with pytest.raises(TypeError) as raised:
        acr_names(written)

    assert str(raised.value) == (
        "acr values are printable ASCII without spaces, quotes and backslashes: one text, or a list of which one is "
        "enough."
    )


@pytest.mark.parametrize("age", [1, 300, 315_360_000])
def test_an_age_is_a_whole_number_of_seconds(age: int) -> None:
    """Up to ten years."""
    assert TokenRule(max_age=age).max_age == age


AGES: dict[str, Any] = {
    "0": 0,
    "negative": -1,
    "true": True,
    "false": False,
    "a fraction": 300.0,
    "a text": "300",
    "too long": 315_360_001,
    "huge": 10**5000,
    "not a number": math.nan,
    "a list": [300],
}


@pytest.mark.parametrize("age", AGES.values(), ids=AGES)
def test_any_other_age_is_refused(age: Any) -> None:
    """No request could meet 0 seconds for longer than the leeway."""
    with pytest.raises(TypeError) as raised:
        TokenRule(max_age=age)

    assert str(raised.value) == "require_jwt takes a whole number of seconds as max_age, from 1 to 315360000."


@pytest.mark.parametrize("login", [{"acr": ("phr",)}, {"max_age": 300}], ids=["acr", "max_age"])
@pytest.mark.parametrize("rest", [{"optional": True}, {"caller": "client"}], ids=["optional", "client"])
def test_who_does_not_log_in_is_not_asked_how(login: dict[str, Any], rest: dict[str, Any]) -> None:
    """The contradiction is found where it is written."""
    with pytest.raises(TypeError) as raised:
        TokenRule(**login, **rest)

    assert str(raised.value) == (
        "require_jwt cannot combine acr or max_age with optional=True or with clients as callers: neither an anonymous "
        "caller nor a client has logged in."
    )


def test_a_login_goes_together_with_every_other_demand() -> None:
    """A user's token is what such a view wants anyway."""
    rule = TokenRule(scopes=("a",), roles=("b",), caller="user", delegated=False, acr=("phr",), max_age=300)

    assert (rule.acr, rule.max_age) == (("phr",), 300)


MESSAGES: dict[str, tuple[AuthError, str]] = {
    "both": (
        InsufficientUserAuthenticationError(["phr", "phrh"], 300),
        "This request needs a login of the user with acr phr or phrh, at most 300 seconds ago.",
    ),
    "acr": (InsufficientUserAuthenticationError(["phr"]), "This request needs a login of the user with acr phr."),
    "age": (
        InsufficientUserAuthenticationError(max_age=300),
        "This request needs a login of the user at most 300 seconds ago.",
    ),
    "nothing": (InsufficientUserAuthenticationError(), "The user has to log in again for this request."),
}


@pytest.mark.parametrize(("error", "message"), MESSAGES.values(), ids=MESSAGES)
def test_the_client_reads_which_login_is_needed(error: AuthError, message: str) -> None:
    """In the words of the view, never of the token."""
    assert error.message == message


def test_a_point_in_time_is_a_number_in_the_calendar() -> None:
    """NumericDate, RFC 7519 §2."""
    assert all(map(is_numeric_date, (EARLIEST, LATEST, 0, 1.5)))
    assert not any(map(is_numeric_date, (EARLIEST - 1, LATEST + 1, True, "0", None, math.nan)))
