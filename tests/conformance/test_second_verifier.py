"""Our verifier beside one that is built on joserfc: same tokens, same keys, same decisions, but for a written list."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.errors import SecurityWarning

from auth.access_token import AccessToken
from fuzz.forged import FORGERS, SIGNERS, forge
from fuzz.second_verifier import LOOSER, STRICTER, compare, second_opinion
from fuzz.trusted import AUDIENCE, CLAIMS, GENUINE, KEY_IDS, KEY_ISSUER, NOW, SECRET_ISSUER, header_of, issuer_of

HEADER: dict[str, Any] = {"alg": "HS256", "typ": "JWT"}


@pytest.fixture(autouse=True)
def deprecated_algorithms() -> Iterator[None]:
    """Let joserfc verify EdDSA, which RFC 9864 has given two other names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        yield


def signed(header: object = HEADER, claims: object = None) -> str:
    """Return a token with the shared secret's signature; texts are taken as they are."""
    claims = {"iss": SECRET_ISSUER, **CLAIMS} if claims is None else claims
    return forge({"sign": "HS256", "header": header, "claims": claims})


def claiming(**claims: object) -> str:
    return signed(claims={"iss": SECRET_ISSUER, **CLAIMS, **claims})


def with_text(text: str) -> str:
    """Return a token whose payload has one more member, written as it is."""
    return signed(claims=json.dumps({"iss": SECRET_ISSUER, **CLAIMS})[:-1] + f", {text}}}")


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("token", GENUINE, ids=list(KEY_IDS))
def test_both_accept_a_genuine_token_of_every_algorithm(token: str) -> None:
    """And read the same claims."""
    assert isinstance(compare(token), AccessToken)
    assert second_opinion(token) is not None


#: A token for each difference, by a word of its reason.
ONLY_THEIRS = {
    "AUTH_MAX_TOKEN_BYTES": claiming(filler="x" * 7000),
    "a name twice": with_text('"sub": "bob"'),
    "NaN": with_text('"a": NaN'),
    "byte order mark": signed(header="\ufeff" + json.dumps(HEADER)),
    "surrogate": with_text(r'"a": "\ud800"'),
    "16 levels": claiming(a=nested(16)),
    "crit": signed(header={**HEADER, "crit": ["kid"], "kid": "a"}),
    "typ": signed(header={**HEADER, "typ": "dpop+jwt"}),
    "ID tokens": claiming(at_hash="a"),
    "logout token": claiming(events={}),
    "cnf": claiming(cnf={"jkt": "a"}),
    "logged": claiming(sub="alice\n"),
    "calendar": claiming(exp=10**12),
    "scopes": claiming(scope={"read": True}),
}
ONLY_OURS = {
    "points to keys": signed(header={**HEADER, "jku": 5}),
    "cty": signed(header={**HEADER, "cty": 5}),
}


@pytest.mark.parametrize("word", ONLY_THEIRS)
def test_ours_refuses_what_is_said_to_be_stricter(word: str) -> None:
    """And joserfc accepts it. Remove an entry from the list when both agree."""
    token = ONLY_THEIRS[word]

    assert not isinstance(compare(token), AccessToken)
    assert second_opinion(token) is not None


@pytest.mark.parametrize("word", ONLY_OURS)
def test_ours_accepts_what_it_is_said_not_to_look_at(word: str) -> None:
    """And joserfc refuses it."""
    token = ONLY_OURS[word]

    assert isinstance(compare(token), AccessToken)
    assert second_opinion(token) is None


@pytest.mark.parametrize(("reasons", "words"), [(STRICTER, ONLY_THEIRS), (LOOSER, ONLY_OURS)], ids=["ours", "theirs"])
def test_every_difference_has_a_token_that_shows_it(reasons: dict[str, Any], words: dict[str, str]) -> None:
    """A reason without one might be a hole in the comparison."""
    assert len(words) == len(reasons)
    assert all(any(word in reason for reason in reasons) for word in words)


#: Values that mean something in one member or another, and some that mean nothing anywhere.
VALUES = st.one_of(
    st.sampled_from(
        [
            *(None, True, 0, -1, 2**63, 10**30, NOW, NOW - 30, NOW + 30, NOW - 29.5, NOW + 30.5, "", " ", "a", "\0"),
            *(
                "HS256",
                "none",
                "RS256",
                "ES256",
                "EdDSA",
                "Ed448",
                "JWT",
                "at+jwt",
                SECRET_ISSUER,
                KEY_ISSUER,
                AUDIENCE,
            ),
            *([], {}, [AUDIENCE], [AUDIENCE, 5], ["a"], [None], {"a": "b"}),
        ]
    ),
    st.text(max_size=5),
    st.integers(),
    st.floats(allow_nan=False),
)
HEADER_NAMES = st.sampled_from(["alg", "kid", "typ", "cty", "crit", "b64", "jku", "jwk", "x5c", "zip", "a"])
CLAIM_NAMES = st.sampled_from(
    ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "scope", "scp", "roles", "cnf", "events", "at_hash", "a"]
)
EDITS = st.lists(st.tuples(st.integers(0, 1000), st.sampled_from([*"AQgw8_-+/=.~ ", "e30", "é"])).map(list), max_size=2)


@settings(max_examples=300, derandomize=True, database=None)
@given(
    algorithm=st.sampled_from(list(KEY_IDS)),
    header=st.dictionaries(HEADER_NAMES, VALUES, max_size=2),
    claims=st.dictionaries(CLAIM_NAMES, VALUES, max_size=3),
    edits=st.one_of(st.just([]), EDITS),
)
def test_both_decide_alike_on_changed_tokens(
    algorithm: str, header: dict[str, Any], claims: dict[str, Any], edits: list[Any]
) -> None:
    """Header and claims are changed before they are signed, and the text afterwards."""
    recipe = {
        "sign": algorithm,
        "header": {**header_of(algorithm), **header},
        "claims": {"iss": issuer_of(algorithm), **CLAIMS, **claims},
        "edits": edits,
    }

    try:
        token = forge(recipe)
    except UnicodeEncodeError:
        return

    compare(token)


@pytest.mark.parametrize("signer", SIGNERS)
@pytest.mark.parametrize("named", KEY_IDS)
def test_neither_accepts_the_signature_of_another_algorithm(signer: str, named: str) -> None:
    """Nor a signature of somebody who has no key, by whatever name."""
    edwards = {"EdDSA", "Ed25519", "Ed448"}
    header = header_of(named)
    token = forge({"sign": signer, "header": header, "claims": {"iss": issuer_of(named), **CLAIMS}})

    decision = compare(token)

    # EdDSA is a name for the key that is called Ed25519 here.
    is_same = signer == named or ({signer, named} <= edwards and "Ed448" not in (signer, named))
    assert isinstance(decision, AccessToken) is (is_same and signer not in FORGERS)
    assert (second_opinion(token) is not None) is isinstance(decision, AccessToken)
