"""Login in Swagger UI in a real Chromium: a real OpenID provider, a window of its own, and back with a token."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.better_auth import BetterAuthServer, register_page
from tests.support.browser import Watched, keep_picture
from tests.support.contrast import hard_to_read
from tests.support.gunicorn_server import GunicornServer
from tests.support.issuers import IssuerProgram, install_packages

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Request, Route

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


def open_dialog(page: Page, service: GunicornServer) -> Locator:
    """Open the page and press Authorize."""
    page.goto(f"{service.origin}/docs")
    page.locator(".opblock").first.wait_for()
    page.locator(".scheme-container .authorize").click()
    return page.get_by_role("dialog", name="Available authorizations")


def log_in(page: Page, dialog: Locator, user: str, *, outcome: str = "You are logged in.") -> None:
    """Log in at the provider, in the window that the page opens, and wait until the page says what came of it."""
    with page.expect_popup() as opened:
        dialog.get_by_role("button", name="Log in").click()
    popup = opened.value
    popup.locator("input[name=login]").fill(user)
    popup.locator("input[name=password]").fill("any")
    popup.get_by_role("button", name="Sign-in").click()
    with popup.expect_event("close"):
        popup.get_by_role("button", name="Continue").click()
    dialog.get_by_text(outcome).wait_for()


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_a_user_logs_in_at_the_issuer_and_lists_their_tasks(
    deployment: Deployment, watched: Watched, tmp_path: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    """With PKCE and no secret, for this API, and without a token in an address or in what the browser keeps."""
    page, service = watched.page, deployment.service
    seen: list[Request] = []
    page.context.on("request", lambda request: seen.append(request))
    unreadable: list[str] = []
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)

    def judge(state: str) -> None:
        keep_picture(page, tmp_path, f"login-{width}-{scheme}-{state}", full_page=False)
        unreadable.extend(f"{state}: {text}" for text in hard_to_read(page, scheme=scheme))
        needed = page.evaluate("document.documentElement.scrollWidth")
        unreadable.extend([f"{state} needs {needed} pixels"] if needed > width else [])

    dialog = open_dialog(page, service)
    judge("offered")
    fields = dialog.locator("input").count()
    log_in(page, dialog, "alice")
    judge("done")
    dialog.get_by_role("button", name="Close").first.click()

    own, authorization = list_tasks_of(page, "alice")
    judge("tasks")
    page.locator("#operations-tasks-listTasks").get_by_role("button", name="Clear").click()
    foreign, _ = list_tasks_of(page, "bob")

    assert (own, foreign) == (200, 403)
    assert unreadable == []
    # The only field is that for a token that is pasted.
    assert fields == 1
    (question,) = [request for request in seen if urlsplit(request.url).path == "/auth"]
    asked = parse_qs(urlsplit(question.url).query)
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


def test_a_login_and_a_token_that_is_pasted_work_alike(deployment: Deployment, watched: Watched) -> None:
    """Each closes the padlock of each operation, a reload forgets both, and logging out does, too."""
    page = watched.page
    locks = page.get_by_label("authorization button locked")
    dialog = open_dialog(page, deployment.service)
    log_in(page, dialog, "alice")
    dialog.get_by_role("button", name="Close").first.click()
    assert locks.count() == 9
    _, authorization = list_tasks_of(page, "alice")

    dialog = open_dialog(page, deployment.service)
    dialog.locator("input").fill((authorization or "").removeprefix("Bearer "))
    dialog.get_by_role("button", name="Apply credentials").click()
    dialog.get_by_role("button", name="Close").first.click()
    assert locks.count() == 9
    assert list_tasks_of(page, "alice") == (200, authorization)

    # The padlock of an operation offers both ways again, and the provider still knows alice.
    page.locator("#operations-tasks-listTasks .authorization__btn").click()
    dialog.get_by_role("button", name="Remove authorization").click()
    with page.expect_popup():
        dialog.get_by_role("button", name="Log in").click()
    dialog.get_by_text("You are logged in.").wait_for()
    dialog.get_by_role("button", name="Log out").click()
    dialog.get_by_role("button", name="Close").first.click()
    assert locks.count() == 0
    page.locator("#operations-tasks-listTasks").get_by_role("button", name="Clear").click()
    assert list_tasks_of(page, "alice") == (401, None)


def test_a_user_who_gives_up_is_told_so(deployment: Deployment, watched: Watched, tmp_path: Path) -> None:
    """And may try again at once."""
    page = watched.page
    dialog = open_dialog(page, deployment.service)
    with page.expect_popup() as opened:
        dialog.get_by_role("button", name="Log in").click()
    with opened.value.expect_event("close"):
        opened.value.get_by_text("Cancel").click()

    assert "[access_denied]" in dialog.get_by_text("access_denied").inner_text()
    keep_picture(page, tmp_path, "login-given-up", full_page=False)
    assert hard_to_read(page, scheme="light") == []
    log_in(page, dialog, "alice")
    assert dialog.get_by_text("access_denied").count() == 0


def test_the_answer_to_another_login_is_refused(deployment: Deployment, watched: Watched) -> None:
    """Its code would log the user in as somebody else (RFC 6749 §10.12); it is not exchanged."""
    page = watched.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    dialog = open_dialog(page, deployment.service)
    with page.expect_popup() as opened:
        dialog.get_by_role("button", name="Log in").click()
    page.evaluate("window.swaggerUIRedirectOauth2.state = 'that of another login'")
    popup = opened.value
    popup.locator("input[name=login]").fill("alice")
    popup.locator("input[name=password]").fill("any")
    popup.get_by_role("button", name="Sign-in").click()
    with popup.expect_event("close"):
        popup.get_by_role("button", name="Continue").click()

    dialog.get_by_text("This is the answer to another login. Log in again.").wait_for()
    assert "/token" not in asked


def test_the_page_works_while_the_issuer_is_down(deployment: Deployment, watched: Watched, tmp_path: Path) -> None:
    """It says so in Authorize, and a token can be pasted."""
    page, provider = watched.page, deployment.provider.origin
    page.route(f"{provider}/**", lambda route: route.abort("connectionrefused"))

    dialog = open_dialog(page, deployment.service)

    keep_picture(page, tmp_path, "login-issuer-down", full_page=False)
    assert dialog.get_by_role("alert").inner_text() == (
        f"This page cannot read {provider}/.well-known/openid-configuration. To try again, reload the page."
    )
    assert dialog.get_by_role("button", name="Log in").count() == 0
    assert dialog.locator("input").count() == 1


def test_a_token_endpoint_on_another_origin_is_not_asked(deployment: Deployment, watched: Watched) -> None:
    """Unless a setting names it: the policy lets no code go there, and Authorize shows that it failed."""
    page, provider = watched.page, deployment.provider.origin
    elsewhere = "http://127.0.0.1:9/token"

    def change(route: Route) -> None:
        metadata = route.fetch().json()
        route.fulfill(json=metadata | {"token_endpoint": elsewhere}, headers={"Access-Control-Allow-Origin": "*"})

    page.route(f"{provider}/.well-known/openid-configuration", change)
    dialog = open_dialog(page, deployment.service)
    log_in(page, dialog, "alice", outcome="Failed to fetch")

    assert any("violates the following Content Security Policy" in text for text in watched.complaints)


def test_the_window_says_what_to_do_if_it_cannot_reach_the_page(deployment: Deployment, watched: Watched) -> None:
    """As when the issuer cuts it off by Cross-Origin-Opener-Policy."""
    page, provider = watched.page, deployment.provider.origin

    def cut_off(route: Route) -> None:
        answer = route.fetch(max_redirects=0)
        route.fulfill(response=answer, headers=answer.headers | {"cross-origin-opener-policy": "same-origin"})

    page.context.route(f"{provider}/interaction/**", cut_off)
    dialog = open_dialog(page, deployment.service)
    with page.expect_popup() as opened:
        dialog.get_by_role("button", name="Log in").click()
    popup = opened.value
    popup.locator("input[name=login]").fill("alice")
    popup.locator("input[name=password]").fill("any")
    popup.get_by_role("button", name="Sign-in").click()
    popup.get_by_role("button", name="Continue").click()
    popup.wait_for_url(f"{deployment.service.origin}/docs/oauth2-redirect?**")

    assert "close this window, and try again" in popup.locator("p").inner_text()


def test_a_user_of_better_auth_logs_in(watched: Watched, tmp_path: Path) -> None:
    """Its OAuth provider has discovery, and the server around it allows the page to ask (CORS)."""
    install_packages()
    page = watched.page
    service = GunicornServer(
        tmp_path,
        BETTER_AUTH_SECRET="",
        FLASK_AUTH_DISCOVERY="true",
        FLASK_AUTH_PROFILE="rfc9068",
    )
    with BetterAuthServer(tmp_path, pages=[service.origin]) as issuer:
        alice = issuer.sign_up("alice")
        client = register_page(alice, f"{service.origin}/docs/oauth2-redirect")
        service.variables |= {
            "FLASK_AUTH_ISSUER": f"{issuer.origin}/api/auth",
            "FLASK_AUTH_AUDIENCE": issuer.origin,
            "FLASK_SWAGGER_UI_CLIENT_ID": client["client_id"],
        }
        with service:
            # The user is signed in already, in this browser.
            signed_in = page.context.request.post(f"{issuer.origin}/api/auth/sign-in/email", data=alice.account)
            assert signed_in.ok, signed_in.text()
            dialog = open_dialog(page, service)
            with page.expect_popup() as opened:
                dialog.get_by_role("button", name="Log in").click()
            consent(opened.value)
            dialog.get_by_text("You are logged in.").wait_for()
            dialog.get_by_role("button", name="Close").first.click()

            assert list_tasks_of(page, alice.id)[0] == 200
            assert watched.complaints == []


def consent(popup: Page) -> None:
    """Consent as the page of a Better Auth server lets its user, which is not part of Better Auth."""
    popup.wait_for_url("**/consent?**")
    question = {"accept": True, "oauth_query": urlsplit(popup.url).query}
    answer = popup.evaluate(
        """async (question) => {
            const body = JSON.stringify(question), headers = {"Content-Type": "application/json"};
            return (await fetch("/api/auth/oauth2/consent", {method: "POST", headers, body})).json();
        }""",
        question,
    )
    with popup.expect_event("close"):
        popup.evaluate("(url) => { location.assign(url); }", answer["url"])
