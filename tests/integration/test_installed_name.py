"""The library under the name it is installed by, beside a service's own ``auth``, and copied under a third name."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.integration.environments import ROOT, clean_environment, make_environment, run
from tests.names import INSTALLED, as_installed

SECRET = "q8Zk1vX4dN7bR2mT5yW9cF3hJ6pL0sGa"

#: A service that has an ``auth`` itself, and signs a token for alice to try its route with.
APP = """
from flask import Blueprint, Flask
import auth
from {name} import ResourceServer, current_token, owns_path_user, require_jwt
from {name}.testing import TokenIssuer

app = Flask(__name__, static_folder=None)
app.config["AUTH_SECRET"] = {secret!r}
ResourceServer(app)
pages = Blueprint("auth", __name__)
pages.cli.command("greet")(lambda: print(auth.greeting()))
app.register_blueprint(pages)

@app.get("/<user_id>")
@require_jwt
@owns_path_user
def mine(user_id):
    return {{"user_id": current_token.user_id, "greeting": auth.greeting()}}

@app.cli.command("token")
def token():
    print(TokenIssuer.for_app(app).issue("alice"))
"""

GREETING = "def greeting():\n    return 'of our own'\n"

#: The ways in which services have an ``auth`` of their own.
OWN_AUTH = {"a module": "auth.py", "a package": "auth/__init__.py"}


@pytest.fixture(scope="module")
def binaries(wheel: Path, registry: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the programs of an environment with the wheel, flask-smorest and two type checkers."""
    folder = tmp_path_factory.mktemp("installed")
    tools = ("flask-smorest", "mypy", "pyright", "asgiref")
    return make_environment(folder / "venv", wheel, *tools, "-c", ROOT / "constraints.txt")


def make_service(folder: Path, own_auth: str, name: str = INSTALLED) -> Path:
    """Write a service with an ``auth`` of its own and return its folder."""
    own = folder / own_auth
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text(GREETING)
    (folder / "service.py").write_text(APP.format(name=name, secret=SECRET))
    return folder


def flask(binaries: Path, folder: Path, *arguments: str) -> str:
    """Return what a command of the service prints."""
    return run([binaries / "flask", "--app", "service", *arguments], cwd=folder)


def answers_of(binaries: Path, folder: Path) -> list[tuple[int, dict[str, object]]]:
    """Run the service, and ask for alice's path without a token and with hers, and for bob's with hers."""
    token = flask(binaries, folder, "token").splitlines()[-1]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    server = subprocess.Popen(
        [binaries / "flask", "--app", "service", "run", "--port", str(port)],
        cwd=folder,
        env=clean_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(port, server)
        good = {"Authorization": f"Bearer {token}"}
        return [ask(port, "/alice", {}), ask(port, "/alice", good), ask(port, "/bob", good)]
    finally:
        server.kill()
        server.wait()


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    """Return when something listens on a port."""
    deadline = time.monotonic() + 20
    while server.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the service did not start")


def ask(port: int, path: str, headers: dict[str, str]) -> tuple[int, dict[str, object]]:
    """Return status and JSON of one answer."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


def assert_protected(answers: list[tuple[int, dict[str, object]]]) -> None:
    """Demand that the owner gets in, and nobody else."""
    stranger, owner, other = answers
    assert (stranger[0], stranger[1]["error"]) == (401, "missing_token")
    assert owner == (200, {"user_id": "alice", "greeting": "of our own"})
    assert (other[0], other[1]["error"]) == (403, "not_owner")


@pytest.mark.parametrize("own_auth", OWN_AUTH.values(), ids=OWN_AUTH)
def test_a_service_with_an_auth_of_its_own_protects_its_routes(binaries: Path, tmp_path: Path, own_auth: str) -> None:
    """And its blueprint called ``auth`` keeps its commands: ours are at ``flask resource-server``."""
    folder = make_service(tmp_path, own_auth)

    assert_protected(answers_of(binaries, folder))
    assert flask(binaries, folder, "auth", "greet").splitlines()[-1] == "of our own"
    assert "owner <user_id>" in flask(binaries, folder, "resource-server", "routes")


def test_the_folder_works_under_any_name(binaries: Path, tmp_path: Path) -> None:
    """Copied deep into a service that has an ``auth`` of its own; nothing in it asks what it is called."""
    folder = make_service(tmp_path, "auth/__init__.py", name="security.tokens")
    shutil.copytree(ROOT / "auth", folder / "security" / "tokens", ignore=shutil.ignore_patterns("__pycache__"))
    assert_protected(answers_of(binaries, folder))
    assert "owner <user_id>" in flask(binaries, folder, "resource-server", "routes")


def test_tokens_are_pickled_and_lines_logged_under_the_installed_name(binaries: Path, tmp_path: Path) -> None:
    """What another process reads names the installed package."""
    program = f"""
    import copy, logging, pickle
    from flask import Flask
    from {INSTALLED} import AccessToken, ResourceServer, require_jwt
    from {INSTALLED}.testing import TokenIssuer

    logging.basicConfig(format="%(name)s")
    app = Flask("service")
    app.config["AUTH_SECRET"] = {SECRET!r}
    ResourceServer(app)
    app.add_url_rule("/", "view", require_jwt(lambda: ""))
    app.test_client().get("/")
    token = app.extensions["resource_server"].verify(TokenIssuer.for_app(app).issue("alice"))
    assert pickle.loads(pickle.dumps(token)) == copy.deepcopy(token) == token
    print(type(token).__module__)
    """

    printed = run([binaries / "python", "-c", textwrap.dedent(program)], cwd=tmp_path).splitlines()

    assert set(printed) == {INSTALLED, f"{INSTALLED}.audit", f"{INSTALLED}.access_token"}


def python_blocks() -> dict[str, str]:
    """Return the Python snippets of the README and of the pages, by where they stand."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return {
        f"{page.relative_to(ROOT)}-{number}": block
        for page in pages
        for number, block in enumerate(re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL))
    }


def test_the_snippets_run_as_they_are_written(binaries: Path, tmp_path: Path) -> None:
    """Each in a process of its own, where only what they say is installed."""
    for place, block in python_blocks().items():
        (tmp_path / "snippet.py").write_text(block)
        settings = {"FLASK_AUTH_SECRET": SECRET} if "from_prefixed_env" in block else {}

        finished = subprocess.run(
            [binaries / "python", "snippet.py"],
            cwd=tmp_path,
            env=clean_environment(**settings),
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, f"{place}: {finished.stderr}"


def test_type_checkers_know_the_installed_package(binaries: Path, tmp_path: Path) -> None:
    """mypy and pyright read somebody's service, and pyright finds a type for everything that is public."""
    shutil.copy(ROOT / "examples" / "notes" / "notes.py", tmp_path)
    samples = as_installed((ROOT / "tests" / "typing_samples.py").read_text())
    (tmp_path / "samples.py").write_text(samples)

    run([binaries / "mypy", "--strict", "notes.py", "samples.py"], cwd=tmp_path)
    # It looks for packages beside the Python that it finds first.
    path = {"PATH": f"{binaries}:{os.environ['PATH']}"}
    run([binaries / "pyright", "notes.py"], cwd=tmp_path, settings=path)
    verified = run([binaries / "pyright", "--verifytypes", INSTALLED, "--ignoreexternal"], cwd=tmp_path, settings=path)

    assert "Type completeness score: 100%" in verified


def test_the_checkout_never_imports_both_names() -> None:
    """Neither the service, nor any module of the library, nor a command."""
    program = f"""
    import pkgutil, sys
    import app, auth, gunicorn.app.base
    for module in pkgutil.walk_packages(auth.__path__, "auth."):
        __import__(module.name)
    service = app.create_app({{"BETTER_AUTH_SECRET": {SECRET!r}, "DATABASE_URL": "sqlite:////nowhere/tasks.sqlite3"}})
    service.test_cli_runner().invoke(args=["auth", "routes"])
    print(sorted(name for name in sys.modules if name.startswith({INSTALLED!r})))
    """

    assert run([sys.executable, "-c", textwrap.dedent(program)]).splitlines()[-1] == "[]"
