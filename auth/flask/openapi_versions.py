"""Differences of older versions of OpenAPI: Swagger 2.0 has no bearer scheme; before 3.1, no scopes are listed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..path_rules import OwnerRule
from ..rules import Policy, TokenRule
from ..scopes import ScopeHierarchy


def sections_of_swagger(components: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the components of a document of OpenAPI 3 as the top-level sections of one of Swagger 2.0."""
    return {
        "securityDefinitions": {name: _scheme(scheme) for name, scheme in components["securitySchemes"].items()},
        "definitions": dict(components["schemas"]),
        "responses": {name: _response(response) for name, response in components["responses"].items()},
    }


def _scheme(scheme: dict[str, Any]) -> dict[str, Any]:
    said, _, _ = scheme["description"].partition(". ")
    description = f"{said}. Write `Bearer`, a space and the token."
    return {"type": "apiKey", "in": "header", "name": "Authorization", "description": description}


def _response(response: dict[str, Any]) -> dict[str, Any]:
    ((media_type, content),) = response["content"].items()
    # Swagger 2.0 has room for one example of each media type.
    example = next(iter(content["examples"].values()))["value"]
    section = content["schema"]["$ref"].rpartition("/")[2]
    headers = {
        name: {"type": header["schema"]["type"], "description": header["description"]}
        for name, header in response["headers"].items()
    }
    return {
        "description": response["description"],
        "headers": headers,
        "schema": {"$ref": f"#/definitions/{section}"},
        "examples": {media_type: example},
    }


def describe_demands(
    operation: dict[str, Any], policy: Policy, hierarchy: ScopeHierarchy, *, names_scopes: bool
) -> None:
    """Add to the description of an operation what its ``security`` does not say.

    That is who may call, how they logged in and what lets others pass. It is the scopes and roles as well, unless
    ``names_scopes`` says that they are listed there.
    """
    rules = [rule for rule in policy.rules if isinstance(rule, TokenRule)]
    demands = [] if names_scopes else [sentence for rule in rules for sentence in _sentences(rule, hierarchy)]
    demands += [sentence for rule in rules for sentence in _callers(rule)]
    demands += [_overrides(rule) for rule in policy.overridable]
    if demands:
        said = [operation["description"]] if operation.get("description") else []
        operation["description"] = "\n\n".join([*said, " ".join(dict.fromkeys(demands))])


def _sentences(rule: TokenRule, hierarchy: ScopeHierarchy) -> Iterable[str]:
    if rule.scopes:
        yield f"Required scopes: {_quoted(rule.scopes)}."
    if rule.any_scope:
        yield f"Required scopes, at least one of: {_quoted(rule.any_scope)}."
    if rule.roles:
        yield f"Required roles: {_quoted(rule.roles)}."
    if rule.any_role:
        yield f"Required roles, at least one of: {_quoted(rule.any_role)}."
    for name in (*rule.scopes, *rule.any_scope):
        if wider := hierarchy.wider_than(name):
            yield f"`{name}` is implied by: {_quoted(wider)}."


def _callers(rule: TokenRule) -> Iterable[str]:
    if rule.caller == "user":
        yield "Only with a user's token."
    if rule.caller == "client":
        yield "Only with a client's own token."
    if not rule.delegated:
        yield "Not with a delegated token (`act`)."
    if rule.acr:
        yield f"Only with a login by `acr`{' one of' * (len(rule.acr) > 1)}: {_quoted(rule.acr)}."
    if rule.max_age is not None:
        yield f"Only with a login at most {rule.max_age} seconds ago."


def _overrides(rule: OwnerRule) -> str:
    names = [("scope", rule.unless_scope), ("role", rule.unless_role)]
    passes = [f"the {kind} {' or '.join(_quoted([name]) for name in listed)}" for kind, listed in names if listed]
    return f"Other users than the one in the path need {' or '.join(passes)}."


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
