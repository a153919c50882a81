"""What the OpenAPI document says about protected operations: security scheme, ``security``, 401, 403 and 503.

flask-smorest reads notes that stand on view functions (``_apidoc``), and its documents take options; this module writes
both and imports nothing of it. Without flask-smorest the notes are merely never read.
"""

from __future__ import annotations

import itertools
from copy import deepcopy
from typing import Any, Final

from flask import Flask

from ..errors import AuthErrorCode
from ..rules import AccessRule, OwnerRule, TokenRule

#: The name of the security scheme in the document.
SCHEME: Final = "bearerAuth"

_ERROR_SCHEMA = {
    "type": "object",
    "required": ["code", "status", "message", "error"],
    "properties": {
        "code": {"type": "integer", "description": "HTTP status code"},
        "status": {"type": "string", "description": "HTTP status phrase"},
        "message": {"type": "string", "description": "A sentence for people"},
        "error": {
            "type": "string",
            "enum": [code.value for code in AuthErrorCode],
            "description": "A name for programs",
        },
    },
}


def _response(description: str, headers: dict[str, Any], **example: Any) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/AuthError"}
    return {
        "description": description,
        "headers": headers,
        "content": {"application/json": {"schema": schema, "example": example}},
    }


def _challenge(description: str, example: str, *, required: bool) -> dict[str, Any]:
    return {
        "WWW-Authenticate": {
            "description": description,
            "required": required,
            "schema": {"type": "string"},
            "example": example,
        }
    }


#: What every document with a protected operation holds, by section of ``components``.
COMPONENTS: Final[dict[str, dict[str, Any]]] = {
    "securitySchemes": {
        SCHEME: {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A JWT access token in the Authorization header (RFC 6750 §2.1).",
        }
    },
    "schemas": {"AuthError": _ERROR_SCHEMA},
    "responses": {
        "AccessTokenRequired": _response(
            "The access token is missing, expired, malformed, forged or meant for another service.",
            _challenge(
                "The challenge of RFC 6750 §3; without `error` where no credentials came.",
                'Bearer realm="api", error="invalid_token"',
                required=True,
            ),
            code=401,
            status="Unauthorized",
            message="The access token has expired.",
            error="token_expired",
        ),
        "AccessDenied": _response(
            "The access token is valid and does not reach this: another user's, or without a needed scope or role.",
            _challenge(
                "Only where a scope is missing: the scopes that are needed (RFC 6750 §3.1).",
                'Bearer realm="api", error="insufficient_scope", scope="reports:read"',
                required=False,
            ),
            code=403,
            status="Forbidden",
            message="The access token belongs to another user.",
            error="not_owner",
        ),
        "KeysUnavailable": _response(
            "The keys of the issuer are not available at the moment; the token is not to blame.",
            {
                "Retry-After": {
                    "description": "Seconds after which to try again",
                    "schema": {"type": "integer"},
                    "example": 5,
                }
            },
            code=503,
            status="Service Unavailable",
            message="The keys to verify access tokens are not available at the moment.",
            error="keys_unavailable",
        ),
    },
}


def security_of(rules: tuple[AccessRule, ...]) -> list[dict[str, list[str]]]:
    """Return the Security Requirement Objects of a view's rules: alternatives in a list, what is needed in each.

    For a scheme such as ours the names are "required for the execution" (OpenAPI 3.1 §4.8.30): scopes, then roles.
    """
    token_rules = [rule for rule in rules if isinstance(rule, TokenRule)]
    needed = [name for rule in token_rules for name in (*rule.scopes, *rule.roles)]
    options = [option for rule in token_rules for option in (rule.any_scope, rule.any_role) if option]
    choices = itertools.product(*options)
    security = [{SCHEME: list(dict.fromkeys([*needed, *choice]))} for choice in choices]
    return [*security, {}] if all(rule.optional for rule in rules) else security


def note_rules(view: Any, rules: tuple[AccessRule, ...]) -> None:
    """Write onto a view function what its operation in the document has to say."""
    responses = {"401": "AccessTokenRequired", "503": "KeysUnavailable"}
    if any(isinstance(rule, OwnerRule) or rule.asks_for_more for rule in rules):
        responses["403"] = "AccessDenied"
    # functools.wraps has every wrapper share one dictionary with the function inside.
    note = deepcopy(getattr(view, "_apidoc", {}))
    manual = note.setdefault("manual_doc", {})
    manual["security"] = security_of(rules)
    manual.setdefault("responses", {}).update(
        {status: {"$ref": f"#/components/responses/{name}"} for status, name in sorted(responses.items())}
    )
    view._apidoc = note


def document_scheme(app: Flask) -> None:
    """Put :data:`COMPONENTS` into the document of each flask-smorest Api of an app that does not have them yet."""
    for api in app.extensions.get("flask-smorest", {}).get("apis", {}).values():
        spec = api["ext_obj"].spec
        components = spec.options.get("components", {})
        if any(entries.keys() - components.get(section, {}).keys() for section, entries in COMPONENTS.items()):
            spec.options = _with_components(spec.options)


def _with_components(options: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of spec options with our components; what the service has put there itself wins."""
    merged = deepcopy(options)
    components = merged.setdefault("components", {})
    for section, entries in COMPONENTS.items():
        components[section] = deepcopy(entries) | components.get(section, {})
    return merged
