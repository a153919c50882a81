"""The two READMEs, word for word: the library's snippets here, the commands of the tasks API in an empty clone."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask

from auth.testing import TokenIssuer
from tests.support.documentation import blocks, executed
from tests.support.environments import ROOT, clean_environment, clone, run
from tests.support.gunicorn_server import STOP_PATIENCE
from tests.support.programs import free_port

README = ROOT / "README.md"
SERVICE = ROOT / "app" / "README.md"
PYTHON_BLOCKS = blocks(README, "python")
SHELL_BLOCKS = blocks(SERVICE, "sh")
SECRET = "q8Zk1vX4dN7bR2mT5yW9cF3hJ6pL0sGa"

#: The only addresses that the README links to.
SITE = "https://flask-resource-server.readthedocs.io/en/latest/"
REPOSITORY = "https://github.com/flask-resource-server/flask-resource-server"


@pytest.mark.parametrize("snippet", PYTHON_BLOCKS, ids=range(len(PYTHON_BLOCKS)))
def test_a_snippet_of_the_readme_runs_and_protects(snippet: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Python snippet makes an app whose guarded routes answer 401 to a stranger."""
    for name in os.environ:
        if name.startswith("FLASK_"):
            monkeypatch.delenv(name)
    if "AUTH_ISSUER=" not in snippet:
        monkeypatch.setenv("FLASK_AUTH_SECRET", SECRET)

    app = executed(snippet, "README.md")["app"]

    assert isinstance(app, Flask)
    listed = app.test_cli_runner().invoke(args=["auth", "routes"]).output
    guarded = [line.split()[1] for line in listed.splitlines() if "token" in line]
    assert guarded
    for route in guarded:
        assert app.test_client().get(re.sub(r"<\w+>", "alice", route)).status_code == 401


def test_twelve_lines_protect_an_existing_app() -> None:
    """The README promises that protecting an app takes few lines; the first snippet is held to it."""
    assert len([line for line in PYTHON_BLOCKS[0].splitlines() if line.strip() and "@app" not in line]) <= 10


def test_the_refusal_that_the_readme_shows_is_the_one_a_client_gets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Status, header fields and body, for an expired token and the app above it."""
    for name, value in {"SECRET": SECRET, "ISSUER": "https://login.example.com", "AUDIENCE": "api"}.items():
        monkeypatch.setenv(f"FLASK_AUTH_{name}", value)
    namespace = executed(PYTHON_BLOCKS[0], "README.md")
    (shown,) = blocks(README, "http")
    head, body = shown.split("\n\n")
    status, *fields = head.splitlines()

    expired = TokenIssuer.for_app(namespace["app"]).authorization("alice", expires_in=-60)
    refused = namespace["app"].test_client().get("/users/alice/reports", headers=expired)

    assert f"HTTP/1.1 {refused.status}" == status
    answered = {name: value for name, value in refused.headers.items() if name != "Content-Length"}
    assert answered == dict(field.split(": ", 1) for field in fields)
    assert refused.json == json.loads(body)


def test_the_readmes_show_the_commands_that_are_run_here() -> None:
    """A command added to a README has to be added to these tests."""
    install, two_commands = blocks(README, "sh")

    assert install == "pip install flask-resource-server\n"
    for block in (two_commands, SHELL_BLOCKS[0]):
        assert [line.split("#")[0].strip() for line in block.splitlines()] == ["make serve", "make test"]
    assert "curl" in SHELL_BLOCKS[1]
    assert "--scope tasks:any" in SHELL_BLOCKS[2]
    assert SHELL_BLOCKS[3].splitlines()[-1].split("#")[0].strip() == ".venv/bin/gunicorn"
    assert "FLASK_SWAGGER_UI_CLIENT_ID" in SHELL_BLOCKS[4], "tests/app/test_swagger_ui_login.py runs it"
    assert len(SHELL_BLOCKS) == 5


def test_the_two_commands_are_on_the_first_screen() -> None:
    """And the whole page is short: about 130 lines."""
    lines = README.read_text().splitlines()

    assert lines.index("make test      # format, lint, types, tests") < 60
    assert len(lines) <= 145


def test_every_link_of_the_readme_works_on_a_package_index() -> None:
    """Each is absolute and leads to a page of the site, a picture of it, or a file of the repository that exists."""
    links = re.findall(r"\]\(([^)]+)\)", README.read_text())

    assert links
    assert [link for link in links if not link.startswith((SITE, REPOSITORY))] == []
    pages = {link.removeprefix(SITE) for link in links if link.startswith(SITE)}
    assert [page for page in pages if not leads_to_a_page(page)] == []
    files = {link.removeprefix(f"{REPOSITORY}/blob/main/") for link in links if "/blob/" in link}
    assert [file for file in files if not (ROOT / file).is_file()] == []


def leads_to_a_page(link: str) -> bool:
    """Return whether a page of the site, with its anchor, is made from a file in ``docs/``."""
    path, _, anchor = link.partition("#")
    if path.startswith("_static/"):
        return (ROOT / "docs" / path).is_file()
    page = ROOT / "docs" / f"{path.removesuffix('.html') or 'index'}.md"
    headings = [re.sub(r"[^\w -]", "", text).lower().replace(" ", "-") for text in headings_of(page)]
    return page.is_file() and (not anchor or anchor in headings)


def headings_of(page: Path) -> list[str]:
    return re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE) if page.is_file() else []


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


def test_the_curl_commands_of_its_readme_answer_what_it_says(served: Served) -> None:
    """A task is made and listed; another user's path is 403, no token 401 with the challenge."""
    script = SHELL_BLOCKS[1].replace("127.0.0.1:8000", f"127.0.0.1:{served.port}")

    printed = run(["bash", "-euo", "pipefail", "-c", script], cwd=served.folder)

    assert printed.count('"Write the report"') + printed.count('"title":"Write the report"') >= 2
    statuses = re.findall(r"^HTTP/1\.1 (\d+)", printed, re.MULTILINE)
    assert statuses == ["403", "401"]
    assert re.search(r'^WWW-Authenticate: Bearer realm="api"\s*$', printed, re.MULTILINE)


def test_the_help_desk_reads_the_tasks_of_a_user_as_its_readme_says(served: Served) -> None:
    """With a token of development that has the scope."""
    script = SHELL_BLOCKS[2].replace("127.0.0.1:8000", f"127.0.0.1:{served.port}")

    printed = run(["bash", "-euo", "pipefail", "-c", script], cwd=served.folder)

    assert "items" in json.loads(printed)


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
    """For developers who want the debugger; with the settings of ``.flaskenv`` and ``.env``."""
    port = free_port()

    server, printed = _serve(served.folder, port, ".venv/bin/flask", "run", "--port", str(port))
    _stop(server)

    assert f"http://127.0.0.1:{port}" in printed.read_text()


def test_the_service_is_deployed_as_its_readme_says(served: Served, tmp_path: Path) -> None:
    """The commands for production, with a secret and a database of their own."""
    *prepare, start = SHELL_BLOCKS[3].splitlines()
    production = {"BETTER_AUTH_SECRET": SECRET, "DATABASE_URL": f"sqlite:///{tmp_path / 'tasks.sqlite3'}"}
    run(["bash", "-euo", "pipefail", "-c", "\n".join(prepare)], cwd=served.folder, settings=production)

    server, _ = _serve(served.folder, free_port(), *start.split("#")[0].split(), **production)
    _stop(server)

    assert server.returncode == 0


def test_a_wheel_that_is_built_in_a_used_checkout_is_clean(served: Served) -> None:
    """Its virtual environment and the files of an older build stay outside."""
    older = served.folder / "build" / "lib" / "auth"
    older.mkdir(parents=True)
    (older / "__init__.py").touch()

    run([sys.executable, "-m", "build", "--no-isolation"], cwd=served.folder)

    (built,) = (served.folder / "dist").glob("flask_resource_server-*.whl")
    packages = {name.partition("/")[0] for name in zipfile.ZipFile(built).namelist()}
    assert {name for name in packages if not name.endswith(".dist-info")} == {"flask_resource_server"}
