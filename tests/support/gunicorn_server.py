"""A real gunicorn with the real configuration, on a free port and a database of its own."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from auth.testing import TokenIssuer
from tests.support.environments import ROOT, clean_environment, run

SECRET = "b1946ac92492d2347c6235b4d2611184e7a3c0f95d6b8a21"

#: Seconds a start or an answer may take before the test fails.
PATIENCE = 20

#: Seconds a stop may take: a worker that is told to stop while it boots misses the signal, and gunicorn waits its
#: graceful timeout (30 s) before it kills it.
STOP_PATIENCE = 45

ISSUER = TokenIssuer(SECRET)


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """Return the variables a server in a test starts with; those given here win over a developer's .env."""
    settings = {
        "BETTER_AUTH_SECRET": SECRET,
        "BETTER_AUTH_URL": "",
        "DATABASE_URL": f"sqlite:///{folder / 'tasks.sqlite3'}",
        "HOST": "127.0.0.1",
        "WEB_CONCURRENCY": "2",
        "FORWARDED_ALLOW_IPS": "",
    }
    return settings | variables


class GunicornServer:
    """gunicorn as ``make serve`` starts it; to be used in a ``with`` statement, which kills it in any case."""

    def __init__(
        self,
        folder: Path,
        *,
        settings: Mapping[str, object] | None = None,
        probe: str = "/health/ready",
        database: bool = True,
        root: Path = ROOT,
        **variables: str,
    ) -> None:
        """``settings`` are gunicorn's own, in place of those in ``gunicorn.conf.py``; ``probe`` tells when it works.

        Without ``database`` there are no tables, which saves a second where nothing is asked of them. ``root`` is the
        folder of the service.
        """
        self.variables = environment(folder, **variables)
        self.settings = settings
        self.probe = probe
        self.database = database
        self.root = root
        self.log = folder / "gunicorn.log"
        self.configuration = folder / "gunicorn.conf.py"
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port: int = listener.getsockname()[1]

    @property
    def origin(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        """Migrate the database, start the server, and wait until it answers."""
        if self.database:
            run(
                [sys.executable, "-m", "flask", "--app", "wsgi:app", "db", "upgrade"],
                cwd=self.root,
                settings=self.variables,
            )
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", *self._arguments()],
                cwd=self.root,
                env=clean_environment(**self.variables, PORT=str(self.port)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            self.wait_until_ready()
        except BaseException:
            self.kill()
            raise
        return self

    def _arguments(self) -> list[str]:
        """Return what names the configuration, where it is not the one that is found by its name.

        A file, because the command line cannot turn off what ``gunicorn.conf.py`` turns on.
        """
        if self.settings is None:
            return []
        lines = [
            f"__file__ = {str(self.root / 'gunicorn.conf.py')!r}",
            "exec(compile(open(__file__).read(), __file__, 'exec'))",
            *(f"{name} = {value!r}" for name, value in self.settings.items()),
        ]
        self.configuration.write_text("\n".join(lines))
        return ["-c", str(self.configuration)]

    def __exit__(self, *_: object) -> None:
        """Stop it, gently at first."""
        self.process.terminate()
        try:
            self.process.wait(STOP_PATIENCE)
        finally:
            self.kill()

    def kill(self) -> None:
        """Leave no process of it behind."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.process.wait(PATIENCE)

    def wait_until_ready(self) -> None:
        """Return as soon as the server can work; fail with its log when that takes too long."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if self.call("GET", self.probe)[0] == 200:
                    return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"gunicorn did not get ready:\n{self.log.read_text()}")

    def workers(self) -> list[int]:
        """Return the process ids of the workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def all_workers(self) -> list[int]:
        """Return the process ids of both workers; the first answers before the second is there."""
        deadline = time.monotonic() + PATIENCE
        while len(workers := self.workers()) < 2:
            assert time.monotonic() < deadline, "the second worker never came"
            time.sleep(0.01)
        return workers

    def call(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """Make one request on a connection of its own and return the status and the JSON of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            content = None if body is None else json.dumps(body)
            content_type = {} if body is None else {"Content-Type": "application/json"}
            connection.request(method, path, content, {**content_type, **(headers or {})})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        return answer.status, json.loads(text) if text else None

    def exchange(self, raw: bytes) -> bytes:
        """Send bytes as they are and return all that comes back until the server closes the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
            connection.sendall(raw)
            return b"".join(iter(lambda: connection.recv(65536), b""))
