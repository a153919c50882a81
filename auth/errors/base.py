"""The codes of all errors, and what each error has."""

from __future__ import annotations

from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from ..access_token import AccessToken


class AuthErrorCode(StrEnum):
    """The value of ``error`` in the body of an answer. Clients may rely on every one of them."""

    MISSING_TOKEN = "missing_token"
    MALFORMED_REQUEST = "malformed_request"
    MALFORMED_HEADER = "malformed_header"
    MALFORMED_TOKEN = "malformed_token"
    INVALID_SIGNATURE = "invalid_signature"
    TOKEN_EXPIRED = "token_expired"
    TOKEN_NOT_YET_VALID = "token_not_yet_valid"
    INVALID_ISSUER = "invalid_issuer"
    INVALID_AUDIENCE = "invalid_audience"
    INVALID_TYPE = "invalid_type"
    MISSING_CLAIM = "missing_claim"
    TOKEN_REVOKED = "token_revoked"
    INSUFFICIENT_USER_AUTHENTICATION = "insufficient_user_authentication"
    INSUFFICIENT_SCOPE = "insufficient_scope"
    INSUFFICIENT_ROLE = "insufficient_role"
    NOT_OWNER = "not_owner"
    NOT_TENANT = "not_tenant"
    WRONG_CALLER = "wrong_caller"
    DELEGATED_TOKEN = "delegated_token"
    UNDECLARED_ROUTE = "undeclared_route"
    KEYS_UNAVAILABLE = "keys_unavailable"
    DENYLIST_UNAVAILABLE = "denylist_unavailable"


class AuthError(Exception):
    """Base of every error a protected resource answers with. Never raised itself."""

    code: ClassVar[AuthErrorCode]
    status: ClassVar[HTTPStatus]
    #: What the client reads: fixed sentences per code. They name a scope, a role or a claim only if the view or the
    #: settings ask for it.
    message: str
    #: Whether the answer carries a ``WWW-Authenticate: Bearer`` challenge.
    challenges: ClassVar[bool] = True
    #: The ``error`` attribute of that challenge, if RFC 6750 §3.1 or RFC 9470 §3 registers one for the case.
    challenge_error: ClassVar[str | None] = None
    #: The scopes that would have sufficed, for the ``scope`` attribute.
    scope: tuple[str, ...] = ()
    #: The kinds of login of which one would have sufficed, and how many seconds ago at most, for the attributes
    #: ``acr_values`` and ``max_age`` (RFC 9470 §3).
    acr_values: tuple[str, ...] = ()
    max_age: int | None = None
    #: The verified token, if the denylist is why it is refused; for the log, never for the answer.
    token: AccessToken | None = None
    #: Whether that token had been verified before and was only looked up.
    remembered: bool = False
    #: Seconds after which to try again, for ``Retry-After``.
    retry_after: int | None = None
    #: Whether the client is told that there is no such resource, or the exception that the views raise for one.
    hide: bool | type[Exception] = False
    #: Whether the route declares nothing, so that the fault is the service's and not the caller's.
    undeclared: bool = False

    def __init__(self, reason: str = "", message: str | None = None) -> None:
        """Keep the exact cause for the log, and a message that fits it better than that of the class.

        Both are our own words, never a part of the token or of the request.
        """
        if message is not None:
            self.message = message
        super().__init__(reason or self.message)
        self.reason: str = reason or self.message
