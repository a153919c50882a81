"""From credentials to an access token: remembered or verified, and refused if it is bound to a key or revoked."""

from __future__ import annotations

from collections.abc import Callable

from .access_token import AccessToken
from .clock import system_time
from .errors import AuthError
from .revocation.revocations import Revocations
from .tokens.cache import TokenCache
from .tokens.claims import check_unbound
from .tokens.verifier import TokenVerifier
from .wire.bearer import parse_authorization
from .wire.credentials import Credentials

_SCHEME = "Bearer "


class Authenticator:
    """Decides who is calling, and remembers the tokens it has accepted. Threads may share it."""

    #: What has been revoked; None if the service has no denylist.
    revocations: Revocations | None = None

    def __init__(
        self, verifier: TokenVerifier, *, cache_size: int = 0, clock: Callable[[], float] = system_time
    ) -> None:
        """``cache_size`` is how many tokens are remembered; ``clock`` returns seconds since the epoch."""
        #: Verifies tokens anew; it knows the issuers, and nothing of what is remembered or revoked.
        self.verifier = verifier
        self._clock = clock
        self._cache = TokenCache(cache_size)

    def authenticate_field(self, authorization: str | None) -> tuple[AccessToken, bool]:
        """Return the access token in the value of an ``Authorization`` field, and whether it was remembered.

        ``authorization`` is None if a request has no such field.

        Raises:
            AuthError: there is no token, or one that is refused.
        """
        digest = None
        if authorization is not None:
            digest = self._cache.digest(authorization)
            known = self._cache.find(digest, self._clock())
            if known is not None:
                return known, True
        credentials = parse_authorization(authorization)
        if authorization is None or authorization[len(_SCHEME) :] != credentials.token:
            # A field with more space in it than usual. There is no end to these, so none is remembered.
            digest = None
        return self._verify(credentials, digest), False

    def verify(self, encoded: str) -> AccessToken:
        """Return the access token that a text is, for tokens that do not come in a field.

        Raises:
            InvalidTokenError: one of its kinds; the token is to blame.
            KeysUnavailableError: the issuer's keys are unavailable; the token may be fine.
        """
        digest = self._cache.digest(_SCHEME + encoded)
        known = self._cache.find(digest, self._clock())
        return self._verify(Credentials("bearer", encoded), digest) if known is None else known

    def _verify(self, credentials: Credentials, digest: bytes | None) -> AccessToken:
        verified = self.verifier.verify(credentials.token)
        check_unbound(verified.token.claims)
        self._cache.keep(digest, verified)
        return verified.token


class RevocationAuthenticator(Authenticator):
    """The same for a service with a denylist, which is asked for every token, remembered or not."""

    revocations: Revocations

    def __init__(
        self,
        verifier: TokenVerifier,
        revocations: Revocations,
        *,
        cache_size: int = 0,
        clock: Callable[[], float] = system_time,
    ) -> None:
        """``cache_size`` is how many tokens are remembered; ``clock`` returns seconds since the epoch."""
        super().__init__(verifier, cache_size=cache_size, clock=clock)
        self.revocations = revocations

    def authenticate_field(self, authorization: str | None) -> tuple[AccessToken, bool]:
        """Return the same as the class above, for a token that is not revoked.

        Raises:
            AuthError: there is no token, or one that is refused, or the denylist does not answer.
        """
        token, is_remembered = super().authenticate_field(authorization)
        try:
            self.revocations.check(token, lambda: parse_authorization(authorization).token)
        except AuthError as error:
            error.remembered = is_remembered
            raise
        return token, is_remembered

    def verify(self, encoded: str) -> AccessToken:
        """Return the access token that a text is, if it is not revoked.

        Raises:
            InvalidTokenError: one of its kinds; the token is to blame.
            KeysUnavailableError: the issuer's keys are unavailable; the token may be fine.
            DenylistUnavailableError: the denylist does not answer; the token may be fine.
        """
        token = super().verify(encoded)
        self.revocations.check(token, lambda: encoded)
        return token

    def revoke(self, encoded: str) -> None:
        """Revoke a token that this service would accept, now or later, revoked already or not.

        Raises:
            InvalidTokenError: one of its kinds; the service would refuse the token in any case.
            KeysUnavailableError: the issuer's keys are unavailable.
            DenylistUnavailableError: the denylist has not confirmed it.
        """
        token = self.verifier.verify(encoded, early=True).token
        check_unbound(token.claims)
        self.revocations.revoke(token, encoded)
