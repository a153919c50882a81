"""A PostgreSQL cluster of the tests' own: made in a temporary folder, on a free port, to be stopped at will."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest

from tests.support.availability import unavailable
from tests.support.programs import free_port

#: The superuser of the cluster.
SUPERUSER = "postgres"

#: Seconds a start or a stop may take.
PATIENCE = 30

_PROGRAMS = ("initdb", "pg_ctl", "psql")

#: What makes a cluster that nobody will miss quicker to set up. Commits still reach the disk.
_INITDB = ("--auth=trust", f"--username={SUPERUSER}", "--encoding=UTF8", "--no-sync")


def programs() -> Path:
    """Return the folder of PostgreSQL's programs; distributions keep those of the server out of the path."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    found = shutil.which("postgres")
    folders = ([Path(found).resolve().parent] if found else []) + installed[::-1]
    complete = [folder for folder in folders if all((folder / name).exists() for name in _PROGRAMS)]
    return complete[0] if complete else unavailable("PostgreSQL")


def account() -> str | None:
    """Return the system user that runs the server: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        unavailable("a system user postgres")


class PostgreSQLAddress:
    """A PostgreSQL on a port of this machine, as its superuser sees it, who needs no password."""

    def __init__(self, port: int) -> None:
        self.programs = programs()
        self.port = port

    def url(self, database: str, role: str = SUPERUSER) -> str:
        """Return the ``DATABASE_URL`` of a database for a role."""
        return f"postgresql://{role}@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str, database: str = "postgres", **values: Any) -> list[tuple[Any, ...]]:
        """Run one statement as the superuser, outside of a transaction, and return its rows, if it has any."""
        with psycopg.connect(self.url(database), autocommit=True) as session:
            cursor = session.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def run_script(self, script: str) -> None:
        """Run a script as the superuser would with ``psql``; stop at the first error and say which."""
        finished = subprocess.run(
            [self.programs / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.url("postgres"), "-f", "-"],
            input=script,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert finished.returncode == 0, f"psql failed:\n{finished.stdout}"


class PostgreSQLServer(PostgreSQLAddress):
    """A running cluster; to be used in a ``with`` statement, which leaves nothing of it behind."""

    def __init__(self) -> None:
        super().__init__(free_port())
        self.account = account()

    def __enter__(self) -> Self:
        """Make the cluster and start it."""
        self.folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
        if self.account:
            shutil.chown(self.folder, self.account)
        self.data = self.folder / "data"
        self._run("initdb", *_INITDB, "--pgdata", str(self.data))
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it, in whatever state it is, and remove it."""
        try:
            if (self.data / "postmaster.pid").exists():
                self.stop("immediate")
        finally:
            shutil.rmtree(self.folder)

    def start(self) -> None:
        """Return when it accepts connections."""
        options = f"-h 127.0.0.1 -p {self.port} -k {self.folder}"
        self._control("start", "-l", str(self.folder / "log"), "-o", options)

    def stop(self, mode: str = "fast") -> None:
        """Stop it; ``immediate`` is how it falls when the machine does, without a farewell to anybody."""
        self._control("stop", "-m", mode)

    def _control(self, *arguments: str) -> None:
        self._run("pg_ctl", "--pgdata", str(self.data), "--wait", "--timeout", str(PATIENCE), *arguments)

    def _run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs as the user it runs under."""
        with tempfile.TemporaryFile("w+") as said:
            # Into a file: a server keeps what it was started with open, and a pipe would never end.
            finished = subprocess.run(
                [self.programs / program, *arguments],
                cwd=self.folder,
                user=self.account,
                group=self.account,
                extra_groups=[] if self.account else None,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                text=True,
                timeout=PATIENCE + 5,
                check=False,
            )
            said.seek(0)
            assert finished.returncode == 0, f"{program} failed:\n{said.read()}"


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQLServer]:
    """Return a cluster for the tests of one module."""
    with PostgreSQLServer() as server:
        yield server
