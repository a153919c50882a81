"""Logout tokens of the issuer of the tests (OpenID Connect Back-Channel Logout 1.0 §2.4)."""

from __future__ import annotations

from typing import Any

from tests.support.services import ISSUER, NOW, SECRET, compact

#: The client that the users of the service log in with.
CLIENT = "tasks-web"

EVENT = "http://schemas.openid.net/event/backchannel-logout"

HEADER: dict[str, Any] = {"alg": "HS256", "typ": "logout+jwt"}

#: Those of a token by which all of alice's tokens end.
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": CLIENT,
    "iat": NOW,
    "exp": NOW + 120,
    "jti": "logout-1",
    "sub": "alice",
    "events": {EVENT: {}},
}


def logout_token(*, header: dict[str, Any] | None = None, secret: str = SECRET, **changes: Any) -> str:
    """Return a signed logout token whose claims and header differ from the good ones; ``...`` leaves one out."""
    members = {name: value for name, value in (HEADER | (header or {})).items() if value is not ...}
    claims = {name: value for name, value in (CLAIMS | changes).items() if value is not ...}
    return compact(members, claims, secret=secret)
