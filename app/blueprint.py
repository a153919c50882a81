"""The Blueprint every operation of the API stands on: flask-smorest's, with our parser and one shorthand."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

import flask_smorest

from app.request_parsing import StrictParser

View = TypeVar("View", bound=Callable[..., Any])


class Blueprint(flask_smorest.Blueprint):
    """A group of operations under one tag."""

    ARGUMENTS_PARSER = StrictParser()

    def refuses(self, *statuses: HTTPStatus) -> Callable[[View], View]:
        """Document the errors an operation answers with, besides those its guards and arguments bring along."""

        def decorator(view: View) -> View:
            for status in statuses:
                view = self.alt_response(int(status), response=status.name)(view)
            return view

        return decorator
