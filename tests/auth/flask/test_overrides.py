"""Callers who may use the path of another user, because of a scope or a role; and the line that says so."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from flask import Blueprint, Flask, request
from flask.views import MethodView
from werkzeug.routing import BaseConverter

from auth import current_token, owns_path_user, require_jwt
from auth.errors import ConfigurationError
from auth.testing import assert_routes_guarded
from tests.support.lifetimes import A_DAY
from tests.support.services import (
    CLAIMS,
    ISSUED,
    ISSUER,
    OTHER_SECRET,
    SECRET,
    add_view,
    bearer,
    compact,
    documented,
    service,
    with_claims,
)

AUDIT = "flask_resource_server.audit"


def token(user_id: str, **claims: Any) -> dict[str, str]:
    """Return the headers of a caller."""
    return ISSUED.authorization(user_id, expires_in=A_DAY, **claims)


ALICE = token("alice")
SUPPORT = token("support", scopes="tasks:any")
ADMIN = token("root", roles="admin")
JOB = token("job", scopes="tasks:any", is_client=True)

may_read = owns_path_user(unless_scope=["tasks:any", "audit"], unless_role="admin")


def shown(user_id: str) -> str:
    return f"{user_id} by {current_token.user_id}"


def overriding(view: Any = None, rule: str = "/users/<user_id>", **settings: Any) -> Flask:
    app = service(**settings)
    add_view(app, rule, may_read(view or shown))
    return app


def ask(app: Flask, path: str, headers: dict[str, str], method: str = "GET") -> tuple[int, str]:
    answer = app.test_client().open(path, headers=headers, method=method)
    return answer.status_code, answer.text if answer.status_code == 200 else answer.get_json()["error"]


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        (ALICE, (200, "alice by alice")),
        (SUPPORT, (200, "alice by support")),
        (token("auditor", scopes="audit"), (200, "alice by auditor")),
        (ADMIN, (200, "alice by root")),
        (JOB, (200, "alice by job")),
        (token("bob"), (403, "not_owner")),
        (token("bob", scopes="tasks:anything"), (403, "not_owner")),
        (token("bob", scopes="admin", roles="tasks:any"), (403, "not_owner")),
        (token("alice", is_client=True), (403, "not_owner")),
        ({}, (401, "missing_token")),
        (bearer(with_claims(sub="support", scope="tasks:any", exp=1)), (401, "token_expired")),
    ],
    ids=[
        "the owner",
        "a scope",
        "another scope",
        "a role",
        "a client's own token with the scope",
        "a stranger",
        "a longer scope",
        "scope and role changed round",
        "a client with the id of the owner and no scope",
        "nobody",
        "an expired token with the scope",
    ],
)
def test_who_may_pass(headers: dict[str, str], answer: tuple[int, str]) -> None:
    """One of the scopes or one of the roles is enough, whose token it is does not matter; nothing replaces a token."""
    assert ask(overriding(), "/users/alice", headers) == answer


def test_an_optional_guard_lets_no_anonymous_caller_pass() -> None:
    """The rule needs a token, whatever stands beside it."""
    app = service()
    add_view(app, "/users/<user_id>", require_jwt(optional=True)(may_read(shown)))

    assert ask(app, "/users/alice", {}) == (401, "missing_token")
    assert ask(app, "/users/alice", SUPPORT) == (200, "alice by support")


def test_other_guards_keep_out_whom_an_override_would_let_pass() -> None:
    """Machines, and those who act for somebody."""
    app = service()
    add_view(app, "/users/<user_id>", require_jwt(caller="user", delegated=False)(may_read(shown)))
    agent = token("support", scopes="tasks:any", actor="agent")

    assert ask(app, "/users/alice", SUPPORT) == (200, "alice by support")
    assert ask(app, "/users/alice", JOB) == (403, "wrong_caller")
    assert ask(app, "/users/alice", agent) == (403, "delegated_token")


def test_a_guard_without_an_override_around_one_with_it_wins() -> None:
    """All rules must hold, so a blueprint whose paths are owned stays closed."""
    app, blueprint = service(), owns_path_user(Blueprint("users", "users"))
    blueprint.add_url_rule("/users/<user_id>", "view", may_read(shown))
    app.register_blueprint(blueprint)

    assert ask(app, "/users/alice", SUPPORT) == (403, "not_owner")
    assert ask(app, "/users/alice", ALICE) == (200, "alice by alice")


def test_an_override_holds_for_the_methods_that_have_it() -> None:
    """HEAD is the GET; a write stays the owner's."""

    class Tasks(MethodView):
        @may_read
        def get(self, user_id: str) -> str:
            return shown(user_id)

        @owns_path_user
        def post(self, user_id: str) -> str:
            return shown(user_id)

    app = service(AUTH_DENY_BY_DEFAULT=True)
    app.static_folder = None
    add_view(app, "/users/<user_id>", Tasks)
    client = app.test_client()

    assert client.head("/users/alice", headers=SUPPORT).status_code == 200
    assert client.post("/users/alice", headers=SUPPORT).status_code == 403
    assert client.post("/users/alice", headers=ALICE).status_code == 200


#: Two issuers, of which the first has the plain ids.
PARTNER = "https://partner.example"
TWO_ISSUERS: dict[str, Any] = {
    "AUTH_SECRET": None,
    "AUTH_ISSUER": None,
    "AUTH_ISSUERS": [
        {"issuer": ISSUER, "secret": SECRET},
        {"issuer": PARTNER, "secret": OTHER_SECRET, "user_prefix": "partner:"},
    ],
}


def of_partner(**claims: Any) -> dict[str, str]:
    return bearer(compact(claims=CLAIMS | {"iss": PARTNER, "sub": "sue"} | claims, secret=OTHER_SECRET))


@pytest.mark.parametrize("grant", [{"scope": "tasks:any"}, {"roles": ["admin"]}], ids=["a scope", "a role"])
def test_an_override_ends_at_the_users_of_its_issuer(grant: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    """What a partner grants opens no path of our own users; we are trusted with all paths."""
    app = overriding(rule="/users/<path:user_id>", **TWO_ISSUERS)
    partners, ours = of_partner(**grant), bearer(with_claims(sub="support", **grant))

    assert ask(app, "/users/partner:alice", partners) == (200, "partner:alice by partner:sue")
    assert ask(app, "/users/partner:sue", partners) == (200, "partner:sue by partner:sue")
    for path in ("alice", "sue", "partner", "partner:", "partner:%20", "Partner:alice", "x/partner:alice"):
        assert ask(app, f"/users/{path}", partners) == (403, "not_owner"), path
    assert ask(app, "/users/alice", ours) == (200, "alice by support")
    assert ask(app, "/users/partner:alice", ours) == (200, "partner:alice by support")
    refused = [vars(record) for record in caplog.records if "error" in vars(record)]
    assert {record["reason"].partition(" ")[2] for record in refused} == {
        f"{grant.get('scope', 'admin')} does not count here: the path names no user of the token's issuer"
    }


def test_an_override_of_a_partner_is_nothing_on_a_path_that_is_not_its_own_and_hidden() -> None:
    """It gets the 404 of anybody else."""
    app = service(**TWO_ISSUERS)
    add_view(app, "/users/<user_id>", owns_path_user(hide=True, unless_role="admin")(shown))
    client = app.test_client()

    statuses = [client.get(f"/users/{user}", headers=of_partner(roles="admin")) for user in ("alice", "partner:alice")]

    assert [answer.status_code for answer in statuses] == [404, 200]


@pytest.mark.parametrize("path", ["%20", "%00", "alice%00", "%FF", "ali%EF%BF%BDce", "%0A", "%7F"])
def test_a_path_that_can_name_nobody_is_nobodys(path: str) -> None:
    """A view that gets such an id would hand it to a database, which may refuse it."""
    assert ask(overriding(), f"/users/{path}", SUPPORT) == (403, "not_owner")


@pytest.mark.parametrize("path", ["/users/ali%2Fce", "/users/ali/ce", "/users/%61li/ce"])
def test_the_view_gets_the_owner_that_the_path_names_decoded_once(path: str, caplog: pytest.LogCaptureFixture) -> None:
    """And so does the log."""
    app = overriding(rule="/users/<path:user_id>")

    assert ask(app, path, SUPPORT) == (200, "ali/ce by support")
    assert [vars(record)["owner"] for record in caplog.records if record.name == AUDIT] == ["ali/ce"]


@pytest.mark.parametrize(
    ("converter", "good", "other"),
    [
        ("int", "7", "007"),
        ("int(signed=True)", "-7", "-07"),
        ("float", "1.5", "1.50"),
        ("uuid", "0b51a4a7-5d4c-4c0e-8f27-0a2b7f3c9d11", "0B51A4A7-5D4C-4C0E-8F27-0A2B7F3C9D11"),
    ],
)
def test_nobody_passes_where_the_view_would_read_another_owner_than_the_log_names(
    converter: str, good: str, other: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A number with zeros in front is another text, and the same number."""
    app = overriding(rule=f"/users/<{converter}:user_id>")

    assert ask(app, f"/users/{good}", SUPPORT) == (200, f"{good} by support")
    assert ask(app, f"/users/{other}", SUPPORT) == (403, "not_owner")
    assert [vars(record).get("owner") for record in caplog.records if record.name == AUDIT] == [good, None]


def test_a_converter_that_makes_a_model_takes_no_override_away() -> None:
    """What it makes is no name to compare."""

    class Account(BaseConverter):
        def to_python(self, value: str) -> list[str]:
            return [value]

    app = service()
    app.url_map.converters["account"] = Account
    add_view(app, "/users/<account:user_id>", may_read(lambda user_id: shown(*user_id)))

    assert ask(app, "/users/alice", SUPPORT) == (200, "alice by support")


def test_a_path_with_two_slashes_is_redirected_or_unknown_before_anybody_passes() -> None:
    """As Flask does it for every route."""
    client = overriding().test_client()

    assert client.get("/users//alice", headers=SUPPORT).status_code == 308
    assert client.get("/users/", headers=SUPPORT).status_code == 404


def test_the_view_cannot_be_called_for_a_third_user() -> None:
    """The caller passes for the user in the path and for no other."""
    inner = may_read(shown)
    app = service()
    app.add_url_rule("/users/<user_id>", "view", may_read(lambda **_path: inner(user_id="carol")))

    assert ask(app, "/users/alice", SUPPORT) == (403, "not_owner")
    assert ask(app, "/users/carol", SUPPORT) == (200, "carol by support")


def overrides(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == AUDIT]


def test_each_override_is_one_line_with_user_owner_and_route(caplog: pytest.LogCaptureFixture) -> None:
    """Although both the hook and the guarded function ask; the owner and a refused caller leave no such line."""
    app = overriding(AUTH_REQUEST_ID_HEADER="X-Request-ID")
    for headers in (JOB, ALICE, ADMIN):
        ask(app, "/users/alice", headers | {"X-Request-ID": "r1"})

    assert overrides(caplog) == [
        'access overridden: override="scope tasks:any" owner="alice" route="/users/<user_id>" request_id="r1" '
        'user_id="job" client="job"',
        'access overridden: override="role admin" owner="alice" route="/users/<user_id>" request_id="r1" '
        'user_id="root"',
    ]
    assert {record.levelno for record in caplog.records if record.name == AUDIT} == {logging.WARNING}


def test_the_owner_in_the_log_cannot_forge_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """It is JSON in ASCII, and cut off."""
    ask(overriding(), f'/users/a"%C2%85%E2%80%A8 user_id="bob"{"x" * 300}', SUPPORT)

    (line,) = overrides(caplog)
    assert 'owner="a\\"\\u0085\\u2028 user_id=\\"bob\\"xxx' in line
    assert "x" * 256 not in line
    assert "\u2028" not in line


def test_a_request_that_is_refused_in_the_end_is_no_override(caplog: pytest.LogCaptureFixture) -> None:
    """The line of the refusal is enough."""
    app = service()
    add_view(app, "/users/<user_id>", may_read(require_jwt(scopes="more")(shown)))

    assert ask(app, "/users/alice", SUPPORT) == (403, "insufficient_scope")
    assert [line for line in overrides(caplog) if "overridden" in line] == []


def test_two_owners_in_a_path_are_two_lines(caplog: pytest.LogCaptureFixture) -> None:
    """Each with its own override."""
    app = service()
    view = owns_path_user(param="friend", unless_role="admin")(may_read(lambda user_id, friend: user_id + friend))
    add_view(app, "/users/<user_id>/friends/<friend>", view)

    assert ask(app, "/users/alice/friends/bob", ADMIN) == (200, "alicebob")
    assert sorted(vars(record)["owner"] for record in caplog.records if record.name == AUDIT) == ["alice", "bob"]


def test_a_remembered_token_is_asked_and_logged_each_time(caplog: pytest.LogCaptureFixture) -> None:
    """The cache keeps the token, and no decision."""
    app = overriding()
    client = app.test_client()
    for path in ("/users/alice", "/users/alice", "/users/bob"):
        assert client.get(path, headers=SUPPORT).status_code == 200

    assert [vars(record)["owner"] for record in caplog.records if record.name == AUDIT] == ["alice", "alice", "bob"]


def test_a_request_inside_a_request_with_its_environ_is_logged_for_itself(caplog: pytest.LogCaptureFixture) -> None:
    """A middleware may send the same environ again, for another owner."""
    app = overriding()

    def forwarding() -> str:
        environ = request.environ | {"PATH_INFO": "/users/bob", "REQUEST_METHOD": "GET"}
        with app.request_context(environ):
            return app.full_dispatch_request().get_data(as_text=True)

    add_view(app, "/forward/<user_id>", may_read(lambda **_path: forwarding()))

    assert ask(app, "/forward/alice", SUPPORT) == (200, "bob by support")
    assert [vars(record)["owner"] for record in caplog.records if record.name == AUDIT] == ["alice", "bob"]


def test_an_environ_that_a_middleware_serves_twice_is_logged_twice(caplog: pytest.LogCaptureFixture) -> None:
    """Each time the view is reached."""
    app = overriding()
    inner: Any = app.wsgi_app

    def retrying(environ: Any, start_response: Any) -> Any:
        for part in inner(environ, lambda *_: None):
            assert part == b"alice by support"
        return inner(environ, start_response)

    app.wsgi_app = retrying  # type: ignore[method-assign]

    assert ask(app, "/users/alice", SUPPORT) == (200, "alice by support")
    assert [vars(record)["owner"] for record in caplog.records if record.name == AUDIT] == ["alice", "alice"]


def test_an_override_stands_in_the_document() -> None:
    """In the description, for ``security`` lists what everybody needs; 403 stays."""
    app = service("flask-smorest")
    add_view(app, "/users/<user_id>", may_read(shown))

    operation = documented(app)["paths"]["/users/{user_id}"]["get"]

    assert operation["security"] == [{"bearerAuth": []}]
    assert operation["description"] == (
        "Other users than the one in the path need the scope `tasks:any` or `audit` or the role `admin`."
    )
    assert operation["responses"]["403"] == {"$ref": "#/components/responses/AccessDenied"}
    assert_routes_guarded(app)


def test_an_override_that_no_token_can_have_stops_the_start() -> None:
    """Tokens of Auth0 carry no roles."""
    app = service(AUTH_PROFILE="auth0", AUTH_ISSUER="https://login.example/")
    app.testing = True
    add_view(app, "/users/<user_id>", may_read(shown))

    with pytest.raises(ConfigurationError, match="lets other users pass by roles, and AUTH_PROFILE says that tokens"):
        app.test_client().get("/users/alice")


@pytest.mark.parametrize("name", ["unless_scope", "unless_role"])
@pytest.mark.parametrize("value", ["", [], [""], 1, True, ["a", 1], " admin"], ids=repr)
def test_an_override_that_names_nothing_is_refused(name: str, value: Any) -> None:
    """Where it is written."""
    with pytest.raises(TypeError, match=f"one name as {name}, or a list of which one is enough"):
        owns_path_user(**{name: value})


def test_two_scopes_in_one_text_are_refused() -> None:
    """Elsewhere one text with spaces means all of them; here it could be read as either."""
    with pytest.raises(TypeError, match="one name as unless_scope"):
        owns_path_user(unless_scope="tasks:any audit")
