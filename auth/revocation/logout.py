"""What a logout token ends: a session, or the tokens that its user has so far."""

from __future__ import annotations

from ..errors import TokenRevokedError
from ..tokens.logout_token import LogoutToken
from .keys import logout_name
from .revocations import Revocations


def end_what_it_names(logout: LogoutToken, revocations: Revocations) -> None:
    """Revoke the session or the tokens of the user that a verified logout token names.

    The end is kept before the id of the token is. If either fails, the issuer may send the same token again. The end is
    kept a second time then, which only makes it last longer.

    Raises:
        TokenRevokedError: the same logout token came before.
        DenylistUnavailableError: the denylist has not confirmed the end.
    """
    if logout.session_id is not None:
        revocations.revoke_session(logout.issuer, logout.session_id)
    if logout.user_id is not None:
        revocations.revoke_user(logout.user_id, logout.issued_at)
    if not revocations.add_once(logout_name(logout.issuer, logout.token_id), logout.valid_until):
        raise TokenRevokedError("the logout token came before: its jti is known")
