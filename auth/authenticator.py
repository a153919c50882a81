"""From credentials to an access token: verified or remembered, and not bound to a key that nobody shows."""

from __future__ import annotations

from .access_token import AccessToken
from .errors import InvalidTypeError
from .tokens.verifier import TokenVerifier
from .wire.credentials import Credentials


class Authenticator:
    """Decides who is calling. Threads may share it."""

    def __init__(self, verifier: TokenVerifier) -> None:
        self._verifier = verifier

    def authenticate(self, credentials: Credentials) -> AccessToken:
        """Return the access token that the credentials show, every check passed.

        Raises:
            InvalidTokenError: one of its kinds; the token is to blame.
            KeysUnavailableError: the issuer's keys are unavailable; the token may be fine.
        """
        token = self._verifier.verify(credentials.token)
        if token.claims.get("cnf") is not None:
            # RFC 7800 §3.1: the token is bound to a key, and nothing proves that the caller has it.
            raise InvalidTypeError("bound to a key by cnf, not a bearer token (RFC 7800)")
        return token
