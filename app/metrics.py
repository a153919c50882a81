"""Counts and times requests for Prometheus, by route, method and status, if ``AUTH_METRICS`` or its path is set.

The route is the URL rule, never the path: paths hold the ids of users, and anybody can invent one.
"""

from __future__ import annotations

import logging
import os
from functools import cache
from time import perf_counter
from typing import TYPE_CHECKING

from flask import Flask, Response, request, request_finished, request_started

if TYPE_CHECKING:
    from prometheus_client import Counter, Histogram

LOGGER = logging.getLogger(__name__)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

#: The processes that have logged a failure: this one, and perhaps those that it was forked from.
LOGGED: set[int] = set()


def count_requests(app: Flask) -> None:
    """Count the requests of an app from now on. The library serves the counts at ``AUTH_METRICS_PATH``."""
    if is_counted(app):
        # Made here: two threads that answer their first requests could both make them.
        metrics()
        request_started.connect(begin, app)
        request_finished.connect(finish, app)


def is_counted(app: object) -> bool:
    """Tell whether an app counts; nothing is known of another WSGI application, such as one around an app."""
    server = app.extensions.get("resource_server") if isinstance(app, Flask) else None
    return server is not None and bool(server.config.metrics)


@cache
def metrics() -> tuple[Counter, Histogram]:
    """Return what counts and what times; made once in a process, and prometheus-client is imported only if needed."""
    from prometheus_client import Counter, Histogram

    labels = ["route", "method", "status"]
    return (
        Counter("app_requests_total", "Requests that were answered, by route, method and status.", labels),
        Histogram("app_request_seconds", "Time from the beginning of a request to its answer.", labels[:2]),
    )


def begin(_app: Flask, **_extra: object) -> None:
    """Note when a request begins."""
    request.environ["tasks.began_at"] = perf_counter()


def finish(_app: Flask, response: Response, **_extra: object) -> None:
    """Count one answer. If that fails, for a full disk say, the answer stays as it is."""
    try:
        count(response)
    except Exception as error:  # noqa: BLE001 - what is counted changes no answer
        log_once(os.getpid(), f"{type(error).__name__}: {error}")


def count(response: Response) -> None:
    """Count one answer by its route, and note how long it took."""
    counter, histogram = metrics()
    route = "" if request.url_rule is None else request.url_rule.rule
    # Clients may invent methods.
    method = request.method if request.method in METHODS else "other"
    counter.labels(route, method, response.status_code).inc()
    histogram.labels(route, method).observe(perf_counter() - request.environ["tasks.began_at"])


def log_once(process: int, reason: str) -> None:
    """Log the first failure of a process; a worker inherits what its master has logged."""
    if process not in LOGGED:
        LOGGED.add(process)
        LOGGER.error("cannot count requests for Prometheus: %s", reason)
