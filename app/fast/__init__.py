"""Short ways past SQLAlchemy, SQLite's waits and gunicorn's plain worker. The first line of each says its worth.

They use private members of SQLAlchemy, psycopg and gunicorn, and nothing else in the service does. The service works
without them: delete this folder, and the lines in ``app/__init__.py`` and ``gunicorn.conf.py`` that name it.
"""

from __future__ import annotations

from collections.abc import Mapping

from flask import Flask
from sqlalchemy import Engine, event

from app.database import WAYS, Way
from app.fast.connections import prepare_statements, watch_connections
from app.fast.statements import forget_lost_plans, run_on_postgresql, run_on_sqlite

__all__ = ["SHORT_WAYS", "take_short_ways"]


def take_short_ways(app: Flask) -> None:
    """Let the app run its statements on the short ways. Call this before the database is connected."""
    app.extensions[WAYS] = SHORT_WAYS


def _set_up_postgresql(engine: Engine) -> None:
    event.listen(engine, "connect", prepare_statements)
    event.listen(engine, "handle_error", forget_lost_plans)
    watch_connections(engine)


SHORT_WAYS: Mapping[str, Way] = {
    "postgresql": Way(
        run_on_postgresql,
        # A pipeline is a transaction, so the driver begins none. What SQLAlchemy itself runs is in a transaction.
        {"isolation_level": "AUTOCOMMIT", "pool_pre_ping": False},
        {"isolation_level": "READ COMMITTED"},
        _set_up_postgresql,
    ),
    "sqlite": Way(
        run_on_sqlite,
        # Each statement is a transaction, so the driver begins none. Both drivers take values by name. A connection to
        # a file does not break.
        {"isolation_level": "AUTOCOMMIT", "paramstyle": "named", "pool_pre_ping": False},
        {"isolation_level": "SERIALIZABLE"},
    ),
}
