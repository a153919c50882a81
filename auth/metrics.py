"""What Prometheus is served from, for a route of your own; ``AUTH_METRICS_PATH`` makes one.

Importing this needs the extra ``metrics``.
"""

from __future__ import annotations

from .flask.metrics import registry

__all__ = ["registry"]
