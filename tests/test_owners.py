"""The page about owners, tenants and overrides: its apps answer as it says."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, abort

from auth.settings.values import claim_path
from auth.testing import TokenIssuer, local_issuer
from tests.support.call_tables import in_words, views_of
from tests.support.documentation import snippets, table
from tests.support.names import as_in_the_checkout

PAGE = "owners.md"

#: The callers of the columns.
CALLERS: list[tuple[str, dict[str, Any]]] = [
    ("alice", {"tenant": "acme"}),
    ("bob", {"tenant": "acme"}),
    ("sue", {"tenant": "acme", "roles": "support"}),
    ("job", {"is_client": True, "scopes": "notes:any"}),
]

PATH = {"<user_id>": "alice", "<tenant_id>": "acme", "<int:page>": "1"}


def app_of(number: int) -> Flask:
    """Return an app of the page."""
    namespace: dict[str, Any] = {"__name__": "documented"}
    exec(compile(as_in_the_checkout(snippets(PAGE, "python")[number]), PAGE, "exec"), namespace)  # noqa: S102  # our own page
    made: Flask = namespace["app"]
    return made


@pytest.fixture
def app() -> Flask:
    """The first app of the page."""
    return app_of(0)


@pytest.fixture
def issuer(app: Flask) -> Iterator[TokenIssuer]:
    """Who signs in the place of its issuer."""
    with local_issuer(app) as issuer:
        yield issuer


@pytest.mark.parametrize(("view", "outcomes"), [(row[0], row[1:]) for row in table(PAGE, "Who may call what")], ids=str)
def test_each_caller_gets_what_the_table_says(app: Flask, issuer: TokenIssuer, view: str, outcomes: list[str]) -> None:
    """And a stranger gets 401."""
    method, path = re.sub("<[^>]*>", lambda found: PATH[found[0]], view.strip("`")).split(" ")
    client = app.test_client()
    answers = [
        client.open(path, method=method, headers=issuer.authorization(user_id, **token)) for user_id, token in CALLERS
    ]

    for outcome, answer in zip(outcomes, answers, strict=True):
        assert outcome == in_words(answer)
    assert client.open(path, method=method).status_code == 401


def test_every_view_of_the_app_is_in_the_table(app: Flask) -> None:
    """As it is written there."""
    assert views_of(app) == {row[0] for row in table(PAGE, "Who may call what")}


def test_the_log_line_of_the_page_is_one_that_is_written(
    app: Flask, issuer: TokenIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    """Word for word, but for the id of the request; at the level that the page names."""
    (shown,) = snippets(PAGE, "text")
    user_id, token = CALLERS[2]

    app.test_client().get("/users/alice/notes", headers=issuer.authorization(user_id, **token))

    (record,) = (record for record in caplog.records if record.name == "flask_resource_server.audit")
    assert re.fullmatch(re.escape(shown.strip()).replace("…", '[^"]+'), record.getMessage())
    assert record.levelno == logging.WARNING


@pytest.mark.parametrize(
    ("number", "own", "anothers"),
    [(0, "/users/alice/diary/2", "/users/bob/diary/1"), (1, "/users/alice/notes/x", "/users/bob/notes/x")],
)
def test_what_the_page_hides_is_answered_like_what_nobody_has(number: int, own: str, anothers: str) -> None:
    """By Flask's own 404, and by the handler of the service."""
    app = app_of(number)
    with local_issuer(app) as issuer:
        unknown, hidden = (
            app.test_client().get(path, headers=issuer.authorization("alice")) for path in (own, anothers)
        )

    assert (hidden.status, [*hidden.headers], hidden.data) == (unknown.status, [*unknown.headers], unknown.data)
    assert unknown.status_code == 404


def test_a_preprocessor_that_aborts_comes_before_the_guard(app: Flask) -> None:
    """Flask runs it first; it is the one exception that the page names."""

    def look_up(endpoint: str | None, values: dict[str, Any] | None) -> None:
        if (values or {}).get("user_id") == "nobody":
            abort(404)

    app.url_value_preprocessor(look_up)
    client = app.test_client()

    assert [client.get(f"/users/{user}/notes").status_code for user in ("alice", "nobody")] == [401, 404]


@pytest.mark.parametrize(
    ("setting", "path"),
    [
        ("org_id", ("org_id",)),
        ("o.id", ("o", "id")),
        ("https://example.com/org.id", ("https://example.com/org.id",)),
    ],
)
def test_the_setting_reads_what_the_page_says(setting: str, path: tuple[str, ...]) -> None:
    """Each text of the table."""
    assert f"`{setting}`" in {row[0] for row in table(PAGE, "Tenants")}
    assert claim_path(setting) == path
