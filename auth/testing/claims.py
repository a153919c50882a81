"""Where the claims of a token stand, by profile: the other direction of :mod:`..tokens.claims`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..callers import ClientShape
from ..tokens.profiles import ClaimPath, Profile


def names_as_guards_read_them(
    read: Callable[[str | Iterable[str] | None], tuple[str, ...]], names: str | Iterable[str]
) -> tuple[str, ...]:
    """Return names as the guards read them. Unlike a guard, a token may hold none."""
    given = names if isinstance(names, str) else tuple(names)
    return read(given or None)


def claim_of_roles(profile: Profile, roles: tuple[str, ...]) -> dict[str, Any]:
    """Return the claim that holds roles, if and how the profile has them."""
    if not roles:
        return {}
    if not profile.role_paths:
        raise ValueError("Tokens of this profile carry no roles.")
    value: Any = [*roles] if profile.role_separator is None else profile.role_separator.join(roles)
    return nested(profile.role_paths[0], value)


def nested(path: ClaimPath, value: Any) -> dict[str, Any]:
    """Return the claim that has a value at the end of a path."""
    first, *rest = path
    for name in reversed(rest):
        value = {name: value}
    return {str(first): value}


def claims_of_client(
    shape: ClientShape, user_id: str, client_id: str | None, *, is_client: bool, identity_claim: str
) -> dict[str, Any]:
    """Return the claims that name the client and, if asked for, make the token its own."""
    if not is_client:
        return {} if client_id is None else {shape.claims[0]: client_id}
    client = client_id or user_id
    named = {shape.claims[0]: client}
    if shape.is_subject:
        if identity_claim == "sub" and client != user_id:
            raise ValueError("The user of a client's own token is the client: leave client_id out.")
        return named | {"sub": client}
    name, text = shape.signs[0]
    return named | {name: text.replace("*", client)}
