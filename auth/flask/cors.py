"""Lets ``cross_origin`` of Flask-CORS and its kind answer preflights although a guard comes first.

A preflight carries no credentials (Fetch §4.8), so a guard would refuse each of them. And the guard refuses a request
before the decorator could say that scripts may read the answer. So the wrapper of the decorator is run here on its own,
as for OPTIONS, with nothing behind it. That is safe only for wrappers whose code is known: :data:`_KNOWN`. No other
code of the service runs before the guard has decided.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import CellType, FunctionType
from typing import Any, NoReturn, TypeGuard

from flask import Flask, Request, Response

from .declarations import handler_name, method_decorators

#: The modules of decorators whose wrappers hold the view in one variable and do not call it for OPTIONS.
_KNOWN = frozenset({"flask_cors.decorator", "flask_restful.utils.cors", "flask_restx.cors"})

#: Header fields that let a script read an answer other than that to a preflight (Fetch §3.3.3).
_FOR_SCRIPTS = ("Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Expose-Headers")

_LOGGER = logging.getLogger("flask_resource_server")


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
    except _ViewReachedError:
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
    except Exception:  # a refusal stays a refusal if the options of the decorator are wrong
        _LOGGER.exception("the decorator for CORS of a refused view failed")
        return
    finally:
        request.method = method
    for name in _FOR_SCRIPTS:
        if name in answered.headers:
            response.headers[name] = answered.headers[name]
    response.vary.update(answered.vary)


def _is_known(function: object) -> TypeGuard[FunctionType]:
    return isinstance(function, FunctionType) and function.__globals__.get("__name__") in _KNOWN


def _wrapper_around(view: object) -> Callable[..., Any] | None:
    """Return the innermost known wrapper that answers OPTIONS, with nothing behind it; None if there is none."""
    found: tuple[FunctionType, object] | None = None
    while (inner := getattr(view, "__wrapped__", None)) is not None:
        # A wrapper that answers OPTIONS puts this mark on what it wraps. The wrappers around it have a copy.
        if _is_known(view) and getattr(inner, "provide_automatic_options", None) is False:
            found = view, inner
        view = inner
    if found is None:
        return None
    wrapper, wrapped = found
    cells = tuple(
        CellType(_instead_of_view) if cell.cell_contents is wrapped else cell for cell in wrapper.__closure__ or ()
    )
    return FunctionType(wrapper.__code__, wrapper.__globals__, wrapper.__name__, wrapper.__defaults__, cells)


def _wrapper_in_class(view_class: type | None, name: str) -> Callable[..., Any] | None:
    """Return the wrapper around a class's handler for a method, or that of the decorators it lists for its methods."""
    handler = getattr(view_class, name, None)
    if view_class is None or handler is None:
        return None
    for decorator in method_decorators(view_class, name):
        if _is_known(decorator):
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
