"""What the document says about protected operations."""

from __future__ import annotations

import functools
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from flask import Flask
from flask.views import MethodView
from flask_smorest import Api, Blueprint
from openapi_spec_validator import OpenAPIV2SpecValidator, OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

from auth import ResourceServer, owns_path_user, public, require_jwt
from auth.errors import AuthError, AuthErrorCode, KeysUnavailableError, NotOwnerError, TokenExpiredError
from auth.flask.declarations import add_rule
from auth.flask.openapi import COMPONENTS, SCHEME, security_of
from auth.path_rules import OwnerRule
from auth.rules import AccessRule, Policy, TokenRule
from auth.wire.challenges import body_for
from tests.support.services import SETTINGS, add_view, documented, service

SECURITY: dict[str, tuple[tuple[AccessRule, ...], list[dict[str, list[str]]]]] = {
    "a token": ((TokenRule(),), [{SCHEME: []}]),
    "an owner": ((OwnerRule("user_id"),), [{SCHEME: []}]),
    "scopes": ((TokenRule(("a", "b")),), [{SCHEME: ["a", "b"]}]),
    "any scope": ((TokenRule((), ("a", "b")),), [{SCHEME: ["a"]}, {SCHEME: ["b"]}]),
    "both": ((TokenRule(("a",), ("b", "c")),), [{SCHEME: ["a", "b"]}, {SCHEME: ["a", "c"]}]),
    "roles": ((TokenRule(("a",), roles=("r", "s")),), [{SCHEME: ["a", "r", "s"]}]),
    "any role": ((TokenRule(any_scope=("a", "b"), any_role=("r",)),), [{SCHEME: ["a", "r"]}, {SCHEME: ["b", "r"]}]),
    "two guards": ((TokenRule(("a",)), TokenRule(("b", "a"))), [{SCHEME: ["a", "b"]}]),
    "optional": ((TokenRule(optional=True),), [{SCHEME: []}, {}]),
    "optional and not": ((TokenRule(optional=True), OwnerRule("user_id")), [{SCHEME: []}]),
}


@pytest.mark.parametrize(("rules", "security"), SECURITY.values(), ids=SECURITY)
def test_the_security_of_a_view_lists_alternatives(
    rules: tuple[AccessRule, ...], security: list[dict[str, list[str]]]
) -> None:
    """All-of in one requirement, any-of in several, and an empty one for the anonymous."""
    assert security_of(Policy(rules)) == security


def test_below_openapi_3_1_no_scope_is_listed() -> None:
    """OpenAPI 3.0.3 §4.7.30: the list is empty for every scheme but OAuth 2 and OpenID Connect."""
    scopes, optional = Policy((TokenRule(("a",), ("b", "c")),)), Policy((TokenRule(optional=True),))

    assert security_of(scopes, names_scopes=False) == [{SCHEME: []}]
    assert security_of(optional, names_scopes=False) == [{SCHEME: []}, {}]


#: The versions that flask-smorest can write, with the public validator of each.
VALIDATORS = {
    "2.0": OpenAPIV2SpecValidator,
    "3.0.0": OpenAPIV30SpecValidator,
    "3.0.1": OpenAPIV30SpecValidator,
    "3.0.2": OpenAPIV30SpecValidator,
    "3.0.3": OpenAPIV30SpecValidator,
    "3.1.0": OpenAPIV31SpecValidator,
}

BELOW_3_1 = [version for version in VALIDATORS if version < "3.1"]


def guarded_document(version: str, *views: Any, **options: Any) -> dict[str, Any]:
    """Return the document of views at ``/0``, ``/1`` …, once its validator has found nothing."""
    app = Flask(__name__)
    app.config |= SETTINGS | {"API_TITLE": "tasks", "API_VERSION": "1", "OPENAPI_VERSION": version}
    api, blueprint = Api(app, spec_kwargs=options), Blueprint("tasks", __name__)
    for number, view in enumerate(views):
        blueprint.route(f"/{number}", endpoint=f"view{number}")(view)
    ResourceServer(app)
    api.register_blueprint(blueprint)
    document: dict[str, Any] = api.spec.to_dict()
    VALIDATORS[version](document).validate()  # type: ignore[arg-type,unused-ignore]
    return document


@pytest.mark.parametrize("version", VALIDATORS)
def test_the_document_is_valid_in_its_own_version(version: str) -> None:
    """Scopes are listed from OpenAPI 3.1 on; before that the list beside our scheme must be empty."""
    views = [require_jwt(scopes="a", any_role=["r"])(lambda: "in"), require_jwt(optional=True)(lambda: "in")]

    paths = guarded_document(version, *views)["paths"]

    names = [] if version in BELOW_3_1 else ["a", "r"]
    assert paths["/0"]["get"]["security"] == [{SCHEME: names}]
    assert paths["/1"]["get"]["security"] == [{SCHEME: []}, {}]
    assert {"401", "403", "503"} <= paths["/0"]["get"]["responses"].keys()


def test_swagger_2_0_describes_the_header_and_has_no_components() -> None:
    """It knows no ``http`` scheme; everything else says the same."""
    document = guarded_document("2.0", require_jwt(scopes="a")(lambda: "in"))

    assert "components" not in document
    assert document["securityDefinitions"][SCHEME] == {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "A JWT access token in the Authorization header (RFC 6750 §2.1). "
        "Write `Bearer`, a space and the token.",
    }
    assert document["paths"]["/0"]["get"]["responses"]["403"] == {"$ref": "#/responses/AccessDenied"}
    answer = document["responses"]["AccessTokenRequired"]
    assert answer["schema"] == {"$ref": "#/definitions/AuthError"}
    assert answer["examples"]["application/json"]["error"] == "token_expired"
    assert answer["headers"]["WWW-Authenticate"]["type"] == "string"
    assert document["definitions"]["AuthError"]["required"] == ["code", "status", "message", "error"]


def test_what_the_service_has_put_into_a_swagger_document_wins() -> None:
    """As it does in the other versions."""
    own = {"type": "apiKey", "in": "header", "name": "Authorization"}

    document = guarded_document("2.0", require_jwt(lambda: "in"), securityDefinitions={SCHEME: own})

    assert document["securityDefinitions"] == {SCHEME: own}


def described() -> str:
    """Return a report.

    It is long.
    """
    return "in"


DEMANDS: dict[str, tuple[Any, str | None]] = {
    "nothing more than a token": (require_jwt(lambda: "in"), None),
    "scopes": (require_jwt(scopes="a b")(lambda: "in"), "Required scopes: `a`, `b`."),
    "any scope": (require_jwt(any_scope="a b")(lambda: "in"), "Required scopes, at least one of: `a`, `b`."),
    "roles": (require_jwt(roles="r")(lambda: "in"), "Required roles: `r`."),
    "any role": (require_jwt(any_role=["r", "s"])(lambda: "in"), "Required roles, at least one of: `r`, `s`."),
    "two guards": (
        require_jwt(scopes="a", roles="r")(require_jwt(scopes="b", roles="r")(lambda: "in")),
        "Required scopes: `a`. Required roles: `r`. Required scopes: `b`.",
    ),
    "a view that says something itself": (
        require_jwt(scopes="a")(described),
        "It is long.\n\nRequired scopes: `a`.",
    ),
}


@pytest.mark.parametrize("version", BELOW_3_1)
@pytest.mark.parametrize(("view", "description"), DEMANDS.values(), ids=DEMANDS)
def test_a_description_names_what_the_list_of_scopes_cannot(version: str, view: Any, description: str | None) -> None:
    """A reader of the document still learns what a token has to grant."""
    assert guarded_document(version, view)["paths"]["/0"]["get"].get("description") == description


CALLERS: dict[str, tuple[Any, str]] = {
    "a user": (require_jwt(caller="user")(lambda: "in"), "Only with a user's token."),
    "a client": (require_jwt(caller="client")(lambda: "in"), "Only with a client's own token."),
    "nobody for the user": (
        require_jwt(caller="user", delegated=False)(described),
        "It is long.\n\nOnly with a user's token. Not with a delegated token (`act`).",
    ),
}


@pytest.mark.parametrize("version", VALIDATORS)
@pytest.mark.parametrize(("view", "description"), CALLERS.values(), ids=CALLERS)
def test_a_description_names_the_caller(version: str, view: Any, description: str) -> None:
    """No version has another place for that; scopes are named once."""
    documented = guarded_document(version, view)["paths"]["/0"]["get"]
    with_scope = guarded_document(version, require_jwt(scopes="a", caller="user")(lambda: "in"))["paths"]["/0"]["get"]

    assert documented["description"] == description
    assert documented["responses"]["403"]["$ref"].endswith("/AccessDenied")
    scopes = "Required scopes: `a`. " if version in BELOW_3_1 else ""
    assert with_scope["description"] == f"{scopes}Only with a user's token."


@pytest.mark.parametrize("version", VALIDATORS)
def test_a_description_stays_where_the_service_documents_security_itself(version: str) -> None:
    """Nothing is added to what it says."""
    view = Blueprint("other", __name__).doc(security=[{SCHEME: []}])(require_jwt(scopes="a")(described))

    operation = guarded_document(version, view)["paths"]["/0"]["get"]

    assert (operation["security"], operation["description"]) == ([{SCHEME: []}], "It is long.")


def operation(view: Any, **options: Any) -> dict[str, Any]:
    """Return the GET operation that flask-smorest writes for a view at ``/{user_id}``."""
    app = service("flask-smorest")
    add_view(app, "/<user_id>", view, **options)
    validate(documented(app))
    found: dict[str, Any] = documented(app)["paths"]["/{user_id}"]["get"]
    return found


def validate(document: dict[str, Any]) -> None:
    """Raise where a document is not OpenAPI 3.1, its references included."""
    OpenAPIV31SpecValidator(document).validate()  # type: ignore[arg-type,unused-ignore]


def reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/responses/{name}"}


class Notes(MethodView):
    def get(self, user_id: str) -> str:
        return user_id


def of_class(**members: Any) -> type[Notes]:
    return type("Notes", (Notes,), members)


PLACES: dict[str, Callable[[Callable[[Any], Any]], Any]] = {
    "function": lambda guard: guard(lambda user_id: user_id),
    "class": lambda guard: guard(of_class()),
    "decorators": lambda guard: of_class(decorators=[guard]),
    "method": lambda guard: of_class(get=guard(Notes.get)),
    "subclass of a guarded class": lambda guard: type("Derived", (guard(of_class()),), {}),
    "handler of a subclass": lambda guard: type("Derived", (guard(of_class()),), {"get": Notes.get}),
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_guard_is_documented_wherever_it_stands(place: Callable[[Callable[[Any], Any]], Any]) -> None:
    """``security``, 401 and 503 for a token."""
    found = operation(place(require_jwt))

    assert found["security"] == [{SCHEME: []}]
    assert found["responses"]["401"] == reference("AccessTokenRequired")
    assert found["responses"]["503"] == reference("KeysUnavailable")
    assert "403" not in found["responses"]


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_an_owner_is_documented_wherever_it_stands(place: Callable[[Callable[[Any], Any]], Any]) -> None:
    """With 403 as well."""
    found = operation(place(owns_path_user))

    assert found["security"] == [{SCHEME: []}]
    assert found["responses"]["403"] == reference("AccessDenied")


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_scopes_are_documented_wherever_they_stand(place: Callable[[Callable[[Any], Any]], Any]) -> None:
    """By name, with 403."""
    found = operation(place(require_jwt(scopes="notes:read", any_scope="a b")))

    assert found["security"] == [{SCHEME: ["notes:read", "a"]}, {SCHEME: ["notes:read", "b"]}]
    assert found["responses"]["403"] == reference("AccessDenied")


def test_an_optional_token_is_documented_as_an_alternative_to_none() -> None:
    """OpenAPI 3.1, Security Requirement Object: an empty one makes security optional."""
    assert operation(require_jwt(optional=True)(lambda user_id: user_id))["security"] == [{SCHEME: []}, {}]


@pytest.mark.parametrize("view", [public(lambda user_id: user_id), lambda user_id: user_id], ids=["public", "silent"])
def test_a_view_without_a_guard_is_documented_without_refusals(view: Any) -> None:
    """No guard of ours answers there."""
    found = operation(view)

    assert not found.get("security")
    assert not {"401", "403", "503"} & found["responses"].keys()


PUBLIC: dict[str, Any] = {
    "function": public(lambda user_id: user_id),
    "class": public(of_class()),
    "method": of_class(get=public(lambda self, user_id: (self, user_id))),
}


@pytest.mark.parametrize("view", PUBLIC.values(), ids=PUBLIC)
def test_a_public_view_is_documented_as_open(view: Any) -> None:
    """An empty list says so; a linter cannot take the operation for one that was forgotten."""
    assert operation(view)["security"] == []


def test_a_silent_view_says_nothing_about_security() -> None:
    """It may be guarded by something that is not ours."""
    assert "security" not in operation(lambda user_id: user_id)


@pytest.mark.parametrize("version", VALIDATORS)
def test_a_requirement_of_the_whole_document_does_not_close_public_views(version: str) -> None:
    """Services write ``security`` at the top for all of their operations, in each version of OpenAPI."""
    own: list[dict[str, list[str]]] = [{SCHEME: []}]
    kept = Blueprint("other", __name__).doc(security=[{"apiKey": []}])(public(lambda: "in"))
    scheme = {"type": "apiKey", "in": "header", "name": "X-Key"}
    options = {"securityDefinitions": {"apiKey": scheme}} if version == "2.0" else {}

    views = [public(lambda: "in"), lambda: "in", require_jwt(lambda: "in"), kept]
    document = guarded_document(version, *views, security=own, **options)

    found = [document["paths"][f"/{number}"]["get"].get("security") for number in range(4)]
    assert document["security"] == own
    assert found == [[], None, [{SCHEME: []}], [{"apiKey": []}]]


def test_a_public_view_in_a_guarded_blueprint_is_documented_as_guarded() -> None:
    """The guard of the blueprint holds for every view in it."""
    app, blueprint = service("flask-smorest"), Blueprint("notes", "notes")
    blueprint.route("/<user_id>")(public(of_class()))
    app.extensions["flask-smorest"]["apis"][""]["ext_obj"].register_blueprint(require_jwt(blueprint))

    assert documented(app)["paths"]["/{user_id}"]["get"]["security"] == [{SCHEME: []}]


def names(count: int, letter: str = "s") -> list[str]:
    return [f"{letter}{number}" for number in range(count)]


@pytest.mark.parametrize(("scopes", "roles", "listed"), [(16, 1, 16), (4, 4, 16), (17, 1, 1), (6, 3, 1), (200, 200, 1)])
def test_more_than_sixteen_alternatives_are_described_in_words(scopes: int, roles: int, listed: int) -> None:
    """Scopes and roles multiply: a list of them all may have megabytes, in a document that strangers can ask for."""
    found = operation(require_jwt(any_scope=names(scopes), any_role=names(roles, "r"))(lambda user_id: user_id))

    assert len(found["security"]) == listed
    if listed == 1:
        assert found["security"] == [{SCHEME: []}]
        assert f"at least one of: {', '.join(f'`{name}`' for name in names(scopes))}." in found["description"]
        assert f"at least one of: {', '.join(f'`{name}`' for name in names(roles, 'r'))}." in found["description"]
    else:
        assert "description" not in found


def test_what_others_noted_is_kept() -> None:
    """Response and documentation of flask-smorest, below and above the guard."""
    blueprint = Blueprint("notes", "notes")

    layers = [
        blueprint.alt_response(409, description="Conflict"),
        blueprint.response(200, description="Fine"),
        require_jwt,
        blueprint.doc(summary="Above", tags=["t"]),
    ]

    found = operation(functools.reduce(lambda view, layer: layer(view), layers, lambda user_id: user_id))

    assert (found["summary"], found["security"]) == ("Above", [{SCHEME: []}])
    assert {"200", "401", "409", "503"} <= found["responses"].keys()


def test_what_the_service_documents_itself_stays() -> None:
    """Its own security, and its own words for a refusal."""
    blueprint = Blueprint("notes", "notes")
    own: list[dict[str, list[str]]] = [{"apiKey": []}]

    found = operation(
        blueprint.doc(security=own)(
            blueprint.alt_response(403, description="Ask Alice")(owns_path_user(lambda user_id: user_id))
        )
    )

    assert found["security"] == own
    assert found["responses"]["403"]["description"] == "Ask Alice"
    assert found["responses"]["401"] == reference("AccessTokenRequired")


LATE: dict[str, Callable[[Flask, Any, Any], object]] = {
    "the class": lambda _app, view, _blueprint: require_jwt(view),
    "the blueprint": lambda _app, _view, blueprint: require_jwt(blueprint),
    "the view function": lambda app, _view, _blueprint: app.view_functions.update(
        {"notes.Notes": require_jwt(app.view_functions["notes.Notes"])}
    ),
}


@pytest.mark.parametrize("guard", LATE.values(), ids=LATE)
def test_a_guard_that_comes_after_the_registration_is_documented(guard: Callable[[Flask, Any, Any], object]) -> None:
    """The document is asked for before and after; it always says what is enforced."""
    app, blueprint, view = service("flask-smorest"), Blueprint("notes", "notes"), of_class()
    blueprint.route("/<user_id>")(view)
    app.extensions["flask-smorest"]["apis"][""]["ext_obj"].register_blueprint(blueprint)

    before = documented(app)["paths"]["/{user_id}"]["get"]
    guard(app, view, blueprint)
    after = documented(app)["paths"]["/{user_id}"]["get"]

    assert "security" not in before
    assert after["security"] == [{SCHEME: []}]
    assert app.test_client().get("/alice").status_code == 401


def test_the_document_is_derived_anew_each_time() -> None:
    """What a caller changes in one document is not in the next, nor in what apispec keeps."""
    app = service("flask-smorest")
    add_view(app, "/<user_id>", require_jwt(lambda user_id: user_id))

    documented(app)["paths"]["/{user_id}"]["get"]["security"].clear()

    assert documented(app)["paths"]["/{user_id}"]["get"]["security"] == [{SCHEME: []}]


def test_guards_do_not_share_their_notes() -> None:
    """One function, two guards, two operations."""

    def view(user_id: str) -> str:
        return user_id

    narrow, wide = require_jwt(scopes="a")(view), require_jwt(view)

    assert operation(narrow)["security"] == [{SCHEME: ["a"]}]
    assert operation(wide)["security"] == [{SCHEME: []}]
    assert "security" not in operation(view)


def test_blueprints_inside_blueprints_are_guarded_and_documented() -> None:
    """However deep a route hangs, it is enforced and it is written down."""
    app = service("flask-smorest", AUTH_DENY_BY_DEFAULT=True)
    outer, inner = Blueprint("outer", "outer", url_prefix="/outer"), Blueprint("inner", "inner", url_prefix="/inner")
    inner.route("/<user_id>")(owns_path_user(of_class()))
    outer.register_blueprint(inner)
    app.extensions["flask-smorest"]["apis"][""]["ext_obj"].register_blueprint(outer)

    document = documented(app)

    assert document["paths"]["/outer/inner/{user_id}"]["get"]["security"] == [{SCHEME: []}]
    assert app.test_client().get("/outer/inner/alice").status_code == 401


def prefixed(app: Flask, prefix: str) -> Api:
    api = Api(app, config_prefix=prefix)
    blueprint = Blueprint(f"notes{prefix}", "notes", url_prefix=f"/{prefix.lower()}")
    blueprint.route("/<user_id>")(owns_path_user(lambda user_id: user_id))
    api.register_blueprint(blueprint)
    return api


@pytest.mark.parametrize("order", ["apis first", "server first"])
def test_every_api_of_an_app_gets_the_components(order: str) -> None:
    """Whichever extension comes first, and whatever prefix its settings have."""
    app = Flask("service")
    app.config.update(SETTINGS)
    for prefix in ("", "V1_", "V2_"):
        app.config |= {
            f"{prefix}API_TITLE": "Service",
            f"{prefix}API_VERSION": "1",
            f"{prefix}OPENAPI_VERSION": "3.1.0",
        }
    if order == "server first":
        ResourceServer(app)
    apis = [prefixed(app, prefix) for prefix in ("", "V1", "V2")]
    if order == "apis first":
        ResourceServer(app)

    for api in apis:
        with app.app_context():
            document = api.spec.to_dict()
        validate(document)
        assert document["components"]["securitySchemes"] == COMPONENTS["securitySchemes"]
        assert document["components"]["schemas"]["AuthError"]["properties"]["error"]["enum"] == [*AuthErrorCode]
        assert document["components"]["responses"].keys() >= COMPONENTS["responses"].keys()


@pytest.mark.parametrize("order", ["api first", "server first"])
def test_what_the_service_has_put_into_its_document_wins(order: str) -> None:
    """Our components stand beside its own, and never replace one."""
    own = {"type": "http", "scheme": "bearer", "description": "Ask Alice for a token."}
    options = {"components": {"securitySchemes": {SCHEME: own}}, "servers": [{"url": "https://api.example"}]}
    app = Flask("service")
    app.config.update(SETTINGS | {"API_TITLE": "S", "API_VERSION": "1", "OPENAPI_VERSION": "3.1.0"})
    app.config["API_SPEC_OPTIONS"] = options
    if order == "server first":
        ResourceServer(app)
    api = Api(app)
    if order == "api first":
        ResourceServer(app)

    with app.app_context():
        document = api.spec.to_dict()

    assert document["components"]["securitySchemes"] == {SCHEME: own}
    assert document["components"]["responses"].keys() >= COMPONENTS["responses"].keys()
    assert document["servers"] == [{"url": "https://api.example"}]
    assert own == {"type": "http", "scheme": "bearer", "description": "Ask Alice for a token."}


def test_an_api_that_is_described_in_code_keeps_what_it_says() -> None:
    """Titles and components in ``spec_kwargs``, a prefix that no setting shows, and the server made first."""
    own = {"type": "apiKey", "in": "header", "name": "X-Key"}
    app = Flask("service")
    app.config.update(SETTINGS)
    ResourceServer(app)
    described = {"title": "Service", "version": "1", "openapi_version": "3.1.0"}
    api = Api(app, config_prefix="V1", spec_kwargs=described | {"components": {"securitySchemes": {"key": own}}})

    with app.app_context():
        document = api.spec.to_dict()

    assert document["components"]["securitySchemes"] == {"key": own} | COMPONENTS["securitySchemes"]


def test_two_apps_do_not_share_their_components() -> None:
    """What one service changes in its document stays there."""
    before = deepcopy(COMPONENTS)
    documented(service("flask-smorest"))["components"]["securitySchemes"][SCHEME]["scheme"] = "changed"

    assert before == COMPONENTS
    assert documented(service("flask-smorest"))["components"]["securitySchemes"] == before["securitySchemes"]


def test_the_examples_are_answers_that_are_given() -> None:
    """Each has the members that the schema requires, and a known code."""
    for response in COMPONENTS["responses"].values():
        for name, example in response["content"]["application/json"]["examples"].items():
            assert example["value"].keys() == {"code", "status", "message", "error"}
            assert example["value"]["error"] == name in [*AuthErrorCode]


RESPONSES: dict[str, tuple[tuple[AccessRule, ...], set[str]]] = {
    "a token": ((TokenRule(),), {"401", "503"}),
    "a scope": ((TokenRule(("a",)),), {"401", "403", "503"}),
    "any scope": ((TokenRule((), ("a", "b")),), {"401", "403", "503"}),
    "an owner": ((OwnerRule("user_id"),), {"401", "403", "503"}),
    "a caller": ((TokenRule(caller="client"),), {"401", "403", "503"}),
    "nobody for the user": ((TokenRule(delegated=False),), {"401", "403", "503"}),
    "a token and a scope": ((TokenRule(), TokenRule(("a",))), {"401", "403", "503"}),
    "an owner and a token": ((OwnerRule("user_id"), TokenRule()), {"401", "403", "503"}),
}


@pytest.mark.parametrize(("rules", "responses"), RESPONSES.values(), ids=RESPONSES)
def test_403_is_documented_where_a_good_token_may_be_refused(
    rules: tuple[AccessRule, ...], responses: set[str]
) -> None:
    """One rule that asks for more than a token is enough."""

    def view(user_id: str) -> str:
        return user_id

    for rule in rules:
        add_rule(view, rule)

    assert operation(view)["responses"].keys() == responses | {"default"}


def test_an_api_that_comes_first_has_the_components_at_once() -> None:
    """Also if its document is read outside of every context."""
    app = Flask("service")
    app.config.update(SETTINGS | {"API_TITLE": "Service", "API_VERSION": "1", "OPENAPI_VERSION": "3.1.0"})
    api = Api(app)
    ResourceServer(app)

    assert_complete(api.spec.to_dict())


def assert_complete(document: dict[str, Any]) -> None:
    """Demand our components in a document."""
    for section, entries in COMPONENTS.items():
        assert document["components"][section].items() >= entries.items()


def test_an_api_that_comes_inside_a_context_has_the_components_after_a_request() -> None:
    """No further context is pushed there."""
    app = service()
    app.config.update(API_TITLE="Service", API_VERSION="1", OPENAPI_VERSION="3.1.0")
    with app.app_context():
        api = Api(app)
        app.test_client().get("/nowhere")

        assert_complete(api.spec.to_dict())


ANSWERS: dict[str, AuthError] = {
    "AccessTokenRequired": TokenExpiredError(),
    "AccessDenied": NotOwnerError(),
    "KeysUnavailable": KeysUnavailableError(),
}


@pytest.mark.parametrize(("name", "error"), ANSWERS.items(), ids=ANSWERS)
def test_an_example_is_the_body_of_its_refusal(name: str, error: AuthError) -> None:
    """Status, sentence and code, as a client gets them."""
    examples = COMPONENTS["responses"][name]["content"]["application/json"]["examples"]

    assert examples[error.code] == {"value": body_for(error)}


def test_the_schema_of_a_refusal_requires_all_of_it() -> None:
    """Every member is always there; the challenge is where a token was asked for."""
    schema, responses = COMPONENTS["schemas"]["AuthError"], COMPONENTS["responses"]

    assert schema["required"] == list(schema["properties"]) == ["code", "status", "message", "error"]
    assert responses["AccessTokenRequired"]["headers"]["WWW-Authenticate"]["required"] is True
    assert responses["AccessDenied"]["headers"]["WWW-Authenticate"]["required"] is False
    assert responses["KeysUnavailable"]["headers"].keys() == {"Retry-After"}


def test_an_app_without_flask_smorest_has_no_document() -> None:
    """Nothing has to be installed for one."""
    app = service()

    with app.app_context():
        assert "flask-smorest" not in app.extensions
    assert "API_SPEC_OPTIONS" not in app.config
