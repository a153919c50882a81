"""``docs/answers.md``, made from the classes of errors: ``python -m tests.support.answers_page`` writes it."""

from __future__ import annotations

from http import HTTPStatus
from typing import NamedTuple

from auth import errors
from auth.errors import (
    AuthError,
    AuthErrorCode,
    InsufficientRoleError,
    InsufficientScopeError,
    InsufficientUserAuthenticationError,
    MissingClaimError,
)
from auth.wire.challenges import challenges_for
from tests.support.documentation import DOCS

PAGE = DOCS / "answers.md"

_HEAD = """\
<!-- Made by python -m tests.support.answers_page. Statuses, challenges and messages come from auth/errors. -->

# Answers

For people who write clients of a protected API. [Troubleshooting](troubleshooting.md) is for people who run
one.

A refusal is JSON with the same members under every framework:

```text
{"code": 401, "status": "Unauthorized", "message": "The access token has expired.", "error": "token_expired"}
```

- `error` and the status are a contract: rely on them. `message` is for people, and its wording may change.
- `WWW-Authenticate` holds the challenge of RFC 6750 §3. If a view asks for another login, it also has the parameters of
  RFC 9470. `realm` is `AUTH_REALM`, `api` unless it is set.
- If the service publishes [its metadata](resource-metadata.md), each challenge says where (`resource_metadata`), and a
  401 says which scopes to ask for (`scope`).
- `Cache-Control: no-store` and `Vary: Authorization` keep an answer from reaching another user.
- The token is read from the `Authorization` header alone. A token in the query, the body or a cookie is ignored.

## All of them

| `error` | status | challenge after `Bearer realm="api"` | when |
|---|---|---|---|
"""

_TAIL = """\
## In which order

An unknown path is 404 for everybody. Then comes the token (400, 401 or 503), then the login that the view demands
(401), then all else that it demands (403). The body of the request is read and validated after that.

## Word the body yourself

Register an error handler for one of the classes in `flask_resource_server.errors`. It gets the error with its `code`:

```python
from flask import Flask
from flask_resource_server import ResourceServer, errors

app = Flask(__name__)
app.config.update(
    AUTH_ISSUER="https://login.example.com",
    AUTH_AUDIENCE="https://api.example.com",
    AUTH_DISCOVERY=True,
)
ResourceServer(app)

@app.errorhandler(errors.AuthError)
def refused(error):
    return {"problem": error.code, "hint": error.message}
```

Status, challenge, `Vary` and `Cache-Control` stay as they are. Handlers for `Exception`, `HTTPException` or a status
are not called for refusals.

## What the log says

Each refusal is one line of the logger `flask_resource_server.audit`: the reason, the issuer or the audience that was
expected, the route and the request id. If the token is verified, it also names the user (`user_id`), the tenant,
the client (`client`) and who acts for the user (`actor`). It never holds a token, a secret, or other text from the
request. Each caller who passes as another than the owner is a line as well: [in the log](owners.md#in-the-log).
"""


class Answer(NamedTuple):
    """What a page says of one code beside what its class says itself."""

    when: str
    client: str


#: A challenge, its messages and its status are data of the classes; this is for people alone.
ANSWERS = {
    AuthErrorCode.MISSING_TOKEN: Answer(
        "the request has no Bearer credentials",
        "Get an access token and send the request again with it.",
    ),
    AuthErrorCode.MALFORMED_REQUEST: Answer(
        "the request has more than one credential",
        "Send one `Authorization` header with one token. A proxy in between may have added another.",
    ),
    AuthErrorCode.MALFORMED_HEADER: Answer(
        "`Bearer` is not followed by exactly one well-formed value",
        "Write `Bearer`, one space and the token: no quotation marks, no second `Bearer`, no line end.",
    ),
    AuthErrorCode.MALFORMED_TOKEN: Answer(
        "the token is too long, is not three parts of strict JSON, or holds values of the wrong type",
        "Ask the issuer for an access token that is a signed JWT, and send it unchanged.",
    ),
    AuthErrorCode.INVALID_SIGNATURE: Answer(
        "the signature, its algorithm or its key does not match",
        "Get a new token. If that is refused too, it comes from another issuer than the one that the service trusts.",
    ),
    AuthErrorCode.TOKEN_EXPIRED: Answer(
        "`exp` is reached, or the token is older than the service accepts",
        "Get a new token, by the refresh token or a new login, and send the request once more.",
    ),
    AuthErrorCode.TOKEN_NOT_YET_VALID: Answer(
        "`nbf` or `iat` lies ahead",
        "Try again later. If it happens with new tokens, the clocks of issuer and service differ: tell the operator.",
    ),
    AuthErrorCode.INVALID_ISSUER: Answer(
        "`iss` names no issuer that the service trusts",
        "Get a token from the issuer of this service. A staging token does not open production.",
    ),
    AuthErrorCode.INVALID_AUDIENCE: Answer(
        "`aud` does not name this service",
        "Name this API when you ask for the token, by `audience`, `resource` or a scope, as the issuer has it.",
    ),
    AuthErrorCode.INVALID_TYPE: Answer(
        "the token is not an access token (a refresh, ID, logout or proof token, a link from a mail), or it is bound "
        "to a key (`cnf`)",
        "Send the access token, not the ID token or the refresh token.",
    ),
    AuthErrorCode.MISSING_CLAIM: Answer(
        "a required claim is absent, null or of the wrong type, or names a user by an address that is not verified",
        "Ask the issuer to add the claim that `message` names. A new token of the same kind will not help.",
    ),
    AuthErrorCode.TOKEN_REVOKED: Answer(
        "the token, its session or its user has been [revoked](revocation.md)",
        "Get a new token, by a new login if the refresh token is refused as well.",
    ),
    AuthErrorCode.INSUFFICIENT_USER_AUTHENTICATION: Answer(
        "the user has not logged in as the view asks, or too long ago: [step-up](step-up.md)",
        "Send the user to the authorization server with `acr_values` and `max_age` of the challenge (RFC 9470). A "
        "refresh token does not help.",
    ),
    AuthErrorCode.INSUFFICIENT_SCOPE: Answer(
        "the token lacks a scope that the view asks for",
        "Ask the issuer for a token with the scopes that the challenge lists.",
    ),
    AuthErrorCode.INSUFFICIENT_ROLE: Answer(
        "the user lacks a role that the view asks for",
        "Tell the user. Someone who gives out roles can help; another token of the same user cannot.",
    ),
    AuthErrorCode.NOT_OWNER: Answer(
        "the user in the path is not the user of the token, or the token is a client's own. A service may hide this "
        "and answer [404](owners.md#hide-what-is-not-theirs)",
        "Ask for the path of the user who is logged in, with that user's token.",
    ),
    AuthErrorCode.NOT_TENANT: Answer(
        "the tenant in the path is not the tenant of the token, or the token names none",
        "Ask for the path of the user's own tenant, with a token that was issued for that tenant.",
    ),
    AuthErrorCode.WRONG_CALLER: Answer(
        "the view is for users and the token is a client's own, or the other way round",
        "Use a token of the other kind: one that a user got by logging in, or one by the client credentials grant.",
    ),
    AuthErrorCode.DELEGATED_TOKEN: Answer(
        "somebody acts for the user of the token (`act`), and the view is for the user alone",
        "Let the user do this. Nobody can do it for them.",
    ),
    AuthErrorCode.UNDECLARED_ROUTE: Answer(
        "`AUTH_DENY_BY_DEFAULT` is on and the view declares nothing",
        "Nothing: tell the operator, who has to guard the view or open it.",
    ),
    AuthErrorCode.KEYS_UNAVAILABLE: Answer(
        "the issuer's keys are unavailable; the token may be fine",
        "Keep the token, and send the request again after the seconds in `Retry-After`.",
    ),
    AuthErrorCode.DENYLIST_UNAVAILABLE: Answer(
        "the [denylist](revocation.md) does not answer, so nobody knows whether the token has been revoked",
        "Keep the token, and send the request again after the seconds in `Retry-After`.",
    ),
}

#: Errors that name what is missing, as examples.
EXAMPLES: tuple[AuthError, ...] = (
    MissingClaimError.absent("email"),
    MissingClaimError.unusable("sub", "", "a string"),
    InsufficientUserAuthenticationError(max_age=300),
    InsufficientUserAuthenticationError(["phr", "phrh"], 300),
    InsufficientScopeError(["reports:read"], missing="reports:read"),
    InsufficientRoleError(missing="admin"),
)


def kinds() -> dict[AuthErrorCode, type[AuthError]]:
    """Return the class of each code."""
    found = {kind.code: kind for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "code")}
    return {code: found[code] for code in AuthErrorCode}


def messages_of(kind: type[AuthError]) -> list[str]:
    """Return every sentence by which a class may be worded: its own, its variants, and examples that name something."""
    variants = [text for name, text in vars(kind).items() if name.isupper()]
    return [kind.message, *variants, *(error.message for error in EXAMPLES if type(error) is kind)]


def answers_page() -> str:
    """Return the whole page."""
    rows = [_row(code, kind) for code, kind in kinds().items()]
    sections = ["## One by one", *(_section(code, kind) for code, kind in kinds().items())]
    return "\n".join([_HEAD + "\n".join(rows), "", *(f"{section}\n" for section in sections), _TAIL])


def _row(code: AuthErrorCode, kind: type[AuthError]) -> str:
    return f"| [`{code}`](#{code}) | {kind.status.value} | {_challenge(code, kind)} | {ANSWERS[code].when} |"


def _challenge(code: AuthErrorCode, kind: type[AuthError]) -> str:
    examples = [error for error in EXAMPLES if error.code is code]
    (challenge, *_) = challenges_for(examples[-1] if examples else kind(), "api") or (None,)
    retry = ", `Retry-After`" if kind.status == HTTPStatus.SERVICE_UNAVAILABLE else ""
    if challenge is None:
        return f"no challenge{retry}"
    _, *parameters = challenge.parameters
    printed = ", ".join(f'{name}="{value}"' for name, value in parameters)
    return f"`{printed}`" if printed else "–"


def _section(code: AuthErrorCode, kind: type[AuthError]) -> str:
    sentences = "\n".join(f"- “{message}”" for message in messages_of(kind))
    return f"### {code}\n\n{kind.status.value}. {ANSWERS[code].client}\n\n{sentences}"


if __name__ == "__main__":
    PAGE.write_text(answers_page(), encoding="utf-8")
