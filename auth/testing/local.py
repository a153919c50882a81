"""Issuers of our own that replace those an app trusts: apart from the keys, the app stays as in production.

Every token is verified as always. Only the keys come from here, so no test asks the network for any.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from flask import Flask

from ..flask.authenticators import authenticator_for
from ..flask.observers import observe_replaced
from ..flask.server import ServerState, state_of
from ..keys import KeySource, StaticKeys
from ..keys.algorithms import RSA_ALGORITHMS, SYMMETRIC_ALGORITHMS
from ..tokens.issuer import TrustedIssuer
from .issuer import TokenIssuer, issuer_in_the_name_of
from .signing_keys import SigningKey, generate_key

#: The key in ``app.extensions`` of the issuers that stand in.
_LOCAL = "resource_server.testing"

#: Those whose keys are made quickly come first.
_PREFERENCE = ("ES256", "EdDSA", *SYMMETRIC_ALGORITHMS, "ES384", "ES512", "Ed25519", "Ed448", *RSA_ALGORITHMS)

#: Issuers by their names, the first of which is in the tokens; None is the name of one that may have any.
Issuers = Mapping[str | None, TokenIssuer]


@contextmanager
def local_issuers(app: Flask) -> Iterator[Issuers]:
    """Let an app accept tokens that are signed here, and return who signs them, by the name of each issuer it trusts.

    Their tokens have the issuer, the audience, the algorithm and the shape that the settings ask for. No key is fetched
    within the block. Keys that stand in the settings are still good.

    Raises:
        MisuseError: the app has no ResourceServer.
    """
    state = state_of(app)
    if _LOCAL in app.extensions:
        yield app.extensions[_LOCAL]
        return
    before = state.config, state.authenticator
    pairs = [_stand_in(trusted, number, state) for number, trusted in enumerate(state.config.issuers)]
    app.extensions[_LOCAL] = issuers = {trusted.name: issuer for trusted, issuer in pairs}
    state.config = replace(state.config, issuers=tuple(trusted for trusted, _ in pairs))
    state.authenticator = authenticator_for(state.config, state.clock)
    observe_replaced(state)
    try:
        yield issuers
    finally:
        state.config, state.authenticator = before
        del app.extensions[_LOCAL]


@contextmanager
def local_issuer(app: Flask) -> Iterator[TokenIssuer]:
    """Do the same as :func:`local_issuers` and return the first of them: that of an app that trusts a single one."""
    with local_issuers(app) as issuers:
        yield next(iter(issuers.values()))


@functools.cache
def _key(algorithm: str, _number: int) -> SigningKey:
    """Return the key of one issuer of an app, the same for all tests of a process: an RSA key takes a while to make."""
    return generate_key(algorithm)


def _stand_in(trusted: TrustedIssuer, number: int, state: ServerState) -> tuple[TrustedIssuer, TokenIssuer]:
    """Return an issuer as the app is to trust it, and who signs in its name."""
    algorithm = next(name for name in _PREFERENCE if name in trusted.algorithms)
    issuer = issuer_in_the_name_of(trusted, _key(algorithm, number), algorithm, state.clock, state.config.metadata)
    return replace(trusted, keys=_beside(trusted.keys, issuer.keys)), issuer


def _beside(keys: KeySource, ours: StaticKeys) -> StaticKeys:
    """Return our keys, and those that stand in the settings: another issuer of the test may sign with them."""
    given = keys.current().keys if isinstance(keys, StaticKeys) else ()
    return StaticKeys([*ours.current().keys, *given])


def signer(issuers: Issuers, name: str | None) -> TokenIssuer:
    """Return the issuer of a name; the first one if none is named.

    Raises:
        LookupError: the app trusts none by that name.
    """
    if name is None:
        return next(iter(issuers.values()))
    if name not in issuers:
        raise LookupError(f"The app trusts no issuer {name}; it trusts {', '.join(map(str, issuers))}.")
    return issuers[name]
