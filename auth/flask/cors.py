"""Lets CORS decorators of the service, such as ``cross_origin`` of Flask-CORS, answer although a guard comes first.

A preflight carries no credentials (Fetch §4.8), so a guard would refuse each of them. And the guard refuses a request
before the decorator could say that scripts may read the answer. Such a decorator answers OPTIONS in its wrapper, and
says so to Flask: it sets ``provide_automatic_options`` to False on what it wraps. The wrapper is run here with nothing
behind it, always as for OPTIONS. The view cannot run without a token, whatever the wrapper does.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CellType, FunctionType
from typing import Any, NoReturn

from flask import Flask, Request, Response
from werkzeug.exceptions import HTTPException

from .declarations import handler_name, method_decorators, rules_on

#: Header fields that let a script read an answer other than that to a preflight (Fetch §3.3.3).
_FOR_SCRIPTS = ("Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Expose-Headers")


class _ViewReachedError(Exception):
    """A wrapper has called the view instead of answering."""


def answer_to_preflight(app: Flask, request: Request, view: Callable[..., Any]) -> Any:
    """Return what a wrapper around a view answers to a preflight, as a view would; None if a guard has to decide."""
    environ = request.environ
    if "HTTP_AUTHORIZATION" in environ or not environ.keys() >= {"HTTP_ORIGIN", "HTTP_ACCESS_CONTROL_REQUEST_METHOD"}:
        return None
    wrapper = _wrapper_around(view) or _wrapper_in_class(getattr(view, "view_class", None), "options")
    if wrapper is None:
        return None
    try:
        return app.ensure_sync(wrapper)(**(request.view_args or {}))
    except (_ViewReachedError, HTTPException):
        return None


def let_scripts_read(app: Flask, request: Request, response: Response) -> None:
    """Add to a refusal the header fields by which a wrapper around the view lets scripts of another origin read it.

    Without them a browser tells the script of a network error. If ``CORS(app)`` has added them already, they stay.
    """
    route, method = request.url_rule, request.method
    if route is None or "HTTP_ORIGIN" not in request.environ or _FOR_SCRIPTS[0] in response.headers:
        return
    view = app.view_functions[route.endpoint]
    view_class = getattr(view, "view_class", None)
    wrapper = _wrapper_around(view) or _wrapper_in_class(view_class, handler_name(view_class, method))
    if wrapper is None:
        return
    # The wrapper says for OPTIONS what it would add to other answers as well, and does not ask the view for them.
    request.method = "OPTIONS"
    try:
        answered = app.make_response(app.ensure_sync(wrapper)(**(request.view_args or {})))
    except Exception:  # noqa: BLE001 - a fault of the wrapper makes no other answer of a refusal
        return
    finally:
        request.method = method
    for name in _FOR_SCRIPTS:
        if name in answered.headers:
            response.headers[name] = answered.headers[name]
    response.vary.update(answered.vary)


def _wrapper_around(view: object) -> Callable[..., Any] | None:
    """Return only the wrapper that answers OPTIONS; None if none can be taken off the view."""
    found: object = None
    wrapped: object = None
    while (inner := getattr(view, "__wrapped__", None)) is not None:
        # Wrappers further out have a copy of the mark, from functools.wraps.
        if getattr(inner, "provide_automatic_options", None) is False:
            # More rules on the outside: that is a guard, right around a view that answers OPTIONS itself.
            is_guard = rules_on(view) != rules_on(inner)
            found, wrapped = (None, None) if is_guard else (view, inner)
        view = inner
    if not isinstance(found, FunctionType) or not found.__closure__:
        return None
    cells = tuple(CellType(_instead_of_view) if _holds(cell, wrapped) else cell for cell in found.__closure__)
    if cells == found.__closure__:
        return None
    twin = FunctionType(found.__code__, found.__globals__, found.__name__, found.__defaults__, cells)
    twin.__kwdefaults__ = found.__kwdefaults__
    return twin


def _holds(cell: CellType, content: object) -> bool:
    try:
        return cell.cell_contents is content
    except ValueError:
        # An empty cell.
        return False


def _wrapper_in_class(view_class: type | None, name: str) -> Callable[..., Any] | None:
    """Return the wrapper around a class's handler for a method, or that of the decorators it lists for its methods."""
    handler = getattr(view_class, name, None)
    if view_class is None or handler is None:
        return None
    for decorator in method_decorators(view_class, name):
        if not rules_on(decorator):
            # Flask-RESTful and RESTX apply it at each request as well.
            view = FunctionType(_instead_of_view.__code__, globals())
            wrapper: Callable[..., Any] = decorator(view)
            if getattr(view, "provide_automatic_options", None) is False:
                return wrapper
    answering = _wrapper_around(handler)
    # No wrapper that answers by itself asks for the instance.
    return None if answering is None else lambda **arguments: answering(None, **arguments)


def _instead_of_view(*_args: object, **_arguments: object) -> NoReturn:
    raise _ViewReachedError
