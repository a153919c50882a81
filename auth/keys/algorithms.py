"""The signature algorithms a token may name, as data: which kind of key each takes, and PyJWT's code for it.

``none`` is not here, nor is any algorithm that RFC 8725 §3.2 advises against. PyJWT and cryptography do the
cryptography; this module only says which key fits which algorithm.
"""

from __future__ import annotations

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from .pyjwt import Algorithm

PublicKey = RSAPublicKey | ec.EllipticCurvePublicKey | Ed25519PublicKey | Ed448PublicKey

#: The shortest secret of each HMAC algorithm in bytes: as long as its hash (RFC 7518 §3.2).
HMAC_MIN_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}

#: The algorithms of an RSA key (RFC 7518 §3.3 and §3.5).
RSA_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")

#: The shortest RSA key in bits (RFC 7518 §3.3).
RSA_MIN_BITS = 2048

#: The longest RSA key in bits that OpenSSL verifies with, and the longest whose exponent it does not limit.
RSA_MAX_BITS, RSA_MAX_BITS_OF_ANY_EXPONENT = 16_384, 3072

#: The longest exponent in bits that OpenSSL takes with a longer RSA key.
RSA_MAX_EXPONENT_BITS = 64

#: The one algorithm of each elliptic curve (RFC 7518 §3.4).
CURVE_ALGORITHMS = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}

#: The length of a coordinate on each of these curves in bytes, by its name in a JWK (RFC 7518 §6.2.1.2).
COORDINATE_BYTES = {"P-256": 32, "P-384": 48, "P-521": 66}

#: The algorithms of the Edwards curves: ``EdDSA`` (RFC 8037 §3.1) and the fully specified names (RFC 9864 §2.2).
ED25519_ALGORITHMS = ("EdDSA", "Ed25519")
ED448_ALGORITHMS = ("EdDSA", "Ed448")

#: The encodings of the eight points of small order on edwards25519, canonical or not: as a public key, one of these
#: makes signatures that hold for every message (RFC 8032 §8.4).
SMALL_ORDER_ED25519 = frozenset(
    bytes.fromhex(encoding)
    for low in (
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
    # The same with the sign bit of x set.
    for encoding in (low, low[:-2] + f"{int(low[-2:], 16) | 0x80:02x}")
)

#: The same on edwards448, where the sign has its own byte.
SMALL_ORDER_ED448 = frozenset(
    y.to_bytes(56, "little") + sign for y in (0, 1, 2**448 - 2**224 - 2) for sign in (b"\x00", b"\x80")
)

SYMMETRIC_ALGORITHMS = tuple(HMAC_MIN_BYTES)
ASYMMETRIC_ALGORITHMS = (*RSA_ALGORITHMS, *CURVE_ALGORITHMS.values(), "EdDSA", "Ed25519", "Ed448")

#: The names for which PyJWT uses another name.
_PYJWT_NAMES = {"Ed25519": "EdDSA", "Ed448": "EdDSA"}

IMPLEMENTATIONS: dict[str, Algorithm] = {
    name: jwt.get_algorithm_by_name(_PYJWT_NAMES.get(name, name))
    for name in (*SYMMETRIC_ALGORITHMS, *ASYMMETRIC_ALGORITHMS)
}


def algorithms_of(key: PublicKey) -> tuple[str, ...]:
    """Return the algorithms that a public key is made for; none for a curve that JOSE does not use."""
    match key:
        case RSAPublicKey():
            return RSA_ALGORITHMS
        case Ed25519PublicKey():
            return ED25519_ALGORITHMS
        case Ed448PublicKey():
            return ED448_ALGORITHMS
        case _:
            algorithm = CURVE_ALGORITHMS.get(key.curve.name)
            return () if algorithm is None else (algorithm,)
