"""Where rate limits are counted for all processes together: in one Redis that takes writes.

Some servers that speak the protocol of Redis do not count: a replica refuses writes, and a node of a cluster refuses
all keys but its own. Such a server, or one that does not answer, is logged once, however many requests and limits meet
it. :mod:`app.rate_limits` says what the limits do meanwhile.
"""

from __future__ import annotations

import functools
import logging
import sys
import threading
from typing import Any

from limits.errors import StorageError
from limits.storage import RedisStorage
from redis import ConnectionError as RedisConnectionError
from redis import ConnectionPool, RedisError
from redis import TimeoutError as RedisTimeoutError
from redis.backoff import NoBackoff
from redis.exceptions import (
    AskError,
    AuthenticationError,
    ClusterCrossSlotError,
    ClusterDownError,
    NoPermissionError,
    ReadOnlyError,
)
from redis.retry import Retry

#: Seconds in which Redis has to answer or to accept a connection.
REDIS_TIMEOUT = 0.25

#: A prefix for the URL that makes Flask-Limiter use the storage of this module.
MARK = "counting+"

#: How URLs of a single Redis begin.
SCHEMES = ("redis://", "rediss://", "unix:///", "redis+unix:///")

#: Why a Redis does not count, by the error it answers with.
REASONS: tuple[tuple[tuple[type[RedisError], ...], str], ...] = (
    ((ReadOnlyError,), "REDIS_URL leads to a replica, which cannot count: let it lead to the primary"),
    (
        (AskError, ClusterDownError, ClusterCrossSlotError),
        "REDIS_URL leads to a node of a cluster, which cannot count for all: let it lead to a Redis of no cluster",
    ),
    ((AuthenticationError,), "Redis does not accept the user or the password in REDIS_URL"),
    (
        (NoPermissionError,),
        "Redis does not allow the user in REDIS_URL to count: that takes scripts, reading and writing",
    ),
    ((RedisConnectionError, RedisTimeoutError), "Redis cannot be reached at REDIS_URL"),
)

#: Two keys that no single node of a cluster takes together, since they lie in different slots.
PROBES = ("check", "check:2")

logger = logging.getLogger(__name__)


def url_problem(url: object) -> str | None:
    """Return a sentence about a URL that cannot be used. It is not repeated: it may hold a password."""
    scheme = url.partition("://")[0] if isinstance(url, str) else ""
    if scheme.endswith("+sentinel"):
        return (
            "REDIS_URL names Sentinels. Limits are counted in one Redis: name a proxy that follows the primary, "
            "such as HAProxy with a check for role:master."
        )
    if scheme.endswith("+cluster"):
        return "REDIS_URL names a cluster. Limits are counted in one Redis: name one that is no node of a cluster."
    if not _is_redis_url(url):
        return "REDIS_URL must be the URL of a Redis, such as redis://127.0.0.1:6379/0; rediss:// means TLS."
    return None


def _is_redis_url(url: object) -> bool:
    """Tell whether something is a URL by which the client of Redis could connect."""
    if not (isinstance(url, str) and url.startswith(SCHEMES) and url.isprintable() and " " not in url):
        return False
    try:
        # Making a connection does not open it, but checks the parameters.
        ConnectionPool.from_url(_as_client_has_it(url)).make_connection()
    except (TypeError, ValueError):
        return False
    return True


def _as_client_has_it(url: str) -> str:
    """Return a URL as redis-py reads it; Flask-Limiter and others write ``redis+unix`` for a socket."""
    return url.removeprefix("redis+") if url.startswith("redis+unix:") else url


def storage(redis_url: str | None) -> dict[str, Any]:
    """Return where Flask-Limiter keeps its counts. It connects when first used, and again by itself."""
    if not redis_url:
        return {"storage_uri": "memory://"}
    options = {
        "wrap_exceptions": True,
        "socket_connect_timeout": REDIS_TIMEOUT,
        "socket_timeout": REDIS_TIMEOUT,
        # Try once more if the connection is broken, as after a restart of Redis, but not after silence.
        "retry": Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
    }
    return {"storage_uri": MARK + _as_client_has_it(redis_url), "storage_options": options}


class SingleRedis(RedisStorage):
    """A Redis that logs when and why it stops counting, and when it counts again."""

    STORAGE_SCHEME = [f"{MARK}{scheme}" for scheme in ("redis", "rediss", "unix")]  # noqa: RUF012 - as limits has it

    def __init__(self, uri: str, **options: Any) -> None:
        """``uri`` is what :func:`storage` makes of a URL."""
        super().__init__(uri.removeprefix(MARK), **options)
        self._news = news_of(uri)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count, and return the count."""
        try:
            return super().incr(key, expiry, amount)
        except StorageError as error:
            self._news.tell(f"{reason(error.storage_error)}. Meanwhile each process counts the rate limits for itself.")
            raise

    def check(self) -> bool:
        """Tell whether Redis counts again: not only answers, but takes any key for writing."""
        try:
            self.lua_incr_expire([self.prefixed_key(PROBES[0])], [1, 1])
            self.get_connection().delete(*map(self.prefixed_key, PROBES))
        except RedisError:
            return False
        self._news.tell(None)
        return True


def reason(error: Exception) -> str:
    """Return why Redis does not count, without its own words, which may quote a key or a host."""
    for kinds, sentence in REASONS:
        if isinstance(error, kinds):
            return sentence
    return f"Redis answers with an error ({type(error).__name__})"


class News:
    """What has been logged about a Redis: each change is logged once, however many requests and limits notice it."""

    def __init__(self) -> None:
        self._told: str | None = None
        self._lock = threading.Lock()

    def tell(self, outage: str | None) -> None:
        """Log an outage, or its end (None), unless that was logged last."""
        with self._lock:
            is_news, self._told = outage != self._told, outage
        if not is_news:
            return
        if outage is None:
            logger.info("Redis counts the rate limits again.")
        else:
            logger.warning(outage)


@functools.cache
def news_of(_uri: str) -> News:
    """Return what this process knows of one Redis, for all limits that are counted there."""
    return News()


class OutageFilter(logging.Filter):
    """Drops Flask-Limiter's own lines about a Redis that does not count: :class:`News` has logged the reason."""

    def filter(self, _record: logging.LogRecord) -> bool:
        """Drop every line that is logged while such an error is being handled."""
        return not isinstance(sys.exc_info()[1], StorageError)
