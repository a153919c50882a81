"""The wheel on its own: what it holds, and a second service that stands on nothing else."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auth.testing import TokenIssuer
from tests.support.environments import ROOT, clean_environment, run
from tests.support.names import INSTALLED
from tests.support.repository import PROJECT

ISSUER, AUDIENCE = "https://login.example.com", "https://notes.example.com"


def files_of_the_library(name: str) -> set[str]:
    """Return every file of ``auth/``, as it is called in a folder of that name."""
    folder = ROOT / "auth"
    return {f"{name}/{file.relative_to(folder)}" for file in (folder / "py.typed", *folder.rglob("*.py"))}


def test_the_wheel_holds_the_library_and_nothing_else(wheel: Path) -> None:
    """Every module of it. An ``app`` or an ``auth`` would break services that have one of their own."""
    names = zipfile.ZipFile(wheel).namelist()

    assert {name for name in names if ".dist-info/" not in name} == files_of_the_library(INSTALLED)


def test_the_source_distribution_holds_what_makes_the_wheel_and_nothing_else(distributions: Path) -> None:
    """The wheel of these tests is built from it, as ``pip`` does for those who install no wheels."""
    (source,) = distributions.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {member.name.partition("/")[2] for member in archive if member.isfile()}

    described = {"LICENSE", "MANIFEST.in", "PKG-INFO", "README.md", "pyproject.toml", "setup.cfg"}

    assert {name for name in names if ".egg-info/" not in name} == files_of_the_library("auth") | described


def test_the_wheel_demands_flask_and_pyjwt_and_no_more(wheel: Path) -> None:
    """What a service gets into its environment is part of the contract."""
    archive = zipfile.ZipFile(wheel)
    (metadata,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
    lines = archive.read(metadata).decode().splitlines()

    demanded = [line for line in lines if line.startswith("Requires-Dist:") and "extra ==" not in line]

    assert [line.split()[1].split(">")[0].lower() for line in demanded] == ["flask", "pyjwt[crypto]", "cryptography"]


@pytest.mark.alone
def test_make_dist_builds_what_an_index_takes(tmp_path: Path) -> None:
    """Both distributions, checked as the index checks them, and nothing that an older build has left."""
    (tmp_path / "flask_resource_server-0.0.1.tar.gz").touch()
    version = PROJECT["version"]

    printed = run(["make", "dist", f"DIST={tmp_path}"])

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"flask_resource_server-{version}-py3-none-any.whl",
        f"flask_resource_server-{version}.tar.gz",
    ]
    assert printed.count("PASSED") == 2


def test_the_wheel_says_where_its_documentation_is(wheel: Path) -> None:
    """The index shows these links beside the text of the README."""
    archive = zipfile.ZipFile(wheel)
    (metadata,) = (name for name in archive.namelist() if name.endswith("/METADATA"))

    lines = archive.read(metadata).decode().splitlines()

    assert {line for line in lines if line.startswith("Project-URL:")} == {
        f"Project-URL: {name}, {url}" for name, url in PROJECT["urls"].items()
    }


@pytest.fixture(scope="module")
def notes(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, TokenIssuer]]:
    """The service of ``examples/notes``, outside the checkout, in an environment with the wheel alone."""
    folder = tmp_path_factory.mktemp("notes")
    shutil.copy(ROOT / "examples" / "notes" / "notes.py", folder)
    listed = run([installed / "python", "-m", "pip", "list"]).lower()
    assert "smorest" not in listed
    assert "marshmallow" not in listed
    issuer = TokenIssuer.generate("ES256", issuer=ISSUER, audience=AUDIENCE)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    server = subprocess.Popen(
        [installed / "flask", "--app", "notes", "run", "--port", str(port)],
        cwd=folder,
        env=clean_environment(
            FLASK_AUTH_PUBLIC_KEY=issuer.public_key, FLASK_AUTH_ISSUER=ISSUER, FLASK_AUTH_AUDIENCE=AUDIENCE
        ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    origin = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                ask(f"{origin}/health")
                break
            except urllib.error.URLError:
                assert server.poll() is None, "the service did not start"
                assert time.monotonic() < deadline, "the service did not answer within 20 s"
                time.sleep(0.1)
        yield origin, issuer
    finally:
        server.kill()
        server.wait()


def ask(url: str, *, body: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, Any, Any]:
    """Return status, headers and JSON of one request."""
    request = urllib.request.Request(url, data=body, headers=headers or {})  # noqa: S310 - our own loopback URL
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return answer.status, answer.headers, json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.headers, json.load(refused)


def test_a_plain_flask_service_lets_users_reach_their_own_notes(notes: tuple[str, TokenIssuer]) -> None:
    """The owner writes and reads."""
    origin, issuer = notes

    written = ask(f"{origin}/notes/alice", body=b"remember", headers=issuer.authorization("alice"))
    read = ask(f"{origin}/notes/alice", headers=issuer.authorization("alice"))

    assert (written[0], read[0]) == (201, 200)
    assert read[2] == {"notes": ["remember"]}


def test_a_plain_flask_service_refuses_with_the_shape_of_the_library(notes: tuple[str, TokenIssuer]) -> None:
    """No token is 401 with the challenge, another user's path 403, a missing scope 403 with its name."""
    origin, issuer = notes

    without = ask(f"{origin}/notes/alice")
    foreign = ask(f"{origin}/notes/bob", headers=issuer.authorization("alice"))
    unscoped = ask(f"{origin}/statistics", headers=issuer.authorization("alice"))

    assert (without[0], without[1]["WWW-Authenticate"]) == (401, 'Bearer realm="api"')
    assert without[2] == {
        "code": 401,
        "status": "Unauthorized",
        "message": "An access token is required. Send it as Authorization: Bearer TOKEN.",
        "error": "missing_token",
    }
    assert (foreign[0], foreign[2]["error"], foreign[1]["WWW-Authenticate"]) == (403, "not_owner", None)
    assert unscoped[0] == 403
    assert unscoped[1]["WWW-Authenticate"] == (
        'Bearer realm="api", error="insufficient_scope", scope="statistics:read"'
    )


def test_a_plain_flask_service_serves_scopes_and_anonymous_callers(notes: tuple[str, TokenIssuer]) -> None:
    """A granted scope opens, an optional view greets who is known and serves who is not."""
    origin, issuer = notes

    scoped = ask(f"{origin}/statistics", headers=issuer.authorization("carol", scopes=["statistics:read"]))
    anonymous = ask(f"{origin}/topics")
    known = ask(f"{origin}/topics", headers=issuer.authorization("carol"))

    assert (scoped[0], scoped[2]["read_by"]) == (200, "carol")
    assert (anonymous[0], anonymous[2]["hello"]) == (200, None)
    assert (known[0], known[2]["hello"]) == (200, "carol")


@pytest.mark.parametrize("group", ["auth", "resource-server"])
def test_the_commands_work_where_the_wheel_is_installed(installed: Path, group: str) -> None:
    """Under both names: the routes are listed, the issuers looked at, and a token is signed for development."""
    folder = ROOT / "examples" / "notes"
    settings = {"FLASK_AUTH_SECRET": "q8Zk1vX4dN7bR2mT5yW9cF3hJ6pL0sGa", "FLASK_AUTH_DEVELOPMENT_TOKENS": "true"}
    command: list[str | Path] = [installed / "flask", "--app", "notes", group]

    routes = run([*command, "routes"], cwd=folder, settings=settings)
    checked = run([*command, "check"], cwd=folder, settings=settings)
    token = run([*command, "token", "alice"], cwd=folder, settings=settings)

    assert re.search(r"^GET +/notes/<owner> +token, owner <owner>(?: |$)", routes, re.MULTILINE)
    assert "UNDECLARED" not in routes
    assert "PROBLEM" not in checked
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", token.splitlines()[-1])
