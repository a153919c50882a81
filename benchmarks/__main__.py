"""Everything that is measured here, in one run: figures, tables, plots, and the page that shows them.

    make bench
    make bench BENCH='--only guard'
    make bench BENCH='--quick --output /tmp/figures'

Without ``--output`` the figures go to ``docs/benchmarks``. ``docs/performance.md`` and ``docs/performance-tables.md``
show them afterwards.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from benchmarks.measurement import Chapter
from benchmarks.pages import FOLDER
from benchmarks.tables import words

#: What can be measured, and the module whose ``measure(quick=…)`` returns its chapters.
MEASURED = {
    "guard": "benchmarks.guard",
    "denylist": "benchmarks.denylist",
    "service": "benchmarks.service",
    "framework": "benchmarks.framework",
    "processes": "benchmarks.processes",
    "growth": "benchmarks.growth",
}

#: Programs that have to be installed in addition to the packages, and the parts that need them.
PROGRAMS = {"wrk": ("service", "processes")}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is asked for, by default on the command line, and write it down."""
    wanted = _parser().parse_args(arguments)
    if wanted.quick and wanted.output == FOLDER:
        sys.exit("--quick shows that everything runs; its figures mean nothing. Say with --output where to put them.")
    _demand(wanted.only)
    # The end of this program also ends the servers that it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    wanted.output.mkdir(parents=True, exist_ok=True)
    for name in wanted.only:
        print(f"Measuring: {name}", flush=True)
        start = time.monotonic()
        for chapter in _measure(name, quick=wanted.quick):
            chapter.save(wanted.output)
            print(f"\n{chapter.title}\n\n{words(chapter)}\n", flush=True)
        print(f"{name} took {time.monotonic() - start:.0f} s.", flush=True)
    print(importlib.import_module("benchmarks.report").publish(wanted.output), flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=MEASURED, default=list(MEASURED), help="what to measure")
    parser.add_argument("--quick", action="store_true", help="as little as possible, to see that everything runs")
    parser.add_argument("--output", type=Path, default=FOLDER, metavar="FOLDER", help="where the figures go")
    return parser


def _measure(name: str, *, quick: bool) -> Iterable[Chapter]:
    # Imported only now: measuring the guard alone needs none of the servers.
    measure: Callable[..., Chapter | Iterable[Chapter]] = importlib.import_module(MEASURED[name]).measure
    measured = measure(quick=quick)
    return [measured] if isinstance(measured, Chapter) else measured


def _demand(names: list[str]) -> None:
    """Stop now, with one sentence, where something is missing that will be needed."""
    for program, users in PROGRAMS.items():
        needing = [name for name in names if name in users]
        if needing and shutil.which(program) is None:
            sys.exit(
                f"{' and '.join(needing)}: {program} is needed (apt-get install {program}), or leave out with --only."
            )
    if importlib.util.find_spec("matplotlib") is None:
        sys.exit("What is measured against is not installed here. Run: make bench")


if __name__ == "__main__":
    main()
