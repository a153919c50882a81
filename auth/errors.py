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

#: What a client sends (RFC 6750 §2.1).
_HEADER = "Authorization: Bearer TOKEN"
_SEND_IT = f"Send it as {_HEADER}."


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
    NOT_TENANT = "not_tenant"
    WRONG_CALLER = "wrong_caller"
    DELEGATED_TOKEN = "delegated_token"
    UNDECLARED_ROUTE = "undeclared_route"
    KEYS_UNAVAILABLE = "keys_unavailable"


class AuthError(Exception):
    """Base of every error a protected resource answers with. Never raised itself."""

    code: ClassVar[AuthErrorCode]
    status: ClassVar[HTTPStatus]
    #: What the client reads: fixed sentences per code. They name a scope, a role or a claim only if the view or the
    #: settings ask for it.
    message: str
    #: Whether the answer carries a ``WWW-Authenticate: Bearer`` challenge.
    challenges: ClassVar[bool] = True
    #: The ``error`` attribute of that challenge, if RFC 6750 §3.1 registers one for the case.
    challenge_error: ClassVar[str | None] = None
    #: The scopes that would have sufficed, for the ``scope`` attribute.
    scope: tuple[str, ...] = ()
    #: Seconds after which to try again, for ``Retry-After``.
    retry_after: int | None = None
    #: Whether the client is told that there is no such resource, or the exception that the views raise for one.
    hide: bool | type[Exception] = False

    def __init__(self, reason: str = "", message: str | None = None) -> None:
        """Keep the exact cause for the log, and a message that fits it better than that of the class.

        Both are our own words, never a part of the token or of the request.
        """
        if message is not None:
            self.message = message
        super().__init__(reason or self.message)
        self.reason: str = reason or self.message


class MissingTokenError(AuthError):
    """The request carries no Bearer credentials. RFC 6750 §3.1: the challenge names no error then."""

    code = AuthErrorCode.MISSING_TOKEN
    status = HTTPStatus.UNAUTHORIZED
    message = f"An access token is required. {_SEND_IT}"
    OTHER_CREDENTIALS: ClassVar[str] = f"The Authorization header does not begin with Bearer. {_SEND_IT}"


class MalformedRequestError(AuthError):
    """The request carries more than one credential (RFC 6750 §2)."""

    code = AuthErrorCode.MALFORMED_REQUEST
    status = HTTPStatus.BAD_REQUEST
    message = f"The request carries more than one credential. Keep one: {_HEADER}."
    challenge_error: ClassVar[str | None] = "invalid_request"


class InvalidTokenError(AuthError):
    """The access token is expired, malformed, forged, or meant for someone else. Never raised itself."""

    status = HTTPStatus.UNAUTHORIZED
    challenge_error: ClassVar[str | None] = "invalid_token"


class MalformedHeaderError(InvalidTokenError):
    """``Bearer`` is not followed by exactly one well-formed value (``b64token``, RFC 6750 §2.1)."""

    code = AuthErrorCode.MALFORMED_HEADER
    message = f"The Authorization header must be Bearer, a space, and one token with nothing around it: {_HEADER}."
    EMPTY: ClassVar[str] = f"No access token follows Bearer in the Authorization header. {_SEND_IT}"


class MalformedTokenError(InvalidTokenError):
    """The token is too long, not three segments, not JSON objects, or holds members of the wrong type."""

    code = AuthErrorCode.MALFORMED_TOKEN
    message = "The access token is malformed. Send it unchanged, or get a new one."
    NOT_A_JWT: ClassVar[str] = (
        "The access token is not a JWT, which has three parts with dots between them. Ask its issuer for a JWT."
    )
    ENCRYPTED: ClassVar[str] = (
        "The access token is encrypted: it has five parts. Ask its issuer for a signed JWT, which has three."
    )
    PLACEHOLDER: ClassVar[str] = (
        "The client sent a word such as undefined or null as the access token. Let it fetch a token first."
    )
    TOO_LONG: ClassVar[str] = "The access token is longer than this service accepts. Ask its issuer for fewer claims."


class InvalidSignatureError(InvalidTokenError):
    """The signature, its algorithm or its key does not match (RFC 8725 §3.1)."""

    code = AuthErrorCode.INVALID_SIGNATURE
    message = "The signature of the access token is not valid. Send it unchanged, from the issuer of this service."


class TokenExpiredError(InvalidTokenError):
    """``exp`` is reached, the second itself included (RFC 7519 §4.1.4), or the token is too old."""

    code = AuthErrorCode.TOKEN_EXPIRED
    message = "The access token has expired."


class TokenNotYetValidError(InvalidTokenError):
    """``nbf`` lies ahead (RFC 7519 §4.1.5), or ``iat`` does: a token from the future is refused as well."""

    code = AuthErrorCode.TOKEN_NOT_YET_VALID
    message = "The access token is not valid yet. Try again later, or correct the clock of its issuer."


class InvalidIssuerError(InvalidTokenError):
    """``iss`` is absent or names no issuer that this service trusts (RFC 8725 §3.8)."""

    code = AuthErrorCode.INVALID_ISSUER
    message = "The access token comes from another issuer. Get one from the issuer of this service."


class InvalidAudienceError(InvalidTokenError):
    """``aud``, or the claim that ``AUTH_PROFILE`` has in its place, does not name this service (RFC 7519 §4.1.3)."""

    code = AuthErrorCode.INVALID_AUDIENCE
    message = "The access token is meant for another service. Ask its issuer for one for this service."


class InvalidTypeError(InvalidTokenError):
    """The token is no bearer access token: of another kind (RFC 8725 §3.12), or bound by ``cnf`` (RFC 7800)."""

    code = AuthErrorCode.INVALID_TYPE
    message = "The token is not an access token for use as Bearer. Send the access token, not an ID or refresh token."
    BOUND: ClassVar[str] = "The access token is bound to a key. Ask its issuer for one that can be used as Bearer."


class MissingClaimError(InvalidTokenError):
    """A required claim is absent, null or of the wrong type, or the identity claim is not verified."""

    code = AuthErrorCode.MISSING_CLAIM
    message = "The access token lacks a claim that is required here, or has an unusable value in it."

    @classmethod
    def absent(cls, *names: str) -> MissingClaimError:
        """Return the error for a token that has none of these claims."""
        listed = " and ".join(names)
        return cls(
            f"{listed} {'is' if len(names) == 1 else 'are'} absent or null",
            f"The access token lacks a claim that is required here: {' or '.join(names)}.",
        )

    @classmethod
    def unusable(cls, name: str, reason: str, wanted: str) -> MissingClaimError:
        """Return the error for a claim with a value that cannot be used; ``wanted`` says which could."""
        return cls(f"{name} {reason}", f"A claim of the access token cannot be used here: {name} must be {wanted}.")


class TokenRevokedError(InvalidTokenError):
    """The token is on the denylist."""

    code = AuthErrorCode.TOKEN_REVOKED
    message = "The access token has been revoked. Get a new one."


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


class KeysUnavailableError(AuthError):
    """The issuer's keys are unavailable: the token may be fine, and the same request may work soon."""

    code = AuthErrorCode.KEYS_UNAVAILABLE
    status = HTTPStatus.SERVICE_UNAVAILABLE
    message = "The keys to verify access tokens are not available at the moment. Try again later."
    challenges = False

    def __init__(self, reason: str = "", *, retry_after: int = 5) -> None:
        """``retry_after`` is in seconds."""
        super().__init__(reason)
        self.retry_after: int | None = retry_after


class ConfigurationError(Exception):
    """The settings cannot be safe, so the service must not start; :attr:`problems` names every reason and way out."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems: tuple[str, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(("This cannot work as configured:", *(f"  - {text}" for text in self.problems))))


class MisuseError(RuntimeError):
    """The service's code uses the library in a way that cannot work, and a request or another task ran into it.

    The message says how to fix it. Nothing is let through: a request ends as the service's own 500.
    """
