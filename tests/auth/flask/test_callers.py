"""Users, clients and those who act for a user, at guarded views."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.views import MethodView

from auth import ResourceServer, current_token, owns_path_user, require_jwt, verified_token
from auth.testing import TokenIssuer
from tests.support.services import (
    AUDIENCE,
    CLAIMS,
    ISSUER,
    KINDS,
    NOW,
    OTHER_SECRET,
    SECRET,
    add_view,
    bearer,
    compact,
    service,
    with_claims,
)

#: A client's own token, whose id is that of a user.
CLIENT = bearer(with_claims(client_id="alice"))
USER = bearer(with_claims(client_id="web"))
DELEGATED = bearer(with_claims(client_id="web", act={"sub": "helpdesk"}))


def guarded(kind: str = "flask", **settings: Any) -> Flask:
    """Return a service with a view for each kind of caller."""
    app = service(kind, **settings)
    add_view(app, "/users/<user_id>", owns_path_user(lambda user_id: user_id))
    add_view(app, "/accounts/<user_id>", owns_path_user(clients=True)(lambda user_id: user_id))
    add_view(app, "/jobs", require_jwt(caller="client")(lambda: "job"))
    add_view(app, "/mail", require_jwt(caller="user")(lambda: "mail"))
    add_view(app, "/password", require_jwt(delegated=False)(lambda: "password"))
    add_view(app, "/any", require_jwt(lambda: "any"))
    return app


def answer(app: Flask, path: str, headers: dict[str, str]) -> tuple[int, str | None]:
    response = app.test_client().get(path, headers=headers)
    return response.status_code, (response.get_json(silent=True) or {}).get("error")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("path", "user", "client", "delegated"),
    [
        ("/users/alice", None, "not_owner", None),
        ("/users/bob", "not_owner", "not_owner", "not_owner"),
        ("/accounts/alice", None, None, None),
        ("/accounts/bob", "not_owner", "not_owner", "not_owner"),
        ("/jobs", "wrong_caller", None, "wrong_caller"),
        ("/mail", None, "wrong_caller", None),
        ("/password", None, None, "delegated_token"),
        ("/any", None, None, None),
    ],
)
def test_each_view_lets_in_the_callers_it_is_for(
    kind: str, path: str, user: str | None, client: str | None, delegated: str | None
) -> None:
    """A refusal is 403; a user whose id is that of a client is told apart by the token."""
    app = guarded(kind)

    for headers, error in ((USER, user), (CLIENT, client), (DELEGATED, delegated)):
        assert answer(app, path, headers) == (403 if error else 200, error)


@pytest.mark.parametrize(
    ("path", "headers", "message"),
    [
        (
            "/users/alice",
            CLIENT,
            "The access token is a client's own, and this path belongs to a user. Send a user's token.",
        ),
        ("/mail", CLIENT, "This is for users, and the access token is a client's own. Send a user's token."),
        ("/jobs", USER, "This is for clients with a token of their own, and the access token is a user's."),
        ("/password", DELEGATED, "Somebody acts for the user of the access token, and only the user may do this."),
    ],
)
def test_a_refused_caller_reads_why_and_gets_no_challenge(path: str, headers: dict[str, str], message: str) -> None:
    """No other token of the same kind would help."""
    response = guarded().test_client().get(path, headers=headers)

    assert response.get_json()["message"] == message
    assert "WWW-Authenticate" not in response.headers
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Vary"] == "Authorization"


def test_a_remembered_token_is_judged_as_a_new_one() -> None:
    """The second request finds it in the cache."""
    for size in (0, 4096):
        client = guarded(AUTH_TOKEN_CACHE_SIZE=size).test_client()
        for path, status in (("/users/alice", 403), ("/mail", 403), ("/jobs", 200), ("/accounts/alice", 200)):
            assert [client.get(path, headers=CLIENT).status_code for _ in range(3)] == [status] * 3
        assert [client.get("/password", headers=DELEGATED).status_code for _ in range(3)] == [403] * 3


def test_an_unreadable_actor_is_refused_each_time_whatever_the_view_asks_for() -> None:
    """Nothing of it is remembered."""
    app = guarded()

    for _ in range(2):
        assert answer(app, "/any", bearer(with_claims(act="helpdesk"))) == (401, "malformed_token")
        assert answer(app, "/password", bearer(with_claims(act={}))) == (401, "malformed_token")
    assert answer(app, "/password", bearer(with_claims(act=None))) == (200, None)


def test_an_actor_is_looked_at_after_the_signature() -> None:
    """A forged token learns nothing."""
    forged = compact(claims=CLAIMS | {"act": "helpdesk"}, secret=OTHER_SECRET)

    assert answer(guarded(), "/any", bearer(forged)) == (401, "invalid_signature")


def test_the_caller_is_named_before_what_the_token_lacks() -> None:
    """A client that asks for the missing scope would be refused again."""
    app = service()
    add_view(app, "/", require_jwt(caller="user", delegated=False, scopes="a", roles="r")(lambda: ""))

    assert answer(app, "/", CLIENT) == (403, "wrong_caller")
    assert answer(app, "/", DELEGATED) == (403, "delegated_token")
    assert answer(app, "/", USER) == (403, "insufficient_scope")


def test_the_strictest_of_several_guards_counts() -> None:
    """What a blueprint or a class demands, a view cannot take back."""
    app = service()
    users = owns_path_user(Blueprint("users", "users", url_prefix="/users"))
    users.add_url_rule("/<user_id>", view_func=owns_path_user(clients=True)(lambda user_id: user_id), endpoint="one")
    jobs = require_jwt(caller="client")(Blueprint("jobs", "jobs", url_prefix="/jobs"))
    jobs.add_url_rule("/", view_func=require_jwt(lambda: ""), endpoint="all")
    jobs.add_url_rule("/impossible", view_func=require_jwt(caller="user")(lambda: ""), endpoint="none")
    app.register_blueprint(users)
    app.register_blueprint(jobs)

    @require_jwt(delegated=False)
    class Password(MethodView):
        def get(self) -> str:
            return "password"

    add_view(app, "/password", Password)

    assert answer(app, "/users/alice", CLIENT) == (403, "not_owner")
    assert answer(app, "/jobs/", USER) == (403, "wrong_caller")
    assert answer(app, "/jobs/", CLIENT) == (200, None)
    assert {answer(app, "/jobs/impossible", headers) for headers in (CLIENT, USER)} == {(403, "wrong_caller")}
    assert answer(app, "/password", DELEGATED) == (403, "delegated_token")


def test_a_guarded_function_that_is_called_asks_who_is_calling() -> None:
    """From a view that asks for nothing."""
    app = service()

    @require_jwt(caller="client")
    def jobs() -> str:
        return "jobs"

    @require_jwt(caller="user")
    def mail() -> str:
        return "mail"

    @owns_path_user
    def own(user_id: str) -> str:
        return user_id

    app.add_url_rule("/open/jobs", "jobs", lambda: jobs())
    app.add_url_rule("/open/mail", "mail", lambda: mail())
    app.add_url_rule("/open/<user_id>", "own", lambda user_id: own(user_id))

    assert answer(app, "/open/jobs", USER) == (403, "wrong_caller")
    assert answer(app, "/open/mail", CLIENT) == (403, "wrong_caller")
    assert answer(app, "/open/alice", CLIENT) == (403, "not_owner")
    assert answer(app, "/open/alice", USER) == (200, None)


def test_an_optional_caller_may_be_anybody() -> None:
    """A token says whose it is there as well, and a bad actor is refused."""
    app = service()

    @app.get("/")
    @require_jwt(optional=True)
    def greet() -> dict[str, Any]:
        return {"client": current_token.is_client} if current_token else {"client": None}

    def seen(headers: dict[str, str]) -> Any:
        return app.test_client().get("/", headers=headers).get_json()["client"]

    assert [seen({}), seen(USER), seen(CLIENT), seen(DELEGATED)] == [None, False, True, False]
    assert answer(app, "/", bearer(with_claims(act=[]))) == (401, "malformed_token")


@pytest.mark.parametrize("more", [{"caller": "user"}, {"caller": "client"}, {"delegated": False}], ids=str)
def test_an_optional_guard_asks_for_no_caller(more: dict[str, Any]) -> None:
    """One who is refused would come back without the token."""
    with pytest.raises(TypeError, match=r"^require_jwt cannot combine optional=True with caller or delegated"):
        require_jwt(optional=True, **more)


@pytest.mark.parametrize(
    "caller", ["users", "User", "", "machine", True, False, 0, ["user"], ("user", "client")], ids=repr
)
def test_a_caller_is_a_user_or_a_client(caller: Any) -> None:
    """A misspelling shows where it is written."""
    with pytest.raises(TypeError, match=r'^require_jwt takes "user" or "client" as caller'):
        require_jwt(caller=caller)


@pytest.mark.parametrize("value", [None, 0, 1, "no", "false", []], ids=repr)
def test_a_switch_is_true_or_false(value: Any) -> None:
    """``delegated=None`` may have been meant either way."""
    with pytest.raises(TypeError, match=r"^require_jwt takes .* True or False as delegated"):
        require_jwt(delegated=value)
    with pytest.raises(TypeError, match=r"^owns_path_user takes True or False as clients"):
        owns_path_user(clients=value)


def test_a_client_is_known_by_its_subject_whatever_names_the_user() -> None:
    """With another identity claim, a client's token may name somebody; one that names nobody does not get in."""
    app = guarded(AUTH_IDENTITY_CLAIM="email")
    mail = {"email": "alice@example.com", "email_verified": True}
    path = "/users/alice@example.com"

    assert answer(app, path, bearer(with_claims(**mail, client_id="web"))) == (200, None)
    assert answer(app, path, bearer(with_claims(**mail, client_id="alice"))) == (403, "not_owner")
    assert answer(app, path, bearer(with_claims(**mail, client_id="web", sub=...))) == (200, None)
    assert answer(app, "/jobs", CLIENT) == (401, "missing_claim")


def test_several_issuers_have_their_own_clients() -> None:
    """The prefix of a user id is no part of what is compared, and each profile reads its own tokens."""
    other = "https://other.example/"
    issuers = [
        {"issuer": ISSUER, "audience": AUDIENCE, "secret": SECRET},
        {"issuer": other, "audience": AUDIENCE, "secret": OTHER_SECRET, "user_prefix": "o|", "profile": "auth0"},
    ]
    app = guarded(AUTH_SECRET=None, AUTH_ISSUER=None, AUTH_AUDIENCE=None, AUTH_ISSUERS=issuers)

    def of_other(**claims: Any) -> dict[str, str]:
        return bearer(compact(claims=CLAIMS | {"iss": other} | claims, secret=OTHER_SECRET))

    assert answer(app, "/users/alice", CLIENT) == (403, "not_owner")
    assert answer(app, "/users/o%7Calice", of_other(client_id="web")) == (200, None)
    assert answer(app, "/users/o%7Cweb@clients", of_other(sub="web@clients")) == (403, "not_owner")
    assert answer(app, "/accounts/o%7Cweb@clients", of_other(sub="web@clients")) == (200, None)
    assert answer(app, "/accounts/web@clients", of_other(sub="web@clients")) == (403, "not_owner")
    # An equal sub is no sign at Auth0.
    assert answer(app, "/mail", of_other(client_id="alice")) == (200, None)


def test_a_view_reads_whose_token_it_is() -> None:
    """Through ``current_token`` and ``verified_token()``."""
    app = service()

    @app.get("/")
    @require_jwt
    def who() -> dict[str, Any]:
        token, actor = verified_token(), current_token.actor
        assert token is not None
        return {"client": token.client_id, "session": current_token.session_id, "actor": actor and actor.subject}

    headers = bearer(with_claims(azp="web", sid="s-1", act={"sub": "agent"}))

    assert app.test_client().get("/", headers=headers).get_json() == {
        "client": "web",
        "session": "s-1",
        "actor": "agent",
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_refusal_names_client_and_actor_in_the_log(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """On the line and on the record; the innermost actor is left out."""
    headers = bearer(with_claims(client_id="web", act={"sub": "helpdesk", "act": {"sub": "desk-app"}}))

    guarded(kind).test_client().get("/password", headers=headers)
    (record,) = caplog.records

    assert record.getMessage().endswith(' user_id="alice" client="web" actor="helpdesk"')
    assert (vars(record)["client"], vars(record)["actor"]) == ("web", "helpdesk")
    assert "desk-app" not in record.getMessage()


def test_a_refusal_of_a_client_says_so_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """The reason tells it from a user at a foreign path."""
    guarded().test_client().get("/users/alice", headers=CLIENT)

    (record,) = caplog.records

    assert vars(record)["reason"] == "the token is a client's own, and the path is a user's"
    assert vars(record)["client"] == "alice"
    assert "actor" not in vars(record)


HOSTILE = 'x" admin="true\r\n\x1b[31m access refused: \u2028\u202e' + "y" * 300


def test_names_in_the_log_stay_on_their_line(caplog: pytest.LogCaptureFixture) -> None:
    """An issuer lets clients choose their name; it is written as a JSON string of printable ASCII, cut to length."""
    headers = bearer(with_claims(client_id=HOSTILE, act={"sub": HOSTILE}))

    guarded().test_client().get("/password", headers=headers)
    (record,) = caplog.records
    line = record.getMessage()

    assert line.isascii()
    assert line.isprintable()
    written = re.fullmatch(r'.* client=("(?:[^"\\]|\\.)*") actor=("(?:[^"\\]|\\.)*")', line)
    assert written is not None
    assert [json.loads(name) for name in written.groups()] == [HOSTILE[:255]] * 2


def test_a_token_that_is_not_verified_names_nobody_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """What it claims is not known."""
    with caplog.at_level(logging.INFO, "flask_resource_server.audit"):
        forged = compact(claims=CLAIMS | {"client_id": "web", "act": {"sub": "x"}}, secret=OTHER_SECRET)
        guarded().test_client().get("/any", headers=bearer(forged))
    (record,) = caplog.records

    assert {"client", "actor", "user_id"}.isdisjoint(vars(record))


def test_an_app_on_keys_of_a_test_issuer_tells_callers_apart() -> None:
    """The testing kit makes both kinds."""
    issuer = TokenIssuer.generate("EdDSA", issuer=ISSUER, audience=AUDIENCE, clock=lambda: NOW)
    app = Flask("kit")
    app.config.update(AUTH_ISSUER=ISSUER, AUTH_AUDIENCE=AUDIENCE)
    ResourceServer(app, keys=issuer.keys, clock=lambda: NOW)
    add_view(app, "/jobs", require_jwt(caller="client")(lambda: "job"))

    assert answer(app, "/jobs", issuer.authorization("nightly", is_client=True)) == (200, None)
    assert answer(app, "/jobs", issuer.authorization("nightly", client_id="web")) == (403, "wrong_caller")
    assert answer(app, "/jobs", issuer.authorization("nightly")) == (403, "wrong_caller")
