"""Whole services under load: ours, the original stack and the bare framework, in short bursts that take turns.

Every subject of a stage runs all the time, each on a database of its own with the same tasks; only one is asked at a
time. Four chapters come of it: requests per second, the worst burst, the slowest of a hundred requests, and what the
processor had to do.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks.databases import POSTGRESQL, SQLITE, Database, kinds
from benchmarks.load import CONNECTIONS, fire
from benchmarks.machine import versions
from benchmarks.measurement import Chapter, Figure, Spread, figures_of, in_turns
from benchmarks.servers import WORKERS, Server
from benchmarks.subjects import (
    BARE,
    ORIGINAL,
    OURS,
    OURS_GRANIAN,
    OURS_SYNC,
    TUNED,
    check,
    database_for,
    serve,
)
from benchmarks.traffic import CREATE, CREATED, GET, LIST, TASKS, USERS, write_traffic

#: Ours once more, in the same rounds: how far apart one and the same thing is measured.
AGAIN = "this service, again"

PACKAGES = (
    *("Flask", "flask-smorest", "marshmallow", "SQLAlchemy", "psycopg", "gunicorn", "granian"),
    *("fastapi", "sqlmodel", "pydantic", "python-jose", "uvicorn", "uvloop", "httptools"),
)


@dataclass(frozen=True, slots=True)
class Stage:
    """Subjects that are measured side by side, on one kind of database."""

    kind: str
    synchronous: str
    operations: tuple[str, ...]
    subjects: tuple[str, ...]

    def setting(self, operation: str) -> str:
        """Return what the figures of an operation are listed under."""
        mode = f", synchronous={self.synchronous.upper()}" if self.kind == SQLITE and operation == CREATE else ""
        return f"{self.kind}{mode}: {operation}"


EVERYBODY = (OURS, OURS_SYNC, OURS_GRANIAN, BARE, ORIGINAL, TUNED)

STAGES = (
    Stage(SQLITE, "full", (LIST, GET, CREATE), EVERYBODY),
    Stage(SQLITE, "normal", (CREATE,), (OURS, OURS_SYNC, OURS_GRANIAN, ORIGINAL, TUNED)),
    Stage(POSTGRESQL, "full", (LIST, GET, CREATE), (OURS, OURS_SYNC, OURS_GRANIAN, ORIGINAL, TUNED)),
)

#: Every subject and every operation once, and PostgreSQL once.
FEW_STAGES = (STAGES[0], replace(STAGES[2], operations=(CREATE,), subjects=(OURS, ORIGINAL)))

#: What the page compares: so many bursts that the worst one says something.
CHIEF = (OURS, ORIGINAL)


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured."""

    stages: tuple[Stage, ...]
    #: Bursts of every subject.
    rounds: int
    #: Bursts of :data:`CHIEF` altogether.
    chief_rounds: int
    seconds: float
    #: Tasks of each user.
    tasks: int


FULL = Effort(STAGES, rounds=7, chief_rounds=40, seconds=0.5, tasks=TASKS)
QUICK = Effort(FEW_STAGES, rounds=1, chief_rounds=2, seconds=0.6, tasks=20)


@dataclass(frozen=True, slots=True)
class Sample:
    """What one burst said of a subject."""

    requests_per_second: float
    #: Milliseconds in which 99 of 100 requests were answered.
    p99: float
    #: Microseconds of processor time per request, of all processes of the server together.
    cpu: float


#: By setting and subject, one for each round.
Samples = dict[str, dict[str, list[Sample]]]


def measure(*, quick: bool) -> list[Chapter]:
    """Measure every subject in every stage and return a chapter for each thing that was looked at."""
    effort, available = QUICK if quick else FULL, kinds()
    samples: Samples = {}
    for stage in effort.stages:
        if stage.kind in available:
            samples |= _stage(stage, effort)
    notes = _notes(effort) + (() if POSTGRESQL in available else ("No PostgreSQL server was found here.",))
    cpu_note = "Without the processes of PostgreSQL, and without the load generator."
    return [
        _chapter("service", "The service under load", "requests per second", samples, notes, _rate),
        _worst(samples, effort),
        _chapter("service-p99", "The slowest of a hundred requests", "ms (99th percentile)", samples, notes, _p99),
        _chapter("service-cpu", "What a request costs the server", "µs of CPU", samples, (*notes, cpu_note), _cpu),
    ]


def _rate(sample: Sample) -> float:
    return sample.requests_per_second


def _p99(sample: Sample) -> float:
    return sample.p99


def _cpu(sample: Sample) -> float:
    return sample.cpu


def _stage(stage: Stage, effort: Effort) -> Samples:
    """Start all subjects of a stage and let them take turns, operation by operation."""
    with ExitStack() as stack:
        files = write_traffic(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        running = {name: stack.enter_context(_running(name, stage, effort)) for name in stage.subjects}
        samples: Samples = {}
        for operation in stage.operations:
            asked = _bursts(operation, files[operation], running, effort)
            # Connections, caches, prepared statements and page caches are there by the first round.
            in_turns(asked, 1)
            taken = in_turns(asked, effort.rounds)
            chief = {name: asked[name] for name in CHIEF}
            for name, more in in_turns(chief, effort.chief_rounds - effort.rounds).items():
                taken[name] += more
            samples[stage.setting(operation)] = taken
    return samples


@contextmanager
def _running(name: str, stage: Stage, effort: Effort) -> Iterator[tuple[Server, Database | None]]:
    """Start a subject on a database of its own."""
    with (
        database_for(name, stage.kind, effort.tasks) as database,
        serve(name, database, synchronous=stage.synchronous) as server,
    ):
        check(name, server, effort.tasks)
        yield server, database


def _bursts(
    operation: str, requests: Path, running: Mapping[str, tuple[Server, Database | None]], effort: Effort
) -> dict[str, Callable[[], Sample]]:
    """Return what takes a sample of each subject that has the operation, and one more of ours."""
    bursts = {
        name: partial(_burst, server, database, requests, effort.seconds)
        for name, (server, database) in running.items()
        if database is not None or operation != CREATE
    }
    return {**bursts, AGAIN: bursts[OURS]}


def _burst(server: Server, database: Database | None, requests: Path, seconds: float) -> Sample:
    """Send one burst and look at the server's processes before and after."""
    processes, cpu = server.processes(), server.cpu()
    burst = fire(server.origin, requests, seconds)
    cpu = server.cpu() - cpu
    if server.processes() != processes:
        raise RuntimeError(f"The server at {server.origin} has lost a process and replaced it.")
    if database is not None:
        database.remove_created(CREATED)
    return Sample(burst.requests / burst.seconds, burst.p99 * 1e3, cpu * 1e6 / burst.requests)


def _chapter(
    name: str, title: str, unit: str, samples: Samples, notes: tuple[str, ...], look: Callable[[Sample], float]
) -> Chapter:
    """Return one thing that samples say as a chapter."""
    figures: list[Figure] = []
    noise: list[float] = []
    for setting, by_subject in samples.items():
        values = {subject: [look(sample) for sample in taken] for subject, taken in by_subject.items()}
        # Ours has more rounds.
        noise += [again / first for first, again in zip(values[OURS], values.pop(AGAIN), strict=False)]
        figures += figures_of(setting, values, ORIGINAL)
    return Chapter(name, title, unit, ORIGINAL, tuple(figures), notes, versions(*PACKAGES), Spread.of(noise))


def _worst(samples: Samples, effort: Effort) -> Chapter:
    """Return how far the worst burst of a subject falls behind its median burst."""
    figures = []
    for setting, by_subject in samples.items():
        for subject in CHIEF:
            rates = [sample.requests_per_second for sample in by_subject[subject]]
            part = min(rates) / statistics.median(rates)
            figures.append(Figure(setting, subject, Spread.of([part]), None))
    title = f"The worst of {effort.chief_rounds} bursts"
    note = "Requests per second of the worst burst, as a part of the median: 0.5 is half as many."
    return Chapter("service-worst", title, "part of the median", ORIGINAL, tuple(figures), (note,), versions(*PACKAGES))


def _notes(effort: Effort) -> tuple[str, ...]:
    return (
        f"{WORKERS} workers each; {CONNECTIONS} connections that are kept open, from wrk on the same machine; "
        f"bursts of {effort.seconds:g} s, {effort.chief_rounds} of {' and of '.join(CHIEF)}, {effort.rounds} of each "
        "other subject. A request that is not answered with success ends the benchmark.",
        f"{len(USERS)} users with {effort.tasks} tasks each, and one HS256 token each, which comes again and again: "
        "this service knows it by then, the others verify it every time.",
        "The original stack is written as the documentation of FastAPI and SQLModel has it. Tuned, its endpoints block "
        "the event loop while a statement runs, which spares each request several changes of threads, and create asks "
        "once instead of twice. Columns, indexes and pragmas are those of this service; the columns for entity tags "
        "and repeated creates, and on PostgreSQL the row-level policy, are its own.",
        "Pages and single tasks on SQLite are read with synchronous=FULL, which concerns writes alone.",
        "Created tasks are removed after each burst.",
    )
