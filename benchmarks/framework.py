"""What the service adds to its framework: the same tasks by the whole service, and by bare Flask from a constant.

In process, without a server. The constant is a list of dictionaries of texts, which Flask's own ``jsonify`` turns into
JSON at each request.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from flask import Flask
from werkzeug.test import create_environ

from app import create_app
from benchmarks import bare
from benchmarks.databases import Database, kinds, our_database
from benchmarks.in_process import microseconds
from benchmarks.machine import versions
from benchmarks.measurement import Chapter, Figure, Spread, figures_of, in_turns
from benchmarks.traffic import SECRET, USERS, authorization

BARE, AGAIN = "bare Flask, a constant", "bare Flask, again"
TASKS = 1_000


def measure(*, quick: bool) -> Chapter:
    """Time a list of twenty and a single task by both."""
    rounds, tasks = (2, 300) if quick else (300, TASKS)
    figures: list[Figure] = []
    noise: list[float] = []
    with ExitStack() as stack:
        apps = {BARE: bare.app, AGAIN: bare.app}
        for kind in kinds():
            database = stack.enter_context(our_database(kind))
            database.fill({USERS[0]: tasks})
            apps[f"this service on {kind}"] = _service(database)
        path = f"/api/{USERS[0]}/tasks"
        for setting, asked in (("list of 20", f"{path}?limit=20"), ("one task", f"{path}/{bare.TASKS[0]['id']}")):
            timed = {name: _request(app, asked) for name, app in apps.items()}
            in_turns(timed, min(rounds, 20))
            samples = in_turns(timed, rounds)
            again = samples.pop(AGAIN)
            noise += [second / first for first, second in zip(samples[BARE], again, strict=True)]
            figures += figures_of(setting, samples, BARE)
    return Chapter(
        name="framework",
        title="The same tasks by the whole service, and by bare Flask from a constant",
        unit="µs per request",
        reference=BARE,
        figures=tuple(figures),
        notes=("In process, without a server. The token has been seen before.",),
        versions=versions("Flask", "flask-smorest", "marshmallow", "orjson", "SQLAlchemy", "psycopg"),
        noise=Spread.of(noise),
    )


def _service(database: Database) -> Flask:
    return create_app({"BETTER_AUTH_SECRET": SECRET, "DATABASE_URL": database.url})


def _request(app: Flask, path: str) -> Callable[[], float]:
    """Return what takes one sample."""
    environ = create_environ(path, headers=authorization(USERS[0]))
    return lambda: microseconds(app, 200, dict(environ))
