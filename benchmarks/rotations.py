"""How long a new key of the issuer has to wait while somebody floods the service with invented key ids.

    python -m benchmarks.rotations
    python -m benchmarks.rotations --budgets 5 30 60 --flood 100 --seconds 120

The service runs under gunicorn with the keys of an issuer on loopback. The issuer publishes a new key every few seconds
and signs with it at once, which is the worst case. Callers use the newest key all the time. Strangers send tokens with
key ids that nobody has published, so many a second. ``AUTH_JWKS_UNKNOWN_KEY_BUDGET`` takes the values of ``--budgets``
one after the other. A key's *delay* is the time from its publication to the last refusal of a token that it has signed.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import secrets
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt.algorithms import OKPAlgorithm

from auth.testing import TokenIssuer
from benchmarks.servers import HOST, PATIENCE, WORKERS, start

AUDIENCE = "https://api.example.com"

#: How many of its keys the issuer publishes, the newest first.
PUBLISHED = 3


@dataclass(frozen=True, slots=True)
class Call:
    """One request with the newest key."""

    #: Which of the keys it was, from 0.
    key: int
    status: int
    #: Seconds by :func:`time.monotonic`.
    ended_at: float


@dataclass(slots=True)
class Issuer:
    """Publishes keys at ``/jwks``, and signs with the newest one."""

    url: str = ""
    fetches: int = 0
    #: The public keys, the newest first.
    published: list[dict[str, object]] = field(default_factory=list)
    #: When each key was published, by :func:`time.monotonic`.
    times: list[float] = field(default_factory=list)
    #: The number of the newest key, and a token that it has signed.
    newest: tuple[int, dict[str, str]] = (0, {})

    def rotate(self) -> None:
        """Publish a new key, and sign with it from now on."""
        number = len(self.times)
        signer = TokenIssuer.generate("EdDSA", issuer=self.url, audience=AUDIENCE)
        public = load_pem_public_key(signer.public_key.encode())
        key = json.loads(OKPAlgorithm.to_jwk(public)) | {"kid": f"key-{number}", "use": "sig"}  # type: ignore[arg-type]  # the PEM is an Ed25519 key
        self.published = [key, *self.published[: PUBLISHED - 1]]
        self.times.append(time.monotonic())
        self.newest = number, signer.authorization("alice", headers={"kid": f"key-{number}"})

    def invented(self) -> dict[str, str]:
        """Return the headers of a request whose token names a key that nobody has published."""
        stranger = TokenIssuer.generate("EdDSA", issuer=self.url, audience=AUDIENCE)
        return stranger.authorization("mallory", headers={"kid": secrets.token_hex(8)})


@contextmanager
def publishing(issuer: Issuer) -> Iterator[None]:
    """Answer for the issuer on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.fetches += 1
            body = json.dumps({"keys": issuer.published}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep silent."""

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        issuer.url = f"http://{HOST}:{server.server_port}"
        yield
        server.shutdown()


class Clients:
    """Callers with the newest key, and strangers with invented ones, until the time is over."""

    def __init__(self, issuer: Issuer, port: int, seconds: float) -> None:
        self.issuer = issuer
        self.port = port
        self.end = time.monotonic() + seconds

    def call(self, pause: float) -> list[Call]:
        """Use the newest key on one connection, again and again."""
        calls = []
        with closing(http.client.HTTPConnection(HOST, self.port, timeout=PATIENCE)) as connection:
            while time.monotonic() < self.end:
                key, headers = self.issuer.newest
                calls.append(Call(key, ask(connection, headers), time.monotonic()))
                time.sleep(pause)
        return calls

    def flood(self, per_second: float) -> int:
        """Send invented ids at a rate, and return how many there were. New connections reach every worker."""
        count, due = 0, time.monotonic()
        while per_second and (due := due + 1 / per_second) < self.end:
            time.sleep(max(0, due - time.monotonic()))
            with closing(http.client.HTTPConnection(HOST, self.port, timeout=PATIENCE)) as connection:
                ask(connection, self.issuer.invented())
            count += 1
        return count

    def rotate(self, period: float) -> None:
        """Publish a new key every so many seconds, a little earlier or later each time.

        The budget fills up evenly, so keys that came evenly would meet it at the same few moments.
        """
        due = time.monotonic()
        # The last key is there for long enough to show its delay.
        while (due := due + period * random.uniform(0.8, 1.2)) < self.end - period:  # noqa: S311 - no secret
            time.sleep(max(0, due - time.monotonic()))
            self.issuer.rotate()


def ask(connection: http.client.HTTPConnection, headers: dict[str, str]) -> int:
    """Return the status of an answer, 0 if there was none."""
    try:
        connection.request("GET", "/api/me", headers=headers)
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        connection.close()
        return 0
    return answer.status


def measure(budget: int, wanted: argparse.Namespace) -> str:
    """Run the service with a budget, and return what came of it in one line."""
    issuer = Issuer()
    with tempfile.TemporaryDirectory() as folder, publishing(issuer), ThreadPoolExecutor() as threads:
        issuer.rotate()
        environment = {
            "BETTER_AUTH_SECRET": "",
            "DATABASE_URL": f"sqlite:///{folder}/tasks.sqlite3",
            "WEB_CONCURRENCY": str(wanted.workers),
            "FLASK_AUTH_JWKS_URL": f"{issuer.url}/jwks",
            "FLASK_AUTH_ISSUER": issuer.url,
            "FLASK_AUTH_AUDIENCE": AUDIENCE,
            "FLASK_AUTH_JWKS_UNKNOWN_KEY_BUDGET": str(budget),
        }
        with start((sys.executable, "-m", "gunicorn"), environment) as server:
            clients = Clients(issuer, server.port, wanted.seconds)
            calling: list[Future[list[Call]]] = [
                threads.submit(clients.call, wanted.pause) for _ in range(wanted.callers)
            ]
            flooding = threads.submit(clients.flood, wanted.flood)
            threads.submit(clients.rotate, wanted.period).result()
            calls = [call for caller in calling for call in caller.result()]
            strangers = flooding.result()
    return line(budget, calls, issuer, strangers)


def line(budget: int, calls: list[Call], issuer: Issuer, strangers: int) -> str:
    """Say what a run showed. The first key is left out: it was there before the flood."""
    delays = [0.0] * len(issuer.times)
    for call in calls:
        if call.status == 401:
            delays[call.key] = max(delays[call.key], call.ended_at - issuer.times[call.key])
    refused = sum(call.status == 401 for call in calls)
    others = len(calls) - refused - sum(call.status == 200 for call in calls)
    rotations = delays[1:] or [0.0]
    return (
        f"{budget:6}{len(calls):10,}{refused:9,}{others:7}{len(rotations):11}"
        f"{statistics.median(rotations):8.2f}{max(rotations):7.2f}{issuer.fetches:9}{strangers:11,}"
    )


def main() -> None:
    """Measure, and print one line for each budget."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budgets", type=int, nargs="+", default=[5, 30], help="fetches a minute (5 30)")
    parser.add_argument("--flood", type=float, default=10, help="invented key ids a second (10)")
    parser.add_argument("--period", type=float, default=5, help="seconds from one new key to the next (5)")
    parser.add_argument("--seconds", type=float, default=60, help="length of a run (60)")
    parser.add_argument("--callers", type=int, default=4, help="connections with good tokens (4)")
    parser.add_argument("--pause", type=float, default=0.01, help="seconds from an answer to the next request (0.01)")
    parser.add_argument("--workers", type=int, default=WORKERS, help=f"worker processes ({WORKERS})")
    wanted = parser.parse_args()
    print(f"{wanted.workers} workers, {wanted.flood:g} invented ids a second, a new key every {wanted.period:g} s")
    print("budget  requests  refused  other  rotations  delay  worst  fetches  strangers")
    for budget in wanted.budgets:
        print(measure(budget, wanted), flush=True)


if __name__ == "__main__":
    main()
