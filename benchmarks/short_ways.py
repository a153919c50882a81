"""What each short way of ``app/fast`` is worth: the service with all of them, without one, and without any.

    python -m benchmarks.short_ways
    python -m benchmarks.short_ways --quick

The ways past SQLAlchemy are timed in process, one request at a time. The worker and the turns of writers are timed
under gunicorn, in bursts of 16 connections. All subjects take turns in one run, and ratios are those of samples from
the same round.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from flask import Flask
from werkzeug.test import create_environ

from app import create_app
from app.database import Ways, create_database
from app.fast import SHORT_WAYS
from app.tasks.store import TaskStore
from app.transactions import run_in_transaction
from benchmarks.bursts import Sample, burst, running
from benchmarks.content import task_id
from benchmarks.databases import SQLITE, Database, kinds, our_database
from benchmarks.in_process import microseconds
from benchmarks.machine import versions
from benchmarks.measurement import Chapter, Figure, Spread, figures_of, in_turns
from benchmarks.tables import words
from benchmarks.traffic import CREATE, GET, LIST, SECRET, USERS, authorization, write_traffic

FAST, AGAIN = "all short ways", "all short ways, again"
STATEMENTS = "SQLAlchemy's own execution"
CONNECTIONS = "each connection tested, nothing prepared"
PLAIN = "no short way"
YIELDING, GTHREAD = "as configured", "gthread, 2 threads"

#: The worker without one of its parts each (:mod:`benchmarks.gunicorn_workers`).
LESSER = ("head and body apart", "executor")
SQLITE_WAITS = "SQLite waits"

NOTES = ("Two workers of two threads, 16 connections that stay open.",)

TASKS = 1_000


def subjects() -> dict[str, Ways]:
    """Return the ways that are compared: what each name says, and everything else short."""
    # With SQLAlchemy's own execution, the driver begins the transactions.
    own = {
        name: replace(way, run=run_in_transaction, options={"pool_pre_ping": False}, execution_options={})
        for name, way in SHORT_WAYS.items()
    }
    tested = {
        name: replace(way, options={**way.options, "pool_pre_ping": True}, set_up=lambda _engine: None)
        for name, way in SHORT_WAYS.items()
    }
    return {FAST: SHORT_WAYS, AGAIN: SHORT_WAYS, STATEMENTS: own, CONNECTIONS: tested, PLAIN: {}}


def measure_database(*, quick: bool) -> tuple[Chapter, ...]:
    """Time a list of twenty, a single task, and a change, on each database and each way."""
    rounds = 3 if quick else 300
    figures: list[Figure] = []
    noise: list[float] = []
    for kind in kinds():
        with our_database(kind) as database, ExitStack() as stack:
            database.fill({USERS[0]: TASKS})
            apps = {name: _service(database, ways, stack) for name, ways in subjects().items()}
            path = f"/api/{USERS[0]}/tasks"
            for setting, method, asked in (
                ("list of 20", "GET", f"{path}?limit=20"),
                ("one task", "GET", f"{path}/{task_id(0)}"),
                ("toggle", "PATCH", f"{path}/{task_id(0)}/complete"),
            ):
                timed = {name: _request(app, method, asked) for name, app in apps.items()}
                in_turns(timed, min(rounds, 20))
                samples = in_turns(timed, rounds)
                again = samples.pop(AGAIN)
                noise += [second / first for first, second in zip(samples[FAST], again, strict=True)]
                figures += figures_of(f"{kind}, {setting}", samples, FAST)
    chapter = Chapter(
        name="short_ways",
        title="What the short ways past SQLAlchemy are worth",
        unit="µs per request",
        reference=FAST,
        figures=tuple(figures),
        notes=("In process, without a server. The token has been seen before.",),
        versions=versions("Flask", "flask-smorest", "SQLAlchemy", "psycopg"),
        noise=Spread.of(noise),
    )
    return (chapter,)


def _service(database: Database, ways: Ways, stack: ExitStack) -> Flask:
    app = create_app({"BETTER_AUTH_SECRET": SECRET, "DATABASE_URL": database.url})
    connected = create_database(database.url, ways=ways)
    stack.callback(connected.engine.dispose)
    app.extensions["task_store"] = TaskStore(connected.run)
    return app


def _request(app: Flask, method: str, path: str) -> Callable[[], float]:
    """Return what takes one sample."""
    environ = create_environ(path, method=method, headers=authorization(USERS[0]))
    return lambda: microseconds(app, 200, dict(environ))


def measure_worker(*, quick: bool) -> tuple[Chapter, ...]:
    """Let gunicorn's own worker, ours, and ours without one of its parts answer bursts, from two processes."""
    figures: list[Figure] = []
    for kind in kinds():
        figures += _rates(f"{kind}, {LIST}", _bursts(kind, LIST, (YIELDING, GTHREAD), quick=quick))
    figures += _rates(f"{SQLITE}, {GET}", _bursts(SQLITE, GET, (YIELDING, GTHREAD, *LESSER), quick=quick))
    chapter = Chapter(
        name="short_ways_worker",
        title="What the worker is worth, and each of its parts",
        unit="requests per second",
        reference=YIELDING,
        figures=tuple(figures),
        notes=NOTES,
        versions=versions("Flask", "gunicorn", "SQLAlchemy", "psycopg"),
    )
    return (chapter,)


def measure_writes(*, quick: bool) -> tuple[Chapter, ...]:
    """Let writes to SQLite take turns as they do here, and as SQLite does it."""
    samples = _bursts(SQLITE, CREATE, (YIELDING, SQLITE_WAITS), quick=quick)
    p99 = {name: [sample.p99 for sample in taken] for name, taken in samples.items()}
    setting = f"{SQLITE}, {CREATE}"
    rates = Chapter(
        name="short_ways_writes",
        title="What the turns of writers are worth",
        unit="requests per second",
        reference=YIELDING,
        figures=tuple(_rates(setting, samples)),
        notes=NOTES,
        versions=versions("Flask", "gunicorn", "SQLAlchemy"),
    )
    return rates, replace(
        rates,
        name="short_ways_writes_p99",
        unit="milliseconds in which 99 of 100 requests were answered",
        figures=tuple(figures_of(setting, p99, YIELDING)),
    )


def _rates(setting: str, samples: Mapping[str, list[Sample]]) -> list[Figure]:
    rates = {name: [sample.requests_per_second for sample in taken] for name, taken in samples.items()}
    return figures_of(setting, rates, YIELDING)


def _bursts(kind: str, operation: str, workers: Sequence[str], *, quick: bool) -> dict[str, list[Sample]]:
    bursts, seconds = (1, 0.5) if quick else (30, 1.0)
    wanted = argparse.Namespace(database=kind, workers=2)
    with ExitStack() as stack:
        requests = write_traffic(Path(stack.enter_context(tempfile.TemporaryDirectory())))[operation]
        timed = {
            name: partial(burst, stack.enter_context(running(name, wanted)), requests, seconds) for name in workers
        }
        in_turns(timed, 1)
        return in_turns(timed, bursts)


MEASURED = {"database": measure_database, "worker": measure_worker, "writes": measure_writes}


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="show that everything runs; the figures mean nothing")
    parser.add_argument("--only", choices=MEASURED, help="measure one of them")
    wanted = parser.parse_args()
    for name, take in MEASURED.items():
        if wanted.only in (None, name):
            for chapter in take(quick=wanted.quick):
                print(f"\n{chapter.title}\n\n{words(chapter)}\n", flush=True)


if __name__ == "__main__":
    main()
