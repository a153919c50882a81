"""``examples/mcp`` as people copy it, and real clients that know its URL and nothing else.

The server runs under gunicorn in an environment with the wheel. The authorization server is a real ``oidc-provider``
with which each client registers by itself. What the clients ask for stands in the logs of both.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest

from tests.support.documentation import DOCS, snippets, table
from tests.support.environments import ROOT, clean_environment, make_environment, run
from tests.support.issuers import NODE, Answer, Browser
from tests.support.oidc_provider import CALLBACK, OpenProvider, log_in
from tests.support.programs import PATIENCE, Program, accepts_connections, free_port

EXAMPLE = ROOT / "examples" / "mcp"
METADATA = "/.well-known/oauth-protected-resource/mcp"

SDK = ["node", "mcp-client.mjs"]
#: The command of each client and its options beside the grants, by the name of its package.
CLIENTS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "@modelcontextprotocol/sdk": (SDK, {}),
    "@modelcontextprotocol/client": (SDK, {"split": True}),
    "mcp": ([sys.executable, str(ROOT / "tests/support/mcp_client.py")], {}),
    "oauth4webapi": (["node", "oauth4webapi-client.mjs"], {}),
}

every_client = pytest.mark.parametrize("package", CLIENTS)

#: Code alone, and with refresh tokens.
CODE = ("authorization_code",)
REFRESH = ("authorization_code", "refresh_token")


@dataclass(frozen=True)
class Copy:
    """A copy of the example, and an environment in which it runs."""

    folder: Path
    binaries: Path


@dataclass(frozen=True)
class Deployment:
    """The server of the example, and the provider that issues its tokens."""

    url: str
    provider: OpenProvider
    log: Path

    @property
    def origin(self) -> str:
        """Where the server listens."""
        return self.url.removesuffix("/mcp")

    def send(self, method: str, token: str, name: str = "list_tasks", **headers: str) -> Answer:
        """Send a message without a client."""
        sent = {"Authorization": f"Bearer {token}", "MCP-Protocol-Version": "2025-11-25"}
        browser = Browser(self.origin, **sent, **headers)
        return browser.post("/mcp", {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"name": name}})

    def messages(self) -> list[str]:
        """Return the requests that the server has answered: method, path, status, version, and ``Mcp-Method``."""
        # gunicorn writes a line after the answer, and before its only worker takes the next request.
        Browser(self.origin).get("/written")
        lines = re.findall(r"^(?:GET|POST|DELETE) .*$", self.log.read_text(), re.MULTILINE)
        return [line for line in lines if " /written " not in line]


@pytest.fixture(scope="module")
def copy(wheel: Path, registry: None, tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The wheel stands in for the package of the same name, which comes from an index otherwise."""
    folder = tmp_path_factory.mktemp("mcp")
    for file in EXAMPLE.glob("*.py"):
        shutil.copy(file, folder)
    return Copy(
        folder, make_environment(folder / "venv", "-c", ROOT / "constraints.txt", f"{wheel}[testing]", "gunicorn")
    )


@contextmanager
def deployed(copy: Copy, folder: Path, *, strict: bool = False, **settings: str) -> Iterator[Deployment]:
    """Run the provider, and the server by the variables and the command of the page."""
    (variables,), (command,) = snippets("mcp.md", "sh"), snippets("mcp.md", "console")
    program, *arguments = command.removeprefix("$ ").split()
    port = free_port()
    url = f"http://127.0.0.1:{port}/mcp"
    with OpenProvider(folder, scopes=["tasks:read", "tasks:write"], strict=strict) as provider:
        named = {
            "FLASK_AUTH_ISSUER": provider.origin,
            "FLASK_AUTH_DISCOVERY": "true",
            "FLASK_AUTH_RESOURCE": url,
        }
        assert re.findall(r"^export (\w+)=", variables, re.MULTILINE) == list(named)
        logged = "%(m)s %(U)s %(s)s %({mcp-protocol-version}i)s %({mcp-method}i)s"
        options = ["--bind", f"127.0.0.1:{port}", "--access-logfile", "-", "--access-logformat", logged]
        server = Program(
            [str(copy.binaries / program), *options, *arguments],
            folder / "gunicorn.log",
            variables=clean_environment(FLASK_MCP_DATABASE=str(folder / "tasks.sqlite3"), **named, **settings),
            folder=copy.folder,
        )
        with server:
            server.wait_until(lambda: accepts_connections(port))
            yield Deployment(url, provider, server.log)


@pytest.fixture(scope="module")
def deployment(copy: Copy, node_packages: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A provider that lets clients step up, and one worker, whose log is in the order of the requests."""
    with deployed(copy, tmp_path_factory.mktemp("deployment")) as deployment:
        yield deployment


class Client:
    """A client program, used in a ``with`` statement, and the user who logs in when it says so."""

    def __init__(
        self,
        deployment: Deployment,
        package: str,
        user: str,
        grants: tuple[str, ...] = CODE,
        sent_back: Callable[[str], str] = str,
    ) -> None:
        """``sent_back`` changes the URL that the provider sends the browser back to."""
        command, options = CLIENTS[package]
        self.deployment = deployment
        self.user = user
        self.sent_back = sent_back
        self.command = [*command, deployment.url, json.dumps({"grants": grants, **options})]
        #: How often the user had to log in.
        self.logins = 0

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            self.command,
            cwd=NODE,
            env=clean_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._before = len(self.deployment.messages()), len(self.deployment.provider.requests())
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        with self.process:
            self.process.wait(PATIENCE)

    def do(self, *command: object) -> Any:
        """Have it follow a command, and return the result."""
        said = self._answer(command)
        assert "result" in said, said
        return said["result"]

    def fail(self, *command: object) -> str:
        """Have it follow a command, which does not succeed, and return what it says."""
        said = self._answer(command)
        assert "error" in said, said
        error: str = said["error"]
        return error

    def _answer(self, command: object) -> dict[str, Any]:
        said = self._say(command)
        while "authorize" in said:
            self.logins += 1
            back = log_in(self.deployment.provider.origin, said["authorize"], self.user, CALLBACK)
            said = self._say(self.sent_back(back))
        return said

    def _say(self, value: object) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(value) + "\n")
        self.process.stdin.flush()
        said: dict[str, Any] = json.loads(self.process.stdout.readline())
        return said

    def messages(self) -> list[str]:
        """Return what it has sent to the server."""
        return self.deployment.messages()[self._before[0] :]

    def asked(self, *paths: str) -> list[dict[str, Any]]:
        """Return what it has asked the provider for, at these paths."""
        requests = self.deployment.provider.requests()[self._before[1] :]
        return [request.get("asked", {}) for request in requests if request["path"] in paths]


#: What each client sends on the whole walk. The older SDK knows no version that does without ``initialize``.
OLDER = [
    "POST /mcp 401 - -",
    f"GET {METADATA} 200 2025-11-25 -",
    "POST /mcp 200 - -",
    "POST /mcp 202 2025-11-25 -",
    "GET /mcp 405 2025-11-25 -",
    "POST /mcp 200 2025-11-25 -",
    "POST /mcp 200 2025-11-25 -",
    "POST /mcp 403 2025-11-25 -",
    "POST /mcp 200 2025-11-25 -",
    "POST /mcp 200 2025-11-25 -",
]


def newest(version_of_metadata: str) -> list[str]:
    """Return the walk of a client of version 2026-07-28; it asks for the metadata with a header of its own."""
    return [
        "POST /mcp 401 2026-07-28 server/discover",
        f"GET {METADATA} 200 {version_of_metadata} -",
        "POST /mcp 200 2026-07-28 server/discover",
        "POST /mcp 200 2026-07-28 tools/list",
        "POST /mcp 200 2026-07-28 tools/call",
        "POST /mcp 403 2026-07-28 tools/call",
        "POST /mcp 200 2026-07-28 tools/call",
        "POST /mcp 200 2026-07-28 tools/call",
    ]


WALKS = {
    "@modelcontextprotocol/sdk": OLDER,
    "@modelcontextprotocol/client": newest("2025-11-25"),
    "mcp": newest("2026-07-28"),
    "oauth4webapi": newest("-"),
}

#: The scopes that a client asks for when a tool needs ``tasks:write``. The older SDK forgets those that it had.
STEPS = dict.fromkeys(CLIENTS, "tasks:read tasks:write") | {"@modelcontextprotocol/sdk": "tasks:write"}


@every_client
def test_a_client_that_knows_the_url_finishes_the_walk(deployment: Deployment, package: str) -> None:
    """401, metadata, authorization server, token, tool; then 403, a wider token, and the tool that needed it."""
    with Client(deployment, package, f"walker of {package}") as client:
        version = client.do("connect")["version"]
        tools = client.do("tools")
        before = client.do("call", "list_tasks", {})
        added = client.do("call", "create_task", {"title": "Water the plants"})
        after = client.do("call", "list_tasks", {})

        assert version == ("2025-11-25" if WALKS[package] is OLDER else "2026-07-28")
        assert tools == ["list_tasks", "create_task"]
        assert (before, after) == ({"tasks": []}, {"tasks": [added]})
        assert added["title"] == "Water the plants"
        assert client.logins == 2
        assert client.messages() == WALKS[package]
        asked = [(request["scope"], request["resource"]) for request in client.asked("/auth")]
        assert asked == [("tasks:read", deployment.url), (STEPS[package], deployment.url)]
        assert [request["resource"] for request in client.asked("/token")] == [deployment.url] * 2
        assert len(client.asked("/.well-known/oauth-authorization-server")) == 1


@every_client
def test_a_client_registers_for_the_scopes_of_the_first_challenge(deployment: Deployment, package: str) -> None:
    """All but our own; a provider that holds them to it cannot let them step up."""
    with Client(deployment, package, "alice") as client:
        client.do("connect")

        (registration,) = client.asked("/reg")

    assert registration.get("scope") == (None if package == "oauth4webapi" else "tasks:read")


@every_client
@pytest.mark.parametrize("grants", [CODE, REFRESH], ids=["logs in again", "refreshes"])
def test_a_client_gets_over_an_expired_token(deployment: Deployment, package: str, grants: tuple[str, ...]) -> None:
    """401: it takes another token, by its refresh token if it has one. That of PyPI lets the user log in even then."""
    expired = deployment.provider.token("late", resource=deployment.url, scope="tasks:read")
    refused = deployment.send("ping", expired)
    with Client(deployment, package, "alice", grants) as client:
        client.do("connect")
        client.do("present", expired)

        listed = client.do("call", "list_tasks", {})

        assert (refused.status, refused.body["error"]) == (401, "token_expired")
        assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
        assert "tasks" in listed
        refreshes = grants == REFRESH and package != "mcp"
        assert client.logins == (1 if refreshes else 2)
        assert client.asked("/token")[-1]["grant_type"] == ("refresh_token" if refreshes else "authorization_code")
        assert client.asked("/token")[-1]["resource"] == deployment.url


@pytest.mark.parametrize("package", ["@modelcontextprotocol/client", "mcp", "oauth4webapi"])
def test_a_client_with_a_refresh_token_steps_up(deployment: Deployment, package: str) -> None:
    """A refresh token gets no wider scope, so the user logs in."""
    with Client(deployment, package, f"stepper of {package}", REFRESH) as client:
        client.do("connect")

        added = client.do("call", "create_task", {"title": "Water the plants"})

        assert added["title"] == "Water the plants"
        assert client.logins == 2


def test_the_older_sdk_does_not_step_up_with_a_refresh_token(deployment: Deployment) -> None:
    """It refreshes, is refused again, and gives up. The page says so."""
    with Client(deployment, "@modelcontextprotocol/sdk", "alice", REFRESH) as client:
        client.do("connect")

        said = client.fail("call", "create_task", {"title": "Water the plants"})

        assert "403 after trying upscoping" in said
        assert client.logins == 1
        assert [request["grant_type"] for request in client.asked("/token")] == list(REFRESH)


@pytest.mark.parametrize("package", ["@modelcontextprotocol/sdk", "@modelcontextprotocol/client"])
def test_a_strict_provider_does_not_let_clients_step_up(
    copy: Copy, node_packages: None, tmp_path: Path, package: str
) -> None:
    """It holds them to what they registered for, and sends the browser back with an error."""
    back: list[str] = []

    def remembered(url: str) -> str:
        back.append(url)
        return url

    with (
        deployed(copy, tmp_path, strict=True) as deployment,
        Client(deployment, package, "alice", sent_back=remembered) as client,
    ):
        client.do("connect")
        client.fail("call", "create_task", {"title": "Water the plants"})

    assert ["error=invalid_scope" in url for url in back] == [False, True]


@pytest.mark.parametrize("package", CLIENTS)
def test_nobody_has_to_step_up_where_every_scope_is_asked_for_at_once(
    copy: Copy, node_packages: None, tmp_path: Path, package: str
) -> None:
    """With the variable at the end of the page. Two workers share the tasks."""
    every_scope = '["tasks:read", "tasks:write"]'
    settings = {"FLASK_AUTH_RESOURCE_SCOPES": every_scope, "WEB_CONCURRENCY": "2"}
    assert f"`FLASK_AUTH_RESOURCE_SCOPES='{every_scope}'`" in (DOCS / "mcp.md").read_text()
    with (
        deployed(copy, tmp_path, strict=True, **settings) as deployment,
        Client(deployment, package, "alice", REFRESH) as client,
    ):
        client.do("connect")
        added = client.do("call", "create_task", {"title": "Water the plants"})
        listed = client.do("call", "list_tasks", {})

    assert listed == {"tasks": [added]}
    assert client.logins == 1


@every_client
def test_a_client_refuses_the_answer_of_another_issuer(deployment: Deployment, package: str) -> None:
    """RFC 9207 §2.4. The older SDK does not."""

    def by_another(url: str) -> str:
        return re.sub(r"\biss=[^&]+", "iss=https%3A%2F%2Felsewhere.example", url)

    with Client(deployment, package, "alice", sent_back=by_another) as client:
        if package == "@modelcontextprotocol/sdk":
            client.do("connect")
        else:
            said = client.fail("connect")
            assert re.search(r"iss(uer)?\b", said, re.IGNORECASE)

        assert len(client.asked("/token")) == (1 if package == "@modelcontextprotocol/sdk" else 0)


def test_a_token_for_another_resource_is_refused(deployment: Deployment) -> None:
    """By the same provider, for the same user, with every scope."""
    scope = "tasks:read tasks:write"
    ours, other = (
        deployment.provider.token("alice", resource=resource, scope=scope)
        for resource in (deployment.url, f"{deployment.origin}/other")
    )

    answer = deployment.send("tools/call", other)

    assert deployment.send("tools/call", ours).body["result"]["structuredContent"].keys() == {"tasks"}
    assert (answer.status, answer.body["error"]) == (401, "invalid_audience")
    assert f'resource_metadata="{deployment.origin}{METADATA}"' in answer.headers["WWW-Authenticate"]


def test_a_missing_scope_is_named_with_the_metadata(deployment: Deployment) -> None:
    """HTTP 403 (RFC 6750 §3.1), and no answer of JSON-RPC."""
    token = deployment.provider.token("alice", resource=deployment.url, scope="tasks:read")

    answer = deployment.send("tools/call", token, "create_task")

    assert (answer.status, answer.body["error"]) == (403, "insufficient_scope")
    assert answer.headers["WWW-Authenticate"] == (
        'Bearer realm="api", error="insufficient_scope", scope="tasks:write", '
        f'resource_metadata="{deployment.origin}{METADATA}"'
    )


def test_a_page_of_a_foreign_origin_is_refused(deployment: Deployment) -> None:
    """Even with a good token."""
    token = deployment.provider.token("alice", resource=deployment.url, scope="tasks:read")

    answer = deployment.send("tools/call", token, Origin="https://elsewhere.example")

    assert (answer.status, answer.body["error"]["code"]) == (403, -32600)
    assert answer.headers["WWW-Authenticate"] is None


def test_the_tests_of_the_example_pass_where_the_wheel_is_installed(copy: Copy) -> None:
    """As somebody who copied them runs them."""
    printed = run(
        [copy.binaries / "python", "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"], cwd=copy.folder
    )

    assert re.search(r"^\d\d passed", printed, re.MULTILINE)


def test_the_types_of_the_example_are_right_where_the_wheel_is_installed(copy: Copy) -> None:
    """Under ``strict``. Its tests read JSON, which has no types."""
    options = ["--strict", "--python-executable", str(copy.binaries / "python")]

    run([sys.executable, "-m", "mypy", *options, "server.py", "conftest.py"], cwd=copy.folder)


def test_the_page_names_the_clients_of_the_tests() -> None:
    """In the versions that are pinned."""
    pinned = dict(
        line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if line[:5] == "mcp=="
    )
    pinned |= json.loads((NODE / "package.json").read_text())["dependencies"]
    named = [
        (client.split()[1].strip("`"), version) for client, version, *_ in table("mcp.md", "What clients do today")
    ]

    assert named == [(package, pinned[package]) for package in CLIENTS]


def test_the_page_shows_the_challenge_of_a_tool(deployment: Deployment) -> None:
    """As the server of this test answers, by its own URL."""
    token = deployment.provider.token("alice", resource=deployment.url, scope="tasks:read")

    challenge = deployment.send("tools/call", token, "create_task").headers["WWW-Authenticate"]

    (shown,) = snippets("mcp.md", "text")
    assert shown == (
        f"HTTP/1.1 403 FORBIDDEN\nWWW-Authenticate: {challenge}\n".replace(
            deployment.origin, "https://tasks.example.com"
        )
    )
