"""One key, judged once."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import itertools
import json
import math
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.utils import base64url_decode, base64url_encode, to_base64url_uint

from auth.keys import UnusableKeyError, VerificationKey
from auth.keys.algorithms import SMALL_ORDER_ED448, SMALL_ORDER_ED25519

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
WEAK_RSA = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505  # must be refused
P256 = ec.generate_private_key(ec.SECP256R1())
K256 = ec.generate_private_key(ec.SECP256K1())
ED25519 = ed25519.Ed25519PrivateKey.generate()
ED448 = ed448.Ed448PrivateKey.generate()


def pem(key: Any) -> str:
    text: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return text.decode()


def der(key: Any) -> bytes:
    data: bytes = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return data


def private_pem(key: Any) -> str:
    text: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return text.decode()


def certificate() -> str:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "issuer")])
    start = datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(P256.public_key())
    builder = builder.serial_number(1).not_valid_before(start).not_valid_after(start + datetime.timedelta(days=1))
    return builder.sign(P256, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def jwk(reader: Any, key: Any, **changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(reader.to_jwk(key.public_key()))
    made.pop("key_ops", None)
    return {name: value for name, value in (made | changes).items() if value is not ...}


def number(value: int) -> str:
    """Return a number as a JWK has it."""
    return to_base64url_uint(value).decode()


RSA_JWK, EC_JWK, OKP_JWK = jwk(RSAAlgorithm, RSA), jwk(ECAlgorithm, P256), jwk(OKPAlgorithm, ED25519)

SECRETS = {
    31: None,
    32: {"HS256"},
    47: {"HS256"},
    48: {"HS256", "HS384"},
    63: {"HS256", "HS384"},
    64: {"HS256", "HS384", "HS512"},
}


@pytest.mark.parametrize(("size", "algorithms"), SECRETS.items(), ids=SECRETS)
def test_a_secret_serves_the_hashes_that_it_is_as_long_as(size: int, algorithms: set[str] | None) -> None:
    """RFC 7518 §3.2: 32 bytes are the least, and each hash asks for its own length."""
    secret = bytes(range(1, size + 1))
    if algorithms is None:
        with pytest.raises(UnusableKeyError, match="has 31 bytes, at least 32 are needed"):
            VerificationKey.from_secret(secret)
        return

    assert VerificationKey.from_secret(secret).algorithms == algorithms


def test_the_length_of_a_text_secret_counts_in_utf_8_bytes() -> None:
    """Sixteen letters of two bytes are 32 bytes."""
    assert VerificationKey.from_secret("é" * 16).algorithms == {"HS256"}
    with pytest.raises(UnusableKeyError, match="has 31 bytes"):
        VerificationKey.from_secret("é" * 15 + "e")


NO_SECRETS: dict[str, str | bytes] = {
    "empty": "",
    "PEM": pem(RSA),
    "PEM in bytes": pem(P256).encode(),
    "PEM with written-out line ends": pem(RSA).replace("\n", "\\n"),
    "private PEM": private_pem(P256),
    "certificate": certificate(),
    "OpenSSH": ED25519.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
    "DER": RSA.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    "JWK": json.dumps(RSA_JWK),
    "JWK of a secret": json.dumps({"kty": "oct", "k": "A" * 43}),
    "JWKS": json.dumps({"keys": [RSA_JWK]}),
    "base64 between the lines of a PEM": "".join(pem(P256).splitlines()[1:-1]),
    "base64url of DER": base64.urlsafe_b64encode(der(P256)).rstrip(b"="),
    "hexadecimal of DER": der(P256).hex(),
    "base64 of a PEM": base64.b64encode(pem(P256).encode()),
    "private DER": P256.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
    "base64 of a private DER": base64.b64encode(P256.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())),
    "base64 of a JWK": base64.b64encode(json.dumps(RSA_JWK).encode()),
}


@pytest.mark.parametrize("secret", NO_SECRETS.values(), ids=NO_SECRETS)
def test_key_material_is_no_secret(secret: str | bytes) -> None:
    """Everybody has a public key, so everybody could sign with it (RFC 8725 §2.1)."""
    with pytest.raises(UnusableKeyError, match=r"^is (empty$|a key of a key pair, not a shared secret; )"):
        VerificationKey.from_secret(secret)


def test_a_secret_that_is_no_text_is_refused() -> None:
    """Half a surrogate pair, as a broken environment variable may hold it."""
    with pytest.raises(UnusableKeyError, match="is not valid Unicode text"):
        VerificationKey.from_secret("\udc80" * 40)


PEMS = {
    "RSA": (pem(RSA), {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
    "PKCS #1": (
        RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode(),
        {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"},
    ),
    "EC": (pem(P256), {"ES256"}),
    "Ed25519": (pem(ED25519), {"EdDSA", "Ed25519"}),
    "Ed448": (pem(ED448), {"EdDSA", "Ed448"}),
    "written-out line ends": (pem(P256).replace("\n", "\\n"), {"ES256"}),
    "written-out CRLF": (pem(P256).replace("\n", "\\r\\n"), {"ES256"}),
    "CRLF": (pem(P256).replace("\n", "\r\n"), {"ES256"}),
    "line ends of YAML": (pem(P256).replace("\n", "\\\\n"), {"ES256"}),
    "text around": (f"# our issuer\n{pem(P256)}\n", {"ES256"}),
}


@pytest.mark.parametrize(("text", "algorithms"), PEMS.values(), ids=PEMS)
def test_a_public_pem_is_bound_to_its_algorithms(text: str, algorithms: set[str]) -> None:
    """As files and as environment variables hold it."""
    key = VerificationKey.from_pem(text)

    assert key.key_id is None
    assert key.algorithms == algorithms


BAD_PEMS = {
    "empty": ("", "is not a PEM public key, which begins with -----BEGIN PUBLIC KEY-----"),
    "nonsense": ("nonsense", "is not a PEM public key, which begins with -----BEGIN PUBLIC KEY-----"),
    "base64 between the lines": (
        "".join(pem(RSA).splitlines()[1:-1]),
        "has no -----BEGIN line; put this base64 between the lines -----BEGIN PUBLIC KEY----- and "
        "-----END PUBLIC KEY-----",
    ),
    "PEM in base64": (
        base64.encodebytes(pem(P256).encode()).decode(),
        "is a PEM text in base64; decode it first, with: base64 -d",
    ),
    "OpenSSH": (
        RSA.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode(),
        "is in the form of OpenSSH; convert it with: ssh-keygen -e -m PKCS8 -f FILE",
    ),
    "OpenSSH, on a curve": (
        P256.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode(),
        "is in the form of OpenSSH; convert it with: ssh-keygen -e -m PKCS8 -f FILE",
    ),
    "base64 of no key": ("c" * 64, "is not a PEM public key, which begins with -----BEGIN PUBLIC KEY-----"),
    "surrogate": ("\udc80", "is not a PEM public key, which begins with -----BEGIN PUBLIC KEY-----"),
    "two keys": (pem(P256) + pem(RSA), "is not exactly one PEM public key; give several as a list"),
    "private": (private_pem(P256), "is a private key; give the public one"),
    "certificate": (certificate(), "is a certificate; give its public key (openssl x509 -pubkey -noout)"),
    "broken": ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "is not a readable PEM public key"),
    "unknown kind": (
        "-----BEGIN PUBLIC KEY-----\nMA0wBAYCKgMDBQABAgME\n-----END PUBLIC KEY-----\n",
        "is not a readable PEM public key",
    ),
    "half a surrogate pair": (pem(P256) + "\udc80", "is not a readable PEM public key"),
    "short RSA": (pem(WEAK_RSA), "has 1024 bits, an RSA key needs 2048"),
    "secp256k1": (pem(K256), "is on a curve other than P-256, P-384 and P-521"),
    "X25519": (pem(x25519.X25519PrivateKey.generate()), "is not an RSA, EC or EdDSA public key"),
    "DSA": (pem(dsa.generate_private_key(2048)), "is not an RSA, EC or EdDSA public key"),
}


@pytest.mark.parametrize(("text", "message"), BAD_PEMS.values(), ids=BAD_PEMS)
def test_a_pem_that_cannot_verify_is_refused(text: str, message: str) -> None:
    """The message says why, and no key material."""
    with pytest.raises(UnusableKeyError) as raised:
        VerificationKey.from_pem(text)
    assert str(raised.value) == message


JWKS = {
    "RSA": (RSA_JWK, {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
    "EC": (EC_JWK, {"ES256"}),
    "OKP": (OKP_JWK, {"EdDSA", "Ed25519"}),
    "Ed448": (jwk(OKPAlgorithm, ED448), {"EdDSA", "Ed448"}),
    "with use": (RSA_JWK | {"use": "sig"}, {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
    "with key_ops": (EC_JWK | {"key_ops": ["verify", "sign"]}, {"ES256"}),
    "with alg": (RSA_JWK | {"alg": "PS384"}, {"PS384"}),
    "with alg Ed25519": (OKP_JWK | {"alg": "Ed25519"}, {"Ed25519"}),
    "with unknown members": (EC_JWK | {"x5c": ["…"], "nbf": 1}, {"ES256"}),
}


@pytest.mark.parametrize(("key", "algorithms"), JWKS.values(), ids=JWKS)
def test_a_public_jwk_is_bound_to_its_algorithms(key: dict[str, Any], algorithms: set[str]) -> None:
    """``alg`` narrows them down to one (RFC 7517 §4.4)."""
    assert VerificationKey.from_jwk(key | {"kid": "k-1"}) == VerificationKey(
        "k-1", frozenset(algorithms), VerificationKey.from_jwk(key).material
    )


BAD_JWKS: dict[str, tuple[dict[str, Any], str]] = {
    "empty": ({}, 'has an unknown key type ("kty")'),
    "a whole set": ({"keys": [RSA_JWK]}, "is a JWK Set; give its keys as a list"),
    "kty unknown": ({"kty": "AKP"}, 'has an unknown key type ("kty")'),
    "kty a list": ({"kty": []}, 'has an unknown key type ("kty")'),
    "secret": ({"kty": "oct", "k": "AAAA"}, "is a private or symmetric JWK; give the public one"),
    "private": (RSA_JWK | {"d": "AQAB"}, "is a private or symmetric JWK; give the public one"),
    "kid a number": (EC_JWK | {"kid": 1}, 'has a "kid" that is not text'),
    "for encryption": (RSA_JWK | {"use": "enc"}, 'is not for signatures ("use")'),
    "use of an odd type": (RSA_JWK | {"use": 0}, 'is not for signatures ("use")'),
    "key_ops without verify": (RSA_JWK | {"key_ops": ["encrypt"]}, 'may not verify ("key_ops")'),
    "key_ops no list": (RSA_JWK | {"key_ops": "verify"}, 'may not verify ("key_ops")'),
    "no modulus": (jwk(RSAAlgorithm, RSA, n=...), "is not a readable JWK"),
    "modulus a number": (RSA_JWK | {"n": 5}, "is not a readable JWK"),
    "modulus no base64url": (RSA_JWK | {"n": "€"}, "is not a readable JWK"),
    "exponent a number": (RSA_JWK | {"e": 65537}, "is not a readable JWK"),
    "exponent zero": (RSA_JWK | {"e": "AAAAAAA"}, "is not a readable JWK"),
    "modulus not set": (RSA_JWK | {"n": ""}, "is not a readable JWK"),
    "exponent even": (RSA_JWK | {"e": "Ag"}, "is not a readable JWK"),
    "point off the curve": (EC_JWK | {"y": EC_JWK["x"]}, "is not a readable JWK"),
    "crv unknown": (EC_JWK | {"crv": "P-1"}, "is not a readable JWK"),
    "crv X25519": (OKP_JWK | {"crv": "X25519"}, "is not a readable JWK"),
    "x too short": (OKP_JWK | {"x": "AAAA"}, "is not a readable JWK"),
    "x a number": (EC_JWK | {"x": 5}, "is not a readable JWK"),
    "x no base64url": (EC_JWK | {"x": "€"}, "is not a readable JWK"),
    "x missing": (jwk(ECAlgorithm, P256, x=...), "is not a readable JWK"),
    "x longer than the curve": (EC_JWK | {"x": "AQ" + "A" * 42}, "is not a readable JWK"),
    "crv a list": (EC_JWK | {"crv": ["P-256"]}, "is not a readable JWK"),
    "long RSA": (RSA_JWK | {"n": number(2**16392 - 1)}, "has 16392 bits, an RSA key has at most 16384"),
    "long exponent": (
        RSA_JWK | {"n": number(2**4096 - 1), "e": number(2**64 + 1)},
        'has an exponent ("e") of more than 64 bits',
    ),
    "short RSA": (jwk(RSAAlgorithm, WEAK_RSA), "has 1024 bits, an RSA key needs 2048"),
    "secp256k1": (jwk(ECAlgorithm, K256), "is on a curve other than P-256, P-384 and P-521"),
    "alg of another kind": (RSA_JWK | {"alg": "ES256"}, 'has an "alg" that does not fit it'),
    "alg HMAC": (RSA_JWK | {"alg": "HS256"}, 'has an "alg" that does not fit it'),
    "alg a list": (RSA_JWK | {"alg": ["RS256"]}, 'has an "alg" that does not fit it'),
    "alg a number": (RSA_JWK | {"alg": 1}, 'has an "alg" that does not fit it'),
}


@pytest.mark.parametrize(("key", "message"), BAD_JWKS.values(), ids=BAD_JWKS)
def test_a_jwk_that_cannot_verify_is_refused(key: dict[str, Any], message: str) -> None:
    """Private, symmetric, weak, unknown, or published for another use (RFC 7517 §4)."""
    with pytest.raises(UnusableKeyError) as raised:
        VerificationKey.from_jwk(key)
    assert str(raised.value) == message


PRIVATE_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]


@pytest.mark.parametrize("value", ["AQAB", [{"r": "AQAB"}], {}, 0, False], ids=repr)
@pytest.mark.parametrize("member", PRIVATE_MEMBERS)
def test_any_private_member_with_a_value_makes_a_jwk_private(member: str, value: object) -> None:
    """One prime alone gives the whole key away (RFC 7518 §6), whatever else is unset."""
    unset = dict.fromkeys(PRIVATE_MEMBERS)

    with pytest.raises(UnusableKeyError, match="is a private or symmetric JWK; give the public one"):
        VerificationKey.from_jwk(RSA_JWK | unset | {member: value})


@pytest.mark.parametrize("value", [None, "", []], ids=["null", "empty text", "empty list"])
@pytest.mark.parametrize("member", [*PRIVATE_MEMBERS, "use", "alg", "kid", "key_ops", "crv", "x", "x5c", "x5t", "x5u"])
def test_a_member_that_is_not_set_counts_as_absent(member: str, value: object) -> None:
    """Many serializers write such a member instead of leaving it out; it restricts nothing."""
    assert VerificationKey.from_jwk(RSA_JWK | {member: value}) == VerificationKey.from_jwk(RSA_JWK)


SERIALIZED = {
    "JsonWebKey of .NET": {
        "AdditionalData": {},
        "KeyId": "k-1",
        "alg": None,
        "crv": None,
        "d": None,
        "dp": None,
        "dq": None,
        "k": None,
        "key_ops": [],
        "kid": "k-1",
        "oth": None,
        "p": None,
        "q": None,
        "qi": None,
        "use": None,
        "x": None,
        "x5c": [],
        "x5t": None,
        "x5t#S256": None,
        "x5u": None,
        "y": None,
        "KeySize": 2048,
        "HasPrivateKey": False,
        "CryptoProviderFactory": {"CacheSignatureProviders": True, "SignatureProviderObjectPoolCacheSize": 32},
    },
    "an object of Java with all its fields": {"kid": "k-1", "use": "", "alg": "", "keyOps": None, "x5c": [], "d": ""},
    "WebCrypto": {"kid": "k-1", "ext": True, "key_ops": ["verify"]},
}


@pytest.mark.parametrize("members", SERIALIZED.values(), ids=SERIALIZED)
def test_a_key_is_taken_as_serializers_write_it(members: dict[str, Any]) -> None:
    """With all the members of the object that they write, and those of their own."""
    assert VerificationKey.from_jwk(RSA_JWK | members) == VerificationKey.from_jwk(RSA_JWK | {"kid": "k-1"})


CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}


def test_a_coordinate_loses_zeros_in_front_and_nothing_else() -> None:
    """Whichever byte comes first, such as the one that stands for a letter."""
    key = ec.derive_private_key(77, ec.SECP256R1())
    member = jwk(ECAlgorithm, key)

    assert base64.urlsafe_b64decode(member["x"] + "=").startswith(b"X")
    assert VerificationKey.from_jwk(member).material == key.public_key()


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
@pytest.mark.parametrize("member", ["x", "y"])
def test_a_coordinate_may_have_too_few_or_too_many_zeros_in_front(member: str, curve: ec.EllipticCurve) -> None:
    """RFC 7518 §6.2.1.2 fixes its length, but what writes big integers leaves zeros out or adds one for the sign."""
    made = (jwk(ECAlgorithm, ec.derive_private_key(secret, curve)) for secret in itertools.count(1))
    right = next(one for one in made if base64url_decode(one[member])[0] == 0)
    coordinate = base64url_decode(right[member])

    for written in (coordinate.lstrip(b"\0"), b"\0" + coordinate):
        key = VerificationKey.from_jwk(right | {member: base64url_encode(written).decode()})
        assert key == VerificationKey.from_jwk(right)


def test_a_modulus_may_have_a_zero_in_front_and_padding_behind() -> None:
    """As a signed big integer and other base64 alphabets make it."""
    signed = b"\0" + base64url_decode(RSA_JWK["n"])

    for written in (base64.urlsafe_b64encode(signed).decode(), base64.b64encode(signed).decode()):
        assert VerificationKey.from_jwk(RSA_JWK | {"n": written}) == VerificationKey.from_jwk(RSA_JWK)


def test_a_jwk_may_be_any_mapping() -> None:
    """Also one that is read-only."""
    assert VerificationKey.from_jwk(MappingProxyType(EC_JWK)) == VerificationKey.from_jwk(EC_JWK)


VALUES: st.SearchStrategy[object] = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just([]) | st.just({})
)
MEMBERS = st.sampled_from(["kty", "n", "e", "crv", "x", "y", "kid", "use", "alg", "key_ops"])


@settings(max_examples=200)
@given(st.sampled_from([RSA_JWK, EC_JWK, OKP_JWK]), st.dictionaries(MEMBERS, VALUES, max_size=3))
def test_any_jwk_is_a_key_or_unusable(key: dict[str, Any], changes: dict[str, Any]) -> None:
    """What an issuer publishes never raises anything else."""
    try:
        made = VerificationKey.from_jwk(key | changes)
    except UnusableKeyError:
        return

    assert made.algorithms


def test_the_restriction_to_some_algorithms_keeps_id_and_material() -> None:
    """Algorithms that the key is not made for are not added."""
    key = VerificationKey.from_jwk(RSA_JWK | {"kid": "k-1"})

    restricted = key.restricted_to(frozenset({"PS256", "ES256"}))

    assert restricted == VerificationKey("k-1", frozenset({"PS256"}), key.material)


def test_a_signature_verifies_with_a_bound_algorithm_only() -> None:
    """The same bytes under another name are refused before any cryptography."""
    secret = bytes(range(32))
    key = VerificationKey.from_secret(secret)
    sha256, sha512 = (hmac.digest(secret, b"input", name) for name in ("sha256", "sha512"))

    assert key.verify("HS256", b"input", sha256) is True
    assert key.verify("HS256", b"other", sha256) is False
    assert key.verify("HS512", b"input", sha512) is False
    assert key.verify("none", b"input", b"") is False


def test_the_material_stays_out_of_the_representation() -> None:
    """A key that lands in a log or a traceback gives nothing away."""
    secret = "kD8vQ2mX9rT4wZ7pL1nB6cF3hJ5gY0sA"

    assert secret not in repr(VerificationKey.from_secret(secret))


@pytest.mark.parametrize("encoding", sorted(SMALL_ORDER_ED25519 | SMALL_ORDER_ED448), ids=bytes.hex)
def test_a_point_of_small_order_is_no_key(encoding: bytes) -> None:
    """Anybody can sign for it, whatever the message."""
    x = base64.urlsafe_b64encode(encoding).rstrip(b"=").decode()

    with pytest.raises(UnusableKeyError, match="small order"):
        VerificationKey.from_jwk({"kty": "OKP", "crv": "Ed25519" if len(encoding) == 32 else "Ed448", "x": x})


def test_an_even_modulus_is_no_key() -> None:
    """No two odd primes have such a product."""
    modulus = base64.urlsafe_b64encode((2**2047 + 2).to_bytes(256, "big")).rstrip(b"=").decode()

    with pytest.raises(UnusableKeyError, match="even modulus"):
        VerificationKey.from_jwk({"kty": "RSA", "n": modulus, "e": "AQAB"})


def padded_digest(message: bytes, *, padding: int) -> bytes:
    """Return what is signed for RS256 (RFC 8017 §9.2), with so many bytes of padding."""
    algorithm = bytes.fromhex("3031300d060960864801650304020105000420")
    return b"\0\1" + b"\xff" * padding + b"\0" + algorithm + hashlib.sha256(message).digest()


@pytest.mark.parametrize(("bits", "exponent"), [(3072, 2**64 + 1), (4096, 2**64 - 1), (16_384, 65_537)])
def test_an_rsa_key_may_be_as_long_as_openssl_verifies_with(bits: int, exponent: int) -> None:
    """The longest modulus, the longest that goes with any exponent, and the longest exponent beyond it."""
    key = VerificationKey.from_jwk({"kty": "RSA", "n": number(2**bits - 1), "e": number(exponent)})

    assert "RS256" in key.algorithms


@pytest.mark.parametrize("exponent", [3, 35], ids=["3", "35, of old OpenSSH"])
def test_a_small_exponent_is_no_fault_of_a_key(exponent: int) -> None:
    """Real issuers have such keys, and RFC 8017 §3.1 allows every odd exponent from 3."""
    private = rsa_with_exponent(exponent)
    message = padded_digest(b"input", padding=202)
    signature = pow(int.from_bytes(message), private.d, private.public_numbers.n).to_bytes(256)

    key = VerificationKey.from_jwk({"kty": "RSA", "n": number(private.public_numbers.n), "e": number(exponent)})

    assert key.verify("RS256", b"input", signature)
    assert not key.verify("RS256", b"other", signature)


def rsa_with_exponent(exponent: int) -> rsa.RSAPrivateNumbers:
    """Make a key pair, for which an exponent has to have an inverse."""
    while True:
        made = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_numbers()
        period = math.lcm(made.p - 1, made.q - 1)
        if math.gcd(exponent, period) == 1:
            public = rsa.RSAPublicNumbers(exponent, made.public_numbers.n)
            private = pow(exponent, -1, period)
            return rsa.RSAPrivateNumbers(made.p, made.q, private, made.dmp1, made.dmq1, made.iqmp, public)


def test_the_cube_root_of_a_padded_digest_is_no_signature() -> None:
    """A verifier that reads the padding only from its start accepts it, made without a private key (CVE-2006-4339)."""
    wanted = padded_digest(b"input", padding=8)
    size = 256 - len(wanted)
    root = cube_root(int.from_bytes(wanted + b"\xff" * size))
    key = VerificationKey.from_jwk(RSA_JWK | {"e": "Aw"})

    assert (root**3).to_bytes(256).startswith(wanted)
    assert not key.verify("RS256", b"input", root.to_bytes(256))


def cube_root(value: int) -> int:
    """Return the largest number whose cube is not above a value."""
    low, high = 0, 1 << (value.bit_length() // 3 + 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**3 <= value else (low, middle - 1)
    return low


def test_a_long_exponent_serves_as_long_as_it_is_verified_with() -> None:
    """OpenSSL limits it for keys of more than 3072 bits only."""
    modulus = RSA_JWK["n"]

    assert VerificationKey.from_jwk({"kty": "RSA", "n": modulus, "e": number(2**64 + 1)}).algorithms
    assert VerificationKey.from_jwk({"kty": "RSA", "n": number(2**4096 - 1), "e": number(2**64 - 1)}).algorithms
    assert VerificationKey.from_jwk({"kty": "RSA", "n": number(2**16384 - 1), "e": "AQAB"}).algorithms


RANDOM = bytes(range(9, 49))


@pytest.mark.parametrize(
    "secret", [base64.b64encode(RANDOM), base64.urlsafe_b64encode(RANDOM).rstrip(b"=")], ids=["base64", "base64url"]
)
def test_a_secret_in_base64_has_the_key_of_an_issuer_that_decodes_it(secret: bytes) -> None:
    """It is compared with a signature, to say what two sides with the same text do differently."""
    written = replace(VerificationKey.from_secret(secret), key_id="k-1")

    assert written.decoded() == VerificationKey("k-1", written.algorithms, RANDOM)


@pytest.mark.parametrize(
    "key",
    [VerificationKey.from_secret("no base64: " + "x" * 32), VerificationKey.from_pem(pem(P256))],
    ids=["another text", "a public key"],
)
def test_what_is_no_secret_in_base64_has_no_such_key(key: VerificationKey) -> None:
    """Nothing is said of it then."""
    assert key.decoded() is None
