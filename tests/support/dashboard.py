"""The Grafana dashboard in ``deploy/``, as the tests read it."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.support.repository import ROOT

DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy" / "grafana-dashboard.json").read_text())

#: Every query of every panel.
EXPRESSIONS: list[str] = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def metrics_in(expression: str) -> set[str]:
    """Return the metrics that a query names."""
    return set(re.findall(r"\b(?:auth|app)_\w+", expression))
