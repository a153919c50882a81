"""The Blueprint of every operation: flask-smorest's, with our parser, rate limits, and a shorthand for refusals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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

    def __init__(
        self, *args: Any, is_limited: bool = True, errors: Mapping[str, dict[str, Any]] | None = None, **kwargs: Any
    ) -> None:
        """``is_limited`` says whether :mod:`app.rate_limits` counts requests for these operations.

        ``errors`` describes errors in the words of the feature, by their names in :data:`app.openapi.ERRORS`.
        """
        super().__init__(*args, **kwargs)
        self.is_limited = is_limited
        self._errors = dict(errors or {})
        if is_limited:
            self._prepare_doc_cbks.append(note_rate_limit)

    def arguments(self, schema: type[Schema], **kwargs: Any) -> Callable[[View], View]:
        """Read a request by a schema; one instance of the schema serves all requests."""
        reads: Callable[[View], View] = super().arguments(schema(), **kwargs)
        error = "UnusableQuery" if kwargs.get("location") == "query" else "UnusableBody"
        return lambda view: reads(self._refuse(422, error, view))

    def refuses(self, *statuses: HTTPStatus) -> Callable[[View], View]:
        """Document the errors of an operation that its guards and arguments do not document already."""

        def decorator(view: View) -> View:
            for status in statuses:
                view = self._refuse(int(status), status.name, view)
            return view

        return decorator

    def _refuse(self, status: int, error: str, view: View) -> View:
        """Document one error of an operation: in the words of the feature, or by a reference to those for all."""
        described: View
        if own := self._errors.get(error):
            (content,) = own["content"].values()
            words = {"description": own["description"], "headers": own.get("headers")}
            described = self.alt_response(status, **words, **content)(view)
        else:
            described = self.alt_response(status, response=error)(view)
        return described
