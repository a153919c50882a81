"""The two issuers that the verifier under test trusts, their keys, and a way to sign anything with them.

The keys are the same in each run, so that inputs that are found can be tried again. They are made from numbers that
everybody knows and are worth nothing. Signed is with ``hmac`` and ``cryptography`` alone, and with nothing of ours.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from auth.access_token import AccessToken
from auth.authenticator import Authenticator
from auth.errors import AuthError, AuthErrorCode
from auth.keys import VerificationKey
from auth.settings.service import AuthConfig
from auth.tokens.verifier import TokenVerifier

#: What the clock shows, in seconds since the epoch.
NOW = 1_700_000_000

#: The issuer with a shared secret, the one with public keys, and who they are for.
SECRET_ISSUER, KEY_ISSUER, AUDIENCE = "https://secret.example", "https://keys.example", "https://api.example"

CLAIMS: dict[str, Any] = {"aud": AUDIENCE, "sub": "alice", "iat": NOW - 10, "nbf": NOW - 10, "exp": NOW + 600}

SECRET = hashlib.sha512(b"secret").digest()

_HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}


def _rsa_key() -> rsa.RSAPrivateKey:
    """Return the RSA key of the two greatest primes of 1024 bits."""
    p, q, e = 2**1024 - 105, 2**1024 - 179, 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPublicNumbers(e, p * q)
    return rsa.RSAPrivateNumbers(
        p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q), numbers
    ).private_key()


RSA_KEY = _rsa_key()
EC_KEYS = {
    "ES256": ec.derive_private_key(2**200 + 256, ec.SECP256R1()),
    "ES384": ec.derive_private_key(2**300 + 384, ec.SECP384R1()),
    "ES512": ec.derive_private_key(2**400 + 512, ec.SECP521R1()),
}
ED25519_KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ED448_KEY = ed448.Ed448PrivateKey.from_private_bytes(bytes(range(57)))

#: The public keys of the second issuer, each with the name of an algorithm as its id.
JWKS: list[dict[str, Any]] = [
    {**RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True), "kid": "RS256"},
    *(
        {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": name, "alg": name}
        for name, key in EC_KEYS.items()
    ),
    {**OKPAlgorithm.to_jwk(ED25519_KEY.public_key(), as_dict=True), "kid": "Ed25519"},
    {**OKPAlgorithm.to_jwk(ED448_KEY.public_key(), as_dict=True), "kid": "Ed448"},
]
for _jwk in JWKS:
    _jwk.pop("key_ops", None)

#: Every algorithm that is signed with here, and the id of the key that signs.
KEY_IDS: dict[str, str | None] = {
    **dict.fromkeys(("HS256", "HS384", "HS512")),
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), "RS256"),
    **{name: name for name in EC_KEYS},
    "EdDSA": "Ed25519",
    "Ed25519": "Ed25519",
    "Ed448": "Ed448",
}


def sign(algorithm: str, signing_input: bytes) -> bytes:
    """Return the signature by the key of an algorithm; the same each time, but for PS256 and its kin."""
    size = algorithm[2:]
    if algorithm in EC_KEYS:
        der = EC_KEYS[algorithm].sign(signing_input, ec.ECDSA(_HASHES[size], deterministic_signing=True))
        width = (EC_KEYS[algorithm].key_size + 7) // 8
        return b"".join(number.to_bytes(width, "big") for number in decode_dss_signature(der))
    match algorithm[:2]:
        case "HS":
            return hmac.digest(SECRET, signing_input, f"sha{size}")
        case "RS":
            return RSA_KEY.sign(signing_input, padding.PKCS1v15(), _HASHES[size])
        case "PS":
            pss = padding.PSS(padding.MGF1(_HASHES[size]), padding.PSS.DIGEST_LENGTH)
            return RSA_KEY.sign(signing_input, pss, _HASHES[size])
        case _:
            return (ED448_KEY if algorithm == "Ed448" else ED25519_KEY).sign(signing_input)


def encode(raw: bytes) -> str:
    """Return bytes in base64url without padding (RFC 7515 §2)."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Return the bytes of base64url without padding, as far as it can be read; raise ``ValueError`` if it cannot."""
    return urlsafe_b64decode(text.encode("ascii", "replace") + b"=" * (-len(text) % 4))


def as_text(part: object) -> bytes:
    """Return the bytes of a header or a payload: of JSON, or of a text that stands for itself."""
    text = part if isinstance(part, str) else json.dumps(part, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


def token_of(algorithm: str, header: object, claims: object) -> str:
    """Return a token that is signed rightly, whatever its header and claims are; texts are taken as they are."""
    signing_input = f"{encode(as_text(header))}.{encode(as_text(claims))}"
    return f"{signing_input}.{encode(sign(algorithm, signing_input.encode()))}"


def issuer_of(algorithm: str) -> str:
    """Return the issuer that signs with an algorithm."""
    return SECRET_ISSUER if algorithm.startswith("HS") else KEY_ISSUER


def header_of(algorithm: str) -> dict[str, Any]:
    """Return the header of a genuine token."""
    key_id = KEY_IDS[algorithm]
    return {"alg": algorithm, "typ": "JWT"} if key_id is None else {"alg": algorithm, "kid": key_id}


def genuine_token(algorithm: str, **claims: Any) -> str:
    """Return a token that is accepted."""
    return token_of(algorithm, header_of(algorithm), {"iss": issuer_of(algorithm), **CLAIMS, **claims})


#: Of every algorithm one.
GENUINE = tuple(genuine_token(algorithm) for algorithm in KEY_IDS)


def configured(settings: Mapping[str, Any] | None = None) -> AuthConfig:
    """Return the settings of a service that trusts both issuers, with ``settings`` for both."""
    return AuthConfig.from_mapping(
        {
            "AUTH_AUDIENCE": AUDIENCE,
            "AUTH_ISSUERS": [
                {"issuer": SECRET_ISSUER, "secret": SECRET, "algorithms": ["HS256", "HS384", "HS512"]},
                {"issuer": KEY_ISSUER, "public_key": JWKS, "user_prefix": "keys:"},
            ],
            **(settings or {}),
        }
    )


def authenticator(config: AuthConfig, *, remembered: int = 0) -> Authenticator:
    """Return what verifies tokens and remembers so many of them, on the clock that stands still."""
    verifier = TokenVerifier(config.issuers, max_token_bytes=config.max_token_bytes, clock=lambda: NOW)
    return Authenticator(verifier, cache_size=remembered, clock=lambda: NOW)


def outcome(call: Callable[[], AccessToken]) -> AccessToken | AuthErrorCode:
    """Return the token, or the code with which it is refused; every other exception is a fault."""
    try:
        return call()
    except AuthError as error:
        return error.code


def is_same(one: AccessToken | AuthErrorCode, other: AccessToken | AuthErrorCode) -> bool:
    """Tell whether two outcomes are the same, up to the last claim."""
    if isinstance(one, AccessToken) and isinstance(other, AccessToken):
        return one == other and repr(one.claims) == repr(other.claims)
    return one is other


def keys_of(jwks: Iterable[Mapping[str, Any]]) -> list[VerificationKey]:
    """Return the keys of JWKs that are all usable."""
    return [VerificationKey.from_jwk(jwk) for jwk in jwks]
