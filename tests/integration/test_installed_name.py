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

from tests.support.environments import ROOT, clean_environment, make_environment, run
from tests.support.names import INSTALLED, as_installed
from tests.support.programs import find_program

SECRET = "q8Zk1vX4dN7bR2mT5yW9cF3hJ6pL0sGa"

#: A service that has an ``auth`` itself, tells which copies of the library it has loaded, and signs a token for alice.
APP = """
import sys
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
    copies = [module for module in sys.modules if module.endswith(".access_token")]
    return {{"user_id": current_token.user_id, "greeting": auth.greeting(), "copies": copies}}

@app.cli.command("token")
def token():
    print(TokenIssuer.for_app(app).issue("alice"))
"""

GREETING = "def greeting():\n    return 'of our own'\n"

#: The ways in which services have an ``auth`` of their own.
OWN_AUTH = {"a module": "auth.py", "a package": "auth/__init__.py"}

#: The name of the library if its folder is copied into a service, and the copy.
COPIED, COPY = "security.tokens", Path("security", "tokens")

#: What a snippet needs that the library does not bring along, and the packages that do.
PACKAGES = ("celery", "Flask-Cors", "flask-sock", "Flask-SocketIO", "prometheus-client", "redis")
OTHERS = re.compile(
    r"^(?:from|import) (?:flask_socketio|flask_sock|flask_cors|celery|prometheus_client)\b"
    r"|AUTH_METRICS|AUTH_DENYLIST\"?\]?[=:, ]+\"rediss?:",
    re.MULTILINE,
)

#: Commands of the service in this checkout.
COMMANDS = ("db upgrade", "auth routes", "auth check", "auth token alice", "resource-server routes", "openapi print")


def make_service(folder: Path, own_auth: str, name: str = INSTALLED) -> Path:
    """Write a service with an ``auth`` of its own, with a copy of the library if one is named; return its folder."""
    own = folder / own_auth
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text(GREETING)
    (folder / "service.py").write_text(APP.format(name=name, secret=SECRET))
    if name == COPIED:
        shutil.copytree(ROOT / "auth", folder / COPY, ignore=shutil.ignore_patterns("__pycache__"))
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


@pytest.mark.parametrize("name", [INSTALLED, COPIED])
@pytest.mark.parametrize("own_auth", OWN_AUTH.values(), ids=OWN_AUTH)
def test_a_service_with_an_auth_of_its_own_protects_its_routes(
    installed: Path, tmp_path: Path, own_auth: str, name: str
) -> None:
    """The owner gets in and nobody else, with the wheel as with the folder copied deep into the service."""
    folder = make_service(tmp_path, own_auth, name)

    stranger, owner, other = answers_of(installed, folder)

    assert (stranger[0], stranger[1]["error"]) == (401, "missing_token")
    assert owner == (200, {"user_id": "alice", "greeting": "of our own", "copies": [f"{name}.access_token"]})
    assert (other[0], other[1]["error"]) == (403, "not_owner")


@pytest.mark.parametrize("name", [INSTALLED, COPIED])
def test_a_blueprint_called_auth_keeps_its_commands(installed: Path, tmp_path: Path, name: str) -> None:
    """Ours are at ``flask resource-server`` then."""
    folder = make_service(tmp_path, "auth/__init__.py", name)

    assert flask(installed, folder, "auth", "greet").splitlines()[-1] == "of our own"
    assert "owner <user_id>" in flask(installed, folder, "resource-server", "routes")
    assert "PROBLEM" not in flask(installed, folder, "resource-server", "check")


@pytest.mark.parametrize("name", [INSTALLED, COPIED])
def test_tokens_are_pickled_and_lines_are_logged(installed: Path, tmp_path: Path, name: str) -> None:
    """A pickled token names the package as the service imports it; the loggers have one name whatever that is."""
    program = f"""
    import copy, logging, pickle
    from flask import Flask
    from {name} import AccessToken, ResourceServer, require_jwt
    from {name}.errors import KeysUnavailableError
    from {name}.keys import FixedLocation, RemoteKeySource
    from {name}.testing import TokenIssuer

    logging.basicConfig(format="%(name)s")
    app = Flask("service")
    app.config["AUTH_SECRET"] = {SECRET!r}
    ResourceServer(app)
    app.add_url_rule("/", "view", require_jwt(lambda: ""))
    app.test_client().get("/")
    token = app.extensions["resource_server"].verify(TokenIssuer.for_app(app).issue("alice", scopes="a"))
    for other in (pickle.loads(pickle.dumps(token)), copy.copy(token), copy.deepcopy(token)):
        assert type(other) is AccessToken and other == token and other.claims == token.claims
    print(type(token).__module__)
    try:
        RemoteKeySource(FixedLocation("http://127.0.0.1:1/nobody-listens")).current()
    except KeysUnavailableError:
        pass
    """
    make_service(tmp_path, "auth/__init__.py", name)

    printed = run([installed / "python", "-c", textwrap.dedent(program)], cwd=tmp_path).splitlines()

    assert set(printed) == {f"{name}.access_token", INSTALLED, f"{INSTALLED}.audit", f"{INSTALLED}.keys"}


def python_blocks() -> dict[str, str]:
    """Return the Python snippets of the README and of the pages, by where they stand."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return {
        f"{page.relative_to(ROOT)}-{number}": block
        for page in pages
        for number, block in enumerate(re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL))
    }


def run_snippet(block: str, binaries: Path, folder: Path) -> None:
    """Run a snippet in a process of its own."""
    (folder / "snippet.py").write_text(block)
    settings = {"FLASK_AUTH_SECRET": SECRET} if "from_prefixed_env" in block else {}

    run([binaries / "python", "snippet.py"], cwd=folder, settings=settings)


#: The snippets that need another package, and the others.
WITH_OTHERS, ALONE = (
    [pytest.param(block, id=place) for place, block in python_blocks().items() if bool(OTHERS.search(block)) is needed]
    for needed in (True, False)
)


@pytest.mark.parametrize("block", ALONE)
def test_a_snippet_runs_as_it_is_written(block: str, installed: Path, tmp_path: Path) -> None:
    """Nothing is installed but the wheel."""
    run_snippet(block, installed, tmp_path)


@pytest.fixture(scope="module")
def installed_with_others(wheel: Path, registry: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the wheel and those packages."""
    folder = tmp_path_factory.mktemp("others")
    return make_environment(folder / "venv", wheel, *PACKAGES, "-c", ROOT / "constraints.txt")


@pytest.mark.parametrize("block", WITH_OTHERS)
def test_a_snippet_with_another_package_runs_as_it_is_written(
    block: str, installed_with_others: Path, tmp_path: Path
) -> None:
    """The package that it imports is installed as well."""
    run_snippet(block, installed_with_others, tmp_path)


@pytest.fixture(scope="module")
def written_outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with code that imports the library by its installed name, for type checkers."""
    folder = tmp_path_factory.mktemp("typed")
    shutil.copy(ROOT / "examples" / "notes" / "notes.py", folder)
    shutil.copy(ROOT / "tests" / "support" / "foreign_apps.py", folder)
    samples = (ROOT / "tests" / "support" / "typing_samples.py").read_text()
    (folder / "samples.py").write_text(as_installed(samples))
    # A line that is marked as wrong and is right to pyright is an error, as it is to mypy under strict.
    rules = {"typeCheckingMode": "strict", "reportUnnecessaryTypeIgnoreComment": "error"}
    (folder / "pyrightconfig.json").write_text(json.dumps(rules))
    return folder


def pyright(installed: Path, folder: Path, *arguments: str) -> str:
    """Return what pyright says in a folder. It runs on Node.js, and would fetch one if there were none."""
    find_program("node")
    # It looks for packages beside the Python that is first on the path.
    path = {"PATH": os.pathsep.join((str(installed), os.environ["PATH"]))}
    return run([sys.executable, "-m", "pyright", *arguments], cwd=folder, settings=path)


def test_mypy_knows_the_types_of_the_installed_package(installed: Path, written_outside: Path) -> None:
    """Under ``strict``, and wrong calls are wrong."""
    files = ("notes.py", "samples.py", "foreign_apps.py")

    run(
        [sys.executable, "-m", "mypy", "--strict", "--python-executable", installed / "python", *files],
        cwd=written_outside,
    )


def test_pyright_knows_the_types_of_the_installed_package(installed: Path, written_outside: Path) -> None:
    """Under ``strict``, and wrong calls are wrong."""
    pyright(installed, written_outside, "notes.py", "samples.py")


def test_pyright_finds_a_type_for_everything_that_is_public(installed: Path, written_outside: Path) -> None:
    """What ``py.typed`` promises."""
    verified = pyright(installed, written_outside, "--verifytypes", INSTALLED, "--ignoreexternal")

    assert f'py.typed file: "{installed.parent}' in verified
    assert "Type completeness score: 100%" in verified


def test_the_checkout_never_imports_both_names(tmp_path: Path) -> None:
    """Not the service as gunicorn and ``flask`` load it, no module of the library, none of the commands."""
    program = f"""
    import pkgutil, sys
    import auth, wsgi
    for module in pkgutil.walk_packages(auth.__path__, "auth."):
        __import__(module.name)
    for command in {COMMANDS!r}:
        result = wsgi.app.test_cli_runner().invoke(args=command.split())
        assert result.exit_code == 0, (command, result.output)
    print([name for name in sys.modules if name.startswith({INSTALLED!r})])
    """
    settings = {
        "BETTER_AUTH_SECRET": SECRET,
        "DATABASE_URL": f"sqlite:///{tmp_path / 'tasks.sqlite3'}",
        "FLASK_AUTH_DEVELOPMENT_TOKENS": "true",
    }

    printed = run([sys.executable, "-c", textwrap.dedent(program)], settings=settings)

    assert printed.splitlines()[-1] == "[]"
