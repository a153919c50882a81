"""The page about users, clients and delegation: its app answers each caller as its table says."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from auth import Actor
from auth.testing import TokenIssuer, acting_as, local_issuer
from tests.support.call_tables import in_words, views_of
from tests.support.documentation import snippets, table
from tests.support.names import as_in_the_checkout

PAGE = "callers.md"

#: The callers of the columns, each with the id ``alice``.
CALLERS: list[dict[str, Any]] = [{"client_id": "web"}, {"is_client": True}, {"client_id": "web", "actor": "helpdesk"}]


@pytest.fixture
def app() -> Flask:
    """The app of the page."""
    (snippet,) = snippets(PAGE, "python")
    namespace: dict[str, Any] = {"__name__": "documented"}
    exec(compile(as_in_the_checkout(snippet), PAGE, "exec"), namespace)  # noqa: S102  # our own page
    made: Flask = namespace["app"]
    return made


@pytest.fixture
def issuer(app: Flask) -> Iterator[TokenIssuer]:
    """Who signs in the place of its issuer."""
    with local_issuer(app) as issuer:
        yield issuer


@pytest.mark.parametrize(("view", "outcomes"), [(row[0], row[1:]) for row in table(PAGE, "Who may call what")], ids=str)
def test_each_caller_gets_what_the_table_says(app: Flask, issuer: TokenIssuer, view: str, outcomes: list[str]) -> None:
    """The path is that of the caller's own id."""
    method, path = re.sub("<.*>", "alice", view.strip("`")).split(" ")
    answers = [
        app.test_client().open(path, method=method, headers=issuer.authorization("alice", **caller))
        for caller in CALLERS
    ]

    for outcome, answer in zip(outcomes, answers, strict=True):
        assert outcome == in_words(answer)


def test_every_view_of_the_app_is_in_the_table(app: Flask) -> None:
    """As it is written there."""
    assert views_of(app) == {row[0] for row in table(PAGE, "Who may call what")}


def test_the_log_line_of_the_page_is_one_that_is_written(
    app: Flask, issuer: TokenIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    """Word for word, but for the reason and the id of the request."""
    shown = snippets(PAGE, "text")[1].strip()
    headers = issuer.authorization("alice", client_id="helpdesk-app", actor="helpdesk")

    with caplog.at_level(logging.INFO, "flask_resource_server.audit"):
        app.test_client().delete("/users/alice", headers=headers)

    assert re.fullmatch(re.escape(shown).replace("…", '[^"]+'), caplog.messages[-1])


def test_the_actor_of_the_page_is_read_as_the_page_says(app: Flask) -> None:
    """The outermost is who acts."""
    claims = json.loads(snippets(PAGE, "text")[0])

    with acting_as(app, claims["sub"], actor=claims["act"]) as token:
        actor = token.actor

    assert (token.subject, actor) == ("alice", Actor("helpdesk", actor=Actor("ticket-system")))
