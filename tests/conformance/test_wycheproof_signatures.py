"""Bare signatures of Project Wycheproof, each file by the algorithm it is about. No tokens and no base64url here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from auth.keys import UnusableKeyError, VerificationKey
from auth.keys.algorithms import HMAC_MIN_BYTES


class Vector(NamedTuple):
    """A signature over a message. A result of ``acceptable`` counts as not valid: we owe old mistakes nothing."""

    test: int
    group: dict[str, Any]
    message: bytes
    signature: bytes
    valid: bool


def _vectors(file: Path) -> Iterator[Vector]:
    for group in json.loads(file.read_text("utf-8"))["testGroups"]:
        for test in group["tests"]:
            signature = test["sig"] if "sig" in test else test["tag"]
            yield Vector(
                test["tcId"],
                {**group, "secret": test.get("key")},
                bytes.fromhex(test["msg"]),
                bytes.fromhex(signature),
                test["result"] == "valid",
            )


def _jwk(group: dict[str, Any]) -> dict[str, Any] | None:
    jwk: dict[str, Any] | None = group.get("publicKeyJwk", group.get("keyJwk"))
    return jwk


def _keys(group: dict[str, Any]) -> list[VerificationKey]:
    """Return the key of a group in every form the group has it."""
    keys = [VerificationKey.from_pem(group["publicKeyPem"])]
    if (jwk := _jwk(group)) is not None:
        keys.append(VerificationKey.from_jwk(jwk))
    return keys


#: A file, its algorithm, the number of its vectors and of the valid ones among them.
PUBLIC_KEY_FILES = [
    ("ecdsa_secp256r1_sha256_p1363_test.json", "ES256", 262, 173),
    ("ecdsa_secp384r1_sha384_p1363_test.json", "ES384", 280, 193),
    ("ecdsa_secp521r1_sha512_p1363_test.json", "ES512", 318, 231),
    ("ed25519_test.json", "EdDSA", 151, 88),
    ("ed25519_test.json", "Ed25519", 151, 88),
    ("ed448_test.json", "EdDSA", 87, 17),
    ("ed448_test.json", "Ed448", 87, 17),
    ("rsa_signature_2048_sha256_test.json", "RS256", 259, 9),
    ("rsa_signature_2048_sha384_test.json", "RS384", 258, 7),
    ("rsa_signature_2048_sha512_test.json", "RS512", 259, 8),
    ("rsa_signature_3072_sha256_test.json", "RS256", 259, 8),
    ("rsa_signature_3072_sha384_test.json", "RS384", 259, 7),
    ("rsa_signature_3072_sha512_test.json", "RS512", 260, 8),
    ("rsa_signature_4096_sha256_test.json", "RS256", 258, 7),
    ("rsa_signature_4096_sha384_test.json", "RS384", 259, 7),
    ("rsa_signature_4096_sha512_test.json", "RS512", 259, 7),
    ("rsa_pss_2048_sha256_mgf1_32_test.json", "PS256", 108, 63),
    ("rsa_pss_2048_sha384_mgf1_48_test.json", "PS384", 141, 95),
    ("rsa_pss_3072_sha256_mgf1_32_test.json", "PS256", 108, 63),
    ("rsa_pss_4096_sha256_mgf1_32_test.json", "PS256", 108, 63),
    ("rsa_pss_4096_sha384_mgf1_48_test.json", "PS384", 141, 95),
    ("rsa_pss_4096_sha512_mgf1_64_test.json", "PS512", 179, 132),
]

#: The one name that ``EdDSA`` goes by as well, for each curve (RFC 9864 §2.2).
SAME_ALGORITHM = {"EdDSA": {"EdDSA", "Ed25519", "Ed448"}, "Ed25519": {"EdDSA", "Ed25519"}, "Ed448": {"EdDSA", "Ed448"}}


@pytest.mark.parametrize(("file", "algorithm", "count", "valid"), PUBLIC_KEY_FILES)
def test_signatures_verify_exactly_where_the_vectors_say(
    wycheproof: Path, file: str, algorithm: str, count: int, valid: int
) -> None:
    """A valid signature verifies by the key in PEM and as a JWK, an invalid or merely acceptable one by neither."""
    vectors = list(_vectors(wycheproof / file))

    disagreements = [
        vector.test
        for vector in vectors
        for key in _keys(vector.group)
        if key.verify(algorithm, vector.message, vector.signature) is not vector.valid
    ]

    assert disagreements == []
    assert (len(vectors), sum(vector.valid for vector in vectors)) == (count, valid)


@pytest.mark.parametrize(("file", "algorithm", "count", "valid"), PUBLIC_KEY_FILES)
def test_a_good_signature_is_good_for_no_other_algorithm(
    wycheproof: Path, file: str, algorithm: str, count: int, valid: int
) -> None:
    """What verifies by one algorithm verifies by none of the others the library knows, whatever the header claims."""
    every = {name for _, name, _, _ in PUBLIC_KEY_FILES} | HMAC_MIN_BYTES.keys() | {"none"}
    others = every - SAME_ALGORITHM.get(algorithm, {algorithm})
    good = [vector for vector in _vectors(wycheproof / file) if vector.valid]

    disagreements = [
        (vector.test, other)
        for vector in good
        for other in others
        if VerificationKey.from_pem(vector.group["publicKeyPem"]).verify(other, vector.message, vector.signature)
    ]

    assert disagreements == []
    assert valid == len(good) < count


def test_only_a_salt_as_long_as_the_hash_is_accepted(wycheproof: Path) -> None:
    """RFC 7518 §3.5: where the vectors want no salt, the one signature for us is the one they call a mistake."""
    vectors = list(_vectors(wycheproof / "rsa_pss_2048_sha256_mgf1_0_test.json"))

    accepted = [
        vector.test
        for vector in vectors
        for key in _keys(vector.group)
        if key.verify("PS256", vector.message, vector.signature)
    ]

    assert (len(vectors), sum(vector.valid for vector in vectors)) == (103, 61)
    assert accepted == [69], "the test whose comment is: s_len changed to 32"


def test_keys_on_secp256k1_are_refused(wycheproof: Path) -> None:
    """ES256K (RFC 8812) is not an algorithm of ours, so a key on its curve verifies nothing."""
    vectors = list(_vectors(wycheproof / "ecdsa_secp256k1_sha256_p1363_test.json"))

    for vector in vectors:
        with pytest.raises(UnusableKeyError, match="curve"):
            VerificationKey.from_pem(vector.group["publicKeyPem"])
    jwks = [jwk for vector in vectors if (jwk := _jwk(vector.group)) is not None]
    for jwk in jwks:
        with pytest.raises(UnusableKeyError, match="curve"):
            VerificationKey.from_jwk(jwk)

    assert (len(vectors), len(jwks)) == (252, 242)


@pytest.mark.parametrize(
    ("file", "algorithm"),
    [
        ("hmac_sha256_test.json", "HS256"),
        ("hmac_sha384_test.json", "HS384"),
        ("hmac_sha512_test.json", "HS512"),
    ],
)
def test_only_whole_tags_by_secrets_as_long_as_the_hash_verify(wycheproof: Path, file: str, algorithm: str) -> None:
    """RFC 7518 §3.2: of the tags that Wycheproof calls valid, truncated ones and those of short keys are refused."""
    size = HMAC_MIN_BYTES[algorithm]
    vectors = list(_vectors(wycheproof / file))

    disagreements = []
    for vector in vectors:
        expected = vector.valid and len(vector.signature) == size and len(bytes.fromhex(vector.group["secret"])) >= size
        if _tag_verifies(algorithm, vector) is not expected:
            disagreements.append(vector.test)

    assert disagreements == []
    assert (len(vectors), sum(_tag_verifies(algorithm, vector) for vector in vectors)) == (174, 30)


def _tag_verifies(algorithm: str, vector: Vector) -> bool:
    try:
        key = VerificationKey.from_secret(bytes.fromhex(vector.group["secret"]))
    except UnusableKeyError:
        return False
    return key.verify(algorithm, vector.message, vector.signature)
