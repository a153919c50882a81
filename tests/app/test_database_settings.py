"""What is refused as ``DATABASE_URL`` at start, by name and without a word of what it holds."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from app.database_settings import problems

PASSWORD = "hunter2"
POSTGRESQL = f"postgresql://tasks:{PASSWORD}@db.example.com:5433/tasks"
SQLITE = "sqlite:////srv/tasks/tasks.sqlite3"


@pytest.mark.parametrize(
    "url",
    [
        POSTGRESQL,
        f"{POSTGRESQL}?sslmode=verify-full&connect_timeout=1&application_name=tasks%20api",
        f"{POSTGRESQL}?options=-c%20statement_timeout%3D2s&tcp_user_timeout=0&keepalives=1&connect_timeout=",
        f"{POSTGRESQL}?passfile=/srv/.pgpass&sslrootcert=/srv/ca.pem&service=tasks&channel_binding=require",
        "postgresql://tasks@/tasks?host=a:5432&host=b:5432&target_session_attrs=read-write",
        "postgresql://tasks@/tasks?host=a,b&port=5432,5433",
        "postgresql:///tasks?host=/run/postgresql",
        "postgres://tasks:a%40b%3F@db/tasks",
        SQLITE,
        "sqlite:////srv/our tasks/täsks.sqlite3",
        f"{SQLITE}?cached_statements=64",
        "sqlite:///file:/srv/tasks.sqlite3?mode=ro&uri=true&vfs=unix",
    ],
)
def test_a_url_that_can_work_is_taken(url: str) -> None:
    """Whether somebody is there shows when somebody is asked."""
    assert list(problems(url)) == []


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("prepare_threshold=5", "prepare_threshold"),
        ("pgbouncer=true", "pgbouncer"),
        ("schema=public&sslmode=require", "schema"),
        ("row_factory=x&autocommit=true", "autocommit, row_factory"),
        ("isolation_level=SERIALIZABLE", "isolation_level"),
        ("plugin=anything", "plugin"),
        ("replication=database", "replication"),
        ("client_encoding=latin1", "client_encoding"),
        ("connect_timeout=abc", "connect_timeout"),
        ("connect_timeout=3s", "connect_timeout"),
        ("connect_timeout=1&connect_timeout=2", "connect_timeout"),
        ("keepalives_idle=x&tcp_user_timeout=1.5", "keepalives_idle, tcp_user_timeout"),
        ("sslmode=verify_full", "sslmode"),
        ("sslmode=require&sslmode=require", "sslmode"),
        ("target_session_attrs=primary,any", "target_session_attrs"),
        ("host=a&port=70000", "port"),
        ("host=a&port=1&host=b&port=2", "port"),
        ("s%C3%A9same=1", "one with an odd name"),
    ],
)
def test_a_parameter_that_postgresql_cannot_take_is_named(query: str, named: str) -> None:
    """One that libpq does not know, that it would refuse for its value, or that is there twice."""
    (problem,) = problems(f"{POSTGRESQL}?{query}")

    assert problem == (
        f"DATABASE_URL has parameters that cannot be used: {named}. PostgreSQL takes the options of libpq, such as "
        "sslmode and connect_timeout, each once and with a value it knows; those of other programs have to go."
    )


def test_a_port_that_is_none_is_named() -> None:
    """Which SQLAlchemy takes, being a number."""
    (problem,) = problems("postgresql://db.example.com:99999/tasks")

    assert problem.startswith("DATABASE_URL has parameters that cannot be used: port. ")


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("mode=ro", "mode"),
        ("uri=true&colour=red", "colour"),
        ("timeout=abc", "timeout"),
        ("timeout=1&timeout=2", "timeout"),
        ("check_same_thread=true", "check_same_thread"),
        ("isolation_level=WEIRD&detect_types=3", "detect_types, isolation_level"),
        ("factory=x", "factory"),
    ],
)
def test_a_parameter_that_sqlite_cannot_take_is_named(query: str, named: str) -> None:
    """SQLite itself overlooks those it does not know, and the driver those of a URL without ``uri=true``."""
    (problem,) = problems(f"{SQLITE}?{query}")

    assert problem == (
        f"DATABASE_URL has parameters that cannot be used: {named}. SQLite takes cached_statements, and with uri=true "
        "the parameters of its own URIs (mode, cache, vfs, …)."
    )


@pytest.mark.parametrize(
    "url",
    [
        f"{POSTGRESQL}\n",
        f"{POSTGRESQL}\r\n",
        f" {POSTGRESQL}",
        f"{POSTGRESQL}?sslmode=require ",
        f'"{POSTGRESQL}"',
        f"'{POSTGRESQL}'",
        f"{POSTGRESQL}\u00a0",
        f"{POSTGRESQL}\u200b",
        POSTGRESQL.replace("@", "\n@"),
        f"{SQLITE}\0",
        "\n",
    ],
)
def test_a_url_that_was_pasted_with_something_around_it_is_refused(url: str) -> None:
    """The line end would become part of the name of the database, or of a password."""
    (problem,) = problems(url)

    assert problem == "DATABASE_URL must be a single line, with neither space nor quotes around it: copy it again."


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        (7, "DATABASE_URL must be text"),
        ("nonsense", "DATABASE_URL is not a database URL"),
        (f"sqlite://tasks:{PASSWORD}@host/x", "DATABASE_URL is not a database URL"),
        (f"{SQLITE}?uri=maybe", "DATABASE_URL is not a database URL"),
        (f"{SQLITE}?cached_statements=many", "DATABASE_URL is not a database URL"),
        (f"postgresql://tasks:{PASSWORD}@word@db/tasks", "DATABASE_URL holds a password with an @ in it"),
        (f"postgresql://tasks:p@a?{PASSWORD}=1@db/tasks", "DATABASE_URL holds a password with an @ in it"),
        ("sqlite://", "DATABASE_URL names an in-memory database"),
        ("postgresql+asyncpg://db/tasks", "DATABASE_URL names a database whose driver is not installed: asyncpg"),
    ],
)
def test_what_is_no_url_of_a_database_is_refused(url: Any, problem: str) -> None:
    """In one sentence, which repeats nothing of it."""
    (said,) = problems(url)

    assert said.startswith(problem)
    assert PASSWORD not in said


def test_a_database_without_its_driver_has_no_parameters_to_look_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver alone knows which there are."""
    monkeypatch.setitem(sys.modules, "psycopg", None)

    (problem,) = problems(f"{POSTGRESQL}?colour=red")

    assert problem.startswith("DATABASE_URL names a database whose driver is not installed: psycopg.")
