"""Compares what the OpenAPI documents of an app say about who may enter with what is enforced.

Our notes are derived from the guards and cannot disagree. What a service writes into ``security`` itself can.
"""

from __future__ import annotations

from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from ..rules import Policy
from ..scopes import ScopeHierarchy
from .openapi import SCHEME, lists_names, path_in_document, security_of


def documents_of(app: Flask) -> list[dict[str, Any]]:
    """Return the documents of the flask-smorest Apis of an app, as a client gets them."""
    apis = app.extensions.get("flask-smorest", {}).get("apis", {}).values()
    with app.app_context():
        return [api["ext_obj"].spec.to_dict() for api in apis]


def contradiction(
    document: dict[str, Any], route: Rule, method: str, policy: Policy, hierarchy: ScopeHierarchy
) -> str | None:
    """Return in a sentence what a document says otherwise about an operation; None if it agrees or does not have it."""
    operation = document.get("paths", {}).get(path_in_document(route), {}).get(method.lower())
    if operation is None:
        return None
    security: list[dict[str, list[str]]] = operation.get("security", document.get("security", []))
    is_open = not security or {} in security
    if is_open and policy.rules and not policy.optional:
        return "The OpenAPI document says that no token is needed, and the view is guarded. Correct its security."
    if not any(SCHEME in option for option in security):
        # The scheme is the service's own, and so is what its names mean: a password, or a guard of another library.
        return None
    if not is_open and not policy.rules:
        return "The OpenAPI document says that a token is needed, and the view is public. Set its security to []."
    names_scopes = lists_names(policy, document.get("openapi", "2.0"), hierarchy)
    if _as_sets(security) != _as_sets(security_of(policy, names_scopes=names_scopes, hierarchy=hierarchy)):
        return "The OpenAPI document asks for other scopes or roles than the guard. Take its security out."
    return None


def _as_sets(security: list[dict[str, list[str]]]) -> set[frozenset[tuple[str, frozenset[str]]]]:
    return {frozenset((scheme, frozenset(names)) for scheme, names in option.items()) for option in security}
