"""What a pipeline that stays open would save on PostgreSQL, and why the service opens one for each statement.

    python -m benchmarks.open_pipeline
    python -m benchmarks.open_pipeline --forks 20

The first command compares the processor time of statements: as the service runs them, and in a pipeline that is opened
once for each pooled connection. The ways take turns, and the ratios are those of the same round. The second command
forks while the parent runs statements in such a pipeline. The child drops the connections that it has inherited, which
ends their pipelines: it sends a Sync on the parent's socket and may read the parent's answer. The command prints after
how many forks a statement of the parent failed, or found nothing.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import time
from collections.abc import Callable
from functools import partial

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from app.database import create_database
from app.deadline import DEADLINE
from app.fast import SHORT_WAYS
from app.fast.statements import driver_connection, query_of, run_on_postgresql
from app.tasks.errors import TaskNotFoundError
from app.tasks.store import TaskStore
from app.transactions import SET_USER, Answer, RunOn, Statement, Values
from benchmarks.content import task_id
from benchmarks.databases import POSTGRESQL, our_database
from benchmarks.measurement import in_turns
from benchmarks.traffic import USERS

OWNER, TASKS = USERS[0], 1_000

NOW, AGAIN, OPEN = "a pipeline for each statement", "the same again", "a pipeline that stays open"

#: Seconds after which the parent gives up an answer that another process may have read.
PATIENCE = 2

#: Seconds for which the parent runs statements after a fork.
WATCHED = 0.3

Operation = Callable[[TaskStore], object]

OPERATIONS: dict[str, Operation] = {
    "get": lambda store: store.get(OWNER, task_id(5)),
    "list of 20": lambda store: store.page(OWNER, limit=20),
    "create": lambda store: store.create(OWNER, {"title": "A task", "description": None, "completed": False}),
}


def run_in_open_pipeline(engine: Engine, user_id: str, statement: Statement, values: Values) -> Answer:
    """Run a statement as the service does, in the pipeline of its connection, which is never closed."""
    query = query_of(statement, engine.dialect)
    with driver_connection(engine) as connection:
        kept = vars(connection).get("kept")
        if kept is None:
            context = connection.pipeline()
            # The connection keeps the context as well: without it, the pipeline would end.
            kept = connection.kept = context, context.__enter__()
            # The pool's rollback would be a round trip in a pipeline.
            connection.rollback = lambda: None
        pipeline = kept[1]
        try:
            connection.execute(SET_USER, {"user_id": user_id})
            cursor = connection.execute(query.text, query.parameters(values))
        finally:
            pipeline.sync()
        rows = cursor.fetchall() if cursor.description else []
    return query.answer(rows, cursor.rowcount)


def store_by(run: RunOn, url: str) -> TaskStore:
    """Return a store whose statements are run as the service would, or by another function; they have no deadline."""
    return TaskStore(partial(run, create_database(url, ways=SHORT_WAYS).engine))


def microseconds(operation: Operation, store: TaskStore, calls: int) -> float:
    """Return the processor time of a call, the mean of some in a row."""
    operation(store)
    start = time.thread_time()
    for _ in range(calls):
        operation(store)
    return (time.thread_time() - start) / calls * 1e6


def compare(url: str, rounds: int, calls: int) -> None:
    """Print the processor time of each way, and its ratio to the way of the service."""
    ways = {NOW: run_on_postgresql, AGAIN: run_on_postgresql, OPEN: run_in_open_pipeline}
    stores = {way: store_by(run, url) for way, run in ways.items()}
    for name, operation in OPERATIONS.items():
        timed = {way: partial(microseconds, operation, store, calls) for way, store in stores.items()}
        in_turns(timed, 2)
        samples = in_turns(timed, rounds)
        for way, taken in samples.items():
            ratio = statistics.median(one / other for one, other in zip(taken, samples[NOW], strict=True))
            print(f"{name:12}{way:30}{statistics.median(taken):8.0f} µs{ratio:8.3f}")


def disturbances(url: str, forks: int) -> int:
    """Return after how many forks a statement of the parent failed, or found nothing."""
    found = 0
    for _ in range(forks):
        store = store_by(run_in_open_pipeline, url)
        OPERATIONS["get"](store)
        child = os.fork()
        if child == 0:
            # The engine has forgotten the connections of the parent. They are dropped while the parent uses them.
            time.sleep(WATCHED / 3)
            gc.collect()
            os._exit(0)
        try:
            end = time.monotonic() + WATCHED
            while time.monotonic() < end:
                DEADLINE.at = time.monotonic() + PATIENCE
                OPERATIONS["get"](store)
        except (DBAPIError, TaskNotFoundError):
            found += 1
        os.waitpid(child, 0)
    return found


def main() -> None:
    """Measure, or fork."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=150)
    parser.add_argument("--calls", type=int, default=20, help="statements in a row within a round")
    parser.add_argument("--forks", type=int, default=0, help="fork so often instead")
    wanted = parser.parse_args()
    with our_database(POSTGRESQL) as database:
        database.fill({OWNER: TASKS})
        if wanted.forks:
            print(f"{disturbances(database.url, wanted.forks)} of {wanted.forks} forks disturbed the parent")
        else:
            compare(database.url, wanted.rounds, wanted.calls)


if __name__ == "__main__":
    main()
