"""One key that verifies signatures, parsed and judged once, bound to the algorithms it may be used with.

Every way to make one refuses what must never become a verification key: private keys, key material in place of a
secret, secrets in place of a key, short keys, keys published for another use.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from .algorithms import (
    COORDINATE_BYTES,
    HMAC_MIN_BYTES,
    IMPLEMENTATIONS,
    RSA_MAX_BITS,
    RSA_MAX_BITS_OF_ANY_EXPONENT,
    RSA_MAX_EXPONENT_BITS,
    RSA_MIN_BITS,
    SMALL_ORDER_ED448,
    SMALL_ORDER_ED25519,
    PublicKey,
    algorithms_of,
)
from .encoded import from_base64, why_no_pem
from .pyjwt import ECAlgorithm, OKPAlgorithm, RSAAlgorithm, base64url_decode, base64url_encode
from .weak_secrets import is_key_material

#: The members of a JWK that only a private or a symmetric key has (RFC 7518 §6).
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

#: How the algorithms begin for which keys of a pair encrypt (RFC 7518 §4.1).
_FOR_ENCRYPTION = ("RSA-OAEP", "RSA1_5", "ECDH-ES")

#: The values of a member that is not set, as many serializers write them.
_UNSET: tuple[object, ...] = (None, "", [])


_KEY_OF_A_PAIR = "is a key of a key pair, not a shared secret; for a public key there is AUTH_PUBLIC_KEY"


class UnusableKeyError(ValueError):
    """A key cannot be used to verify access tokens; the message says why and names no key material."""


class ForAnotherUseError(UnusableKeyError):
    """A key was published for something else than signatures, as Keycloak does in every realm. Nothing is wrong."""


def _set_members(jwk: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a JWK that have a value.

    Serializers write members that are not set as ``null``, as an empty text or as an empty list. Such a member
    restricts nothing and is no key material.
    """
    return {name: value for name, value in jwk.items() if value not in _UNSET}


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A secret or a public key, ready for use."""

    #: ``kid`` (RFC 7517 §4.5); None if the key has none, like secrets and PEM files.
    key_id: str | None
    #: The ``alg`` values this key may verify, and no others (RFC 8725 §3.1).
    algorithms: frozenset[str]
    material: bytes | PublicKey = field(repr=False)

    @classmethod
    def from_secret(cls, secret: str | bytes) -> VerificationKey:
        """Take an HMAC secret; text counts as UTF-8.

        Raises:
            UnusableKeyError: it is shorter than 32 bytes (RFC 7518 §3.2), or a key of a key pair in any encoding.
        """
        if not secret:
            raise UnusableKeyError("is empty")
        try:
            material = secret.encode() if isinstance(secret, str) else secret
            IMPLEMENTATIONS["HS256"].prepare_key(material)
        except UnicodeEncodeError:
            raise UnusableKeyError("is not valid Unicode text") from None
        except jwt.InvalidKeyError:
            raise UnusableKeyError(_KEY_OF_A_PAIR) from None
        if is_key_material(material):
            raise UnusableKeyError(_KEY_OF_A_PAIR)
        algorithms = frozenset(name for name, size in HMAC_MIN_BYTES.items() if len(material) >= size)
        if not algorithms:
            raise UnusableKeyError(f"has {len(material)} bytes, at least 32 are needed")
        return cls(None, algorithms, material)

    @classmethod
    def from_pem(cls, text: str) -> VerificationKey:
        r"""Take one public key in PEM. A line end may be written out as ``\n``, as environment files often have it, and
        as ``\\n``, as YAML makes of it.

        Raises:
            UnusableKeyError: it is not exactly one public key, or too weak.
        """
        if "PRIVATE KEY" in text:
            raise UnusableKeyError("is a private key; give the public one")
        if "CERTIFICATE" in text:
            raise UnusableKeyError("is a certificate; give its public key (openssl x509 -pubkey -noout)")
        if "-----BEGIN" not in text:
            raise UnusableKeyError(why_no_pem(text))
        if text.count("-----BEGIN") != 1:
            raise UnusableKeyError("is not exactly one PEM public key; give several as a list")
        try:
            loaded = load_pem_public_key(re.sub(r"\\+n", "\n", re.sub(r"\\+r", "", text)).encode())
        except (ValueError, UnsupportedAlgorithm):
            raise UnusableKeyError("is not a readable PEM public key") from None
        return cls._judged(None, loaded)

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> VerificationKey:
        """Take one public JWK (RFC 7517 §4), honouring ``use``, ``key_ops`` and ``alg``.

        A member that is ``null``, an empty text or an empty list counts as absent.

        Raises:
            UnusableKeyError: it is private, symmetric, weak, of an unknown kind, or published for another use.
        """
        if "keys" in jwk:
            raise UnusableKeyError("is a JWK Set; give its keys as a list")
        members = _set_members(jwk)
        key_id = members.get("kid")
        if _PRIVATE_MEMBERS & members.keys():
            raise UnusableKeyError("is a private or symmetric JWK; give the public one")
        if not isinstance(key_id, str | None):
            raise UnusableKeyError('has a "kid" that is not text')
        if members.get("use", "sig") != "sig":
            raise ForAnotherUseError('is not for signatures ("use")')
        key_operations = members.get("key_ops", ["verify"])
        if not isinstance(key_operations, list) or "verify" not in key_operations:
            raise ForAnotherUseError('may not verify ("key_ops")')
        key = cls._judged(key_id, _loaded(members))
        algorithm = members.get("alg")
        if algorithm is None:
            return key
        if not isinstance(algorithm, str) or algorithm not in key.algorithms:
            kind = ForAnotherUseError if str(algorithm).startswith(_FOR_ENCRYPTION) else UnusableKeyError
            raise kind('has an "alg" that does not fit it')
        return cls(key_id, frozenset({algorithm}), key.material)

    @classmethod
    def _judged(cls, key_id: str | None, loaded: object) -> VerificationKey:
        """Bind a loaded key to what it is made for."""
        if not isinstance(loaded, RSAPublicKey | ec.EllipticCurvePublicKey | Ed25519PublicKey | Ed448PublicKey):
            raise UnusableKeyError("is not an RSA, EC or EdDSA public key")
        if isinstance(loaded, RSAPublicKey):
            _check_rsa(loaded)
        small_order = SMALL_ORDER_ED25519 | SMALL_ORDER_ED448
        if isinstance(loaded, Ed25519PublicKey | Ed448PublicKey) and loaded.public_bytes_raw() in small_order:
            raise UnusableKeyError("is a point of small order, for which anybody can sign")
        algorithms = frozenset(algorithms_of(loaded))
        if not algorithms:
            raise UnusableKeyError("is on a curve other than P-256, P-384 and P-521")
        return cls(key_id, algorithms, loaded)

    def restricted_to(self, algorithms: frozenset[str]) -> VerificationKey:
        """Return this key for those of the given algorithms that it is made for."""
        return VerificationKey(self.key_id, self.algorithms & algorithms, self.material)

    def verify(self, algorithm: str, signing_input: bytes, signature: bytes) -> bool:
        """Tell whether ``signature`` is this key's over ``signing_input``, by an algorithm bound to this key."""
        if algorithm not in self.algorithms:
            return False
        return IMPLEMENTATIONS[algorithm].verify(signing_input, self.material, signature)

    def decoded(self) -> VerificationKey | None:
        """Return the secret that an issuer has who decodes this one from base64; None if that cannot be.

        For messages only: what is signed with it is not signed with this key.
        """
        material = from_base64(self.material) if isinstance(self.material, bytes) else None
        return VerificationKey(self.key_id, self.algorithms, material) if material else None


def _loaded(jwk: dict[str, Any]) -> object:
    """Return the key of a JWK as cryptography has it."""
    readers = {"RSA": RSAAlgorithm.from_jwk, "EC": _read_curve_point, "OKP": OKPAlgorithm.from_jwk}
    key_type = jwk.get("kty")
    reader = readers.get(key_type) if isinstance(key_type, str) else None
    if reader is None:
        raise UnusableKeyError('has an unknown key type ("kty")')
    try:
        return reader(jwk)
    except (jwt.PyJWTError, ValueError, TypeError, UnsupportedAlgorithm):
        raise UnusableKeyError("is not a readable JWK") from None


def _read_curve_point(jwk: dict[str, Any]) -> object:
    """Read a key on an elliptic curve, also if its coordinates have too few or too many zeros in front.

    RFC 7518 §6.2.1.2 demands the full length of the curve, but some issuers write the shortest number or one with a
    sign byte. The number says which point is meant, and a point that is not on the curve is refused.
    """
    curve = jwk.get("crv")
    size = COORDINATE_BYTES.get(curve) if isinstance(curve, str) else None
    if size is not None:
        jwk = jwk | {name: _of_full_length(jwk.get(name), size) for name in ("x", "y")}
    return ECAlgorithm.from_jwk(jwk)


def _of_full_length(coordinate: object, size: int) -> str:
    if not isinstance(coordinate, str):
        raise TypeError
    number = base64url_decode(coordinate).lstrip(b"\0")
    return base64url_encode(number.rjust(size, b"\0")).decode()


def _check_rsa(key: RSAPublicKey) -> None:
    """Refuse an RSA key that is weak, or so long that OpenSSL never verifies with it."""
    if key.key_size < RSA_MIN_BITS:
        raise UnusableKeyError(f"has {key.key_size} bits, an RSA key needs {RSA_MIN_BITS}")
    if key.key_size > RSA_MAX_BITS:
        raise UnusableKeyError(f"has {key.key_size} bits, an RSA key has at most {RSA_MAX_BITS}")
    numbers = key.public_numbers()
    if numbers.n % 2 == 0:
        raise UnusableKeyError("has an even modulus, which is no product of two primes")
    if key.key_size > RSA_MAX_BITS_OF_ANY_EXPONENT and numbers.e.bit_length() > RSA_MAX_EXPONENT_BITS:
        raise UnusableKeyError(f'has an exponent ("e") of more than {RSA_MAX_EXPONENT_BITS} bits')
