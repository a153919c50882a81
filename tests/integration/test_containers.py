"""The steps of ``deploy/Containerfile``, done in a folder; what they make runs on a PostgreSQL as the other files say.

No container engine is needed: isolation, images and networks are left to Docker and Kubernetes. The rest is real: what
is copied and installed, the commands, the probes, the roles and the end.
"""

from __future__ import annotations

import http.client
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import yaml

from auth.testing import TokenIssuer
from tests.support.container_file import BASE_PATH, Image
from tests.support.documentation import snippets
from tests.support.environments import ROOT, clean_environment, clone, run
from tests.support.gunicorn_server import SECRET
from tests.support.lifetimes import A_DAY
from tests.support.postgresql_server import PostgreSQLServer
from tests.support.programs import PATIENCE, Program, accepts_connections, folder_for, free_port

pytestmark = pytest.mark.usefixtures("registry")

DEPLOY = ROOT / "deploy"
SERVICES = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
POD = next(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()))["spec"]["template"]["spec"]

PASSWORDS = {"TASKS_OWNER_PASSWORD": "owner's password", "TASKS_APP_PASSWORD": 'the "app"'}
BETTER_AUTH = "https://auth.example.com"
TOKEN = TokenIssuer(SECRET, issuer=BETTER_AUTH, audience=BETTER_AUTH).authorization("alice", expires_in=A_DAY)


#: An app as a reader has it.
OWN_APP = """
from flask import Flask
from flask_resource_server import ResourceServer, current_token, require_jwt

app = Flask(__name__)
app.config.from_prefixed_env()
ResourceServer(app)

@app.get("/me")
@require_jwt
def me():
    return {"user_id": current_token.user_id}
"""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The image, built from what git tracks, in a folder that every user may enter."""
    checkout = clone(tmp_path_factory.mktemp("checkout"))
    with folder_for(None) as folder:
        folder.chmod(0o755)
        yield Image((DEPLOY / "Containerfile").read_text(), checkout, folder)


@pytest.fixture(scope="module")
def database() -> Iterator[PostgreSQLServer]:
    """A PostgreSQL whose roles were made by the script that the compose file mounts."""
    with PostgreSQLServer() as server:
        # As talkative as a server can be.
        server.execute("ALTER SYSTEM SET log_statement = 'all'")
        server.execute("ALTER SYSTEM SET log_min_duration_statement = 0")
        server.execute("SELECT pg_reload_conf()")
        where = {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "POSTGRES_USER": "postgres"}
        path = os.pathsep.join((str(server.programs), os.environ["PATH"]))
        run([DEPLOY / "roles.sh"], settings={"PATH": path, **where, **PASSWORDS})
        yield server


@pytest.mark.parametrize("role", ["tasks_owner", "tasks_app"])
@pytest.mark.parametrize("elsewhere", ["postgres", "template1"])
def test_the_roles_may_connect_to_their_own_database_alone(
    database: PostgreSQLServer, role: str, elsewhere: str
) -> None:
    """The others are the superuser's."""
    with psycopg.connect(database.url("tasks", role)) as session:
        assert session.execute("SELECT current_user").fetchone() == (role,)
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(database.url(elsewhere, role)).close()


def test_no_password_gets_into_the_log_of_the_server(database: PostgreSQLServer) -> None:
    """Although it logs every other statement."""
    database.execute("SELECT 'logged'")

    log = (database.folder / "log").read_text()

    assert "SELECT 'logged'" in log
    assert "CREATE ROLE" not in log
    assert [password for password in PASSWORDS.values() if password.replace("'", "''") in log] == []


def confined(command: list[str]) -> list[str]:
    """Return a command with what a container takes away, as far as this test may do so.

    These are root's rights, and writing anywhere below the root file system, ``/tmp`` too.
    """
    python = Path(sys.base_prefix).resolve()
    if os.geteuid() == 0 and all(folder.stat().st_mode & stat.S_IXOTH for folder in (python, *python.parents)):
        command = ["setpriv", "--reuid=10001", "--regid=10001", "--clear-groups", *command]
    read_only = 'mount --bind / / && mount -o remount,ro,bind / / && exec "$@"'
    prefix = ["unshare", "--mount", "sh", "-euc", read_only, "sh"]
    may = subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0
    return [*prefix, *command] if may else command


@dataclass(frozen=True)
class Container:
    """What runs in a container: with the environment of the image, and settings of the service."""

    image: Image
    database: PostgreSQLServer

    def environment(self, role: str, **variables: str) -> dict[str, str]:
        """Return the variables for a role of the database; only the loopback interface is listened on."""
        settings = {
            "BETTER_AUTH_URL": BETTER_AUTH,
            "BETTER_AUTH_SECRET": SECRET,
            "DATABASE_URL": self.database.url("tasks", role),
            "HOST": "127.0.0.1",
        }
        return clean_environment(**self.image.variables | settings | variables)

    def run(self, command: list[str], role: str, **variables: str) -> int:
        """Run a program to its end and return its status."""
        return subprocess.run(
            confined(command),
            cwd=self.image.folder,
            env=self.environment(role, **variables),
            timeout=PATIENCE,
            check=False,
        ).returncode


@pytest.fixture(scope="module")
def container(image: Image, database: PostgreSQLServer) -> Container:
    """The container after the command that makes the tables, which may be run again with each start."""
    container = Container(image, database)
    command = SERVICES["migrate"]["command"]

    # The compose file gives it no secret.
    assert [container.run(command, "tasks_owner", BETTER_AUTH_SECRET="") for _ in range(2)] == [0, 0]
    return container


@pytest.fixture
def server(container: Container, tmp_path: Path) -> Iterator[tuple[Program, int]]:
    """The command of the image as it serves, and its port."""
    port = free_port()
    variables = container.environment("tasks_app", PORT=str(port))
    command = confined(container.image.result.command())
    with Program(command, tmp_path / "log", variables=variables, folder=container.image.folder) as program:
        program.wait_until(lambda: accepts_connections(port))
        yield program, port


def status_of(port: int, method: str, path: str, headers: dict[str, str], body: str | None = None) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request(method, path, body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_the_image_holds_the_service_and_nothing_else(image: Image) -> None:
    """Once, and no tests, no documentation and no settings of anybody."""
    assert sorted(path.name for path in image.folder.iterdir()) == [
        "__pycache__",
        "app",
        "auth",
        "gunicorn.conf.py",
        "wsgi.py",
    ]
    assert list(image.root.rglob("flask_resource_server")) == []
    assert list(image.root.rglob(".env*")) == []


def test_the_image_serves_tasks_and_passes_the_probes(container: Container, server: tuple[Program, int]) -> None:
    """Those of the pod and the health check of the image, which fails if nothing listens."""
    _, port = server
    (pod,) = POD["containers"]
    health_check = container.image.result.command("HEALTHCHECK")

    probes = [pod[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")]
    created = status_of(
        port, "POST", "/api/alice/tasks", TOKEN | {"Content-Type": "application/json"}, '{"title": "Deploy it"}'
    )

    assert [status_of(port, "GET", probe, {}) for probe in probes] == [200, 200, 200]
    assert container.run(health_check, "tasks_app", PORT=str(port)) == 0
    assert container.run(health_check, "tasks_app", PORT=str(free_port())) == 1
    assert created == 201
    assert status_of(port, "GET", "/api/alice/tasks", {}) == 401
    # The roles are those of the script: the service is held by the policy of the table.
    assert container.database.execute("SELECT user_id, title FROM tasks", "tasks") == [("alice", "Deploy it")]
    assert container.database.execute(
        "SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname LIKE 'tasks%' ORDER BY 1"
    ) == [("tasks_app", False, False), ("tasks_owner", False, False)]


def test_the_service_writes_no_file_and_ends_when_it_is_told_to(image: Image, server: tuple[Program, int]) -> None:
    """So the root file system can be read-only, and ``docker stop`` and Kubernetes need not kill it."""
    program, port = server
    before = image.files()

    answered = status_of(port, "GET", "/api/alice/tasks", TOKEN)
    program.process.send_signal(signal.SIGTERM)

    assert program.process.wait(PATIENCE) == 0
    assert answered == 200
    assert image.files() == before


def test_the_container_file_for_an_own_app_works(wheel: Path, registry: None, tmp_path: Path) -> None:
    """As the page has it, with the wheel for the package of the same name."""
    (block,) = snippets("deploying/containers.md", "docker")
    context = tmp_path / "context"
    context.mkdir()
    (context / ".dockerignore").write_text(".env\n")
    (context / "requirements.txt").write_text(f"{wheel}\ngunicorn\n--constraint {ROOT / 'constraints.txt'}\n")
    (context / "service.py").write_text(OWN_APP)
    run([sys.executable, "-m", "venv", tmp_path / "base"])
    base = tmp_path / "base" / "bin"
    port = free_port()

    image = Image(block, context, tmp_path / "image", base)
    command = [word.replace("0.0.0.0:8000", f"127.0.0.1:{port}") for word in image.result.command()]
    settings = {"FLASK_AUTH_SECRET": SECRET, "FLASK_AUTH_ISSUER": BETTER_AUTH, "FLASK_AUTH_AUDIENCE": BETTER_AUTH}
    variables = clean_environment(PATH=os.pathsep.join((str(base), BASE_PATH)), **settings)
    with Program(command, tmp_path / "log", variables=variables, folder=image.folder) as program:
        program.wait_until(lambda: accepts_connections(port))
        statuses = [status_of(port, "GET", "/me", headers) for headers in ({}, TOKEN)]

    assert statuses == [401, 200]
