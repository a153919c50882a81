"""Connections to PostgreSQL: servers that say nothing, the limit of a search, and what the probe needs."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Select, func, literal, make_url, select
from sqlalchemy.exc import OperationalError, ProgrammingError

from app.database import Ways
from tests.support.postgresql import PostgreSQL
from tests.support.stores import create_database

DATABASES = ("postgresql",)

ONE = select(literal(1))


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Return a port on which everybody may connect and nobody says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_server_that_says_nothing_is_given_up(silent_port: int, ways: Ways) -> None:
    """Before the deadline, if that is sooner than the timeout of the URL."""
    database = create_database(f"postgresql://alice@127.0.0.1:{silent_port}/tasks?connect_timeout=60", ways=ways)
    start = time.monotonic()

    with pytest.raises(OperationalError, match="connection timeout expired"):
        database.run("alice", ONE.execution_options(deadline=2), {})

    assert time.monotonic() - start < 30


def test_a_host_that_says_nothing_leaves_time_for_the_next_one(silent_port: int, database_url: str, ways: Ways) -> None:
    """As the readiness probe and the last free thread have three seconds for all of them."""
    url = make_url(database_url)
    hosts = [f"127.0.0.1:{silent_port}", f"{url.host}:{url.port}"]
    several = url.set(host=None, port=None).update_query_dict({"host": hosts})
    database = create_database(several.render_as_string(hide_password=False), ways=ways)

    answer = database.run("alice", ONE.execution_options(deadline=5), {})
    database.engine.dispose()

    assert answer.rows == [(1,)]


def test_a_server_that_is_not_asked_in_time_is_not_asked_at_all(database_url: str, ways: Ways) -> None:
    """A connection whose answer is overdue is closed: what it says next would be taken for another answer."""
    database = create_database(database_url, ways=ways)
    sleeps = select(func.pg_sleep(0.5), func.pg_backend_pid())

    with pytest.raises(OperationalError, match="the server has not answered in time"):
        database.run("alice", sleeps.execution_options(deadline=0.1), {})
    answers = [database.run("alice", select(literal(number)), {}).rows for number in range(3)]
    database.engine.dispose()

    assert answers == [[(0,)], [(1,)], [(2,)]]


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (None, "2s"),
        ("-c statement_timeout=500ms", "500ms"),
        ("-c statement_timeout=0", "2s"),
        ("-c timezone=UTC", "2s"),
    ],
)
def test_a_search_has_two_seconds_unless_all_have_fewer(
    database_url: str, ways: Ways, options: str | None, shown: str
) -> None:
    """The next statement on the connection has again what the URL or the service says."""
    url = make_url(database_url).update_query_dict({} if options is None else {"options": options})
    database = create_database(url.render_as_string(hide_password=False), ways=ways)
    setting = select(func.current_setting("statement_timeout"))

    def ask(statement: Select[str]) -> object:
        return database.run("alice", statement, {}).rows[0][0]

    before, during, after = ask(setting), ask(setting.execution_options(time_limit=2)), ask(setting)
    database.engine.dispose()

    assert during == shown
    assert before == after


def test_the_probe_needs_the_right_to_read(
    postgresql: PostgreSQL, shared_database: tuple[str, psycopg.Connection], ways: Ways
) -> None:
    """Though it reads no row."""
    url, owner = shared_database
    database = create_database(url, ways=ways)
    database.probe()

    owner.execute(sql.SQL("REVOKE SELECT ON tasks FROM {}").format(sql.Identifier(postgresql.role)))
    try:
        with pytest.raises(ProgrammingError, match="permission denied for table tasks"):
            database.probe()
    finally:
        owner.execute(sql.SQL("GRANT SELECT ON tasks TO {}").format(sql.Identifier(postgresql.role)))
        database.engine.dispose()
