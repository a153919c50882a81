"""An MCP server in plain Flask: an assistant lists the tasks of its user and adds new ones.

Every message is one POST to ``/mcp``, and every answer is JSON: Streamable HTTP without sessions and without streams.
It serves clients of version 2026-07-28 and older ones, which begin with ``initialize``. ``ResourceServer`` publishes
where tokens come from, and refuses a token that is meant for another server or lacks the scope of a tool.
"""

from __future__ import annotations

import base64
import json
import sqlite3
from contextlib import closing
from typing import Any

from flask import Flask, request
from flask.typing import ResponseReturnValue
from flask_resource_server import ResourceServer, current_token, require_jwt

#: In the newest version every request stands alone. The others begin with ``initialize``, which names no version.
STATELESS, *HANDSHAKES = VERSIONS = ["2026-07-28", "2025-11-25", "2025-06-18"]

app = Flask(__name__, static_folder=None)
app.config.update(
    AUTH_DENY_BY_DEFAULT=True,
    AUTH_RESOURCE_NAME="Tasks",
    AUTH_RESOURCE_SCOPES=["tasks:read"],
    AUTH_SCOPE_IMPLIES={"tasks:write": ["tasks:read"]},
    MAX_CONTENT_LENGTH=100_000,
    MCP_DATABASE="tasks.sqlite3",
    MCP_ORIGINS=[],  # the origins whose pages may call, such as https://inspector.example.com
)
app.config.from_prefixed_env()


@app.before_request
def refuse_foreign_pages() -> ResponseReturnValue | None:
    """Refuse the pages of other origins. This stands above ResourceServer, so it runs before tokens are read."""
    origin = request.headers.get("Origin")
    if request.path != "/mcp" or origin is None or origin in app.config["MCP_ORIGINS"]:
        return None
    return {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Pages of this origin may not call."}}, 403


ResourceServer(app)


def rows(statement: str, *values: str) -> list[Any]:
    """Run a statement in a transaction of its own and return its rows."""
    with closing(sqlite3.connect(app.config["MCP_DATABASE"])) as connection, connection:
        return connection.execute(statement, values).fetchall()


def create_table() -> None:
    """Create the table of tasks if there is none."""
    rows("CREATE TABLE IF NOT EXISTS task (id INTEGER PRIMARY KEY, user_id TEXT NOT NULL, title TEXT NOT NULL)")


create_table()


class MessageError(Exception):
    """A message is wrong: what JSON-RPC answers, and the HTTP status that belongs to it."""

    def __init__(self, code: int, message: str, *, status: int = 400, **data: Any) -> None:
        self.status = status
        self.error = {"code": code, "message": message} | ({"data": data} if data else {})


def tool_result(content: dict[str, Any]) -> dict[str, Any]:
    """Return what a tool has to say: once as an object, and as text for clients that read no objects."""
    return {"content": [{"type": "text", "text": json.dumps(content)}], "structuredContent": content}


@require_jwt(scopes="tasks:read")
def list_tasks(_arguments: dict[str, Any]) -> dict[str, Any]:
    found = rows("SELECT id, title FROM task WHERE user_id = ? ORDER BY id", current_token.user_id)
    return tool_result({"tasks": [{"id": number, "title": title} for number, title in found]})


@require_jwt(scopes="tasks:write")
def create_task(arguments: dict[str, Any]) -> dict[str, Any]:
    title = arguments.get("title")
    if not isinstance(title, str) or not title.isprintable() or not 0 < len(title.strip()) <= 255:
        # An error of the tool, which the model reads and puts right.
        return {
            "content": [{"type": "text", "text": "title has to be one line of 1 to 255 characters."}],
            "isError": True,
        }
    insert = "INSERT INTO task (user_id, title) VALUES (?, ?) RETURNING id, title"
    ((number, title),) = rows(insert, current_token.user_id, title.strip())
    return tool_result({"id": number, "title": title})


TOOLS = {"list_tasks": list_tasks, "create_task": create_task}

DESCRIPTIONS = [
    {"name": "list_tasks", "description": "List the user's tasks.", "inputSchema": {"type": "object"}},
    {
        "name": "create_task",
        "description": "Add a task to the user's list.",
        "inputSchema": {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]},
    },
]


def list_tools(_params: dict[str, Any]) -> dict[str, Any]:
    return {"tools": DESCRIPTIONS, "ttlMs": 60_000, "cacheScope": "private"}


def call_tool(params: dict[str, Any]) -> dict[str, Any]:
    name, arguments = params.get("name"), params.get("arguments", {})
    if not isinstance(name, str) or name not in TOOLS or not isinstance(arguments, dict):
        raise MessageError(-32602, "There is no such tool, or its arguments are not an object.")
    return TOOLS[name](arguments)


def discover(_params: dict[str, Any]) -> dict[str, Any]:
    return {"supportedVersions": VERSIONS, "capabilities": {"tools": {}}, "ttlMs": 60_000, "cacheScope": "private"}


def initialize(params: dict[str, Any]) -> dict[str, Any]:
    asked = params.get("protocolVersion")
    return {
        "protocolVersion": asked if asked in HANDSHAKES else HANDSHAKES[0],
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "tasks", "version": "1"},
    }


def ping(_params: dict[str, Any]) -> dict[str, Any]:
    return {}


METHODS = {
    "server/discover": discover,
    "initialize": initialize,
    "ping": ping,
    "tools/list": list_tools,
    "tools/call": call_tool,
}


@app.post("/mcp")
@require_jwt(caller="user")
def mcp() -> ResponseReturnValue:
    """Answer one message. A tool whose scope the token lacks is refused by HTTP, not by JSON-RPC."""
    version = request.headers.get("MCP-Protocol-Version")
    request_id = None
    try:
        message = read_message(version)
        if "id" not in message:
            return "", 202  # a notification
        request_id = message["id"]
        return {"jsonrpc": "2.0", "id": request_id, "result": result_of(message, version)}
    except MessageError as error:
        # Older clients take any other status for a failure of the transport.
        status = 200 if version in HANDSHAKES and request_id is not None else error.status
        return {"jsonrpc": "2.0", "id": request_id, "error": error.error}, status


def read_message(version: str | None) -> dict[str, Any]:
    """Return the message in the body.

    Raises:
        MessageError: it is not a message, or its version is unknown.
    """
    if version is not None and version not in VERSIONS:
        raise MessageError(-32022, "Unsupported protocol version.", supported=VERSIONS, requested=version)
    try:
        message = json.loads(request.get_data())
    except (ValueError, RecursionError):
        raise MessageError(-32700, "The body is not JSON.") from None
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0" or not isinstance(message.get("method"), str):
        raise MessageError(-32600, "The body is not a single request or notification of JSON-RPC 2.0.")
    if type(message.get("id", "")) not in (str, int):
        raise MessageError(-32600, "The id has to be a string or an integer.")
    return message


def result_of(message: dict[str, Any], version: str | None) -> dict[str, Any]:
    """Return the result of a request.

    Raises:
        MessageError: the request is wrong.
    """
    method, params = message["method"], message.get("params", {})
    if not isinstance(params, dict):
        raise MessageError(-32602, "params has to be an object.")
    if version is None and method != "initialize":
        raise MessageError(-32020, "MCP-Protocol-Version is missing.")
    if version == STATELESS:
        check_headers(method, params)
    if method not in METHODS:
        raise MessageError(-32601, "There is no such method.", status=404)
    result = METHODS[method](params)
    return result | {"resultType": "complete"} if version == STATELESS else result


def check_headers(method: str, params: dict[str, Any]) -> None:
    """Demand that the headers, by which proxies route, say what the body says.

    Raises:
        MessageError: they differ.
    """
    meta = params.get("_meta")
    version = meta.get("io.modelcontextprotocol/protocolVersion") if isinstance(meta, dict) else None
    if version != STATELESS or request.headers.get("Mcp-Method") != method:
        raise MessageError(-32020, "MCP-Protocol-Version or Mcp-Method differs from the body.")
    if method == "tools/call" and decoded(request.headers.get("Mcp-Name", "")) != params.get("name"):
        raise MessageError(-32020, "Mcp-Name differs from the body.")


def decoded(name: str) -> str | None:
    """Return the text of a header, which is Base64 between two marks if it is not ASCII; None if it is not."""
    if not (name.startswith("=?base64?") and name.endswith("?=")):
        return name
    try:
        return base64.b64decode(name[9:-2], validate=True).decode()
    except ValueError:
        return None
