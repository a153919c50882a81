"""Tokens whose payload is some text: the vectors sign ``foo``, not claims. Not for tokens that carry claims.

The library verifies a signature on the way to the claims and nowhere else. Here such a token goes the whole of that
way, configuration, header, algorithm, choice of key and signature, with valid claims instead of its payload
and the signature checked over what the token really says.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from auth.errors import MalformedTokenError
from auth.keys import KeySource, SimpleKeySource, StaticKeys, VerificationKey
from auth.settings.service import AuthConfig
from auth.tokens.compact_jws import parse_compact
from tests.support.services import authenticator_of

ISSUER, AUDIENCE = "https://issuer.example", "https://api.example"
MAX_BYTES = 100_000


def encode(raw: bytes) -> str:
    """Return bytes in base64url without padding (RFC 7515 §2)."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Return the bytes of base64url without padding, as the vectors write keys."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


_CLAIMS = encode(json.dumps({"iss": ISSUER, "aud": AUDIENCE, "sub": "someone"}).encode())

_SETTINGS = {
    "AUTH_ISSUER": ISSUER,
    "AUTH_AUDIENCE": AUDIENCE,
    "AUTH_REQUIRED_CLAIMS": (),
    "AUTH_MAX_TOKEN_BYTES": MAX_BYTES,
}


def configured(jwks: Iterable[Mapping[str, Any]]) -> AuthConfig:
    """Return the configuration of a service that is given these keys: as secrets where they are ``oct``.

    Raises:
        ConfigurationError: the service would not start with them.
    """
    keys = list(jwks)
    secrets = [key for key in keys if key["kty"] == "oct"]
    return AuthConfig.from_mapping(
        {
            **_SETTINGS,
            "AUTH_SECRET": [decode(key["k"]) for key in secrets] or None,
            "AUTH_PUBLIC_KEY": [key for key in keys if key not in secrets] or None,
            "AUTH_ALGORITHMS": sorted({key["alg"] for key in secrets}) or None,
        }
    )


def configured_with(key: VerificationKey) -> AuthConfig:
    """Return the configuration of a service with this key, published as an example though it may be."""
    return AuthConfig.from_mapping({**_SETTINGS, "AUTH_ALGORITHMS": sorted(key.algorithms)}, keys=StaticKeys([key]))


def verify_text(encoded: str, config: AuthConfig) -> None:
    """Verify a token in compact serialization, whatever its payload says.

    Raises:
        InvalidTokenError: as :meth:`Authenticator.verify` does.
    """
    segments = encoded.split(".")
    if len(segments) != 3 or not segments[1]:
        parse_compact(encoded, MAX_BYTES)
        raise AssertionError("a token without three segments and a payload was taken apart")
    header, payload, signature = segments
    # The third place is where bytes of any kind may stand, so this judges how the payload is spelt.
    signed = parse_compact(f"{header}.{_CLAIMS}.{payload}", MAX_BYTES)
    if not signed.signature:
        raise MalformedTokenError("no payload")
    over = f"{header}.{payload}".encode("ascii")
    (issuer,) = config.issuers
    issuer = replace(issuer, keys=_KeysOver(issuer.keys, over))
    authenticator_of([issuer], max_token_bytes=MAX_BYTES).verify(f"{header}.{_CLAIMS}.{signature}")


@dataclass(frozen=True)
class _KeysOver(SimpleKeySource):
    """The keys of another source, checking signatures over ``signing_input`` whatever they are asked."""

    source: KeySource
    signing_input: bytes

    def keys_for(self, algorithm: str, key_id: str | None) -> Sequence[VerificationKey]:
        return [
            _KeyOver(key.key_id, key.algorithms, key.material, self.signing_input)
            for key in self.source.current().candidates(algorithm, key_id)
        ]


@dataclass(frozen=True, slots=True)
class _KeyOver(VerificationKey):
    really_signed: bytes

    def verify(self, algorithm: str, signing_input: bytes, signature: bytes) -> bool:
        return VerificationKey.verify(self, algorithm, self.really_signed, signature)
