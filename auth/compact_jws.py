"""A token taken apart: the compact serialization of RFC 7515 §7.1, read strictly.

Whatever is accepted here has exactly one reading: one spelling in base64url, one value per JSON member, one UTF-8 text.
Nothing is verified yet and no key is asked; the parts are still claims of a stranger.
"""

from __future__ import annotations

import json
import math
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Any, NoReturn

from auth.errors import MalformedTokenError

#: Deeper JSON is refused: no issuer nests claims like this, and whoever dumps them again recurses.
MAX_DEPTH = 16

_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]*)", re.ASCII)
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


@dataclass(frozen=True, slots=True)
class SignedToken:
    """The parts of a token whose signature nobody has looked at yet."""

    header: dict[str, Any]
    claims: dict[str, Any]
    #: What the signature is over (RFC 7515 §5.2).
    signing_input: bytes
    signature: bytes


def parse_compact(encoded: str, max_bytes: int) -> SignedToken:
    """Take a token in compact serialization apart.

    Raises:
        MalformedTokenError: it is longer than ``max_bytes``, is not three segments of canonical unpadded base64url, or
            header and claims are not strict JSON objects. ``alg``, ``crit`` and the rest are the verifier's business.
    """
    if len(encoded) > max_bytes:
        raise MalformedTokenError("longer than AUTH_MAX_TOKEN_BYTES")
    segments = _COMPACT.fullmatch(encoded)
    if segments is None:
        raise MalformedTokenError("not three base64url segments")
    header, claims, signature = segments.groups()
    return SignedToken(
        header=_parse_object(_decode(header), "header"),
        claims=_parse_object(_decode(claims), "payload"),
        signing_input=encoded[: segments.end(2)].encode("ascii"),
        signature=_decode(signature),
    )


def _decode(segment: str) -> bytes:
    """Decode a segment whose alphabet is checked already; refuse a second spelling of the same bytes."""
    raw = segment.encode("ascii")
    if len(raw) % 4 == 1:
        raise MalformedTokenError("a segment has an impossible length")
    decoded = urlsafe_b64decode(raw + b"=" * (-len(raw) % 4))
    if urlsafe_b64encode(decoded).rstrip(b"=") != raw:
        raise MalformedTokenError("a segment is not canonical base64url")
    return decoded


def _parse_object(raw: bytes, name: str) -> dict[str, Any]:
    try:
        text = raw.decode("utf-8")
        value = _JSON.decode(text)
    except (ValueError, RecursionError):
        # ValueError covers UnicodeDecodeError, JSONDecodeError, the refusals below and integers of absurd length.
        raise MalformedTokenError(f"the {name} is not strict UTF-8 JSON") from None
    if not isinstance(value, dict):
        raise MalformedTokenError(f"the {name} is not a JSON object")
    if text.count("{") + text.count("[") > MAX_DEPTH and _is_deeper_than(MAX_DEPTH, value):
        raise MalformedTokenError(f"the {name} is nested too deeply")
    if _ESCAPED_SURROGATE.search(text) and not _is_unicode(value):
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
        json.dumps(value, ensure_ascii=False).encode("utf-8")
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
