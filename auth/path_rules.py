"""Whose path it is, as data: rules that compare the text of a path variable with the user or the tenant of a token.

Here it is decided who owns a path, who else may pass, and whether a refusal hides that the path is somebody's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .access_token import AccessToken
from .errors import AuthError, MisuseError, NotOwnerError, NotTenantError
from .identifiers import is_identifier


@dataclass(frozen=True, slots=True)
class OwnerRule:
    """The user of the token is the user that the path names, or the token grants what lets it pass."""

    #: The path variable that holds the user.
    param: str
    #: Whether a client with a token of its own owns the path of its id.
    clients: bool = False
    #: Scopes of which one lets any caller pass.
    unless_scope: tuple[str, ...] = ()
    #: Roles of which one lets any caller pass.
    unless_role: tuple[str, ...] = ()
    #: Whether a refusal says that there is no such resource, or the exception that the views raise for one.
    hide: bool | type[Exception] = False

    guard = "owns_path_user"
    optional = False
    asks_for_more = True

    def __post_init__(self) -> None:
        _check_param(self.guard, self.param, "user_id")
        if not isinstance(self.clients, bool):
            raise TypeError("owns_path_user takes True or False as clients.")
        if not isinstance(self.hide, bool):
            _check_hiding(self.hide)

    def check(self, token: AccessToken | None, path: Mapping[str, Any]) -> None:
        """Compare the identity claim with the text that stood in the path, character by character.

        Raises:
            NotOwnerError: they differ, or the token is a client's own and clients own nothing here; and the token
                grants nothing that lets it pass.
            MisuseError: the route has no such variable.
        """
        # As in _is_owned, without the call: almost every request ends here.
        if token is not None and token.user_id == path.get(self.param) and (self.clients or not token.is_client):
            return
        owner = _in_path(self, path)
        if token is None:
            raise self.refusal("the caller has no token")
        if self.override(token, owner) is not None:
            return
        if token.is_client and not self.clients:
            raise self.refusal("the token is a client's own, and the path is a user's", NotOwnerError.CLIENT)
        if granted := self._granted(token):
            raise self.refusal(f"{granted} does not count here: the path names no user of the token's issuer")
        raise self.refusal("the user of the token is not the user in the path")

    def override(self, token: AccessToken, owner: str) -> str | None:
        """Return in words what lets a caller pass who is not the owner; None if nothing does, or nothing has to.

        It does not matter whose token it is. The path has to name a user that its issuer can have: what one issuer
        grants opens no path of a user of another. Only the issuer of the plain ids, which has no prefix, is trusted
        with all paths.
        """
        prefix = token.user_prefix
        if self._is_owned(token, owner) or not owner.startswith(prefix) or not is_identifier(owner[len(prefix) :]):
            return None
        return self._granted(token)

    def _granted(self, token: AccessToken) -> str | None:
        for name in self.unless_scope:
            if name in token.effective_scopes:
                return f"scope {name}"
        for name in self.unless_role:
            if name in token.roles:
                return f"role {name}"
        return None

    def refusal(self, reason: str, message: str | None = None) -> NotOwnerError:
        """Return the error for a caller who is not the owner."""
        return NotOwnerError(reason, message, hide=self.hide)

    def _is_owned(self, token: AccessToken, owner: str) -> bool:
        return token.user_id == owner and (self.clients or not token.is_client)


@dataclass(frozen=True, slots=True)
class TenantRule:
    """The tenant of the token is the tenant that the path names."""

    #: The path variable that holds the tenant.
    param: str = "tenant_id"

    guard = "owns_path_tenant"
    optional = False
    asks_for_more = True

    def __post_init__(self) -> None:
        _check_param(self.guard, self.param, "tenant_id")

    def check(self, token: AccessToken | None, path: Mapping[str, Any]) -> None:
        """Compare the tenant with the text that stood in the path, character by character.

        Raises:
            NotTenantError: they differ, or the token names no tenant.
            MisuseError: the route has no such variable.
        """
        tenant = _in_path(self, path)
        if token is None or token.tenant_id is None:
            raise self.refusal("the token names no tenant, or in a way that cannot be read", NotTenantError.NONE)
        if token.tenant_id != tenant:
            raise self.refusal("the tenant of the token is not the tenant in the path")

    def refusal(self, reason: str, message: str | None = None) -> NotTenantError:
        """Return the error for a caller of another tenant."""
        return NotTenantError(reason, message)


def _check_param(guard: str, name: object, example: str) -> None:
    if not (isinstance(name, str) and name.isidentifier()):
        raise TypeError(f"{guard} takes the name of a path variable as param, such as {example}.")


def _check_hiding(kind: object) -> None:
    """Demand the class of an exception that can be raised without arguments, before a stranger is the first to try."""
    if not (isinstance(kind, type) and issubclass(kind, Exception)) or issubclass(kind, AuthError | MisuseError):
        raise TypeError(
            "owns_path_user takes True or False as hide, or the class of the exception that your views raise for an "
            "unknown resource. It is raised without arguments."
        )
    try:
        kind()
    # A constructor may fail in any way.
    except Exception as error:
        raise TypeError(
            f"owns_path_user raises {kind.__name__} as hide without arguments, and that class needs some. Use one that "
            "needs none, such as a subclass."
        ) from error


def _in_path(rule: OwnerRule | TenantRule, path: Mapping[str, Any]) -> str:
    """Return the text that a path has for the variable of a rule."""
    text = path.get(rule.param)
    if not isinstance(text, str):
        raise MisuseError(
            f"{rule.guard} needs <{rule.param}> in the route of the view; this route has no such variable. "
            "Correct the route or name its variable with param=."
        )
    return text
