"""The Flask class of the service, which changes some defaults of Flask. Settings are in :mod:`app.config`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, request
from flask.typing import ResponseReturnValue

from app.json import JSONProvider


class Service(Flask):
    """Flask that answers in schema order and keeps raw request text out of its log."""

    json_provider_class = JSONProvider

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

    def log_exception(self, exc_info: Any) -> None:
        """Log an unhandled error under the name of its endpoint; Flask would log the path as the client sent it."""
        self.logger.error("Unhandled error in %s", request.endpoint, exc_info=exc_info)
