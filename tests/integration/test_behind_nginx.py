"""Two gunicorns in an upstream of a real nginx: nobody's requests take the service away from others.

After one failure nginx leaves a server out of an upstream for ten seconds (``max_fails=1 fail_timeout=10s``). It counts
as failures what the server is not to blame for: a connection that is reset while a body is being sent, and headers
longer than ``proxy_buffer_size``.
"""

from __future__ import annotations

import http.client
import itertools
import json
import re
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote, urlencode

import pytest

from app.config import DEFAULTS
from app.text_search import LONGEST_SEARCH
from tests.support.callers import Callers
from tests.support.certificates import certify
from tests.support.documentation import blocks
from tests.support.environments import ROOT
from tests.support.gunicorn_server import ISSUER, PATIENCE, GunicornServer
from tests.support.lifetimes import A_DAY
from tests.support.nginx_server import NginxServer

#: An upstream as short as it can be: all sizes and times are nginx's own.
PLAIN = """
upstream tasks {
    server 127.0.0.1:8000;
}
server {
    listen 443;
    location / {
        proxy_pass http://tasks;
        proxy_set_header X-Forwarded-For $remote_addr;
    }
}
"""
(README,) = blocks(ROOT / "app/README.md", "nginx")

#: What nginx lets a body have, in bytes: by itself, and with the block of app/README.md.
LONGEST = {PLAIN: 1024 * 1024, README: 64 * 1024}

BOB = ISSUER.authorization("bob", expires_in=A_DAY)
MALLORY = ISSUER.authorization("mallory", expires_in=A_DAY)

JSON = {**MALLORY, "Content-Type": "application/json"}

#: The longest user id there is, a title, and a text to search for.
EMOJI = "😀" * 255

#: Requests that go on at the same time, and how many at least have to be answered for a test to be over.
ATTACKERS = 6
ENOUGH = 120


class Request(NamedTuple):
    """One request, and the status it is answered with."""

    status: int
    method: str
    path: str
    body: bytes | None = None
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed


@dataclass(frozen=True)
class Proxy:
    """nginx, with two gunicorns on one database behind it."""

    server: NginxServer
    services: tuple[GunicornServer, GunicornServer]
    is_secure: bool

    def call(self, request: Request) -> tuple[int | str, bytes]:
        """Return status and body of the answer to a request; in place of the status what went wrong without one."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE)
        if self.is_secure:
            # With a certificate of the test's own.
            context = ssl._create_unverified_context()  # noqa: S323
            connection = http.client.HTTPSConnection("127.0.0.1", self.server.port, timeout=PATIENCE, context=context)
        try:
            connection.request(request.method, request.path, request.body, request.headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__, b""
        finally:
            connection.close()


class Attack(Callers):
    """Requests without pause from several threads."""

    def __init__(self, proxy: Proxy, requests: Sequence[Request]) -> None:
        self._proxy = proxy
        self._requests = itertools.cycle(requests)
        #: The requests that were not answered as they should be, with what came instead.
        self.surprises: set[tuple[str, str, int | str]] = set()
        self.answered = 0
        self._lock = threading.Lock()
        super().__init__(ATTACKERS)

    def go_on_calling(self) -> None:
        """Send the requests in turn."""
        while not self.stopped.is_set():
            with self._lock:
                request = next(self._requests)
            status, _ = self._proxy.call(request)
            with self._lock:
                self.answered += 1
                if status != request.status:
                    self.surprises.add((request.method, request.path[:40], status))


def bob_during(proxy: Proxy, attack: Attack) -> Counter[int | str]:
    """Return what bob's requests are answered with until the attackers have sent enough."""
    seen: Counter[int | str] = Counter()
    deadline = time.monotonic() + 3 * PATIENCE
    while attack.answered < ENOUGH or seen.total() < ENOUGH:
        assert time.monotonic() < deadline, "bob gets no more answers"
        seen[proxy.call(Request(200, "GET", "/api/bob/tasks", headers=BOB))[0]] += 1
    return seen


@pytest.fixture(scope="module", params=[PLAIN, README], ids=["nginx's own sizes", "the block of app/README.md"])
def block(request: pytest.FixtureRequest) -> str:
    """Return a configuration of nginx."""
    text: str = request.param
    return text


@pytest.fixture(scope="module")
def proxy(block: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Return nginx and two gunicorns. In the configuration nothing but ports and the folder of certificates differs."""
    folder = tmp_path_factory.mktemp("nginx")
    certify("tasks.example.com", folder / "tasks.example.com.pem", folder / "tasks.example.com.key")
    database_url = f"sqlite:///{folder / 'tasks.sqlite3'}"

    def gunicorn(name: str, *, database: bool) -> GunicornServer:
        (folder / name).mkdir()
        return GunicornServer(
            folder / name,
            database=database,
            DATABASE_URL=database_url,
            FLASK_TRUSTED_PROXIES="1",
            WEB_CONCURRENCY="1",
        )

    with gunicorn("one", database=True) as one, gunicorn("two", database=False) as two:
        servers = "".join(f"server 127.0.0.1:{service.port};" for service in (one, two))
        here = block.replace("server 127.0.0.1:8000;", servers).replace("/etc/ssl/", f"{folder}/")
        with NginxServer(folder, here) as server:
            yield Proxy(server, (one, two), is_secure="ssl" in block)


@pytest.fixture
def nobody_is_to_blame(proxy: Proxy) -> Iterator[None]:
    """Fail the test if nginx has taken a server for a broken one, or a server has had a fault of its own."""
    yield
    assert not re.search("while .* upstream|no live upstreams", proxy.server.log.read_text())
    for service in proxy.services:
        assert "Traceback" not in service.log.read_text()


def test_the_readme_sizes_bodies_as_the_service_does() -> None:
    """What the service would refuse, nginx does not send it."""
    assert re.findall(r"client_max_body_size (\d+)k;", README) == [str(LONGEST[README] // 1024)]
    assert LONGEST[README] == DEFAULTS["MAX_CONTENT_LENGTH"]


@pytest.mark.usefixtures("nobody_is_to_blame")
def test_the_bodies_of_strangers_take_nothing_away_from_others(proxy: Proxy, block: str) -> None:
    """Whatever they are refused for; each of them gets the answer that is meant for it."""
    fitting, longer = b"x" * LONGEST[block], b"x" * (1024 * 1024)
    refused = [
        Request(405, "PUT", "/health"),
        Request(200, "GET", "/health"),
        Request(200, "GET", "/health/ready"),
        Request(200, "GET", "/docs/swagger-ui-bundle.js"),
        Request(404, "POST", "/nowhere"),
        Request(401, "POST", "/api/bob/tasks"),
        Request(401, "POST", "/api/bob/tasks", headers={"Authorization": "Bearer forged"}),
        Request(403, "POST", "/api/bob/tasks", headers=MALLORY),
        Request(400 if len(fitting) == 65536 else 413, "POST", "/api/mallory/tasks", headers=JSON),
        # Of these gunicorn makes nothing: too many headers, and a line that only the block of app/README.md lets pass.
        Request(431, "POST", "/nowhere", headers={f"X-{number}": "" for number in range(101)}),
        Request(414, "POST", "/" + "x" * 9000),
    ]
    requests = [request._replace(body=fitting) for request in refused]
    if len(longer) > len(fitting):
        requests += [request._replace(status=413, body=longer) for request in refused]

    with Attack(proxy, requests) as attack:
        bob = bob_during(proxy, attack)

    assert set(bob) == {200}
    assert attack.surprises == set()


def crafted_requests(proxy: Proxy, user_id: str, title: str) -> Iterator[Request]:
    """Make a user's tasks under one title, and yield the searches that repeat most of what they are given."""
    headers = ISSUER.authorization(user_id) | {"Content-Type": "application/json"}
    path = f"/api/{quote(user_id, safe='')}/tasks"
    create = Request(201, "POST", path, json.dumps({"title": title}).encode(), headers)
    for _ in range(4):
        proxy.call(create)
    yield create
    for sort in ("title", "-created_at"):
        query = urlencode({"limit": 1, "q": title[:LONGEST_SEARCH], "sort": sort, "completed": "false"})
        cursor: str | None = ""
        while cursor is not None:
            search = Request(200, "GET", f"{path}?{query}{cursor and f'&cursor={cursor}'}", headers=headers)
            cursor = json.loads(proxy.call(search)[1])["next"]
            yield search


@pytest.mark.usefixtures("nobody_is_to_blame")
def test_the_searches_of_one_user_take_nothing_away_from_others(proxy: Proxy) -> None:
    """However much of the query, of the titles and of the user id an answer could repeat in its headers."""
    requests = [
        *crafted_requests(proxy, "mallory", '"%' * 127),
        *crafted_requests(proxy, "mallory", "漢" * 255),
        *crafted_requests(proxy, EMOJI, EMOJI),
    ]

    with Attack(proxy, requests) as attack:
        bob = bob_during(proxy, attack)

    assert set(bob) == {200}
    # More searches at once than may be are refused by the service itself, which is no fault to the proxy.
    assert {status for *_, status in attack.surprises} <= {503}


def test_nginx_passes_on_user_ids_with_slashes(proxy: Proxy) -> None:
    """As they came, two slashes in a row included: ``proxy_pass`` names no path."""
    user_id = "http://cilogon.org/serverA/users/123"
    path = f"/api/{quote(user_id, safe='')}/tasks"
    headers = ISSUER.authorization(user_id)

    created = proxy.call(
        Request(201, "POST", path, b'{"title": "Mine"}', headers | {"Content-Type": "application/json"})
    )
    listed = proxy.call(Request(200, "GET", path, headers=headers))

    assert created[0] == 201
    assert [task["user_id"] for task in json.loads(listed[1])["items"]] == [user_id]
