"""The tables of the docs that say who may call what: what stands in them, said of a real app."""

from __future__ import annotations

from flask import Flask
from werkzeug.test import TestResponse


def views_of(app: Flask) -> set[str]:
    """Return the method and route of each view of an app, as a table writes them."""
    return {
        f"`{method} {route.rule}`"
        for route in app.url_map.iter_rules()
        if route.endpoint != "static"
        for method in (route.methods or set()) - {"HEAD", "OPTIONS"}
    }


def in_words(answer: TestResponse) -> str:
    """Return the status and the ``error`` of an answer, as a table writes them."""
    error = (answer.get_json(silent=True) or {}).get("error")
    return f"{answer.status_code}" + (f" `{error}`" if error else "")
