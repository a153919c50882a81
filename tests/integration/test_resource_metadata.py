"""A client that knows only a URL finds the authorization server: a real one, through a real proxy, at a prefix."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from auth.testing import local_issuer
from auth.wire.metadata import WELL_KNOWN
from tests.support.documentation import DOCS, blocks, executed, snippets
from tests.support.environments import ROOT, run
from tests.support.issuers import NODE
from tests.support.nginx_server import NginxServer
from tests.support.programs import Program, accepts_connections, free_port
from tests.support.services import ISSUER, SECRET

PAGE = "resource-metadata.md"
TAKEN_AWAY, LEFT_ON = snippets(PAGE, "nginx")

SERVICE = """\
from flask import Flask
from auth import ResourceServer, require_jwt

app = Flask("service")
app.config.from_prefixed_env()
ResourceServer(app)

@app.get("/mine")
@require_jwt(scopes="tasks:read")
def mine():
    return {"items": []}
"""


@contextmanager
def behind_nginx(block: str, folder: Path, **variables: str) -> Iterator[str]:
    """Run the service under gunicorn with nginx in front; give the URL by which clients know it."""
    port = free_port()
    proxy = NginxServer(folder, block.replace("127.0.0.1:8000", f"127.0.0.1:{port}"))
    resource = f"http://127.0.0.1:{proxy.port}/tasks"
    (folder / "service.py").write_text(SERVICE)
    settings = {
        "PYTHONPATH": str(ROOT),
        "FLASK_AUTH_SECRET": SECRET,
        "FLASK_AUTH_ISSUER": ISSUER,
        "FLASK_AUTH_RESOURCE": resource,
        "FLASK_AUTH_RESOURCE_NAME": "Tasks",
        "FLASK_APPLICATION_ROOT": "/tasks",
        **variables,
    }
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--chdir", str(folder), "service:app"]
    with Program(command, folder / "gunicorn.log", variables=settings, folder=folder) as program:
        program.wait_until(lambda: accepts_connections(port))
        with proxy:
            yield resource
            check = run(
                [sys.executable, "-m", "flask", "--app", "service", "auth", "check"], cwd=folder, settings=settings
            )
            assert "answers with the metadata of this app." in check


def ask(**options: str) -> dict[str, Any]:
    """Run the client of oauth4webapi."""
    command = ["node", "resource-client.mjs", json.dumps(options)]
    found: dict[str, Any] = json.loads(subprocess.run(command, cwd=NODE, capture_output=True, check=True).stdout)
    return found


@pytest.mark.usefixtures("node_packages")
@pytest.mark.parametrize(
    ("block", "variables"),
    [(TAKEN_AWAY, {}), (LEFT_ON, {"SCRIPT_NAME": "/tasks"})],
    ids=["taken away by nginx", "taken away by gunicorn"],
)
def test_a_client_finds_the_issuer_through_a_proxy(block: str, variables: dict[str, str], tmp_path: Path) -> None:
    """By the blocks of the page; ``flask auth check`` finds the document too."""
    with behind_nginx(block, tmp_path, **variables) as resource:
        found = ask(resource=resource, api=f"{resource}/mine")
    origin = resource.removesuffix("/tasks")

    assert found == {
        "challenges": [
            {
                "scheme": "bearer",
                "parameters": {
                    "realm": "api",
                    "error": "invalid_token",
                    "scope": "tasks:read",
                    "resource_metadata": f"{origin}{WELL_KNOWN}/tasks",
                },
            }
        ],
        "metadata": {
            "resource": resource,
            "authorization_servers": [ISSUER],
            "bearer_methods_supported": ["header"],
            "resource_name": "Tasks",
        },
        "asked": f"{origin}{WELL_KNOWN}/tasks",
    }


def namespaces() -> list[dict[str, Any]]:
    """Return what each snippet of the page defines."""
    return [executed(snippet, PAGE) for snippet in snippets(PAGE, "python")]


def test_the_page_shows_what_a_client_sees() -> None:
    """The challenge, and the document byte for byte."""
    app: Flask = namespaces()[0]["app"]
    client = app.test_client()
    text = (DOCS / PAGE).read_text()

    refused, document = client.get("/tasks"), client.get(WELL_KNOWN)

    assert blocks(DOCS / PAGE, "text") == [
        f"HTTP/1.1 {refused.status}\nWWW-Authenticate: {refused.headers['WWW-Authenticate']}\n"
    ]
    assert f"```{{code-block}} json\n{document.text}```" in text


def test_the_page_tells_named_scopes_from_effective_ones() -> None:
    """A view can look at both."""
    app: Flask = namespaces()[1]["app"]
    with local_issuer(app) as issuer:
        answer = app.test_client().get("/scopes", headers=issuer.authorization("alice", scopes="tasks:write"))

    assert answer.json == {"named": ["tasks:write"], "effective": ["tasks:read", "tasks:write"]}


def test_a_token_that_comes_past_http_is_good_for_any_resource() -> None:
    """``server.verify`` knows no path; the claim says for which."""
    app: Flask = namespaces()[2]["app"]
    with local_issuer(app) as issuer:
        token = issuer.issue("alice", claims={"aud": "https://api.example.com/mcp"})
        verified = app.extensions["resource_server"].verify(token)

    assert verified.claims["aud"] == "https://api.example.com/mcp"


def test_two_resources_of_the_page_lie_where_it_says() -> None:
    """And a route with a variable in front lies below none."""
    app: Flask = namespaces()[2]["app"]
    client = app.test_client()

    challenges = [
        client.open(path, method=method).headers["WWW-Authenticate"]
        for method, path in (("GET", "/tasks/mine"), ("POST", "/mcp"))
    ]

    assert challenges == [
        f'Bearer realm="api", resource_metadata="https://api.example.com{WELL_KNOWN}{path}"'
        for path in ("/tasks", "/mcp")
    ]


def test_an_app_that_is_mounted_in_another_publishes_its_metadata() -> None:
    """By the snippet of the page."""
    site: Flask = namespaces()[3]["site"]
    client = site.test_client()

    refused, document = client.get("/tasks/mine"), client.get(f"{WELL_KNOWN}/tasks")

    assert refused.headers["WWW-Authenticate"] == (
        f'Bearer realm="api", resource_metadata="https://api.example.com{WELL_KNOWN}/tasks"'
    )
    assert document.json["resource"] == "https://api.example.com/tasks"  # type: ignore[index]
    assert client.get(WELL_KNOWN).status_code == 404
    assert client.get("/mine").status_code == 404
