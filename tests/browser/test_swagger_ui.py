"""Swagger UI in a real Chromium, served by a real gunicorn: Authorize, call, log out, and no foreign request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from tests.support.browser import Watched, keep_picture
from tests.support.contrast import hard_to_read
from tests.support.gunicorn_server import ISSUER, GunicornServer
from tests.support.swagger_picture import PICTURE, take_picture

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Route


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
    keep_picture(page, tmp_path, "authorized")
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


def open_page(server: GunicornServer, page: Page) -> None:
    page.goto(f"{server.origin}/docs")
    page.locator(".opblock").first.wait_for()


def open_operation(page: Page, operation: str) -> Locator:
    """Open an operation and return its block."""
    block = page.locator(f"#operations-tasks-{operation}")
    block.locator(".opblock-summary-control").click()
    block.locator(".responses-table .fold").first.wait_for()
    return block


def authorize(page: Page, token: str) -> None:
    page.locator(".scheme-container .authorize").click()
    page.locator(".auth-container input").fill(token)
    page.locator(".auth-btn-wrapper").get_by_text("Authorize").click()
    page.locator(".auth-btn-wrapper").get_by_text("Close").click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_state_of_the_page_can_be_read(
    server: GunicornServer, watched: Watched, tmp_path: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    """At a desk and on a telephone, by day and by night: enough contrast, nothing beside the window, no complaint."""
    page = watched.page
    found: list[str] = []
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)

    def judge(state: str) -> None:
        keep_picture(page, tmp_path, f"{width}-{scheme}-{state}")
        found.extend(f"{state}: {text}" for text in hard_to_read(page, scheme=scheme))
        needed = page.evaluate("document.documentElement.scrollWidth")
        found.extend([f"{state} needs {needed} pixels"] if needed > width else [])

    open_page(server, page)
    judge("closed")
    page.locator(".scheme-container .authorize").click()
    page.locator(".auth-container input").wait_for()
    judge("authorize")
    page.keyboard.press("Escape")
    authorize(page, ISSUER.issue("alice"))
    for operation in ("createTask", "listTasks", "replaceTask", "changeTask", "deleteTask"):
        block = open_operation(page, operation)
        for _ in range(block.locator(".fold button[aria-expanded=false]").count()):
            block.locator(".fold button[aria-expanded=false]").first.click()
    execute(page, "createTask")
    for tab in page.locator("#operations-tasks-listTasks .tablinks", has_text="Schema").all():
        tab.click()
    page.locator("section.models .models-control").click()
    page.locator(".json-schema-2020-12").first.wait_for()
    judge("open")

    assert found == []
    assert watched.complaints == []
    assert [url for url in watched.requests if not url.startswith((f"{server.origin}/", "data:"))] == []


def test_a_response_shows_one_line_until_it_is_opened(server: GunicornServer, watched: Watched) -> None:
    """The usual success is open; a press of a key opens another, with an example of its own status."""
    page = watched.page
    open_page(server, page)
    block = open_operation(page, "createTask")
    rows = block.locator(".responses-table .response")
    assert [row.get_attribute("data-code") for row in rows.all()] == ["201"]

    conflict = block.get_by_role("button", name="409")
    conflict.focus()
    page.keyboard.press("Enter")

    assert conflict.get_attribute("aria-expanded") == "true"
    assert '"code": 409' in block.locator(".response[data-code='409']").inner_text()
    page.keyboard.press("Enter")
    assert rows.count() == 1


def test_a_token_that_is_pasted_with_its_word_works(server: GunicornServer, watched: Watched) -> None:
    """Many people copy ``Bearer`` along."""
    page = watched.page
    open_page(server, page)
    authorize(page, f"Bearer {ISSUER.issue('alice')}")
    open_operation(page, "listTasks")

    assert execute(page, "listTasks") == "200"


def test_the_keyboard_alone_authorizes(server: GunicornServer, watched: Watched) -> None:
    """The window for the token is a dialog; Escape closes it."""
    page = watched.page
    open_page(server, page)
    page.locator(".scheme-container .authorize").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Available authorizations")
    page.wait_for_function("document.activeElement.matches('.auth-container input')")

    assert "Paste the access token alone, without Bearer." in dialog.inner_text()
    page.keyboard.type(ISSUER.issue("alice"))
    page.keyboard.press("Enter")
    dialog.get_by_text("Logout").wait_for()
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")


def test_the_user_comes_first_among_the_parameters(server: GunicornServer, watched: Watched) -> None:
    """Then the filters, and each order is explained."""
    page = watched.page
    open_page(server, page)
    block = open_operation(page, "listTasks")

    names = [name.get_attribute("data-param-name") for name in block.locator("tr[data-param-name]").all()]
    assert names == ["user_id", "limit", "cursor", "sort", "completed", "q"]
    assert "-created_at: newest first" in block.locator("tr[data-param-name=sort]").inner_text()


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


def test_the_picture_of_the_padlock_can_be_taken_again(tmp_path: Path) -> None:
    """``python -m tests.support.swagger_picture`` does; the picture that the README shows is small."""
    take_picture(tmp_path / "swagger-ui.png")

    for picture in (PICTURE, tmp_path / "swagger-ui.png"):
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert 10_000 < picture.stat().st_size < 150_000
