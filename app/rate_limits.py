"""How many requests one address and one user may make, by Flask-Limiter; no limit unless a setting says so.

The address is counted before anything else is done for a request, the user once a guard has verified who that is. The
counts are in Redis where ``REDIS_URL`` names one, else in each process for itself; so they are too while Redis is down.
"""

from __future__ import annotations

import hashlib
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from flask import Flask, current_app, request
from flask.typing import ResponseReturnValue
from flask_limiter import ApplicationLimit, Limiter, RateLimitExceeded, RequestLimit
from limits import parse_many
from limits.errors import StorageError
from redis import ConnectionError as RedisConnectionError
from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.retry import Retry
from werkzeug.exceptions import TooManyRequests

from auth import verified_token

#: Seconds Redis has to answer, or to accept a connection.
REDIS_TIMEOUT = 0.25

#: Bits of an IPv6 address that tell one customer of a provider from another; the rest each chooses freely.
IPV6_PREFIX = 64

SETTINGS = ("RATE_LIMIT_ADDRESS", "RATE_LIMIT_USER")


class _OutageFilter(logging.Filter):
    """Drops what Flask-Limiter says of requests that run into an outage together: the first has told of it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything pass but tracebacks of the storage."""
        return not (record.exc_info and isinstance(record.exc_info[1], StorageError))


_OUTAGE_FILTER = _OutageFilter()


def problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield one sentence for each setting that cannot be used. The URL is not repeated: it may hold a password."""
    for name in SETTINGS:
        if not _is_limit(config.get(name)):
            yield f'{name} must be a limit such as "100 per minute", or several: "10 per second; 300 per minute".'
    if not _is_redis_url(config.get("REDIS_URL")):
        yield "REDIS_URL must be the URL of a Redis, such as redis://127.0.0.1:6379/0; rediss:// means TLS."


def _is_limit(text: object) -> bool:
    """Tell whether a setting is empty, or limits each of which lets something pass."""
    if text in (None, ""):
        return True
    try:
        return isinstance(text, str) and all(item.amount > 0 for item in parse_many(text))
    except ValueError:
        return False


def _is_redis_url(url: object) -> bool:
    """Tell whether a setting is empty, or something by which the client of Redis could connect."""
    if url in (None, ""):
        return True
    if not (
        isinstance(url, str) and url.startswith(("redis://", "rediss://")) and url.isprintable() and " " not in url
    ):
        return False
    try:
        # Made, not opened: it knows which parameters there are.
        ConnectionPool.from_url(url).make_connection()
    except (TypeError, ValueError):
        return False
    return True


def limit_addresses(app: Flask) -> None:
    """Limit each address. To be called before the resource server is attached, so that it comes first."""
    if text := app.config.get("RATE_LIMIT_ADDRESS"):
        _limit(app, text, "address", _address, exempt_when=_is_exempt)


def limit_users(app: Flask) -> None:
    """Limit each verified user. To be called after the resource server is attached, whose guards verify them."""
    if text := app.config.get("RATE_LIMIT_USER"):
        _limit(app, text, "user", _user, exempt_when=_is_nobody)


def _limit(app: Flask, text: str, whose: str, key: Callable[[], str], *, exempt_when: Callable[[], bool]) -> None:
    limit = ApplicationLimit(text, key_function=key, scope=whose, exempt_when=exempt_when)
    limiter = Limiter(
        key,
        application_limits=[limit],
        # Unknown paths have no endpoint, and Flask-Limiter would not count them.
        request_identifier=lambda: request.endpoint or "unknown",
        in_memory_fallback_enabled=True,
        # Of two requests that meet the outage at once, one falls back and the other is let pass.
        swallow_errors=True,
        headers_enabled=False,
        **_storage(app.config.get("REDIS_URL")),
    )
    limiter.init_app(app)
    # One object for all: a logger takes the same filter once.
    limiter.logger.addFilter(_OUTAGE_FILTER)
    app.register_error_handler(RateLimitExceeded, _answer_too_many_requests)


def _answer_too_many_requests(_error: RateLimitExceeded) -> ResponseReturnValue:
    """Answer 429, and when the next request is welcome."""
    limits = (limiter.current_limit for limiter in current_app.extensions["limiter"])
    breached = next(limit for limit in limits if limit is not None and limit.breached)
    answer: ResponseReturnValue = current_app.handle_http_exception(
        TooManyRequests("There have been too many requests.", retry_after=_seconds_left(breached))
    )
    return answer


def _seconds_left(breached: RequestLimit) -> int:
    """Return the seconds until a window ends; all of it where Redis has gone since it was asked."""
    try:
        left = math.ceil(breached.window.reset_time - time.time())
    except StorageError:
        return breached.limit.get_expiry()
    # No window is longer than its limit, whatever a Redis says.
    return min(max(1, left), breached.limit.get_expiry())


def _storage(redis_url: str | None) -> dict[str, Any]:
    """Return where Flask-Limiter keeps its counts. It connects when first used, and again by itself."""
    if not redis_url:
        return {"storage_uri": "memory://"}
    options = {
        "wrap_exceptions": True,
        "socket_connect_timeout": REDIS_TIMEOUT,
        "socket_timeout": REDIS_TIMEOUT,
        # Once more where a connection is broken, as after a restart of Redis; silence is waited for once.
        "retry": Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
    }
    return {"storage_uri": redis_url, "storage_options": options}


def _is_exempt() -> bool:
    """Tell whether the request is one of a supervisor's: those have to be answered whatever else is going on."""
    blueprint = current_app.blueprints.get(request.blueprint or "")
    return not getattr(blueprint, "is_limited", True)


def _is_nobody() -> bool:
    """Tell whether no guard has verified who is calling."""
    return verified_token() is None


def _address() -> str:
    """Return what stands for the caller's address, of IPv6 the network that a provider gives one customer."""
    text = request.remote_addr or "unknown"
    try:
        address = ip_address(text)
        # A socket for both protocols shows IPv4 as ::ffff:192.0.2.1: all of that in one network of IPv6.
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        if mapped is not None:
            text = str(mapped)
        elif address.version == 6:
            text = str(ip_network(f"{text}/{IPV6_PREFIX}", strict=False))
    except ValueError:
        # Whatever a trusted proxy has written there; it is a name like any other.
        pass
    return _digest(text)


def _user() -> str:
    """Return what stands for the verified user."""
    token = verified_token()
    return _digest("" if token is None else token.user_id)


def _digest(text: str) -> str:
    """Return a short key: in Redis stands nobody's name, and no name is too long or no text."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
