"""The service behind an issuer in the test's own process, watched worker by worker."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.environments import ROOT
from tests.support.gunicorn_server import PATIENCE, GunicornServer
from tests.support.issuer_server import AUDIENCE, JWKS, IssuerServer, SigningKey
from tests.support.issuers import Answer, Browser

#: The key that the issuer begins with.
KEY = SigningKey.generate("ES256")

#: A key that the issuer does not publish, unless a test says so.
NEXT_KEY = SigningKey.generate("ES256", key_id="key-2")

#: Calls that are made at once where many are meant: more than a worker has threads.
MANY = 50


class WatchedService(GunicornServer):
    """The service with the keys of an issuer, without tables; its start is over before any key is needed."""

    def __init__(
        self,
        folder: Path,
        issuer: IssuerServer,
        *,
        workers: int = 1,
        settings: Mapping[str, object] | None = None,
        database: bool = False,
        jwks: Mapping[str, float] | None = None,
        **variables: str,
    ) -> None:
        """``settings`` are gunicorn's own; ``jwks`` stands for the variables that begin with ``FLASK_AUTH_JWKS_``."""
        self.issuer = issuer
        self.count = workers
        super().__init__(
            folder,
            settings={"wsgi_app": "tests.support.watched_app:app", **(settings or {})},
            probe="/health",
            database=database,
            root=ROOT,
            BETTER_AUTH_SECRET="",
            WEB_CONCURRENCY=str(workers),
            FLASK_AUTH_JWKS_URL=issuer.jwks_url,
            FLASK_AUTH_ISSUER=issuer.issuer,
            FLASK_AUTH_AUDIENCE=AUDIENCE,
            **{f"FLASK_AUTH_JWKS_{name.upper()}": str(value) for name, value in (jwks or {}).items()},
            **variables,
        )

    def __exit__(self, *_: object) -> None:
        """Kill it: how it stops is the matter of few tests, which see to that themselves."""
        self.kill()

    @property
    def fetches(self) -> int:
        """How often the issuer was asked for its keys, by all processes together."""
        return self.issuer.requests[JWKS]

    def ask(self, token: str | None, path: str = "/api/me") -> Answer:
        """Make one call on a connection of its own."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return Browser(self.origin, **headers).get(path)

    def ask_at_once(self, tokens: Iterable[str]) -> list[Answer]:
        """Make many calls at the same time."""
        with ThreadPoolExecutor(MANY) as callers:
            return list(callers.map(self.ask, tokens))

    def ask_every_worker(self, token: str | None = None, path: str = "/api/me") -> list[Answer]:
        """Make calls until each of the workers there are has answered some."""
        answers: list[Answer] = []
        deadline = time.monotonic() + PATIENCE
        with ThreadPoolExecutor(4 * self.count) as callers:
            while not self.full_set() <= workers_of(answers):
                assert time.monotonic() < deadline, f"some of {self.workers()} do not answer:\n{self.log.read_text()}"
                answers += callers.map(lambda _: self.ask(token, path), range(4 * self.count))
        return answers

    def full_set(self) -> set[int]:
        """Return the workers as soon as there are as many as there should be."""
        return self.workers_besides(set())

    def workers_besides(self, gone: set[int]) -> set[int]:
        """Return the workers as soon as there are as many as there should be, none of them one of those."""
        deadline = time.monotonic() + PATIENCE
        while len(workers := set(self.workers())) != self.count or workers & gone:
            assert time.monotonic() < deadline, f"the workers are {workers}:\n{self.log.read_text()}"
            time.sleep(0.01)
        return workers


def workers_of(answers: Iterable[Answer]) -> set[int]:
    """Return the process ids of those who answered."""
    return {int(answer.headers["X-Worker"]) for answer in answers}


def statuses(answers: Iterable[Answer]) -> set[int]:
    """Return the statuses that occur."""
    return {answer.status for answer in answers}
