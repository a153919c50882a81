"""``deploy/grafana-dashboard.json``: its structure as Grafana documents it, and queries that Prometheus can parse.

There is no Grafana here to load it. ``tests/integration/test_metrics.py`` holds its metrics against a running service.
"""

from __future__ import annotations

import json
from typing import Any

import promql_parser
import pytest

from tests.support.dashboard import DASHBOARD, EXPRESSIONS, metrics_in

PANELS: list[dict[str, Any]] = DASHBOARD["panels"]

#: The columns of Grafana's grid.
COLUMNS = 24


def test_it_is_a_dashboard_that_can_be_imported() -> None:
    """``id`` is left to the Grafana that imports it; the schema is that of Grafana 10 and newer."""
    assert DASHBOARD.get("id") is None
    assert DASHBOARD["schemaVersion"] >= 38
    assert 0 < len(DASHBOARD["uid"]) <= 40
    assert DASHBOARD["title"]
    assert json.loads(json.dumps(DASHBOARD)) == DASHBOARD


def test_every_panel_has_an_id_of_its_own_and_a_place_of_its_own() -> None:
    """No two overlap, and none is wider than the grid."""
    ids = [panel["id"] for panel in PANELS]
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in PANELS)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len(set(ids)) == len(ids)
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < COLUMNS


def test_the_person_who_looks_chooses_the_prometheus() -> None:
    """Each panel and query asks the data source of the variable, and no uid of somebody else's Grafana."""
    variables = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    asked = [part["datasource"] for panel in PANELS for part in (panel, *panel["targets"])]

    assert (variables["datasource"]["type"], variables["datasource"]["query"]) == ("datasource", "prometheus")
    assert [source for source in asked if source != {"type": "prometheus", "uid": "${datasource}"}] == []


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_every_panel_says_what_it_shows(panel: dict[str, Any]) -> None:
    """With a kind that every Grafana has, a unit, and a letter for each query."""
    letters = [target["refId"] for target in panel["targets"]]

    assert panel["type"] in ("timeseries", "stat")
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert letters == list("ABC"[: len(letters)])


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_query_is_promql(expression: str) -> None:
    """By a parser of Prometheus's language, with Grafana's variables filled in as Grafana does."""
    filled = expression.replace("$__rate_interval", "5m").replace("$job", "tasks")

    assert "$" not in filled
    promql_parser.parse(filled)
    assert metrics_in(expression)


def test_what_is_no_promql_is_noticed() -> None:
    """The test above can fail."""
    with pytest.raises(ValueError, match=r"."):
        promql_parser.parse("sum(rate(auth_requests_total[5m])")
