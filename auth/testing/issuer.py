"""Tokens for tests and for trying things out: an issuer in a few lines, whose tokens a real verifier accepts.

In production tokens come from an authorization server; nothing in a running service uses this module.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask

from ..errors import ConfigurationError
from ..flask.server import EXTENSION, ServerState
from ..keys import KeySource, StaticKeys, VerificationKey
from ..keys.algorithms import HMAC_MIN_BYTES, RSA_ALGORITHMS
from ..tokens.profiles import PROFILES, Profile

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey

#: The value of claims that a profile demands and that mean nothing here, such as the client.
_PLACEHOLDER = "development"

_CURVES: dict[str, type[ec.EllipticCurve]] = {
    "ES256": ec.SECP256R1,
    "ES384": ec.SECP384R1,
    "ES512": ec.SECP521R1,
}


class TokenIssuer:
    """Signs access tokens with one key.

    >>> issuer = TokenIssuer.generate("EdDSA", issuer="https://login.example", audience="https://api.example")
    >>> ResourceServer(app, keys=issuer.keys)
    >>> client.get("/reports", headers=issuer.authorization("alice", scopes=["reports:read"]))
    """

    def __init__(
        self,
        key: str | bytes | PrivateKey,
        *,
        algorithm: str = "HS256",
        issuer: str | None = None,
        audience: str | None = None,
        profile: str = "jwt",
        identity_claim: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``key`` is a secret or a private key of ``cryptography``; ``clock`` returns seconds since the epoch.

        ``profile`` is a value of ``AUTH_PROFILE``, which says how the tokens look, and what the identity claim is
        unless one is named.
        """
        self._key = key
        self._algorithm = algorithm
        self._issuer = issuer
        self._audience = audience
        self._profile = PROFILES[profile]
        self._identity_claim = identity_claim or self._profile.identity_claim
        self._clock = clock

    @classmethod
    def generate(cls, algorithm: str, **settings: Any) -> TokenIssuer:
        """Return an issuer with a fresh key for ``algorithm``; ``settings`` are those of the constructor.

        Raises:
            ValueError: PyJWT signs nothing by that name.
        """
        return cls(_generate_key(algorithm), algorithm=algorithm, **settings)

    @classmethod
    def for_app(cls, app: Flask, *, clock: Callable[[], float] = time.time) -> TokenIssuer:
        """Return an issuer that signs with the shared secret of an app, and for its issuer and audience.

        Where there are several issuers, it is the first that has a secret.

        Raises:
            ConfigurationError: the app verifies with public keys, so only their issuer can sign.
        """
        state: ServerState = app.extensions[EXTENSION]
        for config in state.config.issuers:
            for algorithm in sorted(config.algorithms & HMAC_MIN_BYTES.keys()):
                key = next(iter(config.keys.current().candidates(algorithm, None)), None)
                if key is not None and isinstance(key.material, bytes):
                    return cls(
                        key.material,
                        algorithm=algorithm,
                        issuer=config.name,
                        audience=min(config.audience, default=None),
                        profile=next(name for name, profile in PROFILES.items() if profile is config.profile),
                        identity_claim=config.identity_claim,
                        clock=clock,
                    )
        raise ConfigurationError(["This service verifies with public keys; only their issuer can sign tokens."])

    @property
    def keys(self) -> KeySource:
        """The key source that verifies this issuer's tokens: for ``ResourceServer(app, keys=…)``."""
        return StaticKeys(
            [VerificationKey.from_secret(self._key)]
            if isinstance(self._key, str | bytes)
            else [VerificationKey.from_pem(self.public_key)]
        )

    @property
    def public_key(self) -> str:
        """The public key in PEM: for ``AUTH_PUBLIC_KEY``."""
        if isinstance(self._key, str | bytes):
            raise TypeError("A shared secret has no public key.")
        pem = self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return pem.decode("ascii")

    def issue(
        self,
        user_id: str,
        *,
        scopes: Iterable[str] = (),
        roles: Iterable[str] = (),
        expires_in: float = 900,
        claims: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
    ) -> str:
        """Return a signed token for a user, valid from now for ``expires_in`` seconds.

        A negative number makes one that has expired; ``AUTH_LEEWAY`` forgives the first seconds of that.

        ``claims`` and ``headers`` are added last and may replace any; a claim that is None is left out. If the identity
        claim has to be verified, as ``email`` has, the token says that it was. With ``claims={"type": "refresh"}`` the
        token is of another kind, which every profile refuses: ``Profile.kind_exceptions`` names the exceptions of one.

        Raises:
            ValueError: there are roles, and tokens of this profile carry none.
        """
        profile, now = self._profile, int(self._clock())
        demanded = dict.fromkeys((*profile.required_claims, *profile.one_of_claims[:1]), _PLACEHOLDER)
        made = {
            **demanded,
            **profile.fixed_claims,
            # Where any issuer will do, there may have to be one nevertheless.
            "iss": self._issuer or demanded.get("iss"),
            "aud": None,
            profile.audience_claim: self._audience,
            self._identity_claim: user_id,
            **dict.fromkeys((profile.verifying_claims(self._identity_claim) or ())[:1], True),
            profile.scope_claims[0]: " ".join(scopes) or None,
            **_with_roles(profile, list(roles)),
            "iat": now,
            "exp": now + expires_in,
            "jti": secrets.token_urlsafe(12),
            **(claims or {}),
        }
        present = {name: value for name, value in made.items() if value is not None}
        type_ = {} if "jwt" in profile.types else {"typ": "at+jwt"}
        return jwt.encode(present, self._key, algorithm=self._algorithm, headers=type_ | dict(headers or {}))

    def authorization(self, user_id: str, **settings: Any) -> dict[str, str]:
        """Return the request headers with a token for a user; ``settings`` are those of :meth:`issue`."""
        return {"Authorization": f"Bearer {self.issue(user_id, **settings)}"}


def _with_roles(profile: Profile, roles: list[str]) -> dict[str, Any]:
    """Return the claim that holds roles, where and how the profile has them."""
    if not roles:
        return {}
    if not profile.role_paths:
        raise ValueError("Tokens of this profile carry no roles.")
    value: Any = roles if profile.role_separator is None else profile.role_separator.join(roles)
    first, *rest = profile.role_paths[0]
    for name in reversed(rest):
        value = {name: value}
    return {str(first): value}


def _generate_key(algorithm: str) -> bytes | PrivateKey:
    if algorithm in HMAC_MIN_BYTES:
        return secrets.token_bytes(HMAC_MIN_BYTES[algorithm])
    if algorithm in _CURVES:
        return ec.generate_private_key(_CURVES[algorithm]())
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm in RSA_ALGORITHMS:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    raise ValueError("Tokens are signed with HS256, HS384, HS512, RS…, PS…, ES256, ES384, ES512 or EdDSA.")
