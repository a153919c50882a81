"""The route that receives logout tokens, its answers, and what ends (OpenID Connect Back-Channel Logout 1.0)."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from flask import Flask, request
from flask_wtf.csrf import CSRFProtect

from auth import ResourceServer, current_token, errors, require_jwt
from auth.errors import ConfigurationError
from auth.keys import SimpleKeySource
from auth.stores import Entry, MemoryStore, StoreUnavailableError
from auth.testing import assert_routes_guarded, local_issuer
from tests.support.environments import ROOT
from tests.support.logouts import CLAIMS as LOGOUT
from tests.support.logouts import CLIENT, logout_token
from tests.support.services import (
    AUDIENCE,
    CLAIMS,
    HEADER,
    ISSUER,
    KINDS,
    NOW,
    OTHER_SECRET,
    SECRET,
    SETTINGS,
    add_view,
    bearer,
    clock,
    compact,
    documented,
    service,
    with_claims,
)

PATH = "/auth/backchannel-logout"
FORM = "application/x-www-form-urlencoded"
ON: dict[str, Any] = {"AUTH_DENYLIST": "memory", "AUTH_LOGOUT_AUDIENCE": CLIENT}


def receiver(kind: str = "flask", **settings: Any) -> Flask:
    """Return a service that receives logout tokens, with one guarded view."""
    app = service(kind, **(ON | settings))
    add_view(app, "/mine", require_jwt(lambda: {"user": current_token.user_id}))
    return app


def post(app: Flask, token: str, path: str = PATH, **options: Any) -> Any:
    return app.test_client().post(path, data={"logout_token": token}, **options)


def answer_to(app: Flask, token: str) -> tuple[int, str | None]:
    """Return the status with which the guarded view answers an access token, and the error if it refuses."""
    response = app.test_client().get("/mine", headers=bearer(token))
    return response.status_code, response.get_json().get("error")


def assert_refused(response: Any) -> None:
    """Demand the one answer to everything that is wrong (§2.8)."""
    assert response.status_code == 400
    assert response.text == '{"error": "invalid_request"}'
    assert response.content_type == "application/json"
    assert response.headers["Cache-Control"] == "no-store"


REVOKED = (401, "token_revoked")
ALL_IS_WELL = (200, None)


@pytest.mark.parametrize("kind", KINDS)
def test_a_session_that_is_over_opens_nothing(kind: str) -> None:
    """From the answer on, and for remembered tokens too. Other sessions and users go on."""
    app = receiver(kind)
    over = [with_claims(sid="s-1"), with_claims(sid="s-1", sub="bob", jti="2")]
    others = [with_claims(sid="s-2"), with_claims(), with_claims(sid="S-1")]
    before = {answer_to(app, token) for token in (*over, *others)}

    response = post(app, logout_token(sid="s-1"))

    assert (before, response.status_code, response.data) == ({ALL_IS_WELL}, 200, b"")
    assert response.headers["Cache-Control"] == "no-store"
    assert "Content-Type" not in response.headers
    assert [answer_to(app, token) for token in over] == [REVOKED, REVOKED]
    assert [answer_to(app, token) for token in others] == [ALL_IS_WELL] * 3


def test_without_a_session_all_tokens_of_the_user_are_over() -> None:
    """Those that were issued until the second of the logout token."""
    app = receiver()

    assert post(app, logout_token(iat=NOW)).status_code == 200

    assert answer_to(app, with_claims(iat=NOW - 800)) == REVOKED
    assert answer_to(app, with_claims(iat=NOW, sid="s-1")) == REVOKED
    assert answer_to(app, with_claims(iat=NOW + 1)) == ALL_IS_WELL
    assert answer_to(app, with_claims(sub="bob")) == ALL_IS_WELL


def test_a_logout_token_that_came_before_is_refused() -> None:
    """§2.6: its ``jti`` was there. What it ended stays so, and its user may log in again."""
    app = receiver()

    assert post(app, logout_token(iat=NOW)).status_code == 200
    assert_refused(post(app, logout_token(iat=NOW)))

    assert answer_to(app, with_claims(iat=NOW)) == REVOKED
    assert answer_to(app, with_claims(iat=NOW + 1)) == ALL_IS_WELL


def test_the_jti_of_an_access_token_is_none_of_a_logout_token() -> None:
    """Both kinds count for themselves."""
    app = receiver()

    assert post(app, logout_token(jti="same", sid="s-1")).status_code == 200

    assert answer_to(app, with_claims(jti="same")) == ALL_IS_WELL


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"data": {"logout_token": "a.b.c"}}, id="no token"),
        pytest.param({"data": {"logout_token": ""}}, id="an empty field"),
        pytest.param({"data": {}}, id="no field"),
        pytest.param({"data": f"logout_token={logout_token()}&logout_token={logout_token()}"}, id="the field twice"),
        pytest.param({"data": f"logout_token={logout_token()}", "content_type": "text/plain"}, id="another type"),
        pytest.param({"data": f"logout_token={logout_token()}", "content_type": ""}, id="no type"),
        pytest.param(
            {"data": f"logout_token={logout_token()}", "content_type": f"{FORM}; charset=latin-1"}, id="another charset"
        ),
        pytest.param({"json": {"logout_token": logout_token()}}, id="JSON"),
        pytest.param({"data": {"logout_token": logout_token()}, "content_type": "multipart/form-data"}, id="multipart"),
        pytest.param({"data": f"logout_token={logout_token()}&x={'x' * 8192}"}, id="a long body"),
        pytest.param({"data": {"logout_token": logout_token(padding="x" * 8192)}}, id="a long token"),
        pytest.param({"data": {"logout_token": logout_token(secret=OTHER_SECRET)}}, id="forged"),
        pytest.param({"data": {"logout_token": logout_token(nonce="n")}}, id="with a nonce"),
        pytest.param({"data": {"logout_token": with_claims(aud=CLIENT)}}, id="an access token"),
        pytest.param({"query_string": {"logout_token": logout_token()}}, id="in the query"),
        pytest.param(
            {"headers": {"Authorization": f"Bearer {logout_token()}"}, "data": {}}, id="in the Authorization field"
        ),
    ],
)
def test_anything_wrong_is_one_answer(options: dict[str, Any]) -> None:
    """Which says no more than §2.8 does, and nothing ends."""
    app = receiver()
    options = {"content_type": FORM, **options} if "json" not in options else options

    assert_refused(app.test_client().post(PATH, **options))

    assert answer_to(app, with_claims()) == ALL_IS_WELL


@pytest.mark.parametrize("content_type", [FORM, f"{FORM}; charset=utf-8", f"{FORM};charset=UTF-8", FORM.upper()])
def test_a_form_may_say_that_it_is_in_utf_8(content_type: str) -> None:
    """There is no other charset."""
    response = receiver().test_client().post(PATH, data=f"logout_token={logout_token()}", content_type=content_type)

    assert response.status_code == 200


class Broken(io.RawIOBase):
    """A body that breaks off."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        raise OSError("the client is gone")


class Endless(io.RawIOBase):
    """A body without an end, that comes in pieces, and how much of it was read."""

    def __init__(self, begin: bytes) -> None:
        self.begin = begin
        self.bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = (self.begin or b"&x=1")[: min(100, len(buffer))]
        self.begin = self.begin[len(piece) :]
        buffer[: len(piece)] = piece
        self.bytes += len(piece)
        return len(piece)


def chunked(app: Flask, body: io.RawIOBase) -> Any:
    """Post a body without a stated length, as servers hand on one that comes in chunks."""
    environ = {"wsgi.input": body, "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    return app.test_client().post(PATH, content_type=FORM, environ_overrides=environ)


def body_of(token: str) -> Any:
    return io.BytesIO(f"logout_token={token}".encode())


def test_a_body_without_a_stated_length_is_read_to_its_bound() -> None:
    """And not further."""
    app, endless = receiver(), Endless(f"logout_token={logout_token()}".encode())

    assert_refused(chunked(app, endless))
    assert endless.bytes == 8193
    assert chunked(app, body_of(logout_token())).status_code == 200


@pytest.mark.parametrize("stated", [True, False], ids=["with a length", "without"])
def test_a_body_that_breaks_off_is_refused(stated: bool) -> None:
    """It is no fault of the service."""
    app = receiver()

    if stated:
        environ = {"wsgi.input": Broken(), "CONTENT_LENGTH": "100"}
        response = app.test_client().post(PATH, content_type=FORM, environ_overrides=environ)
    else:
        response = chunked(app, Broken())

    assert_refused(response)


def test_a_bound_of_the_service_is_one_answer_too() -> None:
    """MAX_CONTENT_LENGTH may be lower than ours."""
    assert_refused(post(receiver(MAX_CONTENT_LENGTH=100), logout_token()))


def receiver_behind(hook: Callable[[], object]) -> Flask:
    """Return a service with a hook that runs before the receiver."""
    app = Flask("service")
    app.config.update(SETTINGS | ON)

    @app.before_request
    def before() -> None:
        hook()

    ResourceServer(app, clock=clock)
    return app


#: How a hook may read the body, one that logs requests or looks for a CSRF token.
READS: dict[str, Callable[[], object]] = {
    "get_data": lambda: request.get_data(),
    "data": lambda: request.data,
    "form": lambda: request.form,
    "values": lambda: request.values,
    "files": lambda: request.files,
    "get_data and form": lambda: request.get_data() and request.form,
    "form and get_data": lambda: request.form and request.get_data(),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_a_body_that_a_hook_has_read_is_still_there(read: Callable[[], object]) -> None:
    """As bytes, or as a form."""
    app = receiver_behind(read)

    assert post(app, logout_token()).status_code == 200
    assert chunked(receiver_behind(read), body_of(logout_token())).status_code == 200


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param("", FORM, id="no field"),
        pytest.param(f"logout_token={logout_token()}&logout_token={logout_token()}", FORM, id="the field twice"),
        pytest.param(f"logout_token={logout_token()}&x={'x' * 8192}", FORM, id="a long body"),
        pytest.param(f"logout_token={logout_token()}", f"{FORM}; charset=latin-1", id="another charset"),
        pytest.param({"logout_token": logout_token()}, "multipart/form-data", id="multipart"),
    ],
)
def test_a_form_that_a_hook_has_parsed_is_judged_alike(body: Any, content_type: str) -> None:
    """One token, in a form of the right type that is not too long."""
    app = receiver_behind(lambda: request.form)

    assert_refused(app.test_client().post(PATH, data=body, content_type=content_type))


def test_a_long_token_of_a_parsed_form_without_a_stated_length_is_refused() -> None:
    """Nobody knows any more how long the body was."""
    app = receiver_behind(lambda: request.form)

    assert_refused(chunked(app, body_of(logout_token(padding="x" * 8192))))


def test_a_long_body_without_a_stated_length_that_a_hook_has_kept_is_refused() -> None:
    """As one that nobody has read."""
    app = receiver_behind(lambda: request.get_data())

    assert_refused(chunked(app, body_of(f"{logout_token()}&x={'x' * 8192}")))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_no_other_method_is_answered(method: str, kind: str) -> None:
    """405, even if another route of the app would match."""
    app = receiver(kind)
    add_view(app, "/<path:anything>", require_jwt(lambda anything: anything))

    response = app.test_client().open(PATH, method=method)

    assert (response.status_code, response.headers["Allow"]) == (405, "POST")


class NoKeys(SimpleKeySource):
    """A key source whose issuer is down."""

    algorithms = frozenset({"HS256"})

    def keys_for(self, algorithm: str, key_id: str | None) -> Any:
        raise errors.KeysUnavailableError("the issuer is down", retry_after=7)


def test_the_issuer_may_try_again_if_its_keys_are_unavailable() -> None:
    """503, and the usual body."""
    app = receiver(AUTH_SECRET=None, keys=NoKeys())

    response = post(app, logout_token())

    assert response.status_code == 503
    assert response.headers["Retry-After"] == "7"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.get_json()["error"] == "keys_unavailable"


class Failing(MemoryStore):
    """A denylist that may be down, for one of its methods or for all."""

    def __init__(self) -> None:
        super().__init__(clock=clock)
        self.down: tuple[str, ...] = ()

    def remember(self, entries: Mapping[str, Entry]) -> None:
        self._ask("remember")
        super().remember(entries)

    def add_once(self, key: str, until: float) -> bool:
        self._ask("add_once")
        return super().add_once(key, until)

    def _ask(self, method: str) -> None:
        if method in self.down:
            raise StoreUnavailableError("it is down")


@pytest.mark.parametrize("failure", ["refuse", "accept"])
@pytest.mark.parametrize("down", [("remember",), ("add_once",), ("remember", "add_once")], ids=" ".join)
@pytest.mark.parametrize("named", [{"sid": "s-1"}, {}], ids=["session", "user"])
def test_the_issuer_may_try_again_if_a_logout_could_not_be_stored(
    named: dict[str, Any], down: tuple[str, ...], failure: str
) -> None:
    """With the same token: it counts as received only when its end is kept."""
    denylist = Failing()
    app = receiver(AUTH_DENYLIST=denylist, AUTH_DENYLIST_FAILURE=failure)
    denylist.down = down

    response = post(app, logout_token(**named))
    denylist.down = ()

    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.get_json()["error"] == "denylist_unavailable"
    assert post(app, logout_token(**named)).status_code == 200
    assert answer_to(app, with_claims(sid="s-1")) == REVOKED
    assert_refused(post(app, logout_token(**named)))


def test_a_local_issuer_of_a_test_logs_users_out() -> None:
    """It stands in for the issuer of the settings here too, and only as long as it does for access tokens."""
    app = receiver()
    with local_issuer(app) as issuer:
        session = issuer.issue("alice", claims={"sid": "s-1"})
        ours = issuer.sign(json.dumps(LOGOUT | {"sid": "s-1"}).encode(), {"typ": "logout+jwt"})
        before = answer_to(app, session)
        status = post(app, ours).status_code
        after = answer_to(app, session)

    assert (before, status, after) == (ALL_IS_WELL, 200, REVOKED)
    assert_refused(post(app, ours))
    assert post(app, logout_token()).status_code == 200


def test_two_issuers_may_give_two_logout_tokens_one_id() -> None:
    """The second is no repetition of the first."""
    entries = [
        {"issuer": ISSUER, "secret": SECRET, "audience": AUDIENCE},
        {"issuer": "https://b.example", "secret": OTHER_SECRET, "audience": AUDIENCE, "user_prefix": "b:"},
    ]
    app = receiver(AUTH_SECRET=None, AUTH_ISSUER=None, AUTH_AUDIENCE=None, AUTH_ISSUERS=entries)

    assert post(app, logout_token()).status_code == 200
    assert post(app, logout_token(iss="https://b.example", secret=OTHER_SECRET)).status_code == 200


def test_the_route_is_public_and_everything_else_stays_guarded() -> None:
    """It declares itself, so AUTH_DENY_BY_DEFAULT leaves it alone."""
    app = receiver(AUTH_DENY_BY_DEFAULT=True)

    assert post(app, logout_token()).status_code == 200
    assert_routes_guarded(app)


def test_the_openapi_document_leaves_the_route_out() -> None:
    """It is for the issuer, not for clients of the API."""
    assert PATH not in documented(receiver("flask-smorest"))["paths"]


def test_no_check_of_csrf_tokens_stands_in_between() -> None:
    """If it was added after us. An issuer has no such token."""
    app = receiver(SECRET_KEY=SECRET)
    CSRFProtect(app)

    assert post(app, logout_token()).status_code == 200


def test_an_access_token_beside_the_form_means_nothing() -> None:
    """A good one opens nothing, and a bad one closes nothing."""
    app = receiver()

    assert post(app, logout_token(), headers=bearer("nonsense")).status_code == 200
    assert_refused(post(app, "nonsense", headers=bearer(with_claims())))


@pytest.mark.parametrize("path", ["/oidc/bye", "/bye"])
def test_the_path_is_a_setting(path: str) -> None:
    """The usual one is unknown then."""
    app = receiver(AUTH_LOGOUT_PATH=path)

    assert post(app, logout_token(), path).status_code == 200
    assert post(app, logout_token(jti="2")).status_code == 404


def test_the_path_lies_inside_of_a_mounted_app() -> None:
    """Its server takes the mount away from the path, and APPLICATION_ROOT changes nothing."""
    app = receiver(APPLICATION_ROOT="/tasks")

    response = app.test_client().post(PATH, data={"logout_token": logout_token()}, base_url="https://api.example/tasks")

    assert response.status_code == 200


def test_every_host_of_an_app_receives() -> None:
    """An issuer may know any of them."""
    app = Flask("service", host_matching=True, static_host="static.example")
    app.config.update(SETTINGS | ON)
    ResourceServer(app, clock=clock)

    for number, host in enumerate(("api.example", "other.example")):
        response = post(app, logout_token(jti=str(number)), base_url=f"https://{host}")
        assert response.status_code == 200


def test_a_route_that_the_app_has_already_stops_the_start() -> None:
    """One of them would never be asked."""
    app = Flask("service")
    app.config.update(SETTINGS | ON)
    app.post(PATH)(lambda: "")

    with pytest.raises(ConfigurationError) as raised:
        ResourceServer(app)

    assert raised.value.problems == (
        "The app has a route /auth/backchannel-logout already; AUTH_LOGOUT_AUDIENCE makes it.",
    )


def test_without_the_setting_there_is_no_route_and_nothing_is_imported() -> None:
    """A service that receives nothing does not pay for it."""
    assert post(service(AUTH_DENYLIST="memory"), logout_token()).status_code == 404
    program = (
        "import sys; from flask import Flask; from auth import ResourceServer; app = Flask('x'); "
        f"app.config.update(AUTH_SECRET={SECRET!r}, AUTH_ISSUER={ISSUER!r}, AUTH_AUDIENCE={AUDIENCE!r}); "
        "ResourceServer(app); print([name for name in sys.modules if 'logout' in name and 'settings' not in name])"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert printed == "[]\n"


def test_each_issuer_ends_sessions_of_its_own() -> None:
    """Two issuers may give two sessions the same name, and two users."""
    entries = [
        {"issuer": ISSUER, "secret": SECRET, "audience": AUDIENCE},
        {"issuer": "https://b.example", "secret": OTHER_SECRET, "audience": AUDIENCE, "user_prefix": "b:"},
    ]
    app = receiver(AUTH_SECRET=None, AUTH_ISSUER=None, AUTH_AUDIENCE=None, AUTH_ISSUERS=entries)
    of_b = CLAIMS | {"iss": "https://b.example"}
    in_session, alice = (compact(HEADER, claims, secret=OTHER_SECRET) for claims in (of_b | {"sid": "s-1"}, of_b))

    def log_out(**claims: Any) -> int:
        logout = logout_token(iss="https://b.example", secret=OTHER_SECRET, **claims)
        return int(post(app, logout).status_code)

    assert answer_to(app, in_session) == ALL_IS_WELL
    assert log_out(sid="s-1") == 200
    assert answer_to(app, in_session) == REVOKED
    assert answer_to(app, with_claims(sid="s-1")) == ALL_IS_WELL
    assert log_out(jti="2") == 200
    assert answer_to(app, alice) == REVOKED
    assert answer_to(app, with_claims()) == ALL_IS_WELL


def test_a_session_ends_under_every_name_of_its_issuer() -> None:
    """A custom domain beside the old one: an access token may carry either."""
    old = "https://old.example"
    app = receiver(AUTH_ISSUER=[ISSUER, old])

    assert post(app, logout_token(sid="s-1", iss=old)).status_code == 200

    assert answer_to(app, with_claims(sid="s-1")) == REVOKED
    assert answer_to(app, with_claims(sid="s-1", iss=old)) == REVOKED


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [
        (record.levelname, record.getMessage())
        for record in caplog.records
        if record.name == "flask_resource_server.audit"
    ]


def test_each_logout_is_one_line_without_the_session(caplog: pytest.LogCaptureFixture) -> None:
    """At INFO, since it is nothing unusual."""
    app = receiver(AUTH_REQUEST_ID_HEADER="X-Request-ID")
    caplog.set_level(logging.INFO, "flask_resource_server.audit")

    post(app, logout_token(sid="s-1"), headers={"X-Request-ID": "r-1"})
    post(app, logout_token(jti="2"), headers={"X-Request-ID": "r-2"})

    told = f'issuer="{ISSUER}" route="{PATH}"'
    assert lines(caplog) == [
        ("INFO", f'logged out: ended="session" {told} request_id="r-1"'),
        ("INFO", f'logged out: ended="user" {told} request_id="r-2" user_id="alice"'),
    ]


def test_each_refused_logout_is_one_line_with_the_reason(caplog: pytest.LogCaptureFixture) -> None:
    """And without anything of the token."""
    app = receiver(AUTH_REQUEST_ID_HEADER="X-Request-ID")
    caplog.set_level(logging.WARNING, "flask_resource_server.audit")

    post(app, logout_token(aud="shop-web"), headers={"X-Request-ID": "r-1"})
    post(app, logout_token(jti="2"))
    post(app, logout_token(jti="2"), headers={"X-Request-ID": "r-2"})

    told = f'route="{PATH}"'
    assert lines(caplog) == [
        (
            "WARNING",
            'logout refused: error="invalid_audience" reason="aud names none of AUTH_LOGOUT_AUDIENCE; expected '
            f'tasks-web" {told} request_id="r-1"',
        ),
        (
            "WARNING",
            'logout refused: error="token_revoked" reason="the logout token came before: its jti is known" '
            f'{told} request_id="r-2"',
        ),
    ]
