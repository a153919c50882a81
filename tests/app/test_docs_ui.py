"""Swagger UI's page and files, as far as HTTP shows them; a real browser uses them in ``tests/browser``."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urljoin

import pytest
from flask.testing import FlaskClient

from app import create_app

#: Nothing here depends on the database.
DATABASES = ("sqlite",)

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@pytest.mark.parametrize("path", ["/docs", "/docs/"])
def test_the_page_is_public_and_has_a_strict_policy(client: FlaskClient, path: str) -> None:
    """No inline script, no other host."""
    answer = client.get(path)

    assert answer.status_code == 200
    assert answer.mimetype == "text/html"
    assert answer.headers["Content-Security-Policy"] == POLICY


@pytest.mark.parametrize("address", ["http://localhost/", "https://tasks.example/todo/"])
def test_the_address_of_the_service_leads_to_the_page(client: FlaskClient, address: str) -> None:
    """Without a token, below any prefix, and by nothing that a client says."""
    answer = client.get(
        "/", headers={"Host": "evil.example", "X-Forwarded-Prefix": "/evil", "X-Forwarded-Host": "evil"}
    )

    assert (answer.status_code, answer.headers["Location"]) == (302, "docs")
    assert urljoin(address, answer.headers["Location"]) == f"{address}docs"
    assert "evil" not in answer.text
    assert client.get("/", follow_redirects=True).mimetype == "text/html"
    assert client.post("/").status_code == 405


def test_the_page_holds_no_inline_script_and_no_foreign_address(client: FlaskClient) -> None:
    """The policy would stop both, so the page does without them."""
    page = client.get("/docs").text

    assert re.findall(r"<script[^>]*>([^<]+)</script>", page) == []
    assert "<style" not in page
    assert "//" not in page


def test_all_the_page_asks_for_is_there(client: FlaskClient) -> None:
    """Scripts, styles, icon, and the document, which those without scripts are led to."""
    page = client.get("/docs").text
    paths = re.findall(r'(?:src|href|data-document)="([^"]+)"', page)

    assert len(paths) == 7
    for path in paths:
        with client.get(path) as answer:
            assert answer.status_code == 200


def test_without_scripts_the_page_leads_to_the_document(client: FlaskClient) -> None:
    """It would be empty otherwise."""
    (said,) = re.findall(r"<noscript>(.*?)</noscript>", client.get("/docs").text, re.DOTALL)

    assert "needs JavaScript" in said
    assert 'href="/openapi.json"' in said


def test_files_are_kept_by_browsers_for_an_hour(client: FlaskClient) -> None:
    """And asked for again with their tag."""
    with client.get("/docs/swagger-ui.css") as answer:
        assert answer.cache_control.max_age == 3600
        assert answer.cache_control.public
        tag = answer.headers["ETag"]
    with client.get("/docs/swagger-ui.css", headers={"If-None-Match": tag}) as again:
        assert again.status_code == 304


@pytest.mark.parametrize("name", ["LICENSE", "swagger-ui.js", "..", "%2e%2e%2fviews.py", "views.py", "page.html"])
def test_no_other_file_is_served(client: FlaskClient, name: str) -> None:
    """Only what the page loads has a name."""
    assert client.get(f"/docs/{name}").status_code == 404


def test_the_page_works_behind_a_path_prefix(settings: dict[str, Any]) -> None:
    """Every address on it begins with the prefix."""
    client = create_app(settings | {"TRUSTED_PROXIES": 1, "TRUST_FORWARDED_PREFIX": True}).test_client()

    page = client.get("/docs", headers={"X-Forwarded-Prefix": "/todo"}).text

    assert all(path.startswith("/todo/") for path in re.findall(r'(?:src|href|data-document)="([^"]+)"', page))


def test_a_date_that_no_calendar_holds_is_no_error(client: FlaskClient) -> None:
    """The files are served whatever a client says it has."""
    hostile = f"Mon, 01 Jan 2020 00:00:00 +{'9' * 30}"

    conditions = {"If-Modified-Since": hostile, "If-Range": hostile, "Range": "bytes=0-1"}

    with client.get("/docs/start.js", headers=conditions) as answer:
        assert (answer.status_code, bool(answer.data)) == (200, True)
