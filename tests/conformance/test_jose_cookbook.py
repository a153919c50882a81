"""The examples of RFC 7520, RFC 7797 and RFC 8037: what a reader of JWTs accepts, and the greater part it must not.

Their payloads are mostly prose, so signatures are checked as :mod:`tests.support.text_tokens` does it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from auth.errors import InvalidSignatureError, MalformedTokenError, TokenExpiredError
from auth.keys import UnusableKeyError, VerificationKey
from auth.tokens.compact_jws import parse_compact
from tests.support.services import authenticator_of
from tests.support.text_tokens import MAX_BYTES, configured_with, decode, encode, verify_text

_PRIVATE = {"d", "p", "q", "dp", "dq", "qi"}

SIGNED = [
    "jws/4_1.rsa_v15_signature.json",
    "jws/4_2.rsa-pss_signature.json",
    "jws/4_3.ecdsa_signature.json",
    "jws/4_4.hmac-sha2_integrity_protection.json",
    "curve25519/jws.json",
]


def _example(file: Path) -> dict[str, Any]:
    example: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return example


def _public(jwk: dict[str, Any]) -> VerificationKey:
    """Return what verifies the signatures of an example's key."""
    if jwk["kty"] == "oct":
        return VerificationKey.from_secret(decode(jwk["k"]))
    return VerificationKey.from_jwk({name: jwk[name] for name in jwk.keys() - _PRIVATE})


def _outputs(cookbook: Path, form: str) -> list[str]:
    """Return everything that the examples put out in one form, as text."""
    nested = _example(cookbook / "6.nesting_signatures_and_encryption.json")
    parts = [_example(file) for file in sorted(cookbook.glob("*/*.json"))] + [nested["sign"], nested["encrypt"]]
    outputs = [part["output"][form] for part in parts if form in part.get("output", {})]
    return [output if isinstance(output, str) else json.dumps(output) for output in outputs]


@pytest.mark.parametrize("name", SIGNED)
def test_signed_examples_verify(cookbook: Path, name: str) -> None:
    """Each compact example of RFC 7520 §4.1 to §4.4 and RFC 8037 A.4 verifies with the key it was signed with."""
    example = _example(cookbook / name)
    config = configured_with(_public(example["input"]["key"]))

    verify_text(example["output"]["compact"], config)

    header, _, signature = example["output"]["compact"].split(".")
    with pytest.raises(InvalidSignatureError):
        verify_text(f"{header}.{encode(b'another payload')}.{signature}", config)


@pytest.mark.parametrize("name", SIGNED)
def test_signed_examples_do_not_verify_with_the_key_of_another(cookbook: Path, name: str) -> None:
    """No signature holds under a key it was not made with, whether the algorithm fits that key or not."""
    example = _example(cookbook / name)

    for other in SIGNED:
        key = _example(cookbook / other)["input"]["key"]
        if key != example["input"]["key"]:
            with pytest.raises(InvalidSignatureError):
                verify_text(example["output"]["compact"], configured_with(_public(key)))


def test_a_detached_payload_is_malformed(cookbook: Path) -> None:
    """RFC 7520 §4.5 leaves the payload out; a bearer token has to bring its claims along."""
    example = _example(cookbook / "jws/4_5.signature_with_detached_content.json")

    with pytest.raises(MalformedTokenError):
        parse_compact(example["output"]["compact"], MAX_BYTES)


@pytest.mark.parametrize(("form", "count"), [("json", 26), ("json_flat", 24)])
def test_json_serializations_are_malformed(cookbook: Path, form: str, count: int) -> None:
    """A token is compact (RFC 7519 §3): neither JSON serialization is read, of signatures or of encryption."""
    outputs = _outputs(cookbook, form)

    for output in outputs:
        with pytest.raises(MalformedTokenError):
            parse_compact(output, MAX_BYTES)

    assert len(outputs) == count


def test_encrypted_and_nested_examples_are_malformed(cookbook: Path) -> None:
    """Five segments are a JWE (RFC 7516 §7.1), with or without a signed token inside."""
    encrypted = [output for output in _outputs(cookbook, "compact") if output.count(".") == 4]

    for output in encrypted:
        with pytest.raises(MalformedTokenError):
            parse_compact(output, MAX_BYTES)

    assert len(encrypted) == 11


def test_an_unencoded_payload_is_malformed_however_it_travels(cookbook: Path) -> None:
    """RFC 7797 is not understood: its ``crit`` and ``b64`` are refused even where the rest would pass."""
    example = _example(cookbook / "rfc7797/hmac-sha2_b64_false.json")
    config = configured_with(_public(example["input"]["key"]))
    header, payload, signature = example["output"]["compact"].split(".")

    for token in (example["output"]["compact"], f"{header}.{encode(payload.encode())}.{signature}"):
        with pytest.raises(MalformedTokenError):
            verify_text(token, config)


def test_the_signed_token_of_the_nesting_example_is_a_token(cookbook: Path) -> None:
    """RFC 7520 §6 nests a real JWT by PS256: it verifies, until the second it expires in 2011."""
    example = _example(cookbook / "6.nesting_signatures_and_encryption.json")["sign"]
    # Public keys demand an audience in the settings; this token, older than that advice, carries none.
    issuer = replace(
        configured_with(_public(example["input"]["key"])).issuers[0],
        names=("hobbiton.example",),
        audience=frozenset(),
        identity_claim="iss",
        required_claims=("exp",),
        leeway=0,
    )
    clocks = [lambda: 1300819379.0, lambda: 1300819380.0]
    in_time, too_late = (authenticator_of([issuer], max_token_bytes=MAX_BYTES, clock=clock) for clock in clocks)

    assert in_time.verify(example["output"]["compact"]).claims["http://example.com/is_root"] is True
    with pytest.raises(TokenExpiredError):
        too_late.verify(example["output"]["compact"])


@pytest.mark.parametrize(
    ("name", "algorithms"),
    [
        ("jwk/3_1.ec_public_key.json", {"ES512"}),
        ("jwk/3_3.rsa_public_key.json", {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
    ],
)
def test_public_keys_are_bound_to_the_algorithms_of_their_kind(cookbook: Path, name: str, algorithms: set[str]) -> None:
    """RFC 7520 §3.1 and §3.3 publish keys without ``alg``: the curve names one algorithm, RSA has six."""
    key = VerificationKey.from_jwk(_example(cookbook / name))

    assert key.algorithms == algorithms
    assert key.key_id == "bilbo.baggins@hobbiton.example"


@pytest.mark.parametrize(
    "name",
    [
        "jwk/3_2.ec_private_key.json",
        "jwk/3_4.rsa_private_key.json",
        "jwk/3_5.symmetric_key_mac_computation.json",
        "jwk/3_6.symmetric_key_encryption.json",
    ],
)
def test_private_and_symmetric_keys_are_refused_as_public_ones(cookbook: Path, name: str) -> None:
    """A key that can sign is never taken for one that anybody may hold."""
    with pytest.raises(UnusableKeyError, match="private or symmetric"):
        VerificationKey.from_jwk(_example(cookbook / name))
