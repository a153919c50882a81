"""A token verified, in one straight read: syntax, issuer, algorithm, signature, type, audience, claims, times.

Nothing in a token is believed before its signature holds; its ``iss`` only selects the keys to verify with. The header
is never used to find a key (``jku``, ``x5u``, ``jwk``, ``x5c``). Knows no Flask and no HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ..access_token import AccessToken, freeze
from ..clock import system_time
from ..errors import InvalidIssuerError, InvalidSignatureError, MalformedTokenError
from ..keys.key_ring import KeyRing
from ..keys.source import KeySource
from ..keys.verification_key import VerificationKey
from ..scopes import FLAT, ScopeHierarchy
from ..wire.near_names import difference
from .claims import (
    check_actor,
    check_audience,
    check_claim_types,
    check_required,
    check_times,
    check_type,
    expected,
    identity,
    roles,
    scopes,
    tenant,
)
from .compact_jws import SignedToken, parse_compact
from .issuer import TrustedIssuer


class Verification(NamedTuple):
    """A token that was verified, and with what."""

    token: AccessToken
    #: Where the keys of its issuer come from, and the ring that held the right one.
    source: KeySource
    ring: KeyRing


class VerifiedSignature(NamedTuple):
    """A token whose signature is good."""

    token: SignedToken
    #: Its claims, without those that are null.
    claims: Mapping[str, Any]
    #: Who signed it.
    issuer: TrustedIssuer
    #: The keys of the issuer, one of which verified it.
    ring: KeyRing


class TokenVerifier:
    """Verifies access tokens of the issuers that are trusted. Threads may share it."""

    def __init__(
        self,
        issuers: Sequence[TrustedIssuer],
        *,
        max_token_bytes: int,
        clock: Callable[[], float] = system_time,
        scope_hierarchy: ScopeHierarchy = FLAT,
    ) -> None:
        """``clock`` returns seconds since the epoch."""
        self._issuers = {name: issuer for issuer in issuers for name in issuer.names or (None,)}
        self._max_token_bytes = max_token_bytes
        self._clock = clock
        self._scope_hierarchy = scope_hierarchy

    def verify(self, encoded: str, *, early: bool = False) -> Verification:
        """Return the token that a text is, every check passed, and the keys that verified it.

        ``early`` accepts a token that is not valid yet: to revoke it, not to let anybody in.

        Raises:
            InvalidTokenError: one of its subclasses; the token is to blame.
            KeysUnavailableError: the issuer's keys are unavailable; the token may be fine.
        """
        token, claims, issuer, ring = self.verify_signature(encoded, self._max_token_bytes, "AUTH_MAX_TOKEN_BYTES")
        check_type(token.header, claims, issuer)
        check_audience(claims, issuer)
        check_claim_types(claims, issuer)
        check_actor(claims)
        check_required(claims, issuer)
        user_id = identity(claims, issuer)
        granted, held = scopes(claims, issuer), roles(claims, issuer)
        valid_from, valid_until = check_times(claims, issuer, self._clock(), early=early)
        verified = AccessToken(
            user_id=user_id,
            issuer=claims.get("iss"),
            scopes=granted,
            roles=held,
            claims=freeze(token.claims),
            tenant_id=tenant(claims, issuer) if issuer.tenant_path else None,
            user_prefix=issuer.user_prefix,
            valid_from=valid_from,
            valid_until=valid_until,
            client_shape=issuer.profile.client,
            login_shape=issuer.login,
            scope_hierarchy=self._scope_hierarchy,
        )
        return Verification(verified, issuer.keys, ring)

    def verify_signature(self, encoded: str, max_bytes: int, bound: str) -> VerifiedSignature:
        """Return a token of any kind whose signature is that of a trusted issuer. What it says is not judged yet.

        Each kind has a bound of its own; ``bound`` is what the log calls ``max_bytes``.

        Raises:
            InvalidTokenError: one of its subclasses; the token is to blame.
            KeysUnavailableError: the issuer's keys are unavailable; the token may be fine.
        """
        token = parse_compact(encoded, max_bytes, bound)
        claims = without_null(token.claims)
        check_header(token.header)
        issuer = self.issuer_of(claims)
        check_algorithm(token.header, issuer)
        return VerifiedSignature(token, claims, issuer, check_signature(token, issuer.keys))

    def issuer_of(self, claims: Mapping[str, Any]) -> TrustedIssuer:
        """Return the issuer that a token names, compared exactly, before any key is looked up (RFC 8725 §3.8)."""
        name = claims.get("iss")
        # None is the name of the issuer that accepts any: a shared secret without AUTH_ISSUER, which is always alone.
        issuer = self._issuers.get(name if isinstance(name, str) else "") or self._issuers.get(None)
        if issuer is None:
            raise InvalidIssuerError(self._why_no_issuer(name))
        return issuer

    def _why_no_issuer(self, name: object) -> str:
        ours = [known for known in self._issuers if known is not None]
        if not isinstance(name, str):
            return f"iss is absent or not a string; {expected(ours)}"
        setting = "AUTH_ISSUER" if len(ours) == 1 else "one of our issuers"
        nearly = difference(name, ours)
        why = f"iss is not {setting}" if nearly is None else f"iss differs from {setting} only by {nearly}"
        return f"{why}; {expected(ours)}"


def without_null(claims: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the claims that say something: many serializers write null for what is absent."""
    if None not in claims.values():
        return claims
    return {name: value for name, value in claims.items() if value is not None}


def check_header(header: Mapping[str, Any]) -> None:
    """Refuse headers that cannot be meant for us (RFC 7515 §4.1)."""
    if not isinstance(header.get("alg"), str):
        raise MalformedTokenError("alg is not a string")
    if "kid" in header and not isinstance(header["kid"], str):
        raise MalformedTokenError("kid is not a string")
    if "crit" in header:
        # RFC 7515 §4.1.11: no extension is implemented here, so none that it lists is understood.
        raise MalformedTokenError("crit names an extension we do not know")
    if header.get("b64", True) is not True:
        raise MalformedTokenError("an unencoded payload (RFC 7797)")


def check_algorithm(header: Mapping[str, Any], issuer: TrustedIssuer) -> None:
    """Demand an accepted algorithm, before any key is looked up (RFC 8725 §3.1)."""
    if header["alg"] not in issuer.algorithms:
        raise InvalidSignatureError("alg is not one of AUTH_ALGORITHMS")


def check_signature(token: SignedToken, source: KeySource) -> KeyRing:
    """Demand a signature by a key that is made for the algorithm (RFC 8725 §3.1); return the ring with that key."""
    algorithm, key_id = token.header["alg"], token.header.get("kid")
    ring = source.current()
    tried = ring.candidates(algorithm, key_id)
    for key in tried:
        if key.verify(algorithm, token.signing_input, token.signature):
            return ring
    newer = source.newer(ring, key_id)
    if newer is not None:
        added = [key for key in newer.candidates(algorithm, key_id) if key not in tried]
        if any(key.verify(algorithm, token.signing_input, token.signature) for key in added):
            return newer
        tried = [*tried, *added]
    raise InvalidSignatureError(_why_not_verified(token, tried))


def _why_not_verified(token: SignedToken, tried: Sequence[VerificationKey]) -> str:
    """Say why no key verifies a signature. An issuer who decodes the shared secret from base64 has another key."""
    if not tried:
        return "no key fits alg and kid"
    decoded = filter(None, (key.decoded() for key in tried))
    if any(key.verify(token.header["alg"], token.signing_input, token.signature) for key in decoded):
        return "signed with what the secret stands for in base64, and here its text is the secret"
    return "the signature does not verify"
