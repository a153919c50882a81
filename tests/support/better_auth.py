"""A real Better Auth server, its users, and everything it hands out that is no access token for our API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from tests.support.issuers import Answer, Browser, IssuerProgram, code_verifier_and_challenge

SECRET = "4f1d7c0b92ae6835f0d2b7c94e8a613d5c7f20b8e1a9463d"

API = "/api/auth"
CALLBACK = "https://client.example.com/callback"
ANOTHER_API = "https://another-api.example.com"


class BetterAuthServer(IssuerProgram):
    """Better Auth with its jwt plugin, which signs with keys of its own or, if told so, with the shared secret."""

    def __init__(
        self, folder: Path, *, algorithm: str = "EdDSA", shared_secret: bool = False, pages: Sequence[str] = ()
    ) -> None:
        """``pages`` are the origins of pages that may read its metadata and ask for tokens (CORS)."""
        options = {"algorithm": algorithm, "sharedSecret": shared_secret, "pages": pages}
        super().__init__("better-auth.mjs", folder / "better-auth.log", options, BETTER_AUTH_SECRET=SECRET)

    def browser(self) -> Browser:
        """Return a browser that shows its pages; Better Auth believes no other origin."""
        return Browser(self.origin, Origin=self.origin)

    def sign_up(self, name: str, *, domain: str = "example.com") -> User:
        """Make a user and sign them in."""
        browser = self.browser()
        account = {"email": f"{name}@{domain}", "password": "correct horse battery staple"}
        answer = done(browser.post(f"{API}/sign-up/email", {"name": name, **account}))
        return User(answer.body["user"]["id"], account, browser)

    def let_the_rotation_interval_pass(self) -> None:
        """Make the signing keys old: the next token is signed with a new one."""
        done(self.browser().get("/test/rotation-interval-is-over"))

    def tell_about_logouts(self, client: dict[str, Any], uri: str) -> None:
        """Post logout tokens of a client to an address that it could not register: on loopback, and by http."""
        done(self.browser().get(f"/test/logout-uri?{urlencode({'client': client['client_id'], 'uri': uri})}"))

    def mail(self, subject: str) -> str:
        """Return the token in the newest mail of a kind."""
        token: str = done(self.browser().get("/test/mails")).body[subject]["token"]
        return token


@dataclass(frozen=True)
class User:
    """Somebody who is signed in."""

    id: str
    account: dict[str, str]
    browser: Browser

    def token(self) -> str:
        """Fetch an access token, as the client of our API does."""
        token: str = done(self.browser.get(f"{API}/token")).body["token"]
        return token


def done(answer: Answer) -> Answer:
    """Return the answer of a request that must succeed."""
    assert answer.status < 400, answer.body
    return answer


def everything_else(server: BetterAuthServer, user: User) -> dict[str, str]:
    """Return whatever else the server hands out to the user or signs for them, by name."""
    return {**_session(server, user), **_cookie_caches(server, user), **_mails(server, user), **_oauth(user)}


def _session(server: BetterAuthServer, user: User) -> dict[str, str]:
    browser = server.browser()
    signed_in = done(browser.post(f"{API}/sign-in/email", user.account))
    device = done(browser.post(f"{API}/device/code", {"client_id": "television"})).body
    cookie = browser.cookies["better-auth.session_token"]
    return {
        "session token": signed_in.body["token"],
        "signed token of the bearer plugin": signed_in.headers["set-auth-token"],
        "session cookie": unquote(cookie),
        "session cookie as it is sent": cookie,
        "one-time token": done(browser.get(f"{API}/one-time-token/generate")).body["token"],
        "device code": device["device_code"],
        "user code of a device": device["user_code"],
    }


def _cookie_caches(server: BetterAuthServer, user: User) -> dict[str, str]:
    found = {}
    for strategy in ("compact", "jwt", "jwe", "jwks-jwt"):
        browser = server.browser()
        if browser.post(f"/{strategy}/sign-in/email", user.account).status == 200:
            found[f"session in a cookie, {strategy}"] = browser.cookies["better-auth.session_data"]
    return found


def _mails(server: BetterAuthServer, user: User) -> dict[str, str]:
    email = user.account["email"]
    found = {"email verification": server.mail("email verification")}
    done(user.browser.post(f"{API}/change-email", {"newEmail": f"new.{email}"}))
    found["change of email"] = server.mail("email verification")
    assert found["change of email"] != found["email verification"]
    done(user.browser.post(f"{API}/request-password-reset", {"email": email}))
    done(user.browser.post(f"{API}/sign-in/magic-link", {"email": email}))
    done(user.browser.post(f"{API}/email-otp/send-verification-otp", {"email": email, "type": "sign-in"}))
    done(user.browser.post(f"{API}/delete-user", {}))
    for subject in ("password reset", "magic link", "one-time password", "account deletion"):
        found[subject] = server.mail(subject)
    return found


def _oauth(user: User) -> dict[str, str]:
    client = register_client(user)
    code, _ = authorize(user, client, resource=None)
    plain = oauth_tokens(user, client, resource=None)
    ours = oauth_tokens(user, client, resource=user.browser.origin)
    foreign = oauth_tokens(user, client, resource=ANOTHER_API)
    return {
        "OAuth client id": client["client_id"],
        "OAuth client secret": client["client_secret"],
        "OAuth authorization code": code,
        "OAuth opaque access token": plain["access_token"],
        "OAuth refresh token": plain["refresh_token"],
        "OAuth ID token": plain["id_token"],
        "OAuth access token for this API, by the provider's other name": ours["access_token"],
        "OAuth access token for another API": foreign["access_token"],
    }


def register_client(user: User) -> dict[str, Any]:
    """Register a web application that acts for users."""
    metadata = {
        "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid offline_access",
        "token_endpoint_auth_method": "client_secret_post",
    }
    client: dict[str, Any] = done(user.browser.post(f"{API}/oauth2/create-client", metadata)).body
    return client


def register_page(user: User, redirect_uri: str) -> dict[str, Any]:
    """Register a page that acts for users: a public client, without a secret."""
    metadata = {
        "redirect_uris": [redirect_uri],
        "grant_types": ["authorization_code"],
        "scope": "openid",
        "token_endpoint_auth_method": "none",
        # A web client cannot be on loopback.
        "application_type": "native",
    }
    client: dict[str, Any] = done(user.browser.post(f"{API}/oauth2/create-client", metadata)).body
    return client


def register_machine(user: User) -> dict[str, Any]:
    """Register a client that gets tokens of its own."""
    client: dict[str, Any] = done(user.browser.get("/test/machine-client")).body
    return client


def machine_token(user: User, client: dict[str, Any], *, resource: str) -> str:
    """Return a client's own token for a resource, by the client credentials grant (RFC 6749 §4.4)."""
    answer = done(
        user.browser.submit(
            f"{API}/oauth2/token",
            grant_type="client_credentials",
            client_id=client["client_id"],
            client_secret=client["client_secret"],
            resource=resource,
        )
    )
    token: str = answer.body["access_token"]
    return token


def authorize(user: User, client: dict[str, Any], *, resource: str | None) -> tuple[str, str]:
    """Let the user consent; return the authorization code and the verifier of RFC 7636 that belongs to it."""
    verifier, challenge = code_verifier_and_challenge()
    question = {
        "client_id": client["client_id"],
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid offline_access",
        "state": "any",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        **({"resource": resource} if resource else {}),
    }
    answer = done(user.browser.get(f"{API}/oauth2/authorize?{urlencode(question)}"))
    location = answer.headers["Location"]
    if not location.startswith(CALLBACK):
        consent = {"accept": True, "oauth_query": urlsplit(location).query}
        location = done(user.browser.post(f"{API}/oauth2/consent", consent)).body["url"]
    (code,) = parse_qs(urlsplit(location).query)["code"]
    return code, verifier


def oauth_tokens(user: User, client: dict[str, Any], *, resource: str | None) -> dict[str, str]:
    """Walk through the authorization code flow and return the answer of the token endpoint."""
    code, verifier = authorize(user, client, resource=resource)
    tokens: dict[str, str] = done(
        user.browser.submit(
            f"{API}/oauth2/token",
            grant_type="authorization_code",
            code=code,
            code_verifier=verifier,
            redirect_uri=CALLBACK,
            client_id=client["client_id"],
            client_secret=client["client_secret"],
            **({"resource": resource} if resource else {}),
        )
    ).body
    return tokens
