"""Swagger UI in a real Chromium, served by a real gunicorn: Authorize, call, log out, and no foreign request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import Watched
from tests.support.gunicorn_server import ISSUER, GunicornServer

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GunicornServer]:
    """Return a running server."""
    with GunicornServer(
        tmp_path_factory.mktemp("server"), FLASK_TRUSTED_PROXIES="1", FLASK_TRUST_FORWARDED_PREFIX="true"
    ) as server:
        yield server


def execute(page: Page, operation: str) -> str:
    """Press Execute in an operation that is open, and return the status of the answer."""
    block = page.locator(f"#operations-tasks-{operation}")
    with page.expect_response(lambda response: "/api/" in response.url) as answer:
        block.get_by_role("button", name="Execute").click()
    status = block.locator(".live-responses-table .response-col_status", has_text=str(answer.value.status))
    status.first.wait_for()
    return str(status.first.inner_text().split()[0])


def test_a_user_authorizes_calls_and_logs_out(server: GunicornServer, watched: Watched, tmp_path: Path) -> None:
    """200 with the token, 401 without, and every request goes to our own origin."""
    page = watched.page
    page.goto(f"{server.origin}/docs")
    page.locator(".scheme-container .authorize").click()
    page.locator(".auth-container input").fill(ISSUER.issue("alice"))
    page.locator(".auth-btn-wrapper").get_by_text("Authorize").click()
    page.locator(".auth-btn-wrapper").get_by_text("Close").click()
    page.locator("#operations-tasks-listTasks .opblock-summary-control").click()
    page.locator("#operations-tasks-listTasks").get_by_placeholder("user_id").fill("alice")

    authorized = execute(page, "listTasks")
    page.screenshot(path=tmp_path / "authorized.png")
    page.locator(".scheme-container .authorize").click()
    page.locator(".auth-btn-wrapper").get_by_text("Logout").click()
    page.locator(".auth-btn-wrapper").get_by_text("Close").click()
    page.locator("#operations-tasks-listTasks").get_by_role("button", name="Clear").click()
    logged_out = execute(page, "listTasks")

    assert (authorized, logged_out) == ("200", "401")
    foreign = [url for url in watched.requests if not url.startswith((f"{server.origin}/", "data:"))]
    assert foreign == []
    # Chromium reports every 401 on the console; nothing else may be there, a violated policy least of all.
    assert [text for text in watched.complaints if "401 (UNAUTHORIZED)" not in text] == []


def test_the_page_works_behind_a_path_prefix(server: GunicornServer, watched: Watched) -> None:
    """A proxy strips the prefix and names it; the calls made from the page carry it again."""

    def strip(route: Route) -> None:
        headers = {**route.request.headers, "X-Forwarded-Prefix": "/todo"}
        route.continue_(url=route.request.url.replace("/todo", "", 1), headers=headers)

    page = watched.page
    page.route(f"{server.origin}/todo/**", strip)
    page.goto(f"{server.origin}/todo/docs")
    page.locator("#operations-health-getHealth .opblock-summary-control").click()
    block = page.locator("#operations-health-getHealth")
    with page.expect_response(lambda response: response.url.endswith("/health")) as answer:
        block.get_by_role("button", name="Execute").click()

    assert answer.value.status == 200
    assert all(url.startswith((f"{server.origin}/todo/", "data:")) for url in watched.requests), watched.requests
    assert watched.complaints == []
