"""A logout token judged: by it an issuer says that a session is over, or all tokens of a user.

OpenID Connect Back-Channel Logout 1.0 §2.4 says what it holds, and §2.6 what to check. Syntax, issuer, algorithm, keys
and signature are judged in :mod:`.verifier`, as those of access tokens are. Whether the same token came before is not
known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..errors import InvalidAudienceError, InvalidTypeError, MissingClaimError, TokenExpiredError
from ..identifiers import is_identifier
from .claims import audiences, check_claim_types, check_times, expected, identity
from .issuer import TrustedIssuer
from .kinds import media_type
from .verifier import TokenVerifier

#: The most bytes in the body of a logout request, and the most characters of the token in it. The token has to be
#: checked as well: if a hook of the service has parsed the form, nobody knows how long the body was.
MAX_BYTES = 8192

#: Seconds for which a logout token is good after its ``iat``; §2.4 recommends two minutes at most.
MAX_AGE = 120

#: The member of ``events`` that every logout token has, and no other token.
EVENT = "http://schemas.openid.net/event/backchannel-logout"

#: ``typ`` in lower case and without ``application/``. §2.4 recommends it, so issuers may leave it out.
_TYPES = frozenset({None, "logout+jwt"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutToken:
    """What a verified logout token says. Either a session or a user is set."""

    #: The name of the issuer that signed it; the first if it has several.
    issuer: str
    #: ``jti``.
    token_id: str
    #: ``sid``, the session that is over.
    session_id: str | None
    #: The user whose tokens are over, as access tokens name the user.
    user_id: str | None
    #: ``iat``, in seconds since the epoch.
    issued_at: float
    #: The second from which the token is refused anyway, so that nobody has to remember it any longer.
    valid_until: float


def verify_logout_token(encoded: str, verifier: TokenVerifier, now: float) -> LogoutToken:
    """Return what a logout token says, every check passed; ``now`` is in seconds since the epoch.

    ``verifier`` is that of the access tokens; its bound for their length does not count here.

    Raises:
        InvalidTokenError: one of its subclasses; the token is to blame.
        KeysUnavailableError: the issuer's keys are unavailable; the token may be fine.
    """
    token, claims, issuer, _ = verifier.verify_signature(encoded, MAX_BYTES, f"{MAX_BYTES} bytes")
    _check_kind(token.header, token.claims)
    _check_audience(claims, issuer)
    check_claim_types(claims, issuer)
    valid_until = _check_times(claims, issuer, now)
    session_id = _text(claims, "sid") if "sid" in claims else None
    return LogoutToken(
        issuer=issuer.names[0],
        token_id=_text(claims, "jti"),
        session_id=session_id,
        user_id=_user(claims, issuer) if session_id is None else None,
        issued_at=claims["iat"],
        valid_until=valid_until,
    )


def _check_kind(header: Mapping[str, Any], claims: Mapping[str, Any]) -> None:
    """Accept logout tokens only: an issuer signs its other tokens with the same keys (RFC 8725 §3.11 and §3.12)."""
    if media_type(header) not in _TYPES:
        raise InvalidTypeError("typ is not logout+jwt")
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise InvalidTypeError("events does not hold the object of a back-channel logout")
    if "nonce" in claims:
        # §2.4 prohibits it, so that no ID token can be taken for a logout token. Null counts too.
        raise InvalidTypeError("nonce must not be in a logout token")


def _check_audience(claims: Mapping[str, Any], issuer: TrustedIssuer) -> None:
    if issuer.logout_audience.isdisjoint(audiences(claims) or ()):
        ours = expected(sorted(issuer.logout_audience)) if issuer.logout_audience else "it is not set for this issuer"
        raise InvalidAudienceError(f"aud names none of AUTH_LOGOUT_AUDIENCE; {ours}")


def _check_times(claims: Mapping[str, Any], issuer: TrustedIssuer, now: float) -> float:
    """Check the times of a logout token; return the second from which it is refused."""
    if "iat" not in claims:
        raise MissingClaimError.absent("iat")
    # AUTH_MAX_TOKEN_AGE is about access tokens.
    _, expires = check_times(claims, replace(issuer, max_token_age=None), now)
    ends: float = min(expires, claims["iat"] + MAX_AGE + issuer.leeway)
    if now >= ends:
        raise TokenExpiredError(f"issued more than {MAX_AGE} seconds ago")
    return ends


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if value is None:
        raise MissingClaimError.absent(name)
    if not isinstance(value, str) or not is_identifier(value):
        raise MissingClaimError.unusable(
            name, "names nothing", "a string that is not blank and has no control characters"
        )
    return value


def _user(claims: Mapping[str, Any], issuer: TrustedIssuer) -> str:
    """Return the user in ``sub``, behind the prefix of the issuer.

    A logout token has no other claim about the user. If another one names users here, nobody knows whose ``sub`` it is.
    """
    if issuer.identity_claim != "sub":
        raise MissingClaimError("sid is absent, and sub does not name the user by AUTH_IDENTITY_CLAIM")
    return identity(claims, issuer)
