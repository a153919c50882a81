"""Counts and times requests for Prometheus, by route, method and status, if ``AUTH_METRICS`` or its path is set.

The route is the URL rule, never the path: paths hold the ids of users, and anybody can invent one.
"""

from __future__ import annotations

from functools import cache
from time import perf_counter
from typing import TYPE_CHECKING

from flask import Flask, Response, request, request_finished, request_started

if TYPE_CHECKING:
    from prometheus_client import Counter, Histogram

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def count_requests(app: Flask) -> None:
    """Count the requests of an app from now on. The library serves the counts at ``AUTH_METRICS_PATH``."""
    if app.extensions["resource_server"].config.metrics:
        request_started.connect(begin, app)
        request_finished.connect(finish, app)


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
    """Count one answer."""
    counter, histogram = metrics()
    route = "" if request.url_rule is None else request.url_rule.rule
    # Clients may invent methods.
    method = request.method if request.method in METHODS else "other"
    counter.labels(route, method, response.status_code).inc()
    histogram.labels(route, method).observe(perf_counter() - request.environ["tasks.began_at"])
