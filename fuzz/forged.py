"""Tokens that are signed rightly, nearly rightly or not at all, from a recipe that is JSON.

    {"sign": "ES256", "header": {…}, "claims": {…}, "edits": [[place, "text"], …]}

``header`` and ``claims`` may be texts that stand for themselves. ``sign`` is an algorithm whose key signs, whatever the
header says, or one of :data:`FORGERS`. Each edit writes a text over the token at a place, which counts round and round.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fuzz.trusted import EC_KEYS, ED25519_KEY, JWKS, KEY_IDS, RSA_KEY, as_text, encode, sign

_PEM = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

#: Signatures of those who do not have the keys, by what they use instead.
FORGERS: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _: b"",
    "zeros": lambda _: bytes(64),
    "the empty secret": lambda signed: hmac.digest(b"", signed, "sha256"),
    "the PEM of the public key": lambda signed: hmac.digest(_PEM, signed, "sha256"),
    "the JWK of the public key": lambda signed: hmac.digest(json.dumps(JWKS[0]).encode(), signed, "sha256"),
    "the bytes of the Ed25519 key": lambda signed: hmac.digest(
        ED25519_KEY.public_key().public_bytes_raw(), signed, "sha256"
    ),
    "the point of the EC key": lambda signed: hmac.digest(
        EC_KEYS["ES256"].public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint), signed, "sha256"
    ),
}

#: Every way to sign.
SIGNERS = (*KEY_IDS, *FORGERS)


def forge(recipe: dict[str, Any]) -> str:
    """Return the token of a recipe; raise ``ValueError`` if it is not one."""
    signed = f"{encode(as_text(recipe.get('header')))}.{encode(as_text(recipe.get('claims')))}"
    signer = recipe.get("sign")
    if signer not in SIGNERS:
        raise ValueError("nobody signs like this")
    raw = signed.encode()
    token = f"{signed}.{encode(FORGERS[signer](raw) if signer in FORGERS else sign(signer, raw))}"
    edits = recipe.get("edits")
    for edit in edits if isinstance(edits, list) else []:
        match edit:
            case [int(place), str(text)]:
                place %= len(token) + 1
                token = token[:place] + text + token[place + len(text) :]
            case _:
                raise ValueError("not an edit")
    return token
