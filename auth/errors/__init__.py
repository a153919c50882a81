"""What can be wrong with a request for a protected resource.

Each class is one row of the error table: the status it is answered with, the code in the body, the sentence a client
reads, and, where RFC 6750 §3.1 or RFC 9470 §3 registers one, the error code of the challenge. Nothing here knows Flask;
:mod:`.wire.challenges` puts these into HTTP.

:class:`ConfigurationError` and :class:`MisuseError` stand outside the family: the one stops the start, the other is a
fault in the service's code that a request runs into. No client ever reads either.
"""

from __future__ import annotations

from .access import (
    DelegatedTokenError,
    InsufficientRoleError,
    InsufficientScopeError,
    InsufficientUserAuthenticationError,
    NotOwnerError,
    NotTenantError,
    UndeclaredRouteError,
    WrongCallerError,
)
from .base import AuthError, AuthErrorCode
from .misuse import ConfigurationError, MisuseError
from .token import (
    InvalidAudienceError,
    InvalidIssuerError,
    InvalidSignatureError,
    InvalidTokenError,
    InvalidTypeError,
    MalformedHeaderError,
    MalformedRequestError,
    MalformedTokenError,
    MissingClaimError,
    MissingTokenError,
    TokenExpiredError,
    TokenNotYetValidError,
    TokenRevokedError,
)
from .unavailable import DenylistUnavailableError, KeysUnavailableError

__all__ = [
    "AuthErrorCode",
    "AuthError",
    "MissingTokenError",
    "MalformedRequestError",
    "InvalidTokenError",
    "MalformedHeaderError",
    "MalformedTokenError",
    "InvalidSignatureError",
    "TokenExpiredError",
    "TokenNotYetValidError",
    "InvalidIssuerError",
    "InvalidAudienceError",
    "InvalidTypeError",
    "MissingClaimError",
    "TokenRevokedError",
    "InsufficientUserAuthenticationError",
    "InsufficientScopeError",
    "InsufficientRoleError",
    "NotOwnerError",
    "NotTenantError",
    "WrongCallerError",
    "DelegatedTokenError",
    "UndeclaredRouteError",
    "KeysUnavailableError",
    "DenylistUnavailableError",
    "ConfigurationError",
    "MisuseError",
]
