"""``examples/better-auth`` in a real Chromium: its page, a real Better Auth, and the tasks API under gunicorn."""

from __future__ import annotations

import hmac
import http.client
import json
import re
import shutil
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.browser import Watched, keep_picture
from tests.support.contrast import hard_to_read
from tests.support.environments import ROOT
from tests.support.gunicorn_server import PATIENCE, GunicornServer
from tests.support.issuers import NODE, Browser, IssuerProgram, install_packages
from tests.support.programs import free_port
from tests.support.served_app import empty_page, served

EXAMPLE = ROOT / "examples" / "better-auth"
PACKAGE = NODE / "node_modules" / "better-auth"
PASSWORD = "correct horse battery staple"

NO_TASKS = "You have no tasks yet."
API_IS_DOWN = "The tasks API does not answer. Nothing that you have typed is lost: try again in a moment."
LOGIN_IS_DOWN = "The login server does not answer. Nothing that you have typed is lost: try again in a moment."
ANOTHER_USER = "Another user has signed in with this browser. Load the page again."
SIGNED_OUT = "Your session is over. Sign in again: what you have typed is still there."

#: Settings of an API to which tokens expire soon, and yet not on their way to it on a busy machine.
SHORT_LIVED = {"FLASK_AUTH_MAX_TOKEN_AGE": "8", "FLASK_AUTH_LEEWAY": "0"}

#: Calls the tasks API from a page of any origin, and gives the status or what fetch throws.
CALL = """([url, token]) => fetch(url, { headers: { Authorization: `Bearer ${token}` } })
    .then((answer) => answer.status, (error) => String(error))"""


@dataclass(frozen=True)
class Example:
    """The two servers of the example."""

    login: IssuerProgram
    api: GunicornServer

    def exchange(self, method: str, path: str, **headers: str) -> http.client.HTTPResponse:
        """Make one request of the API and return the answer, whose body has been read."""
        connection = http.client.HTTPConnection("127.0.0.1", self.api.port, timeout=PATIENCE)
        try:
            connection.request(method, path, headers={name.replace("_", "-"): text for name, text in headers.items()})
            answer = connection.getresponse()
            answer.read()
        finally:
            connection.close()
        return answer


def installed(folder: Path) -> Path:
    """Return a copy of the example, with the packages of its login server."""
    install_packages()
    copy = folder / "better-auth"
    shutil.copytree(EXAMPLE, copy, ignore=shutil.ignore_patterns("node_modules"))
    (copy / "node_modules").symlink_to(NODE / "node_modules")
    return copy


@contextmanager
def started(folder: Path, **variables: Any) -> Iterator[Example]:
    """Start the login server and then the API, which fetches its keys; ``variables`` are for the API."""
    copy = installed(folder)
    origin = f"http://127.0.0.1:{free_port()}"
    api = GunicornServer(
        folder,
        settings={"pythonpath": str(copy), "wsgi_app": "tasks_api:app"},
        BETTER_AUTH_SECRET="",
        BETTER_AUTH_URL=origin,
        FLASK_PAGE_ORIGINS=json.dumps([origin]),
        **variables,
    )
    addresses = {"BETTER_AUTH_URL": origin, "TASKS_API_URL": api.origin}
    with IssuerProgram(str(copy / "server.mjs"), folder / "login.log", {}, **addresses) as login, api:
        yield Example(login, api)


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """Return the example, with the users of all tests in it."""
    with started(tmp_path_factory.mktemp("example")) as example:
        yield example


def sign_up(page: Page, example: Example, name: str) -> None:
    """Open the page as a stranger, and sign up."""
    page.goto(example.login.origin)
    fill_in(page, name)


def fill_in(page: Page, name: str) -> None:
    """Sign up on the page that shows the form."""
    form = page.locator("#sign-up")
    form.get_by_label("Name").fill(name)
    form.get_by_label("Email").fill(f"{name}@example.com")
    form.get_by_label("Password").fill(PASSWORD)
    form.get_by_role("button", name="Sign up").click()
    expect(page.locator("#who")).to_contain_text(f"Signed in as {name}")


def sign_in(page: Page, name: str) -> None:
    """Sign in on the page that shows the form."""
    form = page.locator("#sign-in")
    form.get_by_label("Email").fill(f"{name}@example.com")
    form.get_by_label("Password").fill(PASSWORD)
    form.get_by_role("button", name="Sign in").click()
    expect(page.locator("#who")).to_contain_text(f"Signed in as {name}")


def add(page: Page, title: str) -> None:
    """Add a task, and wait until it is in the list."""
    page.get_by_label("New task").fill(title)
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("listitem").first).to_have_text(title)


def token_of(page: Page, action: Callable[[], object]) -> str:
    """Return the access token that the page sends to the API, and no cookie with it, when something is done on it."""
    with page.expect_request(lambda request: "authorization" in request.headers) as sent:
        action()
    headers = sent.value.all_headers()
    assert "cookie" not in headers
    return str(headers["authorization"].removeprefix("Bearer "))


def said(page: Page) -> Any:
    """Return what the page says to its user."""
    return expect(page.get_by_role("status"))


def test_a_stranger_signs_up_and_finds_their_task_completed_after_signing_in_again(
    example: Example, watched: Watched
) -> None:
    """Through a reload and another session; the page asks its two servers only and complains about nothing."""
    page = watched.page
    sign_up(page, example, "alice")
    expect(page.get_by_text(NO_TASKS)).to_be_visible()
    for title in ("Water the plants", "Write the report"):
        add(page, title)
    expect(page.get_by_text(NO_TASKS)).to_be_hidden()
    with page.expect_response("**/complete"):
        page.get_by_label("Water the plants").check()

    page.reload()
    expect(page.get_by_role("listitem")).to_have_text(["Write the report", "Water the plants"])
    expect(page.get_by_label("Water the plants")).to_be_checked()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("listitem")).to_have_count(0)
    page.reload()
    sign_in(page, "alice")

    expect(page.get_by_label("Water the plants")).to_be_checked()
    expect(page.get_by_label("Write the report")).not_to_be_checked()
    said(page).to_be_empty()
    assert [url for url in watched.requests if not url.startswith((example.login.origin, example.api.origin))] == []
    assert watched.complaints == []


def test_a_second_user_sees_nothing_of_the_first(example: Example, watched: Watched) -> None:
    """Neither the tasks nor what the first one had begun to type in the same browser."""
    page = watched.page
    sign_up(page, example, "bob")
    add(page, "A secret of bob")
    page.get_by_label("New task").fill("Another secret")
    page.get_by_role("button", name="Sign out").click()
    fill_in(page, "carol")

    expect(page.get_by_text(NO_TASKS)).to_be_visible()
    expect(page.get_by_role("listitem")).to_have_count(0)
    expect(page.get_by_label("New task")).to_have_value("")


def test_a_wrong_password_is_named_and_the_address_stays(example: Example, watched: Watched) -> None:
    """In the words of Better Auth."""
    page = watched.page
    page.goto(example.login.origin)
    form = page.locator("#sign-in")
    form.get_by_label("Email").fill("nobody@example.com")
    form.get_by_label("Password").fill(PASSWORD)
    form.get_by_role("button", name="Sign in").click()

    said(page).to_have_text("Invalid email or password")
    expect(form.get_by_label("Email")).to_have_value("nobody@example.com")


def test_the_token_is_in_memory_only(example: Example, watched: Watched) -> None:
    """Scripts find it in no storage, and the cookie of the session not at all."""
    page = watched.page
    sign_up(page, example, "dave")
    token = token_of(page, lambda: add(page, "Water the plants"))
    kept = page.evaluate("""async () => JSON.stringify([
        {...localStorage}, {...sessionStorage}, document.cookie, await indexedDB.databases(), await caches.keys(),
        document.documentElement.outerHTML, Object.values(window).filter((value) => typeof value === "string"),
    ])""")

    assert token.count(".") == 2
    assert kept.startswith('[{},{},"",[],[],')
    assert token not in kept


def test_the_title_of_a_task_is_text(example: Example, watched: Watched) -> None:
    """Markup in it is shown and not run, when it is added and when it is loaded."""
    title = '<img src="x" onerror="document.title = 1"><script>document.title = 2</script><b>bold</b>'
    page = watched.page
    sign_up(page, example, "erin")
    add(page, title)
    page.reload()

    expect(page.get_by_role("listitem")).to_have_text(title)
    assert page.locator("li img, li script, li b").count() == 0
    assert page.title() == "Tasks"
    assert watched.complaints == []


def test_no_other_script_runs_on_the_page(example: Example, watched: Watched) -> None:
    """The Content-Security-Policy allows the file of the page alone."""
    page = watched.page
    page.goto(example.login.origin)
    page.evaluate("""() => {
        const script = document.createElement("script");
        script.textContent = "document.title = 'changed'";
        document.body.append(script);
    }""")

    assert page.title() == "Tasks"
    assert "Content Security Policy" in " ".join(watched.complaints)


def test_more_tasks_than_one_page_of_the_api_are_shown_on_demand(example: Example, watched: Watched) -> None:
    """The API gives 50 at once."""
    page = watched.page
    sign_up(page, example, "frank")
    token = token_of(page, lambda: add(page, "Task 0"))
    authorization = {"Authorization": f"Bearer {token}"}
    path = f"/api/{example.api.call('GET', '/api/me', headers=authorization)[1]['user_id']}/tasks"
    for number in range(1, 51):
        assert example.api.call("POST", path, {"title": f"Task {number}"}, authorization)[0] == 201
    page.reload()
    expect(page.get_by_role("listitem")).to_have_count(50)
    page.get_by_role("button", name="Show more").click()

    expect(page.get_by_role("listitem")).to_have_text([f"Task {number}" for number in range(50, -1, -1)])
    expect(page.locator("#more")).to_be_hidden()


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_preflights_of_guarded_views_are_answered_without_a_token(example: Example, method: str) -> None:
    """For the origin of the page; another origin gets no field of CORS."""
    asked = {"Access_Control_Request_Method": method, "Access_Control_Request_Headers": "authorization,content-type"}

    allowed = example.exchange("OPTIONS", "/api/alice/tasks", Origin=example.login.origin, **asked)
    refused = example.exchange("OPTIONS", "/api/alice/tasks", Origin="https://elsewhere.example", **asked)

    assert allowed.status == 200
    assert allowed.headers["Access-Control-Allow-Origin"] == example.login.origin
    assert method in allowed.headers["Access-Control-Allow-Methods"].split(", ")
    assert allowed.headers["Access-Control-Allow-Headers"] == "authorization, content-type"
    assert allowed.headers["Access-Control-Allow-Credentials"] is None
    assert fields_of_cors(refused) == {}


def fields_of_cors(answer: http.client.HTTPResponse) -> dict[str, str]:
    """Return the fields by which a browser lets a page call."""
    return {name: text for name, text in answer.headers.items() if name.startswith("Access-Control-")}


def test_the_page_can_read_refusals_and_another_origin_cannot(example: Example, watched: Watched) -> None:
    """401, 403, 404 and 422 alike."""
    page = watched.page
    sign_up(page, example, "grace")
    bearer = f"Bearer {token_of(page, lambda: add(page, 'Water the plants'))}"
    user = example.api.call("GET", "/api/me", headers={"Authorization": bearer})[1]["user_id"]
    own = {"Origin": example.login.origin}
    requests: list[tuple[str, dict[str, str]]] = [
        (f"/api/{user}/tasks", {}),
        (f"/api/{user}/tasks", {"Authorization": "Bearer a.b.c"}),
        ("/api/another/tasks", {"Authorization": bearer}),
        ("/nowhere", {}),
        (f"/api/{user}/tasks?limit=0", {"Authorization": bearer}),
        (f"/api/{user}/tasks", {"Authorization": bearer}),
    ]

    answers = [example.exchange("GET", path, **headers, **own) for path, headers in requests]
    elsewhere = [
        example.exchange("GET", path, **headers, Origin="https://elsewhere.example") for path, headers in requests
    ]

    assert [answer.status for answer in answers] == [401, 401, 403, 404, 422, 200]
    assert [fields_of_cors(answer) for answer in answers] == [
        {"Access-Control-Allow-Origin": example.login.origin}
    ] * len(requests)
    assert [fields_of_cors(answer) for answer in elsewhere] == [{}] * len(requests)


def test_chromium_lets_no_page_of_another_origin_call(example: Example, watched: Watched) -> None:
    """Although its token is good; the same call from the page of the example is answered."""
    page = watched.page
    sign_up(page, example, "heidi")
    call = [f"{example.api.origin}/api/me", token_of(page, lambda: add(page, "Water the plants"))]

    allowed = page.evaluate(CALL, call)
    with served(empty_page()) as elsewhere:
        page.goto(elsewhere)
        refused = page.evaluate(CALL, call)

    assert allowed == 200
    assert refused == "TypeError: Failed to fetch"
    assert any("blocked by CORS policy" in text for text in watched.complaints)


def test_an_expired_token_is_replaced_and_a_session_that_is_over_keeps_what_was_typed(
    tmp_path: Path, watched: Watched
) -> None:
    """The first without a word; the second with a sentence and the form to sign in."""
    page = watched.page
    with started(tmp_path, **SHORT_LIVED) as example:
        sign_up(page, example, "ivan")
        first = token_of(page, lambda: add(page, "Water the plants"))
        wait_until_expired(example, first)
        add(page, "Write the report")
        said(page).to_be_empty()

        second = token_of(page, lambda: page.get_by_label("Write the report").check())
        page.context.clear_cookies()
        wait_until_expired(example, second)
        page.get_by_label("New task").fill("Call the plumber")
        page.get_by_role("button", name="Add").click()
        said(page).to_have_text(SIGNED_OUT)
        expect(page.get_by_role("listitem")).to_have_count(0)
        sign_in(page, "ivan")
        expect(page.get_by_label("New task")).to_have_value("Call the plumber")
        page.get_by_role("button", name="Add").click()

        expect(page.get_by_role("listitem")).to_have_text(["Call the plumber", "Write the report", "Water the plants"])
        said(page).to_be_empty()


def test_another_user_in_another_tab_does_not_get_the_tasks_of_this_one(tmp_path: Path, watched: Watched) -> None:
    """The next token that the page fetches is that of the other user."""
    page = watched.page
    with started(tmp_path, **SHORT_LIVED) as example:
        sign_up(page, example, "olga")
        token = token_of(page, lambda: add(page, "Water the plants"))
        tab = page.context.new_page()
        tab.goto(example.login.origin)
        tab.get_by_role("button", name="Sign out").click()
        fill_in(tab, "peter")
        wait_until_expired(example, token)
        page.get_by_label("New task").fill("Call the plumber")
        page.get_by_role("button", name="Add").click()

        said(page).to_have_text(ANOTHER_USER)
        expect(page.get_by_label("New task")).to_have_value("Call the plumber")
        tab.reload()
        expect(tab.get_by_text(NO_TASKS)).to_be_visible()


def test_a_token_that_comes_after_the_sign_out_is_not_for_the_next_user(example: Example, watched: Watched) -> None:
    """Neither are the tasks that the page fetches with it."""
    page = watched.page
    sign_up(page, example, "ruth")
    add(page, "Water the plants")
    token = page.context.request.get(f"{example.login.origin}/api/auth/token").text()
    held: list[Route] = []
    # The route stays: without one, Chromium would go on with the request that is held.
    page.route("**/api/auth/token", lambda route: route.continue_() if held else held.append(route))
    with page.expect_request("**/api/auth/token"):
        page.reload()
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("#sign-in")).to_be_visible()

    with page.expect_response("**/tasks"):
        held[0].fulfill(body=token, content_type="application/json")
    fill_in(page, "sam")

    expect(page.get_by_text(NO_TASKS)).to_be_visible()
    expect(page.get_by_role("listitem")).to_have_count(0)
    said(page).to_be_empty()


def wait_until_expired(example: Example, token: str) -> None:
    """Return as soon as the API calls a token expired."""
    deadline = time.monotonic() + PATIENCE
    while True:
        status, body = example.api.call("GET", "/api/me", headers={"Authorization": f"Bearer {token}"})
        if status == 401:
            assert body["error"] == "token_expired"
            return
        assert time.monotonic() < deadline, "the token did not expire"
        time.sleep(0.1)


def test_what_the_user_typed_survives_an_api_that_is_down(tmp_path: Path, watched: Watched) -> None:
    """The page says what is wrong; once the API is back, the same press of the button works and adds one task."""
    page = watched.page
    with started(tmp_path) as example:
        sign_up(page, example, "judy")
        add(page, "Water the plants")
        example.api.kill()

        page.get_by_label("New task").fill("Call the plumber")
        page.get_by_role("button", name="Add").click()
        said(page).to_have_text(API_IS_DOWN)
        expect(page.get_by_label("New task")).to_have_value("Call the plumber")
        page.get_by_label("Water the plants").click()
        said(page).to_have_text(API_IS_DOWN)
        expect(page.get_by_label("Water the plants")).not_to_be_checked()

        with example.api:
            page.get_by_role("button", name="Add").click()
            expect(page.get_by_role("listitem")).to_have_text(["Call the plumber", "Water the plants"])
            said(page).to_be_empty()
            expect(page.get_by_label("New task")).to_have_value("")


def test_a_task_whose_answer_was_lost_is_added_once(example: Example, watched: Watched) -> None:
    """The request arrives, the answer does not; the user presses the button again."""
    page = watched.page
    sign_up(page, example, "kim")
    add(page, "Water the plants")
    page.route("**/tasks", lambda route: (route.fetch(), route.abort())[1], times=1)
    page.get_by_label("New task").fill("Call the plumber")
    page.get_by_role("button", name="Add").click()
    said(page).to_have_text(API_IS_DOWN)
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("listitem")).to_have_text(["Call the plumber", "Water the plants"])
    page.reload()

    expect(page.get_by_role("listitem")).to_have_text(["Call the plumber", "Water the plants"])


def test_an_answer_that_is_no_json_is_a_sentence_too(example: Example, watched: Watched) -> None:
    """A proxy in front of the API answers in HTML if the API is down."""
    page = watched.page
    sign_up(page, example, "quinn")
    allowed = {"Access-Control-Allow-Origin": example.login.origin, "Content-Type": "text/html"}
    page.route("**/tasks", lambda route: route.fulfill(status=502, headers=allowed, body="<h1>Bad Gateway</h1>"))
    page.get_by_label("New task").fill("Call the plumber")
    page.get_by_role("button", name="Add").click()

    said(page).to_have_text("The tasks API is not available (502). Try again in a moment.")
    expect(page.get_by_label("New task")).to_have_value("Call the plumber")


def test_the_tasks_are_one_press_away_after_the_api_was_down_when_the_page_was_loaded(
    tmp_path: Path, watched: Watched
) -> None:
    """And the page does not say that there are none."""
    page = watched.page
    with started(tmp_path) as example:
        sign_up(page, example, "leo")
        add(page, "Water the plants")
        example.api.kill()
        page.reload()
        said(page).to_have_text(API_IS_DOWN)
        expect(page.get_by_text(NO_TASKS)).to_be_hidden()

        with example.api:
            page.get_by_role("button", name="Show my tasks").click()
            expect(page.get_by_role("listitem")).to_have_text(["Water the plants"])


def test_the_page_says_that_the_login_server_is_down(tmp_path: Path, watched: Watched) -> None:
    """What was typed stays in the form."""
    page = watched.page
    with started(tmp_path) as example:
        page.goto(example.login.origin)
        form = page.locator("#sign-in")
        form.get_by_label("Email").fill("mia@example.com")
        form.get_by_label("Password").fill(PASSWORD)
        example.login.stop()
        form.get_by_role("button", name="Sign in").click()

        said(page).to_have_text(LOGIN_IS_DOWN)
        expect(form.get_by_label("Email")).to_have_value("mia@example.com")
        expect(form.get_by_label("Password")).to_have_value(PASSWORD)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_usable_on_a_telephone(example: Example, watched: Watched, scheme: Any, tmp_path: Path) -> None:
    """No line is wider than 390 pixels, whatever stands in a name or a title, and every text can be read."""
    page = watched.page
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme=scheme)
    page.goto(example.login.origin)
    expect(page.locator("#sign-in")).to_be_visible()
    assert too_wide(page) == 0
    assert hard_to_read(page, scheme=scheme) == []
    keep_picture(page, tmp_path, "example-welcome")

    sign_up(page, example, f"nina.{scheme}.{'w' * 40}")
    add(page, "W" * 255)
    add(page, "Water the plants")
    page.get_by_label("Water the plants").check()
    page.route("**/tasks", lambda route: route.abort(), times=1)
    page.get_by_label("New task").fill("Call the plumber")
    page.get_by_role("button", name="Add").click()
    said(page).to_have_text(API_IS_DOWN)
    keep_picture(page, tmp_path, "example-tasks")

    assert too_wide(page) == 0
    assert hard_to_read(page, scheme=scheme) == []


def too_wide(page: Page) -> int:
    """Return how many pixels the page is wider than its window."""
    width: int = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return width


def test_an_empty_secret_is_none(tmp_path: Path) -> None:
    """A session signed with the secret that stands in Better Auth itself could be anybody's."""
    public = re.findall(r'DEFAULT_SECRET = "(.+)"', (PACKAGE / "dist" / "utils" / "constants.mjs").read_text())
    server, origin = installed(tmp_path) / "server.mjs", f"http://127.0.0.1:{free_port()}"
    account = {"name": "rosa", "email": "rosa@example.com", "password": PASSWORD}

    with IssuerProgram(str(server), tmp_path / "login.log", {}, BETTER_AUTH_URL=origin, BETTER_AUTH_SECRET="") as login:
        browser = Browser(login.origin, Origin=login.origin)
        signed_up = browser.post("/api/auth/sign-up/email", account)

    (cookie,) = [value for name, value in browser.cookies.items() if name.endswith("session_token")]
    token, _, signature = unquote(cookie).partition(".")
    forged = [b64encode(hmac.digest(secret.encode(), token.encode(), "sha256")).decode() for secret in public]
    assert signed_up.status == 200
    assert [len(one) for one in forged] == [len(signature)]
    assert signature not in forged


def test_the_example_has_the_better_auth_that_is_tested_elsewhere() -> None:
    """One version in the whole repository."""
    wanted, tested = (json.loads((folder / "package.json").read_text()) for folder in (EXAMPLE, NODE))

    assert wanted["dependencies"]["better-auth"] == tested["dependencies"]["better-auth"]
    assert wanted["engines"] == tested["engines"]
