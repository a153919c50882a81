"""The files in ``deploy/``, judged by the tools of those who read them; none of these needs a container engine.

The container file is held to all rules of hadolint (its version is in constraints.txt), with no exception. The compose
file is read by Compose itself. The objects for Kubernetes are held to its own schemas, strictly.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from dotenv import dotenv_values

from app.config import DEFAULTS as SERVICE_DEFAULTS
from app.config import ENVIRONMENT
from auth.settings.table import DEFAULTS
from tests.support.container_file import context_of, stages
from tests.support.documentation import DOCS, blocks, snippets
from tests.support.environments import clean_environment, run
from tests.support.gunicorn_server import PATIENCE
from tests.support.issuer_server import Fault, IssuerServer, SigningKey
from tests.support.names import as_in_the_checkout
from tests.support.repository import PYTHONS, ROOT

DEPLOY = ROOT / "deploy"
PAGES = DOCS / "deploying"
CONTAINER_FILE = (DEPLOY / "Containerfile").read_text()
STAGES = stages(CONTAINER_FILE)
IMAGE = STAGES[-1]

#: The schemas that the objects are held to.
KUBERNETES = "1.37.0"
OBJECTS: list[dict[str, Any]] = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()))
POD: dict[str, Any] = OBJECTS[0]["spec"]["template"]["spec"]
CONTAINERS: list[dict[str, Any]] = [*POD["initContainers"], *POD["containers"]]
(API,) = POD["containers"]

#: Seconds that gunicorn gives running requests (``graceful_timeout`` in gunicorn.conf.py).
GRACE = 30

#: Everything that ``deploy/compose.yaml`` demands.
ANSWERS = {
    "BETTER_AUTH_URL": "https://auth.example.com",
    "POSTGRES_PASSWORD": "superuser",
    "TASKS_OWNER_PASSWORD": "owner",
    "TASKS_APP_PASSWORD": "app",
}


def program(name: str) -> str:
    """Return a program of the packages that the tests install."""
    return str(Path(sys.executable).with_name(name))


def known_settings() -> set[str]:
    """Return the variables that the deployed service reads."""
    by_gunicorn = re.findall(r'(?:whole_number|environ\.get)\(\s*"(\w+)"', (ROOT / "gunicorn.conf.py").read_text())
    by_flask = {f"FLASK_{name}" for name in (*SERVICE_DEFAULTS, *DEFAULTS)}
    return {*ENVIRONMENT, *by_gunicorn, *by_flask}


def hadolint(folder: Path, text: str) -> list[str]:
    """Return the rules that a container file breaks, of all that hadolint has."""
    (folder / "Containerfile").write_text(text)
    command = [program("hadolint"), "--no-fail", "--format", "json", "--config", os.devnull, "Containerfile"]
    found = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=True)
    return [f"{finding['code']}, line {finding['line']}" for finding in json.loads(found.stdout)]


def compose(file: Path, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Let Compose read a file and print what it takes it for."""
    command = [program("docker-compose"), "--file", str(file), "config", "--format", "json"]
    environment = clean_environment(**variables)
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)


def read_by_compose(file: Path, variables: Mapping[str, str]) -> dict[str, Any]:
    """Return the services of a compose file."""
    printed = compose(file, variables)
    assert printed.returncode == 0, printed.stderr
    services: dict[str, Any] = json.loads(printed.stdout)["services"]
    return services


def composed() -> dict[str, Any]:
    """Return the services of the compose file as it is."""
    return read_by_compose(DEPLOY / "compose.yaml", ANSWERS)


def test_the_container_files_break_no_rule(tmp_path: Path) -> None:
    """That of the tasks API and that of the page; hadolint finds something in a file that does."""
    (own,) = blocks(PAGES / "containers.md", "docker")

    assert hadolint(tmp_path, CONTAINER_FILE) == []
    assert hadolint(tmp_path, own) == []
    assert hadolint(tmp_path, CONTAINER_FILE.replace(":3.13-slim-trixie", "", 1)) == ["DL3006, line 7"]


def test_every_stage_has_the_same_python_which_is_tested() -> None:
    """A virtual environment works with the Python that made it."""
    images = {stage.image for stage in STAGES}
    (image,) = images

    assert re.fullmatch(r"python:(\d+\.\d+)-slim-\w+", image)
    assert image.split(":")[1].split("-")[0] in PYTHONS


def test_everything_that_the_image_installs_is_pinned() -> None:
    """The tools of the build by the name that each version of pip reads."""
    (build, _) = STAGES
    installs = [rest for stage in STAGES for rest in stage.all("RUN") if "pip install" in rest]

    assert installs == build.all("RUN")
    assert build.variables() == dict.fromkeys(
        ("PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT"), f"{build.last('WORKDIR')}/constraints.txt"
    )
    assert "constraints.txt" in build.all("COPY")[0].split()


def test_the_image_runs_gunicorn_as_a_user_without_rights() -> None:
    """As a program of its own, so that it gets the signals; by a number, which Kubernetes knows from root's."""
    assert IMAGE.command() == ["gunicorn", "--config", "gunicorn.conf.py"]
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", IMAGE.last("USER"))
    assert [kind for kind, _ in IMAGE.steps].index("USER") > max(
        number for number, (kind, _) in enumerate(IMAGE.steps) if kind in ("COPY", "RUN")
    )
    assert IMAGE.variables()["HOST"] == "0.0.0.0"  # noqa: S104  # what a container listens on
    assert IMAGE.last("EXPOSE") == IMAGE.variables()["PORT"]


def test_no_layer_holds_a_secret() -> None:
    """Nothing is handed in by ``ARG``, and no setting of the service but its address is in the image."""
    assert [kind for stage in STAGES for kind, _ in stage.steps if kind in ("ARG", "ADD")] == []
    assert known_settings() & {name for stage in STAGES for name in stage.variables()} == {"HOST", "PORT"}


def test_only_what_the_image_needs_gets_into_a_build(tmp_path: Path) -> None:
    """However full the folder is of what must stay out. The list itself is for the builder; no step copies it."""
    for name in ("app", "auth"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in (".dockerignore", "README.md", "LICENSE", "pyproject.toml", "constraints.txt", "wsgi.py"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    shutil.copyfile(ROOT / "gunicorn.conf.py", tmp_path / "gunicorn.conf.py")
    needed = {
        str(path.relative_to(tmp_path))
        for path in tmp_path.rglob("*")
        if path.is_file() and path.name != ".dockerignore" and "__pycache__" not in path.parts
    }
    secrets = {
        *(".env", "app/.env", "auth/keys/.env.production", "deploy/.env", "instance/tasks.sqlite3"),
        *("app/tasks.sqlite3", "app/tasks.sqlite3-wal", ".git/config", ".venv/bin/python", "token.txt", "tests/x.py"),
    }
    for name in secrets:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("secret")

    assert context_of(tmp_path) == needed | {".dockerignore"}


def test_compose_takes_the_file() -> None:
    """With the container file of this folder, and the passwords only where they are needed."""
    services = composed()
    environments = {name: set(service["environment"]) for name, service in services.items()}

    assert services["api"]["build"] == services["migrate"]["build"]
    assert services["api"]["build"] == {"context": str(ROOT), "dockerfile": "deploy/Containerfile"}
    assert services["api"]["image"] == services["migrate"]["image"]
    assert environments["api"] | environments["migrate"] <= known_settings()
    assert environments["migrate"] == {"BETTER_AUTH_URL", "DATABASE_URL", "FLASK_LOG_FORMAT"}
    assert services["api"]["environment"]["DATABASE_URL"] == "postgresql://tasks_app:app@db/tasks"
    assert services["migrate"]["environment"]["DATABASE_URL"] == "postgresql://tasks_owner:owner@db/tasks"
    assert "superuser" not in json.dumps([services["api"], services["migrate"]])


@pytest.mark.parametrize("missing", ANSWERS)
def test_compose_starts_nothing_without_a_setting(missing: str, tmp_path: Path) -> None:
    """And names it. The ``.env`` of a developer is not read: it is looked for beside the file."""
    file = tmp_path / "compose.yaml"
    shutil.copyfile(DEPLOY / "compose.yaml", file)

    refused = compose(file, {name: value for name, value in ANSWERS.items() if name != missing})

    assert refused.returncode != 0
    assert f"required variable {missing} is missing" in refused.stderr


def test_compose_refuses_a_file_with_a_mistake(tmp_path: Path) -> None:
    """So that its consent says something."""
    file = tmp_path / "compose.yaml"
    file.write_text((DEPLOY / "compose.yaml").read_text().replace("read_only:", "readonly:"))

    refused = compose(file, ANSWERS)

    assert refused.returncode != 0
    assert "readonly" in refused.stderr


def test_compose_gives_no_right_that_is_not_needed_and_time_to_end() -> None:
    """The port is open to this machine alone; roles are made before the schema, and the schema before a start."""
    services = composed()
    (port,) = services["api"]["ports"]

    assert (port["host_ip"], str(port["target"])) == ("127.0.0.1", IMAGE.last("EXPOSE"))
    assert all(
        (services[name]["read_only"], services[name]["cap_drop"], services[name]["security_opt"])
        == (True, ["ALL"], ["no-new-privileges:true"])
        for name in ("api", "migrate")
    )
    assert services["db"]["security_opt"] == ["no-new-privileges:true"]
    assert int(services["api"]["stop_grace_period"].removesuffix("s")) > GRACE
    assert services["migrate"]["depends_on"]["db"]["condition"] == "service_healthy"
    assert services["api"]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert "ports" not in services["db"]


def test_the_commands_of_the_page_write_what_compose_demands(tmp_path: Path) -> None:
    """Passwords that differ and need no quoting in a URL, for the eyes of their owner alone."""
    (commands,) = blocks(PAGES / "containers.md", "console")
    *writing, starting = commands.splitlines()
    shutil.copytree(DEPLOY, tmp_path / "deploy")

    run(["sh", "-euc", "\n".join(writing)], cwd=tmp_path)
    services = read_by_compose(tmp_path / "deploy" / "compose.yaml", {})
    settings = dotenv_values(tmp_path / "deploy" / ".env")

    passwords = [value or "" for name, value in settings.items() if name.endswith("_PASSWORD")]
    assert starting == "docker compose --file deploy/compose.yaml up --build --detach"
    assert settings.keys() == ANSWERS.keys()
    assert len(set(passwords)) == 3
    assert all(re.fullmatch(r"[0-9a-f]{48}", password) for password in passwords)
    assert (tmp_path / "deploy" / ".env").stat().st_mode & 0o077 == 0
    assert services["api"]["environment"]["DATABASE_URL"].count(settings["TASKS_APP_PASSWORD"]) == 1


def test_the_script_makes_the_roles_of_the_page() -> None:
    """Statement by statement; only the passwords come from the environment."""
    (roles, *_) = snippets("database.md", "sql")
    script = (DEPLOY / "roles.sh").read_text()

    statements = script.split("<<'SQL'\n")[1].removesuffix("SQL\n")

    assert (
        statements.replace(":'owner_password'", "'change this'").replace(":'app_password'", "'change this too'")
        == roles
    )
    assert os.access(DEPLOY / "roles.sh", os.X_OK)


def test_the_passwords_are_no_arguments_of_psql() -> None:
    """Every user of a machine may read those; psql takes the passwords from its environment."""
    script = (DEPLOY / "roles.sh").read_text()

    assert re.findall(r"\$\W*TASKS_\w+", script) == []
    assert re.findall(r"\\getenv \w+ (\w+)", script) == ["TASKS_OWNER_PASSWORD", "TASKS_APP_PASSWORD"]


@pytest.mark.parametrize("number", range(len(OBJECTS)))
def test_kubernetes_knows_every_field(number: int) -> None:
    """A misspelt field, which ``kubectl apply`` might only warn of, is refused."""
    kubernetes_validate.validate(OBJECTS[number], KUBERNETES, strict=True)
    with pytest.raises(kubernetes_validate.ValidationError, match="replica_s"):
        kubernetes_validate.validate({**OBJECTS[number], "replica_s": 2}, KUBERNETES, strict=True)


def test_kubernetes_sets_what_the_service_reads_and_takes_secrets_from_a_secret() -> None:
    """An address of a database holds a password."""
    for container in CONTAINERS:
        plain = {entry["name"]: entry["value"] for entry in container["env"] if "value" in entry}
        secret = {
            entry["name"]: entry["valueFrom"]["secretKeyRef"] for entry in container["env"] if "value" not in entry
        }

        assert plain.keys() | secret.keys() <= known_settings()
        assert secret.keys() == {"DATABASE_URL"}
        assert all(isinstance(value, str) for value in plain.values())
    keys = [entry["valueFrom"]["secretKeyRef"]["key"] for c in CONTAINERS for entry in c["env"] if "value" not in entry]
    assert keys == ["database-owner-url", "database-url"]


def test_only_the_proxy_that_is_trusted_reaches_a_pod() -> None:
    """It says whose address a request comes from, so nobody else may say so."""
    policy = next(found["spec"] for found in OBJECTS if found["kind"] == "NetworkPolicy")
    (rule,) = policy["ingress"]
    (sender,) = rule["from"]
    (port,) = API["ports"]

    assert {"name": "FLASK_TRUSTED_PROXIES", "value": "1"} in API["env"]
    assert policy["podSelector"] == OBJECTS[0]["spec"]["selector"]
    assert policy["policyTypes"] == ["Ingress"]
    assert sender.keys() == {"namespaceSelector", "podSelector"}
    assert rule["ports"] == [{"port": port["name"]}]


def test_the_probes_ask_the_health_routes() -> None:
    """A database or an issuer that is away must not restart a process, so only readiness asks for them."""
    probes = {name: API[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
    (port,) = API["ports"]

    assert {name: probe["path"] for name, probe in probes.items()} == {
        "startup": "/health",
        "liveness": "/health",
        "readiness": "/health/ready",
    }
    assert {probe["port"] for probe in probes.values()} == {port["name"]}
    assert str(port["containerPort"]) == IMAGE.variables()["PORT"]
    # The service waits three seconds for its database.
    assert API["readinessProbe"]["timeoutSeconds"] > 3


def test_a_pod_has_time_to_answer_what_it_has_begun() -> None:
    """After the pause in which proxies hear that it goes."""
    pause = API["lifecycle"]["preStop"]["sleep"]["seconds"]
    (configured,) = re.findall(r"^graceful_timeout = (\d+)$", (ROOT / "gunicorn.conf.py").read_text(), re.MULTILINE)

    assert int(configured) == GRACE
    assert POD["terminationGracePeriodSeconds"] > pause + GRACE


def test_a_pod_has_no_right_that_it_does_not_need() -> None:
    """The user comes from the image; Kubernetes checks that it is not root."""
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert (POD["automountServiceAccountToken"], POD["enableServiceLinks"]) == (False, False)
    assert all(
        container["securityContext"]
        == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        for container in CONTAINERS
    )
    assert POD["initContainers"][0]["command"] == composed()["migrate"]["command"]


def test_the_probes_of_an_own_app_survive_an_outage_of_the_issuer() -> None:
    """Not ready before there are keys, ready with the last good ones; alive in any case."""
    (snippet,) = blocks(PAGES / "kubernetes.md", "python")
    with IssuerServer([SigningKey.generate()]) as issuer:
        issuer.fault = Fault.SERVER_ERROR
        namespace: dict[str, Any] = {"__name__": "documented"}
        code = as_in_the_checkout(snippet).replace("https://login.example.com", issuer.issuer)
        exec(compile(code, "kubernetes.md", "exec"), namespace)  # noqa: S102  # our own page
        client = namespace["app"].test_client()

        def probes() -> list[int]:
            return [client.get(path).status_code for path in ("/health", "/health/ready")]

        before = probes()
        issuer.fault = None
        deadline = time.monotonic() + PATIENCE
        while probes() != [200, 200]:
            assert time.monotonic() < deadline, "the keys were never fetched"
            time.sleep(0.05)
        issuer.stop()
        during = probes()

    assert before == [200, 503]
    assert during == [200, 200]
