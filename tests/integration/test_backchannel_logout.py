"""Sessions that end at a real issuer end at the service too, in each of its workers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest

from tests.support.better_auth import API as BETTER_AUTH
from tests.support.better_auth import BetterAuthServer, oauth_tokens, register_client
from tests.support.gunicorn_server import GunicornServer
from tests.support.issuers import Browser, IssuerProgram, code_verifier_and_challenge
from tests.support.oidc_provider import log_in, log_out
from tests.support.redis_server import RedisServer
from tests.support.watched_workers import workers_of

pytestmark = pytest.mark.usefixtures("node_packages")

API = "https://tasks.example.com"
CALLBACK = "https://client.example.com/callback"
LOGOUT_PATH = "/auth/backchannel-logout"

#: Its access tokens and logout tokens name the session.
WITH_SESSIONS = {"client_id": "web", "client_secret": "7c1d0f5be2a94863b7d20c5fe1a8643992bd07aa"}
#: They name the user alone.
WITHOUT_SESSIONS = {"client_id": "app", "client_secret": "e95a1d04c7f84b62a3d9be0f716c2d58a0437bf6"}
#: A client of the same issuer that we do not know.
STRANGER = {"client_id": "shop", "client_secret": "03d7ae81f6c54b29805fd2b6a19c7e4375db10c8"}


def behind(folder: Path, redis: RedisServer, **variables: Any) -> GunicornServer:
    """Return the service with two workers that say which of them answers, and that share a denylist."""
    return GunicornServer(
        folder,
        settings={"wsgi_app": "tests.support.watched_app:app"},
        database=False,
        probe="/health",
        BETTER_AUTH_SECRET="",
        FLASK_AUTH_AUDIENCE=API,
        FLASK_AUTH_PROFILE="rfc9068",
        FLASK_AUTH_DISCOVERY="true",
        FLASK_AUTH_DENYLIST=redis.url,
        **variables,
    )


def answers_of_both(service: GunicornServer, token: str) -> set[tuple[int, str | None]]:
    """Return the statuses and errors with which the workers answer a token, each of them at least once."""
    workers, answers = set(service.all_workers()), []
    for _ in range(200):
        answers.append(Browser(service.origin, Authorization=f"Bearer {token}").get("/api/me"))
        if workers <= workers_of(answers):
            return {(answer.status, answer.body.get("error")) for answer in answers}
    raise AssertionError(f"one of {workers} never answers")


class Provider(IssuerProgram):
    """An OpenID provider that tells its clients when sessions end."""

    def __init__(self, folder: Path, logout_uri: str) -> None:
        clients = [
            {
                **client,
                "redirect_uris": [CALLBACK],
                "backchannel_logout_uri": logout_uri,
                "backchannel_logout_session_required": client is not WITHOUT_SESSIONS,
            }
            for client in (WITH_SESSIONS, WITHOUT_SESSIONS, STRANGER)
        ]
        super().__init__("oidc-provider.mjs", folder / "provider.log", {"api": API, "others": clients})

    def sign_in(self, user: str, client: dict[str, str], browser: Browser) -> str:
        """Let a user sign in, and return the access token that the client gets."""
        verifier, challenge = code_verifier_and_challenge()
        question = {
            "client_id": client["client_id"],
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "openid",
            "resource": API,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        back = log_in(self.origin, f"/auth?{urlencode(question)}", user, CALLBACK, browser)
        (code,) = parse_qs(urlsplit(back).query)["code"]
        answer = Browser(self.origin).submit(
            "/token",
            grant_type="authorization_code",
            code=code,
            code_verifier=verifier,
            redirect_uri=CALLBACK,
            resource=API,
            **client,
        )
        token: str = answer.body["access_token"]
        return token


@dataclass(frozen=True)
class Deployment:
    """The provider, and the service that trusts it."""

    provider: Provider
    service: GunicornServer

    def session(self, user: str, client: dict[str, str]) -> tuple[Browser, str]:
        """Return the browser of a user who has signed in, and the access token that the client got."""
        browser = Browser(self.provider.origin)
        return browser, self.provider.sign_in(user, client, browser)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """All at work."""
    folder = tmp_path_factory.mktemp("logouts")
    with RedisServer() as redis:
        service = behind(folder, redis, FLASK_AUTH_LOGOUT_AUDIENCE='["web", "app"]')
        with Provider(folder, service.origin + LOGOUT_PATH) as provider:
            service.variables["FLASK_AUTH_ISSUER"] = provider.origin
            with service:
                yield Deployment(provider, service)


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def test_a_session_that_ends_at_the_issuer_ends_in_every_worker(deployed: Deployment) -> None:
    """And only that one: the user is still logged in elsewhere, and other users are too."""
    browser, token = deployed.session("alice", WITH_SESSIONS)
    _, elsewhere = deployed.session("alice", WITH_SESSIONS)
    _, others = deployed.session("bob", WITH_SESSIONS)
    before = [answers_of_both(deployed.service, each) for each in (token, elsewhere, others)]

    log_out(browser)

    assert before == [{(200, None)}] * 3
    assert len({claims_of(each)["sid"] for each in (token, elsewhere, others)}) == 3
    assert answers_of_both(deployed.service, token) == {(401, "token_revoked")}
    assert answers_of_both(deployed.service, elsewhere) == {(200, None)}
    assert answers_of_both(deployed.service, others) == {(200, None)}


def test_without_sessions_all_tokens_of_the_user_end(deployed: Deployment) -> None:
    """Those that were issued until then; its logout token names the user alone."""
    browser, token = deployed.session("carol", WITHOUT_SESSIONS)
    _, elsewhere = deployed.session("carol", WITH_SESSIONS)
    _, others = deployed.session("dave", WITHOUT_SESSIONS)

    log_out(browser)

    assert "sid" not in claims_of(token)
    assert answers_of_both(deployed.service, token) == {(401, "token_revoked")}
    assert answers_of_both(deployed.service, elsewhere) == {(401, "token_revoked")}
    assert answers_of_both(deployed.service, others) == {(200, None)}


def test_logouts_of_other_clients_end_nothing(deployed: Deployment) -> None:
    """The same issuer sends them to the same address; the service names its clients."""
    browser, token = deployed.session("erin", STRANGER)

    log_out(browser)

    assert answers_of_both(deployed.service, token) == {(200, None)}
    assert "aud names none of AUTH_LOGOUT_AUDIENCE" in deployed.service.log.read_text()


def test_a_session_that_ends_at_better_auth_ends_in_every_worker(tmp_path: Path) -> None:
    """Its access tokens name the session, and so do its logout tokens.

    It lets no client register an address on loopback, so the test writes one into its database.
    """
    with RedisServer() as redis, BetterAuthServer(tmp_path) as issuer:
        user = issuer.sign_up("alice")
        client = register_client(user)
        service = behind(
            tmp_path,
            redis,
            FLASK_AUTH_ISSUER=issuer.origin + BETTER_AUTH,
            FLASK_AUTH_LOGOUT_AUDIENCE=f'["{client["client_id"]}"]',
        )
        service.variables["FLASK_AUTH_AUDIENCE"] = issuer.origin
        with service:
            issuer.tell_about_logouts(client, service.origin + LOGOUT_PATH)
            token = oauth_tokens(user, client, resource=issuer.origin)["access_token"]
            before = answers_of_both(service, token)

            assert user.browser.post(f"{BETTER_AUTH}/sign-out", {}).status == 200

            assert before == {(200, None)}
            assert answers_of_both(service, token) == {(401, "token_revoked")}
