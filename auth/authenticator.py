"""From credentials to an access token: verified or remembered, and refused if it is bound to a key."""

from __future__ import annotations

from .access_token import AccessToken
from .errors import MalformedTokenError
from .tokens.claims import check_unbound
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
            try:
                return _unbound(self._verifier.verify(authorization[7:]))
            except MalformedTokenError:
                # Only a well-formed token can be verified. This token is malformed, or the field is written in a rare
                # way.
                return self.authenticate(parse_authorization(authorization))
        return self.authenticate(parse_authorization(authorization))

    def authenticate(self, credentials: Credentials) -> AccessToken:
        """Return the access token that the credentials show, every check passed.

        Raises:
            InvalidTokenError: one of its kinds; the token is to blame.
            KeysUnavailableError: the issuer's keys are unavailable; the token may be fine.
        """
        return _unbound(self._verifier.verify(credentials.token))


def _unbound(token: AccessToken) -> AccessToken:
    check_unbound(token.claims)
    return token
