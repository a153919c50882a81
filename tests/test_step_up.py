"""The page about step-up: its table, its refusal, its lists and its advice are what the library does.

Its files and tests run where the library is installed, in :mod:`tests.integration.test_testing_kit`.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from auth.testing import TokenIssuer, local_issuer
from auth.tokens.profiles import PROFILES
from tests.support.call_tables import in_words, views_of
from tests.support.documentation import executed, files, snippets, table
from tests.support.environments import ROOT

PAGE = "step-up.md"
HEADING = "Which login opens what"


@pytest.fixture
def app() -> Flask:
    """The app of the page."""
    app: Flask = executed(files(PAGE)["bank.py"], "bank.py")["app"]
    return app


@pytest.fixture
def issuer(app: Flask) -> Iterator[TokenIssuer]:
    """In place of the issuer of the app."""
    with local_issuer(app) as issuer:
        yield issuer


def login(acr: str, age: int) -> dict[str, Any]:
    return {"claims": {"acr": acr, "auth_time": int(time.time()) - age}}


def logins() -> list[dict[str, Any]]:
    """Return what the tokens of the columns hold."""
    strong = login("phr", 0)
    return [login("pwd", 0), login("pwd", 3600), strong, login("phrh", 3600), {}, strong | {"is_client": True}]


@pytest.mark.parametrize(("view", "outcomes"), [(row[0], row[1:]) for row in table(PAGE, HEADING)], ids=str)
def test_each_login_opens_what_the_table_says(app: Flask, issuer: TokenIssuer, view: str, outcomes: list[str]) -> None:
    """Column by column."""
    method, path = view.strip("`").split(" ")

    answers = [
        app.test_client().open(path, method=method, headers=issuer.authorization("alice", **token))
        for token in logins()
    ]

    assert [in_words(answer) for answer in answers] == outcomes


def test_every_view_of_the_app_is_in_the_table(app: Flask) -> None:
    """As it is written there."""
    assert views_of(app) == {row[0] for row in table(PAGE, HEADING)}


def test_a_refusal_looks_as_shown(app: Flask, issuer: TokenIssuer) -> None:
    """Status, challenge and body."""
    (shown,) = snippets(PAGE, "http")

    answer = app.test_client().post("/transfers", headers=issuer.authorization("alice"))

    head, body = shown.strip().split("\n\n")
    status, *fields = head.splitlines()
    assert f"HTTP/1.1 {answer.status}" == status
    assert [f"WWW-Authenticate: {value}" for value in answer.headers.getlist("WWW-Authenticate")] == fields
    assert answer.json == json.loads(body)


def test_the_list_of_routes_is_the_one_that_is_printed(app: Flask) -> None:
    """Line by line."""
    shown = snippets(PAGE, "console")[0].partition("\n")[2]

    assert app.test_cli_runner().invoke(args=["auth", "routes"]).output == shown


def test_the_setting_of_oidc_provider_is_that_of_the_provider_of_the_tests() -> None:
    """Its tokens open the views in :mod:`tests.integration.test_step_up`."""
    (function,) = re.findall(r"extraTokenClaims: .*?\},\n", snippets_of_lists("js"), re.DOTALL)
    program = (ROOT / "tests" / "node" / "oidc-provider.mjs").read_text()

    assert " ".join(function.split()) in " ".join(program.split())


def snippets_of_lists(language: str) -> str:
    """Return the block of the page that stands within a list."""
    (block,) = re.findall(
        rf"^  ```{language}\n(.*?)^  ```", (ROOT / "docs" / PAGE).read_text(), re.MULTILINE | re.DOTALL
    )
    return str(block)


def test_the_claims_by_issuer_are_those_of_the_profiles() -> None:
    """All but one name them as OpenID Connect does."""
    claims = {name: (profile.login.acr_claim, profile.login.auth_time_claim) for name, profile in PROFILES.items()}
    (entra,) = (row for row in table(PAGE, "By issuer") if row[0] == "Entra ID")

    assert claims.pop("entra") == ("acrs", "auth_time")
    assert set(claims.values()) == {("acr", "auth_time")}
    assert "`acrs`" in entra[1]
