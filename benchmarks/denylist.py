"""What a denylist costs each request: the same guarded route without one, with one in memory, and with one in Redis.

Called through WSGI, without a server. The Redis is the one of ``BENCHMARK_REDIS_URL``, by default the one of this
machine; without one, only memory is measured. Here the clock on the wall counts, because a request waits for the Redis.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from typing import Any

import redis
from werkzeug.test import create_environ

from auth.testing import TokenIssuer
from benchmarks.in_process import microseconds
from benchmarks.machine import versions
from benchmarks.measurement import Chapter, Spread, figures_of, in_turns
from benchmarks.peers import AUDIENCE, ISSUER, this_library

NONE, AGAIN = "no denylist", "no denylist, again"
MEMORY, REDIS = "denylist in memory", "denylist in Redis"

SETTING = "token seen before"

VARIABLE = "BENCHMARK_REDIS_URL"
USUAL_REDIS = "redis://127.0.0.1:6379/0"

#: Seconds that a busy machine may take for a round trip.
PATIENCE = 10

OWNER = "alice"


def measure(*, quick: bool) -> Chapter:
    """Time a request with each kind of denylist."""
    rounds = 20 if quick else 3_000
    url = redis_url()
    secret = secrets.token_urlsafe(32)
    issuer = TokenIssuer(secret, issuer=ISSUER, audience=AUDIENCE, profile="rfc9068")
    environ = create_environ(f"/api/{OWNER}/tasks", headers=issuer.authorization(OWNER, expires_in=86_400))
    places: dict[str, dict[str, Any]] = {NONE: {}, AGAIN: {}, MEMORY: {"AUTH_DENYLIST": "memory"}}
    if url is not None:
        places[REDIS] = {"AUTH_DENYLIST": url, "AUTH_DENYLIST_TIMEOUT": PATIENCE}
    timed = {name: _request(secret, environ, settings) for name, settings in places.items()}
    in_turns(timed, min(rounds, 100))
    samples = in_turns(timed, rounds)
    again = samples.pop(AGAIN)
    return Chapter(
        name="denylist",
        title="A request with a denylist",
        unit="µs per request",
        reference=NONE,
        figures=tuple(figures_of(SETTING, samples, NONE)),
        notes=(
            f"{rounds:,} requests each, in process, without a server; nothing has been revoked.",
            "A request waits for one round trip to the Redis, which runs on the same machine."
            if url is not None
            else "No Redis was found here.",
        ),
        versions=versions("Flask", "redis"),
        noise=Spread.of([second / first for first, second in zip(samples[NONE], again, strict=True)]),
    )


def redis_url() -> str | None:
    """Return the URL of the Redis, or None if there is none; one that somebody has named has to be there."""
    url = os.environ.get(VARIABLE) or USUAL_REDIS
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=3) as client:
            client.ping()
    except redis.RedisError:
        if VARIABLE in os.environ:
            raise
        return None
    return url


def _request(secret: str, environ: dict[str, Any], settings: dict[str, Any]) -> Callable[[], float]:
    """Return what takes one sample: a request to an app with these settings."""
    app = this_library.make_app("HS256", secret, **settings)
    return lambda: microseconds(app, 200, dict(environ))
