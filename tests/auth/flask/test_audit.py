"""One log line per refusal, and nothing in it that a client typed."""

from __future__ import annotations

import json
import logging
import re

import pytest
from flask import Flask
from flask.typing import ResponseReturnValue

from auth import owns_path_user, require_jwt
from auth.errors import MissingTokenError
from auth.flask.audit import log_refusal
from tests.support.services import KINDS, NOW, OTHER_SECRET, SECRET, add_view, bearer, compact, service, with_claims

LINE = re.compile(
    r'access refused: error="(?P<error>\w+)" status=(?P<status>\d+) reason="(?P<reason>[^"]+)" '
    r'route="(?P<route>[^"]*)" request_id="(?P<request_id>[0-9a-f]{16})"(?: user_id=(?P<user_id>".*"))?'
)


def guarded(kind: str = "flask") -> Flask:
    app = service(kind)

    @require_jwt(scopes="admin")
    def admin() -> ResponseReturnValue:
        return {}

    @owns_path_user
    def notes(user_id: str) -> ResponseReturnValue:
        return {"owner": user_id}

    add_view(app, "/admin", admin)
    add_view(app, "/users/<user_id>/notes", notes)
    return app


@pytest.mark.parametrize("kind", KINDS)
def test_one_line_says_why_where_and_which_request(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """At WARNING, on a logger of its own, with the fields on the record as well."""
    guarded(kind).test_client().get("/users/bob/notes", headers=bearer(compact()))
    (record,) = caplog.records
    line = LINE.fullmatch(record.getMessage())

    assert (record.name, record.levelno) == ("flask_resource_server.audit", logging.WARNING)
    assert line is not None
    assert line.groupdict() | {"request_id": ""} == {
        "error": "not_owner",
        "status": "403",
        "reason": "the user of the token is not the user in the path",
        "route": "/users/<user_id>/notes",
        "request_id": "",
        "user_id": '"alice"',
    }
    assert (vars(record)["error"], vars(record)["user_id"]) == ("not_owner", "alice")


@pytest.mark.parametrize(
    "token", [compact(secret=OTHER_SECRET), with_claims(exp=NOW - 60), with_claims(iss="evil")], ids=len
)
def test_a_user_who_is_not_verified_is_not_named(token: str, caplog: pytest.LogCaptureFixture) -> None:
    """What a refused token claims is nobody's name."""
    guarded().test_client().get("/users/alice/notes", headers=bearer(token))
    (record,) = caplog.records

    assert "alice" not in record.getMessage()
    assert "user_id" not in vars(record)


HOSTILE_HEADERS = {
    "ANSI": "Bearer \x1b[31mHOSTILE",
    "tab": "Bearer HOSTILE\tHOSTILE",
    "quotes": 'Bearer "HOSTILE"',
    "very long": "Bearer " + "HOSTILE" * 5000,
    "another scheme": "HOSTILE HOSTILE",
    "two": "Bearer HOSTILE, Bearer HOSTILE",
    "percent": "Bearer %(HOSTILE)s %s",
}


@pytest.mark.parametrize("header", HOSTILE_HEADERS.values(), ids=HOSTILE_HEADERS)
def test_nothing_of_a_header_is_written(header: str, caplog: pytest.LogCaptureFixture) -> None:
    """One line, whatever a client sends."""
    guarded().test_client().get("/admin", headers={"Authorization": header})
    (record,) = caplog.records

    assert LINE.fullmatch(record.getMessage())
    assert "HOSTILE" not in caplog.text
    assert len(record.getMessage()) < 300


@pytest.mark.parametrize(
    "path", ["/users/a%0AHOSTILE/notes", "/users/%1B%5B31mHOSTILE/notes", f"/users/{'H' * 9000}/notes"]
)
def test_nothing_of_a_path_is_written(path: str, caplog: pytest.LogCaptureFixture) -> None:
    """The route appears as its rule."""
    guarded().test_client().get(f"{path}?access_token=HOSTILE", headers=bearer(compact()))
    (record,) = caplog.records

    assert 'route="/users/<user_id>/notes"' in record.getMessage()
    assert "HOSTILE" not in caplog.text
    assert "HHHH" not in caplog.text
    assert "\x1b" not in caplog.text


HOSTILE_CLAIMS = {
    "kid": compact({"alg": "HS256", "kid": "HOSTILE\n"}, secret=OTHER_SECRET),
    "alg": compact({"alg": "HOSTILE\n"}),
    "typ": compact({"alg": "HS256", "typ": "HOSTILE\n"}),
    "crit": compact({"alg": "HS256", "crit": ["HOSTILE\n"]}),
    "iss": with_claims(iss="HOSTILE\n"),
    "aud": with_claims(aud="HOSTILE\n"),
    "sub": with_claims(sub="HOSTILE\n"),
    "exp": with_claims(exp="HOSTILE\n"),
    "scope": with_claims(scope="HOSTILE\n"),
}


@pytest.mark.parametrize("token", HOSTILE_CLAIMS.values(), ids=HOSTILE_CLAIMS)
def test_nothing_of_a_token_is_written(token: str, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the token nor a part of it, nor the secret that would verify it."""
    guarded().test_client().get("/admin", headers=bearer(token))
    (record,) = caplog.records
    written = json.dumps({name: str(value) for name, value in vars(record).items()})

    assert LINE.fullmatch(record.getMessage())
    assert "HOSTILE" not in written
    assert not [segment for segment in token.split(".") if segment in written]
    assert SECRET not in written


@pytest.mark.parametrize("user", ["al\u2028ice", "\x9b31m\x85", "\u202eevil", 'a" error="none', "🦊", "%s %(x)d"])
def test_a_verified_user_is_written_escaped(user: str, caplog: pytest.LogCaptureFixture) -> None:
    """As a JSON string in ASCII: nothing breaks the line or turns the terminal around."""
    guarded().test_client().get("/admin", headers=bearer(with_claims(sub=user)))
    message = caplog.records[0].getMessage()
    line = LINE.fullmatch(message)

    assert message.isascii()
    assert message.isprintable()
    assert line is not None
    assert json.loads(line["user_id"]) == user


def test_a_very_long_user_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    """A log line stays a line that can be read."""
    guarded().test_client().get("/users/alice/notes", headers=bearer(with_claims(sub="x" * 5000)))
    (record,) = caplog.records

    assert vars(record)["user_id"] == "x" * 255
    assert "x" * 256 not in record.getMessage()


def test_a_request_that_passes_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """One line per refusal, none per success."""
    guarded().test_client().get("/users/alice/notes", headers=bearer(compact()))

    assert caplog.records == []


@pytest.mark.parametrize(
    ("headers", "error", "status"),
    [({}, "missing_token", 401), (bearer(compact()), "undeclared_route", 403)],
    ids=["stranger", "user"],
)
def test_a_route_that_says_nothing_is_logged_as_the_services_own_fault(
    headers: dict[str, str], error: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """At ERROR, in words of its own, with the same fields on the record."""
    app = service(AUTH_DENY_BY_DEFAULT=True)
    add_view(app, "/silent", lambda: "open")

    app.test_client().get("/silent", headers=headers)
    (record,) = caplog.records

    assert (record.name, record.levelno) == ("flask_resource_server.audit", logging.ERROR)
    assert record.getMessage().startswith(
        f'access refused: the view has neither a guard nor @public: error="{error}" status={status} '
    )
    assert (vars(record)["error"], vars(record)["status"], vars(record)["route"]) == (error, status, "/silent")


def test_a_refusal_is_a_callers_fault_unless_it_is_said_otherwise(caplog: pytest.LogCaptureFixture) -> None:
    """Only an undeclared route is logged at ERROR."""
    log_refusal(MissingTokenError("no Authorization header"), route="/", request_id="0", token=None)

    assert [record.levelno for record in caplog.records] == [logging.WARNING]
