"""The table of tokens that have to be refused, sent to real apps."""

from __future__ import annotations

from typing import Any

import pytest

from auth.testing import BadToken, TokenIssuer, bad_tokens, local_issuer
from auth.tokens.profiles import PROFILES
from tests.auth.testing.test_local import SEVERAL, service

ISSUER = TokenIssuer.generate("ES256", issuer="https://issuer.example", audience="https://api.example")
APP = service(**ISSUER.settings)


def answer_to(bad: BadToken, app: Any, issuer: TokenIssuer | None = None) -> tuple[int, str]:
    answer = app.test_client().get("/me", headers=bad.headers(issuer))
    return answer.status_code, answer.json["error"]


@pytest.mark.parametrize("bad", bad_tokens(ISSUER))
def test_each_gets_the_answer_that_stands_beside_it(bad: BadToken) -> None:
    """By its status and its code."""
    assert answer_to(bad, APP) == (bad.status, bad.error)


@pytest.mark.parametrize("algorithm", ["HS256", "ES256"])
@pytest.mark.parametrize("profile", PROFILES)
def test_they_fit_every_profile_and_both_kinds_of_keys(profile: str, algorithm: str) -> None:
    """Each is wrong in one point alone, and so gets the same answer everywhere."""
    issuer = TokenIssuer.generate(
        algorithm, issuer="https://issuer.example/", audience="https://api.example", profile=profile
    )
    app = service(**issuer.settings)

    wrong = [bad.name for bad in bad_tokens(issuer) if answer_to(bad, app) != (bad.status, bad.error)]

    assert wrong == []


def test_an_issuer_may_be_named_when_a_token_is_sent() -> None:
    """As tests with fixtures do, whose issuer comes after the table."""
    app = service(**SEVERAL)

    with local_issuer(app) as issuer:
        wrong = [bad.name for bad in bad_tokens() if answer_to(bad, app, issuer) != (bad.status, bad.error)]

    assert wrong == []


def test_a_token_that_nobody_signs_is_refused_in_a_sentence() -> None:
    """Before a request is sent."""
    with pytest.raises(TypeError, match=r"headers\(issuer\) or bad_tokens\(issuer\)"):
        bad_tokens()[0].headers()


def test_an_app_that_accepts_one_is_found() -> None:
    """The table can fail: these settings let tokens live for ever."""
    app = service(**ISSUER.settings, AUTH_REQUIRED_CLAIMS=[])
    (endless,) = (bad for bad in bad_tokens(ISSUER) if bad.name == "no exp")

    assert app.test_client().get("/me", headers=endless.headers()).status_code == 200


def test_each_has_a_name_of_its_own() -> None:
    """By which pytest calls the test, and by which a table is filtered."""
    table = bad_tokens(ISSUER)

    assert len({str(bad) for bad in table}) == len(table)
    assert [bad.__name__ for bad in table] == [bad.name for bad in table]
