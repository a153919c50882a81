"""Real authorization servers: the small programs of ``tests/node``, started on loopback, and a browser to use them.

The programs need Node.js and the packages of ``tests/node/package-lock.json``, which are installed there once and kept.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import http.client
import json
import secrets
import select
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

from tests.support.availability import unavailable
from tests.support.environments import ROOT, clean_environment
from tests.support.gunicorn_server import PATIENCE, GunicornServer

NODE = ROOT / "tests" / "node"

#: Seconds npm may take to install the packages.
_INSTALL_PATIENCE = 300


def install_packages() -> None:
    """Install the packages the programs need, unless those of the lock file are there already."""
    if shutil.which("npm") is None or _node_version() < 20:
        unavailable("Node.js 20 with npm")
    with (NODE / "package-lock.json").open("rb") as wanted:
        # Tests run in several processes, and npm takes no second one in the same folder.
        fcntl.flock(wanted, fcntl.LOCK_EX)
        _install(wanted.read())


def _install(wanted: bytes) -> None:
    """Install the packages of a lock file, unless that was the last one."""
    installed = NODE / "node_modules" / ".installed-lock.json"
    if installed.exists() and installed.read_bytes() == wanted:
        return
    finished = subprocess.run(
        ["npm", "ci", "--fetch-retries=1"],
        cwd=NODE,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_INSTALL_PATIENCE,
        check=False,
    )
    # npm's own word for a lock file that does not belong to package.json, which no other registry would change.
    assert "EUSAGE" not in finished.stderr, finished.stderr
    if finished.returncode != 0:
        unavailable("a registry with the packages of tests/node")
    installed.write_bytes(wanted)


def _node_version() -> int:
    """Return the major version of the Node.js on this machine, 0 if there is none."""
    if shutil.which("node") is None:
        return 0
    printed = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return int(printed.removeprefix("v").split(".")[0])


class IssuerProgram:
    """One of the programs in ``tests/node``; to be used in a ``with`` statement, which kills it in any case."""

    def __init__(self, program: str, log: Path, options: Mapping[str, Any], **variables: str) -> None:
        self.command = ["node", program, json.dumps(options)]
        self.log = log
        self.variables = variables
        self.origin = ""

    def __enter__(self) -> Self:
        """Start the program and wait for the line in which it says where it listens."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=NODE,
                env=clean_environment(**self.variables),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        said, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        self.origin = self.process.stdout.readline().strip() if said else ""
        if not self.origin:
            self.stop()
            raise AssertionError(f"{self.command} did not start:\n{self.log.read_text()}")
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing of it behind."""
        self.stop()

    def stop(self) -> None:
        """Stop it at once, as a crash would; its port refuses connections from then on."""
        self.process.kill()
        with self.process:
            self.process.wait(PATIENCE)


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status: int
    headers: Message
    #: The parsed JSON, or the text of any other body.
    body: Any


class Browser:
    """A client of one server that keeps the cookies it is given and follows no redirect."""

    def __init__(self, origin: str, **headers: str) -> None:
        self.origin = origin
        self.headers = headers
        #: The values as they came, by the names of the cookies.
        self.cookies: dict[str, str] = {}

    def get(self, path: str) -> Answer:
        """Ask for a page of the server, by its path or its whole URL."""
        return self._request("GET", path, None, {})

    def post(self, path: str, body: Mapping[str, Any]) -> Answer:
        """Send JSON."""
        return self._request("POST", path, json.dumps(body), {"Content-Type": "application/json"})

    def submit(self, path: str, **fields: str) -> Answer:
        """Send a form."""
        return self._request("POST", path, urlencode(fields), {"Content-Type": "application/x-www-form-urlencoded"})

    def _request(self, method: str, path: str, content: str | None, headers: dict[str, str]) -> Answer:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {**self.headers, **headers, **({"Cookie": cookies} if cookies else {})}
        connection = http.client.HTTPConnection(urlsplit(self.origin).netloc, timeout=PATIENCE)
        try:
            connection.request(method, path.removeprefix(self.origin), content, sent)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        self._keep_cookies(answer.headers)
        is_json = answer.headers.get_content_type() == "application/json"
        return Answer(answer.status, answer.headers, json.loads(text) if is_json and text else text)

    def _keep_cookies(self, headers: Message) -> None:
        for line in headers.get_all("Set-Cookie", []):
            for name, cookie in SimpleCookie(line).items():
                self.cookies[name] = cookie.coded_value


def code_verifier_and_challenge() -> tuple[str, str]:
    """Return a code verifier and the challenge that belongs to it (RFC 7636 §4.1, §4.2)."""
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    return verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def response_to(token: str, service: GunicornServer, path: str = "/api/me") -> tuple[int, str | None]:
    """Return the status with which our service answers a token, and the error code if it refuses."""
    status, body = service.call("GET", path, headers={"Authorization": f"Bearer {token}"})
    return status, body.get("error")
