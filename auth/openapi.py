"""What the guards of an app demand, in the words of OpenAPI, for documents of any origin.

flask-smorest needs nothing of this: its documents are filled in as they are written.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from flask import Flask

from .flask.declarations import declaration_of
from .flask.openapi import COMPONENTS, describe_guards, hierarchy_of, lists_names
from .flask.openapi import security_of as _security_of_policy
from .flask.openapi_versions import sections_of_swagger
from .scopes import FLAT

__all__ = ["describe_guards", "security_of", "components"]


def security_of(
    view: Callable[..., Any], method: str = "GET", *, version: str = "3.1.0", app: Flask | None = None
) -> list[dict[str, list[str]]] | None:
    """Return the ``security`` of a view: alternatives in a list, an empty list if it is public, None if it is silent.

    Guards of the view and of its class count; those of a blueprint are known to :func:`describe_guards` alone.

    Args:
        view: a view function, such as those in ``app.view_functions``.
        method: of a class, the HTTP method that the operation is for.
        version: the version of OpenAPI. Before 3.1, scopes and roles are not listed.
        app: the app whose ``AUTH_SCOPE_IMPLIES`` counts; without it, no scope implies another.
    """
    declaration = declaration_of(view, method)
    if declaration.policy.rules:
        hierarchy = FLAT if app is None else hierarchy_of(app)
        names_scopes = lists_names(declaration.policy, version, hierarchy)
        return _security_of_policy(declaration.policy, names_scopes=names_scopes, hierarchy=hierarchy)
    return [] if declaration.public else None


def components(version: str = "3.1.0") -> dict[str, dict[str, Any]]:
    """Return what ``security`` and the refusals refer to.

    These are the sections ``securitySchemes``, ``schemas`` and ``responses`` of ``components``. For Swagger 2.0
    (``version="2.0"``) they are the top-level sections ``securityDefinitions``, ``definitions`` and ``responses``.
    """
    return deepcopy(sections_of_swagger(COMPONENTS) if version == "2.0" else COMPONENTS)
