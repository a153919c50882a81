"""The Flask class of the service: the defaults of Flask that do not suit it. Settings are in :mod:`app.config`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time
from typing import Any

import orjson
from flask import Flask, request
from flask.json.provider import DefaultJSONProvider
from flask.typing import ResponseReturnValue


class FastJSONProvider(DefaultJSONProvider):
    """JSON by orjson, whose members stand in the order the schema gives them, ``id`` first.

    A time is written as RFC 3339 says, not as Flask's HTTP date. What orjson refuses and JSON knows, such as the long
    numbers and lone surrogates that a claim may hold, Python's own encoder writes the same way.
    """

    sort_keys = False

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """Return a value as JSON text; arguments are Python's own, for whoever wants another layout."""
        if kwargs:
            return super().dumps(obj, **kwargs)
        try:
            return orjson.dumps(obj, option=orjson.OPT_APPEND_NEWLINE).decode()
        except TypeError:
            return super().dumps(obj, separators=(",", ":")) + "\n"

    def response(self, *args: Any, **kwargs: Any) -> Any:
        """Return an answer that holds a value, laid out alike whether Flask debugs or not."""
        value = self._prepare_response_obj(args, kwargs)
        return self._app.response_class(self.dumps(value), mimetype=self.mimetype)

    @staticmethod
    def default(value: Any) -> Any:
        """Return what stands for a value that JSON has no form of; raise ``TypeError`` where nothing does."""
        return value.isoformat() if isinstance(value, date | time) else DefaultJSONProvider.default(value)


class TasksService(Flask):
    """Flask that answers in schema order and keeps raw request text out of its log."""

    json_provider_class = FastJSONProvider

    #: What is done when the hooks in front of a view have run, if anything. It may raise what the app answers then.
    after_hooks: Callable[[], object] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A path with // would be redirected to a URL made from the Host header; here it is a path nobody knows.
        self.url_map.merge_slashes = False

    def preprocess_request(self) -> ResponseReturnValue | None:
        """Run the hooks in front of the view, and what comes after them whether or not one of them has answered."""
        answer = super().preprocess_request()
        if self.after_hooks is not None:
            self.after_hooks()
        return answer

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function as it is: none of the service is async, and Flask would look again at each call."""
        return func

    def log_exception(self, exc_info: Any) -> None:
        """Log an unhandled error under its endpoint's name; Flask would write the path as the client sent it."""
        self.logger.error("Unhandled error in %s", request.endpoint, exc_info=exc_info)
