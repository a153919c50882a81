"""Step-up authentication at guarded views: 401, the challenge of RFC 9470, and when a login is too old."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.views import MethodView

from auth import ResourceServer, owns_path_user, require_jwt
from auth.errors import InsufficientUserAuthenticationError
from tests.support.services import (
    AUDIENCE,
    CLAIMS,
    ISSUER,
    KINDS,
    NOW,
    OTHER_SECRET,
    SECRET,
    SETTINGS,
    add_view,
    bearer,
    compact,
    documented,
    service,
    with_claims,
)

CHALLENGE = 'Bearer realm="api", error="insufficient_user_authentication"'
PHR = bearer(with_claims(acr="phr", auth_time=NOW))


def answer(app: Flask, headers: dict[str, str], path: str = "/") -> tuple[int, str | None, str | None]:
    """Return the status, the ``error`` and the challenge of an answer."""
    response = app.test_client().get(path, headers=headers)
    error = (response.get_json(silent=True) or {}).get("error")
    return response.status_code, error, response.headers.get("WWW-Authenticate")


def guarded(kind: str = "flask", *, settings: dict[str, Any] | None = None, **rule: Any) -> Flask:
    """Return a service with one guarded view."""
    app = service(kind, **(settings or {}))
    add_view(app, "/", require_jwt(**rule)(lambda: "in"))
    return app


@pytest.mark.parametrize("kind", KINDS)
def test_the_whole_answer(kind: str) -> None:
    """The challenge says everything that the next login needs."""
    app = guarded(kind, acr=["phr", "phrh"], max_age=300)

    response = app.test_client().get("/", headers=bearer(with_claims(acr="pwd", auth_time=NOW)))

    assert response.status_code == 401
    assert response.headers.getlist("WWW-Authenticate") == [f'{CHALLENGE}, acr_values="phr phrh", max_age="300"']
    assert (response.headers["Cache-Control"], response.headers["Vary"]) == ("no-store", "Authorization")
    assert response.json == {
        "code": 401,
        "status": "Unauthorized",
        "message": "This request needs a login of the user with acr phr or phrh, at most 300 seconds ago.",
        "error": "insufficient_user_authentication",
    }


@pytest.mark.parametrize(
    ("rule", "parameters"),
    [
        ({"acr": "phr"}, 'acr_values="phr"'),
        ({"max_age": 300}, 'max_age="300"'),
        ({"acr": "phr", "max_age": 1, "scopes": "a"}, 'acr_values="phr", max_age="1"'),
    ],
)
def test_the_challenge_names_what_the_view_demands(rule: dict[str, Any], parameters: str) -> None:
    """A token without the claims shows no such login."""
    app = guarded(**rule)

    assert answer(app, bearer(with_claims())) == (
        401,
        "insufficient_user_authentication",
        f"{CHALLENGE}, {parameters}",
    )
    assert answer(app, bearer(with_claims(acr="phr", auth_time=NOW, scope="a")))[0] == 200


def test_a_published_resource_adds_its_scopes_and_its_metadata() -> None:
    """One more login is enough: for the right kind, and for the scopes."""
    app = guarded(settings={"AUTH_RESOURCE": AUDIENCE}, acr="phr", scopes="a b")

    assert answer(app, bearer(with_claims())) == (
        401,
        "insufficient_user_authentication",
        f'{CHALLENGE}, acr_values="phr", scope="a b", '
        'resource_metadata="https://api.example/.well-known/oauth-protected-resource"',
    )


@pytest.mark.parametrize("rule", [{"acr": "phr"}, {"max_age": 300}], ids=["acr", "max_age"])
def test_a_clients_own_token_is_the_wrong_caller(rule: dict[str, Any]) -> None:
    """It cannot log in, so a challenge would send it round in circles."""
    own = bearer(with_claims(client_id="alice", acr="phr", auth_time=NOW))

    assert answer(guarded(**rule), own) == (403, "wrong_caller", None)


@pytest.mark.parametrize("claims", [{"acr": 1}, {"acr": "phr", "auth_time": "noon"}, {"auth_time": True}], ids=str)
def test_a_claim_of_the_wrong_type_is_malformed(claims: dict[str, Any]) -> None:
    """On views that ask for a login; others do not look."""
    app = guarded(acr="phr", max_age=300)
    add_view(app, "/plain", require_jwt(lambda: "in"))
    add_view(app, "/scoped", require_jwt(scopes="a")(lambda: "in"))
    headers = bearer(with_claims(scope="a", **claims))

    assert answer(app, headers) == (401, "malformed_token", 'Bearer realm="api", error="invalid_token"')
    assert answer(app, headers, "/plain")[0] == answer(app, headers, "/scoped")[0] == 200


def test_a_login_grows_old_while_its_token_is_remembered() -> None:
    """By the clock of each request, up to the age and the leeway; RFC 9470 §3 allows the last second."""
    now = [NOW]
    app = Flask("service")
    app.config.update(SETTINGS, AUTH_LEEWAY=10)
    ResourceServer(app, clock=lambda: now[0])
    add_view(app, "/", require_jwt(max_age=300)(lambda: "in"))
    add_view(app, "/long", require_jwt(max_age=600)(lambda: "in"))
    headers = bearer(with_claims(auth_time=NOW))

    answers = []
    for now[0] in (NOW, NOW + 310, NOW + 311):
        answers.append((answer(app, headers)[0], answer(app, headers, "/long")[0]))

    assert answers == [(200, 200), (200, 200), (401, 200)]


def test_a_login_that_lies_ahead_is_none() -> None:
    """Nobody has logged in at that time yet; the leeway forgives a clock that goes fast."""
    app = guarded(settings={"AUTH_LEEWAY": 10}, max_age=300)

    assert answer(app, bearer(with_claims(auth_time=NOW + 10)))[0] == 200
    assert answer(app, bearer(with_claims(auth_time=NOW + 11)))[:2] == (401, "insufficient_user_authentication")


def test_a_stronger_login_satisfies_a_weaker_demand() -> None:
    """By the order of the setting; what the setting does not name satisfies nothing."""
    app = guarded(settings={"AUTH_ACR_VALUES": ["pwd", "phr", "phrh"]}, acr="phr")

    statuses = {acr: answer(app, bearer(with_claims(acr=acr)))[0] for acr in ("pwd", "phr", "phrh", "gold")}

    assert statuses == {"pwd": 401, "phr": 200, "phrh": 200, "gold": 401}


def test_each_issuer_has_an_order_of_its_own() -> None:
    """The token's issuer says what its ``acr`` means."""
    own: dict[str, Any] = {"issuer": "https://staff.example", "secret": OTHER_SECRET, "user_prefix": "staff:"}
    app = Flask("service")
    app.config.update(
        AUTH_AUDIENCE=AUDIENCE,
        AUTH_ISSUERS=[
            {"issuer": ISSUER, "secret": SECRET, "acr_values": ["bronze", "silver", "gold"]},
            own | {"acr_values": ["1", "2"]},
        ],
    )
    ResourceServer(app, clock=lambda: NOW)
    add_view(app, "/", require_jwt(acr=["silver", "1"])(lambda: "in"))

    def status(acr: str, issuer: str = ISSUER, secret: str = SECRET) -> int:

        return answer(app, bearer(compact(claims=CLAIMS | {"iss": issuer, "acr": acr}, secret=secret)))[0]

    assert [status(acr) for acr in ("bronze", "silver", "gold", "2")] == [401, 200, 200, 401]
    assert [status(acr, own["issuer"], OTHER_SECRET) for acr in ("1", "2", "gold")] == [200, 200, 401]


def test_the_list_of_entra_is_read() -> None:
    """``acrs`` names the authentication contexts that the login satisfies; ``acr`` there means something else."""
    claims = {"oid": "alice", "azp": "web", "tid": "t"}
    app = guarded(settings={"AUTH_PROFILE": "entra"}, acr="c1")

    assert answer(app, bearer(with_claims(acrs=["c3", "c1"], **claims)))[0] == 200
    assert answer(app, bearer(with_claims(acrs=["c3"], acr="c1", **claims)))[0] == 401


class Accounts(MethodView):
    decorators = [require_jwt(max_age=600)]  # noqa: RUF012  # as Flask declares it

    @require_jwt(acr="phrh", max_age=900)
    def get(self) -> str:
        return "in"


@pytest.mark.parametrize("kind", ["function", "class"])
def test_the_rules_of_blueprint_class_and_function_all_hold(kind: str) -> None:
    """The strictest age, and what satisfies every ``acr``."""
    app = service(AUTH_ACR_VALUES=["pwd", "phr", "phrh"])
    blueprint = require_jwt(acr="phr", max_age=600)(Blueprint("b", "b"))
    if kind == "class":
        blueprint.add_url_rule("/", view_func=Accounts.as_view("view"))
    else:
        blueprint.add_url_rule("/", "view", require_jwt(acr="phrh", max_age=900)(lambda: "in"))
    app.register_blueprint(blueprint)

    refused = (401, "insufficient_user_authentication", f'{CHALLENGE}, acr_values="phrh", max_age="600"')

    assert answer(app, bearer(with_claims(acr="phr", auth_time=NOW))) == refused
    assert answer(app, bearer(with_claims(acr="phrh", auth_time=NOW - 700))) == refused
    assert answer(app, bearer(with_claims(acr="phrh", auth_time=NOW - 600)))[0] == 200


def test_an_optional_guard_beside_it_lets_nobody_in() -> None:
    """The strictest rule counts."""
    app = service()
    blueprint = require_jwt(optional=True)(Blueprint("b", "b"))
    blueprint.add_url_rule("/", "view", require_jwt(max_age=300)(lambda: "in"))
    app.register_blueprint(blueprint)

    assert answer(app, {})[:2] == (401, "missing_token")
    assert answer(app, bearer(with_claims()))[:2] == (401, "insufficient_user_authentication")


def test_the_login_is_asked_for_before_everything_that_is_403() -> None:
    """So the answer to an old login says nothing about scopes, roles or owners, hidden ones included."""
    app = service()
    add_view(
        app, "/<user_id>", require_jwt(scopes="a", roles="b", max_age=300)(owns_path_user(lambda user_id: user_id))
    )
    add_view(app, "/h/<user_id>", owns_path_user(hide=True)(require_jwt(max_age=300)(lambda user_id: user_id)))

    for path in ("/alice", "/bob", "/h/alice", "/h/bob"):
        assert answer(app, bearer(with_claims(auth_time=NOW - 900)), path)[:2] == (
            401,
            "insufficient_user_authentication",
        )
    assert answer(app, PHR, "/bob")[:2] == (403, "insufficient_scope")
    assert answer(app, PHR, "/h/bob")[0] == 404
    assert answer(app, PHR, "/h/alice")[0] == 200


def test_a_guarded_function_that_is_called_from_elsewhere_asks_too() -> None:
    """By its own rules."""
    app = service()

    @require_jwt(acr="phr")
    def transfer() -> str:
        return "sent"

    @require_jwt
    def confirm() -> str:
        return transfer()

    add_view(app, "/", confirm)

    assert answer(app, bearer(with_claims())) == (
        401,
        "insufficient_user_authentication",
        f'{CHALLENGE}, acr_values="phr"',
    )
    assert answer(app, PHR)[0] == 200


def test_the_service_may_word_the_body() -> None:
    """Status and challenge stay."""
    app = guarded(acr="phr")
    app.errorhandler(InsufficientUserAuthenticationError)(lambda error: {"log in": list(error.acr_values)})

    response = app.test_client().get("/", headers=bearer(with_claims()))

    assert (response.status_code, response.json) == (401, {"log in": ["phr"]})
    assert response.headers["WWW-Authenticate"] == f'{CHALLENGE}, acr_values="phr"'


def test_the_log_says_why_and_nothing_of_the_token(caplog: pytest.LogCaptureFixture) -> None:
    """What the issuer wrote is not repeated."""
    app = guarded(acr="phr", max_age=300)

    with caplog.at_level(logging.INFO, "flask_resource_server.audit"):
        answer(app, bearer(with_claims(acr="a-secret", auth_time=NOW - 999)))

    (message,) = caplog.messages
    assert message.startswith(
        'access refused: error="insufficient_user_authentication" status=401 '
        'reason="acr is not one that the view asks for and auth_time is more than 300 s ago" route="/" request_id='
    )
    assert message.endswith('user_id="alice"')
    assert "a-secret" not in message


@pytest.mark.parametrize(
    "arguments",
    [
        {"acr": ""},
        {"acr": 'phr", error="none'},
        {"acr": "phr\r\nX-Injected: 1"},
        {"max_age": 0},
        {"max_age": True},
        {"max_age": "300"},
        {"acr": "phr", "optional": True},
        {"max_age": 300, "caller": "client"},
    ],
    ids=repr,
)
def test_wrong_arguments_are_refused_where_they_are_written(arguments: dict[str, Any]) -> None:
    """At import, like those of every other guard."""
    with pytest.raises(TypeError):
        require_jwt(**arguments)


def test_the_document_says_which_login_is_needed() -> None:
    """In the description, since ``security`` has no place for it; 401 shows the challenge."""
    app = service("flask-smorest")
    add_view(app, "/a", require_jwt(acr="phr")(lambda: "in"))
    add_view(app, "/b", require_jwt(acr=["phr", "phrh"], max_age=300)(lambda: "in"))

    document = documented(app)

    a, b = (document["paths"][path]["get"] for path in ("/a", "/b"))
    assert a["description"] == "Only with a login by `acr`: `phr`."
    assert b["description"] == (
        "Only with a login by `acr` one of: `phr`, `phrh`. Only with a login at most 300 seconds ago."
    )
    assert a["security"] == b["security"] == [{"bearerAuth": []}]
    assert {"401", "403", "503"} <= set(a["responses"])
    response = document["components"]["responses"]["AccessTokenRequired"]
    examples = response["content"]["application/json"]["examples"]
    assert examples["insufficient_user_authentication"]["value"] == {
        "code": 401,
        "status": "Unauthorized",
        "message": "This request needs a login of the user with acr phr or phrh, at most 300 seconds ago.",
        "error": "insufficient_user_authentication",
    }
