"""``flask auth check`` asks for the metadata of each resource at their public URL, as a client does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask

from auth import ResourceServer
from auth.wire.metadata import WELL_KNOWN
from tests.support.issuer_server import Fault, IssuerServer
from tests.support.services import ISSUER, SECRET

HAND_ON = "What stands in front of the app has to hand that path on to it as it is, and to ask nobody for a login."


def app_at(*resources: str, **settings: Any) -> Flask:
    app = Flask("service")
    app.config.update(AUTH_SECRET=SECRET, AUTH_ISSUER=ISSUER, AUTH_RESOURCE=[*resources], **settings)
    ResourceServer(app)
    return app


def published(app: Flask, path: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(app.test_client().get(f"{WELL_KNOWN}{path}").data)
    return document


def check(app: Flask) -> tuple[int, list[str]]:
    result = app.test_cli_runner().invoke(args=["auth", "check"])
    return result.exit_code, result.output.splitlines()


def test_the_document_of_each_resource_is_recognised() -> None:
    """One heading for each; the order of its members does not matter."""
    with IssuerServer() as front:
        api, mcp = front.origin, f"{front.origin}/mcp"
        app = app_at(api, mcp, AUTH_RESOURCE_NAME="Tasks")
        for path in ("", "/mcp"):
            front.documents[f"{WELL_KNOWN}{path}"] = dict(reversed(published(app, path).items()))

        status, lines = check(app)

    assert (status, lines[2:]) == (
        0,
        [
            f"Metadata of {mcp}:",
            f"  {front.origin}{WELL_KNOWN}/mcp answers with the metadata of this app.",
            f"Metadata of {api}:",
            f"  {front.origin}{WELL_KNOWN} answers with the metadata of this app.",
        ],
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"resource": "{api}/"},
            "answers with the metadata of another resource: clients compare resource character by character, and "
            "refuse this document.",
        ),
        (
            {"resource_name": "Old", "scopes_supported": ["a"]},
            "answers with another document than this app has. It differs in resource_name: an older version in a "
            "cache, or another app.",
        ),
        (
            {"jwks_uri": "https://api.example/jwks"},
            "answers with another document than this app has. It differs in members that this app does not have: an "
            "older version in a cache, or another app.",
        ),
    ],
)
def test_another_document_is_a_problem(changes: dict[str, Any], sentence: str) -> None:
    """The sentence says in what it differs, and quotes nothing of it."""
    with IssuerServer() as front:
        app = app_at(front.origin, AUTH_RESOURCE_NAME="Tasks")
        changed = {
            name: value.format(api=front.origin) if isinstance(value, str) else value for name, value in changes.items()
        }
        front.documents[WELL_KNOWN] = published(app, "") | changed

        status, lines = check(app)

    assert (status, lines[-1]) == (1, f"  PROBLEM: {front.origin}{WELL_KNOWN} {sentence}")


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        (Fault.NOT_FOUND, "answered with status 404"),
        (Fault.UNAUTHORIZED, "answered with status 401"),
        (Fault.REDIRECT, "answered with status 302, a redirect, which is not followed"),
        (Fault.HTML, "answered with HTML or XML, which is not a JSON object"),
    ],
)
def test_metadata_that_no_client_gets_are_a_problem(fault: Fault, answer: str) -> None:
    """Mostly a guard of a proxy stands in front of them, or the path leads elsewhere."""
    with IssuerServer() as front:
        front.documents[WELL_KNOWN] = {}
        front.fault = fault

        status, lines = check(app_at(front.origin))

    assert (status, lines[-1]) == (
        1,
        f"  PROBLEM: The metadata cannot be fetched: {front.origin}{WELL_KNOWN} {answer}. {HAND_ON}",
    )


def test_a_service_that_does_not_run_yet_is_a_problem() -> None:
    """In JSON too."""
    dead = IssuerServer()
    app = app_at(dead.origin)

    result = app.test_cli_runner().invoke(args=["auth", "check", "--json"])

    assert result.exit_code == 1
    assert json.loads(result.output)[1:] == [
        {
            "resource": dead.origin,
            "metadata": f"{dead.origin}{WELL_KNOWN}",
            "findings": [
                {
                    "sentence": f"The metadata cannot be fetched: {dead.origin}{WELL_KNOWN} refuses connections. Check "
                    "the host and the port, and whether the server runs.",
                    "problem": True,
                }
            ],
        }
    ]


def test_a_token_that_is_inspected_shows_the_resources_that_it_is_good_for() -> None:
    """A view belongs to one of them."""
    api = "https://api.example"
    app = app_at(api, f"{api}/a", f"{api}/b", AUTH_DEVELOPMENT_TOKENS=True)
    claim = json.dumps([api, f"{api}/b", "https://other.example"])
    token = app.test_cli_runner().invoke(args=["auth", "token", "alice", "--claim", f"aud={claim}"]).output.split()[-1]

    said = app.test_cli_runner().invoke(args=["auth", "inspect", token]).output

    assert "Of the resources in AUTH_RESOURCE it is good for https://api.example, https://api.example/b." in said
