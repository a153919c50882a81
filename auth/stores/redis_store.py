"""A store in one Redis that takes writes. All processes that use it see the same entries at once.

The package ``redis`` is imported when the first store of this kind is made.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable, Mapping, Sequence
from operator import methodcaller
from typing import TYPE_CHECKING, Any, TypeVar

from ..clock import system_time
from ..errors import ConfigurationError
from .bounded_calls import BoundedCalls
from .store import Entry, StoreUnavailableError

if TYPE_CHECKING:
    from redis import Redis

Result = TypeVar("Result")

#: Keeps the larger value and the later time of each key, in one step. A time is sent as what is left of it, so the
#: clock of the server does not matter.
_REMEMBER = """
for place, key in ipairs(KEYS) do
  local value, left = ARGV[2 * place - 1], tonumber(ARGV[2 * place])
  local known = redis.call('GET', key)
  if known and tonumber(known) > tonumber(value) then value = known end
  redis.call('SET', key, value, 'PX', math.max(left, redis.call('PTTL', key)))
end
"""

_CLUSTER = "it is a node of a cluster, and the denylist needs a single Redis"
_LOGIN = "it does not accept the user or the password in the URL"

#: Why a Redis cannot be used, by the name of the error that its client raises, or of one above it. The words of the
#: error itself may quote a key or a host.
_REASONS = {
    "AskError": _CLUSTER,
    "AuthenticationError": _LOGIN,
    "AuthenticationWrongNumberOfArgsError": _LOGIN,
    "BusyLoadingError": "it is still loading its data",
    "ClusterCrossSlotError": _CLUSTER,
    "ClusterDownError": _CLUSTER,
    "ConnectionError": "it cannot be reached",
    "NoPermissionError": "it does not allow the user in the URL to read, to write and to run scripts",
    "OutOfMemoryError": "its memory is full",
    "ReadOnlyError": "it is a replica, which takes no writes",
    "TimeoutError": "it did not answer in time",
}

#: Connection errors by name, and errors that look like one although Redis has answered with them.
_NOT_THERE = {"ConnectionError", "OSError", "TimeoutError"}
_ANSWERS = {"AuthenticationError", "AuthorizationError", "BusyLoadingError"}

_BAD_URL = "The URL of the Redis cannot be used. It looks like redis://:password@host:6379/0; rediss:// means TLS."

#: How the URL of a Redis begins.
SCHEMES = ("redis://", "rediss://")


class RedisStore:
    """A :class:`~.stores.Store` in one Redis. Making one opens no connection and starts no thread."""

    def __init__(self, url: str, *, timeout: float, clock: Callable[[], float] = system_time) -> None:
        """``timeout`` is what a caller waits at most, in seconds; ``clock`` returns seconds since the epoch.

        Raises:
            ConfigurationError: the package ``redis`` is not installed, or no client can be made of the URL. The URL is
                not repeated: it may hold a password.
        """
        self._timeout = timeout
        self._clock = clock
        self._connect = _client_maker(url, timeout)
        #: By process id: a child of a fork makes connections, threads and locks of its own.
        self._calls: dict[int, BoundedCalls[Redis]] = {}

    def __repr__(self) -> str:
        """Leave out the URL, which may hold a password."""
        return "RedisStore()"

    def remember(self, entries: Mapping[str, Entry]) -> None:
        """Keep all entries. If a key is known, the larger value and the later time stay.

        Raises:
            StoreUnavailableError: Redis has not confirmed that they are kept.
        """
        now = self._clock()
        left = {key: _milliseconds(entry.until - now) for key, entry in entries.items()}
        kept = [key for key in entries if left[key] > 0]
        if kept:
            arguments = [text for key in kept for text in (repr(float(entries[key].value)), left[key])]
            self._ask(lambda client: client.eval(_REMEMBER, len(kept), *kept, *map(str, arguments)))

    def values(self, keys: Sequence[str]) -> list[float | None]:
        """Return the value of each key, in their order; None if there is none. One round trip for all keys.

        Raises:
            StoreUnavailableError: Redis has not answered, or not with numbers.
        """
        if not keys:
            return []
        found: Any = self._ask(lambda client: client.mget(keys))
        try:
            values = [None if text is None else float(text) for text in found]
        except ValueError:
            raise StoreUnavailableError("it holds something else under a key of ours") from None
        if len(values) != len(keys) or any(value is not None and math.isnan(value) for value in values):
            raise StoreUnavailableError("it holds something else under a key of ours")
        return values

    def add_once(self, key: str, until: float) -> bool:
        """Keep a key until a time; return False if it is there already.

        Raises:
            StoreUnavailableError: Redis has not answered. The key may be kept or not.
        """
        # An entry whose time is over lives for a moment, so that of two callers one is told of the other.
        left = max(1, _milliseconds(until - self._clock()))
        return bool(self._ask(lambda client: client.set(key, "1", nx=True, px=left)))

    def _ask(self, work: Callable[[Redis], Result]) -> Result:
        process = os.getpid()
        calls = self._calls.get(process)
        if calls is None:
            made: BoundedCalls[Redis] = BoundedCalls(
                self._connect, methodcaller("close"), self._timeout, is_outage=_is_outage
            )
            calls = self._calls.setdefault(process, made)
        try:
            return calls.call(work)
        except StoreUnavailableError:
            raise
        except Exception as error:  # redis-py raises many kinds, and after each of them the store may hold anything
            raise StoreUnavailableError(_reason(error)) from error


def _client_maker(url: str, timeout: float) -> Callable[[], Redis]:
    """Return what makes a client with one connection, which opens when it is first used."""
    try:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError:
        raise ConfigurationError(
            ["The package redis is not installed. Install it: pip install 'flask-resource-server[redis]'"]
        ) from None
    connect: Callable[[], Redis] = functools.partial(
        redis.Redis.from_url,
        url,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        socket_keepalive=True,
        # A second attempt would begin its own timeout.
        retry=Retry(NoBackoff(), 0),
        # Every Redis and every proxy knows it.
        protocol=2,
    )
    if not url.startswith(SCHEMES) or not url.isprintable() or " " in url:
        raise ConfigurationError([_BAD_URL])
    try:
        # Making a connection does not open it, but checks the parameters.
        with connect() as client:
            client.connection_pool.make_connection()
    except (TypeError, ValueError):
        # From None: the causes may quote the URL.
        raise ConfigurationError([_BAD_URL]) from None
    return connect


def _milliseconds(seconds: float) -> int:
    return math.ceil(seconds * 1000)


def _is_outage(error: Exception) -> bool:
    """Whether Redis is not there. An error that it answers with proves that it is."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return not kinds.isdisjoint(_NOT_THERE) and kinds.isdisjoint(_ANSWERS)


def _reason(error: Exception) -> str:
    for kind in type(error).__mro__:
        if kind.__name__ in _REASONS:
            return _REASONS[kind.__name__]
    return f"it answered with an error ({type(error).__name__})"
