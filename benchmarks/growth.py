"""What a request costs as one user's tasks grow: pages, single tasks and creates, by the whole service in process.

On PostgreSQL the service is a role that the row-level policy holds. Every request takes its turn in every round, so
that a slow moment of the machine meets all sizes alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder

from app import create_app
from app.tasks.pages import Cursor, Sort
from benchmarks.content import created_at, task_id
from benchmarks.databases import POSTGRESQL, Database, kinds, our_database
from benchmarks.in_process import microseconds
from benchmarks.machine import versions
from benchmarks.measurement import Chapter, Figure, Spread, in_turns
from benchmarks.traffic import SECRET, authorization

SIZES, FEW_SIZES = (1_000, 100_000, 1_000_000), (100, 1_000)

FIRST, LAST = "first page of 20", "last page of 20"

#: The first page of the smallest size once more: how far apart one and the same thing is measured.
AGAIN = "first page of 20, again"

#: What is timed, and for which size.
Key = tuple[str, int]
Samples = dict[Key, list[float]]


def measure(*, quick: bool) -> Chapter:
    """Fill a database of each kind with users of all sizes, and time their requests."""
    sizes, rounds = (FEW_SIZES, 2) if quick else (SIZES, 200)
    figures: list[Figure] = []
    noise: list[float] = []
    available = kinds()
    for kind in available:
        with our_database(kind) as database:
            database.fill({_user(size): size for size in sizes})
            samples = _samples(database, sizes, rounds)
        again = samples.pop((AGAIN, sizes[0]))
        noise += [second / first for first, second in zip(samples[FIRST, sizes[0]], again, strict=True)]
        figures += _figures(kind, samples, sizes)
    return Chapter(
        name="growth",
        title="Requests as one user's tasks grow",
        unit="µs per request",
        reference=_subject(sizes[0]),
        figures=tuple(figures),
        notes=(
            "The whole service in process, without a server; the token is verified, the row-level policy is on.",
            f"The last page is compared with the first page of {_subject(sizes[0])}.",
            *(() if POSTGRESQL in available else ("No PostgreSQL server was found here.",)),
        ),
        versions=versions("Flask", "flask-smorest", "SQLAlchemy", "psycopg"),
        noise=Spread.of(noise),
    )


def _user(size: int) -> str:
    return f"user{size}"


def _subject(size: int) -> str:
    return f"{size:,} tasks"


def _samples(database: Database, sizes: tuple[int, ...], rounds: int) -> Samples:
    """Return the microseconds of each request at each size, one figure a round."""
    app = create_app({"BETTER_AUTH_SECRET": SECRET, "DATABASE_URL": database.url})
    timed: dict[Key, Callable[[], float]] = {}
    for size in sizes:
        timed |= {(name, size): call for name, call in _requests(app, size).items()}
    timed[AGAIN, sizes[0]] = timed[FIRST, sizes[0]]
    # Connections, plans and caches are there by the first round that counts.
    in_turns(timed, min(rounds, 10))
    return in_turns(timed, rounds)


def _requests(app: Flask, size: int) -> dict[str, Callable[[], float]]:
    """Return what is timed for the user with so many tasks."""
    headers = Headers(authorization(_user(size)))
    path = f"/api/{_user(size)}/tasks"
    # Twenty tasks are older than this one.
    edge = Cursor(Sort.NEWEST, backward=False, key=created_at(20), id=task_id(20)).dump()

    def request(status: int, path: str, **settings: Any) -> Callable[[], float]:
        return lambda: microseconds(app, status, EnvironBuilder(path, headers=headers, **settings).get_environ())

    return {
        FIRST: request(200, path, query_string={"limit": "20"}),
        LAST: request(200, path, query_string={"limit": "20", "cursor": edge}),
        "open ones by title": request(200, path, query_string={"limit": "20", "completed": "false", "sort": "title"}),
        "one task": request(200, f"{path}/{task_id(size // 2)}"),
        "create": request(201, path, method="POST", json={"title": "One more"}),
    }


def _figures(kind: str, samples: Samples, sizes: tuple[int, ...]) -> list[Figure]:
    """Return the figures of one kind of database, each compared with the smallest size."""
    figures = []
    for (name, size), values in samples.items():
        reference = samples[FIRST if name == LAST else name, sizes[0]]
        ratios = [value / other for value, other in zip(values, reference, strict=True)]
        ratio = None if values is reference else Spread.of(ratios)
        figures.append(Figure(f"{kind}: {name}", _subject(size), Spread.of(values), ratio))
    return figures
