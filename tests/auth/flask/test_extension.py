"""The error table over HTTP, with and without flask-smorest, and the extension around it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import pytest
from flask import Blueprint, Flask, Response, current_app, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.routing import Rule

from auth import AccessToken, ResourceServer, current_token, owns_path_user, public, require_jwt
from auth.errors import ConfigurationError, KeysUnavailableError, TokenRevokedError
from auth.flask.server import EXTENSION
from auth.keys import SimpleKeySource, VerificationKey
from auth.testing import TokenIssuer
from tests.support.services import (
    AUDIENCE,
    ISSUED,
    ISSUER,
    KINDS,
    NOW,
    OTHER_SECRET,
    SETTINGS,
    add_view,
    bearer,
    clock,
    compact,
    service,
    with_claims,
    with_header,
)


class Outage(SimpleKeySource):
    """A key source that has lost its issuer."""

    def keys_for(self, algorithm: str, key_id: str | None) -> Sequence[VerificationKey]:
        raise KeysUnavailableError("the issuer does not answer", retry_after=7)

    def ready(self) -> bool:
        return False


def protected(kind: str = "flask", **settings: Any) -> Flask:
    """Return a service with one view of each sort."""
    app = service(kind, **settings)

    @require_jwt
    def me() -> ResponseReturnValue:
        return {"user_id": current_token.user_id}

    @owns_path_user
    def notes(user_id: str) -> ResponseReturnValue:
        return {"owner": user_id}

    @require_jwt(scopes="reports:read reports:list", any_scope=["staff"])
    def reports() -> ResponseReturnValue:
        return {}

    @require_jwt(roles=["staff"], any_role=["editor", "admin"])
    def staff() -> ResponseReturnValue:
        return {}

    @require_jwt
    def revoked() -> ResponseReturnValue:
        raise TokenRevokedError("jti is on the denylist")

    @require_jwt(optional=True)
    def greeting() -> ResponseReturnValue:
        return {"hello": current_token.user_id if current_token else "stranger"}

    def undeclared() -> ResponseReturnValue:
        return {"open": True}

    @public
    def health() -> ResponseReturnValue:
        return {"healthy": True}

    add_view(app, "/me", me, methods=["GET", "POST"])
    add_view(app, "/users/<user_id>/notes", notes)
    add_view(app, "/reports", reports)
    add_view(app, "/staff", staff)
    add_view(app, "/revoked", revoked)
    add_view(app, "/greeting", greeting)
    add_view(app, "/undeclared", undeclared)
    add_view(app, "/health", health)
    return app


INVALID = 'Bearer realm="api", error="invalid_token"'
GOOD = bearer(compact())

#: path, request headers, status, phrase, message, error, challenge
TABLE: dict[str, tuple[str, dict[str, str], int, str, str, str, str | None]] = {
    "MISSING_TOKEN": (
        "/me", {}, 401, "Unauthorized", "An access token is required. Send it as Authorization: Bearer TOKEN.",
        "missing_token", 'Bearer realm="api"',
    ),
    "malformed request": (
        "/me", {"Authorization": f"Bearer {compact()}, Bearer {compact()}"}, 400, "Bad Request",
        "The request carries more than one credential. Keep one: Authorization: Bearer TOKEN.", "malformed_request",
        'Bearer realm="api", error="invalid_request"',
    ),
    "INVALID_HEADER_FORMAT": (
        "/me", {"Authorization": "Bearer"}, 401, "Unauthorized",
        "No access token follows Bearer in the Authorization header. Send it as Authorization: Bearer TOKEN.",
        "malformed_header", INVALID,
    ),
    "MALFORMED_TOKEN": (
        "/me", bearer("abc"), 401, "Unauthorized",
        "The access token is not a JWT, which has three parts with dots between them. Ask its issuer for a JWT.",
        "malformed_token", INVALID,
    ),
    "INVALID_TOKEN_SIGNATURE": (
        "/me", bearer(compact(secret=OTHER_SECRET)), 401, "Unauthorized",
        "The signature of the access token is not valid. Send it unchanged, from the issuer of this service.",
        "invalid_signature", INVALID,
    ),
    "TOKEN_EXPIRED": (
        "/me", bearer(with_claims(exp=NOW - 30)), 401, "Unauthorized", "The access token has expired.",
        "token_expired", INVALID,
    ),
    "not yet valid": (
        "/me", bearer(with_claims(nbf=NOW + 31)), 401, "Unauthorized",
        "The access token is not valid yet. Try again later, or correct the clock of its issuer.",
        "token_not_yet_valid", INVALID,
    ),
    "invalid issuer": (
        "/me", bearer(with_claims(iss="https://evil.example")), 401, "Unauthorized",
        "The access token comes from another issuer. Get one from the issuer of this service.",
        "invalid_issuer", INVALID,
    ),
    "invalid audience": (
        "/me", bearer(with_claims(aud="https://other.example")), 401, "Unauthorized",
        "The access token is meant for another service. Ask its issuer for one for this service.", "invalid_audience",
        INVALID,
    ),
    "invalid type": (
        "/me", bearer(with_header(typ="logout+jwt")), 401, "Unauthorized",
        "The token is not an access token for use as Bearer. Send the access token, not an ID or refresh token.",
        "invalid_type", INVALID,
    ),
    "MISSING_UID_CLAIM": (
        "/me", bearer(with_claims(sub=...)), 401, "Unauthorized",
        "The access token lacks a claim that is required here: sub.",
        "missing_claim", INVALID,
    ),
    "revoked": (
        "/revoked", GOOD, 401, "Unauthorized", "The access token has been revoked. Get a new one.",
        "token_revoked", INVALID,
    ),
    "insufficient scope": (
        "/reports", bearer(with_claims(scope="reports:read staff")), 403, "Forbidden",
        "The access token lacks a scope that this request needs: reports:list.", "insufficient_scope",
        'Bearer realm="api", error="insufficient_scope", scope="reports:read reports:list staff"',
    ),
    "insufficient role": (
        "/staff", bearer(with_claims(roles=["user"], scope="staff")), 403, "Forbidden",
        "The user of the access token lacks a role that this request needs: staff and one of editor, admin.",
        "insufficient_role", None,
    ),
    "FORBIDDEN_USER_ACCESS": (
        "/users/bob/notes", GOOD, 403, "Forbidden",
        "The access token belongs to another user than the one in the path.", "not_owner", None,
    ),
    "undeclared route": (
        "/undeclared", GOOD, 403, "Forbidden", "Access to this resource has not been configured.",
        "undeclared_route", None,
    ),
}  # fmt: skip


def check_refusal(
    response: Any, status: int, phrase: str, message: str, error: str, challenge: str | None, retry_after: str | None
) -> None:
    """Compare everything that a client may rely on."""
    assert response.status_code == status
    assert response.content_type == "application/json"
    assert response.json == {"code": status, "status": phrase, "message": message, "error": error}
    assert response.headers.getlist("WWW-Authenticate") == ([] if challenge is None else [challenge])
    assert response.headers.getlist("Cache-Control") == ["no-store"]
    assert response.headers.getlist("Vary") == ["Authorization"]
    assert response.headers.get("Retry-After") == retry_after


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)
def test_every_refusal_is_answered_in_full(
    kind: str, row: tuple[str, dict[str, str], int, str, str, str, str | None]
) -> None:
    """Status, body, challenge and caching, the same with and without flask-smorest."""
    path, headers, status, phrase, message, error, challenge = row

    response = protected(kind, AUTH_DENY_BY_DEFAULT=True).test_client().get(path, headers=headers)

    check_refusal(response, status, phrase, message, error, challenge, None)


@pytest.mark.parametrize("kind", KINDS)
def test_keys_that_cannot_be_had_are_nobodys_bad_token(kind: str) -> None:
    """503 with ``Retry-After`` and no challenge: the token is not to blame."""
    app = protected(kind, AUTH_SECRET=None, AUTH_ALGORITHMS="HS256", keys=Outage())

    response = app.test_client().get("/me", headers=GOOD)

    message = "The keys to verify access tokens are not available at the moment. Try again later."
    check_refusal(response, 503, "Service Unavailable", message, "keys_unavailable", None, "7")
    assert app.extensions[EXTENSION].keys_ready() is False


@pytest.mark.parametrize("kind", KINDS)
def test_expired_and_forged_are_told_apart(kind: str) -> None:
    """A token that is both is forged: what it says about its end is not believed."""
    client = protected(kind).test_client()
    answers = {
        name: client.get("/me", headers=bearer(token)).get_json()["error"]
        for name, token in {
            "expired": with_claims(exp=NOW - 3600),
            "forged": compact(secret=OTHER_SECRET),
            "both": compact(claims={"iss": ISSUER, "sub": "alice", "exp": 1}, secret=OTHER_SECRET),
        }.items()
    }

    assert answers == {"expired": "token_expired", "forged": "invalid_signature", "both": "invalid_signature"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_good_token_is_answered_and_kept_out_of_caches(kind: str) -> None:
    """The view sees who calls."""
    response = protected(kind).test_client().get("/me", headers=GOOD)

    assert (response.status_code, response.json) == (200, {"user_id": "alice"})
    assert response.headers.getlist("Cache-Control") == ["no-store"]
    assert response.headers.getlist("Vary") == ["Authorization"]
    assert "WWW-Authenticate" not in response.headers


@pytest.mark.parametrize("headers", [[("Authorization", GOOD["Authorization"])] * 2, GOOD], ids=["two", "one"])
def test_a_second_header_is_one_too_many(headers: Any) -> None:
    """Also where both say the same (RFC 6750 §2)."""
    response = protected().test_client().get("/me", headers=headers)

    assert response.status_code == (400 if isinstance(headers, list) else 200)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_counts_in_any_case(scheme: str) -> None:
    """RFC 9110 §11.1."""
    response = protected().test_client().get("/me", headers={"Authorization": f"{scheme} {compact()}"})

    assert response.status_code == 200


def test_a_token_anywhere_but_in_the_header_is_ignored() -> None:
    """Query, form, JSON body, cookie and other headers carry no credentials."""
    client = protected().test_client()
    client.set_cookie("access_token", compact())
    client.set_cookie("Authorization", f"Bearer {compact()}")
    token = {"access_token": compact(), "Authorization": f"Bearer {compact()}"}
    elsewhere = {"X-Authorization": f"Bearer {compact()}", "Proxy-Authorization": f"Bearer {compact()}"}

    answers = [
        client.get("/me", query_string=token, headers=elsewhere),
        client.post("/me", data=token, query_string=token),
        client.post("/me", json=token),
    ]

    assert [(answer.status_code, answer.get_json()["error"]) for answer in answers] == [(401, "missing_token")] * 3


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_paths_and_methods_come_before_authentication(kind: str) -> None:
    """404 and 405 are what anybody may know."""
    client = protected(kind, AUTH_DENY_BY_DEFAULT=True).test_client()

    assert client.get("/nowhere").status_code == 404
    assert client.delete("/me").status_code == 405


@pytest.mark.parametrize(("size", "status"), [(8192, 200), (8193, 401)])
def test_the_longest_token_over_http(size: int, status: int) -> None:
    """8192 bytes are accepted, one more is refused before anything is decoded."""
    token = next(made for n in range(5700, 6200) if len(made := with_claims(pad="x" * n)) == 8192)

    response = protected().test_client().get("/me", headers=bearer(token + "A" * (size - 8192)))

    assert response.status_code == status


ANONYMOUS: dict[str, tuple[dict[str, str], int, str]] = {
    "no credentials": ({}, 200, "stranger"),
    "a good token": (GOOD, 200, "alice"),
    "Basic": ({"Authorization": "Basic YWxpY2U6eA=="}, 401, "missing_token"),
    "an empty header": ({"Authorization": ""}, 401, "missing_token"),
    "a scheme alone": ({"Authorization": "Bearer"}, 401, "malformed_header"),
    "a bad token": (bearer("abc"), 401, "malformed_token"),
    "an expired token": (bearer(with_claims(exp=NOW - 60)), 401, "token_expired"),
}


@pytest.mark.parametrize(("headers", "status", "said"), ANONYMOUS.values(), ids=ANONYMOUS)
def test_optional_means_no_credentials_and_nothing_else(headers: dict[str, str], status: int, said: str) -> None:
    """A request with bad credentials is refused, not anonymous."""
    response = protected().test_client().get("/greeting", headers=headers)

    assert response.status_code == status
    assert said in response.get_json().values()
    assert response.headers.getlist("Vary") == ["Authorization"]


def test_an_anonymous_answer_may_be_cached_for_the_anonymous() -> None:
    """Only ``Vary`` is needed where no credentials came."""
    response = protected().test_client().get("/greeting")

    assert "Cache-Control" not in response.headers
    assert response.headers.getlist("Vary") == ["Authorization"]


def test_a_public_answer_without_credentials_is_left_alone() -> None:
    """It depends on nobody."""
    response = protected().test_client().get("/health")

    assert "Cache-Control" not in response.headers
    assert "Vary" not in response.headers


def test_a_public_answer_with_credentials_is_kept_out_of_caches() -> None:
    """RFC 9111 §3.5: every answer to a request with credentials, unless the view says otherwise."""
    response = protected().test_client().get("/health", headers=GOOD)

    assert response.headers.getlist("Cache-Control") == ["no-store"]
    assert response.headers.getlist("Vary") == ["Authorization"]


def test_a_view_may_say_otherwise_about_caches() -> None:
    """Its own ``Cache-Control`` stays, and ``Vary`` is added to."""
    app = service()

    @require_jwt
    def view() -> Response:
        response = jsonify({})
        response.headers["Cache-Control"] = "private, max-age=60"
        response.headers["Vary"] = "Accept-Language"
        return response

    add_view(app, "/", view)

    response = app.test_client().get("/", headers=GOOD)

    assert response.headers.getlist("Cache-Control") == ["private, max-age=60"]
    assert response.headers.getlist("Vary") == ["Accept-Language, Authorization"]


def test_a_head_request_is_refused_without_a_body() -> None:
    """The headers are those of GET."""
    response = protected().test_client().head("/me")

    assert (response.status_code, response.data) == (401, b"")
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="api"'


def test_the_realm_of_the_settings_stands_in_the_challenge() -> None:
    """Quoted (RFC 9110 §11.5)."""
    response = protected(AUTH_REALM="Tasks of everybody").test_client().get("/me")

    assert response.headers["WWW-Authenticate"] == 'Bearer realm="Tasks of everybody"'


@pytest.mark.parametrize("kind", KINDS)
def test_a_route_that_says_nothing_is_open_unless_the_settings_deny_it(kind: str) -> None:
    """``AUTH_DENY_BY_DEFAULT`` is off by default; a public view stays open either way."""
    undecided, denying = protected(kind).test_client(), protected(kind, AUTH_DENY_BY_DEFAULT=True).test_client()

    assert undecided.get("/undeclared").status_code == 200
    assert denying.get("/undeclared").status_code == 401
    assert denying.get("/undeclared", headers=GOOD).status_code == 403
    assert denying.get("/undeclared", headers=bearer("abc")).get_json()["error"] == "malformed_token"
    assert denying.get("/health").status_code == 200


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("headers", [{}, GOOD], ids=["without a token", "with a token"])
def test_a_guard_above_the_route_never_runs_and_the_route_is_refused(
    kind: str, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """The route holds the function without its guard; the log line names it."""
    app = service(kind, AUTH_DENY_BY_DEFAULT=True)

    def reports(user_id: str) -> ResponseReturnValue:
        return {"secret": user_id}

    add_view(app, "/reports/<user_id>", reports)
    require_jwt(reports)

    response = app.test_client().get("/reports/hostile%0Aname", headers=headers)

    assert response.status_code == (403 if headers else 401)
    assert response.headers.get("WWW-Authenticate") == (None if headers else 'Bearer realm="api"')
    undeclared = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(undeclared) == 1
    assert 'route="/reports/<user_id>"' in undeclared[0].getMessage()
    assert "hostile" not in caplog.text


def test_the_files_of_flask_itself_need_a_word_too() -> None:
    """``static`` is a route that says nothing; ``public`` takes views of others."""
    app = service(AUTH_DENY_BY_DEFAULT=True)
    before = app.test_client().get("/static/x.css").status_code
    app = service(AUTH_DENY_BY_DEFAULT=True)
    app.view_functions["static"] = public(app.view_functions["static"])
    after = app.test_client().get("/static/x.css").status_code

    assert (before, after) == (401, 404)


@pytest.mark.parametrize("deny", [False, True])
def test_automatic_options_stay_open_and_explicit_ones_are_guarded(deny: bool) -> None:
    """A preflight request carries no credentials; a view for OPTIONS is a view."""
    app = service(AUTH_DENY_BY_DEFAULT=deny)
    add_view(app, "/automatic", require_jwt(lambda: ""))
    add_view(app, "/undeclared", lambda: "")
    add_view(app, "/explicit", require_jwt(lambda: ""), methods=["GET", "OPTIONS"])
    client = app.test_client()

    assert client.options("/automatic").status_code == 200
    assert client.options("/automatic").headers["Allow"] == client.options("/undeclared").headers["Allow"]
    assert client.options("/explicit").status_code == 401
    assert client.options("/explicit", headers=GOOD).status_code == 200


def test_two_requests_inside_one_app_context_are_not_mixed_up() -> None:
    """``flask.g`` is shared there; the verified token is not."""
    app = protected()

    with app.app_context():
        first = app.test_client().get("/me", headers=GOOD)
        second = app.test_client().get("/me", headers=bearer(with_claims(sub="bob")))
        third = app.test_client().get("/me")

    assert [first.json, second.json, third.status_code] == [{"user_id": "alice"}, {"user_id": "bob"}, 401]


def test_an_app_inside_another_verifies_for_itself() -> None:
    """Two apps that see one environ do not believe each other."""
    inner_issuer = TokenIssuer(OTHER_SECRET, issuer=ISSUER, audience=AUDIENCE, clock=clock)
    outer, inner = service(), protected(AUTH_SECRET=OTHER_SECRET)
    seen: list[str] = []

    @outer.get("/me")
    @require_jwt
    def forward() -> Response:
        before = current_token.user_id
        inner_answer = inner.test_client().open(request.environ)
        seen.extend([before, current_token.user_id])
        return Response(inner_answer.data, inner_answer.status_code, content_type="application/json")

    refused = outer.test_client().get("/me", headers=GOOD)

    assert refused.get_json()["error"] == "invalid_signature"
    assert seen == ["alice", "alice"]
    assert inner.test_client().get("/me", headers=inner_issuer.authorization("carol")).json == {"user_id": "carol"}


def test_a_header_that_is_replaced_on_the_way_is_verified_again() -> None:
    """What was verified belongs to the header it was verified from."""
    app = protected()

    @app.before_request
    def replace() -> None:
        request.environ["HTTP_AUTHORIZATION"] = f"Bearer {with_claims(sub='bob')}"

    assert app.test_client().get("/me", headers=GOOD).json == {"user_id": "bob"}


def test_settings_are_read_once() -> None:
    """What changes in ``app.config`` later changes nothing."""
    app = protected()
    app.config.update(AUTH_SECRET=OTHER_SECRET, AUTH_REALM="later")

    assert app.test_client().get("/me", headers=GOOD).status_code == 200
    assert app.test_client().get("/me").headers["WWW-Authenticate"] == 'Bearer realm="api"'


def test_one_extension_may_serve_several_apps() -> None:
    """Nothing of an app is kept on the instance."""
    server = ResourceServer(clock=clock)
    apps = []
    for secret in (SETTINGS["AUTH_SECRET"], OTHER_SECRET):
        app = Flask("service")
        app.config.update(SETTINGS | {"AUTH_SECRET": secret})
        server.init_app(app)
        add_view(app, "/", require_jwt(lambda: ""))
        apps.append(app)

    assert [app.test_client().get("/", headers=GOOD).status_code for app in apps] == [200, 401]


def test_an_app_takes_one_resource_server() -> None:
    """A second one would say which settings count."""
    app = service()

    with pytest.raises(ConfigurationError, match="has a ResourceServer already"):
        ResourceServer(app)


def test_impossible_settings_stop_the_start_and_leave_the_app_as_it_was() -> None:
    """Nothing is half protected."""
    app = Flask("service")

    with pytest.raises(ConfigurationError, match="There is no key to verify tokens with"):
        ResourceServer(app)
    assert EXTENSION not in app.extensions
    assert app.before_request_funcs == {}


#: What makes own routes, and one path of each.
OWN_ROUTES: dict[str, tuple[dict[str, Any], str]] = {
    "metrics": ({"AUTH_METRICS_PATH": "/metrics"}, "/metrics"),
    "metadata": ({"AUTH_RESOURCE": AUDIENCE}, "/.well-known/oauth-protected-resource"),
    "logout": ({"AUTH_DENYLIST": "memory", "AUTH_LOGOUT_AUDIENCE": "web", "AUTH_LOGOUT_PATH": "/bye"}, "/bye"),
}


@pytest.mark.parametrize("taken", OWN_ROUTES)
def test_a_start_that_a_taken_path_refuses_leaves_nothing_behind_and_can_be_repeated(taken: str) -> None:
    """Whichever of the own routes it is: none of the others is there, and no hook."""
    asked = {name: value for settings, _ in OWN_ROUTES.values() for name, value in settings.items()}
    app = Flask("service")
    app.config.update(SETTINGS | asked)
    app.add_url_rule(OWN_ROUTES[taken][1], "own", lambda: "own")
    before = [route.rule for route in app.url_map.iter_rules()]
    with pytest.raises(ConfigurationError, match=f"has a route {OWN_ROUTES[taken][1]} already"):
        ResourceServer(app)
    after = [route.rule for route in app.url_map.iter_rules()]
    hooks = dict(app.before_request_funcs)
    app.config.update(dict.fromkeys(OWN_ROUTES[taken][0]))
    ResourceServer(app, clock=clock)

    assert (after, hooks) == (before, {})
    assert app.test_client().get(OWN_ROUTES[taken][1]).text == "own"


def test_every_taken_path_is_named_at_once() -> None:
    """Also one that two settings ask for."""
    app = Flask("service")
    app.config.update(SETTINGS, AUTH_RESOURCE=AUDIENCE, AUTH_DENYLIST="memory", AUTH_LOGOUT_AUDIENCE="web")
    app.config.update(AUTH_METRICS_PATH="/same", AUTH_LOGOUT_PATH="/same")
    app.add_url_rule("/.well-known/oauth-protected-resource", "own", lambda: "own")

    with pytest.raises(ConfigurationError) as caught:
        ResourceServer(app)
    assert caught.value.problems == (
        "The app has a route /.well-known/oauth-protected-resource already; AUTH_RESOURCE makes it.",
        "The app has a route /same already; AUTH_LOGOUT_AUDIENCE makes it.",
    )


def test_what_is_unwise_is_said_once_at_start(caplog: pytest.LogCaptureFixture) -> None:
    """A shared secret without issuer and audience."""
    service(AUTH_ISSUER=None, AUTH_AUDIENCE=None)

    assert [(record.name, record.levelname) for record in caplog.records] == [("flask_resource_server", "WARNING")] * 2
    assert SETTINGS["AUTH_SECRET"] not in caplog.text


def test_public_keys_through_the_settings_protect_a_service() -> None:
    """The whole way with an asymmetric key."""
    issuer = TokenIssuer.generate("ES256", issuer=ISSUER, audience=AUDIENCE, clock=clock)
    client = protected(AUTH_SECRET=None, AUTH_PUBLIC_KEY=issuer.public_key).test_client()

    assert client.get("/me", headers=issuer.authorization("alice")).json == {"user_id": "alice"}
    assert client.get("/me", headers=GOOD).get_json()["error"] == "invalid_signature"


def test_a_key_source_of_ones_own_protects_a_service() -> None:
    """``keys=`` is where any other source plugs in."""
    issuer = TokenIssuer.generate("EdDSA", issuer=ISSUER, audience=AUDIENCE, clock=clock)
    client = protected(AUTH_SECRET=None, keys=issuer.keys).test_client()

    assert client.get("/me", headers=issuer.authorization("alice")).json == {"user_id": "alice"}


def test_an_error_of_the_service_before_routing_names_no_route(caplog: pytest.LogCaptureFixture) -> None:
    """A hook may refuse a request that matches no route."""
    app = service()

    @app.before_request
    def refuse() -> None:
        raise TokenRevokedError("everything is revoked")

    response = app.test_client().get("/hostile")

    assert response.get_json()["error"] == "token_revoked"
    assert 'route=""' in caplog.text


def test_blueprints_inside_blueprints_are_guarded() -> None:
    """At every level."""
    app = service(AUTH_DENY_BY_DEFAULT=True)
    outer, inner = Blueprint("outer", "outer", url_prefix="/outer"), Blueprint("inner", "inner", url_prefix="/inner")

    @inner.get("/<user_id>")
    @owns_path_user
    def view(user_id: str) -> str:
        return f"{current_app.name} {user_id}"

    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    client = app.test_client()

    assert client.get("/outer/inner/alice").status_code == 401
    assert client.get("/outer/inner/bob", headers=GOOD).status_code == 403
    assert client.get("/outer/inner/alice", headers=GOOD).text == "service alice"


def test_the_verified_token_reaches_the_view_as_an_access_token() -> None:
    """``current_token`` stands for the real thing."""
    app = service()
    seen: list[AccessToken] = []

    @require_jwt
    def view() -> str:
        seen.append(current_token._get_current_object())  # type: ignore[attr-defined]
        return ""

    add_view(app, "/", view)
    app.test_client().get("/", headers=ISSUED.authorization("alice", scopes=["a"]))

    assert [type(token) for token in seen] == [AccessToken]
    assert (seen[0].user_id, seen[0].issuer) == ("alice", ISSUER)
    assert seen[0].scopes == {"a"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_view_may_answer_with_the_scopes_and_roles_of_the_token(kind: str) -> None:
    """Flask's own JSON knows no sets; these are lists there, in the same order each time."""
    app = service(kind)

    @require_jwt
    def view() -> dict[str, Any]:
        return {"scopes": current_token.scopes, "roles": current_token.roles}

    add_view(app, "/", view)
    answer = app.test_client().get("/", headers=ISSUED.authorization("alice", scopes=["c", "a", "b"], roles=["z", "y"]))

    assert answer.get_json() == {"scopes": ["a", "b", "c"], "roles": ["y", "z"]}


def test_an_explicit_answer_to_options_that_says_nothing_is_refused() -> None:
    """Also on a route that takes every method, which Flask answers no OPTIONS for."""
    app = service(AUTH_DENY_BY_DEFAULT=True)
    app.add_url_rule("/explicit", "explicit", lambda: "open", methods=["OPTIONS"])
    app.url_map.add(Rule("/any", endpoint="any"))
    app.view_functions["any"] = lambda: "open"
    client = app.test_client()

    for path in ("/explicit", "/any"):
        assert client.options(path).status_code == 401
        assert client.options(path, headers=GOOD).status_code == 403
