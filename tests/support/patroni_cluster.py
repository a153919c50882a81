"""A Patroni cluster of two PostgreSQL servers, with the settings that ``docs/database.md`` gives, and one etcd."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from http import HTTPStatus
from itertools import chain
from pathlib import Path

from tests.support.availability import unavailable
from tests.support.documentation import snippets
from tests.support.environments import run
from tests.support.postgresql_server import account, programs
from tests.support.programs import Program, find_program, folder_for, free_port

#: Seconds until a new cluster has a leader and a synchronous standby.
PATIENCE = 60

#: What a node needs beside what the page shows. It stands below ``bootstrap`` at first.
_NODE = """
  initdb: [{{encoding: UTF8}}, {{auth: trust}}, no-sync]
  pg_hba: [host all all 127.0.0.1/32 trust, host replication all 127.0.0.1/32 trust]
scope: tasks
name: {name}
etcd3: {{host: "127.0.0.1:{etcd}"}}
restapi: {{listen: "127.0.0.1:{api}", connect_address: "127.0.0.1:{api}"}}
postgresql:
  listen: 127.0.0.1:{port}
  connect_address: 127.0.0.1:{port}
  data_dir: {folder}/data
  bin_dir: {programs}
  pgpass: {folder}/pgpass
  parameters: {{unix_socket_directories: "{folder}"}}
  authentication:
    superuser: {{username: postgres}}
    replication: {{username: replicator}}
"""


def python_for(user: str | None) -> str:
    """Return a Python that a system user may execute; one below root's home is not."""
    candidates = (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3")
    fitting = (python for python in candidates if may_execute(python, user))
    return next(fitting, None) or unavailable(f"a Python that the user {user} may execute")


def may_execute(python: str, user: str | None) -> bool:
    """Tell whether a system user, or the one who asks, may execute a Python."""
    try:
        finished = subprocess.run([python, "-c", ""], user=user, cwd="/", capture_output=True, check=False)
    except OSError:
        return False
    return finished.returncode == 0


def install_patroni(python: str, folder: Path) -> None:
    """Install Patroni where a Python finds it by ``PYTHONPATH``, in the versions of constraints.txt."""
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--target", folder, "-c", "constraints.txt", "patroni[etcd3,psycopg3]"])


class Node:
    """One server of the cluster: a Patroni and the PostgreSQL that it starts."""

    def __init__(self, name: str, folder: Path, etcd: int, python: str, packages: Path) -> None:
        folder.mkdir()
        if user := account():
            # PostgreSQL and Patroni refuse to run as root.
            shutil.chown(folder, user)
        self.data = folder / "data"
        self.port, self.api = free_port(), free_port()
        (documented,) = snippets("database.md", "yaml")
        own = {"name": name, "folder": folder, "etcd": etcd, "port": self.port, "api": self.api}
        configuration = folder / "patroni.yml"
        configuration.write_text(documented.rstrip() + _NODE.format(**own, programs=programs()))
        self.patroni = Program(
            [python, "-m", "patroni", str(configuration)],
            folder / "log",
            account=account(),
            variables={"PYTHONPATH": str(packages), "HOME": str(folder)},
        )

    def kill(self) -> None:
        """Kill Patroni and the PostgreSQL that it would leave behind, as when the machine goes."""
        self.patroni.kill()
        started = self.data / "postmaster.pid"
        with suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int(started.read_text().split()[0]), signal.SIGKILL)
        # The number may be somebody else's by the time this is called once more.
        started.unlink(missing_ok=True)


def answers(port: int, path: str) -> bool:
    """Tell whether a server answers a path with 200, as Patroni does at the names of its roles."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    with closing(connection), suppress(OSError, http.client.HTTPException):
        connection.request("GET", path)
        return connection.getresponse().status == HTTPStatus.OK
    return False


@contextmanager
def running_etcd(folder: Path) -> Iterator[int]:
    """Yield the port of an etcd of one member."""
    program, port, peers = find_program("etcd"), free_port(), free_port()
    client, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peers}"
    settings = {
        "--data-dir": str(folder / "etcd"),
        "--listen-client-urls": client,
        "--advertise-client-urls": client,
        "--listen-peer-urls": peer,
        "--initial-advertise-peer-urls": peer,
        "--initial-cluster": f"default={peer}",
    }
    with Program([program, *chain(*settings.items())], folder / "etcd.log") as etcd:
        etcd.wait_until(lambda: answers(port, "/health"))
        yield port


@contextmanager
def running_patroni() -> Iterator[tuple[Node, Node]]:
    """Yield the leader and the synchronous standby."""
    python = python_for(account())
    with ExitStack() as stack:
        folder = stack.enter_context(folder_for(account()))
        etcd = stack.enter_context(running_etcd(folder))
        install_patroni(python, folder / "packages")
        nodes = [Node(name, folder / name, etcd, python, folder / "packages") for name in "ab"]
        for node, role in zip(nodes, ("primary", "sync"), strict=True):
            stack.enter_context(node.patroni)
            stack.callback(node.kill)
            node.patroni.wait_until(partial(answers, node.api, f"/{role}"), patience=PATIENCE)
        yield nodes[0], nodes[1]
