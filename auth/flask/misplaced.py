"""Refuses guards and ``current_token`` outside of HTTP requests: in socket handlers, commands and background tasks.

There is no view to guard there, and no answer to refuse with. :class:`MisuseError` says what to do instead.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

from flask import Flask, Request

from ..errors import MisuseError
from .server import this_app, this_request

_LOGGER = logging.getLogger("flask_resource_server")

_WAY_OUT = (
    "outside of an HTTP request, such as in a socket handler, a command or a background task. "
    'Verify the token there by app.extensions["resource_server"].verify(token), as docs/sockets.md shows.'
)


def app_and_request(misuse: str) -> tuple[Flask, Request]:
    """Return the current app and HTTP request; ``misuse`` is what the caller has done if there is none.

    Raises:
        MisuseError: there is no request, or one of a connection of Socket.IO long after its handshake.
    """
    try:
        app, request = this_app(), this_request()
    except RuntimeError:
        raise MisuseError(f"{misuse} {_WAY_OUT}") from None
    if "socketio.exceptions" in sys.modules and vars(request).keys() >= {"sid", "namespace"}:
        # Flask-SocketIO pushes the handshake again for each event, and adds these to it.
        raise _misuse_in_socket(f"{misuse} {_WAY_OUT}")
    return app, request


def _misuse_in_socket(message: str) -> MisuseError:
    """Return an error that is logged, and that refuses a connection even if the service has an error handler.

    Flask-SocketIO hands every error to ``@socketio.on_error_default`` and then accepts the connection, except this one
    of python-socketio.
    """
    _LOGGER.error(message)
    refused: Any = sys.modules["socketio.exceptions"].ConnectionRefusedError
    # What the client gets to read.
    answer = {"message": "Access to this resource has not been configured."}
    error: MisuseError = type("MisuseError", (MisuseError, refused), {"error_args": answer})(message)
    return error
