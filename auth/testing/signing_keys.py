"""Keys that sign: read, made for an algorithm, and matched with one."""

from __future__ import annotations

import secrets

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ..keys.algorithms import HMAC_MIN_BYTES, RSA_ALGORITHMS, algorithms_of

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey

#: A secret or a private key.
SigningKey = bytes | PrivateKey

_CURVES: dict[str, type[ec.EllipticCurve]] = {
    "ES256": ec.SECP256R1,
    "ES384": ec.SECP384R1,
    "ES512": ec.SECP521R1,
}


def signing_key(key: str | bytes | PrivateKey) -> SigningKey:
    """Return a key as it is signed with: a secret as bytes, a private key in PEM as the key that it holds.

    Raises:
        ValueError: the text is the beginning of a PEM file and no private key without a password.
    """
    if not isinstance(key, str | bytes):
        return key
    material = key.encode() if isinstance(key, str) else key
    if not material.lstrip().startswith(b"-----BEGIN"):
        return material
    try:
        loaded = load_pem_private_key(material, password=None)
    except (TypeError, ValueError):
        loaded = None
    if isinstance(loaded, PrivateKey):
        return loaded
    raise ValueError("A token is signed with a secret, or with a private RSA, EC or EdDSA key in PEM without password.")


def algorithms_for(key: SigningKey) -> tuple[str, ...]:
    """Return the algorithms that a key signs by, the usual one first."""
    if isinstance(key, bytes):
        return tuple(HMAC_MIN_BYTES)
    return algorithms_of(key.public_key())


def generate_key(algorithm: str) -> SigningKey:
    """Return a fresh key for an algorithm.

    Raises:
        ValueError: there is no such algorithm.
    """
    if algorithm in HMAC_MIN_BYTES:
        return secrets.token_bytes(HMAC_MIN_BYTES[algorithm])
    if algorithm in _CURVES:
        return ec.generate_private_key(_CURVES[algorithm]())
    if algorithm in ("EdDSA", "Ed25519"):
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm == "Ed448":
        return ed448.Ed448PrivateKey.generate()
    if algorithm in RSA_ALGORITHMS:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    raise ValueError(
        "Tokens are signed with HS256, HS384, HS512, RS…, PS…, ES256, ES384, ES512, EdDSA, Ed25519 or Ed448."
    )
