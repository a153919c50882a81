"""The client of PyPI's ``mcp``, as a program: ``python mcp_client.py URL '{"grants": […]}'``.

It knows the URL of a server and nothing else. Its commands and answers are those of ``tests/node/mcp-client.mjs``.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider, OAuthFlowError
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

CALLBACK = "http://127.0.0.1:1/callback"


def say(value: dict[str, Any]) -> None:
    """Print a line for the test."""
    print(json.dumps(value), flush=True)  # noqa: T201  # it is what the test reads


async def read() -> Any:
    """Return what the test writes next; None at its end."""
    line = await asyncio.to_thread(sys.stdin.readline)
    return json.loads(line) if line else None


class Storage:
    """Tokens and registration, in memory."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


async def log_in(url: str) -> None:
    """Hand the user's browser to the test."""
    say({"authorize": url})


async def came_back() -> AuthorizationCodeResult:
    """Return what the browser was sent back with."""
    answer = parse_qs(urlsplit(await read()).query)
    return AuthorizationCodeResult(
        code=answer["code"][0], state=answer.get("state", [None])[0], iss=answer.get("iss", [None])[0]
    )


async def main(url: str, grants: list[str]) -> None:
    """Follow the commands of the test."""
    metadata = OAuthClientMetadata.model_validate(
        {
            "client_name": "A client of PyPI's mcp",
            "redirect_uris": [CALLBACK],
            "grant_types": grants,
            "token_endpoint_auth_method": "none",
        }
    )
    storage = Storage()
    provider = OAuthClientProvider(url, metadata, storage, redirect_handler=log_in, callback_handler=came_back)
    assert await read() == ["connect"]
    async with (
        httpx2.AsyncClient(auth=provider, timeout=30) as http_client,
        Client(streamable_http_client(url, http_client=http_client)) as client,
    ):
        say({"result": {"version": client.protocol_version}})
        while command := await read():
            match command:
                case ["tools"]:
                    result: Any = [tool.name for tool in (await client.list_tools()).tools]
                case ["call", name, arguments]:
                    result = (await client.call_tool(name, arguments)).structured_content
                case ["present", token]:
                    assert provider.context.current_tokens is not None
                    provider.context.current_tokens.access_token = token
                    result = None
            say({"result": result})


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1], json.loads(sys.argv[2])["grants"]))
    except* OAuthFlowError as errors:
        say({"error": str(errors.exceptions)})
