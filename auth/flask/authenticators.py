"""Makes what decides who is calling, from the settings of an app."""

from __future__ import annotations

from collections.abc import Callable

from ..authenticator import Authenticator, RevocationAuthenticator
from ..revocation.revocations import Revocations
from ..settings.service import AuthConfig
from ..tokens.verifier import TokenVerifier


def authenticator_for(config: AuthConfig, clock: Callable[[], float]) -> Authenticator:
    """Return what decides who is calling, by the settings of an app; ``clock`` returns seconds since the epoch."""
    verifier = TokenVerifier(
        config.issuers,
        max_token_bytes=config.max_token_bytes,
        clock=clock,
        scope_hierarchy=config.scope_hierarchy,
    )
    settings, size = config.denylist, config.token_cache_size
    if settings is None:
        return Authenticator(verifier, cache_size=size, clock=clock)
    revocations = Revocations(
        settings.open(clock), config.issuers, refuses=settings.refuses, keep=settings.keep, clock=clock
    )
    return RevocationAuthenticator(verifier, revocations, cache_size=size, clock=clock)
