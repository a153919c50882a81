"""Key sets that an issuer publishes: odd members are left out with a reason, and no key verifies what nobody signed.

- Only :class:`InvalidKeySetError` is raised, whatever the document is.
- A key that is kept is public and made for algorithms of its own kind, and kept once. Few are tried for one token.
- It says of any signature whether it is good, and of none that it is unless the key signed.
- A member that is left out is named in one short line of printable ASCII.
- The same document, judged again, is the same set; in another order it brings the same keys.
"""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

from auth.keys import VerificationKey
from auth.keys.algorithms import ASYMMETRIC_ALGORITHMS
from auth.keys.key_ring import MAX_ATTEMPTS
from auth.keys.key_set import InvalidKeySetError, KeySet
from fuzz.json_mutator import json_mutator, parsed
from fuzz.target import Target
from fuzz.trusted import JWKS, KEY_ISSUER, sign

_MESSAGE = b"e30.e30"

#: Signatures that broken verifiers take: of nothing, of zeros and ones, and of other keys.
_FORGERIES = (
    b"",
    *(bytes(size) for size in (32, 64, 96, 114, 132, 256, 436)),
    b"\x01" + bytes(63),
    bytes(31) + b"\x01" + bytes(31) + b"\x01",
    bytes(255) + b"\x01",
    b"\xff" * 64,
)

#: The keys that have signed, and so may say that a signature is good.
_SIGNERS = [VerificationKey.from_jwk(jwk) for jwk in JWKS]
_SIGNED = {algorithm: sign(algorithm, _MESSAGE) for key in _SIGNERS for algorithm in key.algorithms}

#: The most keys of a set that signatures are tried with: that takes longer than everything else.
_MOST_TRIED = 2


def check(data: bytes) -> None:
    """Demand what is said above of one document."""
    document = parsed(data)
    if not isinstance(document, dict):
        return
    try:
        judged = KeySet.from_document(document)
    except InvalidKeySetError:
        assert not isinstance(document.get("keys"), list) or len(document["keys"]) > 1000
        return
    for entry in judged.dropped:
        assert str(entry).isascii()
        assert str(entry).isprintable()
        assert len(str(entry)) < 250
    _check_ring(judged)
    again = KeySet.from_document(document)
    assert again.following(judged).ring is judged.ring
    assert not again.newly_dropped(judged)
    reverse = KeySet.from_document({**document, "keys": document["keys"][::-1]})
    is_complete = not any("is never tried" in entry.reason for entry in judged.dropped)
    assert not is_complete or {(key.key_id, key.algorithms) for key in reverse.ring.keys} == {
        (key.key_id, key.algorithms) for key in judged.ring.keys
    }
    if b"issuer" in data:
        for owner in (KEY_ISSUER, "https://login.example/tenant/v2.0"):
            assert len(KeySet.from_document(document, owner).ring.keys) <= len(document["keys"])


def _check_ring(judged: KeySet) -> None:
    keys = judged.ring.keys
    for key in keys:
        assert key.algorithms
        assert key.algorithms <= {*ASYMMETRIC_ALGORITHMS}
        assert not isinstance(key.material, bytes)
        assert judged.ring.names(key.key_id) is (key.key_id is not None)
    for one, other in combinations(keys, 2):
        assert one.key_id is None or one != other
    for algorithm in judged.ring.algorithms:
        for key_id in (None, *(key.key_id for key in keys)):
            assert len(judged.ring.candidates(algorithm, key_id)) <= MAX_ATTEMPTS
    for key in keys[:_MOST_TRIED]:
        is_signer = any(key.material == signer.material for signer in _SIGNERS)
        for algorithm in key.algorithms:
            good = key.verify(algorithm, _MESSAGE, _SIGNED[algorithm])
            # EdDSA and Ed448 are signed by two keys.
            assert good is is_signer or algorithm == "EdDSA"
            assert not good or is_signer
            assert not any(key.verify(algorithm, _MESSAGE, forgery) for forgery in _FORGERIES)
        assert key.verify("HS256", _MESSAGE, b"") is False


def _seeds() -> list[bytes]:
    odd: list[Any] = [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "a"},
        {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA", "kid": "b"},
        {**JWKS[0], "use": "enc"},
        {**JWKS[1], "key_ops": ["verify"], "x5c": ["AA"], "issuer": "https://login.example/{tenantid}/v2.0"},
        {**JWKS[4], "kid": None},
        {**JWKS[4], "x": "AQ" + "A" * 41},
    ]
    documents = [{"keys": [jwk]} for jwk in (*JWKS, *odd)]
    documents.append({"keys": [*JWKS[1:], *odd[:3]]})
    return [json.dumps(document, separators=(",", ":")).encode() for document in documents]


_NAMES = ("keys", "kty", "crv", "x", "y", "n", "e", "d", "k", "kid", "alg", "use", "key_ops", "issuer", "x5c")
_VALUES = (
    *("RSA", "EC", "OKP", "oct", "P-256", "P-384", "P-521", "secp256k1", "Ed25519", "Ed448", "X25519"),
    *("sig", "enc", "verify", "RS256", "ES256", "EdDSA", "HS256", "none"),
    *("AQAB", "AQ", "Aw", "AA", "A" * 43, "_" * 43, "AQ" + "A" * 41, "A" * 76, "A" * 342 + "Q"),
    *JWKS[1:],
    [JWKS[1]] * 12,
)

TARGET = Target(check, _seeds, words=_NAMES, values=_VALUES, mutator=json_mutator)
