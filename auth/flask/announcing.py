"""Tells the receivers of a signal what has happened, each of them for itself."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from blinker import NamedSignal
from flask import Flask, Request

from ..access_token import AccessToken
from ..errors import AuthError
from ..signals import access_overridden, token_accepted, token_refused

_LOGGER = logging.getLogger("flask_resource_server")

#: The key in the WSGI environ of the overrides that are announced, the newest last: the hook and the guarded function
#: both find them. The values say what let the caller pass.
OVERRIDDEN = "resource_server.overridden"

#: The attribute of a request that is announced as accepted. It is not in the environ, because a middleware may send one
#: environ to several apps, and each of them announces for itself.
_ACCEPTED = "_resource_server_accepted"


def announce(signal: NamedSignal, app: Flask, **facts: Any) -> None:
    """Call the receivers that are connected for an app. One that raises is logged, and the next one is called.

    Blinker's own ``send`` would end at the first that raises, and answer the request with its exception.
    """
    if signal.is_muted:
        return
    for receiver in list(signal.receivers_for(app)):
        try:
            app.ensure_sync(receiver)(app, **facts)
        except Exception:  # logged with its traceback: the answer stays, and the next receiver is called
            name = getattr(receiver, "__qualname__", type(receiver).__name__)
            _LOGGER.exception("the receiver %s of the signal %s failed", name, signal.name)


def announce_acceptance(app: Flask, request: Request, token: AccessToken, remembered: bool) -> None:
    """Announce once for each request that it has passed its guard: the guarded function asks after the hook."""
    attributes = vars(request)
    if _ACCEPTED not in attributes:
        attributes[_ACCEPTED] = True
        announce(token_accepted, app, token=token, remembered=remembered)


def announce_refusal(app: Flask, request: Request, error: AuthError) -> None:
    """Announce that a guard has refused a request."""
    announce(token_refused, app, error=error, route=route_of(request))


def announce_overrides(
    app: Flask, request: Request, token: AccessToken, overrides: Mapping[str, tuple[str, str]]
) -> None:
    """Announce once for each request that its caller has passed without being the owner.

    ``overrides`` maps each variable of the path to the owner, and to the scope or role that lets the caller pass.
    """
    environ = request.environ
    for param, (owner, override) in overrides.items():
        passed = (environ.get("HTTP_AUTHORIZATION"), route_of(request), param, owner)
        if passed not in environ.setdefault(OVERRIDDEN, {}):
            environ[OVERRIDDEN][passed] = override
            announce(access_overridden, app, token=token, owner=owner)


def route_of(request: Request) -> str:
    """Return the URL rule that a request was matched to, or an empty text."""
    return "" if request.url_rule is None else request.url_rule.rule
