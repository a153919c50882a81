"""What can be wrong with a request for a protected resource.

Each class is one row of the error table: the status it is answered with, the code in the body, the sentence a client
reads, and, where RFC 6750 §3.1 registers one, the error code of the challenge. Nothing here knows Flask;
:mod:`.wire.challenges` puts these into HTTP.

:class:`ConfigurationError` and :class:`MisuseError` stand outside the family: the one stops the start, the other is a
fault in the service's code that a request runs into. No client ever reads either.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from http import HTTPStatus
from typing import ClassVar


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
    INSUFFICIENT_SCOPE = "insufficient_scope"
    INSUFFICIENT_ROLE = "insufficient_role"
    NOT_OWNER = "not_owner"
    UNDECLARED_ROUTE = "undeclared_route"
    KEYS_UNAVAILABLE = "keys_unavailable"


class AuthError(Exception):
    """Base of every error a protected resource answers with. Never raised itself."""

    code: ClassVar[AuthErrorCode]
    status: ClassVar[HTTPStatus]
    #: What the client reads: one fixed sentence per code.
    message: ClassVar[str]
    #: Whether the answer carries a ``WWW-Authenticate: Bearer`` challenge.
    challenges: ClassVar[bool] = True
    #: The ``error`` attribute of that challenge, if RFC 6750 §3.1 registers one for the case.
    challenge_error: ClassVar[str | None] = None
    #: The scopes that would have sufficed, for the ``scope`` attribute.
    scope: tuple[str, ...] = ()
    #: Seconds after which to try again, for ``Retry-After``.
    retry_after: int | None = None

    def __init__(self, reason: str = "") -> None:
        """Keep the exact cause for the log: our own words, never a part of the token or of the request."""
        super().__init__(reason or self.message)
        self.reason: str = reason or self.message


class MissingTokenError(AuthError):
    """The request carries no Bearer credentials. RFC 6750 §3.1: the challenge names no error then."""

    code = AuthErrorCode.MISSING_TOKEN
    status = HTTPStatus.UNAUTHORIZED
    message = "An access token is required."


class MalformedRequestError(AuthError):
    """The request carries more than one credential (RFC 6750 §2)."""

    code = AuthErrorCode.MALFORMED_REQUEST
    status = HTTPStatus.BAD_REQUEST
    message = "The request must carry exactly one Authorization header with one credential."
    challenge_error: ClassVar[str | None] = "invalid_request"


class InvalidTokenError(AuthError):
    """The access token is expired, malformed, forged, or meant for someone else. Never raised itself."""

    status = HTTPStatus.UNAUTHORIZED
    challenge_error: ClassVar[str | None] = "invalid_token"


class MalformedHeaderError(InvalidTokenError):
    """``Bearer`` is not followed by exactly one well-formed value (``b64token``, RFC 6750 §2.1)."""

    code = AuthErrorCode.MALFORMED_HEADER
    message = "The Authorization header must be Bearer, a space, and one token."


class MalformedTokenError(InvalidTokenError):
    """The token is too long, not three segments, not JSON objects, or holds members of the wrong type."""

    code = AuthErrorCode.MALFORMED_TOKEN
    message = "The access token is malformed."


class InvalidSignatureError(InvalidTokenError):
    """The signature, its algorithm or its key does not match (RFC 8725 §3.1)."""

    code = AuthErrorCode.INVALID_SIGNATURE
    message = "The signature of the access token is not valid."


class TokenExpiredError(InvalidTokenError):
    """``exp`` is reached, the second itself included (RFC 7519 §4.1.4), or the token is too old."""

    code = AuthErrorCode.TOKEN_EXPIRED
    message = "The access token has expired."


class TokenNotYetValidError(InvalidTokenError):
    """``nbf`` lies ahead (RFC 7519 §4.1.5), or ``iat`` does: a token from the future is refused as well."""

    code = AuthErrorCode.TOKEN_NOT_YET_VALID
    message = "The access token is not valid yet."


class InvalidIssuerError(InvalidTokenError):
    """``iss`` is absent or names no issuer that this service trusts (RFC 8725 §3.8)."""

    code = AuthErrorCode.INVALID_ISSUER
    message = "The access token comes from another issuer."


class InvalidAudienceError(InvalidTokenError):
    """``aud``, or the claim that ``AUTH_PROFILE`` has in its place, does not name this service (RFC 7519 §4.1.3)."""

    code = AuthErrorCode.INVALID_AUDIENCE
    message = "The access token is meant for another service."


class InvalidTypeError(InvalidTokenError):
    """The token is no bearer access token: of another kind (RFC 8725 §3.12), or bound by ``cnf`` (RFC 7800)."""

    code = AuthErrorCode.INVALID_TYPE
    message = "The token is not an access token for use as Bearer."


class MissingClaimError(InvalidTokenError):
    """A required claim is absent, null or of the wrong type, or the identity claim is not verified."""

    code = AuthErrorCode.MISSING_CLAIM
    message = "The access token lacks a required claim."


class TokenRevokedError(InvalidTokenError):
    """The token is on the denylist."""

    code = AuthErrorCode.TOKEN_REVOKED
    message = "The access token has been revoked."


class InsufficientScopeError(AuthError):
    """The token is good and does not grant what the view asks for (RFC 6750 §3.1)."""

    code = AuthErrorCode.INSUFFICIENT_SCOPE
    status = HTTPStatus.FORBIDDEN
    message = "The access token does not grant the required scope."
    challenge_error: ClassVar[str | None] = "insufficient_scope"

    def __init__(self, scope: Iterable[str], reason: str = "") -> None:
        super().__init__(reason)
        self.scope: tuple[str, ...] = tuple(scope)


class InsufficientRoleError(AuthError):
    """The user of the token lacks a role that the view asks for. RFC 6750 §3.1 registers no error for that."""

    code = AuthErrorCode.INSUFFICIENT_ROLE
    status = HTTPStatus.FORBIDDEN
    message = "The user of the access token does not have the required role."
    challenges = False


class NotOwnerError(AuthError):
    """The user of the token is not the user named in the path. No other token would be answered differently."""

    code = AuthErrorCode.NOT_OWNER
    status = HTTPStatus.FORBIDDEN
    message = "The access token belongs to another user."
    challenges = False


class UndeclaredRouteError(AuthError):
    """The view says nothing about who may enter and ``AUTH_DENY_BY_DEFAULT`` is on: no token opens it."""

    code = AuthErrorCode.UNDECLARED_ROUTE
    status = HTTPStatus.FORBIDDEN
    message = "Access to this resource has not been configured."
    challenges = False


class KeysUnavailableError(AuthError):
    """The issuer's keys are unavailable: the token may be fine, and the same request may work soon."""

    code = AuthErrorCode.KEYS_UNAVAILABLE
    status = HTTPStatus.SERVICE_UNAVAILABLE
    message = "The keys to verify access tokens are not available at the moment."
    challenges = False

    def __init__(self, reason: str = "", *, retry_after: int = 5) -> None:
        """``retry_after`` is in seconds."""
        super().__init__(reason)
        self.retry_after: int | None = retry_after


class ConfigurationError(Exception):
    """The settings cannot be safe, so the service must not start; :attr:`problems` names every reason and way out."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems: tuple[str, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        lines = "\n".join(f"  - {problem}" for problem in self.problems)
        super().__init__(f"This cannot work as configured:\n{lines}")


class MisuseError(RuntimeError):
    """The service's code uses the library in a way that cannot work, and a request or another task ran into it.

    The message says how to fix it. Nothing is let through: a request ends as the service's own 500.
    """
