"""Keys through tinyproxy, a forward proxy as networks have it: what it lets through, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from auth.keys import FetchError
from auth.keys.remote.bounded_http import fetch_json
from auth.keys.remote.connections import Deadline
from tests.support.certificates import certificate
from tests.support.issuer_server import JWKS, IssuerServer
from tests.support.programs import Program, accepts_connections, find_program, free_port, own_name


@contextmanager
def tinyproxy(folder: Path, *lines: str) -> Iterator[str]:
    """Run the proxy with some lines of configuration; return its host and port."""
    port, configuration = free_port(), folder / "tinyproxy.conf"
    given = [f"Port {port}", "Listen 127.0.0.1", "Timeout 10", *lines, ""]
    configuration.write_text("\n".join(given))
    command = [find_program("tinyproxy"), "-d", "-c", str(configuration)]
    with Program(command, folder / "tinyproxy.log") as program:
        program.wait_until(lambda: accepts_connections(port))
        yield f"127.0.0.1:{port}"


@pytest.fixture
def issuer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[IssuerServer]:
    """Run an issuer by https at the name of this machine, which a proxy is used for."""
    for name in ("https_proxy", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    tls, file = certificate(tmp_path, host=own_name())
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with IssuerServer(tls=tls, host=own_name()) as server:
        yield server


def reason(url: str) -> str:
    with pytest.raises(FetchError) as raised:
        fetch_json(url, Deadline(10))
    return f"{raised.value}. {raised.value.advice}"


def test_keys_come_through_a_proxy_with_a_password(
    issuer: IssuerServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy has seen the name of the issuer, and nothing else."""
    with tinyproxy(tmp_path, "BasicAuth alice wonderland", "LogLevel Connect") as place:
        monkeypatch.setenv("HTTPS_PROXY", f"http://alice:wonderland@{place}")
        assert fetch_json(issuer.jwks_url, Deadline(10)).content == {"keys": []}

    assert issuer.requests == {JWKS: 1}
    log = (tmp_path / "tinyproxy.log").read_text()
    assert f"CONNECT {issuer.host}:{issuer.port}" in log
    assert JWKS not in log


@pytest.mark.parametrize(
    ("user", "advice"),
    [
        ("", "The proxy wants a user and a password: set HTTPS_PROXY to http://USER:PASSWORD@HOST:PORT."),
        (
            "alice:rabbit@",
            "The proxy refused the user and the password in HTTPS_PROXY. Only Basic authentication is known here.",
        ),
    ],
)
def test_a_proxy_that_wants_a_password_says_so(
    issuer: IssuerServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: str, advice: str
) -> None:
    """Another one, or one at all."""
    with tinyproxy(tmp_path, "BasicAuth alice wonderland") as place:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{user}{place}")
        said = reason(issuer.jwks_url)

    refused = f"{issuer.jwks_url} cannot be reached: the proxy http://{place} answered with status"
    # tinyproxy says 407 to a request without a password, and 401 to one with the wrong one.
    assert said in {f"{refused} {status}. {advice}" for status in (401, 407)}


def test_a_proxy_that_forbids_the_issuer_says_so(
    issuer: IssuerServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its port here, by its name elsewhere."""
    with tinyproxy(tmp_path, "ConnectPort 443") as place:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{place}")
        said = reason(issuer.jwks_url)

    assert said == (
        f"{issuer.jwks_url} cannot be reached: the proxy http://{place} answered with status 403. The proxy does not "
        "allow connections to this host: have it allowed there, or name it in NO_PROXY."
    )


def test_a_proxy_that_cannot_reach_the_issuer_says_so(
    issuer: IssuerServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one of several statuses."""
    issuer.stop()
    with tinyproxy(tmp_path) as place:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{place}")
        said = reason(issuer.jwks_url)

    assert said.startswith(f"{issuer.jwks_url} cannot be reached: the proxy http://{place} answered with status 50")
    assert said.endswith(
        "The proxy could not connect to this host: ask the people who run the proxy, or name it in NO_PROXY."
    )


def test_a_host_in_no_proxy_is_reached_past_the_proxy(issuer: IssuerServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which nobody runs here."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("NO_PROXY", f"10.0.0.0/8, .{issuer.host}")

    assert fetch_json(issuer.jwks_url, Deadline(10)).content == {"keys": []}
