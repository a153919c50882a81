"""Login in Swagger UI in a real Chromium: a real OpenID provider, a window of its own, and back with a token."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.browser import Watched
from tests.support.contrast import hard_to_read
from tests.support.gunicorn_server import GunicornServer
from tests.support.issuers import IssuerProgram, install_packages

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Request

API = "https://tasks.example.com"
CLIENT_ID = "swagger-ui"
CONFIDENTIAL = {"client_id": "other", "client_secret": "c4b1e0d79f2a6835be17d0c2948fa63b5d7c0e21"}


@dataclass(frozen=True)
class Deployment:
    """The provider, and the service that offers login through it."""

    provider: IssuerProgram
    service: GunicornServer


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Both at work; the provider knows the page as a public client."""
    install_packages()
    folder = tmp_path_factory.mktemp("login")
    service = GunicornServer(
        folder,
        BETTER_AUTH_SECRET="",
        FLASK_AUTH_DISCOVERY="true",
        FLASK_AUTH_AUDIENCE=API,
        FLASK_AUTH_PROFILE="rfc9068",
        FLASK_SWAGGER_UI_CLIENT_ID=CLIENT_ID,
        FLASK_TRUSTED_PROXIES="1",
        FLASK_TRUST_FORWARDED_PREFIX="true",
    )
    page = {"client_id": CLIENT_ID, "redirect_uris": [f"{service.origin}/docs/oauth2-redirect"]}
    client = {**CONFIDENTIAL, "redirect_uris": ["https://client.example.com/callback"]}
    options = {"api": API, "client": client, "page": page}
    with IssuerProgram("oidc-provider.mjs", folder / "provider.log", options) as provider:
        service.variables["FLASK_AUTH_ISSUER"] = provider.origin
        with service:
            yield Deployment(provider, service)


def shot(page: Page, folder: Path, name: str) -> None:
    """Keep a picture in the folder that SCREENSHOTS names, or in that of the test."""
    folder = Path(os.environ.get("SCREENSHOTS") or folder)
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png")


def open_dialog(page: Page, service: GunicornServer) -> Locator:
    """Open the page and press Authorize."""
    page.goto(f"{service.origin}/docs")
    page.locator(".opblock").first.wait_for()
    page.locator(".scheme-container .authorize").click()
    return page.get_by_role("dialog", name="Available authorizations")


def log_in(page: Page, dialog: Locator, user: str) -> None:
    """Log in at the provider, in the window that the page opens, and wait until the page has the token."""
    with page.expect_popup() as opened:
        dialog.get_by_role("button", name="Log in").click()
    popup = opened.value
    popup.locator("input[name=login]").fill(user)
    popup.locator("input[name=password]").fill("any")
    popup.get_by_role("button", name="Sign-in").click()
    with popup.expect_event("close"):
        popup.get_by_role("button", name="Continue").click()
    dialog.get_by_text("You are logged in.").wait_for()


def list_tasks_of(page: Page, user: str) -> tuple[int, str | None]:
    """Press Execute in the list of tasks; return the status and the header that was sent."""
    block = page.locator("#operations-tasks-listTasks")
    if not block.get_by_placeholder("user_id").is_visible():
        block.locator(".opblock-summary-control").click()
    block.get_by_placeholder("user_id").fill(user)
    with page.expect_response(lambda response: "/api/" in response.url) as answer:
        block.get_by_role("button", name="Execute").click()
    block.locator(".live-responses-table .response-col_status").first.wait_for()
    return answer.value.status, answer.value.request.all_headers().get("authorization")


@pytest.mark.parametrize("width", [1280, 390])
def test_a_user_logs_in_at_the_issuer_and_lists_their_tasks(
    deployment: Deployment, watched: Watched, tmp_path: Path, width: int
) -> None:
    """With PKCE and no secret, for this API, and without a token in an address or in what the browser keeps."""
    page, service = watched.page, deployment.service
    seen: list[Request] = []
    page.context.on("request", lambda request: seen.append(request))
    page.set_viewport_size({"width": width, "height": 900})
    dialog = open_dialog(page, service)
    shot(page, tmp_path, f"{width}-login")
    fields = dialog.locator("input").count()
    log_in(page, dialog, "alice")
    shot(page, tmp_path, f"{width}-logged-in")
    dialog.get_by_role("button", name="Close").first.click()

    own, authorization = list_tasks_of(page, "alice")
    shot(page, tmp_path, f"{width}-tasks")
    page.locator("#operations-tasks-listTasks").get_by_role("button", name="Clear").click()
    foreign, _ = list_tasks_of(page, "bob")

    assert (own, foreign) == (200, 403)
    # The only field is that for a token that is pasted.
    assert fields == 1
    (question,) = [request for request in seen if urlsplit(request.url).path == "/auth"]
    asked = {name: values for name, values in parse_qs(urlsplit(question.url).query).items()}
    assert asked.pop("state")
    challenge = asked.pop("code_challenge")[0]
    assert asked == {
        "response_type": ["code"],
        "client_id": [CLIENT_ID],
        "redirect_uri": [f"{service.origin}/docs/oauth2-redirect"],
        "scope": ["openid"],
        "code_challenge_method": ["S256"],
        "resource": [API],
    }
    (exchange,) = [request for request in seen if urlsplit(request.url).path == "/token"]
    sent = parse_qs(exchange.post_data or "")
    assert sent.keys() == {"grant_type", "code", "client_id", "redirect_uri", "code_verifier", "resource"}
    assert challenge not in sent["code_verifier"]
    assert authorization is not None
    token = authorization.removeprefix("Bearer ")
    assert not any(token in request.url for request in seen)
    assert page.evaluate("[location.search, localStorage.length, sessionStorage.length, document.cookie]") == [
        "",
        0,
        0,
        "",
    ]
    origins = (f"{service.origin}/", f"{deployment.provider.origin}/", "data:", "blob:")
    assert [url for url in watched.requests if not url.startswith(origins)] == []
    # Chromium reports every 403 on the console; nothing else may be there, a violated policy least of all.
    assert [text for text in watched.complaints if "403 (FORBIDDEN)" not in text] == []
