"""Wrong requests as clients make them, what each client reads, and what stands in the log."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from flask import Flask

from auth import owns_path_user, require_jwt
from auth.testing import TokenIssuer
from tests.support.services import (
    AUDIENCE,
    ISSUER,
    NOW,
    OTHER_SECRET,
    add_view,
    bearer,
    compact,
    service,
    with_claims,
    with_header,
)

TOKEN = compact()
SEND_IT = "Send it as Authorization: Bearer TOKEN."
NO_BEARER = f"The Authorization header does not begin with Bearer. {SEND_IT}"
ONE_TOKEN = (
    "The Authorization header must be Bearer, a space, and one token with nothing around it: "
    "Authorization: Bearer TOKEN."
)
EMPTY = f"No access token follows Bearer in the Authorization header. {SEND_IT}"
PLACEHOLDER = "The client sent a word such as undefined or null as the access token. Let it fetch a token first."
NOT_A_JWT = "The access token is not a JWT, which has three parts with dots between them. Ask its issuer for a JWT."
ENCRYPTED = "The access token is encrypted: it has five parts. Ask its issuer for a signed JWT, which has three."
MALFORMED = "The access token is malformed. Send it unchanged, or get a new one."
SIGNATURE = "The signature of the access token is not valid. Send it unchanged, from the issuer of this service."
OTHER_ISSUER = "The access token comes from another issuer. Get one from the issuer of this service."
OTHER_SERVICE = "The access token is meant for another service. Ask its issuer for one for this service."
NOT_AN_ACCESS_TOKEN = (
    "The token is not an access token for use as Bearer. Send the access token, not an ID or refresh token."
)


def authorization(value: str) -> dict[str, str]:
    return {"Authorization": value}


def lacks(claim: str) -> str:
    return f"The access token lacks a claim that is required here: {claim}."


def unusable(claim: str, wanted: str) -> str:
    return f"A claim of the access token cannot be used here: {claim} must be {wanted}."


def scope(needed: str) -> str:
    return f"The access token lacks a scope that this request needs: {needed}."


#: path, header fields, status, error, message, reason in the log
REQUESTS: dict[str, tuple[str, dict[str, str], int, str, str, str]] = {
    "no header": (
        "/me", {}, 401, "missing_token", f"An access token is required. {SEND_IT}", "no Authorization header",
    ),
    "the token in the query": (
        f"/me?access_token={TOKEN}", {}, 401, "missing_token", f"An access token is required. {SEND_IT}",
        "no Authorization header",
    ),
    "the token in a cookie": (
        "/me", {"Cookie": f"access_token={TOKEN}"}, 401, "missing_token", f"An access token is required. {SEND_IT}",
        "no Authorization header",
    ),
    "the token in a field of its own": (
        "/me", {"X-Access-Token": TOKEN}, 401, "missing_token", f"An access token is required. {SEND_IT}",
        "no Authorization header",
    ),
    "the token alone": ("/me", authorization(TOKEN), 401, "missing_token", NO_BEARER, "no Bearer credentials"),
    "Token": ("/me", authorization(f"Token {TOKEN}"), 401, "missing_token", NO_BEARER, "no Bearer credentials"),
    "JWT": ("/me", authorization(f"JWT {TOKEN}"), 401, "missing_token", NO_BEARER, "no Bearer credentials"),
    "Basic": ("/me", authorization("Basic YWxpY2U6c2VjcmV0"), 401, "missing_token", NO_BEARER, "no Bearer credentials"),
    "an empty header": ("/me", authorization(""), 401, "missing_token", NO_BEARER, "no Bearer credentials"),
    "Bearer alone": ("/me", authorization("Bearer"), 401, "malformed_header", EMPTY, "nothing follows Bearer"),
    "Bearer and a space": ("/me", authorization("Bearer  "), 401, "malformed_header", EMPTY, "nothing follows Bearer"),
    "Bearer twice": (
        "/me", authorization(f"Bearer Bearer {TOKEN}"), 401, "malformed_header", ONE_TOKEN,
        "Bearer stands twice",
    ),
    "Bearer and a colon": (
        "/me", authorization(f"Bearer: {TOKEN}"), 401, "malformed_header", ONE_TOKEN,
        "a colon follows Bearer",
    ),
    "quotation marks": (
        "/me", authorization(f'Bearer "{TOKEN}"'), 401, "malformed_header", ONE_TOKEN,
        "quotation marks stand around the token",
    ),
    "angle brackets": (
        "/me", authorization(f"Bearer <{TOKEN}>"), 401, "malformed_header", ONE_TOKEN,
        "angle brackets stand around the token",
    ),
    "an object of JavaScript": (
        "/me", authorization("Bearer [object Object]"), 401, "malformed_header", ONE_TOKEN,
        "an object of JavaScript stands in place of the token",
    ),
    "two headers": (
        "/me", authorization(f"Bearer {TOKEN}, Bearer {TOKEN}"), 400, "malformed_request",
        "The request carries more than one credential. Keep one: Authorization: Bearer TOKEN.",
        "more than one credential",
    ),
    **{
        word: ("/me", bearer(word), 401, "malformed_token", PLACEHOLDER, "a word that stands for no token")
        for word in ("undefined", "null", "None", "NaN", "TOKEN")
    },
    "an opaque token": (
        "/me", bearer("2YotnFZFEjr1zCsicMWpAA"), 401, "malformed_token", NOT_A_JWT, "not three base64url segments",
    ),
    "two parts": ("/me", bearer("e30.e30"), 401, "malformed_token", NOT_A_JWT, "not three base64url segments"),
    "an encrypted token": (
        "/me", bearer("eyJhbGciOiJkaXIifQ..AAAA.AAAA.AAAA"), 401, "malformed_token", ENCRYPTED,
        "five segments, so encrypted (RFC 7516 §7.1)",
    ),
    "a token that was cut off": (
        "/me", bearer(f"{TOKEN.rpartition('.')[0]}."), 401, "invalid_signature", SIGNATURE,
        "the signature does not verify",
    ),
    "a token that is too long": (
        "/me", bearer(compact(claims={"padding": "x" * 9000})), 401, "malformed_token",
        "The access token is longer than this service accepts. Ask its issuer for fewer claims.",
        "longer than AUTH_MAX_TOKEN_BYTES",
    ),
    "an unsigned token": (
        "/me", bearer(f"{with_header(alg='none').rpartition('.')[0]}."), 401, "invalid_signature", SIGNATURE,
        "alg is not one of AUTH_ALGORITHMS",
    ),
    "another secret": (
        "/me", bearer(compact(secret=OTHER_SECRET)), 401, "invalid_signature", SIGNATURE,
        "the signature does not verify",
    ),
    "a critical extension": (
        "/me", bearer(with_header(crit=["exp"])), 401, "malformed_token", MALFORMED,
        "crit names an extension we do not know",
    ),
    "an expired token": (
        "/me", bearer(with_claims(exp=NOW - 60)), 401, "token_expired", "The access token has expired.",
        "exp is reached",
    ),
    "a token of tomorrow": (
        "/me", bearer(with_claims(nbf=NOW + 86_400)), 401, "token_not_yet_valid",
        "The access token is not valid yet. Try again later, or correct the clock of its issuer.",
        "nbf lies ahead (is the clock of this machine right?)",
    ),
    "another issuer": (
        "/me", bearer(with_claims(iss="https://evil.example/x")), 401, "invalid_issuer", OTHER_ISSUER,
        f"iss is not AUTH_ISSUER; expected {ISSUER}",
    ),
    "no issuer": (
        "/me", bearer(with_claims(iss=...)), 401, "invalid_issuer", OTHER_ISSUER,
        f"iss is absent or not a string; expected {ISSUER}",
    ),
    "another audience": (
        "/me", bearer(with_claims(aud="account")), 401, "invalid_audience", OTHER_SERVICE,
        f"aud names other services; expected {AUDIENCE}",
    ),
    "no audience": (
        "/me", bearer(with_claims(aud=...)), 401, "invalid_audience", OTHER_SERVICE,
        f"aud is absent or not a string or a list of strings; expected {AUDIENCE}",
    ),
    "an ID token": (
        "/me", bearer(with_claims(at_hash="x")), 401, "invalid_type", NOT_AN_ACCESS_TOKEN,
        "an ID token by its claims",
    ),
    "a token that is bound to a key": (
        "/me", bearer(with_claims(cnf={"jkt": "x"})), 401, "invalid_type",
        "The access token is bound to a key. Ask its issuer for one that can be used as Bearer.",
        "bound to a key by cnf, not a bearer token (RFC 7800)",
    ),
    "no subject": ("/me", bearer(with_claims(sub=...)), 401, "missing_claim", lacks("sub"), "sub is absent or null"),
    "a subject of null": (
        "/me", bearer(with_claims(sub=None)), 401, "missing_claim", lacks("sub"), "sub is absent or null",
    ),
    "a number for a subject": (
        "/me", bearer(with_claims(sub=1)), 401, "missing_claim", unusable("sub", "a string"), "sub has the wrong type",
    ),
    "a blank subject": (
        "/me", bearer(with_claims(sub=" ")), 401, "missing_claim",
        unusable("sub", "a string that is not blank and has no control characters"),
        "sub is blank, or holds control characters or U+FFFD",
    ),
    "no end": ("/me", bearer(with_claims(exp=...)), 401, "missing_claim", lacks("exp"), "exp is absent or null"),
    "an end in text": (
        "/me", bearer(with_claims(exp=str(NOW))), 401, "missing_claim",
        unusable("exp", "a number of seconds since 1970"), "exp has the wrong type",
    ),
    "no scope": (
        "/orders", GOOD := bearer(TOKEN), 403, "insufficient_scope", scope("orders:read, orders:write"),
        "the token lacks a scope of this view: orders:read, orders:write",
    ),
    "one scope of two": (
        "/orders", bearer(with_claims(scope="orders:read")), 403, "insufficient_scope", scope("orders:write"),
        "the token lacks a scope of this view: orders:write",
    ),
    "none of several scopes": (
        "/any", GOOD, 403, "insufficient_scope", scope("a and one of b, c"),
        "the token lacks a scope of this view: a and one of b, c",
    ),
    "no role": (
        "/staff", GOOD, 403, "insufficient_role",
        "The user of the access token lacks a role that this request needs: site admin.",
        "the user lacks a role of this view: site admin",
    ),
    "the path of another user": (
        "/users/bob", GOOD, 403, "not_owner", "The access token belongs to another user than the one in the path.",
        "the user of the token is not the user in the path",
    ),
}  # fmt: skip


def reasons(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the reasons of the refusals that are in the log."""
    return [vars(record)["reason"] for record in caplog.records if "reason" in vars(record)]


@pytest.fixture
def app() -> Flask:
    app = service()
    add_view(app, "/me", require_jwt(lambda: ""))
    add_view(app, "/orders", require_jwt(scopes="orders:read orders:write")(lambda: ""))
    add_view(app, "/any", require_jwt(scopes="a", any_scope="b c")(lambda: ""))
    add_view(app, "/staff", require_jwt(roles="site admin")(lambda: ""))
    add_view(app, "/users/<user_id>", owns_path_user(lambda user_id: user_id))
    return app


@pytest.mark.parametrize(("path", "headers", "status", "error", "message", "reason"), REQUESTS.values(), ids=REQUESTS)
def test_a_wrong_request_is_told_what_to_do(
    path: str,
    headers: dict[str, str],
    status: int,
    error: str,
    message: str,
    reason: str,
    app: Flask,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """In a sentence that is ours alone; the log gives the cause, and neither repeats what was sent."""
    with caplog.at_level(logging.WARNING, "flask_resource_server.audit"):
        answer = app.test_client().get(path, headers=headers)

    body = answer.get_json()
    assert (answer.status_code, body["error"], body["message"]) == (status, error, message)
    assert reasons(caplog) == [reason]
    assert not any(part in caplog.text + answer.text for part in TOKEN.split("."))


def test_the_log_names_a_few_of_many_issuers(caplog: pytest.LogCaptureFixture) -> None:
    """A line stays readable."""
    entries: list[dict[str, Any]] = [
        {
            "issuer": f"https://login{number}.example",
            "audience": AUDIENCE,
            "public_key": TokenIssuer.generate("EdDSA").public_key,
            "user_prefix": f"{number}:",
        }
        for number in range(8)
    ]
    app = service(AUTH_SECRET=None, AUTH_ISSUER=None, AUTH_ISSUERS=entries)
    add_view(app, "/me", require_jwt(lambda: ""))

    app.test_client().get("/me", headers=bearer(with_claims(iss="urn:other")))

    listed = " or ".join(f"https://login{number}.example" for number in range(5))
    assert reasons(caplog) == [f"iss is not one of our issuers; expected {listed} or one of 3 more"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (
            {"AUTH_AUDIENCE": None},
            "aud names a service, and AUTH_AUDIENCE is not set",
        ),
        (
            {"AUTH_PROFILE": "cognito", "AUTH_AUDIENCE": ["one", "two"]},
            "client_id names other services; expected one or two",
        ),
    ],
    ids=["no audience is set", "a claim in place of aud"],
)
def test_the_log_names_what_is_expected(
    settings: dict[str, Any], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """By the settings of the service."""
    app = service(**settings)
    add_view(app, "/me", require_jwt(lambda: ""))

    app.test_client().get("/me", headers=bearer(with_claims(token_use="access", client_id="three")))

    assert reasons(caplog) == [reason]


def test_one_of_several_claims_is_named_with_the_others() -> None:
    """Either would do."""
    app = service(AUTH_PROFILE="entra")
    add_view(app, "/me", require_jwt(lambda: ""))

    answer = app.test_client().get("/me", headers=bearer(with_claims(oid="alice")))

    assert answer.get_json()["message"] == lacks("azp or appid")


def test_an_identity_claim_of_another_name_is_named() -> None:
    """Absent, or of the wrong type."""
    app = service(AUTH_IDENTITY_CLAIM="uid")
    add_view(app, "/me", require_jwt(lambda: ""))

    answers = [
        app.test_client().get("/me", headers=bearer(token)).get_json()
        for token in (compact(), with_claims(uid=["alice"]))
    ]

    assert [answer["message"] for answer in answers] == [lacks("uid"), unusable("uid", "a string")]
