"""``examples/bff`` in a real Chromium, with an OpenID provider, Redis, and the tasks API and the BFF under gunicorn."""

from __future__ import annotations

import re
import signal
import sys
import threading
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec
import pytest
from flask import Flask
from redis import Redis

from tests.support.browser import Watched
from tests.support.documentation import snippets
from tests.support.environments import ROOT, clean_environment
from tests.support.gunicorn_server import GunicornServer
from tests.support.issuers import Browser, IssuerProgram, install_packages
from tests.support.programs import PATIENCE, Program, accepts_connections, free_port
from tests.support.redis_server import RedisServer
from tests.support.served_app import served

if TYPE_CHECKING:
    from playwright.sync_api import Response

#: Those of the page, some of which point to this machine in the tests.
SETTINGS = dict(re.findall(r"^export (\w+)='?(.*?)'?$", snippets("browsers.md", "bash")[0], re.MULTILINE))

AUDIENCE = "https://tasks.example.com"
COOKIE = "__Host-session"

#: Sends a request from the page and returns status and body.
FETCH = """async ([method, path, headers]) => {
    const body = method === "POST" ? JSON.stringify({ title: "Forged" }) : undefined;
    const answer = await fetch(path, { method, body, headers: { "Content-Type": "application/json", ...headers } });
    return [answer.status, await answer.json()];
}"""


@dataclass(frozen=True)
class Deployment:
    """Where everything listens, and what the BFF keeps."""

    origin: str
    provider: IssuerProgram
    store: Redis
    redis_url: str
    log: Path

    def sessions(self) -> list[dict[str, Any]]:
        """Return the sessions that the BFF holds."""
        values: list[Any] = [self.store.get(name) for name in self.store.scan_iter("session:*")]
        return [msgspec.msgpack.decode(value) for value in values]

    def name(self) -> bytes:
        """Return the name of the one session there is."""
        (name,) = self.store.scan_iter("session:*")
        return bytes(name)

    def time_left(self) -> int:
        """Return the seconds until that session ends."""
        left: Any = self.store.ttl(self.name())
        return int(left)

    def commands(self) -> set[str]:
        """Return the names of the commands that Redis has got."""
        counted: Any = self.store.info("commandstats")
        return {*counted}

    def cookies(self, watched: Watched) -> dict[str, str]:
        """Return the cookies of the BFF that a browser keeps."""
        return {cookie["name"]: cookie["value"] for cookie in watched.page.context.cookies(self.origin)}

    def tokens(self) -> dict[str, Any]:
        """Return the tokens of the one session there is."""
        (session,) = self.sessions()
        tokens: dict[str, Any] = session["token"]
        return tokens


def bff(folder: Path, port: int, origin: str, api: str, provider: IssuerProgram, redis: str) -> Program:
    """Return the BFF, as it listens on a port."""
    settings = SETTINGS | {
        "BFF_ORIGIN": origin,
        "BFF_API": api,
        "BFF_ISSUER": provider.origin,
        "BFF_AUDIENCE": AUDIENCE,
        "BFF_REDIS_URL": redis,
    }
    command = ["-m", "gunicorn", "--chdir", str(ROOT / "examples/bff"), f"--bind=127.0.0.1:{port}", "bff:app"]
    return Program([sys.executable, *command], folder / f"bff-{port}.log", variables=clean_environment(**settings))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Everything at work. Each access token has expired for Authlib when it comes: it forgives a minute."""
    install_packages()
    folder, port = tmp_path_factory.mktemp("bff"), free_port()
    origin = f"http://127.0.0.1:{port}"
    client = {
        "client_id": SETTINGS["BFF_CLIENT_ID"],
        "client_secret": SETTINGS["BFF_CLIENT_SECRET"],
        "redirect_uris": [f"{origin}/bff/callback"],
        "token_endpoint_auth_method": "client_secret_basic",
    }
    options = {"api": AUDIENCE, "client": client, "lifetime": 60}
    with (
        RedisServer() as redis,
        IssuerProgram("oidc-provider.mjs", folder / "provider.log", options) as provider,
        GunicornServer(
            folder,
            BETTER_AUTH_SECRET="",
            FLASK_AUTH_DISCOVERY="true",
            FLASK_AUTH_ISSUER=provider.origin,
            FLASK_AUTH_AUDIENCE=AUDIENCE,
            FLASK_AUTH_PROFILE="rfc9068",
        ) as api,
        bff(folder, port, origin, api.origin, provider, redis.url) as program,
    ):
        program.wait_until(lambda: accepts_connections(port))
        with Redis.from_url(redis.url) as store:
            yield Deployment(origin, provider, store, redis.url, program.log)


@pytest.fixture
def deployment(running: Deployment) -> Deployment:
    """Nobody is signed in yet."""
    running.store.flushall()
    return running


def sign_in(watched: Watched, deployment: Deployment, user: str = "alice") -> None:
    """Sign a user in as a person does: on the page, at the provider, and back."""
    page = watched.page
    page.goto(deployment.origin)
    page.get_by_role("link", name="Sign in").click()
    page.locator("[name=login]").fill(user)
    page.locator("[name=password]").fill("any")
    page.locator("[type=submit]").click()
    page.get_by_role("button", name="Continue").click()
    page.get_by_text(f"Signed in as {user}").wait_for()


def fetched(watched: Watched, method: str, path: str, **headers: str) -> tuple[int, Any]:
    """Return status and body of a request that the page sends."""
    status, body = watched.page.evaluate(FETCH, [method, path, headers])
    return status, body


def test_a_user_signs_in_and_keeps_tasks_and_no_token_reaches_the_browser(
    watched: Watched, deployment: Deployment
) -> None:
    """Neither in a body nor in a header, a cookie, an address or a storage of the page."""
    received: list[str] = []

    def note(response: Response) -> None:
        asked = response.request
        received.extend([asked.url, str(asked.all_headers()), str(response.all_headers())])
        if response.ok:
            received.append(response.text())

    watched.page.on("response", note)
    sign_in(watched, deployment)
    tokens = [deployment.tokens()]

    watched.page.get_by_label("Title").fill("Water the plants")
    watched.page.get_by_role("button", name="Add").click()
    watched.page.get_by_role("listitem").filter(has_text="Water the plants").wait_for()
    tokens.append(deployment.tokens())

    (cookie,) = [cookie for cookie in watched.page.context.cookies(deployment.origin) if cookie["name"] == COOKIE]
    seen = " ".join([*received, str(watched.page.context.storage_state())])
    assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"], cookie["path"]) == (True, True, "Lax", "/")
    assert "Water the plants" in seen
    assert cookie["value"] in seen
    secrets = [token[kind] for token in tokens for kind in ("access_token", "refresh_token")]
    assert [secret for secret in secrets if secret in seen] == []
    assert watched.page.evaluate("document.cookie") == ""
    assert [text for text in watched.complaints if "Security Policy" in text] == []


@pytest.mark.parametrize("headers", [{}, {"X-CSRF-Token": "guessed"}], ids=["no token", "a guessed token"])
def test_a_write_without_the_csrf_token_is_refused(
    watched: Watched, deployment: Deployment, headers: dict[str, str]
) -> None:
    """The session alone is not enough, as the browser adds it to what other pages send."""
    sign_in(watched, deployment, "carol")

    status, body = fetched(watched, "POST", "/api/carol/tasks", **headers)
    _, tasks = fetched(watched, "GET", "/api/carol/tasks")

    assert (status, body["error"]) == (400, "csrf")
    assert tasks["items"] == []


def test_a_user_reaches_no_tasks_of_others(watched: Watched, deployment: Deployment) -> None:
    """The API decides, by the token that the BFF sends."""
    sign_in(watched, deployment)

    status, body = fetched(watched, "GET", "/api/bob/tasks")

    assert (status, body["error"]) == (403, "not_owner")


@pytest.mark.parametrize(
    "path",
    ["..%2fhealth", "alice%2f..%2f..%2fhealth", "..%5chealth", "alice%2f.%2ftasks"],
    ids=["up", "down and up", "a backslash", "nowhere"],
)
def test_no_path_leads_out_of_the_api(watched: Watched, deployment: Deployment, path: str) -> None:
    """However it is encoded: the token of the user would go along."""
    sign_in(watched, deployment)

    assert fetched(watched, "GET", f"/api/{path}") == (404, {"error": "not_found"})


def test_an_expired_token_is_refreshed_and_both_new_ones_are_kept(watched: Watched, deployment: Deployment) -> None:
    """A refresh token that is used twice would revoke all of them."""
    sign_in(watched, deployment)
    seen = []

    for _ in range(3):
        status, _ = fetched(watched, "GET", "/api/alice/tasks")
        seen.append((status, deployment.tokens()["access_token"], deployment.tokens()["refresh_token"]))

    statuses, access_tokens, refresh_tokens = zip(*seen, strict=True)
    assert statuses == (200, 200, 200)
    assert len({*access_tokens}) == len({*refresh_tokens}) == 3


def test_a_token_that_is_not_refreshed_leads_to_a_new_login(watched: Watched, deployment: Deployment) -> None:
    """The session is over by then."""
    sign_in(watched, deployment)
    urllib.request.urlopen(f"{deployment.provider.origin}/test/revoke").close()  # noqa: S310  # our own, on loopback

    status, body = fetched(watched, "GET", "/api/alice/tasks")

    assert (status, body) == (401, {"error": "login_required"})
    assert deployment.sessions() == []
    sign_in_again(watched, deployment)


def sign_in_again(watched: Watched, deployment: Deployment) -> None:
    """Sign in while the provider still knows the user, and only asks for consent."""
    watched.page.goto(deployment.origin)
    watched.page.get_by_role("link", name="Sign in").click()
    watched.page.get_by_role("button", name="Continue").click()
    watched.page.get_by_text("Signed in as").wait_for()


def test_signing_out_ends_the_session_for_copies_of_its_cookie_too(watched: Watched, deployment: Deployment) -> None:
    """Nothing of it is kept."""
    sign_in(watched, deployment)
    copy = copied(watched, deployment)
    before = copy.get("/bff/user").status

    sign_out(watched)

    after = copy.get("/api/alice/tasks")
    assert before == 200
    assert (after.status, after.body) == (401, {"error": "login_required"})
    assert deployment.sessions() == []
    assert COOKIE not in deployment.cookies(watched)


def copied(watched: Watched, deployment: Deployment, origin: str = "") -> Browser:
    """Return a browser with the session of the page."""
    copy = Browser(origin or deployment.origin)
    copy.cookies[COOKIE] = deployment.cookies(watched)[COOKIE]
    return copy


def sign_out(watched: Watched) -> None:
    """Sign out on the page."""
    watched.page.get_by_role("button", name="Sign out").click()
    watched.page.get_by_text("Signed out").wait_for()


def test_a_request_under_way_at_sign_out_does_not_bring_the_session_back(
    watched: Watched, deployment: Deployment, tmp_path: Path
) -> None:
    """Although its token has been refreshed meanwhile: the API is slow, and the answer comes after the sign-out."""
    asked, go_on = threading.Event(), threading.Event()
    slow_api = Flask("slow", static_folder=None)

    @slow_api.get("/api/slow")
    def slow() -> dict[str, bool]:
        asked.set()
        return {"released": go_on.wait(PATIENCE)}

    port = free_port()
    sign_in(watched, deployment)
    with (
        served(slow_api) as api,
        bff(tmp_path, port, deployment.origin, api, deployment.provider, deployment.redis_url) as second,
        ThreadPoolExecutor() as threads,
    ):
        second.wait_until(lambda: accepts_connections(port))
        answer = threads.submit(copied(watched, deployment, f"http://127.0.0.1:{port}").get, "/api/slow")
        assert asked.wait(PATIENCE)
        later = copied(watched, deployment)
        sign_out(watched)
        go_on.set()

    assert answer.result().body == {"released": True}
    assert later.get("/bff/user").status == 401
    assert deployment.sessions() == []


def test_signing_out_revokes_the_refresh_token(watched: Watched, deployment: Deployment) -> None:
    """So that a copy of it gets nothing."""
    sign_in(watched, deployment)
    refresh_token = deployment.tokens()["refresh_token"]

    sign_out(watched)

    assert refreshed(deployment, refresh_token) == (400, "invalid_grant")


def refreshed(deployment: Deployment, refresh_token: str) -> tuple[int, str]:
    """Return what the provider says to the client's refresh token."""
    client = f"{SETTINGS['BFF_CLIENT_ID']}:{SETTINGS['BFF_CLIENT_SECRET']}"
    thief = Browser(deployment.provider.origin, Authorization=f"Basic {b64encode(client.encode()).decode()}")
    answer = thief.submit("/token", grant_type="refresh_token", refresh_token=refresh_token)
    return answer.status, answer.body.get("error")


def test_a_user_is_signed_out_although_the_issuer_is_down(watched: Watched, deployment: Deployment) -> None:
    """The token is not revoked then, but the BFF has forgotten it."""
    sign_in(watched, deployment)
    deployment.provider.process.send_signal(signal.SIGSTOP)
    try:
        sign_out(watched)
    finally:
        deployment.provider.process.send_signal(signal.SIGCONT)

    assert deployment.sessions() == []


def test_a_session_ends_eight_hours_after_the_login(watched: Watched, deployment: Deployment) -> None:
    """A refreshed token, which is kept in it, makes it no longer."""
    sign_in(watched, deployment)
    at_first = deployment.time_left()
    deployment.store.expire(deployment.name(), 600)
    before = deployment.tokens()

    status, _ = fetched(watched, "GET", "/api/alice/tasks")

    assert 0 < at_first <= 8 * 3600
    assert status == 200
    assert deployment.tokens() != before
    assert 0 < deployment.time_left() <= 600


def test_a_login_that_is_only_begun_is_kept_for_ten_minutes(deployment: Deployment) -> None:
    """From its own beginning, whichever came before it in the same browser. Anybody can begin one."""
    browser = Browser(deployment.origin)
    browser.get("/bff/login")
    first = deployment.time_left()
    deployment.store.expire(deployment.name(), 60)

    browser.get("/bff/login")

    assert 0 < first <= 600
    assert 60 < deployment.time_left() <= 600


def test_a_request_that_changes_nothing_writes_nothing(watched: Watched, deployment: Deployment) -> None:
    """Or it would put back a token that another one has refreshed meanwhile."""
    sign_in(watched, deployment)
    deployment.store.config_resetstat()

    status, _ = fetched(watched, "GET", "/bff/user")

    assert status == 200
    assert "cmdstat_get" in deployment.commands()
    assert "cmdstat_set" not in deployment.commands()


def test_a_login_gets_a_new_session(watched: Watched, deployment: Deployment) -> None:
    """Whose id nobody could have planted before."""
    lines: list[str] = []
    watched.page.on("response", lambda response: lines.append(response.header_value("set-cookie") or ""))
    sign_in(watched, deployment)

    assert len({line.split(";")[0] for line in lines if line.startswith(COOKIE)}) == 2


@pytest.mark.parametrize("path", ["/", "/static/page.js", "/bff/user", "/bff/login"])
def test_every_answer_protects_the_page(deployment: Deployment, path: str) -> None:
    """It runs its own scripts alone, and stands in no frame of another page."""
    headers = Browser(deployment.origin).get(path).headers

    assert headers["Content-Security-Policy"] == (
        "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_no_cache_keeps_an_answer(watched: Watched, deployment: Deployment) -> None:
    """Files are asked for again, and what is about a user is not kept at all."""
    sign_in(watched, deployment)
    browser = copied(watched, deployment)

    kept = {path: browser.get(path).headers["Cache-Control"] for path in ("/", "/bff/user", "/api/alice/tasks")}

    assert kept == {"/": "no-cache", "/bff/user": "no-store", "/api/alice/tasks": "no-store"}


@pytest.mark.parametrize("query", ["code=stolen&state=invented", "error=access_denied", ""])
def test_a_login_that_nobody_began_here_is_refused(watched: Watched, deployment: Deployment, query: str) -> None:
    """The code of another user would sign the victim in as that user. The session of the victim stays."""
    sign_in(watched, deployment)
    victim = copied(watched, deployment)

    answer = victim.get(f"/bff/callback?{query}")

    assert (answer.status, answer.body) == (400, {"error": "unknown_login"})
    assert victim.get("/bff/user").body["user"] == "alice"


def test_a_login_that_fails_is_logged_in_one_line(deployment: Deployment) -> None:
    """Whatever stands in the reason, which anybody can write into the address."""
    browser = Browser(deployment.origin)
    address = browser.get("/bff/login").headers["Location"]
    (state,) = parse_qs(urlsplit(address).query)["state"]
    reason = {"error": "access_denied", "error_description": f"no\nforged {'x' * 1000}", "state": state}

    answer = browser.get(f"/bff/callback?{urlencode(reason)}")

    (line,) = [line for line in deployment.log.read_text().splitlines() if "forged" in line]
    assert (answer.status, answer.body) == (401, {"error": "login_required"})
    assert "The issuer gave no token: 'access_denied: no\\nforged xxx" in line
    assert len(line) < 500
