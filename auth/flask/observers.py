"""Connects what listens to the signals of an app: the audit log always, metrics and traces if they are wanted.

What nobody wants is not imported, so it costs nothing.
"""

from __future__ import annotations

import sys

from flask import Flask

from ..errors import ConfigurationError
from .audit import keep_audit_log
from .server import ServerState


def observe(app: Flask, server: ServerState) -> None:
    """Connect the audit log, and count for Prometheus if the settings say so.

    Raises:
        ConfigurationError: prometheus-client is not installed, or its folder cannot be used. Nothing is connected then.
    """
    if server.config.metrics:
        try:
            from .metrics import count
            from .metrics_route import serve_metrics
        except ModuleNotFoundError as error:
            if "prometheus_client" not in str(error.name):
                raise
            raise ConfigurationError(
                [
                    "AUTH_METRICS and AUTH_METRICS_PATH need prometheus-client: "
                    "pip install 'flask-resource-server[metrics]'."
                ]
            ) from error
        if server.config.metrics_path is not None:
            serve_metrics(app, server.config.metrics_path, server.config.metrics_scope)
        count(app, server)
    keep_audit_log(app)


def observe_replaced(server: ServerState) -> None:
    """Count what a new authenticator does, if the one before it was counted."""
    if server.config.metrics:
        from .metrics import measure

        measure(server.authenticator)


def observe_spans(app: Flask) -> None:
    """Write into the spans of OpenTelemetry if the process has any.

    Called when setup is over: an app may be instrumented after it got its ResourceServer.
    """
    if "opentelemetry.trace" in sys.modules:
        from .tracing import trace_guards

        trace_guards(app)
