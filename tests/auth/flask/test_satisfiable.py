"""Views that ask for what no token carries: the service does not start, or serves nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.views import MethodView

from auth import ResourceServer, public, require_jwt
from auth.errors import ConfigurationError
from auth.tokens import profiles
from tests.support.services import (
    AUDIENCE,
    ISSUER,
    KINDS,
    OTHER_SECRET,
    SECRET,
    SETTINGS,
    add_view,
    bearer,
    clock,
    service,
    with_claims,
)

NO_ROLES: dict[str, Any] = {"AUTH_PROFILE": "auth0"}


class Reports(MethodView):
    def get(self) -> str:
        return "reports"

    @require_jwt(any_role=["admin", "editor"])
    def post(self) -> str:
        return "made"


@require_jwt(roles="admin")
class Guarded(MethodView):
    def get(self) -> str:
        return "guarded"


def guarded_blueprint() -> Blueprint:
    outer, inner = Blueprint("outer", __name__), Blueprint("inner", __name__, url_prefix="/inner")
    inner.add_url_rule("/", "index", lambda: "in")
    require_jwt(roles="admin")(outer)
    outer.register_blueprint(inner)
    return outer


def add_function(app: Flask) -> None:
    add_view(app, "/", require_jwt(roles="admin")(lambda: "in"))


def add_class(app: Flask) -> None:
    add_view(app, "/", Guarded)


def add_method(app: Flask) -> None:
    add_view(app, "/", Reports)


def add_blueprint(app: Flask) -> None:
    app.register_blueprint(guarded_blueprint())


PLACES = {"function": add_function, "class": add_class, "method": add_method, "blueprint": add_blueprint}

SENTENCE = (
    r"asks for roles, and AUTH_PROFILE says that tokens carry none: nobody could enter\. "
    "Ask for scopes, which are read from scope and permissions, or use a profile"
)


@pytest.mark.parametrize("add", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("kind", KINDS)
def test_roles_that_no_token_has_are_refused_before_the_first_request(kind: str, add: Any) -> None:
    """Every request ends as the service's own 500, and the log says what to change."""
    app = service(kind, **NO_ROLES)
    add(app)
    app.add_url_rule("/open", "open", public(lambda: "open"))

    assert [app.test_client().get("/open").status_code for _ in range(2)] == [500, 500]
    app.testing = True
    with pytest.raises(ConfigurationError, match=SENTENCE):
        app.test_client().get("/open")


@pytest.mark.parametrize("add", PLACES.values(), ids=PLACES)
def test_roles_that_no_token_has_stop_the_start_where_the_views_are_there(add: Any) -> None:
    """The sentence names the view."""
    app = Flask("service")
    app.config.update(SETTINGS | NO_ROLES)
    add(app)

    with pytest.raises(ConfigurationError, match=r"guard of the view (view\d|outer\.inner\.index) " + SENTENCE):
        ResourceServer(app)


@pytest.mark.parametrize("add", PLACES.values(), ids=PLACES)
def test_roles_are_fine_where_tokens_have_them(add: Any) -> None:
    """Under every other profile."""
    app = service()
    add(app)

    assert app.test_client().get("/nowhere").status_code == 404


def test_roles_are_fine_where_the_tokens_of_one_issuer_have_them() -> None:
    """Its users can enter, and the others learn that they lack a role."""
    entry = {"secret": SECRET, "issuer": ISSUER, "audience": AUDIENCE}
    other = {"secret": OTHER_SECRET, "issuer": "https://t.example/", "audience": AUDIENCE, "user_prefix": "t:"}
    app = Flask("service")
    app.config["AUTH_ISSUERS"] = [entry, other | {"profile": "auth0"}]
    ResourceServer(app, clock=clock)
    add_function(app)

    assert app.test_client().get("/", headers=bearer(with_claims(roles=["admin"]))).text == "in"


@pytest.mark.parametrize("guard", [require_jwt(scopes="a"), require_jwt(any_scope="a")], ids=["scopes", "any_scope"])
def test_scopes_that_no_token_has_are_refused_alike(guard: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """No profile of today is without scopes; one of tomorrow may be."""
    bare = replace(profiles.PROFILES["jwt"], scope_claims=(), role_paths=())
    monkeypatch.setitem(profiles.PROFILES, "jwt", bare)
    app = service()
    add_view(app, "/scopes", guard(lambda: "in"))
    add_view(app, "/roles", require_jwt(roles="r")(lambda: "in"))
    app.testing = True

    with pytest.raises(ConfigurationError) as raised:
        app.test_client().get("/")

    assert [problem.partition("nobody could enter. ")[2] for problem in raised.value.problems] == [
        "Use a profile whose tokens have scopes.",
        "Take them out, or use a profile whose tokens have roles.",
    ]


def test_routes_without_a_view_or_a_method_are_passed_over() -> None:
    """They serve nothing."""
    app = service(**NO_ROLES)
    app.add_url_rule("/built", "built", build_only=True)
    app.add_url_rule("/socket", "socket", require_jwt(lambda: "in"), websocket=True, methods=[])

    assert app.test_client().get("/nowhere").status_code == 404


ORDER: dict[str, Any] = {"AUTH_ACR_VALUES": ["pwd", "phr", "phrh"]}


def problems(app: Flask) -> list[str]:
    """Return what is wrong with the views of an app, as its first request is told."""
    app.testing = True
    with pytest.raises(ConfigurationError) as raised:
        app.test_client().get("/")
    return list(raised.value.problems)


def test_an_acr_that_the_setting_does_not_hold_is_refused() -> None:
    """The setting holds every kind of login that the issuer knows, so a name may be misspelt."""
    app = service(**ORDER)
    add_view(app, "/", require_jwt(acr=["phr", "gold"])(lambda: "in"))
    add_view(app, "/typo", require_jwt(acr="phrr")(lambda: "in"))

    ask, hint = "asks for acr", "Add it there, in the order of strength."

    assert [problem.partition("The guard of the view ")[2].partition(" ")[2] for problem in problems(app)] == [
        f"{ask} gold, and AUTH_ACR_VALUES does not hold it: nobody could enter by it. {hint}",
        f"{ask} phrr, and AUTH_ACR_VALUES does not hold it: nobody could enter by it. {hint} Did you mean phr?",
    ]


def test_any_acr_is_fine_without_the_setting() -> None:
    """Nothing says which there are."""
    app = service()
    add_view(app, "/", require_jwt(acr="gold")(lambda: "in"))

    assert app.test_client().get("/", headers=bearer(with_claims(acr="gold"))).text == "in"


@pytest.mark.parametrize("other", [{}, {"acr_values": ["silver", "gold"]}], ids=["any", "its own"])
def test_an_acr_of_one_issuer_is_enough(other: dict[str, Any]) -> None:
    """The users of the others learn that they have to log in otherwise."""
    entry = {"secret": SECRET, "issuer": ISSUER, "audience": AUDIENCE, "acr_values": ["pwd", "phr"]}
    app = Flask("service")
    app.config["AUTH_ISSUERS"] = [
        entry,
        other | {"secret": OTHER_SECRET, "issuer": "https://t.example", "audience": AUDIENCE, "user_prefix": "t:"},
    ]
    ResourceServer(app, clock=clock)
    add_view(app, "/", require_jwt(acr="gold")(lambda: "in"))

    refused = app.test_client().get("/", headers=bearer(with_claims(acr="phr")))

    assert refused.headers["WWW-Authenticate"].endswith('acr_values="gold"')


def in_a_blueprint(app: Flask, around: str, inside: str) -> None:
    blueprint = require_jwt(acr=around)(Blueprint("b", "b"))
    blueprint.add_url_rule("/", "view", require_jwt(acr=inside)(lambda: "in"))
    app.register_blueprint(blueprint)


def test_guards_whose_logins_exclude_each_other_are_refused() -> None:
    """No token could satisfy both, and clients would go round in circles."""
    app = service()
    in_a_blueprint(app, "phr", "pwd")

    assert problems(app) == [
        "The guards of the view b.view ask for acr pwd and acr phr at once: nobody could enter. Correct one of them, "
        "or say in AUTH_ACR_VALUES which login is stronger."
    ]


@pytest.mark.parametrize("settings", [ORDER, {"AUTH_PROFILE": "entra"}], ids=["an order", "a list in the token"])
def test_guards_whose_logins_go_together_are_fine(settings: dict[str, Any]) -> None:
    """A stronger login satisfies both, or one token shows both."""
    app = service(**settings)
    in_a_blueprint(app, "phr", "pwd")

    assert app.test_client().get("/nowhere").status_code == 404
