"""A newcomer's first hour: the README's commands and snippets, word for word, in an empty clone."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask

from tests.support.environments import ROOT, clean_environment, clone, run
from tests.support.gunicorn_server import STOP_PATIENCE
from tests.support.names import as_in_the_checkout
from tests.support.programs import free_port

_BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
PYTHON_BLOCKS = [text for language, text in _BLOCKS if language == "python"]
SHELL_BLOCKS = [text for language, text in _BLOCKS if language == "sh"]
SECRET = "q8Zk1vX4dN7bR2mT5yW9cF3hJ6pL0sGa"


@pytest.mark.parametrize("snippet", PYTHON_BLOCKS, ids=range(len(PYTHON_BLOCKS)))
def test_a_snippet_of_the_readme_runs_and_protects(snippet: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Python snippet makes an app whose guarded routes answer 401 to a stranger."""
    for name in os.environ:
        if name.startswith("FLASK_"):
            monkeypatch.delenv(name)
    if "AUTH_ISSUER=" not in snippet:
        monkeypatch.setenv("FLASK_AUTH_SECRET", SECRET)
    namespace: dict[str, object] = {"__name__": "readme"}

    exec(compile(as_in_the_checkout(snippet), "README.md", "exec"), namespace)  # noqa: S102 - our own README

    app = namespace["app"]
    assert isinstance(app, Flask)
    listed = app.test_cli_runner().invoke(args=["auth", "routes"]).output
    guarded = [line.split()[1] for line in listed.splitlines() if "token" in line]
    assert guarded
    for route in guarded:
        assert app.test_client().get(re.sub(r"<\w+>", "alice", route)).status_code == 401


def test_twelve_lines_protect_an_existing_app() -> None:
    """The README promises that protecting an app takes few lines; the first snippet is held to it."""
    assert len([line for line in PYTHON_BLOCKS[0].splitlines() if line.strip()]) <= 12


def test_the_readme_shows_the_commands_that_are_run_here() -> None:
    """A command added to the README has to be added to these tests."""
    assert [line.split("#")[0].strip() for line in SHELL_BLOCKS[0].splitlines()] == ["make serve", "make test"]
    assert "curl" in SHELL_BLOCKS[1]
    assert "-m build" in SHELL_BLOCKS[2]
    assert SHELL_BLOCKS[3].splitlines()[-1].split("#")[0].strip() == ".venv/bin/gunicorn"
    assert len(SHELL_BLOCKS) == 4


@dataclass
class Served:
    """``make serve``, running in an empty clone."""

    folder: Path
    port: int
    printed: str


def _serve(folder: Path, port: int, *command: str, **variables: str) -> tuple[subprocess.Popen[bytes], Path]:
    """Start a server, ``make serve`` if not said otherwise, and return once it answers and the file it prints to."""
    printed = folder.with_suffix(f".{port}.log")
    with printed.open("wb") as output:
        server = subprocess.Popen(
            command or ("make", "serve"),
            cwd=folder,
            env=clean_environment(PORT=str(port), **variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + 300
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5) as answer:
                assert answer.status == 200
                return server, printed
        except OSError:
            assert server.poll() is None, printed.read_text()
            assert time.monotonic() < deadline, printed.read_text()
            time.sleep(0.2)


def _stop(server: subprocess.Popen[bytes]) -> None:
    os.killpg(server.pid, signal.SIGTERM)
    try:
        server.wait(timeout=STOP_PATIENCE)
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def served(registry: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The first command of the README, in an empty clone."""
    folder = clone(tmp_path_factory.mktemp("newcomer") / "checkout")
    port = free_port()
    server, printed = _serve(folder, port)
    try:
        yield Served(folder, port, printed.read_text())
    finally:
        _stop(server)


def test_make_serve_prints_the_address_and_a_token_that_works(served: Served) -> None:
    """Both can be pasted as they stand."""
    assert f"http://127.0.0.1:{served.port}/docs" in served.printed
    (token,) = set(re.findall(r"ey[\w-]+\.[\w-]+\.[\w-]+", served.printed))
    request = urllib.request.Request(
        f"http://127.0.0.1:{served.port}/api/alice/tasks", headers={"Authorization": f"Bearer {token}"}
    )

    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        assert answer.status == 200


def test_the_lines_that_make_serve_prints_can_be_pasted(served: Served) -> None:
    """Into another terminal, both as they stand."""
    lines = [line for line in served.printed.splitlines() if line.startswith(("export TOKEN=", "curl "))]

    assert len(lines) == 2
    assert '"items":[' in run(["bash", "-euc", "\n".join(lines)], cwd=served.folder)


def test_make_serve_warns_of_nothing_that_it_has_chosen_itself(served: Served) -> None:
    """The first lines a newcomer reads are the address and the token."""
    assert " is not set" not in served.printed
    assert " WARNING " not in served.printed


def test_make_serve_runs_gunicorn_and_not_the_development_server(served: Served) -> None:
    """The server says so itself when it starts."""
    assert "gunicorn" in served.printed.lower()
    assert "development server" not in served.printed.lower()


def test_the_curl_commands_of_the_readme_answer_what_it_says(served: Served) -> None:
    """A task is made and listed; another user's path is 403, no token 401 with the challenge."""
    script = SHELL_BLOCKS[1].replace("127.0.0.1:8000", f"127.0.0.1:{served.port}")

    printed = run(["bash", "-euo", "pipefail", "-c", script], cwd=served.folder)

    assert printed.count('"Write the report"') + printed.count('"title":"Write the report"') >= 2
    statuses = re.findall(r"^HTTP/1\.1 (\d+)", printed, re.MULTILINE)
    assert statuses == ["403", "401"]
    assert re.search(r'^WWW-Authenticate: Bearer realm="api"\s*$', printed, re.MULTILINE)


def test_the_development_settings_are_private_and_made_once(served: Served) -> None:
    """A second ``make serve`` keeps the secret, the database and the tasks in it."""
    settings = served.folder / ".env"
    before = settings.read_bytes()
    assert stat.S_IMODE(settings.stat().st_mode) == 0o600

    # An empty variable is what a shell or a compose file makes of one that nobody has set.
    second, _ = _serve(served.folder, free_port(), WEB_CONCURRENCY="")
    _stop(second)

    assert settings.read_bytes() == before
    assert ".env" in (ROOT / ".gitignore").read_text().split()


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        pytest.param(
            {}, "Another program listens on port {port} of 127.0.0.1: stop it, or choose ", id="a port in use"
        ),
        pytest.param({"WEB_CONCURRENCY": "two"}, "WEB_CONCURRENCY must be a whole number from 1 to 1000.", id="a word"),
    ],
)
def test_make_serve_says_in_one_sentence_why_it_cannot_start(
    served: Served, variables: dict[str, str], sentence: str
) -> None:
    """Before it prints an address and a token, which would be of no use."""
    finished = subprocess.run(
        ["make", "--silent", "serve"],
        cwd=served.folder,
        env=clean_environment(PORT=str(served.port), **variables),
        capture_output=True,
        text=True,
        timeout=STOP_PATIENCE,
        check=False,
    )

    said, by_make = (finished.stdout + finished.stderr).splitlines()
    assert said.startswith(sentence.format(port=served.port))
    assert variables or f"(PORT={served.port + 1} make serve)" in said
    assert by_make.startswith("make: ***")


def test_other_flask_commands_work_too(served: Served) -> None:
    """``.flaskenv`` names the app for all of them."""
    routes = run([served.folder / ".venv/bin/flask", "auth", "routes"], cwd=served.folder)

    assert "UNDECLARED" not in routes
    assert "/api/<path:user_id>/tasks" in routes
    assert "openapi" in run([served.folder / ".venv/bin/flask", "openapi", "print"], cwd=served.folder)
    assert "head" in run([served.folder / ".venv/bin/flask", "db", "current"], cwd=served.folder)


def test_flask_run_works_too(served: Served) -> None:
    """For whoever wants the debugger; with the settings of ``.flaskenv`` and ``.env``."""
    port = free_port()

    server, printed = _serve(served.folder, port, ".venv/bin/flask", "run", "--port", str(port))
    _stop(server)

    assert f"http://127.0.0.1:{port}" in printed.read_text()


def test_the_service_is_deployed_as_the_readme_says(served: Served, tmp_path: Path) -> None:
    """The commands for production, with a secret and a database of their own."""
    *prepare, start = SHELL_BLOCKS[3].splitlines()
    production = {"BETTER_AUTH_SECRET": SECRET, "DATABASE_URL": f"sqlite:///{tmp_path / 'tasks.sqlite3'}"}
    run(["bash", "-euo", "pipefail", "-c", "\n".join(prepare)], cwd=served.folder, settings=production)

    server, _ = _serve(served.folder, free_port(), *start.split("#")[0].split(), **production)
    _stop(server)

    assert server.returncode == 0


def test_the_wheel_is_built_and_installed_as_the_readme_says(served: Served) -> None:
    """The third block of commands, where the first has left its virtual environment and an older build its files."""
    older = served.folder / "build" / "lib" / "auth"
    older.mkdir(parents=True)
    (older / "__init__.py").touch()

    run(["bash", "-euo", "pipefail", "-c", SHELL_BLOCKS[2]], cwd=served.folder)

    (built,) = (served.folder / "dist").glob("flask_resource_server-*.whl")
    packages = {name.partition("/")[0] for name in zipfile.ZipFile(built).namelist()}
    assert {name for name in packages if not name.endswith(".dist-info")} == {"flask_resource_server"}
