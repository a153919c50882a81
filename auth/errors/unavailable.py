"""Why nobody can tell at the moment whether a token is good."""

from __future__ import annotations

from http import HTTPStatus

from .base import AuthError, AuthErrorCode


class _UnavailableError(AuthError):
    """The token may be fine, and the same request may work soon."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    challenges = False

    def __init__(self, reason: str = "", *, retry_after: int = 5) -> None:
        """``retry_after`` is in seconds."""
        super().__init__(reason)
        self.retry_after: int | None = retry_after


class KeysUnavailableError(_UnavailableError):
    """The issuer's keys are unavailable: the token may be fine, and the same request may work soon."""

    code = AuthErrorCode.KEYS_UNAVAILABLE
    message = "The keys to verify access tokens are not available at the moment. Try again later."


class DenylistUnavailableError(_UnavailableError):
    """The denylist does not answer: the token may be fine or revoked, and a revocation may be kept or not."""

    code = AuthErrorCode.DENYLIST_UNAVAILABLE
    message = "The service cannot check at the moment whether the access token has been revoked. Try again later."
