"""How gunicorn's workers share bursts of connections, and how many threads of a worker are too many.

    python -m benchmarks.bursts
    python -m benchmarks.bursts --database PostgreSQL --bursts 20 --seconds 2
    python -m benchmarks.bursts --workers 1 --only sync "1 thread" "2 threads" "4 threads" "8 threads"

Every burst opens 16 connections at once, keeps them open and asks for lists of 20 tasks. The ways to run the service
take turns, burst by burst. A burst is *lopsided* if a worker held no connection while another one held several, and
*slow* if it answered fewer than half as many requests per second as the median burst of the same subject. Ratios are
medians of the ratios to the first subject in the same round.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.databases import POSTGRESQL, SQLITE, our_database
from benchmarks.load import CONNECTIONS, fire
from benchmarks.measurement import in_turns
from benchmarks.servers import WORKERS, Server, start, wait_for_workers
from benchmarks.traffic import LIST, SECRET, TASKS, USERS, write_traffic

#: What can be compared: gunicorn's options, and threads of each worker (None for the default of ``gunicorn.conf.py``).
SUBJECTS: dict[str, tuple[tuple[str, ...], int | None]] = {
    "as configured": ((), None),
    "sync": (("--worker-class", "sync"), 1),
    **{f"{threads} thread{'s' * (threads > 1)}": ((), threads) for threads in (1, 2, 4, 8)},
    **{f"gthread, {threads} threads": (("--worker-class", "gthread"), threads) for threads in (2, 4)},
    **{
        name: (("--worker-class", f"benchmarks.gunicorn_workers.{kind}"), None)
        for name, kind in (
            ("head and body apart", "SendsHeadsApart"),
            ("executor", "TakesAnExecutor"),
            ("SQLite waits", "LetsSQLiteWait"),
        )
    },
}

#: What is compared if nothing else is asked for: now, as it was, and without threads.
USUAL = ("as configured", "gthread, 2 threads", "gthread, 4 threads", "sync")


@dataclass(frozen=True, slots=True)
class Sample:
    """What one burst showed."""

    requests_per_second: float
    #: Milliseconds in which 99 of 100 requests were answered.
    p99: float
    #: Connections of each worker in the middle of the burst.
    connections: tuple[int, ...]

    @property
    def lopsided(self) -> bool:
        """Whether a worker held no connection while another one held several."""
        return min(self.connections) == 0 and max(self.connections) > 1


def main() -> None:
    """Measure, and print one line for each subject."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bursts", type=int, default=40, help="bursts of each subject (40)")
    parser.add_argument("--seconds", type=float, default=1, help="length of a burst (1)")
    parser.add_argument("--database", choices=(SQLITE, POSTGRESQL), default=SQLITE)
    parser.add_argument("--workers", type=int, default=WORKERS, help=f"worker processes ({WORKERS})")
    parser.add_argument("--only", nargs="+", choices=SUBJECTS, default=USUAL, help="what to compare")
    wanted = parser.parse_args()

    with ExitStack() as stack:
        requests = write_traffic(Path(stack.enter_context(tempfile.TemporaryDirectory())))[LIST]
        bursts = {
            name: partial(burst, stack.enter_context(running(name, wanted)), requests, wanted.seconds)
            for name in wanted.only
        }
        # Caches and connections to the database are warm by the first round.
        in_turns(bursts, 1)
        samples = in_turns(bursts, wanted.bursts)
    print(f"{wanted.database}, {wanted.workers} workers, {CONNECTIONS} connections, {wanted.bursts} bursts each")
    report(samples)


@contextmanager
def running(name: str, wanted: argparse.Namespace) -> Iterator[Server]:
    """Start a subject on a filled database of its own."""
    options, threads = SUBJECTS[name]
    with our_database(wanted.database) as database:
        database.fill(dict.fromkeys(USERS, TASKS))
        environment = {
            "BETTER_AUTH_SECRET": SECRET,
            "DATABASE_URL": database.url,
            "WEB_CONCURRENCY": str(wanted.workers),
            **({} if threads is None else {"GUNICORN_THREADS": str(threads)}),
        }
        with start((sys.executable, "-m", "gunicorn", *options), environment) as server:
            wait_for_workers(server, wanted.workers)
            yield server


def burst(server: Server, requests: Path, seconds: float) -> Sample:
    """Send one burst, and look in the middle of it who holds the connections."""
    idle, held = server.sockets(), []
    look = threading.Timer(seconds / 2, lambda: held.append(server.sockets()))
    look.start()
    fired = fire(server.origin, requests, seconds)
    look.join()
    connections = tuple(busy - before for busy, before in zip(held[0], idle, strict=True))
    return Sample(fired.requests / fired.seconds, fired.p99 * 1e3, connections)


def report(samples: dict[str, list[Sample]]) -> None:
    """Print a line for each subject."""
    print(f"{'':20}{'requests/s':>11}{'ratio':>7}{'worst/median':>14}{'slow':>6}{'lopsided':>10}{'p99 ms':>8}")
    first = [sample.requests_per_second for sample in next(iter(samples.values()))]
    for name, taken in samples.items():
        rates = [sample.requests_per_second for sample in taken]
        median = statistics.median(rates)
        ratio = statistics.median(rate / other for rate, other in zip(rates, first, strict=True))
        p99 = statistics.median(sample.p99 for sample in taken)
        slow = sum(rate < median / 2 for rate in rates)
        lopsided = sum(sample.lopsided for sample in taken)
        print(f"{name:20}{median:11,.0f}{ratio:7.2f}{min(rates) / median:14.2f}{slow:6}{lopsided:10}{p99:8.1f}")


if __name__ == "__main__":
    main()
