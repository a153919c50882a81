"""``AUTH_ACR_VALUES``: the kinds of login, from the weakest to the strongest."""

from __future__ import annotations

from typing import Any

import pytest

from auth.errors import ConfigurationError
from auth.settings.service import AuthConfig
from tests.support.services import SETTINGS

LIST = """In the environment: FLASK_AUTH_ACR_VALUES='["first", "second"]'"""


def login_of(**settings: Any) -> Any:
    """Return how the only issuer's tokens are compared."""
    (issuer,) = AuthConfig.from_mapping(SETTINGS | settings).issuers
    return issuer.login


@pytest.mark.parametrize("written", [["b", "a"], ("b", "a")], ids=["a list", "a tuple"])
def test_the_order_stays(written: Any) -> None:
    """It is not sorted: the first is the weakest."""
    assert login_of(AUTH_ACR_VALUES=written).acr_values == ("b", "a")


def test_one_text_is_one_value() -> None:
    """Then it is the only kind of login."""
    assert login_of(AUTH_ACR_VALUES="urn:x:gold").acr_values == ("urn:x:gold",)


@pytest.mark.parametrize("written", [None, [], ()], ids=repr)
def test_without_it_there_is_no_order(written: Any) -> None:
    """Each kind of login satisfies itself alone."""
    assert login_of(AUTH_ACR_VALUES=written).acr_values == ()


@pytest.mark.parametrize(
    ("profile", "claims"), [("jwt", ("acr", "auth_time", False)), ("entra", ("acrs", "auth_time", True))]
)
def test_the_profile_names_the_claims_and_the_settings_the_rest(profile: str, claims: tuple[str, str, bool]) -> None:
    """The leeway is that of all times."""
    login = login_of(AUTH_PROFILE=profile, AUTH_ACR_VALUES=["a"], AUTH_LEEWAY=7)

    assert (login.acr_claim, login.auth_time_claim, login.lists_acr) == claims
    assert (login.acr_values, login.leeway) == (("a",), 7)


WRONG: dict[str, tuple[Any, str]] = {
    "a set": (
        {"a", "b"},
        f"must be a list: a set has no order, and the order says which login is stronger. {LIST}",
    ),
    "a frozenset": (
        frozenset({"a"}),
        f"must be a list: a set has no order, and the order says which login is stronger. {LIST}",
    ),
    "twice": (["a", "b", "a"], "holds one acr value twice, so it does not say how strong it is."),
    "a space": (
        ["a b"],
        f"must hold acr values: printable ASCII without spaces, quotes and backslashes. {LIST}",
    ),
    "a quote": (
        ['a"b'],
        f"must hold acr values: printable ASCII without spaces, quotes and backslashes. {LIST}",
    ),
    "commas": ("a,b", f"holds a comma; write several texts as a list. {LIST}"),
    "numbers": ([1, 2], f"must be a text or a list of texts. {LIST}"),
}


@pytest.mark.parametrize(("written", "sentence"), WRONG.values(), ids=WRONG)
def test_what_has_no_order_or_no_place_in_a_challenge_is_refused(written: Any, sentence: str) -> None:
    """At start, in one sentence."""
    with pytest.raises(ConfigurationError) as raised:
        AuthConfig.from_mapping(SETTINGS | {"AUTH_ACR_VALUES": written})

    assert raised.value.problems == (f"AUTH_ACR_VALUES {sentence}",)
