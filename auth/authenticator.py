"""From credentials to an access token: verified or remembered, and refused if it is bound to a key."""

from __future__ import annotations

from .access_token import AccessToken
from .errors import InvalidTypeError
from .tokens.verifier import TokenVerifier
from .wire.bearer import parse_authorization
from .wire.credentials import Credentials


class Authenticator:
    """Decides who is calling. Threads may share it."""

    def __init__(self, verifier: TokenVerifier) -> None:
        self._verifier = verifier

    def authenticate_field(self, authorization: str | None) -> AccessToken:
        """Return the access token in the value of an ``Authorization`` field; None if a request has no such field.

        Raises:
            AuthError: there is no token, or one that is refused.
        """
        if authorization is not None and authorization.startswith("Bearer "):
            # What was verified before was well-formed, so it need not be parsed again.
            known = self._verifier.remembered(authorization[7:])
            if known is not None and not _is_bound(known):
                return known
        return self.authenticate(parse_authorization(authorization))

    def authenticate(self, credentials: Credentials) -> AccessToken:
        """Return the access token that the credentials show, every check passed.

        Raises:
            InvalidTokenError: one of its kinds; the token is to blame.
            KeysUnavailableError: the issuer's keys are unavailable; the token may be fine.
        """
        token = self._verifier.verify(credentials.token)
        if _is_bound(token):
            # RFC 7800 §3.1: nothing proves that the caller has the key.
            raise InvalidTypeError("bound to a key by cnf, not a bearer token (RFC 7800)")
        return token


def _is_bound(token: AccessToken) -> bool:
    return token.claims.get("cnf") is not None
