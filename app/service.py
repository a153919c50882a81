"""The Flask class of the service, which changes some defaults of Flask. Settings are in :mod:`app.config`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time
from typing import Any

import orjson
from flask import Flask, request
from flask.json.provider import DefaultJSONProvider
from flask.typing import ResponseReturnValue


class FastJSONProvider(DefaultJSONProvider):
    """JSON by orjson, with members in the order of the schema, ``id`` first.

    A time is written as in RFC 3339, not as an HTTP date as Flask does. Python's own encoder writes what orjson refuses
    although it is JSON, such as long numbers and lone surrogates in a claim.
    """

    sort_keys = False

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """Return a value as JSON text; the arguments are those of :func:`json.dumps`, for another layout."""
        if kwargs:
            return super().dumps(obj, **kwargs)
        try:
            return orjson.dumps(obj, option=orjson.OPT_APPEND_NEWLINE).decode()
        except TypeError:
            return super().dumps(obj, separators=(",", ":")) + "\n"

    def response(self, *args: Any, **kwargs: Any) -> Any:
        """Return an answer with a value, in the same layout with and without debug mode."""
        value = self._prepare_response_obj(args, kwargs)
        return self._app.response_class(self.dumps(value), mimetype=self.mimetype)

    @staticmethod
    def default(value: Any) -> Any:
        """Return a JSON form of a value that has none; raise ``TypeError`` if there is no such form."""
        return value.isoformat() if isinstance(value, date | time) else DefaultJSONProvider.default(value)


class TasksService(Flask):
    """Flask that answers in schema order and keeps raw request text out of its log."""

    json_provider_class = FastJSONProvider

    #: Called after the hooks in front of a view, if it is set. An exception from it becomes the answer.
    after_hooks: Callable[[], object] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Flask would redirect a path with // to a URL made from the Host header. Here such a path is unknown.
        self.url_map.merge_slashes = False

    def preprocess_request(self) -> ResponseReturnValue | None:
        """Run the hooks in front of the view, and then ``after_hooks``, even if one of the hooks has answered."""
        answer = super().preprocess_request()
        if self.after_hooks is not None:
            self.after_hooks()
        return answer

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function unchanged: no view here is async, and Flask would check that at each call."""
        return func

    def log_exception(self, exc_info: Any) -> None:
        """Log an unhandled error under the name of its endpoint; Flask would log the path as the client sent it."""
        self.logger.error("Unhandled error in %s", request.endpoint, exc_info=exc_info)
