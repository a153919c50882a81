"""The two pages about refusals: what a client reads of them, and where an operator looks for the cause."""

from __future__ import annotations

import logging
import re

import pytest
from flask import Flask

from auth import ResourceServer, require_jwt
from auth.errors import AuthErrorCode
from auth.testing import TokenIssuer
from tests.support.answers_page import ANSWERS, PAGE, answers_page, kinds, messages_of
from tests.support.documentation import DOCS, snippets

TROUBLESHOOTING = (DOCS / "troubleshooting.md").read_text()


def test_the_page_of_answers_is_what_the_classes_say() -> None:
    """``python -m tests.support.answers_page`` writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == answers_page()


def test_every_code_has_a_row_for_clients_and_one_for_operators() -> None:
    """In the order of the table."""
    in_trouble = TROUBLESHOOTING.split("## By `error`")[1].split("## By what you see")[0]
    rows = [re.findall(r"`(\w+)`", row) for row in re.findall(r"^\| (`.*?) \|", in_trouble, re.MULTILINE)]

    assert list(ANSWERS) == list(kinds()) == list(AuthErrorCode)
    assert [code for row in rows for code in row if code != "error"] == [code.value for code in AuthErrorCode]


@pytest.mark.parametrize("code", AuthErrorCode)
def test_every_message_is_on_the_page(code: AuthErrorCode) -> None:
    """A client's developer pastes the sentence into the search."""
    page = PAGE.read_text(encoding="utf-8")

    assert [message for message in messages_of(kinds()[code]) if message not in page] == []


def test_the_log_line_that_is_shown_is_one_that_is_written(caplog: pytest.LogCaptureFixture) -> None:
    """For a token with another audience."""
    (shown,) = snippets("troubleshooting.md", "text")
    issuer = TokenIssuer.generate("EdDSA", issuer="https://login.example.com", audience="https://other.example.com")
    app = Flask("documented")
    app.config.update(AUTH_ISSUER="https://login.example.com", AUTH_AUDIENCE="https://api.example.com")
    ResourceServer(app, keys=issuer.keys)
    app.add_url_rule("/me", view_func=require_jwt(lambda: ""), endpoint="me")

    with caplog.at_level(logging.INFO, "flask_resource_server.audit"):
        app.test_client().get("/me", headers=issuer.authorization("alice"))

    assert re.fullmatch(re.escape(shown.strip()).replace("…", r"\w+"), caplog.messages[-1])
