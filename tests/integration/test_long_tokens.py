"""Tokens longer than usual, through a real nginx and a real gunicorn: ``AUTH_MAX_TOKEN_BYTES`` is what decides."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from auth.testing import TokenIssuer
from tests.support.environments import ROOT
from tests.support.gunicorn_server import PATIENCE, SECRET, GunicornServer
from tests.support.nginx_server import NginxServer

KIB = 1024

#: As short as it can be; the size of a header line is that of the block in app/README.md.
BLOCK = """
server {
    listen 443;
    large_client_header_buffers 4 16k;
    location / {
        proxy_pass http://127.0.0.1:8000;
    }
}
"""


def token_of(size: int) -> str:
    """Return a good token of about so many bytes."""
    # Base64url makes four characters of three bytes.
    return TokenIssuer(SECRET).issue("alice", claims={"groups": "g" * ((size - 400) * 3 // 4)})


@pytest.fixture(scope="module")
def gunicorn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GunicornServer]:
    """Return a service that takes tokens of 64 KiB."""
    folder = tmp_path_factory.mktemp("gunicorn")
    with GunicornServer(folder, WEB_CONCURRENCY="1", FLASK_AUTH_MAX_TOKEN_BYTES=str(64 * KIB)) as server:
        yield server


def status_through(port: int, token: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", "/api/me", headers={"Authorization": f"Bearer {token}"})
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize(("size", "status"), [(17, 200), (63, 200), (66, 401), (71, 401), (80, 431)])
def test_gunicorn_takes_the_tokens_that_the_setting_allows(gunicorn: GunicornServer, size: int, status: int) -> None:
    """And some longer ones, so that the app says what is wrong with them."""
    assert status_through(gunicorn.port, token_of(size * KIB)) == status


@pytest.mark.parametrize(("buffers", "status"), [("4 16k", 400), ("4 72k", 200)])
def test_nginx_needs_a_buffer_that_holds_the_token(
    gunicorn: GunicornServer, tmp_path: Path, buffers: str, status: int
) -> None:
    """docs/deploying/servers.md has both numbers."""
    block = BLOCK.replace("127.0.0.1:8000", f"127.0.0.1:{gunicorn.port}").replace("4 16k", buffers)

    with NginxServer(tmp_path, block) as nginx:
        assert status_through(nginx.port, token_of(17 * KIB)) == status
        assert status_through(nginx.port, token_of(7 * KIB)) == 200


def test_the_pages_name_the_buffers() -> None:
    """The README of the service for tokens of the default length, docs/deploying/servers.md for longer ones."""
    assert re.search(r"large_client_header_buffers 4 16k;", (ROOT / "app/README.md").read_text())
    assert "large_client_header_buffers 4 72k;" in (ROOT / "docs/deploying/servers.md").read_text()
