"""Checks whether ``DATABASE_URL`` can work before anything connects.

The URL may hold a password. So sentences name parameters at most, and only if their names are plain words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from app.database import database_url

#: Parameters in a URL that SQLite's driver takes. The service sets its other arguments.
SQLITE_PARAMETERS = frozenset({"uri", "cached_statements"})

#: Parameters that SQLite itself takes, in a URL with ``uri=true`` (https://www.sqlite.org/uri.html).
SQLITE_URI_PARAMETERS = frozenset({"cache", "immutable", "mode", "modeof", "nolock", "psow", "vfs"})

#: The one parameter that may occur several times: each names a host.
REPEATABLE = "host"

#: What the name of a parameter looks like. Anything else may be a piece of an unquoted password.
PLAIN_NAME = re.compile(r"[A-Za-z_]{1,40}")

NO_URL = "DATABASE_URL is not a database URL, such as sqlite:////srv/tasks/tasks.sqlite3."


def problems(value: object) -> Iterator[str]:
    """Yield one sentence for each reason why a setting cannot be used as ``DATABASE_URL``."""
    if not isinstance(value, str):
        yield "DATABASE_URL must be text, such as sqlite:////srv/tasks/tasks.sqlite3."
        return
    if value.strip(" \"'") != value or not value.isprintable():
        yield "DATABASE_URL must be a single line, with neither space nor quotes around it: copy it again."
        return
    try:
        url = database_url(value)
        url.get_dialect().import_dbapi()
    except (ArgumentError, ValueError):
        yield NO_URL
    except ImportError as error:
        yield f"DATABASE_URL names a database whose driver is not installed: {error.name}.{_install(url)}"
    else:
        yield from _problems_of(url, value)


def _install(url: URL) -> str:
    """Return how to install the driver that ``postgresql://`` means."""
    return " Install it with pip install -e '.[app,postgres]'." if url.get_driver_name() == "psycopg" else ""


def _problems_of(url: URL, text: str) -> Iterator[str]:
    """Yield what is wrong with a URL of a database whose driver is installed."""
    is_sqlite = url.get_backend_name() == "sqlite"
    if url.get_dialect().is_async:
        yield "DATABASE_URL names a driver for asyncio, which the service does not use: postgresql:// is enough."
    elif not is_sqlite and "@" in f"{url.host or ''}{url.database or ''}{text.partition('?')[2]}":
        yield "DATABASE_URL holds a password with an @ in it: write %40 there."
    elif is_sqlite and _is_in_memory(url):
        yield "DATABASE_URL names an in-memory database, which every worker would have for itself: name a file."
    elif names := _unusable_parameters(url):
        yield f"DATABASE_URL has parameters that cannot be used: {', '.join(names)}. {_taken(url)}"
    elif not _is_readable(url):
        yield NO_URL


def _is_in_memory(url: URL) -> bool:
    """Tell whether a SQLite URL names no file, however that is written."""
    return not url.database or ":memory:" in url.database or "memory" in url.query.get("mode", ())


def _is_readable(url: URL) -> bool:
    """Tell whether the driver can read a URL."""
    try:
        url.get_dialect()().create_connect_args(url)
    except (ArgumentError, TypeError, ValueError):
        return False
    return True


def _unusable_parameters(url: URL) -> list[str]:
    """Return the names of parameters that the driver does not know or whose values it does not take, in order."""
    is_usable = _knowledge_of(url)
    # The port of the URL itself may be too high.
    parameters = {**({"port": str(url.port)} if url.port is not None else {}), **url.query}
    unusable = [name for name, value in parameters.items() if not all(is_usable(name, one) for one in _each(value))]
    repeated = [name for name, value in url.query.items() if len(_each(value)) > 1 and name != REPEATABLE]
    return sorted({name if PLAIN_NAME.fullmatch(name) else "one with an odd name" for name in unusable + repeated})


def _each(value: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return all values of a parameter, of which a URL may hold several."""
    return (value,) if isinstance(value, str) else value


def _knowledge_of(url: URL) -> Callable[[str, str], bool]:
    """Return a function that tells whether a parameter and its value can be used."""
    if url.get_driver_name() == "psycopg":
        # Only the extra postgres installs what this imports.
        from app.postgresql import is_usable

        return is_usable
    if url.get_backend_name() != "sqlite":
        return lambda _name, _value: True
    known = SQLITE_PARAMETERS | (SQLITE_URI_PARAMETERS if url.query.get("uri") == "true" else frozenset())
    return lambda name, _value: name in known


def _taken(url: URL) -> str:
    """Return which parameters can be used."""
    if url.get_backend_name() == "sqlite":
        return "SQLite takes cached_statements, and with uri=true the parameters of its own URIs (mode, cache, vfs, …)."
    return (
        "PostgreSQL takes the options of libpq, such as sslmode and connect_timeout, each once and with a value it "
        "knows; those of other programs have to go."
    )
