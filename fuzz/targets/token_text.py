"""The text of a token: nothing is accepted that was not signed, and whatever is refused is refused as a token.

- Only the documented errors are raised.
- What is accepted is signed by a trusted key over these very segments: only the genuine tokens are.
- A verifier that remembers tokens decides as one that does not, the first time and the second.
- A token that can be taken apart has one spelling: put together again, it is the same text.
- The parts are the JSON that the standard library reads there.
"""

from __future__ import annotations

import json

from auth.access_token import AccessToken
from auth.errors import MalformedTokenError
from auth.tokens.compact_jws import parse_compact
from fuzz.target import Target
from fuzz.token_mutator import token_mutator
from fuzz.trusted import GENUINE, SECRET_ISSUER, authenticator, configured, decode, encode, is_same, outcome, token_of

_MAX_BYTES = 4000
_CONFIG = configured({"AUTH_MAX_TOKEN_BYTES": _MAX_BYTES})
_FORGETFUL, _REMEMBERING = authenticator(_CONFIG), authenticator(_CONFIG, remembered=8)

#: What was signed. An ECDSA signature has a twin, so the signature is left out.
_SIGNED = {token.rpartition(".")[0] for token in GENUINE}


def check(data: bytes) -> None:
    """Demand what is said above of one text."""
    text = data.decode("utf-8", "surrogateescape")
    anew = outcome(lambda: _FORGETFUL.verify(text))
    assert is_same(anew, outcome(lambda: _REMEMBERING.verify(text)))
    assert is_same(anew, outcome(lambda: _REMEMBERING.verify(text)))
    assert not isinstance(anew, AccessToken) or text.rpartition(".")[0] in _SIGNED
    try:
        parts = parse_compact(text, _MAX_BYTES)
    except MalformedTokenError:
        return
    assert len(text) <= _MAX_BYTES
    assert parts.signing_input.decode() + "." + encode(parts.signature) == text
    for segment, value in zip(text.split(".")[:2], (parts.header, parts.claims), strict=True):
        assert json.loads(decode(segment)) == value


def _seeds() -> list[bytes]:
    unsigned = [
        token_of("HS256", header, {"iss": SECRET_ISSUER, "sub": "alice"})
        for header in ({"alg": "none"}, {"alg": "HS256", "crit": ["b64"], "b64": False}, '{"alg":"HS256","alg":"none"}')
    ]
    return [token.encode() for token in (*GENUINE, *unsigned, "a.b.c", "..", "e30.e30.")]


_WORDS = ("alg", "none", "HS256", "RS256", "kid", "crit", "b64", "typ", "iss", "aud", "exp", "e30", ".", "==")

TARGET = Target(check, _seeds, words=_WORDS, mutator=token_mutator)
