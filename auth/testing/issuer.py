"""Tokens for tests and for trying things out: an issuer in a few lines, whose tokens a real verifier accepts.

In production tokens come from an authorization server; nothing in a running service uses this module.
"""

from __future__ import annotations

import copy
import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Self

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask
from jwt.api_jws import PyJWS

from ..clock import system_time
from ..errors import ConfigurationError
from ..flask.server import ServerState, state_of
from ..keys import StaticKeys, VerificationKey
from ..keys.algorithms import HMAC_MIN_BYTES, IMPLEMENTATIONS
from ..rules import role_names, scope_names
from ..settings.values import claim_path
from ..tokens.issuer import TrustedIssuer
from ..tokens.profiles import PROFILES
from ..wire.metadata import ResourceMetadata
from .claims import claim_of_roles, claims_of_client, names_as_guards_read_them, nested
from .signing_keys import PrivateKey, SigningKey, algorithms_for, generate_key, signing_key

#: The value of claims that have to be there and that mean nothing here.
_PLACEHOLDER = "development"
#: The client that such a claim names: no user is called that.
_CLIENT = "development-client"

_JWS = PyJWS()
for _name in ("Ed25519", "Ed448"):
    # PyJWT has no algorithm by these names (RFC 9864).
    _JWS.register_algorithm(_name, IMPLEMENTATIONS[_name])


class TokenIssuer:
    """Signs access tokens with one key.

    >>> issuer = TokenIssuer.generate("EdDSA", issuer="https://login.example", audience="https://api.example")
    >>> ResourceServer(app, keys=issuer.keys)
    >>> client.get("/reports", headers=issuer.authorization("alice", scopes="reports:read"))
    """

    def __init__(
        self,
        key: str | bytes | PrivateKey,
        *,
        algorithm: str | None = None,
        issuer: str | None = None,
        audience: str | list[str] | None = None,
        profile: str = "jwt",
        identity_claim: str | None = None,
        required_claims: Iterable[str] = (),
        tenant_claim: str | Sequence[str] = (),
        clock: Callable[[], float] = system_time,
    ) -> None:
        """``key`` is a secret, or a private key: one of ``cryptography``, or a text in PEM.

        Args:
            key: see above.
            algorithm: the ``alg`` of the tokens; by default the usual one of the key, such as HS256 or RS256.
            issuer: ``iss``.
            audience: ``aud``, or what the profile has in its place.
            profile: a value of ``AUTH_PROFILE``, which says how the tokens look.
            identity_claim: the claim that names the user; by default that of the profile.
            required_claims: claims that each token has, with a placeholder unless :meth:`issue` is given a value.
            tenant_claim: where tokens name the tenant, written like ``AUTH_TENANT_CLAIM``.
            clock: returns seconds since the epoch.

        Raises:
            ValueError: there is no such profile, or the key does not sign by the algorithm.
        """
        if profile not in PROFILES:
            raise ValueError(f"profile must be one of {', '.join(PROFILES)}; it is a value of AUTH_PROFILE.")
        self._key = signing_key(key)
        fitting = algorithms_for(self._key)
        if not fitting or (algorithm is not None and algorithm not in fitting):
            raise ValueError(f"This key signs by {', '.join(fitting) or 'no algorithm of JOSE'}.")
        #: ``alg`` of the tokens.
        self.algorithm: str = algorithm or fitting[0]
        #: ``iss`` of the tokens.
        self.issuer: str | None = issuer
        #: ``aud`` of the tokens, or what the profile has in its place.
        self.audience: str | list[str] | None = audience
        self._profile_name = profile
        self._profile = PROFILES[profile]
        #: The claim that names the user.
        self.identity_claim: str = identity_claim or self._profile.identity_claim
        self._required_claims = tuple(required_claims)
        self._tenant_path = claim_path(tenant_claim) if isinstance(tenant_claim, str) else tuple(tenant_claim)
        self._key_id: str | None = None
        self._clock = clock

    @classmethod
    def generate(cls, algorithm: str, **settings: Any) -> Self:
        """Return an issuer with a fresh key for ``algorithm``; ``settings`` are those of the constructor.

        Raises:
            ValueError: there is no such algorithm, or no such profile.
        """
        return cls(generate_key(algorithm), algorithm=algorithm, **settings)

    @staticmethod
    def for_app(app: Flask, *, clock: Callable[[], float] = system_time) -> TokenIssuer:
        """Return an issuer that signs with the shared secret of an app, and for its issuer and audience.

        If there are several issuers, it is the first that has a secret.

        Raises:
            ConfigurationError: the app verifies with public keys, so only their issuer can sign.
        """
        state: ServerState = state_of(app)
        for trusted in state.config.issuers:
            for algorithm in sorted(trusted.algorithms & HMAC_MIN_BYTES.keys()):
                key = next(iter(trusted.keys.current().candidates(algorithm, None)), None)
                if key is not None and isinstance(key.material, bytes):
                    metadata = state.config.metadata
                    return issuer_in_the_name_of(trusted, key.material, algorithm, clock, metadata)
        raise ConfigurationError(["This service verifies with public keys; only their issuer can sign tokens."])

    def with_key(self, key: SigningKey, algorithm: str) -> TokenIssuer:
        """Return an issuer that says the same, ``kid`` included, and signs with another key."""
        twin = copy.copy(self)
        twin._key, twin.algorithm = key, algorithm
        return twin

    @property
    def audience_claim(self) -> str:
        """The claim that holds :attr:`audience`."""
        return self._profile.audience_claim

    def now(self) -> int:
        """Return the time by the issuer's clock, in whole seconds since the epoch."""
        return int(self._clock())

    @property
    def keys(self) -> StaticKeys:
        """The key source that verifies these tokens, for ``ResourceServer(app, keys=…)``."""
        return StaticKeys(
            [VerificationKey.from_secret(self._key)]
            if isinstance(self._key, bytes)
            else [VerificationKey.from_pem(self.public_key)]
        )

    @property
    def public_key(self) -> str:
        """The public key in PEM, for ``AUTH_PUBLIC_KEY``."""
        if isinstance(self._key, bytes):
            raise TypeError("A shared secret has no public key.")
        pem = self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return pem.decode("ascii")

    @property
    def settings(self) -> dict[str, Any]:
        """The settings by which an app accepts these tokens, for ``app.config``.

        Set them before ``ResourceServer(app)`` is called. They take the place of every other source of keys as well.
        """
        is_secret = isinstance(self._key, bytes)
        return {
            "AUTH_ISSUERS": None,
            "AUTH_DISCOVERY": None,
            "AUTH_JWKS_URL": None,
            "AUTH_SECRET": self._key if is_secret else None,
            "AUTH_PUBLIC_KEY": None if is_secret else self.public_key,
            "AUTH_ALGORITHMS": [self.algorithm],
            "AUTH_ISSUER": self.issuer,
            "AUTH_AUDIENCE": self.audience,
            "AUTH_PROFILE": self._profile_name,
            "AUTH_IDENTITY_CLAIM": self.identity_claim,
            "AUTH_TENANT_CLAIM": [*self._tenant_path] or None,
        }

    def issue(
        self,
        user_id: str,
        *,
        scopes: str | Iterable[str] = (),
        roles: str | Iterable[str] = (),
        tenant: str | None = None,
        client_id: str | None = None,
        is_client: bool = False,
        actor: str | Mapping[str, Any] | None = None,
        expires_in: float | timedelta = 900,
        claims: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
    ) -> str:
        """Return a signed token for a user, valid from now for ``expires_in`` seconds.

        A negative time makes one that has expired; ``AUTH_LEEWAY`` forgives the first seconds of that.

        ``scopes`` and ``roles`` are written as in the guards: one text holds scopes with spaces between them, or one
        role. ``claims`` and ``headers`` are added last and may replace any; a claim that is None is left out. If the
        identity claim has to be verified, as ``email`` has, the token says that it was. With
        ``claims={"type": "refresh"}`` the token is of another kind, which every profile refuses.

        ``tenant`` is what the claim in ``AUTH_TENANT_CLAIM`` holds.

        ``client_id`` names the client that the token was issued to. ``is_client=True`` makes a client's own token in
        the shape of the profile: its user is the client. ``actor`` is who acts for the user: the ``sub`` of ``act``, or
        the whole of it (RFC 8693 §4.1).

        Raises:
            TypeError: the user is not text, or a scope or role is not a name.
            ValueError: there are roles, and tokens of this profile carry none; or the user of a client's own token is
                not the client.
        """
        if not isinstance(user_id, str):
            raise TypeError(
                f'The user of a token is text, such as "{user_id}"; any other value is refused. To see that, replace '
                f"the claim: claims={{{self.identity_claim!r}: …}}."
            )
        profile, now = self._profile, self.now()
        lifetime = expires_in.total_seconds() if isinstance(expires_in, timedelta) else expires_in
        names = (*self._required_claims, *profile.required_claims, *profile.one_of_claims[:1])
        demanded: dict[str, Any] = {name: _CLIENT if name in profile.client.claims else _PLACEHOLDER for name in names}
        demanded |= {"nbf": now} if "nbf" in names else {}
        made = {
            **demanded,
            **profile.fixed_claims,
            # If any issuer will do, a token may still need one.
            "iss": self.issuer or demanded.get("iss"),
            "aud": None,
            profile.audience_claim: self.audience,
            self.identity_claim: user_id,
            **dict.fromkeys((profile.verifying_claims(self.identity_claim) or ())[:1], True),
            profile.scope_claims[0]: " ".join(names_as_guards_read_them(scope_names, scopes))
            or demanded.get(profile.scope_claims[0]),
            **claim_of_roles(profile, names_as_guards_read_them(role_names, roles)),
            **self._with_tenant(tenant),
            **claims_of_client(
                profile.client, user_id, client_id, is_client=is_client, identity_claim=self.identity_claim
            ),
            "act": {"sub": actor} if isinstance(actor, str) else actor,
            "iat": now,
            "exp": now + lifetime,
            "jti": secrets.token_urlsafe(12),
            **(claims or {}),
        }
        present = {name: value for name, value in made.items() if value is not None}
        return self.sign(json.dumps(present, separators=(",", ":")).encode(), headers)

    def _with_tenant(self, tenant: str | None) -> dict[str, Any]:
        """Return the claim that names the tenant, if one is given."""
        if tenant is None:
            return {}
        if not self._tenant_path:
            raise ValueError("Tokens of this issuer name no tenant. Set tenant_claim, or AUTH_TENANT_CLAIM of the app.")
        return nested(self._tenant_path, tenant)

    def sign(self, payload: bytes, headers: Mapping[str, Any] | None = None) -> str:
        """Return a token with any payload, for tests of what is no claim at all; ``headers`` may replace any."""
        typ = {} if "jwt" in self._profile.types else {"typ": "at+jwt"}
        kid = {} if self._key_id is None else {"kid": self._key_id}
        return _JWS.encode(payload, self._key, algorithm=self.algorithm, headers={**typ, **kid, **(headers or {})})

    def authorization(self, user_id: str, **settings: Any) -> dict[str, str]:
        """Return the request headers with a token for a user; ``settings`` are those of :meth:`issue`."""
        return {"Authorization": f"Bearer {self.issue(user_id, **settings)}"}


def issuer_in_the_name_of(
    trusted: TrustedIssuer,
    key: SigningKey,
    algorithm: str,
    clock: Callable[[], float],
    metadata: ResourceMetadata | None,
) -> TokenIssuer:
    """Return an issuer whose tokens say all that an app demands of the tokens of an issuer it trusts.

    If the app is several resources, its tokens are for all those that it accepts the issuer's tokens for.
    """
    resources = () if metadata is None or len(metadata.resources) == 1 else metadata.named_by(trusted.audience)
    return TokenIssuer(
        key,
        algorithm=algorithm,
        issuer=trusted.name,
        audience=[resource.identifier for resource in resources] or min(trusted.audience, default=None),
        profile=next(name for name, profile in PROFILES.items() if profile is trusted.profile),
        identity_claim=trusted.identity_claim,
        required_claims=trusted.required_claims,
        tenant_claim=trusted.tenant_path,
        clock=clock,
    )
