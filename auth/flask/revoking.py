"""What ``app.extensions["resource_server"]`` does with the denylist; :class:`~.ServerState` derives from it."""

from __future__ import annotations

from datetime import datetime

from ..authenticator import Authenticator, RevocationAuthenticator
from ..errors import MalformedTokenError, MisuseError
from ..revocation.revocations import DenylistStatus, Revocations


class Revoking:
    """Revokes tokens, sessions and users: all processes with the same denylist refuse them from then on."""

    __slots__ = ()

    authenticator: Authenticator

    @property
    def revocations(self) -> Revocations:
        """What has been revoked.

        Raises:
            MisuseError: the app has no denylist.
        """
        return self._with_denylist().revocations

    def revoke(self, token: object) -> None:
        """Revoke one token, given as its text: it is refused until it expires. It may be one that is not valid yet.

        Raises:
            InvalidTokenError: one of its kinds; the token is refused in any case, as it is given.
            KeysUnavailableError: the issuer's keys are unavailable, so nobody knows whether the token is real.
            DenylistUnavailableError: the denylist has not confirmed the revocation.
            MisuseError: the app has no denylist.
        """
        authenticator = self._with_denylist()
        if not isinstance(token, str):
            raise MalformedTokenError("not a text")
        authenticator.revoke(token)

    def revoke_session(self, issuer: str, session_id: str) -> None:
        """Revoke all tokens of one session (``sid``) at an issuer, named by its ``iss``.

        Raises:
            ValueError: the app does not trust that issuer, or the id is empty.
            DenylistUnavailableError: the denylist has not confirmed the revocation.
            MisuseError: the app has no denylist.
        """
        self.revocations.revoke_session(issuer, session_id)

    def revoke_user(self, user_id: str, before: datetime | float | None = None) -> None:
        """Revoke the tokens of a user (``AccessToken.user_id``) that were issued until a time, by default until now.

        The second of that time counts as before it. ``before`` is a datetime with a time zone, or seconds since the
        epoch. A later revocation of the same user adds to an earlier one.

        Raises:
            ValueError: the id is empty, or the time is no finite number, has no time zone, or is more than a day ahead.
            DenylistUnavailableError: the denylist has not confirmed the revocation.
            MisuseError: the app has no denylist.
        """
        if isinstance(before, datetime):
            if before.tzinfo is None:
                raise ValueError("The time has no time zone.")
            before = before.timestamp()
        self.revocations.revoke_user(user_id, before)

    def denylist_status(self) -> DenylistStatus | None:
        """Return whether the denylist answers, for readiness probes; None if the app has none.

        It reads an entry and writes one, so it waits at most twice as long as a request does.
        """
        revocations = self.authenticator.revocations
        return None if revocations is None else revocations.status()

    def _with_denylist(self) -> RevocationAuthenticator:
        if not isinstance(self.authenticator, RevocationAuthenticator):
            raise MisuseError("This app has no denylist. Set AUTH_DENYLIST to revoke tokens.")
        return self.authenticator
