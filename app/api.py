"""flask-smorest's Api as the service uses it, and the one JSON shape of all errors.

Errors of authentication and authorization do not pass here: :mod:`auth` answers them itself, in the same shape. Each
feature answers its own errors in HTTP by :func:`answer`, and what has no body by :func:`without_body`.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import flask_smorest
from flask import Flask, Response, current_app, jsonify, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from werkzeug.exceptions import HTTPException, UnprocessableEntity

from app.docs_ui.login import current_login
from app.openapi import ERRORS, UNUSABLE_VALUES, PathParametersFirst, bearer_scheme

#: What werkzeug says of an error, and what a client can do more with.
DESCRIPTIONS: dict[str | None, str | None] = {UnprocessableEntity.description: UNUSABLE_VALUES}


class ErrorSchema(Schema):
    """What went wrong. The same shape for every error of this API."""

    code = fields.Integer(required=True, metadata={"description": "The HTTP status code."})
    status = fields.String(required=True, metadata={"description": "The name of the status code."})
    message = fields.String(metadata={"description": "What is wrong, in a sentence for people."})
    error = fields.String(
        metadata={"description": "Why the token or the user was refused, for programs. Other errors do not have it."}
    )
    errors = fields.Dict(
        metadata={"description": "What is wrong with each part of the request, or which part of the service fails."}
    )


class Api(flask_smorest.Api):
    """flask-smorest's Api: errors keep their headers and have a message; the document knows the path prefix."""

    ERROR_SCHEMA = ErrorSchema

    def __init__(self, app: Flask) -> None:
        """Document an app."""
        super().__init__(app, spec_kwargs={"extra_plugins": [PathParametersFirst()]})
        for name, response in ERRORS.items():
            # In place of flask-smorest's. The document leaves out those that no operation refers to.
            self.spec.components.response(name, response, lazy=True)
        self.spec.components.security_scheme("bearerAuth", bearer_scheme(app.config))

    def _register_pagination_header(self) -> None:
        """Leave a header out of the document that no operation answers with."""

    def handle_http_exception(self, error: HTTPException) -> tuple[dict[str, Any], int, dict[str, str]]:
        """Answer with the JSON shape and the error's own headers: Allow, Retry-After."""
        body, status, headers = super().handle_http_exception(error)
        if description := DESCRIPTIONS.get(error.description, error.description):
            body.setdefault("message", description)
        own = {name: value for name, value in error.get_headers(request.environ) if name != "Content-Type"}
        return body, status, {**own, **(headers or {})}

    def _openapi_json(self) -> ResponseReturnValue:
        """Serve the OpenAPI document with the prefix that a proxy puts in front of the service, and with the login."""
        document, login = self.spec.to_dict(), current_login()
        described = login.describe(document) if login else document
        return jsonify(described | {"servers": [{"url": request.script_root or "/"}]})


def without_body(status: HTTPStatus, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer without content, and therefore without a content type."""
    response = Response(status=status, headers=headers)
    del response.headers["Content-Type"]
    return response


def answer(error: HTTPException) -> ResponseReturnValue:
    """Return the app's answer to an HTTP error."""
    answered: ResponseReturnValue = current_app.handle_http_exception(error)
    return answered
