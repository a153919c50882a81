"""Conditional requests through a real nginx that compresses: only without compression does ``If-Match`` hold."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator

import pytest

from tests.support.documentation import blocks, snippets
from tests.support.environments import ROOT
from tests.support.gunicorn_server import ISSUER, PATIENCE, GunicornServer
from tests.support.lifetimes import A_DAY
from tests.support.nginx_server import NginxServer

HEADERS = ISSUER.authorization("alice", expires_in=A_DAY) | {
    "Content-Type": "application/json",
    "Accept-Encoding": "gzip",
}

#: A server that compresses, as many distributions configure it.
COMPRESSING = """
gzip on;
gzip_types application/json;
gzip_proxied any;
gzip_min_length 1;
upstream tasks { server 127.0.0.1:8000; }
server {
    listen 443;
    LOCATION
}
"""
(FROM_PAGE,) = snippets("deploying/proxies.md", "nginx")


@pytest.fixture(scope="module")
def gunicorn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GunicornServer]:
    """Return the tasks API."""
    with GunicornServer(tmp_path_factory.mktemp("gunicorn"), WEB_CONCURRENCY="1") as server:
        yield server


@pytest.mark.parametrize(
    ("location", "is_weak", "status"),
    [("location / { proxy_pass http://tasks; }", True, 412), (FROM_PAGE, False, 200)],
    ids=["compression", "the block of the page"],
)
def test_a_condition_holds_only_if_nginx_does_not_compress(
    gunicorn: GunicornServer, tmp_path_factory: pytest.TempPathFactory, location: str, is_weak: bool, status: int
) -> None:
    """RFC 9110 §13.1.1: ``If-Match`` compares strongly, and a compressed answer has a weak tag."""
    block = COMPRESSING.replace("LOCATION", location).replace("127.0.0.1:8000", f"127.0.0.1:{gunicorn.port}")
    _, task = gunicorn.call("POST", "/api/alice/tasks", {"title": "Write the report"}, ISSUER.authorization("alice"))
    path = f"/api/alice/tasks/{task['id']}"

    with NginxServer(tmp_path_factory.mktemp("nginx"), block) as nginx:
        connection = http.client.HTTPConnection("127.0.0.1", nginx.port, timeout=PATIENCE)
        connection.request("GET", path, headers=HEADERS)
        answer = connection.getresponse()
        answer.read()
        tag = answer.headers["ETag"]
        change = json.dumps({"title": "Send the report"})
        connection.request("PATCH", path, change, HEADERS | {"If-Match": tag})
        changed = connection.getresponse()
        changed.read()
        connection.close()

    assert tag.startswith("W/") is is_weak
    assert changed.status == status


def test_the_block_of_the_readme_does_not_compress() -> None:
    """Whatever the ``http`` block around it says."""
    (block,) = blocks(ROOT / "app/README.md", "nginx")

    assert re.search(r"^ +gzip off;", block, re.MULTILINE)
