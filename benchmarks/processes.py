"""What a service takes before and beside its requests: memory, and the time until it answers."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from auth.settings.table import DEFAULTS
from benchmarks.databases import SQLITE, Database
from benchmarks.load import fire
from benchmarks.machine import versions
from benchmarks.measurement import Chapter, Figure, figures_of, in_turns
from benchmarks.servers import ROOT, WORKERS, Server, clean_environment, wait_for_workers
from benchmarks.subjects import ORIGINAL, OURS, OURS_GRANIAN, database_for, serve, settings_for
from benchmarks.traffic import TASKS, write_many_tokens, write_traffic

COMPARED = (OURS, OURS_GRANIAN, ORIGINAL)

#: The module that has the app, made by the time it is imported.
MODULES = {OURS: "wsgi", ORIGINAL: "benchmarks.original_stack.main"}

PACKAGES = ("Flask", "flask-smorest", "SQLAlchemy", "gunicorn", "granian", "fastapi", "sqlmodel", "uvicorn")

#: Verified tokens that a worker of ours remembers.
CACHE_SIZE: int = DEFAULTS["AUTH_TOKEN_CACHE_SIZE"]

USS, PSS = "a worker alone (USS)", "all processes together (PSS)"
WARM, MANY_TOKENS = "warm", "many tokens"

IMPORTED, ANSWERED = "app imported and made", "first request answered"


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured."""

    rounds: int
    starts: int
    #: Seconds of each operation before memory is looked at, and seconds of new tokens after that.
    warm_up: float
    tokens_for: float
    #: Different tokens: twice what the cache holds, so that both workers meet enough of them.
    tokens: int


FULL = Effort(rounds=3, starts=11, warm_up=1, tokens_for=4, tokens=2 * CACHE_SIZE)
QUICK = Effort(rounds=1, starts=1, warm_up=1, tokens_for=1, tokens=500)


def measure(*, quick: bool) -> list[Chapter]:
    """Start each subject several times and return the chapters on memory and on start-up."""
    effort = QUICK if quick else FULL
    with ExitStack() as stack:
        databases = {name: stack.enter_context(database_for(name, SQLITE, TASKS)) for name in COMPARED}
        return [_memory(databases, effort), _start_up(databases, effort)]


def _memory(databases: Mapping[str, Database | None], effort: Effort) -> Chapter:
    """Look at the memory of each subject after some requests, and after many different tokens."""
    with tempfile.TemporaryDirectory() as folder:
        files = write_traffic(Path(folder))
        tokens = Path(folder) / "tokens"
        write_many_tokens(tokens, effort.tokens)
        looks = {}
        for name, database in databases.items():
            looks[name] = partial(_megabytes, name, database, list(files.values()), tokens, effort)
        samples = in_turns(looks, effort.rounds)
    figures: list[Figure] = []
    for setting in samples[OURS][0]:
        values = {name: [sample[setting] for sample in taken] for name, taken in samples.items()}
        figures += figures_of(setting, values, ORIGINAL)
    notes = (
        f"{WORKERS} workers each, on SQLite; {effort.rounds} starts. USS is what the end of one worker would free; "
        "PSS counts once what processes share.",
        f"Warm: after {effort.warm_up:g} s of each operation. After many tokens: {effort.tokens_for:g} s more with "
        f"{effort.tokens:,} different tokens in turn; a worker of this service remembers {CACHE_SIZE:,} of them.",
    )
    return Chapter("memory", "Memory", "MB", ORIGINAL, tuple(figures), notes, versions(*PACKAGES))


def _megabytes(
    name: str, database: Database | None, usual: list[Path], tokens: Path, effort: Effort
) -> dict[str, float]:
    """Start a subject, ask it, and return what it takes then, by setting."""
    with serve(name, database) as server:
        wait_for_workers(server)
        for file in usual:
            fire(server.origin, file, effort.warm_up)
        warm = _taken(server)
        fire(server.origin, tokens, effort.tokens_for)
        full = _taken(server)
    return {f"{what}, {when}": taken[what] for what in warm for when, taken in ((WARM, warm), (MANY_TOKENS, full))}


def _taken(server: Server) -> dict[str, float]:
    """Return the megabytes that a worker takes alone, and all processes together."""
    workers = [_sum(pid, "Private_Clean:", "Private_Dirty:") for pid in server.workers()]
    return {USS: sum(workers) / len(workers), PSS: sum(_sum(pid, "Pss:") for pid in server.processes())}


def _sum(pid: int, *names: str) -> float:
    """Return the sum of some lines of ``smaps_rollup`` (proc(5)), which are in kB, in megabytes."""
    lines = (line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines())
    return sum(int(line[1]) for line in lines if line[0] in names) * 1024 / 1e6


def _start_up(databases: Mapping[str, Database | None], effort: Effort) -> Chapter:
    """Start each subject again and again."""
    figures: list[Figure] = []
    for setting, seconds, names in ((IMPORTED, _import_seconds, MODULES), (ANSWERED, _answer_seconds, COMPARED)):
        starts: dict[str, Callable[[], float]] = {name: partial(seconds, name, databases[name]) for name in names}
        # Not the first time: Python has compiled every module by then.
        in_turns(starts, 1)
        figures += figures_of(setting, in_turns(starts, effort.starts), ORIGINAL)
    notes = (
        f"{effort.starts} starts each. The app is imported and made in a new process; the start of Python itself is "
        "not counted.",
        "The first request is counted from the command to the answer 200 to GET /health.",
    )
    return Chapter("start-up", "Start-up", "seconds", ORIGINAL, tuple(figures), notes, versions(*PACKAGES))


def _import_seconds(name: str, database: Database | None) -> float:
    """Import the app of a subject in a new process, which makes it."""
    code = f"from time import perf_counter as now; start = now(); import {MODULES[name]}; print(now() - start)"
    environment = clean_environment() | settings_for(name, database)
    run = subprocess.run(  # noqa: S603 - our own arguments, and no shell
        [sys.executable, "-c", code], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    return float(run.stdout)


def _answer_seconds(name: str, database: Database | None) -> float:
    """Start a subject, and stop it again."""
    with serve(name, database) as server:
        return server.start_up
