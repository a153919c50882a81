"""What one user's searches cost everybody else: another user's lists, and ``/health``, while many searches run at once.

    python -m benchmarks.searches
    python -m benchmarks.searches --only SQLite --seconds 30

The service runs under gunicorn, two workers of two threads, on SQLite and on the PostgreSQL of
:mod:`benchmarks.databases`. One user has thousands of long tasks of one letter each, and searches them for a text that
is almost there: the worst case of most ways to search. Every client searches again as soon as it has its answer.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import statistics
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing import get_context
from urllib.parse import quote

from sqlalchemy import insert

from app.tasks.models import DESCRIPTION_LENGTH, TITLE_LENGTH
from benchmarks.databases import Database, kinds, our_database
from benchmarks.servers import HOST, PATIENCE, WORKERS, start
from benchmarks.traffic import SECRET, authorization

THREADS = 2

#: Whose lists are timed.
VICTIM = "victim"

#: Seconds after which a watcher asks again. It counts from when a request was due, whether or not those before it are
#: answered by then: what is late makes the next ones late as well, and would else be counted once.
PERIOD = 0.05

#: Whose tasks are searched, by the letter of which they consist: one byte of UTF-8, and four.
LETTERS = {"letters": "a", "emoji": "😀"}

#: What is searched for among texts of one letter, so many characters long, none of which is there.
WANTED: dict[str, Callable[[str, int], str]] = {
    "aaab": lambda letter, length: letter * (length - 1) + "b",
    "baaa": lambda letter, length: "b" + letter * (length - 1),
    "aaba": lambda letter, length: letter * (length // 2) + "b" + letter * (length - length // 2 - 1),
}


@dataclass(slots=True)
class Answers:
    """What came of many requests of one kind."""

    #: How often each status came; 0 stands for no answer.
    statuses: Counter[int] = field(default_factory=Counter)
    #: How many refusals did not say when to try again.
    without_retry_after: int = 0
    seconds: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        """Say it in a few words, times in milliseconds."""
        if not self.seconds:
            return "none"
        counts = ", ".join(f"{count} x {status}" for status, count in sorted(self.statuses.items()))
        middle, worst = statistics.median(self.seconds) * 1e3, max(self.seconds) * 1e3
        return f"median {middle:6.1f} ms, worst {worst:7.1f} ms ({counts})"


class Client:
    """Somebody who asks on a connection of their own, and opens another when the server has closed it."""

    def __init__(self, port: int, user_id: str) -> None:
        self.connection = http.client.HTTPConnection(HOST, port, timeout=4 * PATIENCE)
        self.headers = authorization(user_id)

    def ask(self, path: str, answers: Answers, due: float | None = None) -> None:
        """Make one request and note what came of it; time counts from when it was due."""
        began = time.monotonic() if due is None else due
        try:
            self.connection.request("GET", path, headers=self.headers)
            answer = self.connection.getresponse()
            answer.read()
            status = answer.status
            answers.without_retry_after += status == 503 and answer.getheader("Retry-After") is None
        except (OSError, http.client.HTTPException):
            self.connection.close()
            status = 0
        answers.statuses[status] += 1
        answers.seconds.append(time.monotonic() - began)

    def close(self) -> None:
        """Hang up."""
        self.connection.close()


def fill(database: Database, tasks: int) -> None:
    """Give the victim a page of tasks, and each searcher many that are as long as can be."""
    now = datetime.now(UTC)

    def rows(user_id: str, letter: str, count: int) -> Iterator[dict[str, object]]:
        for number in range(count):
            yield {
                "user_id": user_id,
                "id": uuid.UUID(int=number, version=4),
                "title": letter * TITLE_LENGTH,
                "description": letter * DESCRIPTION_LENGTH,
                "completed": False,
                "created_at": now,
                "updated_at": now,
                "version": 1,
                "creation": None,
            }

    with database.owner.begin() as connection:
        connection.execute(insert(database.table), list(rows(VICTIM, "x", 50)))
        for name, letter in LETTERS.items():
            connection.execute(insert(database.table), list(rows(name, letter, tasks)))
    database.tidy()


def crafted(name: str, length: int) -> list[str]:
    """Return the paths that a searcher asks for."""
    wanted = (make(LETTERS[name], length) for make in WANTED.values())
    return [f"/api/{name}/tasks?q={quote(text)}" for text in wanted]


def search_all(port: int, user_id: str, paths: list[str], clients: int, seconds: float) -> Answers:
    """Search without pause, so many clients at once; in a process of its own, so that it does not slow the watchers."""
    found = Answers()
    end = time.monotonic() + seconds

    def search(number: int) -> None:
        with closing(Client(port, user_id)) as client:
            for path in itertools.islice(itertools.cycle(paths), number % len(paths), None):
                if time.monotonic() > end:
                    return
                client.ask(path, found)

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(search, range(clients)))
    return found


def watch(port: int, path: str, end: Callable[[], bool]) -> Answers:
    """Ask for one thing again and again until the end."""
    answers, due = Answers(), time.monotonic()
    with closing(Client(port, VICTIM)) as client:
        while not end():
            time.sleep(max(0, due - time.monotonic()))
            client.ask(path, answers, due)
            due += PERIOD
    return answers


def measure(port: int, name: str, paths: list[str], clients: int, seconds: float) -> dict[str, Answers]:
    """Watch the victim's lists and ``/health`` while others search, and return what each was answered."""
    until = time.monotonic() + seconds
    with ProcessPoolExecutor(1, get_context("spawn")) as searchers, ThreadPoolExecutor(2) as watchers:
        searching = searchers.submit(search_all, port, name, paths, clients, seconds) if paths else None

        def is_over() -> bool:
            return time.monotonic() > until if searching is None else searching.done()

        watched = {
            what: watchers.submit(watch, port, path, is_over)
            for what, path in (("lists", f"/api/{VICTIM}/tasks"), ("health", "/health"))
        }
        found = {what: watch.result() for what, watch in watched.items()}
        return found if searching is None else found | {"searches": searching.result()}


def longest_search(port: int) -> int:
    """Return how many characters may be searched for, as the OpenAPI document says."""
    with closing(http.client.HTTPConnection(HOST, port, timeout=PATIENCE)) as connection:
        connection.request("GET", "/openapi.json")
        document = json.load(connection.getresponse())
    parameters = document["paths"]["/api/{user_id}/tasks"]["get"]["parameters"]
    (length,) = (one["schema"]["maxLength"] for one in parameters if one.get("name") == "q")
    return int(length)


def main() -> None:
    """Measure, and print what each kind of client was answered."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="KIND", help="SQLite, PostgreSQL")
    parser.add_argument("--tasks", type=int, default=6000, help="of each user who searches")
    parser.add_argument("--clients", type=int, default=32, help="how many search at once")
    parser.add_argument("--seconds", type=float, default=15)
    wanted = parser.parse_args()
    for kind in wanted.only or kinds():
        with our_database(kind) as database:
            fill(database, wanted.tasks)
            environment = {
                "BETTER_AUTH_SECRET": SECRET,
                "DATABASE_URL": database.url,
                "WEB_CONCURRENCY": str(WORKERS),
                "GUNICORN_THREADS": str(THREADS),
            }
            with start((sys.executable, "-m", "gunicorn"), environment) as server:
                length = longest_search(server.port)
                situations = {
                    "nobody searches": ("letters", []),
                    "an ordinary search": ("letters", ["/api/letters/tasks?q=milk"]),
                    f"crafted, {length} letters": ("letters", crafted("letters", length)),
                    f"crafted, {length} emoji": ("emoji", crafted("emoji", length)),
                }
                for situation, (name, paths) in situations.items():
                    print(f"\n{kind}, {wanted.tasks:,} tasks, {situation}")
                    found = measure(server.port, name, paths, wanted.clients, wanted.seconds)
                    for what, answers in found.items():
                        print(f"  {what:9}{answers}", flush=True)


if __name__ == "__main__":
    main()
