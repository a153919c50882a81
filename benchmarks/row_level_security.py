"""What the row-level policy of PostgreSQL costs: the store with the policy and who it is for, and without either.

    python -m benchmarks.row_level_security postgresql://postgres@127.0.0.1/scratch

The database has to exist and to be empty; the URL is one of a superuser. The service's statements run as a role that
the policy holds, on the same table: once walled, once with the policy off and no user said. Both take turns in rounds,
so that a slow moment of the machine meets both alike. Medians in microseconds, and the ratio of the paired rounds.
"""

from __future__ import annotations

import argparse
import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from alembic import command
from sqlalchemy import Engine, make_url

from app.database import create_database
from app.fast import SHORT_WAYS
from app.fast.statements import driver_connection, query_of
from app.migrations.commands import alembic_config
from app.tasks.store import TaskStore
from app.transactions import Answer, Statement, Values

OWNER = "alice"
VALUES = {"title": "A task", "description": None, "completed": False}

Operation = Callable[[TaskStore, uuid.UUID], object]

OPERATIONS: dict[str, Operation] = {
    "get": lambda store, task_id: store.get(OWNER, task_id),
    "list of 50": lambda store, _: store.page(OWNER, limit=50),
    "summary": lambda store, _: store.summary(OWNER),
    "toggle": lambda store, task_id: store.toggle(OWNER, task_id),
    "create": lambda store, _: store.create(OWNER, VALUES),
}


def run_for_nobody(engine: Engine, _user_id: str, statement: Statement, values: Values) -> Answer:
    """Run a statement as the service does, without telling PostgreSQL the user."""
    query = query_of(statement, engine.dialect)
    with driver_connection(engine) as connection:
        cursor = connection.execute(query.text, query.parameters(values))
        rows = cursor.fetchall() if cursor.description else []
    return query.answer(rows, cursor.rowcount)


@contextmanager
def held_role(superuser: Engine) -> Iterator[str]:
    """Make a role that no policy lets pass, and remove it in the end."""
    role = f"benchmark_{uuid.uuid4().hex[:12]}"
    run(superuser, f"CREATE ROLE {role} LOGIN", f"GRANT SELECT, INSERT, UPDATE, DELETE ON tasks TO {role}")
    try:
        yield role
    finally:
        run(superuser, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def run(engine: Engine, *statements: str) -> None:
    """Run statements, each for itself."""
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def set_policy(superuser: Engine, *, on: bool) -> None:
    """Turn the policy of the table on or off."""
    verb = "ENABLE" if on else "DISABLE"
    run(superuser, f"ALTER TABLE tasks {verb} ROW LEVEL SECURITY")


def seconds(operation: Operation, store: TaskStore, task_id: uuid.UUID, repeat: int) -> float:
    """Return how long one call takes, of several in a row."""
    start = time.perf_counter()
    for _ in range(repeat):
        operation(store, task_id)
    return (time.perf_counter() - start) / repeat


def main() -> None:
    """Measure, and print one line for each operation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--repeat", type=int, default=20, help="calls in a row within a round")
    parser.add_argument("--tasks", type=int, default=1000)
    wanted = parser.parse_args()

    superuser = create_database(wanted.url).engine
    command.upgrade(alembic_config(superuser), "head")
    with held_role(superuser) as role:
        url = make_url(wanted.url).set(username=role).render_as_string(hide_password=False)
        walled = create_database(url, ways=SHORT_WAYS)
        # The same way to the database, only that nobody is said.
        opened = create_database(url, ways={"postgresql": replace(SHORT_WAYS["postgresql"], run=run_for_nobody)})
        measure(superuser, {"open": TaskStore(opened.run), "walled": TaskStore(walled.run)}, wanted)
        for database in (walled, opened):
            database.engine.dispose()


def measure(superuser: Engine, stores: dict[str, TaskStore], wanted: argparse.Namespace) -> None:
    """Fill the table and time every operation on both stores, round by round."""
    for _ in range(wanted.tasks):
        task, _ = stores["walled"].create(OWNER, VALUES)
    run(superuser, "ANALYZE tasks")
    print(f"{'':12}{'open':>10}{'walled':>10}{'ratio':>8}")
    for name, operation in OPERATIONS.items():
        times: dict[str, list[float]] = {kind: [] for kind in stores}
        for _ in range(wanted.rounds):
            for kind, store in stores.items():
                set_policy(superuser, on=kind == "walled")
                # What has been planned under the other regime is planned anew outside of the measurement.
                seconds(operation, store, task.id, 2)
                times[kind].append(seconds(operation, store, task.id, wanted.repeat))
        ratio = statistics.median(b / a for a, b in zip(times["open"], times["walled"], strict=True))
        medians = "".join(f"{statistics.median(taken) * 1e6:10.0f}" for taken in times.values())
        print(f"{name:12}{medians}{ratio:8.2f}")
    set_policy(superuser, on=True)


if __name__ == "__main__":
    main()
