"""The Blueprint of every operation: flask-smorest's, with our parser, rate limits, and a shorthand for refusals."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

import flask_smorest
from marshmallow import Schema

from app.rate_limits import note_rate_limit
from app.request_parsing import StrictParser

View = TypeVar("View", bound=Callable[..., Any])


class Blueprint(flask_smorest.Blueprint):
    """A group of operations under one tag."""

    ARGUMENTS_PARSER = StrictParser()

    def __init__(self, *args: Any, is_limited: bool = True, **kwargs: Any) -> None:
        """``is_limited`` says whether :mod:`app.rate_limits` counts requests for these operations."""
        super().__init__(*args, **kwargs)
        self.is_limited = is_limited
        if is_limited:
            self._prepare_doc_cbks.append(note_rate_limit)

    def arguments(self, schema: type[Schema], **kwargs: Any) -> Callable[[View], View]:
        """Read a request by a schema; one instance of the schema serves all requests."""
        reads: Callable[[View], View] = super().arguments(schema(), **kwargs)
        refuses = self.alt_response(
            422, response="UnusableQuery" if kwargs.get("location") == "query" else "UnusableBody"
        )
        return lambda view: reads(refuses(view))

    def refuses(self, *statuses: HTTPStatus) -> Callable[[View], View]:
        """Document the errors of an operation that its guards and arguments do not document already."""

        def decorator(view: View) -> View:
            for status in statuses:
                view = self.alt_response(int(status), response=status.name)(view)
            return view

        return decorator
