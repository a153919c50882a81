"""Who is measured as a whole service: ours under three servers, the original stack in two ways, the bare framework."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from benchmarks.content import task_id
from benchmarks.databases import Database, original_database, our_database
from benchmarks.servers import HOST, WORKERS, Server, start
from benchmarks.traffic import SECRET, USERS, authorization

OURS = "this service, gunicorn threads"
OURS_SYNC = "this service, gunicorn sync"
OURS_GRANIAN = "this service, granian"
BARE = "bare Flask, a constant"
ORIGINAL = "FastAPI + python-jose + SQLModel"
TUNED = "FastAPI stack, tuned"

#: Threads of a worker of ours under granian, which does not read gunicorn.conf.py.
THREADS = 2

_GUNICORN = (sys.executable, "-m", "gunicorn")
_GRANIAN = (
    *(sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws", "--host", HOST, "--port", "{port}"),
    *("--workers", str(WORKERS), "--blocking-threads", str(THREADS), "wsgi:app"),
)
_UVICORN = (
    *(sys.executable, "-m", "uvicorn", "--host", HOST, "--port", "{port}", "--workers", str(WORKERS)),
    # No access log: ours has none either.
    "--no-access-log",
)

MakeDatabase = Callable[[str], AbstractContextManager[Database]]


@dataclass(frozen=True, slots=True)
class Subject:
    """How a service is started, and who makes its database, where it has one."""

    command: tuple[str, ...]
    database: MakeDatabase | None
    #: How many threads it is told to have; None for its default.
    threads: int | None = None


SUBJECTS = {
    OURS: Subject(_GUNICORN, our_database),
    OURS_SYNC: Subject((*_GUNICORN, "--worker-class", "sync"), our_database, threads=1),
    OURS_GRANIAN: Subject(_GRANIAN, our_database, THREADS),
    BARE: Subject((*_GUNICORN, "--config", "benchmarks/bare_gunicorn.py", "benchmarks.bare:app"), None),
    ORIGINAL: Subject((*_UVICORN, "benchmarks.original_stack.main:app"), original_database),
    TUNED: Subject((*_UVICORN, "benchmarks.original_stack.tuned:app"), original_database),
}


@contextmanager
def database_for(name: str, kind: str, tasks: int) -> Iterator[Database | None]:
    """Make the database of a subject, where it has one, and give every user so many tasks."""
    make = SUBJECTS[name].database
    if make is None:
        yield None
        return
    with make(kind) as database:
        database.fill(dict.fromkeys(USERS, tasks))
        yield database


def check(name: str, server: Server, tasks: int) -> None:
    """Make sure, before a subject is timed, that it answers what the others answer, and refuses what they refuse."""
    caller, other = USERS[:2]
    path, headers = f"/api/{caller}/tasks?limit=20", authorization(caller)
    status, body = server.get(path, headers)
    assert status == 200, body
    listed = json.loads(body)
    items = listed if isinstance(listed, list) else listed["items"]
    assert len(items) == 20, listed
    if SUBJECTS[name].database is not None:
        assert [item["id"] for item in items] == [str(task_id(tasks - 1 - number)) for number in range(20)], listed
        assert server.get(path, authorization(other))[0] == 403
        assert server.get(path, {"Authorization": headers["Authorization"][:-4] + "AAAA"})[0] == 401


def serve(name: str, database: Database | None, synchronous: str = "full") -> AbstractContextManager[Server]:
    """Start a subject on its database."""
    return start(SUBJECTS[name].command, settings_for(name, database, synchronous))


def settings_for(name: str, database: Database | None, synchronous: str = "full") -> dict[str, str]:
    """Return the environment variables of a subject. What is not named there has its default."""
    threads = SUBJECTS[name].threads
    return {
        "BETTER_AUTH_SECRET": SECRET,
        "DATABASE_URL": database.url if database else "",
        # The original stack's name for it, and ours.
        "DATABASE_SYNCHRONOUS": synchronous,
        "FLASK_DATABASE_SYNCHRONOUS": synchronous,
        "WEB_CONCURRENCY": str(WORKERS),
        **({} if threads is None else {"GUNICORN_THREADS": str(threads)}),
    }
