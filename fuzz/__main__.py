"""Every fuzz target, one after the other, each in a process of its own.

    make fuzz FUZZ_SECONDS=600
    make fuzz FUZZ_TARGETS='cursors settings'
    .venv/bin/python -m fuzz cursors --input .fuzz/found/cursors-crash-…

Inputs that reach something new are kept in ``.fuzz/corpus``, and the next run begins with them. An input for which a
target does not hold is kept in ``.fuzz/found``.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(".fuzz")

TARGETS = (
    "authorization",
    "token_text",
    "signed_claims",
    "logout_tokens",
    "two_verifiers",
    "key_sets",
    "metadata",
    "cursors",
    "settings",
)

#: The megabytes of memory that a process may take.
_MEGABYTES = 2048


@dataclass(frozen=True, slots=True)
class Run:
    """What came of one target."""

    name: str
    inputs: int
    seconds: float
    #: Inputs that each reach something that no other does, and how many places in the code were reached.
    corpus: int
    places: int
    #: What libFuzzer and Python said at the end; empty if everything held.
    failure: str


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is asked for, by default on the command line; exit with status 1 if anything was found."""
    wanted = _parser().parse_args(arguments)
    if unknown := sorted(set(wanted.targets) - {*TARGETS}):
        sys.exit(f"There is no target {', '.join(unknown)}; there are {', '.join(TARGETS)}.")
    if importlib.util.find_spec("atheris") is None:
        sys.exit("atheris is not installed; it has wheels for Linux on x86-64 only.")
    if wanted.input is not None:
        if len(wanted.targets) != 1:
            sys.exit("Say which one target is to try the input.")
        sys.exit(subprocess.run(_command(wanted.targets[0], str(wanted.input)), check=False).returncode)
    seed = wanted.seed or secrets.randbelow(2**31) + 1
    effort = f"-max_total_time={wanted.seconds}" if wanted.runs is None else f"-runs={wanted.runs}"
    runs = []
    print(f"Seed {seed}.", flush=True)
    for name in wanted.targets or TARGETS:
        run = fuzz(name, wanted.folder, effort, f"-seed={seed}", f"-timeout={wanted.slowest}")
        runs.append(run)
        print(
            f"{name:<14} {run.inputs:>11,} inputs in {run.seconds:>6.0f} s"
            f" {run.corpus:>6,} kept {run.places:>6,} places reached{'   FOUND' * bool(run.failure)}",
            flush=True,
        )
        print(run.failure, end="", flush=True)
    print(f"{sum(run.inputs for run in runs):,} inputs in all.")
    sys.exit(any(run.failure for run in runs))


def fuzz(name: str, folder: Path, *options: str) -> Run:
    """Run one target and return what came of it; inputs are kept below ``folder``."""
    limit = f"-rss_limit_mb={_MEGABYTES}"
    command = _command(name, "--keep", str(folder), limit, "-print_final_stats=1", *options)
    began = time.monotonic()
    # Sets come in the same order each time, so that a seed repeats a run.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    finished = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    # Python's exception comes on standard output, all that libFuzzer says on the other.
    exception, said = finished.stdout.decode(errors="replace"), finished.stderr.decode(errors="replace")
    return Run(
        name=name,
        inputs=_last(r"^(?:stat::number_of_executed_units: |#)(\d+)", said),
        seconds=time.monotonic() - began,
        corpus=_last(r"corp: (\d+)", said),
        places=_last(r"cov: (\d+)", said),
        failure=_without_progress(exception + said) if finished.returncode else "",
    )


def _command(name: str, *options: str) -> list[str]:
    return [sys.executable, "-m", "fuzz.process", name, *options]


def _without_progress(said: str) -> str:
    return "".join(line for line in said.splitlines(keepends=True) if not line.startswith(("#", "INFO: ")))


def _last(pattern: str, said: str) -> int:
    found = re.findall(pattern, said, re.MULTILINE)
    return int(found[-1]) if found else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help=f"what to run, by default all: {', '.join(TARGETS)}"
    )
    parser.add_argument("--seconds", type=int, default=60, help="how long each target runs")
    parser.add_argument("--runs", type=int, help="how many inputs each target tries, however long that takes")
    parser.add_argument("--seed", type=int, default=0, help="makes a run repeat another; 0 for a new one")
    parser.add_argument("--slowest", type=int, default=20, help="the seconds after which one input counts as a fault")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where inputs are kept")
    parser.add_argument("--input", type=Path, help="try this one input, for one target")
    return parser


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("Stopped.")
