"""Whole tokens and keys of Project Wycheproof, through the whole of the library. Not the bare signatures.

Where we answer otherwise than a vector says, the difference is a row with its reason. A row too many fails like a row
that lacks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from auth.errors import ConfigurationError, InvalidTokenError, MalformedTokenError
from auth.keys import UnusableKeyError, VerificationKey
from auth.tokens.compact_jws import parse_compact
from tests.support.services import authenticator_of
from tests.support.text_tokens import MAX_BYTES, configured, configured_with, verify_text


class Difference(NamedTuple):
    """Tests of one file that we answer otherwise, by ``tcId``, and why."""

    file: str
    tests: frozenset[int]
    reason: str


#: Valid to the vectors, refused by us.
STRICTER = (
    Difference("json_web_signature_test.json", frozenset({259, 264, 268, 272, 320, 325}), "no claims in no payload"),
    Difference("json_web_signature_test.json", frozenset({346, 350}), "the key says PS256, the token PS384"),
    Difference("json_web_signature_test.json", frozenset({347, 351}), "the key says ES521, which no RFC knows"),
    Difference("json_web_signature_test.json", frozenset({372, 373}), "a question mark within base64url"),
    Difference(
        "json_web_signature_test.json", frozenset({357, 358, 359, 376, 377}), "the secret is 32 zeros, a mere pattern"
    ),
    Difference("json_web_crypto_test.json", frozenset({50, 67}), "an encrypted token, whose key is no signing key"),
)

#: Invalid to the vectors, accepted by us.
LAXER = (
    Difference("json_web_key_test.json", frozenset({4}), "a secret is configured without kid, so none can stand twice"),
    Difference("json_web_key_test.json", frozenset({7}), "nobody looks for ROCA (CVE-2017-15361) in an issuer's keys"),
    Difference("json_web_crypto_test.json", frozenset({46}), "nobody looks for ROCA (CVE-2017-15361) likewise"),
)


#: Tests that are called invalid for padding which got lost when the vectors were written, and the valid test that each
#: is the same as, character for character.
_COPIES = {367: 357, 370: 357}


class Vector(NamedTuple):
    """A token, the keys to verify it with, and what ought to come of it."""

    test: int
    group: str
    keys: list[dict[str, Any]]
    encoded: str
    valid: bool


def _vectors(file: Path) -> Iterator[Vector]:
    for group in json.loads(file.read_text("utf-8"))["testGroups"]:
        given = group.get("public") or group["private"]
        for test in group["tests"]:
            token = test["jws"] if "jws" in test else test["jwe"]
            yield Vector(
                test["tcId"],
                group["comment"],
                given.get("keys", [given]),
                token if isinstance(token, str) else json.dumps(token),
                test["result"] == "valid",
            )


def _accepts(vector: Vector) -> bool:
    try:
        verify_text(vector.encoded, configured(vector.keys))
    except (ConfigurationError, InvalidTokenError):
        return False
    return True


def _tests(differences: tuple[Difference, ...], file: str) -> set[int]:
    return {test for difference in differences if difference.file == file for test in difference.tests}


@pytest.mark.parametrize(
    ("file", "count", "valid"),
    [
        ("json_web_signature_test.json", 401, 46),
        ("json_web_key_test.json", 26, 5),
        ("json_web_crypto_test.json", 83, 6),
    ],
)
def test_tokens_are_accepted_and_refused_as_the_vectors_say(
    wycheproof: Path, file: str, count: int, valid: int
) -> None:
    """A token that Wycheproof calls invalid is refused, a valid one accepted, but for the named differences."""
    vectors = list(_vectors(wycheproof / file))

    accepted = {vector.test for vector in vectors if _accepts(vector)}

    expected = {vector.test for vector in vectors if vector.valid}
    assert (len(vectors), len(expected)) == (count, valid)
    assert expected - accepted == _tests(STRICTER, file)
    assert accepted - expected == _tests(LAXER, file)


def test_no_service_starts_with_the_keys_that_the_vectors_call_unfit(wycheproof: Path) -> None:
    """Where the key is at fault, that is said at start and not left to the token: some tokens here have more faults."""
    vectors = list(_vectors(wycheproof / "json_web_key_test.json"))

    refused = set()
    for vector in vectors:
        try:
            configured(vector.keys)
        except ConfigurationError:
            refused.add(vector.test)

    invalid = {vector.test for vector in vectors if not vector.valid}
    signature_at_fault = {3}
    assert invalid - refused == signature_at_fault | _tests(LAXER, "json_web_key_test.json")
    assert refused <= invalid


def test_base64url_is_read_as_strictly_under_a_secret_that_no_service_would_start_with(wycheproof: Path) -> None:
    """The vectors about base64 share a secret of zeros; given to the verifier all the same, it reads them strictly."""
    vectors = [vector for vector in _vectors(wycheproof / "json_web_signature_test.json") if vector.group == "base64"]
    config = configured_with(VerificationKey.from_secret(bytes(32)))

    accepted = set()
    for vector in vectors:
        try:
            verify_text(vector.encoded, config)
        except InvalidTokenError:
            continue
        accepted.add(vector.test)

    assert len(vectors) == 21
    assert accepted - _COPIES.keys() == {357, 358, 359, 376, 377}
    encoded = {vector.test: vector.encoded for vector in vectors}
    assert all(encoded[copy] == encoded[original] for copy, original in _COPIES.items())


def test_no_signed_text_is_taken_for_a_token_with_claims(wycheproof: Path) -> None:
    """A payload such as ``foo`` is refused by the verifier whatever the signature says, as malformed and no worse."""
    vectors = list(_vectors(wycheproof / "json_web_signature_test.json"))
    config = configured_with(VerificationKey.from_secret(bytes(32)))
    verifier = authenticator_of(config.issuers, max_token_bytes=MAX_BYTES)

    for vector in vectors:
        with pytest.raises(MalformedTokenError):
            verifier.verify(vector.encoded)

    assert len(vectors) == 401


def test_encrypted_tokens_are_malformed_and_their_keys_unusable(wycheproof: Path) -> None:
    """We read no JWE (RFC 7516), and a key for encryption verifies nothing."""
    vectors = list(_vectors(wycheproof / "json_web_encryption_test.json"))

    for vector in vectors:
        with pytest.raises(MalformedTokenError):
            parse_compact(vector.encoded, MAX_BYTES)
        for key in vector.keys:
            with pytest.raises(UnusableKeyError):
                VerificationKey.from_jwk(key)

    assert len(vectors) == 139
