"""Our verifier beside one that is built on joserfc: the same tokens, the same keys, the same decisions.

An input is a recipe of :mod:`fuzz.forged`.

- Both accept or both refuse, and read the same claims, but for the differences in :mod:`fuzz.second_verifier`.
- A token is accepted only if the key that its header asks for has signed it.
"""

from __future__ import annotations

import json
from typing import Any

from auth.access_token import AccessToken
from fuzz.forged import FORGERS, SIGNERS, forge
from fuzz.json_mutator import json_mutator, parsed
from fuzz.second_verifier import compare
from fuzz.target import Target
from fuzz.trusted import AUDIENCE, CLAIMS, KEY_IDS, KEY_ISSUER, NOW, SECRET_ISSUER, decode, header_of, issuer_of


def check(data: bytes) -> None:
    """Demand what is said above of one token."""
    recipe = parsed(data)
    if not isinstance(recipe, dict):
        return
    try:
        token = forge(recipe)
    except (ValueError, TypeError):
        return
    if isinstance(compare(token), AccessToken):
        _check_signer(recipe["sign"], json.loads(decode(token.split(".")[0])))


def _check_signer(signer: str, header: dict[str, object]) -> None:
    assert signer not in FORGERS
    # EdDSA is a name for both of its keys.
    assert header["alg"] == signer or {str(header["alg"]), signer} <= {"EdDSA", "Ed25519", "Ed448"}
    assert signer.startswith("HS") or header.get("kid") in (None, KEY_IDS[signer])


#: Times on both sides of the seconds at which a token begins and ceases to be valid.
_BOUNDARIES: tuple[dict[str, float], ...] = (
    *({"exp": NOW - 30 + offset} for offset in (-0.5, 0, 0.5)),
    *({name: NOW + 30 + offset} for name in ("nbf", "iat") for offset in (-0.5, 0, 0.5)),
)


def _seeds() -> list[bytes]:
    recipes: list[dict[str, Any]] = [
        {"sign": name, "header": header_of(name), "claims": {"iss": issuer_of(name), **CLAIMS}} for name in KEY_IDS
    ]
    recipes += [
        {
            "sign": forger,
            "header": {"alg": "HS256", "kid": "RS256"},
            "claims": {"iss": KEY_ISSUER, **CLAIMS},
            "edits": [[0, "e"]],
        }
        for forger in FORGERS
    ]
    genuine = {"iss": SECRET_ISSUER, **CLAIMS}
    payloads = [{**genuine, **claims} for claims in _BOUNDARIES]
    texts = [json.dumps(genuine), json.dumps(genuine)[:-1] + ', "sub": "bob"}']
    recipes += [{"sign": "HS256", "header": {"alg": "HS256"}, "claims": claims} for claims in (*payloads, *texts)]
    return [json.dumps(recipe, separators=(",", ":")).encode() for recipe in recipes]


_NAMES = (
    *("sign", "header", "claims", "edits", "alg", "kid", "typ", "cty", "crit", "b64", "jku", "jwk", "x5u", "x5c"),
    *("iss", "aud", "sub", "exp", "nbf", "iat", "jti", "scope", "scp", "roles", "cnf", "events", "at_hash", "none"),
)
_VALUES = (
    *(*SIGNERS, "none", "None", "hs256", "at+jwt", "application/JWT", SECRET_ISSUER, KEY_ISSUER, AUDIENCE),
    *(NOW, NOW - 30, NOW + 30, NOW - 30.5, NOW + 30.5, NOW - 29.999, NOW + 29.999, 1e12),
    *([AUDIENCE, "b"], "keys:alice", [0, "A"], [-1, "A"]),
)

TARGET = Target(check, _seeds, words=_NAMES, values=_VALUES, mutator=json_mutator)
