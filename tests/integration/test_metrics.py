"""Any worker of gunicorn shows Prometheus the counts of all workers, also after one of them has died."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from auth.errors import AuthErrorCode
from auth.testing import PublishedIssuer, bad_tokens
from tests.support.dashboard import EXPRESSIONS, metrics_in
from tests.support.environments import ROOT, clean_environment
from tests.support.gunicorn_server import PATIENCE, GunicornServer, environment
from tests.support.remote_keys import eventually
from tests.support.scrapes import Sample, by_label, samples

AUDIENCE = "https://api.example"
WORKERS = 4
REQUESTS = 1000
#: gunicorn answers a longer field itself, before any app.
LONGEST_FIELD = 16_000

#: Those that the routes of the tasks API have while there is no denylist, and no view asks for roles, a login or a
#: kind of caller.
KINDS_OF_REFUSALS = {code.value for code in AuthErrorCode} - {
    "token_revoked",
    "denylist_unavailable",
    "insufficient_user_authentication",
    "insufficient_role",
    "not_tenant",
    "wrong_caller",
    "delegated_token",
    "undeclared_route",
}


@dataclass(frozen=True)
class Kind:
    """One kind of request, its answer, and what is counted for it."""

    path: str
    headers: dict[str, str]
    status: int
    result: str
    error: str | None = None


@contextmanager
def issuers() -> Iterator[tuple[PublishedIssuer, PublishedIssuer]]:
    """Return an issuer that publishes its keys, and one that does not answer any more."""
    with PublishedIssuer.generate("ES256", audience=AUDIENCE) as dead:
        pass
    with PublishedIssuer.generate("ES256", audience=AUDIENCE) as alive:
        yield alive, dead


def kinds(alive: PublishedIssuer, dead: PublishedIssuer) -> list[Kind]:
    alice, bob = alive.authorization("alice"), alive.authorization("bob")
    support = alive.authorization("support", scopes="tasks:any")
    refused = [
        Kind("/api/me", bad.headers(alive), bad.status, "refused", bad.error.value)
        for bad in bad_tokens(alive)
        if sum(map(len, bad.headers(alive).values())) < LONGEST_FIELD
    ]
    return [
        *[Kind("/api/me", alive.authorization(f"user-{number}"), 200, "accepted") for number in range(10)],
        *[Kind("/api/alice/tasks", alice, 200, "accepted")] * 10,
        *[Kind("/api/alice/tasks", support, 200, "overridden")] * 5,
        *refused,
        Kind("/api/alice/tasks", bob, 403, "refused", "not_owner"),
        Kind("/metrics", alice, 403, "refused", "insufficient_scope"),
        Kind("/api/me", dead.authorization("alice"), 503, "unavailable", "keys_unavailable"),
    ]


class Watched:
    """A server, what was sent to it, and what Prometheus would read."""

    def __init__(self, server: GunicornServer, issuer: PublishedIssuer) -> None:
        self.server = server
        self._scraper = issuer.authorization("prometheus", scopes="metrics:read", is_client=True)
        self.results: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.answers: Counter[tuple[str, str]] = Counter()
        self.fields = 0

    def send(self, kinds: list[Kind], count: int) -> None:
        """Send requests of each kind in turn, from several threads, and note what has to be counted."""
        sent = list(itertools.islice(itertools.cycle(kinds), count))
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda kind: self.server.call("GET", kind.path, headers=kind.headers), sent))
        for kind, (status, body) in zip(sent, answers, strict=True):
            assert (status, body.get("error")) == (kind.status, kind.error)
            self.fields += "Authorization" in kind.headers
            self.results[kind.result] += 1
            self.errors.update([] if kind.error is None else [kind.error])
            self.answers[kind.path, str(kind.status)] += 1

    def scrape(self) -> dict[Sample, float]:
        """Read the counts; the scrape is a guarded request itself."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE)
        connection.request("GET", "/metrics", headers=self._scraper)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        assert answer.status == 200
        self.results["accepted"] += 1
        self.fields += 1
        return samples(text)

    def check(self) -> dict[Sample, float]:
        """Demand that all that was sent was counted, and nothing else."""
        read = self.scrape()
        judged = read["auth_verification_seconds_count", ()]

        assert by_label(read, "auth_requests_total", "result") == self.results
        assert by_label(read, "auth_refusals_total", "error") == self.errors
        assert judged == self.results.total()
        assert by_label(read, "auth_token_cache_total", "result").total() == self.fields
        routes = {"/api/me": "/api/me", "/api/alice/tasks": "/api/<path:user_id>/tasks"}
        for path, status in self.answers:
            if path in routes:
                answered = (("method", "GET"), ("route", routes[path]), ("status", status))
                assert read["app_requests_total", answered] == self.answers[path, status]
        return read


@contextmanager
def watched(folder: Path, **variables: str) -> Iterator[tuple[Watched, list[Kind]]]:
    with issuers() as (alive, dead):
        entries = [
            {"issuer": alive.issuer, "audience": AUDIENCE, "discovery": True},
            {"issuer": dead.issuer, "audience": AUDIENCE, "discovery": True, "user_prefix": "dead:"},
        ]
        settings: dict[str, Any] = {
            "BETTER_AUTH_SECRET": "",
            "FLASK_AUTH_ISSUERS": json.dumps(entries),
            "FLASK_AUTH_JWKS_TIMEOUT": "1",
            "FLASK_AUTH_METRICS_PATH": "/metrics",
            "WEB_CONCURRENCY": str(WORKERS),
            "TMPDIR": str(folder),
        }
        with GunicornServer(folder, **settings | variables) as server:
            yield Watched(server, alive), kinds(alive, dead)


def kill_one(server: GunicornServer) -> int:
    """Kill a worker as a system short of memory does, and return its id when another one has taken its place."""
    workers = server.workers()
    os.kill(workers[0], signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE
    while workers[0] in server.workers() or len(server.workers()) < WORKERS:
        assert time.monotonic() < deadline, "the worker was not replaced"
        time.sleep(0.01)
    return workers[0]


@pytest.mark.slow
def test_the_counts_of_all_workers_add_up_and_survive_one_of_them(tmp_path: Path) -> None:
    """A thousand requests, then a death, then a thousand more; each refusal kind that reaches the app is among them."""
    with watched(tmp_path) as (service, kinds):
        service.send(kinds, REQUESTS)
        before = service.check()
        (folder,) = tmp_path.glob("tasks-metrics-*")
        killed = kill_one(service.server)
        living = {path.name for path in folder.glob("gauge_live*")}
        after_death = service.check()
        service.send(kinds, REQUESTS)
        after = service.check()
        issuers_seen = {dict(labels)["issuer"] for name, labels in after if name == "auth_jwks_age_seconds"}

    hits = {
        when: by_label(read, "auth_token_cache_total", "result")["hit"] for when, read in enumerate((before, after))
    }
    assert set(service.errors) == KINDS_OF_REFUSALS
    assert 0 < hits[0] < hits[1]
    assert not [name for name in living if name.endswith(f"_{killed}.db")]
    assert len(issuers_seen) == 1
    assert after_death["auth_jwks_age_seconds", (("issuer", issuers_seen.pop()),)] < 600
    assert {name for expression in EXPRESSIONS for name in metrics_in(expression)} <= {name for name, _ in after}
    # The folder goes with the server.
    assert list(tmp_path.glob("tasks-metrics-*")) == []
    assert "Traceback" not in service.server.log.read_text()


@pytest.mark.parametrize("reload", [False, True], ids=["once", "reloaded"])
def test_a_folder_of_the_operator_is_emptied_at_the_start_and_stays(tmp_path: Path, reload: bool) -> None:
    """Counts of an earlier run are not those of this one; a reload (SIGHUP) loses none."""
    folder = tmp_path / "counts"
    folder.mkdir()
    (folder / "tasks.db").touch()
    with watched(tmp_path, PROMETHEUS_MULTIPROC_DIR=str(folder)) as (service, kinds):
        service.send(kinds, 100)
        service.check()
    with watched(tmp_path, PROMETHEUS_MULTIPROC_DIR=str(folder)) as (service, kinds):
        service.send(kinds, 100)
        if reload:
            old = set(service.server.workers())
            os.kill(service.server.process.pid, signal.SIGHUP)
            deadline = time.monotonic() + PATIENCE
            while old & set(service.server.workers()) or len(service.server.workers()) < WORKERS:
                assert time.monotonic() < deadline, "the workers were not replaced"
                time.sleep(0.05)
        service.check()

    assert (folder / "tasks.db").exists()
    assert list(folder.glob("counter_*.db"))
    assert list(tmp_path.glob("tasks-metrics-*")) == []


def test_a_server_that_counts_nothing_makes_no_folder(tmp_path: Path) -> None:
    """Off is free."""
    with GunicornServer(tmp_path, database=False, probe="/health", TMPDIR=str(tmp_path)) as server:
        status, _ = server.call("GET", "/metrics")
        folders = list(tmp_path.glob("tasks-metrics-*"))

    assert (status, folders) == (404, [])


def test_a_daemon_keeps_its_counts_over_a_reload_and_leaves_no_folder(tmp_path: Path) -> None:
    """The process that makes the folder ends at once, and another one is the server."""
    pid_file, log = tmp_path / "pid", tmp_path / "gunicorn.log"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    variables = environment(
        tmp_path, FLASK_AUTH_METRICS_PATH="/metrics", TMPDIR=str(tmp_path), PORT=str(port), WEB_CONCURRENCY="1"
    )
    options = ["--daemon", "--pid", str(pid_file), "--error-logfile", str(log)]
    subprocess.run(
        [sys.executable, "-m", "gunicorn", *options], cwd=ROOT, env=clean_environment(**variables), check=True
    )
    eventually(lambda: log.exists() and "Booting worker" in log.read_text())
    pid = int(pid_file.read_text())
    try:
        (folder,) = tmp_path.glob("tasks-metrics-*")
        os.kill(pid, signal.SIGHUP)
        eventually(lambda: log.read_text().count("Booting worker") == 2)
        folders = list(tmp_path.glob("tasks-metrics-*"))
    finally:
        os.kill(pid, signal.SIGTERM)
    eventually(lambda: not folder.exists())

    assert folders == [folder]
