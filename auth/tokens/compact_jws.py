"""A token taken apart: the compact serialization of RFC 7515 §7.1, read strictly.

A text that is accepted here has exactly one reading: one spelling in base64url, one value per JSON member, one UTF-8
text. Nothing is verified yet and no key is used; the parts are still claims of a stranger.
"""

from __future__ import annotations

import binascii
import functools
import json
import math
import re
from binascii import a2b_base64
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, NoReturn

from ..errors import MalformedTokenError

#: Deeper JSON is refused: no issuer nests claims like this, and code that dumps them again may recurse too deep.
MAX_DEPTH = 16

#: Headers that are remembered, and characters of the longest of them; strangers may make up any.
_MOST_HEADERS, _LONGEST_HEADER = 32, 512

#: From the alphabet of base64url to the one that is decoded; ``+``, ``/`` and ``=`` become what the decoder refuses.
_FROM_BASE64URL = bytes.maketrans(b"-_+/=", b"+/***")

#: What a segment may end with that has two or three characters over: the rest of their bits belongs to no byte
#: (RFC 4648 §3.5).
_LAST_CHARACTERS = {2: b"AQgw", 3: b"AEIMQUYcgkosw048"}

#: What clients make of a variable without a value, lower-case.
_PLACEHOLDERS = frozenset({"undefined", "null", "none", "nil", "nan", "true", "false", "token"})

#: An encrypted token has five segments (RFC 7516 §7.1).
_DOTS_OF_JWE = 4

#: What may stand around a JSON text (RFC 8259 §2).
_JSON_SPACE = " \t\n\r"

_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class SignedToken(NamedTuple):
    """The parts of a token whose signature has not been verified yet."""

    header: Mapping[str, Any]
    claims: dict[str, Any]
    #: What the signature is over (RFC 7515 §5.2).
    signing_input: bytes
    signature: bytes


def parse_compact(encoded: str, max_bytes: int, bound: str = "AUTH_MAX_TOKEN_BYTES") -> SignedToken:
    """Take a token in compact serialization apart; ``bound`` is what the log calls ``max_bytes``.

    Raises:
        MalformedTokenError: it is longer than ``max_bytes``, is not three segments of canonical unpadded base64url, or
            header and claims are not strict JSON objects. ``alg``, ``crit`` and the rest are the verifier's business.
    """
    if len(encoded) > max_bytes:
        raise MalformedTokenError(f"longer than {bound}", MalformedTokenError.TOO_LONG)
    raw = encoded.encode(errors="surrogatepass")
    if raw.count(b".") != 2:
        raise _not_a_jwt(encoded)
    signing_input, _, signature = raw.rpartition(b".")
    header, _, claims = signing_input.partition(b".")
    if not header or not claims:
        raise MalformedTokenError("not three base64url segments")
    decoded_claims, decoded_signature = _decode(claims), _decode(signature)
    return SignedToken(
        header=_remembered_header(header) if len(header) <= _LONGEST_HEADER else _parse_header(header),
        claims=_parse_object(decoded_claims, "payload"),
        signing_input=signing_input,
        signature=decoded_signature,
    )


def parse_segment(segment: str) -> dict[str, Any]:
    """Return the JSON object that one segment alone holds.

    Raises:
        MalformedTokenError: it holds none.
    """
    return _parse_object(_decode(segment.encode(errors="surrogatepass")), "segment")


def _not_a_jwt(encoded: str) -> MalformedTokenError:
    if encoded.lower() in _PLACEHOLDERS:
        return MalformedTokenError("a word that stands for no token", MalformedTokenError.PLACEHOLDER)
    if encoded.count(".") == _DOTS_OF_JWE:
        return MalformedTokenError("five segments, so encrypted (RFC 7516 §7.1)", MalformedTokenError.ENCRYPTED)
    return MalformedTokenError("not three base64url segments", MalformedTokenError.NOT_A_JWT)


def _parse_header(segment: bytes) -> Mapping[str, Any]:
    return MappingProxyType(_parse_object(_decode(segment), "header"))


#: The tokens that an issuer signs with one key have the same header.
_remembered_header = functools.lru_cache(maxsize=_MOST_HEADERS)(_parse_header)


def _decode(segment: bytes) -> bytes:
    """Decode base64url (RFC 4648 §5) in its one spelling: its alphabet alone, no padding, no stray bits."""
    overhang = len(segment) % 4
    if overhang == 1:
        raise MalformedTokenError("a segment has an impossible length")
    try:
        decoded = a2b_base64(segment.translate(_FROM_BASE64URL) + b"=" * (-overhang % 4), strict_mode=True)
    except binascii.Error:
        raise MalformedTokenError("not three base64url segments") from None
    if overhang and segment[-1] not in _LAST_CHARACTERS[overhang]:
        raise MalformedTokenError("a segment is not canonical base64url")
    return decoded


def _parse_object(raw: bytes, name: str) -> dict[str, Any]:
    try:
        text = raw.decode().strip(_JSON_SPACE)
        value, end = _JSON.raw_decode(text)
    except (ValueError, RecursionError):
        # ValueError covers UnicodeDecodeError, JSONDecodeError, the refusals below and integers of absurd length.
        raise MalformedTokenError(f"the {name} is not strict UTF-8 JSON") from None
    if end != len(text):
        raise MalformedTokenError(f"the {name} is not strict UTF-8 JSON")
    if not isinstance(value, dict):
        raise MalformedTokenError(f"the {name} is not a JSON object")
    if text.count("{") + text.count("[") > MAX_DEPTH and _is_deeper_than(MAX_DEPTH, value):
        raise MalformedTokenError(f"the {name} is nested too deeply")
    if "\\" in text and _ESCAPED_SURROGATE.search(text) and not _is_unicode(value):
        raise MalformedTokenError(f"the {name} holds half a surrogate pair")
    return value


def _is_deeper_than(limit: int, value: dict[str, Any]) -> bool:
    """Tell whether objects and arrays are nested more than ``limit`` levels; level by level, without recursion."""
    containers: list[Any] = [value]
    for _ in range(limit):
        members = (
            member
            for container in containers
            for member in (container.values() if isinstance(container, dict) else container)
        )
        containers = [member for member in members if isinstance(member, dict | list)]
    return bool(containers)


def _is_unicode(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _unique_members(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a name that stands twice (RFC 7515 §4 and RFC 7519 §4; §10.12 of the former says why)."""
    value = dict(members)
    if len(value) != len(members):
        raise ValueError("duplicate member")
    return value


def _finite(literal: str) -> float:
    value = float(literal)
    if not math.isfinite(value):
        raise ValueError("a number too large to represent")
    return value


def _refuse_constant(_literal: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON (RFC 8259 §6)")


_JSON = json.JSONDecoder(object_pairs_hook=_unique_members, parse_float=_finite, parse_constant=_refuse_constant)
