"""The Flask class of the service: the defaults of Flask that do not suit it. Settings are in :mod:`app.config`."""

from __future__ import annotations

from typing import Any

from flask import Flask, request
from flask.json.provider import DefaultJSONProvider


class OrderedJSONProvider(DefaultJSONProvider):
    """JSON whose members stand in the order the schema gives them, ``id`` first."""

    sort_keys = False


class TasksService(Flask):
    """Flask that answers in schema order and keeps raw request text out of its log."""

    json_provider_class = OrderedJSONProvider

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A path with // would be redirected to a URL made from the Host header; here it is a path nobody knows.
        self.url_map.merge_slashes = False

    def log_exception(self, exc_info: Any) -> None:
        """Log an unhandled error under its endpoint's name; Flask would write the path as the client sent it."""
        self.logger.error("Unhandled error in %s", request.endpoint, exc_info=exc_info)
