"""The guides of ``docs/migrating`` as the tests try them: programs before and after, and the answers of both."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from auth.testing import TokenIssuer
from tests.support.documentation import executed, snippets
from tests.support.services import SECRET

MIGRATION = Path(__file__).resolve().parents[2] / "examples" / "migration"
GUIDES = {
    "flask-jwt-extended": MIGRATION,
    "authlib": MIGRATION / "authlib",
    "flask-httpauth": MIGRATION / "flask_httpauth",
    "pyjwt": MIGRATION / "pyjwt",
}
#: Where every guide has the table of requests with both answers.
TABLE = "What clients see"

ISSUER, AUDIENCE = "https://login.example.com", "https://api.example.com"

#: A request: method, path, and the value of the ``Authorization`` field, or none.
Request = tuple[str, str, str | None]


def program(source: str, monkeypatch: pytest.MonkeyPatch, **variables: str) -> dict[str, Any]:
    """Run a program for people outside with environment variables, and return its names."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return executed(source, "migrated")


def send(app: Flask, request: Request, **body: Any) -> TestResponse:
    method, path, authorization = request
    headers = {} if authorization is None else {"Authorization": authorization}
    return app.test_client().open(path, method=method, headers=headers, **body)


def as_cell(answer: TestResponse) -> str:
    """Return an answer as the tables show it: the status, and the name of the error, or else what the body says."""
    if answer.status_code < 300:
        return str(answer.status_code)
    body = answer.get_json(silent=True) or {}
    named = [body[name] for name in ("error", "code", "msg", "message") if isinstance(body.get(name), str)]
    return f"{answer.status_code} `{named[0]}`" if named else str(answer.status_code)


def compared(before: Flask, after: Flask, requests: Mapping[str, Request]) -> list[list[str]]:
    """Return the rows that a table of these requests has to have."""
    return [[name, as_cell(send(before, request)), as_cell(send(after, request))] for name, request in requests.items()]


def both(guide: str, monkeypatch: pytest.MonkeyPatch, **variables: str) -> tuple[Flask, Flask]:
    """Return the apps of a guide's two programs."""
    folder = GUIDES[guide]
    before, after = (
        program((folder / f"{name}.py").read_text(), monkeypatch, **variables)["app"] for name in ("before", "after")
    )
    return before, after


def recipe(page: str, word: str) -> Flask:
    """Return the app of the snippet that holds a word, with a shared secret in place of the issuer's keys."""
    (code,) = [snippet for snippet in snippets(page, "python") if word in snippet]
    app: Flask = executed(code.replace("AUTH_DISCOVERY=True", f"AUTH_SECRET={SECRET!r}"))["app"]
    return app


ISSUED = TokenIssuer(SECRET, issuer=ISSUER, audience=AUDIENCE)


def token_of(user_id: str, **settings: Any) -> str:
    return ISSUED.authorization(user_id, **settings)["Authorization"]
