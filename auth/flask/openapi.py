"""What an OpenAPI document says about protected operations, derived from what is enforced.

Whenever the document is asked for, this reads the declaration that the request hook enforces. So a guard is documented
wherever it stands, and notes of the service itself stay unchanged. Documents of flask-smorest are filled in without a
line of the service, and nothing of it is imported. :mod:`..openapi` does the same for other documents.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, Final

from flask import Flask
from werkzeug.routing import Rule

from ..errors import (
    AuthError,
    AuthErrorCode,
    DelegatedTokenError,
    InsufficientRoleError,
    InsufficientScopeError,
    InsufficientUserAuthenticationError,
    KeysUnavailableError,
    MissingTokenError,
    NotOwnerError,
    NotTenantError,
    TokenExpiredError,
    WrongCallerError,
)
from ..rules import Policy, TokenRule
from ..scopes import FLAT, ScopeHierarchy
from ..wire.challenges import body_for
from .declarations import declaration_of, places_around
from .openapi_versions import describe_demands, sections_of_swagger
from .server import EXTENSION, ServerState

#: The name of the security scheme in the document.
SCHEME: Final = "bearerAuth"

#: How many alternatives ``security`` lists for an operation. They multiply: two guards with ten scopes each have 100.
MOST_ALTERNATIVES: Final = 16


def _answer(description: str, headers: dict[str, Any], *errors: AuthError) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/AuthError"}
    examples = {error.code.value: {"value": body_for(error)} for error in errors}
    return {
        "description": description,
        "headers": headers,
        "content": {"application/json": {"schema": schema, "examples": examples}},
    }


#: What every document with a protected operation holds, by section of ``components``.
COMPONENTS: Final[dict[str, dict[str, Any]]] = {
    "securitySchemes": {
        SCHEME: {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A JWT access token in the Authorization header (RFC 6750 §2.1). "
            "Swagger UI wants the token alone, without `Bearer`.",
        }
    },
    "schemas": {
        "AuthError": {
            "type": "object",
            "required": ["code", "status", "message", "error"],
            "properties": {
                "code": {"type": "integer", "description": "HTTP status code"},
                "status": {"type": "string", "description": "HTTP status phrase"},
                "message": {"type": "string", "description": "For people: what is wrong and what to do"},
                "error": {
                    "type": "string",
                    "enum": [code.value for code in AuthErrorCode],
                    "description": "A name for programs",
                },
            },
        }
    },
    "responses": {
        "AccessTokenRequired": _answer(
            "The access token is missing, expired, malformed, forged or meant for another service, or the user has to "
            "log in again or in a stronger way.",
            {
                "WWW-Authenticate": {
                    "description": "The challenge of RFC 6750 §3; without `error` where no credentials came. With "
                    "`acr_values` and `max_age` where another login is needed (RFC 9470 §3).",
                    "required": True,
                    "schema": {"type": "string"},
                    "example": 'Bearer realm="api", error="invalid_token"',
                }
            },
            TokenExpiredError(),
            MissingTokenError(),
            InsufficientUserAuthenticationError(["phr", "phrh"], 300),
        ),
        "AccessDenied": _answer(
            "The access token is valid and does not reach this: another user's or tenant's, the wrong caller's, or "
            "without a needed scope or role.",
            {
                "WWW-Authenticate": {
                    "description": "Only where a scope is missing: the scopes that are needed (RFC 6750 §3.1).",
                    "required": False,
                    "schema": {"type": "string"},
                    "example": 'Bearer realm="api", error="insufficient_scope", scope="reports:read"',
                }
            },
            NotOwnerError(),
            NotTenantError(),
            InsufficientScopeError(["reports:read"], missing="reports:read"),
            InsufficientRoleError(missing="admin"),
            WrongCallerError(),
            DelegatedTokenError(),
        ),
        "KeysUnavailable": _answer(
            "The keys of the issuer are not available at the moment; the token is not to blame.",
            {
                "Retry-After": {
                    "description": "Seconds after which to try again",
                    "schema": {"type": "integer"},
                    "example": 5,
                }
            },
            KeysUnavailableError(),
        ),
    },
}

#: A variable of a route, with or without a converter.
_VARIABLE = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")


def document_guards(app: Flask) -> None:
    """Make the document of each flask-smorest Api of an app describe the enforced guards."""
    for api in app.extensions.get("flask-smorest", {}).get("apis", {}).values():
        spec = api["ext_obj"].spec
        if not isinstance(spec.to_dict, _Documented):
            # apispec has no hook for a document that is being written out.
            spec.to_dict = _Documented(spec.to_dict, app)


class _Documented:
    """A spec's ``to_dict`` that fills in what the guards of an app demand."""

    def __init__(self, to_dict: Callable[[], dict[str, Any]], app: Flask) -> None:
        self._to_dict = to_dict
        self._app = app

    def __call__(self) -> dict[str, Any]:
        return describe_guards(self._to_dict(), self._app)


def describe_guards(document: Mapping[str, Any], app: Flask, *, prefix: str = "") -> dict[str, Any]:
    """Return an OpenAPI document with what the guards of an app demand and answer.

    Each guarded operation gets ``security`` and its 401, 403 and 503, each public one an empty ``security``. What the
    document says already stays. The version may be 3.1, 3.0 or Swagger 2.0.

    Args:
        document: a whole document, as a framework or a person has written it. It is not changed.
        app: the app that serves the operations.
        prefix: what the routes of the app begin with and the paths of the document do not, such as ``/api``.
    """
    described = deepcopy(dict(document))
    version = described.get("openapi", "2.0")
    if version == "2.0":
        _fill_in_sections(described, sections_of_swagger(COMPONENTS))
    else:
        _fill_in_sections(described.setdefault("components", {}), COMPONENTS)
    paths = {f"{prefix}{path}": item for path, item in described["paths"].items()}
    for route in app.url_map.iter_rules():
        path = paths.get(path_in_document(route))
        if path is not None:
            _fill_in_route(path, app, route, version)
    return described


def _fill_in_sections(components: dict[str, Any], sections: Mapping[str, Mapping[str, Any]]) -> None:
    """Add our components; what the service has put there itself wins."""
    for section, entries in sections.items():
        # flask-openapi3 writes None for what it leaves empty.
        components[section] = {**deepcopy(entries), **(components.get(section) or {})}


def path_in_document(route: Rule) -> str:
    """Return the path of a route as a document writes it: ``/users/{user_id}``."""
    return _VARIABLE.sub(r"{\1}", route.rule)


def _fill_in_route(path: dict[str, Any], app: Flask, route: Rule, version: str) -> None:
    """Describe the operations of a route that the document has."""
    view = app.view_functions.get(route.endpoint)
    if view is None:
        return
    for method in route.methods or ():
        operation = path.get(method.lower())
        if operation is not None:
            declaration = declaration_of(view, method, places_around(app, route.endpoint))
            if declaration.policy.rules:
                _fill_in(operation, declaration.policy, version, hierarchy_of(app))
            elif declaration.public:
                # An empty list takes a requirement of the whole document away (OpenAPI 3.1 §4.8.10).
                operation.setdefault("security", [])


def hierarchy_of(app: Flask) -> ScopeHierarchy:
    """Return which scopes imply others in an app; it may have no ResourceServer yet."""
    state: ServerState | None = app.extensions.get(EXTENSION)
    return FLAT if state is None else state.config.scope_hierarchy


def _fill_in(operation: dict[str, Any], policy: Policy, version: str, hierarchy: ScopeHierarchy) -> None:
    if "security" not in operation:
        names_scopes = lists_names(policy, version, hierarchy)
        operation["security"] = security_of(policy, names_scopes=names_scopes, hierarchy=hierarchy)
        describe_demands(operation, policy, hierarchy, names_scopes=names_scopes)
    place = "#/responses" if version == "2.0" else "#/components/responses"
    names = {"401": "AccessTokenRequired", "503": "KeysUnavailable"}
    if policy.forbids:
        names["403"] = "AccessDenied"
    responses = operation.setdefault("responses", {})
    for status, name in sorted(names.items()):
        responses.setdefault(status, {"$ref": f"{place}/{name}"})


def security_of(
    policy: Policy, *, names_scopes: bool = True, hierarchy: ScopeHierarchy = FLAT
) -> list[dict[str, list[str]]]:
    """Return the Security Requirement Objects of a policy: alternatives in a list, what is needed in each.

    For a scheme such as ours the names are "required for the execution" (OpenAPI 3.1 §4.8.30): scopes, then roles. A
    scope that implies one of them is an alternative; the first alternative is the one that grants least. In OpenAPI 3.0
    (§4.7.30) and in Swagger 2.0 that list must be empty; ``names_scopes=False`` leaves it so.
    """
    if not names_scopes:
        return [{SCHEME: []}, {}] if policy.optional else [{SCHEME: []}]
    choices = itertools.product(*_options(policy, hierarchy))
    listed = dict.fromkeys(tuple(dict.fromkeys(choice)) for choice in choices)
    security = [{SCHEME: [*names]} for names in listed]
    return [*security, {}] if policy.optional else security


def lists_names(policy: Policy, version: str, hierarchy: ScopeHierarchy = FLAT) -> bool:
    """Tell whether a document of a version of OpenAPI lists scopes and roles in ``security``."""
    return not version.startswith(("2.", "3.0.")) and alternatives_of(policy, hierarchy) <= MOST_ALTERNATIVES


def alternatives_of(policy: Policy, hierarchy: ScopeHierarchy = FLAT) -> int:
    """Return how many alternatives the scopes and roles of a policy have, without listing them."""
    return math.prod(map(len, _options(policy, hierarchy)))


def _options(policy: Policy, hierarchy: ScopeHierarchy) -> list[tuple[str, ...]]:
    """Return the lists of which a token needs one name each: what every rule needs first, then what it lets choose."""
    rules = _token_rules(policy)
    needed = [option for rule in rules for option in (*_each(rule.scopes, hierarchy), *_each(rule.roles, FLAT))]
    chosen = [option for rule in rules for option in (hierarchy.with_wider(rule.any_scope), rule.any_role) if option]
    return [*needed, *chosen]


def _each(names: tuple[str, ...], hierarchy: ScopeHierarchy) -> list[tuple[str, ...]]:
    return [hierarchy.with_wider((name,)) for name in names]


def _token_rules(policy: Policy) -> list[TokenRule]:
    return [rule for rule in policy.rules if isinstance(rule, TokenRule)]
