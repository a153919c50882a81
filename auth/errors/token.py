"""Why a request shows no access token, or one that is refused."""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar

from .base import AuthError, AuthErrorCode

#: What a client sends (RFC 6750 §2.1).
_HEADER = "Authorization: Bearer TOKEN"
_SEND_IT = f"Send it as {_HEADER}."


class MissingTokenError(AuthError):
    """The request carries no Bearer credentials. RFC 6750 §3.1: the challenge names no error then."""

    code = AuthErrorCode.MISSING_TOKEN
    status = HTTPStatus.UNAUTHORIZED
    message = f"An access token is required. {_SEND_IT}"
    OTHER_CREDENTIALS: ClassVar[str] = f"The Authorization header does not begin with Bearer. {_SEND_IT}"


class MalformedRequestError(AuthError):
    """The request carries more than one credential (RFC 6750 §2), or it is no logout request.

    A logout request has a form of the right type, charset and size, with exactly one logout token in it (OpenID Connect
    Back-Channel Logout 1.0 §2.5).
    """

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
    """The token, its session or its user is on the denylist; or it is a logout token that came before."""

    code = AuthErrorCode.TOKEN_REVOKED
    message = "The access token has been revoked. Get a new one."
