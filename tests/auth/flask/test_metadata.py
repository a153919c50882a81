"""The metadata of a resource, and the challenges that lead to them (RFC 9728, RFC 6750 §3)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jwt
import pytest
from flask import Blueprint, Flask, Response, send_from_directory
from flask.views import MethodView
from flask_cors import CORS
from werkzeug.middleware.proxy_fix import ProxyFix

from auth import ResourceServer, current_token, owns_path_user, public, require_jwt, verified_token
from auth.errors import ConfigurationError, MissingTokenError, MisuseError
from auth.testing import assert_routes_guarded, local_issuer, local_issuers
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
    compact,
    documented,
    service,
    with_claims,
)

WELL_KNOWN = "/.well-known/oauth-protected-resource"
MCP, TASKS, DEEP = "https://api.example/mcp", "https://api.example/tasks", "https://api.example/tasks/admin"
SEVERAL: dict[str, Any] = {"AUTH_AUDIENCE": None, "AUTH_RESOURCE": [TASKS, DEEP, MCP]}

HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Content-Type": "application/json",
    "Cache-Control": "public, max-age=3600",
}


def one(**settings: Any) -> Flask:
    """Return a service that is the resource of its audience."""
    return service(**{"AUTH_RESOURCE": AUDIENCE, **settings})


def challenge(response: Any) -> str:
    return str(response.headers.get("WWW-Authenticate"))


def for_resources(*resources: str, **claims: Any) -> dict[str, str]:
    return bearer(with_claims(aud=list(resources), **claims))


def test_the_document_says_who_issues_tokens() -> None:
    """Members in this order, and nothing of the request."""
    app = one(
        AUTH_RESOURCE_SCOPES="tasks:read",
        AUTH_RESOURCE_NAME="Tasks of Łódź",
        AUTH_RESOURCE_DOCS="https://docs.example/tasks",
    )

    answer = app.test_client().get(WELL_KNOWN, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})

    assert answer.status_code == 200
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert list(json.loads(answer.data).items()) == [
        ("resource", AUDIENCE),
        ("authorization_servers", [ISSUER]),
        ("scopes_supported", ["tasks:read"]),
        ("bearer_methods_supported", ["header"]),
        ("resource_name", "Tasks of Łódź"),
        ("resource_documentation", "https://docs.example/tasks"),
    ]
    assert b"evil" not in answer.data


def test_what_is_not_set_is_not_in_the_document() -> None:
    """Not even as null or as an empty list (RFC 9728 §3.2)."""
    answer = one().test_client().get(WELL_KNOWN)

    assert json.loads(answer.data) == {
        "resource": AUDIENCE,
        "authorization_servers": [ISSUER],
        "bearer_methods_supported": ["header"],
    }


def test_nothing_is_served_without_a_resource() -> None:
    """Off until set."""
    app = service()

    assert app.test_client().get(WELL_KNOWN).status_code == 404
    assert [rule.rule for rule in app.url_map.iter_rules() if "well-known" in rule.rule] == []


@pytest.mark.parametrize(
    "resource", [AUDIENCE, "https://api.example:8443", "http://127.0.0.1:5000", "https://[2001:db8::1]"]
)
def test_a_resource_without_a_path_is_at_the_root(resource: str) -> None:
    """And nowhere below it."""
    client = one(AUTH_RESOURCE=resource, AUTH_AUDIENCE=None).test_client()

    assert client.get(WELL_KNOWN).json["resource"] == resource  # type: ignore[index]
    assert client.get(f"{WELL_KNOWN}/").status_code == 404
    assert client.get(f"{WELL_KNOWN}/mcp").status_code == 404


def test_an_only_resource_with_a_path_is_at_the_root_as_well() -> None:
    """Clients ask for the one with the path first, and then for the root."""
    client = one(AUTH_RESOURCE=MCP, AUTH_AUDIENCE=None).test_client()

    with_path, at_root = client.get(f"{WELL_KNOWN}/mcp"), client.get(WELL_KNOWN)

    assert with_path.data == at_root.data
    assert with_path.headers["ETag"] == at_root.headers["ETag"]
    assert with_path.json["resource"] == MCP  # type: ignore[index]
    assert client.get(f"/mcp{WELL_KNOWN}").status_code == 404


def test_each_of_several_resources_has_its_own_document() -> None:
    """The root would have to be one of them."""
    client = service(**SEVERAL).test_client()

    found = {path: client.get(f"{WELL_KNOWN}{path}") for path in ("", "/mcp", "/tasks", "/tasks/admin", "/other")}

    assert {path: answer.status_code for path, answer in found.items()} == {
        "": 404,
        "/mcp": 200,
        "/tasks": 200,
        "/tasks/admin": 200,
        "/other": 404,
    }
    assert [found[path].json["resource"] for path in ("/mcp", "/tasks", "/tasks/admin")] == [MCP, TASKS, DEEP]  # type: ignore[index]
    assert len({found[path].headers["ETag"] for path in ("/mcp", "/tasks", "/tasks/admin")}) == 3


def test_head_has_the_same_header_fields() -> None:
    """And no body."""
    client = one().test_client()

    got, asked = client.get(WELL_KNOWN), client.head(WELL_KNOWN)

    assert asked.data == b""
    assert {name: value for name, value in asked.headers if name != "Date"} == {
        name: value for name, value in got.headers if name != "Date"
    }


def test_a_document_that_a_client_has_is_not_sent_again() -> None:
    """304, with what a cache needs (RFC 9110 §15.4.5)."""
    client = one().test_client()
    tag = client.get(WELL_KNOWN).headers["ETag"]

    same, other = (client.get(WELL_KNOWN, headers={"If-None-Match": known}) for known in (tag, '"other"'))

    assert (same.status_code, same.data, other.status_code) == (304, b"", 200)
    assert same.headers["ETag"] == tag
    assert same.headers["Cache-Control"] == HEADERS["Cache-Control"]
    assert same.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nobody_writes_a_document(method: str) -> None:
    """405."""
    assert one().test_client().open(WELL_KNOWN, method=method).status_code == 405


def test_a_preflight_is_answered() -> None:
    """MCP clients in browsers send a header of their own, which needs one."""
    answer = (
        one()
        .test_client()
        .options(
            WELL_KNOWN,
            headers={
                "Origin": "https://client.example",
                "Access-Control-Request-Method": "GET",
                "Access-Control-Request-Headers": "mcp-protocol-version",
            },
        )
    )

    assert (answer.status_code, answer.data) == (204, b"")
    assert {name: value for name, value in answer.headers if name.startswith("Access-Control")} == {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": "GET, HEAD",
        "Access-Control-Allow-Headers": "*, Authorization",
        "Access-Control-Max-Age": "3600",
    }


def test_flask_cors_adds_nothing_to_it() -> None:
    """Two values of one field are none to a browser."""
    app = one()
    CORS(app, origins="https://client.example", supports_credentials=True)

    answer = app.test_client().get(WELL_KNOWN, headers={"Origin": "https://client.example"})

    assert answer.headers.getlist("Access-Control-Allow-Origin") == ["*"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("credentials", ["Bearer nonsense", "Basic YTpi", f"Bearer {compact()}", "Bearer a, Bearer b"])
@pytest.mark.parametrize("deny", [True, False])
def test_credentials_change_nothing(credentials: str, deny: bool) -> None:
    """A client may ask with the token that was refused."""
    client = one(AUTH_DENY_BY_DEFAULT=deny).test_client()

    plain, asked = client.get(WELL_KNOWN), client.get(WELL_KNOWN, headers={"Authorization": credentials})

    assert asked.data == plain.data
    assert {**asked.headers, "Date": ""} == {**plain.headers, "Date": ""}


def test_the_document_does_not_wait_for_the_issuer() -> None:
    """Nothing listens there."""
    settings = {"AUTH_SECRET": None, "AUTH_DISCOVERY": True, "AUTH_ISSUER": "http://127.0.0.1:9"}

    answer = one(**settings).test_client().get(WELL_KNOWN)

    assert answer.json["authorization_servers"] == ["http://127.0.0.1:9"]  # type: ignore[index]


@pytest.mark.parametrize("kind", KINDS)
def test_the_routes_of_the_documents_are_listed_as_public(kind: str) -> None:
    """And nothing is wrong with them. They are no operation of the API, so the document of flask-smorest lacks them."""
    app = service(kind, AUTH_RESOURCE=MCP, AUTH_AUDIENCE=None, AUTH_DENY_BY_DEFAULT=True)
    if kind == "flask-smorest":
        assert documented(app)["paths"] == {}

    listed = app.test_cli_runner().invoke(args=["auth", "routes"])

    assert_routes_guarded(app)
    assert listed.exit_code == 0
    assert [line.split() for line in listed.output.splitlines() if "well-known" in line] == [
        [method, path, "public", "view"] for path in (WELL_KNOWN, f"{WELL_KNOWN}/mcp") for method in ("GET", "OPTIONS")
    ]


def test_a_route_of_the_service_in_its_place_stops_the_start() -> None:
    """One of the two would never be reached."""
    app = Flask("service")
    app.config.update(SETTINGS, AUTH_RESOURCE=AUDIENCE)
    app.add_url_rule(WELL_KNOWN, view_func=lambda: "own", endpoint="own")

    with pytest.raises(ConfigurationError) as raised:
        ResourceServer(app)

    assert list(raised.value.problems) == [f"The app has a route {WELL_KNOWN} already; AUTH_RESOURCE makes it."]


def test_a_route_for_every_path_leaves_the_document_alone() -> None:
    """Such as that of a page which draws itself."""
    app = Flask("service")
    app.config.update(SETTINGS, AUTH_RESOURCE=AUDIENCE)
    app.add_url_rule("/<path:page>", view_func=lambda **_: "page", endpoint="page")
    ResourceServer(app)

    assert app.test_client().get(WELL_KNOWN).json["resource"] == AUDIENCE  # type: ignore[index]


@pytest.mark.parametrize(
    ("matching", "host"),
    [
        ("host_matching", "api.example"),
        ("host_matching", "other.example"),
        ("subdomain_matching", "api.example"),
        ("subdomain_matching", "b.api.example"),
    ],
)
def test_an_app_that_looks_at_hosts_serves_it_at_each(matching: str, host: str) -> None:
    """Which of them clients use is not its business."""
    app = Flask("service", **{matching: True, "static_folder": None})  # type: ignore[arg-type]
    app.config.update(SETTINGS, AUTH_RESOURCE=AUDIENCE, SERVER_NAME="api.example")
    ResourceServer(app)

    answer = app.test_client().get(WELL_KNOWN, base_url=f"https://{host}")

    assert answer.json["resource"] == AUDIENCE  # type: ignore[index]


@pytest.mark.parametrize("deny", [True, False])
@pytest.mark.parametrize(
    ("matching", "place"),
    [
        ("host_matching", {"host": "api.example"}),
        ("host_matching", {"host": "<name>.example"}),
        ("subdomain_matching", {"subdomain": "b"}),
    ],
)
def test_no_route_of_one_host_stands_before_the_document(matching: str, place: dict[str, str], deny: bool) -> None:
    """Flask prefers a fixed host to any host. Other methods, and other paths, are the route's."""
    app = Flask("service", **{matching: True, "static_folder": None})  # type: ignore[arg-type]
    app.config.update(SETTINGS, AUTH_RESOURCE=AUDIENCE, SERVER_NAME="api.example", AUTH_DENY_BY_DEFAULT=deny)
    ResourceServer(app)
    view = require_jwt(lambda **_: "page")
    app.add_url_rule("/<path:page>", view_func=view, endpoint="page", methods=["GET", "POST", "OPTIONS"], **place)  # type: ignore[arg-type]
    client, url = app.test_client(), f"https://{'b.' * ('subdomain' in place)}api.example"

    answers = {method: client.open(WELL_KNOWN, method=method, base_url=url) for method in ("GET", "HEAD", "OPTIONS")}

    assert answers["GET"].json["resource"] == AUDIENCE  # type: ignore[index]
    assert answers["HEAD"].headers["ETag"] == answers["GET"].headers["ETag"]
    assert (answers["OPTIONS"].status_code, answers["OPTIONS"].headers["Access-Control-Allow-Origin"]) == (204, "*")
    assert client.post(WELL_KNOWN, base_url=url).status_code == 401
    assert client.get("/page", base_url=url).status_code == 401


def test_an_endpoint_of_the_service_may_be_called_like_the_rfc() -> None:
    """Registered before or after the library's own."""
    app = one()
    app.add_url_rule("/page", view_func=lambda: "page", endpoint="oauth_protected_resource")

    assert app.test_client().get("/page").text == "page"
    assert app.test_client().get(WELL_KNOWN).json["resource"] == AUDIENCE  # type: ignore[index]


def test_credentials_stay_where_other_code_reads_them() -> None:
    """A middleware around the app, such as one that writes a log."""
    app = one()
    seen: list[str | None] = []
    inner = app.wsgi_app

    def logging(environ: Any, start_response: Any) -> Any:
        answered = inner(environ, start_response)
        seen.append(environ.get("HTTP_AUTHORIZATION"))
        return answered

    app.wsgi_app = logging  # type: ignore[method-assign]

    app.test_client().get(WELL_KNOWN, headers={"Authorization": "Basic YTpi"})

    assert seen == ["Basic YTpi"]


def test_a_refusal_before_leaves_no_trace_in_the_document() -> None:
    """A middleware sends one environ to a guarded view and then to the document."""
    app = one()
    add_view(app, "/guarded", require_jwt(lambda: "in"))
    inner = app.wsgi_app

    def twice(environ: Any, start_response: Any) -> Any:
        environ["PATH_INFO"] = "/guarded"
        b"".join(inner(environ, lambda *_: None))  # type: ignore[arg-type]
        environ["PATH_INFO"] = WELL_KNOWN
        return inner(environ, start_response)

    app.wsgi_app = twice  # type: ignore[method-assign]

    answer = app.test_client().get("/")

    assert (answer.status_code, challenge(answer)) == (200, "None")


METADATA = f'resource_metadata="https://api.example{WELL_KNOWN}"'


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("guards", "scope"),
    [
        ([{}], 'scope="least"'),
        ([{"optional": True}], 'scope="least"'),
        ([{"roles": "admin"}], 'scope="least"'),
        ([{"scopes": "a b"}], 'scope="a b"'),
        ([{"any_scope": "c d"}], 'scope="c"'),
        ([{"scopes": "a", "any_scope": "c d"}], 'scope="a c"'),
        ([{"scopes": "a"}, {"scopes": "b a"}], 'scope="a b"'),
    ],
)
def test_the_first_401_names_the_scopes_that_are_enough(kind: str, guards: list[dict[str, Any]], scope: str) -> None:
    """So that one token will do, whichever credentials came."""
    app = service(kind, AUTH_RESOURCE=AUDIENCE, AUTH_RESOURCE_SCOPES="least")
    view: Any = lambda: "in"  # noqa: E731
    for guard in reversed(guards):
        view = require_jwt(**guard)(view)
    add_view(app, "/", view)
    client = app.test_client()

    bad = client.get("/", headers=bearer("a.b.c"))
    expired = client.get("/", headers=bearer(with_claims(exp=1)))
    none = client.get("/")

    invalid = f'Bearer realm="api", error="invalid_token", {scope}, {METADATA}'
    assert [challenge(answer) for answer in (bad, expired)] == [invalid, invalid]
    assert challenge(none) == ("None" if guards == [{"optional": True}] else f'Bearer realm="api", {scope}, {METADATA}')


def test_a_401_names_no_scope_if_there_is_none_to_ask_for() -> None:
    """Neither the view nor the settings have one."""
    app = one()
    add_view(app, "/", require_jwt(lambda: "in"))

    assert challenge(app.test_client().get("/")) == f'Bearer realm="api", {METADATA}'


def test_a_request_with_two_credentials_is_led_to_the_metadata_as_well() -> None:
    """It needs no other scope."""
    app = one(AUTH_RESOURCE_SCOPES="least")
    add_view(app, "/", require_jwt(lambda: "in"))

    answer = app.test_client().get("/", headers={"Authorization": "Bearer a, Bearer b"})

    assert challenge(answer) == f'Bearer realm="api", error="invalid_request", {METADATA}'


def test_a_403_names_every_scope_of_the_view() -> None:
    """Those of a class and a blueprint around it too: a client asks for them at once."""

    @require_jwt(scopes="b")
    class View(MethodView):
        @require_jwt(scopes="a", any_scope="c d")
        def get(self) -> str:
            return "in"

    app = one()
    blueprint = Blueprint("outer", __name__)
    require_jwt(scopes="outer")(blueprint)
    blueprint.add_url_rule("/", view_func=View.as_view("view"))
    app.register_blueprint(blueprint)
    client = app.test_client()

    refused = client.get("/", headers=bearer(with_claims(scope="a c")))
    accepted = client.get("/", headers=bearer(with_claims(scope="a c b outer")))

    assert (refused.status_code, accepted.status_code) == (403, 200)
    assert challenge(refused) == f'Bearer realm="api", error="insufficient_scope", scope="b a c d outer", {METADATA}'


@pytest.mark.parametrize(
    ("view", "error"),
    [
        (owns_path_user(lambda **_: "in"), "not_owner"),
        (require_jwt(roles="admin")(lambda **_: "in"), "insufficient_role"),
        (require_jwt(caller="client")(lambda **_: "in"), "wrong_caller"),
    ],
)
def test_what_no_new_token_would_help_has_no_challenge(view: Any, error: str) -> None:
    """Owners, roles and callers."""
    app = one(AUTH_RESOURCE_SCOPES="least")
    add_view(app, "/<user_id>", view)

    answer = app.test_client().get("/bob", headers=bearer(compact()))

    assert (answer.status_code, answer.json["error"]) == (403, error)  # type: ignore[index]
    assert "WWW-Authenticate" not in answer.headers


def test_a_route_that_declares_nothing_leads_to_the_metadata_too() -> None:
    """Deny by default asks for a token first."""
    app = one(AUTH_DENY_BY_DEFAULT=True, AUTH_RESOURCE_SCOPES="least")
    add_view(app, "/", lambda: "in")
    client = app.test_client()

    assert challenge(client.get("/")) == f'Bearer realm="api", scope="least", {METADATA}'
    assert challenge(client.get("/", headers=bearer(compact()))) == "None"
    assert client.get("/nowhere").status_code == 404


@pytest.mark.parametrize("path", ["/mcp", "/elsewhere", "/tasks/../x"])
def test_a_route_that_declares_nothing_refuses_valid_tokens_as_ever(path: str) -> None:
    """Whichever of several resources they are for: the developer is told what is missing, not the client."""
    app = service(**SEVERAL, AUTH_DENY_BY_DEFAULT=True)
    add_view(app, "/<path:page>", lambda **_: "open")
    client = app.test_client()

    valid, other = client.get(path, headers=for_resources(TASKS)), client.get(path, headers=for_resources("other"))

    assert (valid.status_code, valid.json["error"], challenge(valid)) == (403, "undeclared_route", "None")  # type: ignore[index]
    assert (other.status_code, other.json["error"]) == (401, "invalid_audience")  # type: ignore[index]
    assert client.get(path).status_code == 401


@pytest.mark.parametrize("resource", [MCP, [MCP, TASKS]])
def test_a_guard_in_a_hook_of_a_blueprint_needs_a_resource_as_well(resource: Any) -> None:
    """It guards the views of the blueprint, and no client could find where their tokens come from."""
    app = service(AUTH_AUDIENCE=None, AUTH_RESOURCE=resource)
    app.testing = True
    blueprint = Blueprint("reports", __name__)
    blueprint.add_url_rule("/reports", view_func=lambda: "reports")
    blueprint.before_request(require_jwt(lambda: None))
    app.register_blueprint(blueprint)

    with pytest.raises(ConfigurationError) as raised:
        app.test_client().get("/mcp")

    names = [MCP] if resource == MCP else [MCP, TASKS]
    assert list(raised.value.problems) == [outside("/reports", *names)]


def test_a_guard_in_a_hook_of_the_app_leads_to_the_metadata_below_the_resource() -> None:
    """Everywhere else it refuses without."""
    app = service(AUTH_AUDIENCE=None, AUTH_RESOURCE=MCP)
    app.before_request(require_jwt(lambda: None))
    for rule in ("/mcp", "/other"):
        add_view(app, rule, lambda: "open")
    client = app.test_client()

    below, beside = client.get("/mcp"), client.get("/other")

    assert challenge(below) == f'Bearer realm="api", resource_metadata="https://api.example{WELL_KNOWN}/mcp"'
    assert (beside.status_code, challenge(beside)) == (401, 'Bearer realm="api"')
    assert client.get(f"{WELL_KNOWN}/mcp").status_code == 200


def test_a_guarded_function_of_a_public_view_names_its_own_scopes() -> None:
    """It refuses when it is called."""
    app = one(AUTH_RESOURCE_SCOPES="least")

    @require_jwt(scopes="inner")
    def inner() -> str:
        return "in"

    add_view(app, "/", lambda: inner())
    client = app.test_client()

    assert challenge(client.get("/")) == f'Bearer realm="api", scope="inner", {METADATA}'
    assert challenge(client.get("/", headers=bearer(compact()))) == (
        f'Bearer realm="api", error="insufficient_scope", scope="inner", {METADATA}'
    )


def test_an_error_of_a_hook_leads_to_the_metadata_too() -> None:
    """Also before any route is matched."""
    app = one(AUTH_RESOURCE_SCOPES="least")

    @app.before_request
    def demand() -> None:
        raise MissingTokenError

    assert challenge(app.test_client().get("/nowhere")) == f'Bearer realm="api", scope="least", {METADATA}'


def test_a_hook_of_the_service_cannot_lose_the_challenge() -> None:
    """Nor change it."""
    app = one()
    add_view(app, "/", require_jwt(scopes="a")(lambda: "in"))
    app.register_error_handler(MissingTokenError, lambda _: ("Sign in.", 200, {"WWW-Authenticate": "Basic"}))

    @app.after_request
    def strip(response: Response) -> Response:
        response.headers.pop("WWW-Authenticate", None)
        return response

    answer = app.test_client().get("/")

    assert (answer.status_code, answer.text) == (401, "Sign in.")
    assert answer.headers.getlist("WWW-Authenticate") == [f'Bearer realm="api", scope="a", {METADATA}']


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"},
        {"X-Forwarded-Prefix": "/evil"},
        {"Forwarded": "host=evil.example;proto=http"},
    ],
)
def test_no_header_of_a_request_changes_the_url(headers: dict[str, str]) -> None:
    """Behind ``ProxyFix`` either: an attacker's metadata would name an attacker's authorization server."""
    app = one(AUTH_RESOURCE=MCP, AUTH_AUDIENCE=None)
    add_view(app, "/mcp", require_jwt(lambda: "in"))
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1, x_prefix=1)  # type: ignore[method-assign]

    answer = app.test_client().get("/mcp", headers=headers)

    assert challenge(answer) == f'Bearer realm="api", resource_metadata="https://api.example{WELL_KNOWN}/mcp"'


def several(**settings: Any) -> Flask:
    app = service(**SEVERAL | settings)
    for rule in ("/mcp", "/tasks/", "/tasks/<user_id>", "/tasks/admin/users", "/tasks/<user_id>/<path:rest>"):
        add_view(app, rule, require_jwt(lambda **_: current_token.user_id))
    return app


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/mcp", MCP),
        ("/%2Fmcp", MCP),
        ("/tasks/", TASKS),
        ("/tasks/alice", TASKS),
        ("/tasks/admin", DEEP),
        ("/tasks/admin/users", DEEP),
        ("/tasks/adminx", TASKS),
        ("/tasks/ADMIN", TASKS),
        ("/tasks/alice/admin/users", TASKS),
        ("/tasks%2Fadmin%2Fusers", DEEP),
        ("/tasks/%61dmin/users", DEEP),
        ("/tasks/..admin/users", TASKS),
    ],
)
def test_a_token_is_good_for_the_resource_of_the_path_alone(path: str, resource: str) -> None:
    """The longest by whole segments, of the path as Flask matched it: the view that is reached decides."""
    client = several().test_client()

    # Each comes twice, so that it is remembered; and a good one of another resource in between.
    statuses = {
        named: [client.get(path, headers=for_resources(named)).status_code for _ in range(2)]
        for named in (MCP, TASKS, DEEP)
    }
    refused = client.get(path, headers=for_resources("https://api.example/other"))
    wrong = client.get(path, headers=for_resources(*{MCP, TASKS, DEEP} - {resource}))

    assert statuses == {named: [200, 200] if named == resource else [401, 401] for named in (MCP, TASKS, DEEP)}
    for answer in (refused, wrong):
        assert answer.json["error"] == "invalid_audience"  # type: ignore[index]
        assert challenge(answer) == (
            'Bearer realm="api", error="invalid_token", '
            f'resource_metadata="https://api.example{WELL_KNOWN}{resource.removeprefix("https://api.example")}"'
        )


@pytest.mark.parametrize(
    "path",
    [
        "/files/./admin/secret",
        "/files/x/../admin/secret",
        "/files/x%2f..%2fadmin/secret",
        "/files/x/%2e%2e/admin/secret",
        "/files/admin/../admin/secret",
        "/files/a//b/secret",
        "/files/a/%2fb/secret",
        "/files/a%2f%2fb/secret",
        "/files/x/..",
        "/files/x/.",
    ],
)
def test_no_token_is_good_for_a_path_that_a_view_could_resolve(tmp_path: Path, path: str) -> None:
    """A view that serves files would hand out those of another resource."""
    for folder in ("admin", "a/b"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "secret").write_text("secret")
    names = [f"https://api.example/files{below}" for below in ("", "/admin", "/a/b")]
    app = service(AUTH_AUDIENCE=None, AUTH_RESOURCE=names)
    add_view(app, "/files/<path:name>", require_jwt(lambda name: send_from_directory(tmp_path, name)))
    client = app.test_client()

    answers = [client.get(path, headers=for_resources(*names)), client.get(path, headers=for_resources(names[0]))]

    for answer in answers:
        assert (answer.status_code, answer.json["error"]) == (401, "invalid_audience")  # type: ignore[index]
        assert challenge(answer) == 'Bearer realm="api", error="invalid_token"'
    for direct, named in (("/files/admin/secret", names[1]), ("/files/a/b/secret", names[2])):
        with client.get(direct, headers=for_resources(named)) as reached:
            assert reached.get_data(as_text=True) == "secret"


def test_an_only_resource_leaves_such_paths_to_its_views() -> None:
    """There is no other to be led into."""
    app = one()
    add_view(app, "/<path:name>", require_jwt(lambda name: name))
    client = app.test_client()

    assert client.get("/a/../b//c", headers=bearer(compact())).text == "a/../b//c"
    assert challenge(client.get("/a/../b//c")) == f'Bearer realm="api", {METADATA}'


def test_a_remembered_token_crosses_no_resources() -> None:
    """The very same text, accepted before and after."""
    client = several().test_client()
    token = for_resources(TASKS)

    statuses = [client.get(path, headers=token).status_code for path in ("/tasks/", "/mcp", "/tasks/", "/mcp")]

    assert statuses == [200, 401, 200, 401]


def test_a_token_for_several_resources_is_good_for_each() -> None:
    """As far as it names them; a single one may stand there as text."""
    client = several().test_client()
    both, text = for_resources(TASKS, MCP), bearer(with_claims(aud=MCP))

    assert [client.get(path, headers=both).status_code for path in ("/tasks/", "/mcp", "/tasks/admin")] == [
        200,
        200,
        401,
    ]
    assert [client.get(path, headers=text).status_code for path in ("/tasks/", "/mcp")] == [401, 200]


def test_scopes_and_roles_count_at_every_resource_of_a_token() -> None:
    """Those that Keycloak keeps by audience as well: the token says nothing of one resource alone."""
    app = service(**SEVERAL, AUTH_PROFILE="keycloak")
    add_view(app, "/mcp", require_jwt(scopes="a", roles="admin")(lambda: "in"))
    of_tasks = {"typ": "Bearer", "scope": "a", "resource_access": {TASKS: {"roles": ["admin"]}}}
    client = app.test_client()

    statuses = [
        client.get("/mcp", headers=for_resources(*named, **of_tasks)).status_code for named in ([MCP, TASKS], [TASKS])
    ]

    assert statuses == [200, 401]


def test_an_environ_that_is_sent_to_another_path_is_judged_again() -> None:
    """A middleware may do that, and what was found out about the request is remembered there."""
    app, seen = several(), []
    inner = app.wsgi_app

    @app.teardown_request
    def look(_error: BaseException | None) -> None:
        seen.append(verified_token() is not None)

    def twice(environ: Any, start_response: Any) -> Any:
        environ["PATH_INFO"] = "/tasks/"
        first = b"".join(inner(environ, lambda *_: None))  # type: ignore[arg-type]
        assert first == b"alice"
        environ["PATH_INFO"] = "/mcp"
        return inner(environ, start_response)

    app.wsgi_app = twice  # type: ignore[method-assign]

    assert app.test_client().get("/", headers=for_resources(TASKS)).status_code == 401
    assert seen == [True, False]


def test_nobody_is_known_on_a_public_view_of_another_resource() -> None:
    """A middleware sends the same environ there, and no guard has run for that path."""
    app = service(**SEVERAL)
    add_view(app, "/tasks/", require_jwt(lambda: current_token.user_id))
    add_view(app, "/mcp", public(lambda: f"{verified_token()} {current_token.user_id}"))
    inner = app.wsgi_app

    def twice(environ: Any, start_response: Any) -> Any:
        environ["PATH_INFO"] = "/tasks/"
        assert b"".join(inner(environ, lambda *_: None)) == b"alice"  # type: ignore[arg-type]
        environ["PATH_INFO"] = "/mcp"
        return inner(environ, start_response)

    app.wsgi_app = twice  # type: ignore[method-assign]
    app.testing = True

    with pytest.raises(MisuseError, match="where no guard has run"):
        app.test_client().get("/", headers=for_resources(TASKS))


def test_a_token_for_another_resource_is_nobody_s(caplog: pytest.LogCaptureFixture) -> None:
    """The log says what was expected, and code of the service sees no caller."""
    app, seen = several(), []

    @app.after_request
    def look(response: Response) -> Response:
        seen.append(verified_token())
        return response

    app.test_client().get("/mcp", headers=for_resources(TASKS))

    assert seen == [None]
    (line,) = caplog.messages
    assert f"aud does not name the resource of this path; expected {MCP}" in line
    assert "alice" not in line


def test_an_anonymous_caller_needs_no_resource() -> None:
    """A bad token is refused all the same."""
    app = service(**SEVERAL)
    add_view(app, "/mcp", require_jwt(optional=True)(lambda: f"{bool(current_token)}"))
    client = app.test_client()

    assert client.get("/mcp").text == "False"
    assert client.get("/mcp", headers=for_resources(MCP)).text == "True"
    assert client.get("/mcp", headers=for_resources(TASKS)).status_code == 401


def test_a_guard_outside_of_all_resources_lets_nobody_in() -> None:
    """A function that a public view calls: no token is meant for its path."""
    app = several()

    @require_jwt
    def inner() -> str:
        return "in"

    add_view(app, "/other", lambda: inner())

    answer = app.test_client().get("/other", headers=for_resources(TASKS, MCP, DEEP))

    assert (answer.status_code, answer.json["error"]) == (401, "invalid_audience")  # type: ignore[index]
    assert challenge(answer) == 'Bearer realm="api", error="invalid_token"'


def outside(path: str, *names: str) -> str:
    return (
        f"{path}: The route lies below no resource of AUTH_RESOURCE ({' and '.join(names)}), so no client could find "
        "where tokens come from. Add the URL that it lies below, or set APPLICATION_ROOT to the path at which clients "
        "reach this app."
    )


@pytest.mark.parametrize("deny", [True, False])
@pytest.mark.parametrize("resources", [[MCP], [MCP, TASKS]])
@pytest.mark.parametrize("rule", ["/", "/mcpx", "/<user_id>", "/<user_id>/mcp", "/<path:rest>", "/m<name>", "/MCP"])
def test_a_guarded_route_outside_of_all_resources_stops_the_start(rule: str, resources: list[str], deny: bool) -> None:
    """If it was there, the start itself; otherwise the first request, and ``flask auth routes`` names it."""
    settings = SETTINGS | {"AUTH_AUDIENCE": None, "AUTH_RESOURCE": resources, "AUTH_DENY_BY_DEFAULT": deny}
    early, late = Flask("early"), service(**settings)
    early.config.update(settings)
    late.testing = True
    for app in (early, late):
        app.add_url_rule(rule, view_func=require_jwt(lambda **_: "in"), endpoint="view")
        app.add_url_rule("/open", view_func=lambda: "open", endpoint="open")

    with pytest.raises(ConfigurationError) as at_start:
        ResourceServer(early, clock=clock)
    with pytest.raises(ConfigurationError) as at_first:
        late.test_client().get("/open")
    listed = late.test_cli_runner().invoke(args=["auth", "routes"])

    expected = outside(rule, *sorted(resources))
    assert list(at_start.value.problems) == list(at_first.value.problems) == [expected]
    assert listed.exit_code == 1
    assert f"GET {expected}" in listed.output


@pytest.mark.parametrize("rule", ["/mcp", "/mcp/", "/mcp/<user_id>", "/mcp/a<int:n>"])
@pytest.mark.parametrize("root", ["/", "/svc", "/svc/"])
def test_the_path_of_the_app_stands_in_front_of_its_routes(rule: str, root: str) -> None:
    """``APPLICATION_ROOT`` says where clients reach the app; the server's ``SCRIPT_NAME`` changes nothing."""
    prefix = root.rstrip("/")
    app = service(AUTH_AUDIENCE=None, AUTH_RESOURCE=f"https://api.example{prefix}/mcp", APPLICATION_ROOT=root)
    add_view(app, rule, require_jwt(lambda **_: "in"))
    path = rule.replace("<user_id>", "alice").replace("<int:n>", "5")

    answers = [
        app.test_client().get(path, environ_overrides={"SCRIPT_NAME": name, "REQUEST_METHOD": "GET"})
        for name in ("", "/svc", "/evil")
    ]

    assert {challenge(answer) for answer in answers} == {
        f'Bearer realm="api", resource_metadata="https://api.example{WELL_KNOWN}{prefix}/mcp"'
    }


def test_tokens_of_the_testing_kit_are_good_for_every_resource() -> None:
    """And those of ``flask auth token``; a claim of its own makes one for a single resource."""
    app = several(AUTH_DEVELOPMENT_TOKENS=True)
    client = app.test_client()
    made = app.test_cli_runner().invoke(args=["auth", "token", "alice"]).output.strip()

    with local_issuer(app) as issuer:
        kit = [client.get(path, headers=issuer.authorization("alice")).status_code for path in ("/mcp", "/tasks/")]
        single = issuer.authorization("alice", claims={"aud": MCP})
        one_of_them = [client.get(path, headers=single).status_code for path in ("/mcp", "/tasks/")]

    assert (kit, one_of_them) == ([200, 200], [200, 401])
    assert sorted(jwt.decode(made, options={"verify_signature": False})["aud"]) == sorted([MCP, TASKS, DEEP])


def test_tokens_of_the_testing_kit_name_the_resources_of_their_issuer() -> None:
    """One issuer of several may be for some resources alone, and for older clients."""
    first = {"issuer": ISSUER, "secret": SECRET, "audience": ["a-client", TASKS]}
    second = {"issuer": "https://b.example", "secret": OTHER_SECRET, "user_prefix": "b:", "audience": MCP}
    app = service(**dict.fromkeys(SETTINGS, None), AUTH_RESOURCE=[TASKS, MCP], AUTH_ISSUERS=[first, second])  # type: ignore[arg-type]
    for rule in ("/mcp", "/tasks"):
        add_view(app, rule, require_jwt(lambda: "in"))
    client = app.test_client()

    with local_issuers(app) as issuers:
        statuses = [
            [client.get(path, headers=issuer.authorization("alice")).status_code for path in ("/tasks", "/mcp")]
            for issuer in issuers.values()
        ]

    assert statuses == [[200, 401], [401, 200]]
