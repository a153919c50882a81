"""What the server answers: to tokens, to pages, and to messages of each version."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_resource_server.testing import AsUser, BadToken, TokenIssuer, assert_routes_guarded, bad_tokens
from werkzeug.test import TestResponse

METADATA = "https://tasks.example.com/.well-known/oauth-protected-resource/mcp"
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}


def send(client: FlaskClient, method: str, headers: dict[str, str] | None = None, **params: Any) -> TestResponse:
    """Send a request of version 2026-07-28."""
    sent = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method, "Mcp-Name": params.get("name", "")}
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": META}}
    return client.post("/mcp", json=message, headers=sent | (headers or {}))


def call(client: FlaskClient, name: str, **arguments: Any) -> TestResponse:
    """Call a tool."""
    return send(client, "tools/call", name=name, arguments=arguments)


def test_users_add_and_list_their_own_tasks(as_user: AsUser) -> None:
    """A token for writing reads too."""
    alice, bob = (as_user(name, scopes="tasks:write") for name in ("alice", "bob"))

    added = call(alice, "create_task", title=" Water the plants ").json["result"]

    task = {"id": 1, "title": "Water the plants"}
    assert added == {
        "content": [{"type": "text", "text": '{"id": 1, "title": "Water the plants"}'}],
        "structuredContent": task,
        "resultType": "complete",
    }
    assert call(alice, "list_tasks").json["result"]["structuredContent"] == {"tasks": [task]}
    assert call(bob, "list_tasks").json["result"]["structuredContent"] == {"tasks": []}


@pytest.mark.parametrize("title", ["", "   ", "two\nlines", "x" * 256, "\ud800", 7, None])
def test_a_bad_title_is_an_error_of_the_tool(as_user: AsUser, title: object) -> None:
    """The model reads it and tries again."""
    alice = as_user("alice", scopes="tasks:write")

    refused = call(alice, "create_task", title=title)

    assert (refused.status_code, refused.json["result"]["isError"]) == (200, True)
    assert call(alice, "list_tasks").json["result"]["structuredContent"] == {"tasks": []}


def test_the_first_answer_says_where_tokens_come_from(app: Flask) -> None:
    """401, and which scope is enough to begin with."""
    refused = send(app.test_client(), "server/discover")

    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == (
        f'Bearer realm="api", scope="tasks:read", resource_metadata="{METADATA}"'
    )


def test_a_tool_asks_for_its_scope(as_user: AsUser) -> None:
    """By HTTP, before the arguments are looked at. The error is not one of JSON-RPC."""
    refused = call(as_user("alice", scopes="tasks:read"), "create_task")

    assert (refused.status_code, refused.json["error"]) == (403, "insufficient_scope")
    assert refused.headers["WWW-Authenticate"] == (
        f'Bearer realm="api", error="insufficient_scope", scope="tasks:write", resource_metadata="{METADATA}"'
    )


def test_a_client_has_no_tasks_of_its_own(as_user: AsUser) -> None:
    """They would be those of a user who is called like the client."""
    refused = call(as_user("alice", scopes="tasks:read", is_client=True), "list_tasks")

    assert (refused.status_code, refused.json["error"]) == (403, "wrong_caller")


@pytest.mark.parametrize("bad", bad_tokens(), ids=str)
def test_bad_tokens_are_refused(app: Flask, jwt_issuer: TokenIssuer, bad: BadToken) -> None:
    """A token for another server is one of them."""
    answer = app.test_client().post("/mcp", headers=bad.headers(jwt_issuer))

    assert (answer.status_code, answer.json["error"]) == (bad.status, bad.error)


def test_every_route_says_who_may_enter(app: Flask) -> None:
    """There is one, and the document of the library."""
    assert_routes_guarded(app)


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", "https://inspector.example.com.evil.example"])
def test_a_foreign_page_is_refused_before_anything_else(app: Flask, method: str, origin: str) -> None:
    """Its request has no token, and is 403 all the same."""
    refused = app.test_client().open("/mcp", method=method, headers={"Origin": origin})

    assert (refused.status_code, refused.json["error"]["code"]) == (403, -32600)
    assert "WWW-Authenticate" not in refused.headers


def test_pages_of_the_settings_may_call(as_user: AsUser) -> None:
    """And pages of every origin may read where tokens come from."""
    alice = as_user("alice", scopes="tasks:read")

    answer = send(alice, "tools/list", {"Origin": "https://inspector.example.com"})
    document = alice.get("/.well-known/oauth-protected-resource/mcp", headers={"Origin": "https://elsewhere.example"})

    assert [tool["name"] for tool in answer.json["result"]["tools"]] == ["list_tasks", "create_task"]
    assert document.json["resource"] == "https://tasks.example.com/mcp"


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_only_messages_are_taken(as_user: AsUser, method: str) -> None:
    """There are no streams to open and no sessions to end."""
    refused = as_user("alice").open("/mcp", method=method)

    assert (refused.status_code, "POST" in refused.headers["Allow"]) == (405, True)


@pytest.mark.parametrize(
    ("asked", "answered"),
    [("2025-06-18", "2025-06-18"), ("2025-11-25", "2025-11-25"), ("2024-11-05", "2025-11-25"), (None, "2025-11-25")],
)
def test_older_clients_shake_hands(as_user: AsUser, asked: str | None, answered: str) -> None:
    """They send no version with their first message, and no Mcp-Method at all."""
    alice = as_user("alice")
    hello = {"jsonrpc": "2.0", "id": "a", "method": "initialize", "params": {"protocolVersion": asked}}

    begun = alice.post("/mcp", json=hello)
    version = {"MCP-Protocol-Version": answered}
    told = alice.post("/mcp", json={"jsonrpc": "2.0", "method": "notifications/initialized"}, headers=version)
    pinged = alice.post("/mcp", json={"jsonrpc": "2.0", "id": 2, "method": "ping"}, headers=version)

    assert (begun.json["id"], begun.json["result"]["protocolVersion"]) == ("a", answered)
    assert "Mcp-Session-Id" not in begun.headers
    assert (told.status_code, told.data) == (202, b"")
    assert pinged.json == {"jsonrpc": "2.0", "id": 2, "result": {}}


def test_an_unknown_version_is_told_which_ones_there_are(as_user: AsUser) -> None:
    """For a notification too."""
    refused = as_user("alice").post("/mcp", headers={"MCP-Protocol-Version": "2031-01-01"})

    assert refused.status_code == 400
    assert refused.json["error"]["code"] == -32022
    assert refused.json["error"]["data"] == {
        "supported": ["2026-07-28", "2025-11-25", "2025-06-18"],
        "requested": "2031-01-01",
    }


def test_a_request_without_a_version_is_refused(as_user: AsUser) -> None:
    """But for ``initialize``, which negotiates it."""
    refused = as_user("alice").post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "ping"})

    assert (refused.status_code, refused.json["error"]["code"]) == (400, -32020)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", -32700),
        ("{", -32700),
        ("[" * 50_000, -32700),
        (b"\xff", -32700),
        ("[]", -32600),
        ("null", -32600),
        ('{"id": 1, "method": "ping"}', -32600),
        ('{"jsonrpc": "2.0", "id": 1, "result": {}}', -32600),
        ('{"jsonrpc": "2.0", "id": null, "method": "ping"}', -32600),
        ('{"jsonrpc": "2.0", "id": true, "method": "ping"}', -32600),
    ],
)
def test_a_body_that_is_no_message_is_refused(as_user: AsUser, body: str | bytes, code: int) -> None:
    """Its answer has no id."""
    refused = as_user("alice").post("/mcp", data=body, content_type="application/json")

    assert (refused.status_code, refused.json["id"], refused.json["error"]["code"]) == (400, None, code)


@pytest.mark.parametrize(
    ("method", "params", "code", "status"),
    [
        ("tasks/list", {}, -32601, 404),
        ("tools/call", {"name": "drop_tasks"}, -32602, 400),
        ("tools/call", {"name": "list_tasks", "arguments": []}, -32602, 400),
    ],
)
def test_a_wrong_request_is_an_error_of_json_rpc(
    as_user: AsUser, method: str, params: dict[str, Any], code: int, status: int
) -> None:
    """With an HTTP status in the newest version, and with 200 in those before."""
    alice = as_user("alice", scopes="tasks:read")

    new = send(alice, method, **params)
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    old = alice.post("/mcp", json=message, headers={"MCP-Protocol-Version": "2025-11-25"})

    assert (new.status_code, new.json["id"], new.json["error"]["code"]) == (status, 1, code)
    assert (old.status_code, old.json) == (200, new.json)


def test_params_are_an_object(as_user: AsUser) -> None:
    """A list of them is allowed by JSON-RPC and not by MCP."""
    answer = as_user("alice").post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []})

    assert answer.json["error"]["code"] == -32602


@pytest.mark.parametrize(
    "headers",
    [
        {"Mcp-Method": "tools/list"},
        {"Mcp-Method": ""},
        {"Mcp-Name": "create_task"},
        {"Mcp-Name": ""},
        {"Mcp-Name": "=?base64?###?="},
    ],
)
def test_headers_that_differ_from_the_body_are_refused(as_user: AsUser, headers: dict[str, str]) -> None:
    """A proxy would have routed another message than the one that is answered."""
    refused = send(as_user("alice", scopes="tasks:read"), "tools/call", headers, name="list_tasks")

    assert (refused.status_code, refused.json["error"]["code"]) == (400, -32020)


def test_a_body_of_another_version_than_its_header_is_refused(as_user: AsUser) -> None:
    """An older message under the newest version."""
    refused = as_user("alice").post(
        "/mcp",
        json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"},
        headers={"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/list"},
    )

    assert (refused.status_code, refused.json["error"]["code"]) == (400, -32020)


def test_a_name_in_base64_is_decoded(as_user: AsUser) -> None:
    """Clients send one that is not ASCII so."""
    alice = as_user("alice", scopes="tasks:read")

    known = send(alice, "tools/call", {"Mcp-Name": "=?base64?bGlzdF90YXNrcw==?="}, name="list_tasks")
    unknown = send(alice, "tools/call", {"Mcp-Name": "=?base64?w6Q=?="}, name="ä")

    assert known.json["result"]["structuredContent"] == {"tasks": []}
    assert unknown.json["error"]["code"] == -32602
