"""``flask db`` as an operator meets it: several at once, and a database that cannot be used."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from click.testing import Result

from app import create_app
from app.migrations import commands
from app.migrations.turns import TURN
from tests.support.environments import ROOT, clean_environment
from tests.support.gunicorn_server import SECRET, environment
from tests.support.postgresql_server import PostgreSQLServer, postgresql
from tests.support.programs import PATIENCE, free_port

__all__ = ["postgresql"]

PASSWORD = "a-password-that-nobody-may-read"

#: The commands that ask the database.
ASKING = (["upgrade"], ["downgrade"], ["current"], ["revision", "-m", "A step"])

TOGETHER = 3

#: What a test waits for: so many processes that wait for one that takes steps.
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


def flask_db(folder: Path, url: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a command as an operator does."""
    return subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "wsgi:app", "db", *arguments],
        cwd=ROOT,
        env=clean_environment(**environment(folder, DATABASE_URL=url)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Return the exit status of a process and what it printed."""
    printed, _ = process.communicate(timeout=PATIENCE)
    return process.returncode, printed


def assert_one_has_worked(processes: list[subprocess.Popen[str]]) -> None:
    """Wait for upgrades: all of them end well, and one has taken the steps."""
    ends = [end(process) for process in processes]
    printed = "\n".join(text for _, text in ends)
    assert [status for status, _ in ends] == [0] * len(processes), printed
    assert ["Running upgrade" in text for _, text in ends].count(True) == 1, printed


@pytest.mark.parametrize("start", ["base", "0001"])
def test_upgrades_at_once_end_well_on_sqlite(tmp_path: Path, start: str) -> None:
    """On a file that is not there yet, and on an old one."""
    url = f"sqlite:///{tmp_path / 'tasks.sqlite3'}"
    if start != "base":
        assert end(flask_db(tmp_path, url, "upgrade", start))[0] == 0

    assert_one_has_worked([flask_db(tmp_path, url, "upgrade") for _ in range(TOGETHER)])


@pytest.mark.parametrize("start", ["base", "0001"])
def test_upgrades_at_once_end_well_on_postgresql(postgresql: PostgreSQLServer, tmp_path: Path, start: str) -> None:
    """On an empty database and on an old one; all of them come to the point where they wait before one may go on."""
    name = f"together_{start}"
    postgresql.execute(f"CREATE DATABASE {name}")
    url = postgresql.url(name)
    if start != "base":
        assert end(flask_db(tmp_path, url, "upgrade", start))[0] == 0

    with psycopg.connect(url) as session:
        session.execute("SELECT pg_advisory_xact_lock(%s)", [TURN])
        processes = [flask_db(tmp_path, url, "upgrade") for _ in range(TOGETHER)]
        deadline = time.monotonic() + PATIENCE
        while postgresql.execute(WAITING, name) != [(TOGETHER,)]:
            assert time.monotonic() < deadline, "some did not wait for their turn"
            time.sleep(0.05)

    assert_one_has_worked(processes)


@pytest.fixture(params=["unreachable", "password", "database", "folder", "file"])
def unusable(request: pytest.FixtureRequest, postgresql: PostgreSQLServer, tmp_path: Path) -> tuple[str, str]:
    """Return the URL of a database that cannot be used, and what is said of it."""
    address, role = f"127.0.0.1:{postgresql.port}", "picky"
    if request.param == "password":
        rules = postgresql.data / "pg_hba.conf"
        rules.write_text(f"host all {role} 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
        postgresql.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'another'")
        postgresql.execute("SELECT pg_reload_conf()")
    no_database = tmp_path / "tasks.sqlite3"
    no_database.write_text("This is a text, and long enough to be one." * 20)
    return {
        "unreachable": (f"postgresql://{role}:{PASSWORD}@127.0.0.1:{free_port()}/tasks", "Connection refused"),
        "password": (f"postgresql://{role}:{PASSWORD}@{address}/postgres", "password authentication failed"),
        "database": (f"postgresql://postgres:{PASSWORD}@{address}/nowhere", 'database "nowhere" does not exist'),
        "folder": (f"sqlite:///{tmp_path}/nowhere/tasks.sqlite3", "unable to open database file"),
        "file": (f"sqlite:///{no_database}", "file is not a database"),
    }[request.param]


def test_a_database_that_cannot_be_used_is_one_sentence(unusable: tuple[str, str]) -> None:
    """Of each command that asks it: no traceback, no password, exit status 1, and no file is written."""
    url, reason = unusable
    app = create_app({"BETTER_AUTH_SECRET": SECRET, "DATABASE_URL": url})
    steps = list(commands.FOLDER.rglob("*.py"))

    results: list[Result] = [app.test_cli_runner().invoke(args=["db", *arguments]) for arguments in ASKING]

    for result in results:
        assert result.exit_code == 1
        assert result.output.startswith("Error: The database cannot be used: ")
        assert result.output.count("\n") == 1
        assert reason in result.output
        assert PASSWORD not in result.output
    assert list(commands.FOLDER.rglob("*.py")) == steps


def test_a_command_that_does_not_ask_the_database_does_without_it(tmp_path: Path) -> None:
    """The revisions there are, for an operator whose database is away."""
    app = create_app({"BETTER_AUTH_SECRET": SECRET, "DATABASE_URL": f"postgresql://a@127.0.0.1:{free_port()}/tasks"})

    assert app.test_cli_runner().invoke(args=["db", "history"]).exit_code == 0


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    """The developer of a step needs the place in the code."""
    process = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi:app", "--debug", "db", "current"],
        cwd=ROOT,
        env=clean_environment(**environment(tmp_path, DATABASE_URL=f"sqlite:///{tmp_path}/nowhere/tasks.sqlite3")),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )

    assert process.returncode == 1
    assert "Traceback" in process.stderr


def test_a_missing_driver_is_named(tmp_path: Path) -> None:
    """Before anything is asked of a database, and without what is secret in its URL."""
    status, printed = end(flask_db(tmp_path, f"mysql://picky:{PASSWORD}@127.0.0.1/tasks", "upgrade"))

    assert status == 1
    assert "DATABASE_URL names a database whose driver is not installed: MySQLdb." in printed
    assert "Traceback" not in printed
    assert PASSWORD not in printed
