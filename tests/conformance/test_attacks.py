"""Known ways to get a forged or ambiguous token past a verifier, each tried on ours. Not the ordinary claim checks.

Tokens are signed here with nothing but ``hmac`` and ``cryptography``, so that no library stands between an attack and
the verifier. Where a token is signed rightly, the attack lies in what it says; where it is not, in how it is signed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from auth.authenticator import Authenticator
from auth.errors import (
    InvalidAudienceError,
    InvalidIssuerError,
    InvalidSignatureError,
    InvalidTokenError,
    InvalidTypeError,
    MalformedTokenError,
    MissingClaimError,
)
from auth.keys import SimpleKeySource, UnusableKeyError, VerificationKey
from auth.settings.service import AuthConfig
from tests.support.services import authenticator_of
from tests.support.text_tokens import encode

NOW = 1_700_000_000
ISSUER, AUDIENCE = "https://issuer.example", "https://api.example"
CLAIMS: dict[str, Any] = {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "iat": NOW - 10, "exp": NOW + 600}

SECRET = b"eW9-3kQz_7LmT2xVb8RcJ5nHd4PsGa6U"
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
P256_KEY = ec.generate_private_key(ec.SECP256R1())
P384_KEY = ec.generate_private_key(ec.SECP384R1())
ED25519_KEY = ed25519.Ed25519PrivateKey.generate()
ED448_KEY = ed448.Ed448PrivateKey.generate()

Signer = Callable[[bytes], bytes]


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey) -> str:
    """Return the public half of a key."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def rsa_jwk(key: rsa.RSAPrivateKey) -> dict[str, str]:
    """Return the public half of an RSA key as a JWK."""
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "n": encode(numbers.n.to_bytes(256, "big")), "e": encode(numbers.e.to_bytes(3, "big"))}


def hs256(secret: bytes) -> Signer:
    return lambda message: hmac.new(secret, message, hashlib.sha256).digest()


def rs256(message: bytes) -> bytes:
    return RSA_KEY.sign(message, padding.PKCS1v15(), hashes.SHA256())


def ps256(salt_length: int) -> Signer:
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), salt_length)
    return lambda message: RSA_KEY.sign(message, pss, hashes.SHA256())


def es_der(key: ec.EllipticCurvePrivateKey, digest: hashes.HashAlgorithm) -> Signer:
    return lambda message: key.sign(message, ec.ECDSA(digest))


def es(key: ec.EllipticCurvePrivateKey, digest: hashes.HashAlgorithm, size: int) -> Signer:
    def sign(message: bytes) -> bytes:
        r, s = decode_dss_signature(es_der(key, digest)(message))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    return sign


ES256 = es(P256_KEY, hashes.SHA256(), 32)


def then(signer: Signer, change: Callable[[bytes], bytes]) -> Signer:
    return lambda message: change(signer(message))


def negated(signature: bytes) -> bytes:
    """Return the other ECDSA signature that holds wherever this one does (r, n - s)."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    return signature[:32] + (order - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")


def fixed(signature: bytes) -> Signer:
    return lambda _message: signature


def signed(header: Mapping[str, Any] | bytes, claims: Mapping[str, Any] | bytes, signer: Signer) -> str:
    """Return a compact token of a header and claims, given as values or as the very bytes."""
    head, body = (
        encode(part if isinstance(part, bytes) else json.dumps(part).encode("ascii")) for part in (header, claims)
    )
    return f"{head}.{body}.{encode(signer(f'{head}.{body}'.encode('ascii')))}"


def verifier(**settings: Any) -> Authenticator:
    """Return the verifier of a service with these ``AUTH_…`` settings, at a fixed moment."""
    config = AuthConfig.from_mapping({"AUTH_ISSUER": ISSUER, "AUTH_AUDIENCE": AUDIENCE, **settings})
    return authenticator_of(config.issuers, max_token_bytes=config.max_token_bytes, clock=lambda: NOW)


WITH_SECRET = verifier(AUTH_SECRET=SECRET)
WITH_RSA = verifier(AUTH_PUBLIC_KEY=pem(RSA_KEY))
WITH_RS256_ONLY = verifier(AUTH_PUBLIC_KEY={**rsa_jwk(RSA_KEY), "alg": "RS256"})
WITH_P256 = verifier(AUTH_PUBLIC_KEY=pem(P256_KEY))
WITH_P384 = verifier(AUTH_PUBLIC_KEY=pem(P384_KEY))
WITH_ED25519 = verifier(AUTH_PUBLIC_KEY=pem(ED25519_KEY))
WITH_ED448 = verifier(AUTH_PUBLIC_KEY=pem(ED448_KEY))
WITH_CURVES = verifier(AUTH_PUBLIC_KEY=[pem(P256_KEY), pem(P384_KEY), pem(ED25519_KEY), pem(ED448_KEY)])

GOOD = signed({"alg": "HS256"}, CLAIMS, hs256(SECRET))


@pytest.mark.parametrize(
    ("service", "algorithm", "signer"),
    [
        pytest.param(WITH_SECRET, "HS256", hs256(SECRET), id="HS256"),
        pytest.param(WITH_RSA, "RS256", rs256, id="RS256"),
        pytest.param(WITH_RSA, "PS256", ps256(32), id="PS256"),
        pytest.param(WITH_P256, "ES256", ES256, id="ES256"),
        pytest.param(WITH_P256, "ES256", then(ES256, negated), id="ES256 with the other s, which RFC 7518 allows"),
        pytest.param(WITH_P384, "ES384", es(P384_KEY, hashes.SHA384(), 48), id="ES384"),
        pytest.param(WITH_ED25519, "EdDSA", ED25519_KEY.sign, id="Ed25519 as EdDSA, RFC 8037"),
        pytest.param(WITH_ED25519, "Ed25519", ED25519_KEY.sign, id="Ed25519 by its name, RFC 9864"),
        pytest.param(WITH_ED448, "EdDSA", ED448_KEY.sign, id="Ed448 as EdDSA, RFC 8037"),
        pytest.param(WITH_ED448, "Ed448", ED448_KEY.sign, id="Ed448 by its name, RFC 9864"),
        pytest.param(WITH_CURVES, "EdDSA", ED448_KEY.sign, id="EdDSA by the second of two curves"),
    ],
)
def test_the_tokens_that_the_attacks_start_from_are_accepted(
    service: Authenticator, algorithm: str, signer: Signer
) -> None:
    """Without the attack every token here is good, so a refusal below means what it says."""
    assert service.verify(signed({"alg": algorithm}, CLAIMS, signer)).user_id == "alice"


_PEM = pem(RSA_KEY).encode("ascii")
_DER = RSA_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
_POINT = P256_KEY.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@pytest.mark.parametrize(
    ("service", "algorithm", "signer"),
    [
        pytest.param(WITH_RSA, "HS256", hs256(_PEM), id="RSA key in PEM as HMAC secret"),
        pytest.param(WITH_RSA, "HS256", hs256(_PEM.strip()), id="RSA key in PEM without its line end"),
        pytest.param(WITH_RSA, "HS256", hs256(_DER), id="RSA key in DER as HMAC secret"),
        pytest.param(WITH_RSA, "HS256", hs256(json.dumps(rsa_jwk(RSA_KEY)).encode()), id="JWK as HMAC secret"),
        pytest.param(WITH_P256, "HS256", hs256(pem(P256_KEY).encode()), id="EC key in PEM as HMAC secret"),
        pytest.param(WITH_P256, "HS256", hs256(_POINT), id="EC point as HMAC secret"),
        pytest.param(WITH_ED25519, "HS256", hs256(ED25519_KEY.public_key().public_bytes_raw()), id="Ed25519 bytes"),
        pytest.param(WITH_SECRET, "HS256", hs256(b""), id="empty HMAC secret"),
        pytest.param(WITH_SECRET, "HS512", hs256(SECRET), id="HS256 as HS512"),
        pytest.param(WITH_SECRET, "RS256", hs256(SECRET), id="HS256 as RS256"),
        pytest.param(WITH_SECRET, "HS256", then(hs256(SECRET), lambda tag: tag[:16]), id="truncated HMAC"),
        pytest.param(WITH_SECRET, "HS256", fixed(b""), id="no signature"),
        *(
            pytest.param(service, name, fixed(signature), id=f"alg {name!r}, {len(signature)} bytes, {kind}")
            for service, kind in ((WITH_SECRET, "secret"), (WITH_RSA, "RSA"), (WITH_P256, "EC"))
            for name in (
                "none",
                "None",
                "NONE",
                "nOnE",
                "",
                "none ",
                "null",
                "hs256",
                "HS256 ",
                "HS256\0",
                "HMACSHA256",
            )
            for signature in (b"", b"0")
        ),
        pytest.param(WITH_RSA, "RS256", ps256(32), id="PS256 as RS256"),
        pytest.param(WITH_RSA, "PS256", rs256, id="RS256 as PS256"),
        pytest.param(WITH_RSA, "RS512", rs256, id="RS256 as RS512"),
        pytest.param(WITH_RSA, "RS1", rs256, id="RS256 as RS1"),
        pytest.param(WITH_RSA, "RSA1_5", rs256, id="RS256 as RSA1_5"),
        pytest.param(WITH_RS256_ONLY, "PS256", ps256(32), id="PS256 under a key published for RS256"),
        pytest.param(WITH_RSA, "PS256", ps256(0), id="PS256 without salt"),
        pytest.param(WITH_RSA, "PS256", ps256(222), id="PS256 with the longest salt"),
        pytest.param(WITH_RSA, "RS256", fixed(b"\0" * 256), id="RSA signature of zeros"),
        pytest.param(WITH_RSA, "RS256", fixed(b"\xff" * 256), id="RSA signature above the modulus"),
        pytest.param(WITH_RSA, "RS256", then(rs256, lambda signature: b"\0" + signature), id="RSA signature padded"),
        pytest.param(WITH_P256, "ES256", fixed(b"\0" * 64), id="r and s zero, CVE-2022-21449"),
        pytest.param(WITH_P256, "ES256", fixed(b"\0" * 63 + b"\1"), id="r zero"),
        pytest.param(WITH_P256, "ES256", fixed(b"\0" * 31 + b"\1" + b"\0" * 32), id="s zero"),
        pytest.param(WITH_P256, "ES256", fixed(bytes.fromhex("3006020100020100")), id="r and s zero in DER"),
        pytest.param(WITH_P256, "ES256", es_der(P256_KEY, hashes.SHA256()), id="ECDSA signature in DER"),
        pytest.param(WITH_P256, "ES256", then(ES256, lambda it: it + b"\0"), id="ECDSA signature one byte longer"),
        pytest.param(WITH_P256, "ES256", then(ES256, lambda it: it[:-1]), id="ECDSA signature one byte shorter"),
        pytest.param(WITH_P256, "ES256", then(ES256, lambda it: it * 2), id="ECDSA signature twice"),
        pytest.param(
            WITH_P256,
            "ES256",
            then(ES256, lambda it: b"\0" + it[:32] + b"\0" + it[32:]),
            id="ECDSA integers with leading zeros",
        ),
        pytest.param(WITH_P384, "ES256", es(P384_KEY, hashes.SHA256(), 48), id="P-384 key under ES256"),
        pytest.param(WITH_P384, "ES384", es(P384_KEY, hashes.SHA256(), 48), id="ES384 over SHA-256"),
        pytest.param(WITH_CURVES, "ES256", es(P384_KEY, hashes.SHA256(), 48), id="P-384 key under ES256, P-256 beside"),
        pytest.param(WITH_P256, "ES256K", ES256, id="ES256 as ES256K"),
        pytest.param(WITH_ED25519, "Ed448", ED25519_KEY.sign, id="Ed25519 as Ed448"),
        pytest.param(WITH_ED448, "Ed25519", ED448_KEY.sign, id="Ed448 as Ed25519"),
        pytest.param(WITH_CURVES, "Ed25519", ED448_KEY.sign, id="Ed448 as Ed25519, both keys there"),
        pytest.param(WITH_ED25519, "ES256", ED25519_KEY.sign, id="Ed25519 as ES256"),
        pytest.param(WITH_ED25519, "EdDSA", fixed(b"\0" * 64), id="Ed25519 signature of zeros"),
        pytest.param(
            WITH_ED25519, "EdDSA", then(ED25519_KEY.sign, lambda it: it + b"\0"), id="Ed25519 one byte longer"
        ),
        pytest.param(WITH_ED25519, "EdDSA", fixed(b""), id="Ed25519 without signature"),
    ],
)
def test_a_signature_of_another_making_is_refused(service: Authenticator, algorithm: str, signer: Signer) -> None:
    """The header names an algorithm; neither the key nor the way of checking follows it (RFC 8725 §3.1)."""
    with pytest.raises(InvalidSignatureError):
        service.verify(signed({"alg": algorithm}, CLAIMS, signer))


class GenerousKeys(SimpleKeySource):
    """A key source that offers its one key for whatever is asked, as no key source should."""

    def __init__(self, key: VerificationKey) -> None:
        self._key = key

    def keys_for(self, algorithm: str, key_id: str | None) -> Sequence[VerificationKey]:
        return [self._key]


@pytest.mark.parametrize(
    ("algorithm", "signer"),
    [("PS256", ps256(32)), ("HS256", hs256(_PEM)), ("none", fixed(b""))],
    ids=["algorithm not configured", "RSA key as HMAC secret", "none"],
)
def test_the_algorithms_of_the_settings_bind_whatever_a_key_source_offers(algorithm: str, signer: Signer) -> None:
    """``AUTH_ALGORITHMS`` is asked before any key is (RFC 8725 §3.1)."""
    settings = {"AUTH_ISSUER": ISSUER, "AUTH_AUDIENCE": AUDIENCE, "AUTH_ALGORITHMS": ["RS256"]}
    config = AuthConfig.from_mapping(settings, keys=GenerousKeys(VerificationKey.from_pem(pem(RSA_KEY))))
    service = authenticator_of(config.issuers, max_token_bytes=config.max_token_bytes, clock=lambda: NOW)

    with pytest.raises(InvalidSignatureError):
        service.verify(signed({"alg": algorithm}, CLAIMS, signer))

    assert service.verify(signed({"alg": "RS256"}, CLAIMS, rs256)).user_id == "alice"


_ATTACKER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.mark.parametrize(
    "header",
    [
        pytest.param({"jwk": rsa_jwk(_ATTACKER)}, id="jwk"),
        pytest.param({"jwk": {**rsa_jwk(_ATTACKER), "kid": "a"}, "kid": "a"}, id="jwk with its kid"),
        pytest.param({"jwk": {"kty": "oct", "k": encode(SECRET)}}, id="jwk that is a secret"),
        pytest.param({"jku": "https://attacker.example/jwks.json"}, id="jku"),
        pytest.param({"x5u": "https://attacker.example/chain.pem"}, id="x5u"),
        pytest.param({"x5c": [base64.b64encode(_DER).decode()]}, id="x5c"),
        pytest.param({"jku": 1, "x5u": [], "x5c": {}, "jwk": None}, id="nonsense in their place"),
        pytest.param({"kid": "../../../../../dev/null"}, id="kid as a path"),
        pytest.param({"kid": "x' UNION SELECT 'secret' --"}, id="kid as SQL"),
        pytest.param({"kid": "| id"}, id="kid as a command"),
        pytest.param({"kid": "https://attacker.example/key"}, id="kid as a URL"),
        pytest.param({"kid": ""}, id="kid empty"),
        pytest.param({"kid": "\0"}, id="kid of a null byte"),
        pytest.param({"kid": "k" * 3000}, id="kid without end"),
    ],
)
def test_a_token_does_not_bring_its_own_key(header: dict[str, Any]) -> None:
    """Whatever the header says about keys, an attacker's signature stays one (RFC 8725 §3.10)."""

    def by_attacker(message: bytes) -> bytes:
        return _ATTACKER.sign(message, padding.PKCS1v15(), hashes.SHA256())

    with pytest.raises(InvalidSignatureError):
        WITH_RSA.verify(signed({"alg": "RS256", **header}, CLAIMS, by_attacker))


@pytest.mark.parametrize(
    "respell",
    [
        pytest.param(lambda token: token + "\n", id="line end after it"),
        pytest.param(lambda token: " " + token, id="space before it"),
        pytest.param(lambda token: token.replace(".", ". ", 1), id="space within it"),
        pytest.param(lambda token: token + "\0", id="null byte after it"),
        pytest.param(lambda token: token + "=", id="padding after it"),
        pytest.param(lambda token: token.replace(".", "=.", 1), id="padding of the header"),
        pytest.param(lambda token: token + ".", id="fourth segment, empty"),
        pytest.param(lambda token: "." + token, id="empty segment before it"),
        pytest.param(lambda token: token + ".e30.e30", id="five segments"),
        pytest.param(lambda token: token.rpartition(".")[0], id="two segments"),
        pytest.param(lambda token: token.replace(".", "\u3002"), id="ideographic full stops"),
        pytest.param(lambda token: token + "A", id="one character more"),
        pytest.param(lambda token: token + "AAAA", id="three bytes more"),
        pytest.param(lambda token: token + "\uff21", id="full-width letter"),
        pytest.param(lambda token: token + "\u0661", id="Arabic digit"),
        pytest.param(lambda token: token[:-1] + "+", id="plus of the other base64"),
        pytest.param(lambda token: token[:-1] + "/", id="slash of the other base64"),
        pytest.param(lambda token: "%65" + token[1:], id="percent encoding"),
        pytest.param(lambda token: "Bearer " + token, id="scheme before it"),
        pytest.param(lambda token: f"{token},{token}", id="two of them"),
        pytest.param(
            lambda token: json.dumps(dict(zip(("protected", "payload", "signature"), token.split("."), strict=True))),
            id="JSON serialization",
        ),
        pytest.param(lambda _token: "", id="nothing"),
        pytest.param(lambda _token: "..", id="dots"),
        pytest.param(lambda token: token + "A" * 8192, id="longer than AUTH_MAX_TOKEN_BYTES"),
    ],
)
def test_another_spelling_of_a_good_token_is_refused(respell: Callable[[str], str]) -> None:
    """A token has one spelling, so that its digest names it (RFC 7515 §2: no padding, no white space)."""
    with pytest.raises(InvalidTokenError):
        WITH_SECRET.verify(respell(GOOD))


def test_no_other_last_character_spells_the_same_signature() -> None:
    """32 bytes leave two bits of the last character unused; only one of the four spellings is canonical."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

    for last in set(alphabet) - {GOOD[-1]}:
        with pytest.raises(InvalidTokenError):
            WITH_SECRET.verify(GOOD[:-1] + last)


HEADER = b'{"alg":"HS256"}'
BODY = json.dumps(CLAIMS).encode("ascii")


def with_member(member: bytes) -> bytes:
    return BODY[:-1] + b"," + member + b"}"


def with_subject(subject: bytes) -> bytes:
    return BODY.replace(b'"alice"', subject)


def with_expiry(expiry: bytes) -> bytes:
    return BODY.replace(str(CLAIMS["exp"]).encode("ascii"), expiry)


@pytest.mark.parametrize(
    ("header", "body", "error"),
    [
        pytest.param(b'{"alg":"none","alg":"HS256"}', BODY, MalformedTokenError, id="alg twice"),
        pytest.param(b'{"alg":"HS256","\\u0061lg":"none"}', BODY, MalformedTokenError, id="alg twice, once escaped"),
        pytest.param(HEADER, with_member(b'"sub":"admin"'), MalformedTokenError, id="sub twice"),
        pytest.param(HEADER, with_member(b'"\\u0073ub":"admin"'), MalformedTokenError, id="sub twice, once escaped"),
        pytest.param(HEADER, with_member(b'"x":[{"y":1,"y":2}]'), MalformedTokenError, id="member twice, inside"),
        pytest.param(b'{"ALG":"HS256"}', BODY, MalformedTokenError, id="ALG"),
        pytest.param(b'{"alg":["HS256"]}', BODY, MalformedTokenError, id="alg in a list"),
        pytest.param(b'{"alg":null}', BODY, MalformedTokenError, id="alg null"),
        pytest.param(b'{"typ":"JWT"}', BODY, MalformedTokenError, id="alg absent"),
        pytest.param(b'["alg"]', BODY, MalformedTokenError, id="header a list"),
        pytest.param(b'{"alg":"HS256","kid":0}', BODY, MalformedTokenError, id="kid a number"),
        pytest.param(b'{"alg":"HS256","kid":null}', BODY, MalformedTokenError, id="kid null"),
        pytest.param(b'{"alg":"HS256","crit":["exp"],"exp":1}', BODY, MalformedTokenError, id="crit, RFC 7515 4.1.11"),
        pytest.param(b'{"alg":"HS256","crit":[]}', BODY, MalformedTokenError, id="crit empty"),
        pytest.param(b'{"alg":"HS256","crit":null}', BODY, MalformedTokenError, id="crit null"),
        pytest.param(b'{"alg":"HS256","b64":false}', BODY, MalformedTokenError, id="b64 without crit, RFC 7797"),
        pytest.param(b'{"alg":"HS256","b64":0}', BODY, MalformedTokenError, id="b64 zero"),
        pytest.param(b'{"alg":"HS256","typ":"dpop+jwt"}', BODY, InvalidTypeError, id="DPoP proof"),
        pytest.param(b'{"alg":"HS256","typ":"logout+jwt"}', BODY, InvalidTypeError, id="logout token"),
        pytest.param(b'{"alg":"HS256","typ":"application/id+jwt"}', BODY, InvalidTypeError, id="another media type"),
        pytest.param(b'{"alg":"HS256","typ":"at+jwt "}', BODY, InvalidTypeError, id="typ with a space"),
        pytest.param(b'{"alg":"HS256","typ":"\xe2\x84\xaawt"}', BODY, InvalidTypeError, id="typ with a Kelvin sign"),
        pytest.param(b'{"alg":"HS256","typ":["JWT"]}', BODY, MalformedTokenError, id="typ in a list"),
        pytest.param(b'{"alg":"HS256","typ":null}', BODY, MalformedTokenError, id="typ null"),
        pytest.param(b"\xef\xbb\xbf" + HEADER, BODY, MalformedTokenError, id="byte order mark, header"),
        pytest.param(HEADER, b"\xef\xbb\xbf" + BODY, MalformedTokenError, id="byte order mark, claims"),
        pytest.param(HEADER, BODY.decode().encode("utf-16"), MalformedTokenError, id="UTF-16"),
        pytest.param(HEADER, BODY.decode().encode("utf-16-be"), MalformedTokenError, id="UTF-16 without mark"),
        pytest.param(HEADER, BODY.decode().encode("utf-32"), MalformedTokenError, id="UTF-32"),
        pytest.param(HEADER, with_subject(b'"\xe9"'), MalformedTokenError, id="Latin-1"),
        pytest.param(HEADER, with_subject(b'"\xc1\xa1lice"'), MalformedTokenError, id="overlong UTF-8"),
        pytest.param(HEADER, with_subject(b'"\xed\xa0\x80"'), MalformedTokenError, id="surrogate in UTF-8"),
        pytest.param(HEADER, with_subject(b'"\\ud800"'), MalformedTokenError, id="lone surrogate, high"),
        pytest.param(HEADER, with_subject(b'"\\udfff"'), MalformedTokenError, id="lone surrogate, low"),
        pytest.param(
            HEADER, with_subject(b'"\\ude00\\ud83d"'), MalformedTokenError, id="surrogates the wrong way round"
        ),
        pytest.param(HEADER, with_member(b'"\\uD800":1'), MalformedTokenError, id="lone surrogate in a name"),
        pytest.param(b'{"alg":"HS256","x":"\\uDC00"}', BODY, MalformedTokenError, id="lone surrogate in the header"),
        pytest.param(HEADER, BODY + b"}", MalformedTokenError, id="bytes after the claims"),
        pytest.param(HEADER, BODY + b"\0", MalformedTokenError, id="null byte after the claims"),
        pytest.param(HEADER, BODY + BODY, MalformedTokenError, id="claims twice"),
        pytest.param(HEADER, b"\x0b" + BODY, MalformedTokenError, id="white space that JSON does not know"),
        pytest.param(HEADER, BODY + b"\xc2\xa0", MalformedTokenError, id="non-breaking space"),
        pytest.param(HEADER, BODY[:-1] + b",}", MalformedTokenError, id="comma too many"),
        pytest.param(HEADER, b"/**/" + BODY, MalformedTokenError, id="comment"),
        pytest.param(HEADER, BODY.replace(b'"', b"'"), MalformedTokenError, id="single quotes"),
        pytest.param(HEADER, with_subject(b'"a\nlice"'), MalformedTokenError, id="line end within a text"),
        pytest.param(HEADER, b"null", MalformedTokenError, id="claims null"),
        pytest.param(HEADER, b"[]", MalformedTokenError, id="claims a list"),
        pytest.param(HEADER, b'"claims"', MalformedTokenError, id="claims a text"),
        pytest.param(HEADER, with_member(b'"x":' + b"[" * 16 + b"]" * 16), MalformedTokenError, id="17 levels"),
        pytest.param(HEADER, with_member(b'"x":' + b'{"x":' * 500 + b"1" + b"}" * 500), MalformedTokenError, id="501"),
        pytest.param(HEADER, with_member(b'"x":' + b"[" * 2500 + b"]" * 2500), MalformedTokenError, id="2501 levels"),
        pytest.param(b'{"alg":"HS256","x":' + b"[" * 2500, BODY, MalformedTokenError, id="header without an end"),
        pytest.param(HEADER, with_member(b'"x":NaN'), MalformedTokenError, id="NaN"),
        pytest.param(HEADER, with_member(b'"x":-Infinity'), MalformedTokenError, id="Infinity"),
        pytest.param(HEADER, with_member(b'"x":1e400'), MalformedTokenError, id="a float that overflows"),
        pytest.param(HEADER, with_member(b'"x":' + b"9" * 5000), MalformedTokenError, id="an integer of 5000 digits"),
        pytest.param(HEADER, with_expiry(b"9" * 4000), MissingClaimError, id="exp of 4000 digits"),
        pytest.param(HEADER, with_expiry(b"1e308"), MissingClaimError, id="exp as the largest float"),
        pytest.param(HEADER, with_expiry(b"253402300800"), MissingClaimError, id="exp in the year 10000"),
        pytest.param(HEADER, with_expiry(b"true"), MissingClaimError, id="exp true"),
        pytest.param(HEADER, with_expiry(b'"9999999999"'), MissingClaimError, id="exp a text"),
        pytest.param(HEADER, with_expiry(b"[9999999999]"), MissingClaimError, id="exp in a list"),
        pytest.param(HEADER, with_expiry(b"null"), MissingClaimError, id="exp null"),
        pytest.param(HEADER, with_member(b'"nbf":"0"'), MalformedTokenError, id="nbf a text"),
        pytest.param(HEADER, with_subject(b"0"), MissingClaimError, id="sub a number"),
        pytest.param(HEADER, with_subject(b'["alice"]'), MissingClaimError, id="sub in a list"),
        pytest.param(HEADER, with_subject(b'""'), MissingClaimError, id="sub empty"),
        pytest.param(HEADER, with_subject(b'" \\u00a0"'), MissingClaimError, id="sub blank"),
        pytest.param(HEADER, with_subject(b'"alice\\u0000"'), MissingClaimError, id="sub with a null byte"),
        pytest.param(HEADER, json.dumps({**CLAIMS, "iss": [ISSUER]}).encode(), InvalidIssuerError, id="iss in a list"),
        pytest.param(
            HEADER, json.dumps({**CLAIMS, "iss": ISSUER + "/"}).encode(), InvalidIssuerError, id="iss and a slash"
        ),
        pytest.param(
            HEADER, json.dumps({**CLAIMS, "iss": ISSUER[:-1]}).encode(), InvalidIssuerError, id="iss cut short"
        ),
        pytest.param(
            HEADER, json.dumps({**CLAIMS, "aud": AUDIENCE + "s"}).encode(), InvalidAudienceError, id="aud longer"
        ),
        pytest.param(
            HEADER, json.dumps({**CLAIMS, "aud": {AUDIENCE: 1}}).encode(), InvalidAudienceError, id="aud an object"
        ),
        pytest.param(
            HEADER, json.dumps({**CLAIMS, "aud": [AUDIENCE, 1]}).encode(), InvalidAudienceError, id="aud mixed"
        ),
        pytest.param(HEADER, json.dumps({**CLAIMS, "aud": []}).encode(), InvalidAudienceError, id="aud empty"),
        pytest.param(HEADER, with_member(b'"cnf":{}'), InvalidTypeError, id="cnf empty, RFC 7800"),
        pytest.param(HEADER, with_member(b'"scope":{"admin":true}'), MalformedTokenError, id="scope an object"),
    ],
)
def test_a_rightly_signed_token_with_two_readings_or_none_is_refused(
    header: bytes, body: bytes, error: type[InvalidTokenError]
) -> None:
    """The signature holds; what it covers could be read otherwise elsewhere, or is not what it should be."""
    with pytest.raises(InvalidTokenError) as caught:
        WITH_SECRET.verify(signed(header, body, hs256(SECRET)))

    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("header", "body"),
    [
        pytest.param(HEADER, b" \t\r\n" + BODY.replace(b",", b" ,\r\n") + b"\n", id="white space between members"),
        pytest.param(b'{"\\u0061lg":"HS\\u003256"}', BODY, id="escapes for plain letters"),
        pytest.param(HEADER, with_subject(b'"\\ud83d\\ude00"'), id="a whole surrogate pair"),
        pytest.param(HEADER, with_subject(b'"\\\\ud800"'), id="a backslash, then letters"),
        pytest.param(HEADER, with_member(b'"x":' + b"[" * 15 + b"]" * 15), id="16 levels"),
        pytest.param(HEADER, with_member(b'"x":"' + b"[{" * 100 + b'"'), id="brackets within a text"),
        pytest.param(HEADER, with_member(b'"x":' + b"9" * 4000), id="an integer of 4000 digits"),
        pytest.param(HEADER, with_expiry(b"1.7000006e9"), id="exp with an exponent"),
        pytest.param(HEADER, with_expiry(b"253402300799"), id="exp in the year 9999"),
        pytest.param(b'{"alg":"HS256","b64":true}', BODY, id="b64 as it is anyway"),
        pytest.param(b'{"alg":"HS256","typ":"application/AT+JWT"}', BODY, id="typ in full"),
        pytest.param(b'{"alg":"HS256","zip":"DEF","cty":"JWT"}', BODY, id="headers without a meaning here"),
    ],
)
def test_an_unusual_and_lawful_token_is_accepted(header: bytes, body: bytes) -> None:
    """Strict is not narrow: what has one reading by the RFCs is read."""
    assert WITH_SECRET.verify(signed(header, body, hs256(SECRET))).user_id


@pytest.mark.parametrize(
    "material",
    [
        pytest.param(_PEM, id="PEM"),
        pytest.param(_PEM.replace(b"\n", b"\r\n"), id="PEM with other line ends"),
        pytest.param(_PEM.replace(b"\n", b"\\n"), id="PEM with line ends written out"),
        pytest.param(_PEM.replace(b"\n", b" "), id="PEM in one line"),
        pytest.param(b"\n  " + _PEM, id="PEM indented"),
        pytest.param(_DER, id="DER"),
        pytest.param(RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1), id="PKCS 1"),
        pytest.param(RSA_KEY.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH), id="OpenSSH"),
        pytest.param(json.dumps(rsa_jwk(RSA_KEY)).encode(), id="JWK"),
        pytest.param(json.dumps({"keys": [rsa_jwk(RSA_KEY)]}).encode(), id="JWK set"),
        pytest.param(pem(ED25519_KEY).encode(), id="Ed25519 in PEM"),
        pytest.param(RSA_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), id="private key"),
    ],
)
def test_key_material_is_no_shared_secret(material: bytes) -> None:
    """Public keys as HMAC secrets let everybody sign: refused at start (CVE-2022-29217 and those that followed it)."""
    with pytest.raises(UnusableKeyError):
        VerificationKey.from_secret(material)
