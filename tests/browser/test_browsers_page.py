"""The snippets of docs/browsers.md in a real Chromium: pages that may call the API, and pages that may not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from auth.testing import TokenIssuer, local_issuer
from tests.support.browser import Watched
from tests.support.documentation import executed, snippets
from tests.support.served_app import empty_page, served

(PYTHON,) = snippets("browsers.md", "python")
(SCRIPT,) = snippets("browsers.md", "js")

#: What a page does with the script: it shows the answer, or what the script has thrown.
CALL = """token => call("/me", token).catch(({ status, error, challenge, message }) =>
    status ? { status, error, challenge } : { failed: message })"""


@pytest.fixture
def api() -> Iterator[tuple[Flask, str, str, TokenIssuer]]:
    """The documented API, its origin, the origin of the page that may call it, and who signs tokens for it."""
    with served(empty_page()) as shop:
        app: Flask = executed(PYTHON.replace("https://shop.example.com", shop), "browsers.md")["app"]
        with served(app) as origin, local_issuer(app) as issuer:
            yield app, origin, shop, issuer


def called(watched: Watched, page: str, api: str, token: str) -> Any:
    """Return what the documented script makes of a call from a page."""
    watched.page.goto(page)
    watched.page.add_script_tag(content=SCRIPT.replace("https://api.example.com", api))
    return watched.page.evaluate(CALL, token)


def test_an_allowed_page_calls_and_reads_why_it_was_refused(
    api: tuple[Flask, str, str, TokenIssuer], watched: Watched
) -> None:
    """The challenge too, which scripts cannot read unless it is exposed."""
    _, origin, shop, issuer = api

    allowed = called(watched, shop, origin, issuer.issue("alice"))
    refused = called(watched, shop, origin, issuer.issue("alice", expires_in=-3600))

    assert allowed == {"user_id": "alice"}
    assert (refused["status"], refused["error"]) == (401, "token_expired")
    assert refused["challenge"].startswith('Bearer realm="api", error="invalid_token"')


def test_a_page_of_another_origin_reads_nothing(api: tuple[Flask, str, str, TokenIssuer], watched: Watched) -> None:
    """The browser sends no token after a preflight that allows nothing, and tells the script no more than that."""
    _, origin, _, issuer = api
    with served(empty_page()) as elsewhere:
        answer = called(watched, elsewhere, origin, issuer.issue("alice"))

    assert answer == {"failed": "Failed to fetch"}


def test_a_token_in_a_cookie_is_not_read(api: tuple[Flask, str, str, TokenIssuer]) -> None:
    """Whatever the cookie is called: a browser adds it to requests that other sites have caused."""
    app, _, _, issuer = api
    client = app.test_client()
    for name in ("access_token", "Authorization", "token", "session"):
        client.set_cookie(name, issuer.issue("alice"))

    assert client.get("/me").status_code == 401
