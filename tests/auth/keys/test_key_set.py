"""A JWK Set, judged member by member."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from auth.keys import VerificationKey
from auth.keys.key_set import DroppedKey, InvalidKeySetError, KeySet
from tests.support.issuer_server import SigningKey

ED, OTHER_ED, EC, RSA = (SigningKey.generate(name) for name in ("EdDSA", "EdDSA", "ES256", "RS256"))


def key_set(*members: object) -> KeySet:
    return KeySet.from_document({"keys": list(members)})


def keys(*members: dict[str, Any]) -> list[VerificationKey]:
    return [VerificationKey.from_jwk(member) for member in members]


def reasons(judged: KeySet) -> list[str]:
    return [str(entry) for entry in judged.dropped]


def test_usable_keys_are_kept_in_their_order() -> None:
    """Each bound to its algorithm."""
    members = RSA.jwk(kid="1"), EC.jwk(kid="2"), ED.jwk(kid="3")

    judged = key_set(*members)

    assert judged.ring.keys == tuple(keys(*members))
    assert judged.ring.algorithms == {"RS256", "ES256", "EdDSA"}
    assert judged.dropped == ()


def test_an_empty_set_is_one() -> None:
    """Better Auth makes its first key when it is first needed."""
    judged = key_set()

    assert (judged.ring.keys, judged.dropped) == ((), ())


@pytest.mark.parametrize("document", [{}, {"keys": None}, {"keys": {}}, {"keys": "a"}, {"Keys": []}], ids=str)
def test_a_document_without_a_list_of_keys_is_no_set(document: dict[str, Any]) -> None:
    """Nothing is withdrawn by an error page."""
    with pytest.raises(InvalidKeySetError, match=r"^is not a JWK Set"):
        KeySet.from_document(document)


def test_a_set_of_absurd_size_is_refused() -> None:
    """A thousand is far beyond any issuer."""
    assert len(key_set(*[0] * 1000).dropped) == 1000
    with pytest.raises(InvalidKeySetError, match=r"^has more than 1000 keys"):
        key_set(*[0] * 1001)


WEAK = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505  # must be refused
UNUSABLE: dict[str, tuple[object, str]] = {
    "symmetric": ({"kty": "oct", "k": "c2VjcmV0", "kid": "a"}, 'kid "a") is a private or symmetric JWK; give the'),
    "private": (ED.jwk(d="c2VjcmV0"), 'kid "key-1") is a private or symmetric JWK'),
    "for encryption": (RSA.jwk(use="enc"), 'kid "key-1") is not for signatures ("use")'),
    "not for verifying": (RSA.jwk(key_ops=["encrypt"]), 'kid "key-1") may not verify ("key_ops")'),
    "weak": (json.loads(RSAAlgorithm.to_jwk(WEAK.public_key())) | {"kid": "a"}, 'kid "a") has 1024 bits'),
    "of an unknown type": ({"kty": "PQC", "kid": "a"}, 'kid "a") has an unknown key type ("kty")'),
    "on another curve": (EC.jwk(crv="secp256k1"), 'kid "key-1") is not a readable JWK'),
    "without a coordinate": (EC.jwk(y=...), 'kid "key-1") is not a readable JWK'),
    "for encryption by alg": (RSA.jwk(alg="RSA-OAEP"), 'kid "key-1") has an "alg" that does not fit it'),
    "HMAC by alg": (RSA.jwk(alg="HS256"), 'kid "key-1") has an "alg" that does not fit it'),
    "without kid": ({"kty": "PQC"}, 'no kid) has an unknown key type ("kty")'),
    "with an odd kid": (ED.jwk(kid=5), 'no kid) has a "kid" that is not text'),
    "no object": ("key", "no kid) is not a JSON object"),
    "null": (None, "no kid) is not a JSON object"),
}


@pytest.mark.parametrize(("member", "reason"), UNUSABLE.values(), ids=UNUSABLE)
def test_an_unusable_key_is_left_out_and_the_others_stay(member: object, reason: str) -> None:
    """Issuers publish keys for other purposes beside those for signatures."""
    judged = key_set(member, EC.jwk(kid="good"))

    assert judged.ring.keys == tuple(keys(EC.jwk(kid="good")))
    (text,) = reasons(judged)
    assert text.startswith(f"key 0 ({reason}")


def test_a_dropped_key_is_named_without_material_on_one_short_line() -> None:
    """Whatever stands in its id."""
    judged = key_set(
        {"kty": "oct", "k": "c2VjcmV0LW1hdGVyaWFs", "kid": "\x1b[2J\n\u202e" + "a" * 1000},
        {"kty": "oct", "k": "c2VjcmV0LW1hdGVyaWFs", "kid": {"k": "c2VjcmV0LW1hdGVyaWFs"}},
    )

    named, nameless = reasons(judged)
    assert named.startswith(r'key 0 (kid "\u001b[2J\n\u202eaaa')
    assert len(named) < 200
    assert [entry.key_id and len(entry.key_id) for entry in judged.dropped] == [80, None]
    assert nameless.startswith("key 1 (no kid) ")
    assert "c2VjcmV0" not in named + nameless


def test_all_keys_under_one_id_are_tried() -> None:
    """RFC 7517 §4.5 advises against it and no more; all of them are the issuer's."""
    members = ED.jwk(), EC.jwk(kid="good"), OTHER_ED.jwk()

    judged = key_set(*members)

    assert judged.ring.candidates("EdDSA", "key-1") == keys(ED.jwk(), OTHER_ED.jwk())
    assert judged.dropped == ()


@pytest.mark.parametrize("key_id", ["shared", ...], ids=["one id", "no id"])
def test_of_many_keys_under_one_id_ten_are_kept(key_id: Any) -> None:
    """The others would never be tried, and the log says so."""
    members = [SigningKey.generate("EdDSA").jwk(kid=key_id) for _ in range(12)]

    judged = key_set(*members, RSA.jwk(kid=key_id))

    named = "no kid" if key_id is ... else 'kid "shared"'
    assert judged.ring.keys == tuple(keys(*members[:10], RSA.jwk(kid=key_id)))
    assert reasons(judged) == [
        f"key {index} ({named}) is never tried: 10 keys before it share its kid and algorithm" for index in (10, 11)
    ]


def test_a_thousand_keys_under_one_id_take_hardly_longer_than_under_a_thousand() -> None:
    """Each is compared with ten others at most. Comparing all of them with each other took seven times as long."""
    members = [
        json.loads(ECAlgorithm.to_jwk(ec.derive_private_key(number, ec.SECP256R1()).public_key()))
        for number in range(1, 1001)
    ]

    def seconds(document: dict[str, Any]) -> float:
        began = time.thread_time()
        KeySet.from_document(document)
        return time.thread_time() - began

    apart = {"keys": [member | {"kid": str(number)} for number, member in enumerate(members)]}
    together = {"keys": [member | {"kid": "shared"} for member in members]}
    assert min(seconds(together) for _ in range(5)) < 3 * min(seconds(apart) for _ in range(5))


def test_what_is_left_out_is_told_in_the_order_of_the_set() -> None:
    """Whatever the reason."""
    many = [SigningKey.generate("EdDSA").jwk() for _ in range(11)]

    judged = key_set(*many, RSA.jwk(kid="2", use="enc"), OTHER_ED.jwk(), 0)

    assert [entry.index for entry in judged.dropped] == [10, 11, 12, 13]


def test_the_same_key_twice_counts_once() -> None:
    """Repeated, it would take the place of another key among those that are tried."""
    judged = key_set(*[RSA.jwk()] * 11, RSA.jwk(x5c=["MIIB"]), RSA.jwk(alg="PS256"))

    assert judged.ring.keys == tuple(keys(RSA.jwk(), RSA.jwk(alg="PS256")))
    assert judged.dropped == ()


def test_one_id_for_keys_of_different_algorithms_is_told_apart_by_the_algorithm() -> None:
    """A token names both, id and algorithm."""
    judged = key_set(RSA.jwk(), EC.jwk(), RSA.jwk(alg="PS256"))

    assert judged.ring.keys == tuple(keys(RSA.jwk(), EC.jwk(), RSA.jwk(alg="PS256")))
    assert judged.ring.candidates("ES256", "key-1") == keys(EC.jwk())
    assert judged.ring.candidates("PS256", "key-1") == keys(RSA.jwk(alg="PS256"))


def test_a_key_without_alg_stands_beside_one_with_it_under_the_same_id() -> None:
    """It is for every algorithm of its type, so both are tried for the one they share."""
    other = SigningKey.generate("RS256").jwk(alg=...)

    ring = key_set(RSA.jwk(), other).ring

    assert ring.candidates("RS256", "key-1") == keys(RSA.jwk(), other)
    assert ring.candidates("PS256", "key-1") == keys(other)


def test_keys_without_an_id_are_all_tried() -> None:
    """An empty id counts as absent: some serializers write it for a text that is not set."""
    members = ED.jwk(kid=...), OTHER_ED.jwk(kid="")

    assert key_set(*members).ring.candidates("EdDSA", None) == keys(*members)


def test_a_key_without_alg_is_offered_for_every_algorithm_of_its_type() -> None:
    """As Entra ID publishes them."""
    judged = key_set(RSA.jwk(alg=...))

    assert judged.ring.candidates("RS512", "key-1") == judged.ring.candidates("PS256", None) == keys(RSA.jwk(alg=...))


def test_a_set_names_every_id_in_it() -> None:
    """Also those of dropped keys: the issuer has published them, and fetching again would not help."""
    judged = key_set(ED.jwk(), RSA.jwk(kid="2", use="enc"), EC.jwk(kid=...), RSA.jwk(kid="", use="enc"))

    assert [judged.ring.names(key_id) for key_id in ("key-1", "2", "3", "", None)] == [True, True, False, False, False]
    assert judged.ring.unusable_ids == {"2"}


def test_the_same_keys_again_keep_their_ring() -> None:
    """In any order, with whatever else cannot be used; other keys, or another id, are another ring."""
    first, second = (SigningKey.generate("ES256", key_id).jwk() for key_id in ("a", "b"))
    before = key_set(first, second)
    again, changed = key_set(second, "nonsense", first), key_set(first, second, RSA.jwk(use="enc"))

    assert again.following(before) == KeySet(before.ring, again.dropped)
    assert changed.following(before) is changed


TENANT = "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0"
NAMED = {
    "our issuer": (TENANT, True),
    "any tenant": ("https://login.microsoftonline.com/{tenantid}/v2.0", True),
    "any tenant in another case": ("https://login.microsoftonline.com/{TenantId}/v2.0", True),
    "the tenant of personal accounts": (
        "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
        False,
    ),
    "any tenant of another version": ("https://login.microsoftonline.com/{tenantid}/v1.0", False),
    "more than our issuer": (f"{TENANT}/x", False),
    "a pattern": ("https://login.microsoftonline.com/.*", False),
    "what takes a regular expression for ever": (
        f"https://login.microsoftonline.com/{'{tenantid}' * 20}!/v2.0",
        False,
    ),
    "another host": ("https://sts.windows.net/{tenantid}/", True),
    "nobody": (..., True),
    "a number": (5, True),
}


@pytest.mark.parametrize(("named", "counts"), NAMED.values(), ids=NAMED)
def test_a_key_that_names_another_issuer_of_the_server_is_dropped(named: object, counts: bool) -> None:
    """Where the owner of the set is known; otherwise the member means nothing."""
    document = {"keys": [RSA.jwk(issuer=named)]}

    judged = KeySet.from_document(document, TENANT)

    assert bool(judged.ring.keys) is counts
    assert reasons(judged) == ([] if counts else ['key 0 (kid "key-1") is for another issuer ("issuer")'])
    assert KeySet.from_document(document).ring.keys


def test_only_what_is_newly_dropped_is_news() -> None:
    """A key that only moves within the set is not news."""
    before = key_set(RSA.jwk(use="enc"), 0)
    after = key_set(EC.jwk(), RSA.jwk(use="enc"), RSA.jwk(kid="2", use="enc"), 0)

    assert before.newly_dropped(None) == list(before.dropped)
    assert after.newly_dropped(before) == [DroppedKey(index=2, key_id='"2"', reason='is not for signatures ("use")')]


MEMBERS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from([ED.jwk(), EC.jwk(kid=...)]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["kid", "kty", "x"]), inner),
    max_leaves=5,
)


@given(st.lists(MEMBERS, max_size=6))
def test_any_list_is_a_set(members: list[object]) -> None:
    """What an issuer publishes never raises anything else, and every member is kept, repeated or dropped."""
    judged = key_set(*members)

    assert len(judged.ring.keys) + len(judged.dropped) <= len(members)


EXPECTED: dict[str, tuple[dict[str, Any], bool]] = {
    "for encryption": (RSA.jwk(use="enc", alg="RSA-OAEP"), True),
    "for encryption by alg alone": (RSA.jwk(alg="RSA-OAEP-256"), True),
    "for key agreement by alg alone": (RSA.jwk(alg="ECDH-ES+A128KW"), True),
    "for wrapping": (RSA.jwk(key_ops=["wrapKey"]), True),
    "of another issuer": (RSA.jwk(issuer="https://login.example/b"), True),
    "of an algorithm of another kind": (RSA.jwk(alg="ES256"), False),
    "of an odd algorithm": (RSA.jwk(alg=["RSA-OAEP"]), False),
    "private": (RSA.jwk(d="AAAA"), False),
    "unreadable": ({"kty": "RSA", "kid": "a"}, False),
}


@pytest.mark.parametrize(("member", "is_expected"), EXPECTED.values(), ids=EXPECTED)
def test_a_key_that_was_never_meant_to_verify_is_told_from_one_that_cannot(
    member: dict[str, Any], is_expected: bool
) -> None:
    """Every realm of Keycloak publishes a key for encryption, and nothing is wrong with it."""
    (entry,) = KeySet.from_document({"keys": [member]}, owner="https://login.example/a").dropped

    assert entry.is_expected is is_expected
