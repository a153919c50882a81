"""A real ``oidc-provider`` (npm): its login pages, and the kind of it that clients register with by themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.support.issuers import Browser, IssuerProgram, code_verifier_and_challenge

CALLBACK = "http://127.0.0.1:1/callback"


def log_in(origin: str, page: str, user: str, callback: str, browser: Browser | None = None) -> str:
    """Follow redirects and submit forms until the provider sends the browser back, and return the URL it is sent to.

    ``browser`` keeps the session of the user, who may be logged in already; by default nobody keeps it.
    """
    browser = browser or Browser(origin)
    answer = browser.get(page)
    for _ in range(10):
        if location := answer.headers["Location"]:
            if location.startswith(callback):
                return str(location)
            answer = browser.get(location)
        else:
            (action,) = re.findall(r'<form[^>]* action="([^"]+)"', answer.body)
            (prompt,) = re.findall(r'name="prompt" value="(\w+)"', answer.body)
            answer = browser.submit(action, prompt=prompt, login=user, password="any")
    raise AssertionError(f"the login leads nowhere: {answer}")


def log_out(browser: Browser) -> None:
    """End the session of a user, by the form in which the provider asks for that."""
    answer = browser.get("/session/end")
    (secret,) = re.findall(r'name="xsrf" value="([^"]+)"', answer.body)
    answer = browser.submit("/session/end/confirm", xsrf=secret, logout="yes")
    assert answer.status == 303, answer


class OpenProvider(IssuerProgram):
    """A provider with which clients register by themselves. The tokens of its user ``late`` have expired."""

    def __init__(self, folder: Path, *, scopes: Sequence[str], strict: bool = False) -> None:
        """``strict`` holds clients to the scopes that they have registered for."""
        options = {"mcp": {"scopes": scopes, "strict": strict}}
        super().__init__("oidc-provider.mjs", folder / "oidc-provider.log", options)

    def token(self, user: str, *, resource: str, scope: str) -> str:
        """Return a user's access token for a resource, by a client that registers for it alone."""
        browser = Browser(self.origin)
        metadata = {"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none"}
        client_id = browser.post("/reg", metadata).body["client_id"]
        verifier, challenge = code_verifier_and_challenge()
        question = {
            "client_id": client_id,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": scope,
            "resource": resource,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        back = log_in(self.origin, f"/auth?{urlencode(question)}", user, CALLBACK)
        answer = browser.submit(
            "/token",
            grant_type="authorization_code",
            code=parse_qs(urlsplit(back).query)["code"][0],
            code_verifier=verifier,
            redirect_uri=CALLBACK,
            client_id=client_id,
            resource=resource,
        )
        token: str = answer.body["access_token"]
        return token

    def requests(self) -> list[dict[str, Any]]:
        """Return the requests so far: ``method``, ``path``, ``status``, and what was ``asked`` for."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
