"""Counts what happens at the guards with prometheus-client: receivers of the signals, and a clock around verification.

Imported only if the settings turn it on. The metrics are prometheus-client's own, one of each in a process, in its
default registry; the apps of a process count together. Every label has a closed set of values: nothing of a token or a
request becomes one.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from time import perf_counter
from typing import Any, Protocol

from flask import Flask

from .counts_folder import FOLDER, check_folder, files_of_counts

# prometheus-client looks at the variable when it is imported, and takes an empty one for the working directory.
check_folder()

# ruff: noqa: E402 - prometheus-client may only be imported after that check
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector

from ..access_token import AccessToken
from ..authenticator import Authenticator
from ..clock import system_time
from ..errors import AuthError, AuthErrorCode
from ..keys import RemoteKeySource
from ..signals import token_accepted, token_refused
from .announcing import OVERRIDDEN
from .server import ServerState, this_request

#: From a remembered token to an issuer that is slow to send its keys.
_SECONDS = (
    *(0.000_005, 0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5),
    *(0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)

_LOGGER = logging.getLogger("flask_resource_server")
#: The id of the process that has logged a failure: a fork of it logs its own.
_FAILED_IN: dict[str, int] = {}

_Authenticate = Callable[[str | None], tuple[AccessToken, bool]]

_LAST_SUCCESS = "auth_jwks_last_success_timestamp_seconds"
_AGE_HELP = "Seconds since the keys of an issuer were last fetched, in the process with the oldest ones."

_requests = Counter("auth_requests_total", "Decisions of the guards, by result.", ["result"])
_refusals = Counter("auth_refusals_total", "Refusals of the guards, by error.", ["error"])
_verification = Histogram(
    "auth_verification_seconds", "Time from the Authorization field to a token or an error.", buckets=_SECONDS
)
_cache = Counter("auth_token_cache_total", "Tokens that were looked for among the verified ones.", ["result"])
_denylist_failures = Counter("auth_denylist_failures_total", "Questions that the denylist did not answer.")
# Each process that lives is read by itself, and _oldest() picks one.
_last_success = Gauge(
    _LAST_SUCCESS,
    "When the keys of an issuer were last fetched, in the process with the oldest ones.",
    ["issuer"],
    registry=None,
    multiprocess_mode="liveall",
)

# Made at once, so that each is there with 0 before it first happens.
_RESULTS = {result: _requests.labels(result) for result in ("accepted", "overridden", "refused", "unavailable")}
_ERRORS = {code: _refusals.labels(code.value) for code in AuthErrorCode}
_HIT, _MISS = (_cache.labels(result) for result in ("hit", "miss"))


class _Collector(Protocol):
    def collect(self) -> Iterable[Metric]: ...


class _AllProcesses(MultiProcessCollector):
    """Adds up what processes have written; a folder may hold files of others."""

    def collect(self) -> Iterable[Metric]:
        """Return the sums."""
        together: Iterable[Metric] = self.merge(files_of_counts())  # type: ignore[no-untyped-call]  # it has no types
        return together


class _WithAges:
    """A collector that shows one time of the last fetch for each issuer, and beside it the age of the keys.

    An age has to be worked out late.
    """

    def __init__(self, collector: _Collector) -> None:
        self._collector = collector

    def collect(self) -> Iterator[Metric]:
        """Yield what the collector has, and the ages."""
        for metric in self._collector.collect():
            if metric.name == _LAST_SUCCESS:
                oldest, now = _oldest(metric), system_time()
                yield _by_issuer(_LAST_SUCCESS, metric.documentation, oldest)
                ages = {issuer: max(0, now - fetched_at) for issuer, fetched_at in oldest.items()}
                yield _by_issuer("auth_jwks_age_seconds", _AGE_HELP, ages)
            else:
                yield metric


def _oldest(last_success: Metric) -> Mapping[str, float]:
    """Return by issuer when its keys were fetched, in the process with the oldest ones: the one to worry about.

    At the first count in a child of a fork, prometheus-client writes each label of the parent anew, with 0. That is no
    time: the child has not used the keys of the issuer yet.
    """
    oldest: dict[str, float] = {}
    for sample in last_success.samples:
        if sample.value:
            issuer = sample.labels["issuer"]
            oldest[issuer] = min(sample.value, oldest.get(issuer, math.inf))
    return oldest


def _by_issuer(name: str, help_text: str, values: Mapping[str, float]) -> Metric:
    gauge = GaugeMetricFamily(name, help_text, labels=["issuer"])
    for issuer, value in values.items():
        gauge.add_metric([issuer], value)
    return gauge


REGISTRY.register(_WithAges(_last_success))


def _note(write: Callable[..., object], *values: object) -> None:
    """Write counts. If that fails, a request is answered as usual, and the first failure of a process is logged.

    The disk may be full, and the folder of the counts may be gone.
    """
    try:
        write(*values)
    except Exception as error:  # noqa: BLE001 - what is counted changes no answer
        if _FAILED_IN.get("process") != os.getpid():
            _FAILED_IN["process"] = os.getpid()
            reason = f"{type(error).__name__}: {error}"
            _LOGGER.error("cannot write counts for Prometheus: %s", reason)  # noqa: TRY400 - one line: a folder is to blame


def _measured(authenticate_field: _Authenticate) -> _Authenticate:
    """Return the function with a clock around it, which counts how many tokens were remembered."""

    def authenticate_and_measure(authorization: str | None) -> tuple[AccessToken, bool]:
        remembered, began = False, perf_counter()
        try:
            token, remembered = authenticate_field(authorization)
        except AuthError as error:
            remembered = error.remembered
            raise
        finally:
            _note(_note_verification, perf_counter() - began, authorization is not None, remembered)
        return token, remembered

    return authenticate_and_measure


def _note_verification(seconds: float, is_token_there: bool, remembered: bool) -> None:
    _verification.observe(seconds)
    if is_token_there:
        (_HIT if remembered else _MISS).inc()


def registry() -> CollectorRegistry:
    """Return the registry that Prometheus is to be served from, for a route or a port of your own.

    It is prometheus-client's default registry; with ``PROMETHEUS_MULTIPROC_DIR`` one that adds up all processes.
    """
    if not os.environ.get(FOLDER):
        return REGISTRY
    together = CollectorRegistry()
    together.register(_WithAges(_AllProcesses(None)))  # type: ignore[no-untyped-call]  # it has no types
    return together


def count(app: Flask, server: ServerState) -> None:
    """Count what happens at the guards of an app from now on."""
    measure(server.authenticator)
    token_accepted.connect(_on_accepted, app)
    token_refused.connect(_on_refused, app)
    for issuer in server.config.issuers:
        if isinstance(issuer.keys, RemoteKeySource):
            # Until a process has keys of the issuer, there is nothing to show.
            issuer.keys.on_keys(partial(_note, _note_keys, issuer.name))


def measure(authenticator: Authenticator) -> None:
    """Time an authenticator from now on, and count what its denylist does not answer.

    Only tokens in the ``Authorization`` field are measured, and not those that are given to ``verify()``.
    """
    measured: Any = _measured(authenticator.authenticate_field)
    authenticator.authenticate_field = measured  # type: ignore[method-assign]  # on this one alone: others cost nothing
    if authenticator.revocations is not None:
        authenticator.revocations.on_failure(partial(_note, _denylist_failures.inc))


def _note_keys(issuer: str | None, age: float) -> None:
    _last_success.labels(issuer).set(system_time() - age)


def _on_accepted(_app: Flask, token: AccessToken, remembered: bool) -> None:  # noqa: ARG001 - what the signal sends
    is_overridden = OVERRIDDEN in this_request().environ
    _note(_RESULTS["overridden" if is_overridden else "accepted"].inc)


def _on_refused(_app: Flask, error: AuthError, route: str) -> None:  # noqa: ARG001 - what the signal sends
    _note(_RESULTS["unavailable" if error.status >= 500 else "refused"].inc)
    _note(_ERRORS[error.code].inc)
