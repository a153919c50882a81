"""What a guard adds to a bare Flask route: this library and its peers, called through WSGI without a server.

Every sample is the mean of some calls in a row, and what counts is its difference to the bare route's sample of the
same round. It is processor time: on a busy machine the clock on the wall would favour a subject that is done before
another process gets its turn.

A token that was never seen before is one that no call has carried yet; those that were seen are a few that come again
and again.
"""

from __future__ import annotations

import itertools
import logging
import secrets
import time
from collections.abc import Iterable, Iterator
from functools import partial
from http import HTTPStatus
from types import ModuleType
from typing import Any

from flask import Flask
from werkzeug.test import create_environ

from auth.settings.table import DEFAULTS
from auth.testing import TokenIssuer
from benchmarks.machine import versions
from benchmarks.measurement import Chapter, Figure, Spread, figures_of, in_turns
from benchmarks.peers import (
    AUDIENCE,
    EVERY_ALGORITHM,
    ISSUER,
    KEY_ID,
    authlib_protector,
    axioms,
    bare_route,
    flask_httpauth_pyjwt,
    flask_jwt_extended,
    this_library,
)

BARE, BARE_AGAIN = bare_route.NAME, "bare route again"
OURS, UNCACHED = this_library.NAME, this_library.UNCACHED
REFERENCE = flask_jwt_extended.NAME
PEERS: tuple[ModuleType, ...] = (flask_jwt_extended, authlib_protector, flask_httpauth_pyjwt, axioms)

PACKAGES = (
    "Flask",
    "Werkzeug",
    "PyJWT",
    "cryptography",
    "Flask-JWT-Extended",
    "Authlib",
    "joserfc",
    "Flask-HTTPAuth",
    "axioms-flask-py",
)

OWNER, STRANGER = "alice", "bob"

#: Calls before the clock of a sample starts.
WARM_UP = 10


class Caller:
    """Calls an app with tokens of one user, as a server would."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._status = ""
        self._environ = create_environ(f"/api/{OWNER}/tasks")

    def status(self, authorization: str, owner: str = OWNER) -> int:
        """Return the status that a token is answered with on the path of a user."""
        self._call(create_environ(f"/api/{owner}/tasks") | {"HTTP_AUTHORIZATION": authorization})
        return int(self._status.split()[0])

    def call(self, authorizations: Iterable[str]) -> None:
        """Call the app with one token after the other."""
        for authorization in authorizations:
            self._call(self._environ | {"HTTP_AUTHORIZATION": authorization})
            assert self._status == "200 OK", self._status

    def seconds(self, authorizations: Iterator[str], calls: int) -> float:
        """Return the processor time of a call, the mean of some with the next tokens."""
        # The processor has just been busy with another app; a service has it for itself.
        self.call(itertools.islice(authorizations, WARM_UP))
        taken = list(itertools.islice(authorizations, calls))
        start = time.thread_time()
        self.call(taken)
        return (time.thread_time() - start) / calls

    def _call(self, environ: dict[str, Any]) -> None:
        answer = self._app.wsgi_app(environ, self._start_response)
        for _ in answer:
            pass
        if close := getattr(answer, "close", None):
            close()

    def _start_response(self, status: str, *_: Any) -> Any:
        self._status = status


def measure(*, quick: bool) -> Chapter:
    """Measure every guard with every algorithm it has, tokens seen before and tokens never seen."""
    rounds, calls, remembered = (2, 5, 0) if quick else (60, 50, DEFAULTS["AUTH_TOKEN_CACHE_SIZE"])
    figures: list[Figure] = []
    bare: list[float] = []
    again: list[float] = []
    for algorithm in EVERY_ALGORITHM:
        for kind, samples in _samples(algorithm, rounds, calls, remembered):
            bare += (first := samples.pop(BARE))
            again += samples.pop(BARE_AGAIN)
            added = {
                name: [(sample - other) * 1e6 for sample, other in zip(taken, first, strict=True)]
                for name, taken in samples.items()
            }
            figures += figures_of(f"{algorithm}, {kind}", added, REFERENCE)
    return Chapter(
        name="guard",
        title="What a guard adds to a bare Flask route",
        unit="µs per request",
        reference=REFERENCE,
        figures=tuple(figures),
        notes=_notes(bare, again, rounds, calls),
        versions=versions(*PACKAGES),
        noise=Spread.of([second / first for first, second in zip(bare, again, strict=True)]),
    )


def _samples(algorithm: str, rounds: int, calls: int, remembered: int) -> Iterator[tuple[str, dict[str, list[float]]]]:
    """Yield seconds per call by subject, for tokens seen before and for tokens never seen.

    ``remembered`` is how many tokens this library has seen by the time the latter come.
    """
    issuer, key = _issuer(algorithm)
    peers = [peer for peer in PEERS if algorithm in peer.ALGORITHMS]
    callers = {
        BARE: Caller(bare_route.make_app(algorithm, key)),
        BARE_AGAIN: Caller(bare_route.make_app(algorithm, key)),
        OURS: Caller(this_library.make_app(algorithm, key)),
        UNCACHED: Caller(this_library.make_app(algorithm, key, AUTH_TOKEN_CACHE_SIZE=0)),
        **{peer.NAME: Caller(peer.make_app(algorithm, key)) for peer in peers},
    }
    seen = list(itertools.islice(_authorizations(issuer), calls))
    for name, caller in callers.items():
        _check(caller, seen[0], guarded=name not in (BARE, BARE_AGAIN))
        caller.call(seen)
    again_and_again = {name: partial(caller.seconds, itertools.cycle(seen), calls) for name, caller in callers.items()}
    yield "token seen before", in_turns(again_and_again, rounds)

    # As in a service that has been up for long, the cache is full, and a new token takes the place of another.
    callers[OURS].call(itertools.islice(_authorizations(issuer), remembered))
    new = list(itertools.islice(_authorizations(issuer), rounds * (WARM_UP + calls)))
    each_once = {name: partial(caller.seconds, iter(new), calls) for name, caller in callers.items()}
    yield "token never seen before", in_turns(each_once, rounds)


def _issuer(algorithm: str) -> tuple[TokenIssuer, str]:
    """Return who signs the tokens, and the secret or public key to verify them with."""
    names: dict[str, Any] = {"issuer": ISSUER, "audience": AUDIENCE, "profile": "rfc9068"}
    if algorithm == "HS256":
        secret = secrets.token_urlsafe(32)
        return TokenIssuer(secret, algorithm=algorithm, **names), secret
    issuer = TokenIssuer.generate(algorithm, **names)
    return issuer, issuer.public_key


def _authorizations(issuer: TokenIssuer) -> Iterator[str]:
    """Yield values of the ``Authorization`` header without end, each with a token of its own."""
    while True:
        yield issuer.authorization(OWNER, expires_in=86_400, headers={"kid": KEY_ID})["Authorization"]


def _check(caller: Caller, authorization: str, *, guarded: bool) -> None:
    """Demand that the owner gets in and, if there is a guard, that others do not."""
    assert caller.status(authorization) == HTTPStatus.OK
    if not guarded:
        return
    signed, _, signature = authorization.rpartition(".")
    tampered = f"{signed}.{signature[:8]}{'A' if signature[8] != 'A' else 'B'}{signature[9:]}"
    # What is refused on purpose need not be read about.
    logging.disable()
    try:
        assert caller.status(tampered) in (HTTPStatus.UNAUTHORIZED, HTTPStatus.UNPROCESSABLE_ENTITY)
        assert caller.status(authorization, STRANGER) == HTTPStatus.FORBIDDEN
    finally:
        logging.disable(logging.NOTSET)


def _notes(bare: list[float], again: list[float], rounds: int, calls: int) -> tuple[str, ...]:
    route = Spread.of([sample * 1e6 for sample in bare])
    twice = Spread.of([(second - first) * 1e6 for first, second in zip(bare, again, strict=True)])
    return (
        f"The bare route took {route.median:.0f} µs ({route.low:.0f} to {route.high:.0f}); a second one like it "
        f"differed by {twice.median:+.1f} µs ({twice.low:+.1f} to {twice.high:+.1f}).",
        f"{rounds} rounds; a sample is the processor time of {calls} calls in one process, without a server, after "
        f"{WARM_UP} that are not counted.",
        *(
            f"{peer.NAME} does not verify {' or '.join(missing)}."
            for peer in PEERS
            if (missing := [name for name in EVERY_ALGORITHM if name not in peer.ALGORITHMS])
        ),
    )
