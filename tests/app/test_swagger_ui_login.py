"""What the service offers so that Swagger UI can log in; a real browser does in ``tests/browser``."""

from __future__ import annotations

import html
import io
import json
import re
from typing import Any

import pytest
from dotenv import dotenv_values
from flask.testing import FlaskClient
from openapi_spec_validator import validate

from app import create_app
from app.docs_ui.login import Login
from auth.errors import ConfigurationError
from tests.app.test_docs_ui import POLICY
from tests.app.test_response_headers import DATA_POLICY
from tests.support.documentation import blocks
from tests.support.environments import ROOT
from tests.support.tasks_api import body_of

#: Nothing here depends on the database.
DATABASES = ("sqlite",)

ISSUER = {
    "BETTER_AUTH_SECRET": None,
    "AUTH_DISCOVERY": True,
    "AUTH_ISSUER": "https://login.example.com/realms/shop",
    "AUTH_AUDIENCE": "https://tasks.example.com",
}
LOGIN = {**ISSUER, "SWAGGER_UI_CLIENT_ID": "swagger-ui"}

URL = "https://api.example.com"

#: What is there only with a login.
EXTRA = ("/docs/oauth2-redirect", "/docs/oauth2-redirect.js", "/docs/login.js")

PAGES = ("/", "/docs", "/openapi.json", "/docs/start.js", "/health", "/api/alice/tasks", "/nowhere")


@pytest.fixture
def client(settings: dict[str, Any]) -> FlaskClient:
    """Return a client of a service that offers login."""
    return create_app(settings | LOGIN).test_client()


def options_of(client: FlaskClient) -> dict[str, Any]:
    """Return what the page says to its script."""
    (found,) = re.findall(r"data-login='([^']+)'", client.get("/docs").text)
    options: dict[str, Any] = json.loads(html.unescape(found))
    return options


def answer_of(client: FlaskClient, path: str) -> tuple[str, list[tuple[str, str]], bytes]:
    """Return the whole answer, without the id that each answer has of its own."""
    with client.get(path) as answer:
        return answer.status, [(name, value) for name, value in answer.headers if name != "X-Request-ID"], answer.data


@pytest.mark.parametrize("path", PAGES)
def test_only_the_page_and_the_document_know_of_a_login(
    settings: dict[str, Any], client: FlaskClient, path: str
) -> None:
    """Every other answer is the same, byte for byte; so are these two without their few words about it."""
    off = create_app(settings | ISSUER).test_client()
    status, headers, body = answer_of(client, path)
    if path == "/docs":
        headers = [(name, value.replace(" https://login.example.com;", ";")) for name, value in headers]
        body = re.sub(rb" data-redirect=\"[^\"]+\" data-login='[^']+'", b"", body)
        body = body.replace(b'\n  <script src="/docs/login.js"></script>', b"")
    if path == "/openapi.json":
        body = body.replace(b',{"openIdConnect":[]}', b"")
        body = re.sub(rb',"openIdConnect":{[^}]+}', b"", body)
    headers = [(name, str(len(body)) if name == "Content-Length" else value) for name, value in headers]

    assert (status, headers, body) == answer_of(off, path)


def test_without_the_setting_nothing_of_it_is_there(settings: dict[str, Any]) -> None:
    """The policy names no other origin, and the routes and files do not exist."""
    app = create_app(settings | ISSUER)
    client = app.test_client()

    assert client.get("/docs").headers["Content-Security-Policy"] == POLICY
    assert "login" not in client.get("/docs").text
    assert "openIdConnect" not in client.get("/openapi.json").text
    assert [client.get(path).status_code for path in EXTRA] == [404, 404, 404]
    assert {rule.rule for rule in app.url_map.iter_rules()}.isdisjoint(EXTRA)


def test_the_policy_of_the_page_names_the_origin_of_the_issuer_alone(client: FlaskClient) -> None:
    """No path, and on no other page."""
    policy = client.get("/docs").headers["Content-Security-Policy"]

    assert policy == POLICY.replace("connect-src 'self'", "connect-src 'self' https://login.example.com")
    for path in ("/health", "/openapi.json", "/docs/login.js", "/api/alice/tasks"):
        with client.get(path) as answer:
            assert answer.headers["Content-Security-Policy"] == DATA_POLICY


def test_the_token_endpoint_may_be_elsewhere_by_setting(settings: dict[str, Any]) -> None:
    """As with Amazon Cognito."""
    elsewhere = {"SWAGGER_UI_TOKEN_ORIGIN": "https://Shop.auth.example.com/"}

    page = create_app(settings | LOGIN | elsewhere).test_client().get("/docs")

    allowed = "connect-src 'self' https://login.example.com https://shop.auth.example.com;"
    assert allowed in page.headers["Content-Security-Policy"]


def test_the_issuer_may_be_in_the_network_of_containers_in_development(settings: dict[str, Any]) -> None:
    """By plain http, if its host is named."""
    container = {
        "AUTH_ISSUER": "http://keycloak:8080/realms/shop",
        "AUTH_INSECURE_HTTP_HOSTS": ["keycloak"],
        "AUTH_DEVELOPMENT_TOKENS": True,
    }

    page = create_app(settings | LOGIN | container).test_client().get("/docs")

    assert "connect-src 'self' http://keycloak:8080;" in page.headers["Content-Security-Policy"]


def test_the_issuer_sends_the_browser_back_to_a_page_with_a_policy_of_its_own(client: FlaskClient) -> None:
    """One script of our own origin, and the code in the address is neither kept nor sent on."""
    answer = client.get("/docs/oauth2-redirect?code=secret&state=x")

    assert answer.status_code == 200
    assert answer.headers["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "secret" not in answer.text
    assert re.findall(r"<script[^>]*>([^<]*)</script>", answer.text) == [""]
    (script,) = re.findall(r'<script src="([^"]+)"', answer.text)
    with client.get(script) as served:
        assert served.status_code == 200


@pytest.mark.parametrize("path", ["/docs", "/docs/oauth2-redirect"])
def test_the_two_windows_may_know_each_other(client: FlaskClient, path: str) -> None:
    """Cross-Origin-Opener-Policy would cut the window of the issuer off from the page."""
    assert "Cross-Origin-Opener-Policy" not in client.get(path).headers


def test_the_document_takes_a_login_wherever_it_takes_a_token(client: FlaskClient) -> None:
    """Valid, with the address of the issuer's metadata; public operations stay public."""
    document = body_of(client.get("/openapi.json"))

    validate(document)
    assert list(document["components"]["securitySchemes"]) == ["bearerAuth", "openIdConnect"]
    scheme = document["components"]["securitySchemes"]["openIdConnect"]
    assert scheme.pop("description").startswith("Log in at the authorization server")
    assert scheme == {
        "type": "openIdConnect",
        "openIdConnectUrl": "https://login.example.com/realms/shop/.well-known/openid-configuration",
    }
    security = [operation["security"] for item in document["paths"].values() for operation in item.values()]
    assert [found for found in security if found] == [[{"bearerAuth": []}, {"openIdConnect": []}]] * 9
    assert security.count([]) == 2


def test_operations_that_demand_no_token_stay_as_they_are() -> None:
    """Also one that says nothing of it, and one with a scheme of its own."""
    silent: dict[str, Any] = {"responses": {}}
    own: dict[str, Any] = {"security": [{"apiKey": []}]}
    scoped = {"security": [{"bearerAuth": ["tasks:read"]}, {}]}
    paths = {"/tasks": {"get": silent, "put": own, "post": scoped}}
    login = Login.from_config(LOGIN)
    assert login is not None

    described = login.describe({"components": {"securitySchemes": {}}, "paths": paths})

    assert described["paths"]["/tasks"]["get"] == silent
    assert described["paths"]["/tasks"]["put"] == own
    assert described["paths"]["/tasks"]["post"] == {
        "security": [{"bearerAuth": ["tasks:read"]}, {}, {"openIdConnect": ["tasks:read"]}]
    }


def test_the_document_does_not_depend_on_the_issuer(client: FlaskClient) -> None:
    """Nobody answers at that address, and what is served is the same each time."""
    first, second = client.get("/openapi.json"), client.get("/openapi.json")

    assert first.status_code == 200
    assert first.data == second.data


@pytest.mark.parametrize(
    ("changes", "parameters"),
    [
        ({}, {"resource": "https://tasks.example.com"}),
        ({"AUTH_PROFILE": None}, {"resource": "https://tasks.example.com"}),
        ({"AUTH_PROFILE": "rfc9068"}, {"resource": "https://tasks.example.com"}),
        ({"AUTH_PROFILE": "better-auth"}, {"resource": "https://tasks.example.com"}),
        ({"AUTH_AUDIENCE": ["urn:example:tasks", "old"]}, {"resource": "urn:example:tasks"}),
        ({"AUTH_AUDIENCE": "tasks-api"}, {}),
        ({"AUTH_PROFILE": "auth0"}, {"audience": "https://tasks.example.com"}),
        ({"AUTH_PROFILE": "auth0", "AUTH_AUDIENCE": "tasks-api"}, {"audience": "tasks-api"}),
        ({"AUTH_AUDIENCE": None, "AUTH_RESOURCE": URL}, {"resource": URL}),
        ({"AUTH_AUDIENCE": None, "AUTH_RESOURCE": [URL, f"{URL}/mcp"]}, {"resource": URL}),
        ({"AUTH_AUDIENCE": ["old", URL], "AUTH_RESOURCE": URL}, {"resource": URL}),
        ({"AUTH_AUDIENCE": ["urn:example:tasks"], "AUTH_RESOURCE": URL}, {"resource": "urn:example:tasks"}),
        ({"AUTH_AUDIENCE": None, "AUTH_RESOURCE": URL, "AUTH_PROFILE": "auth0"}, {"audience": URL}),
        ({"AUTH_AUDIENCE": None, "AUTH_RESOURCE": URL, "AUTH_PROFILE": "keycloak"}, {}),
        ({"AUTH_PROFILE": "keycloak"}, {}),
        ({"AUTH_PROFILE": "cognito"}, {}),
        ({"AUTH_PROFILE": "entra"}, {}),
    ],
)
def test_the_issuer_is_told_which_api_the_token_is_for(
    settings: dict[str, Any], changes: dict[str, Any], parameters: dict[str, str]
) -> None:
    """In its own words; ``resource`` must be a URI (RFC 8707 §2)."""
    options = options_of(create_app(settings | LOGIN | changes).test_client())

    assert options == {"clientId": "swagger-ui", "scopes": "openid", "parameters": parameters}


def test_the_scopes_are_those_of_the_setting(settings: dict[str, Any]) -> None:
    """Some issuers learn from a scope which API is meant."""
    scopes = "openid api://5c0f1c9e/tasks.read"

    options = options_of(create_app(settings | LOGIN | {"SWAGGER_UI_SCOPES": scopes}).test_client())

    assert options["scopes"] == scopes


def test_a_client_id_cannot_break_out_of_the_page(settings: dict[str, Any]) -> None:
    """Whatever the issuer calls its clients."""
    hostile = "'><script>alert(1)</script>\"&"

    client = create_app(settings | LOGIN | {"SWAGGER_UI_CLIENT_ID": hostile}).test_client()

    assert options_of(client)["clientId"] == hostile
    assert "<script>alert" not in client.get("/docs").text


def test_the_page_comes_back_below_a_path_prefix(settings: dict[str, Any]) -> None:
    """The address that is registered at the issuer begins with it."""
    proxied = {"TRUSTED_PROXIES": 1, "TRUST_FORWARDED_PREFIX": True}
    client = create_app(settings | LOGIN | proxied).test_client()
    prefix = {"X-Forwarded-Prefix": "/todo"}

    assert 'data-redirect="/todo/docs/oauth2-redirect"' in client.get("/docs", headers=prefix).text
    assert '"/todo/docs/oauth2-redirect.js"' in client.get("/docs/oauth2-redirect", headers=prefix).text


def test_better_auth_with_discovery_may_be_the_issuer(settings: dict[str, Any]) -> None:
    """BETTER_AUTH_URL names issuer and audience."""
    ours = {"BETTER_AUTH_SECRET": None, "BETTER_AUTH_URL": "https://auth.example.com", "AUTH_DISCOVERY": True}

    client = create_app(settings | ours | {"SWAGGER_UI_CLIENT_ID": "swagger-ui"}).test_client()

    assert options_of(client)["parameters"] == {"resource": "https://auth.example.com"}
    assert "connect-src 'self' https://auth.example.com;" in client.get("/docs").headers["Content-Security-Policy"]


def test_an_issuer_with_several_names_is_asked_by_the_first(settings: dict[str, Any]) -> None:
    """As the library asks it for its keys."""
    names = ["https://login.example.com", "https://old.example.com"]

    page = create_app(settings | LOGIN | {"AUTH_ISSUER": names}).test_client().get("/docs")

    assert "connect-src 'self' https://login.example.com;" in page.headers["Content-Security-Policy"]


def test_the_audit_lists_the_new_route_as_public(settings: dict[str, Any]) -> None:
    """No route is undeclared, and nothing is wrong with one."""
    finished = create_app(settings | LOGIN).test_cli_runner().invoke(args=["auth", "routes", "--json"])

    assert finished.exit_code == 0, finished.output
    (found,) = [row for row in json.loads(finished.output) if row["route"] == "/docs/oauth2-redirect"]
    assert (found["method"], found["access"], found["problems"]) == ("GET", "public", [])


NOT_AN_ISSUER = "SWAGGER_UI_CLIENT_ID is set, and the page cannot ask AUTH_ISSUER"


@pytest.mark.parametrize(
    ("changes", "beginning"),
    [
        ({"SWAGGER_UI_CLIENT_ID": 123456789012345678}, "SWAGGER_UI_CLIENT_ID must be the id of a client"),
        ({"SWAGGER_UI_CLIENT_ID": ""}, "SWAGGER_UI_CLIENT_ID must be the id of a client"),
        ({"SWAGGER_UI_CLIENT_ID": "two words"}, "SWAGGER_UI_CLIENT_ID must be the id of a client"),
        ({"SWAGGER_UI_SCOPES": "openid  tasks"}, "SWAGGER_UI_SCOPES must be scopes with a space between them"),
        ({"SWAGGER_UI_SCOPES": ["openid"]}, "SWAGGER_UI_SCOPES must be scopes with a space between them"),
        ({"SWAGGER_UI_SCOPES": ""}, "SWAGGER_UI_SCOPES must be scopes with a space between them"),
        ({"SWAGGER_UI_TOKEN_ORIGIN": "https://a.example/token"}, "SWAGGER_UI_TOKEN_ORIGIN must be the origin"),
        ({"SWAGGER_UI_TOKEN_ORIGIN": "http://a.example"}, "SWAGGER_UI_TOKEN_ORIGIN must be the origin"),
        ({"SWAGGER_UI_TOKEN_ORIGIN": "https://a.example;script-src"}, "SWAGGER_UI_TOKEN_ORIGIN must be the origin"),
        ({"SWAGGER_UI_TOKEN_ORIGIN": "*"}, "SWAGGER_UI_TOKEN_ORIGIN must be the origin"),
        ({"SWAGGER_UI_TOKEN_ORIGIN": "https://[::1"}, "SWAGGER_UI_TOKEN_ORIGIN must be the origin"),
        ({"SWAGGER_UI_TOKEN_ORIGIN": 7}, "SWAGGER_UI_TOKEN_ORIGIN must be the origin"),
        ({"AUTH_DISCOVERY": False, "AUTH_JWKS_URL": "https://a.example/jwks"}, "SWAGGER_UI_CLIENT_ID is set, and AUTH"),
        ({"AUTH_DISCOVERY": None, "BETTER_AUTH_SECRET": "3d1f7b0c9a584e62b7d3f0a4c6e819"}, "SWAGGER_UI_CLIENT_ID is"),
        ({"AUTH_ISSUER": "http://login.example.com"}, NOT_AN_ISSUER),
        ({"AUTH_ISSUER": "http://[::1]:3000"}, NOT_AN_ISSUER),
        ({"AUTH_ISSUER": "https://[::1"}, NOT_AN_ISSUER),
        ({"AUTH_ISSUER": "https://my_host.example"}, NOT_AN_ISSUER),
        ({"AUTH_ISSUER": "https://a.example;script-src"}, NOT_AN_ISSUER),
        ({"AUTH_ISSUER": []}, NOT_AN_ISSUER),
        ({"AUTH_ISSUER": None}, NOT_AN_ISSUER),
        (
            {"AUTH_DISCOVERY": None, "AUTH_ISSUER": None, "AUTH_ISSUERS": [{"issuer": "https://a.example"}]},
            "SWAGGER_UI_CLIENT_ID is set, and so is AUTH_ISSUERS",
        ),
        (
            {"SWAGGER_UI_CLIENT_ID": None, "SWAGGER_UI_SCOPES": "openid"},
            "SWAGGER_UI_SCOPES is set and does nothing without SWAGGER_UI_CLIENT_ID",
        ),
        (
            {"SWAGGER_UI_CLIENT_ID": None, "SWAGGER_UI_TOKEN_ORIGIN": "https://a.example"},
            "SWAGGER_UI_TOKEN_ORIGIN is set and does nothing without SWAGGER_UI_CLIENT_ID",
        ),
    ],
)
def test_a_setting_that_cannot_work_stops_the_start(
    settings: dict[str, Any], changes: dict[str, Any], beginning: str
) -> None:
    """In a sentence that names it."""
    with pytest.raises(ConfigurationError) as caught:
        create_app(settings | LOGIN | changes)

    assert any(problem.startswith(beginning) for problem in caught.value.problems), caught.value.problems


README = ROOT / "app/README.md"


def test_the_variables_in_the_readme_offer_login(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """They are enough."""
    (block,) = [block for block in blocks(README, "sh") if "SWAGGER_UI" in block]
    for name, value in dotenv_values(stream=io.StringIO(block)).items():
        monkeypatch.setenv(name, value or "")

    client = create_app(settings | {"BETTER_AUTH_SECRET": None}).test_client()

    assert options_of(client)["clientId"] == "swagger-ui"
    assert client.get("/docs/oauth2-redirect").status_code == 200


def test_the_settings_in_the_table_of_issuers_are_read(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each alone beside the others."""
    text = README.read_text()
    found = dict(re.findall(r"`FLASK_(SWAGGER_UI_\w+)=([^`]+)`", text.partition("| issuer |")[2]))

    assert found.keys() == {"SWAGGER_UI_TOKEN_ORIGIN", "SWAGGER_UI_SCOPES"}
    for name, value in dotenv_values(stream=io.StringIO("\n".join(map("=".join, found.items())))).items():
        monkeypatch.setenv(f"FLASK_{name}", value or "")
    client = create_app(settings | LOGIN).test_client()
    assert "https://shop.auth.eu-west-1.amazoncognito.com;" in client.get("/docs").headers["Content-Security-Policy"]
    assert options_of(client)["scopes"].startswith("openid api://")


def test_an_id_of_digits_is_written_as_the_readme_says(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the words of the refusal, too."""
    monkeypatch.setenv("FLASK_SWAGGER_UI_CLIENT_ID", '"123"')

    assert options_of(create_app(settings | ISSUER).test_client())["clientId"] == "123"
    assert "FLASK_SWAGGER_UI_CLIENT_ID='\"123\"'" in README.read_text()


def test_the_readme_names_every_setting() -> None:
    """In the table of settings, with what it does."""
    for name in ("SWAGGER_UI_CLIENT_ID", "SWAGGER_UI_SCOPES", "SWAGGER_UI_TOKEN_ORIGIN"):
        assert f"| `FLASK_{name}` |" in README.read_text()
