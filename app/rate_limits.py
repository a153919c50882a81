"""Limits the requests of one address and of one user; there is no limit unless a setting says so.

The address is counted before anything else happens, and the user once a guard has verified the token. If ``REDIS_URL``
names a Redis, all processes count there together. Without one, and while it is down, each process counts for itself.
Flask-Limiter and the client of Redis are imported only if there is a limit, and only then is ``REDIS_URL`` checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flask import Flask

from app.service import Service

SETTINGS = ("RATE_LIMIT_ADDRESS", "RATE_LIMIT_USER")


def problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield one sentence for each setting that cannot be used."""
    for name in SETTINGS:
        if not _is_limit(config.get(name)):
            yield f'{name} must be a limit such as "100 per minute", or several: "10 per second; 300 per minute".'
    if any(config.get(name) for name in SETTINGS) and (url := config.get("REDIS_URL")):
        from app.rate_limit_storage import url_problem

        if problem := url_problem(url):
            yield problem


def _is_limit(text: object) -> bool:
    """Tell whether a setting is empty, or holds limits that each let at least one request pass."""
    if text in (None, ""):
        return True
    from limits import parse_many

    try:
        return isinstance(text, str) and all(item.amount > 0 for item in parse_many(text))
    except ValueError:
        return False


def limit_addresses(app: Flask) -> None:
    """Limit each address. Call this before the resource server is attached, so that addresses are counted first."""
    if text := app.config.get("RATE_LIMIT_ADDRESS"):
        from app.limiter import limit_each_address

        limit_each_address(app, text)


def limit_users(app: Service) -> None:
    """Limit each verified user. Call this after the resource server is attached, because its guards verify the user."""
    if text := app.config.get("RATE_LIMIT_USER"):
        from app.limiter import limit_each_user

        limit_each_user(app, text)


def note_rate_limit(operation: dict[str, Any], _notes: dict[str, Any], **_context: Any) -> dict[str, Any]:
    """Add 429 to what the document says about an operation."""
    operation.setdefault("responses", {})["429"] = "RateLimitExceeded"
    return operation
