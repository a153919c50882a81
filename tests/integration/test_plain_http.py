"""Issuers at a name that is not loopback, spoken to by plain http: a real resolver, real servers, real commands."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.environments import ROOT, clean_environment
from tests.support.gunicorn_server import GunicornServer
from tests.support.issuer_server import AUDIENCE, JWKS, Fault, IssuerServer, SigningKey
from tests.support.issuers import response_to
from tests.support.programs import free_port, own_name

KEY = SigningKey.generate("RS256")

SERVICE = """
from flask import Flask
from auth import ResourceServer

app = Flask(__name__)
app.config.from_prefixed_env()
ResourceServer(app)
"""


@pytest.fixture
def issuer() -> Iterator[IssuerServer]:
    with IssuerServer([KEY], path="/realms/shop", host=own_name()) as server:
        yield server


def check(folder: Path, issuer: IssuerServer, *options: str, **variables: str) -> tuple[int, str]:
    """Run ``flask auth check`` in a service of this issuer; return its exit status and what it said."""
    (folder / "service.py").write_text(SERVICE)
    settings = {
        "FLASK_AUTH_ISSUER": issuer.issuer,
        "FLASK_AUTH_AUDIENCE": AUDIENCE,
        "FLASK_AUTH_DISCOVERY": "true",
        "PYTHONPATH": str(ROOT),
        # Nothing listens there: plain http must never go through it.
        "HTTP_PROXY": f"http://127.0.0.1:{free_port()}",
        **variables,
    }
    finished = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "service", *options, "auth", "check"],
        cwd=folder,
        env=clean_environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return finished.returncode, finished.stdout + finished.stderr


def test_discovery_and_keys_of_a_named_host_are_fetched_by_plain_http(issuer: IssuerServer, tmp_path: Path) -> None:
    """As ``http://keycloak:8080/realms/shop`` is, in a network of containers."""
    status, said = check(tmp_path, issuer, "--debug", FLASK_AUTH_INSECURE_HTTP_HOSTS=issuer.host)

    assert status == 0, said
    assert f"{issuer.jwks_url} answers with 1 usable of 1 keys." in said
    assert f"AUTH_INSECURE_HTTP_HOSTS allows plain http to {issuer.host}: anybody on the way" in said


def test_a_redirect_of_a_named_host_is_not_followed(issuer: IssuerServer, tmp_path: Path) -> None:
    """Neither to plain http nor to https."""
    issuer.faults[JWKS] = Fault.REDIRECT
    settings = {"FLASK_AUTH_INSECURE_HTTP_HOSTS": issuer.host, "FLASK_AUTH_DEVELOPMENT_TOKENS": "true"}

    status, said = check(tmp_path, issuer, **settings)

    assert status == 1
    assert f"{issuer.jwks_url} answered with status 302, a redirect, which is not followed." in said
    assert issuer.requests[JWKS] == 1
    assert "/elsewhere" not in issuer.requests


@pytest.mark.parametrize("hosts", ["", "another-host"])
def test_a_host_that_is_not_named_is_refused_at_start(issuer: IssuerServer, tmp_path: Path, hosts: str) -> None:
    """Nobody is asked."""
    named = {"FLASK_AUTH_INSECURE_HTTP_HOSTS": hosts} if hosts else {}

    status, said = check(tmp_path, issuer, "--debug", **named)

    assert status != 0
    assert "AUTH_ISSUER is a plain-http URL;" in said
    assert f"(FLASK_AUTH_INSECURE_HTTP_HOSTS='[\"{issuer.host}\"]')" in said
    assert not issuer.requests


def test_a_named_host_is_refused_outside_development(issuer: IssuerServer, tmp_path: Path) -> None:
    """A list that was left in the environment of production stops the start."""
    status, said = check(tmp_path, issuer, FLASK_AUTH_INSECURE_HTTP_HOSTS=issuer.host)

    assert status != 0
    assert "AUTH_INSECURE_HTTP_HOSTS is for development" in said
    assert not issuer.requests


def test_the_tasks_api_takes_tokens_of_better_auth_at_a_named_host(tmp_path: Path) -> None:
    """Under gunicorn, which forks after the app was made; the warning is in its log."""
    with IssuerServer([KEY], host=own_name()) as issuer:
        issuer.documents["/api/auth/jwks"] = {"keys": [KEY.jwk()]}
        server = GunicornServer(
            tmp_path,
            database=False,
            probe="/health",
            BETTER_AUTH_SECRET="",
            BETTER_AUTH_URL=issuer.origin,
            FLASK_AUTH_INSECURE_HTTP_HOSTS=f'["{issuer.host}"]',
            FLASK_AUTH_DEVELOPMENT_TOKENS="true",
            HTTP_PROXY=f"http://127.0.0.1:{free_port()}",
        )
        with server:
            assert response_to(issuer.token(KEY, aud=issuer.origin), server) == (200, None)

    assert f"allows plain http to {issuer.host}" in server.log.read_text()
