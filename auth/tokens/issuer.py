"""One trusted issuer, as data: all that the verifier needs to know about it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..keys.source import KeySource
from ..step_up import OPENID_LOGIN, LoginShape
from .profiles import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedIssuer:
    """One trusted issuer, and what its tokens have to look like."""

    keys: KeySource = field(repr=False)
    #: The accepted ``alg`` values: all HMAC or all asymmetric, never both (RFC 8725 §3.1).
    algorithms: frozenset[str]
    #: The exact ``iss`` values, all of the same issuer; empty accepts any, which only a shared secret allows.
    names: tuple[str, ...]
    #: The accepted ``aud`` values; empty if tokens must carry none (RFC 7519 §4.1.3).
    audience: frozenset[str]
    profile: Profile
    identity_claim: str
    #: The claims that say whether the identity claim was verified; one is there, and all that are there are true. Empty
    #: if it needs no such claim.
    identity_verified_by: tuple[str, ...] = ()
    required_claims: tuple[str, ...]
    #: The names of the members that lead to the tenant; empty if tokens name none.
    tenant_path: tuple[str, ...] = ()
    #: Seconds of clock difference forgiven.
    leeway: float
    #: How its tokens say how and when the user logged in; with the order of ``acr`` values and the leeway.
    login: LoginShape = field(default=OPENID_LOGIN, repr=False)
    #: Seconds after ``iat`` from which a token is refused, even if its ``exp`` is later.
    max_token_age: float | None
    #: The client ids whose logout tokens are meant for this service; empty if none are.
    logout_audience: frozenset[str] = frozenset()
    #: What stands in front of the identity claim in a user id; empty for the one issuer that owns the plain ids.
    user_prefix: str = ""
    #: The prefixes of the other issuers, with which no plain id may begin; empty if ``user_prefix`` is set.
    reserved_prefixes: tuple[str, ...] = ()

    @property
    def name(self) -> str | None:
        """The first of the names; None if any name is accepted."""
        return self.names[0] if self.names else None
