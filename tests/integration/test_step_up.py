"""Step-up with a real OpenID provider: the challenge leads a client to a login that satisfies it (RFC 9470 §4)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from auth import ResourceServer, require_jwt
from tests.support.issuers import Browser, IssuerProgram, code_verifier_and_challenge
from tests.support.oidc_provider import log_in

pytestmark = pytest.mark.usefixtures("node_packages")

API = "https://bank.example.com"
CALLBACK = "https://client.example.com/callback"
CLIENT = {"client_id": "bank-app", "client_secret": "1f0c7f7e0b5a4d6c93a8e2d1b4c5f6a7980e1d2c"}
ACR_VALUES = ["pwd", "phr", "phrh"]


class Provider(IssuerProgram):
    """A provider that knows three kinds of login."""

    def __init__(self, folder: Path) -> None:
        options = {"api": API, "client": {**CLIENT, "redirect_uris": [CALLBACK]}, "acrValues": ACR_VALUES}
        super().__init__("oidc-provider.mjs", folder / "oidc-provider.log", options)


@dataclass
class Client:
    """A client and its user's browser."""

    provider: Provider
    app: Flask
    browser: Browser = field(init=False)
    tokens: dict[str, str] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.browser = Browser(self.provider.origin)

    def authorize(self, **more: str) -> None:
        """Get a token by the code flow (RFC 6749 §4.1) with PKCE; ``more`` is asked of the authorization server."""
        verifier, challenge = code_verifier_and_challenge()
        question = {
            "client_id": CLIENT["client_id"],
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "openid offline_access",
            "prompt": "consent",
            "resource": API,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **more,
        }
        back = log_in(self.provider.origin, f"/auth?{urlencode(question)}", "alice", CALLBACK, self.browser)
        (code,) = parse_qs(urlsplit(back).query)["code"]
        self._grant("authorization_code", code=code, code_verifier=verifier, redirect_uri=CALLBACK)

    def refresh(self) -> None:
        """Get a new token without the user (RFC 6749 §6)."""
        self._grant("refresh_token", refresh_token=self.tokens["refresh_token"])

    def _grant(self, grant_type: str, **fields: str) -> None:
        answer = Browser(self.provider.origin).submit("/token", grant_type=grant_type, resource=API, **CLIENT, **fields)
        assert answer.status == 200, answer.body
        self.tokens = answer.body

    def call(self, path: str) -> TestResponse:
        """Call the API with the token."""
        token = self.tokens["access_token"]
        return self.app.test_client().post(path, headers={"Authorization": f"Bearer {token}"})

    @property
    def claims(self) -> dict[str, Any]:
        """What the access token says."""
        claims: dict[str, Any] = jwt.decode(self.tokens["access_token"], options={"verify_signature": False})
        return claims


@dataclass
class Clock:
    """Tells the time, and lets it pass for the provider as well."""

    provider: Provider
    ahead: int = 0

    def __call__(self) -> float:
        return time.time() + self.ahead

    def advance(self, seconds: int) -> None:
        """Let time pass at both."""
        Browser(self.provider.origin).get(f"/test/later?seconds={seconds}")
        self.ahead += seconds


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    """One for each test, with a clock that the test moves."""
    with Provider(tmp_path) as provider:
        yield provider


@pytest.fixture
def clock(provider: Provider) -> Clock:
    """The time at the provider and at the API."""
    return Clock(provider)


@pytest.fixture
def client(provider: Provider, clock: Clock) -> Client:
    """A client of an API that asks for a login of a certain kind or age."""
    app = Flask("bank", static_folder=None)
    app.config.update(
        AUTH_ISSUER=provider.origin,
        AUTH_AUDIENCE=API,
        AUTH_PROFILE="rfc9068",
        AUTH_DISCOVERY=True,
        AUTH_ACR_VALUES=ACR_VALUES,
    )
    ResourceServer(app, clock=clock)
    app.post("/look", endpoint="look")(require_jwt(lambda: "seen"))
    app.post("/transfers", endpoint="transfers")(require_jwt(acr="phr", max_age=300)(lambda: "sent"))
    app.post("/password", endpoint="password")(require_jwt(max_age=300)(lambda: "changed"))
    return Client(provider, app)


def asked_for(response: TestResponse) -> dict[str, str]:
    """Return what a client reads out of a challenge for its next authorization request (RFC 9470 §4)."""
    challenge = response.www_authenticate
    assert (response.status_code, challenge.type) == (401, "bearer")
    assert challenge["error"] == "insufficient_user_authentication"
    return {name: value for name in ("acr_values", "max_age") if (value := challenge[name]) is not None}


def test_the_challenge_leads_to_a_login_that_satisfies_it(client: Client) -> None:
    """The first token is good for looking, the second for paying."""
    client.authorize()
    looked, refused = client.call("/look"), client.call("/transfers")

    client.authorize(**asked_for(refused))
    sent = client.call("/transfers")

    assert looked.text == "seen"
    assert refused.headers["WWW-Authenticate"] == (
        'Bearer realm="api", error="insufficient_user_authentication", acr_values="phr", max_age="300"'
    )
    assert (sent.status_code, sent.text) == (200, "sent")
    assert client.claims["acr"] == "phr"


def test_a_stronger_login_than_asked_for_satisfies_as_well(client: Client) -> None:
    """By ``AUTH_ACR_VALUES``."""
    client.authorize(acr_values="phrh")

    assert client.call("/transfers").text == "sent"


def test_a_login_that_has_grown_old_is_asked_for_again(client: Client, clock: Clock) -> None:
    """The provider knows its session, and lets the user log in again because of ``max_age``."""
    client.authorize()
    first, since = client.call("/password").text, client.claims["auth_time"]

    clock.advance(600)
    refused = client.call("/password")
    client.authorize()
    still = client.call("/password")
    client.authorize(**asked_for(refused))
    changed = client.call("/password")

    assert first == changed.text == "changed"
    assert asked_for(refused) == asked_for(still) == {"max_age": "300"}
    assert client.claims["auth_time"] >= since + 600


def test_a_refresh_token_makes_no_login_newer(client: Client, clock: Clock) -> None:
    """The new access token tells the old time (RFC 9068 §2.2.1)."""
    client.authorize()
    since = client.claims["auth_time"]

    clock.advance(600)
    client.refresh()

    assert client.call("/look").text == "seen"
    assert client.claims["auth_time"] == since
    assert asked_for(client.call("/password")) == {"max_age": "300"}
