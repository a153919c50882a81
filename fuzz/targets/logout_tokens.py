"""Hostile logout requests under a good signature: nothing ends, or what the token of the only issuer says.

An input is a JSON object: ``header`` and ``claims``, objects or texts that stand for themselves, and ``form``, a text
in which ``TOKEN`` stands for the signed token.

- Only the documented errors are raised, whatever the types of the claims, and none repeats what it was given.
- An accepted token has the event of a logout, no nonce, our client in its audience, and a time that is now.
- It names a session or a user, in text, and exactly one of them counts.
- No accepted logout token is an access token.
- A form that yields the token has its field once.
"""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

from auth.access_token import AccessToken
from auth.errors import AuthError
from auth.settings.service import AuthConfig
from auth.tokens.logout_token import EVENT, MAX_AGE, LogoutToken, verify_logout_token
from auth.tokens.verifier import TokenVerifier
from auth.wire.logout_request import parse_logout_request
from fuzz.json_mutator import json_mutator, parsed
from fuzz.target import Target
from fuzz.trusted import NOW, SECRET, SECRET_ISSUER, as_text, outcome
from fuzz.trusted import token_of as signed

CLIENT = "client"

_LEEWAY = 30

_FORM = "application/x-www-form-urlencoded"

_CLAIMS: dict[str, Any] = {
    "iss": SECRET_ISSUER,
    "aud": CLIENT,
    "iat": NOW,
    "exp": NOW + 120,
    "jti": "1",
    "events": {EVENT: {}},
}


@functools.cache
def _verifier() -> TokenVerifier:
    """Return a verifier whose issuer has access tokens for the same audience as logout tokens."""
    config = AuthConfig.from_mapping(
        {"AUTH_SECRET": SECRET, "AUTH_ISSUER": SECRET_ISSUER, "AUTH_AUDIENCE": CLIENT, "AUTH_LEEWAY": _LEEWAY}
    )
    issuers = [replace(issuer, logout_audience=frozenset({CLIENT})) for issuer in config.issuers]
    return TokenVerifier(issuers, max_token_bytes=8192, clock=lambda: NOW)


def check(data: bytes) -> None:
    """Demand what is said above of one header, its claims and a form around the token."""
    case = parsed(data)
    if not isinstance(case, dict):
        return
    try:
        token = signed("HS256", case.get("header"), case.get("claims"))
        body = str(case.get("form")).replace("TOKEN", token).encode()
    except UnicodeEncodeError:
        return
    try:
        sent = parse_logout_request(_FORM, {}, body)
    except AuthError:
        pass
    else:
        assert parse_qs(body.decode(), keep_blank_values=True)["logout_token"] == [sent]
    judged = _judged(token)
    if isinstance(judged, LogoutToken):
        _check_accepted(judged, json.loads(as_text(case.get("claims"))))
        assert not isinstance(outcome(lambda: _verifier().verify(token).token), AccessToken)
    else:
        # Reasons are logged: nothing of the token may stand there.
        assert judged.isprintable()


def _judged(token: str) -> LogoutToken | str:
    """Return what a logout token says, or why it is refused."""
    try:
        return verify_logout_token(token, _verifier(), NOW)
    except AuthError as error:
        return error.reason


def _check_accepted(logout: LogoutToken, claims: dict[str, Any]) -> None:
    assert isinstance(claims["events"][EVENT], dict)
    assert "nonce" not in claims
    assert logout.issuer == SECRET_ISSUER == claims["iss"]
    assert CLIENT in ([claims["aud"]] if isinstance(claims["aud"], str) else claims["aud"])
    assert NOW - MAX_AGE - _LEEWAY < claims["iat"] == logout.issued_at <= NOW + _LEEWAY
    assert NOW < logout.valid_until <= claims["iat"] + MAX_AGE + _LEEWAY
    assert logout.token_id == claims["jti"]
    assert logout.token_id.strip()
    assert (logout.session_id is None) != (logout.user_id is None)
    named = claims["sub"] if logout.session_id is None else claims["sid"]
    assert (logout.session_id or logout.user_id) == named


def _seeds() -> list[bytes]:
    headers = ({"alg": "HS256", "typ": "logout+jwt"}, {"alg": "HS256"}, {"alg": "HS256", "typ": "at+jwt"})
    named = ({"sub": "alice"}, {"sid": "s-1"}, {"sub": "alice", "sid": "s-1"}, {"sub": "alice", "nonce": "n"})
    forms = ("logout_token=TOKEN", "x=1&logout_token=TOKEN&logout_token=TOKEN")
    return [
        json.dumps({"header": header, "claims": _CLAIMS | names, "form": form}).encode()
        for header in headers
        for names in named
        for form in forms
    ]


TARGET = Target(
    check,
    _seeds,
    words=("logout_token=", "&", "TOKEN", "%2E", "events", "nonce", EVENT),
    values=(
        NOW,
        NOW - 150,
        NOW + 30,
        NOW + 31,
        CLIENT,
        [CLIENT],
        {EVENT: {}},
        {EVENT: None},
        "logout+jwt",
        "alice",
        None,
    ),
    mutator=json_mutator,
)
