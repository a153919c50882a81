"""Preflights of browsers that a decorator of the service answers, such as ``cross_origin`` of Flask-CORS.

A preflight carries no credentials (Fetch §4.8), so a guard would refuse each of them. Such a decorator answers OPTIONS
in its wrapper, and says so to Flask: it sets ``provide_automatic_options`` to False on what it wraps. The wrapper is
run here with nothing behind it. The view cannot run without a token, whatever the wrapper does.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CellType, FunctionType
from typing import Any, NoReturn

from flask import Flask, Request
from werkzeug.exceptions import HTTPException

from .declarations import method_decorators, rules_on


class _ViewReachedError(Exception):
    """A wrapper has called the view instead of answering."""


def answer_to_preflight(app: Flask, request: Request, view: Callable[..., Any]) -> Any:
    """Return what a wrapper around a view answers to a preflight, as a view would; None if a guard has to decide."""
    environ = request.environ
    if "HTTP_AUTHORIZATION" in environ or not environ.keys() >= {"HTTP_ORIGIN", "HTTP_ACCESS_CONTROL_REQUEST_METHOD"}:
        return None
    wrapper = _wrapper_around(view) or _wrapper_in_class(getattr(view, "view_class", None))
    if wrapper is None:
        return None
    try:
        return app.ensure_sync(wrapper)(**(request.view_args or {}))
    except (_ViewReachedError, HTTPException):
        return None


def _wrapper_around(view: object) -> Callable[..., Any] | None:
    """Return the wrapper that answers OPTIONS, alone; None if there is none that can be taken off the view."""
    found: object = None
    wrapped: object = None
    while (inner := getattr(view, "__wrapped__", None)) is not None:
        # Wrappers further out have a copy of the mark, from functools.wraps.
        if getattr(inner, "provide_automatic_options", None) is False:
            found, wrapped = view, inner
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


def _wrapper_in_class(view_class: type | None) -> Callable[..., Any] | None:
    """Return the wrapper around a class's handler for OPTIONS, or that of the decorators it lists for its methods."""
    handler = getattr(view_class, "options", None)
    if view_class is None or handler is None:
        return None
    for decorator in method_decorators(view_class, "options"):
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
