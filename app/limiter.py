"""Counts requests by Flask-Limiter, which is imported only if there is a limit (:mod:`app.rate_limits`)."""

from __future__ import annotations

import hashlib
import math
import re
import time
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from flask import Flask, current_app, request
from flask.typing import ResponseReturnValue
from flask_limiter import ApplicationLimit, Limiter, RateLimitExceeded, RequestLimit
from limits.errors import StorageError
from werkzeug.exceptions import TooManyRequests

from app.rate_limit_storage import OutageFilter, storage
from app.service import Service
from auth import verified_token

#: Bits of an IPv6 address that tell one customer of a provider from another. Each customer chooses the rest freely.
IPV6_PREFIX = 64

#: An address in brackets, with a port behind it, or both. A port may be a made-up name (RFC 7239 §6.3). IPv6 without
#: brackets has no port.
NODE = re.compile(r"(?:\[(?P<ipv6>[^][]+)\]|(?P<ipv4>[0-9.]+))(?::(?:[0-9]{1,5}|_[A-Za-z0-9._-]+))?")

#: One object for all limits, because a logger takes the same filter only once.
_OUTAGE_FILTER = OutageFilter()


def limit_each_address(app: Flask, text: str) -> None:
    """Limit each address."""
    _limit(app, text, "address", _address, exempt_when=_is_exempt)


def limit_each_user(app: Service, text: str) -> None:
    """Limit each verified user."""
    _limit(app, text, "user", _user, exempt_when=_is_nobody)
    # Flask-Limiter has added its hook as the last one. A guard that refuses a request skips the hooks behind it,
    # but such a request has to count as well.
    app.after_hooks = app.before_request_funcs[None].pop()


def _limit(app: Flask, text: str, whose: str, key: Callable[[], str], *, exempt_when: Callable[[], bool]) -> None:
    limit = ApplicationLimit(text, key_function=key, scope=whose, exempt_when=exempt_when)
    limiter = Limiter(
        key,
        application_limits=[limit],
        # Unknown paths have no endpoint, and Flask-Limiter would not count them.
        request_identifier=lambda: request.endpoint or "unknown",
        in_memory_fallback_enabled=True,
        # If two requests meet the outage at once, one switches to the fallback and the other passes.
        swallow_errors=True,
        headers_enabled=False,
        **storage(app.config.get("REDIS_URL")),
    )
    limiter.init_app(app)
    limiter.logger.addFilter(_OUTAGE_FILTER)
    app.register_error_handler(RateLimitExceeded, _answer_too_many_requests)


def _answer_too_many_requests(_error: RateLimitExceeded) -> ResponseReturnValue:
    """Answer 429, and say after how many seconds the next request may come."""
    limits = (limiter.current_limit for limiter in current_app.extensions["limiter"])
    breached = next(limit for limit in limits if limit is not None and limit.breached)
    answer: ResponseReturnValue = current_app.handle_http_exception(
        TooManyRequests("There have been too many requests.", retry_after=_seconds_left(breached))
    )
    return answer


def _seconds_left(breached: RequestLimit) -> int:
    """Return the seconds until a window ends, or its whole length if Redis has gone since it was asked."""
    try:
        left = math.ceil(breached.window.reset_time - time.time())
    except StorageError:
        return breached.limit.get_expiry()
    # No window is longer than its limit, even if a Redis says so.
    return min(max(1, left), breached.limit.get_expiry())


def _is_exempt() -> bool:
    """Tell whether a supervisor sent the request: such requests are always answered."""
    blueprint = current_app.blueprints.get(request.blueprint or "")
    return not getattr(blueprint, "is_limited", True)


def _is_nobody() -> bool:
    """Tell whether no guard has verified who is calling."""
    return verified_token() is None


def _address() -> str:
    """Return a key for the caller's address; for IPv6, one for the network that a provider gives one customer."""
    text = request.remote_addr or "unknown"
    address = _parsed(text)
    if address is None:
        # A trusted proxy has written something else. It counts like any other name.
        return _digest(text)
    # A socket for both protocols shows IPv4 as ::ffff:192.0.2.1, and all of those are in one network of IPv6.
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    if mapped is None and isinstance(address, IPv6Address):
        return _digest(str(IPv6Network((int(address), IPV6_PREFIX), strict=False)))
    return _digest(str(mapped or address))


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address in a text, or None. Some proxies write it with brackets or a port, which are left out."""
    node = NODE.fullmatch(text)
    try:
        return ip_address(text if node is None else node["ipv6"] or node["ipv4"])
    except ValueError:
        return None


def _user() -> str:
    """Return a key for the verified user, or for a client with a token of its own: their ids may be the same."""
    token = verified_token()
    if token is None:
        return _digest("")
    # No id holds a line end.
    return _digest(f"client\n{token.user_id}" if token.is_client else token.user_id)


def _digest(text: str) -> str:
    """Return a short key, so that Redis holds no names, and any name will do."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
