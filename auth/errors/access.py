"""Why a good access token does not open a view."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import ClassVar

from .base import AuthError, AuthErrorCode


class InsufficientUserAuthenticationError(AuthError):
    """The token is good, and the user has not logged in as the view asks, or too long ago (RFC 9470 §3)."""

    code = AuthErrorCode.INSUFFICIENT_USER_AUTHENTICATION
    status = HTTPStatus.UNAUTHORIZED
    message = "The user has to log in again for this request."
    challenge_error: ClassVar[str | None] = "insufficient_user_authentication"

    def __init__(self, acr_values: Iterable[str] = (), max_age: int | None = None, reason: str = "") -> None:
        """``acr_values`` are the kinds of login that the view accepts; ``max_age`` is in seconds."""
        self.acr_values: tuple[str, ...] = tuple(acr_values)
        self.max_age: int | None = max_age
        wanted = [f"with acr {' or '.join(self.acr_values)}"] if self.acr_values else []
        wanted += [] if max_age is None else [f"at most {max_age} seconds ago"]
        super().__init__(reason, f"This request needs a login of the user {', '.join(wanted)}." if wanted else None)


class InsufficientScopeError(AuthError):
    """The token is good and does not grant what the view asks for (RFC 6750 §3.1)."""

    code = AuthErrorCode.INSUFFICIENT_SCOPE
    status = HTTPStatus.FORBIDDEN
    message = "The access token lacks a scope that this request needs."
    challenge_error: ClassVar[str | None] = "insufficient_scope"

    def __init__(self, scope: Iterable[str], reason: str = "", missing: str = "") -> None:
        """``scope`` holds every scope that the view asks for; ``missing`` says which of them the token lacks."""
        super().__init__(reason, f"{self.message[:-1]}: {missing}." if missing else None)
        self.scope: tuple[str, ...] = tuple(scope)


class _ForbiddenError(AuthError):
    """The token is good, and no other one of the same kind would help, so there is no challenge."""

    status = HTTPStatus.FORBIDDEN
    challenges = False


class InsufficientRoleError(_ForbiddenError):
    """The user of the token lacks a role that the view asks for. RFC 6750 §3.1 registers no error for that."""

    code = AuthErrorCode.INSUFFICIENT_ROLE
    message = "The user of the access token lacks a role that this request needs."

    def __init__(self, reason: str = "", missing: str = "") -> None:
        """``missing`` says which of the roles that the view asks for the user lacks."""
        super().__init__(reason, f"{self.message[:-1]}: {missing}." if missing else None)


class NotOwnerError(_ForbiddenError):
    """The user of the token is not the user named in the path, or the token is a client's own (RFC 9068 §5)."""

    code = AuthErrorCode.NOT_OWNER
    message = "The access token belongs to another user than the one in the path."
    CLIENT: ClassVar[str] = "The access token is a client's own, and this path belongs to a user. Send a user's token."

    def __init__(self, reason: str = "", message: str | None = None, *, hide: bool | type[Exception] = False) -> None:
        """``hide`` answers with 404, or as the service answers that exception, and leaves the truth to the log."""
        super().__init__(reason, message)
        self.hide: bool | type[Exception] = hide


class NotTenantError(_ForbiddenError):
    """The tenant of the token (``AUTH_TENANT_CLAIM``) is not the one in the path, or the token names none."""

    code = AuthErrorCode.NOT_TENANT
    message = "The access token belongs to another tenant than the one in the path."
    NONE: ClassVar[str] = "The access token names no tenant, and this path belongs to one."


class WrongCallerError(_ForbiddenError):
    """The view is for users and the token is a client's own, or the other way round."""

    code = AuthErrorCode.WRONG_CALLER
    message = "This is for users, and the access token is a client's own. Send a user's token."
    USER: ClassVar[str] = "This is for clients with a token of their own, and the access token is a user's."


class DelegatedTokenError(_ForbiddenError):
    """Somebody acts for the user of the token (``act``, RFC 8693 §4.1), and the view is for the user alone."""

    code = AuthErrorCode.DELEGATED_TOKEN
    message = "Somebody acts for the user of the access token, and only the user may do this."


class UndeclaredRouteError(_ForbiddenError):
    """The view says nothing about who may enter and ``AUTH_DENY_BY_DEFAULT`` is on: no token opens it."""

    code = AuthErrorCode.UNDECLARED_ROUTE
    message = "Access to this resource has not been configured."
