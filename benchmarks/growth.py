"""What a request costs as one user's tasks grow: pages, single tasks, creates and the summary, as ratios of one run.

    python -m benchmarks.growth sqlite:///instance/growth.sqlite3 --sizes 1000 100000 1000000
    python -m benchmarks.growth postgresql://tasks_owner@127.0.0.1/growth

The database is migrated and filled; on PostgreSQL it has to exist, and the URL should be one of its owner and of no
superuser, so that the policy holds. Every operation but the summary is timed in rounds, interleaved with the others, so
that a slow moment of the machine meets them alike; medians in microseconds, and each as a ratio to the same at the
smallest size. Through the whole service in process, token verification included.
"""

from __future__ import annotations

import argparse
import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from alembic import command
from flask import Flask
from sqlalchemy import insert, text

from app import create_app
from app.database import create_database_engine, store_on, task_store
from app.migrations.commands import alembic_config
from app.tasks.models import tasks
from app.tasks.pages import Cursor, Sort

SECRET = "b3nchmarks-only-4f1c9e07d2a84b56a9d1e3c7f0"
START = datetime(2026, 1, 1, tzinfo=UTC)
CHUNK = 10_000

Operation = Callable[[], Any]


def rows(user_id: str, count: int) -> Iterator[list[dict[str, Any]]]:
    """Yield the tasks of a user, some at a time, a second apart and every tenth completed."""
    for first in range(0, count, CHUNK):
        yield [
            {
                "user_id": user_id,
                "id": uuid.UUID(int=number, version=4),
                "title": f"Task {number * 7919 % count:07}",
                "description": "What has to be done, in a few words that take some room.",
                "completed": number % 10 == 0,
                "created_at": START + timedelta(seconds=number),
                "updated_at": START + timedelta(seconds=number),
                "version": number + 1,
                "creation": None,
            }
            for number in range(first, min(first + CHUNK, count))
        ]


def fill(url: str, sizes: list[int]) -> None:
    """Migrate a database and give each size a user of its own, unless they are there already."""
    engine = create_database_engine(url)
    store = store_on(engine)
    command.upgrade(alembic_config(engine), "head")
    for size in sizes:
        if store.page(f"user{size}", limit=1).items:
            continue
        with store._transaction(f"user{size}") as connection:
            for chunk in rows(f"user{size}", size):
                connection.execute(insert(tasks), chunk)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE tasks" if engine.dialect.name == "postgresql" else "ANALYZE"))
    engine.dispose()


def operations(app: Flask, size: int) -> dict[str, Operation]:
    """Return what is timed for the user with so many tasks."""
    user_id, client = f"user{size}", app.test_client()
    now = int(time.time())
    token = jwt.encode({"sub": user_id, "iat": now, "exp": now + 86_400}, SECRET, "HS256")
    headers = {"Authorization": f"Bearer {token}"}
    base = f"/api/{user_id}/tasks"
    with app.app_context():
        oldest = task_store().page(user_id, limit=21, sort=Sort.OLDEST).items
    last = Cursor.at(oldest[20], Sort.NEWEST, backward=False).dump()
    middle = uuid.UUID(int=size // 2, version=4)

    def call(method: str, path: str, status: int, **settings: Any) -> None:
        answer = client.open(path, method=method, headers=headers, **settings)
        assert answer.status_code == status, answer.text

    return {
        "first page of 20": lambda: call("GET", f"{base}?limit=20", 200),
        "last page of 20": lambda: call("GET", f"{base}?limit=20&cursor={last}", 200),
        "open ones by title": lambda: call("GET", f"{base}?limit=20&completed=false&sort=title", 200),
        "one task": lambda: call("GET", f"{base}/{middle}", 200),
        "summary": lambda: call("GET", f"{base}/summary", 200),
        "create": lambda: call("POST", base, 201, json={"title": "One more"}),
    }


def measure(url: str, sizes: list[int], rounds: int) -> dict[tuple[str, int], float]:
    """Return the median seconds of each operation at each size."""
    app = create_app({"BETTER_AUTH_SECRET": SECRET, "DATABASE_URL": url})
    timed = {(name, size): call for size in sizes for name, call in operations(app, size).items()}
    seconds: dict[tuple[str, int], list[float]] = {key: [] for key in timed}
    # A count of a million leaves nothing in the caches for whoever comes next, so the summary has rounds of its own.
    summaries = [key for key in timed if key[0] == "summary"]
    for group in ([key for key in timed if key not in summaries], summaries):
        for number in range(rounds + 5):
            for key in group:
                began = time.perf_counter()
                timed[key]()
                if number >= 5:
                    seconds[key].append(time.perf_counter() - began)
    app.extensions["database_engine"].dispose()
    return {key: statistics.median(values) for key, values in seconds.items()}


def main() -> None:
    """Fill, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=200)
    arguments = parser.parse_args()
    fill(arguments.url, arguments.sizes)
    medians = measure(arguments.url, arguments.sizes, arguments.rounds)
    print(f"{'µs (ratio to the smallest)':28}" + "".join(f"{size:>20,}" for size in arguments.sizes))
    for name in dict.fromkeys(name for name, _ in medians):
        base = medians[name, arguments.sizes[0]]
        cells = (f"{medians[name, size] * 1e6:,.0f} ({medians[name, size] / base:.2f})" for size in arguments.sizes)
        print(f"{name:28}" + "".join(f"{cell:>20}" for cell in cells))
    deepest = max(arguments.sizes)
    ratio = medians["last page of 20", deepest] / medians["first page of 20", deepest]
    print(f"last page against first page at {deepest:,} tasks: {ratio:.2f}")


if __name__ == "__main__":
    main()
