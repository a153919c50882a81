"""A second verifier of the same tokens with the same keys, built on joserfc, and what it may decide differently.

Two verifiers that share no code and agree on millions of odd tokens are seldom wrong in the same way. Where ours is
stricter or looks at less, the difference stands here with its reason. Every other one is a fault.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwk, jws, jwt
from joserfc.errors import JoseError

from auth.access_token import AccessToken
from auth.errors import AuthErrorCode
from fuzz.trusted import (
    AUDIENCE,
    JWKS,
    KEY_IDS,
    KEY_ISSUER,
    NOW,
    SECRET,
    SECRET_ISSUER,
    authenticator,
    configured,
    decode,
    outcome,
)

_CONFIG = configured()
_AUTHENTICATOR = authenticator(_CONFIG)
_LEEWAY = 30


class _Registry(jws.JWSRegistry):
    """What joserfc may read: more than ours, so that no limit of its own hides a difference."""

    max_header_length = max_payload_length = max_signature_length = 2 * _CONFIG.max_token_bytes


_KEYS: dict[str, list[jwk.Key]] = {
    SECRET_ISSUER: [jwk.OctKey.import_key(SECRET)],
    KEY_ISSUER: [jwk.import_key(dict(member)) for member in JWKS],
}
_REGISTRIES = {
    issuer: _Registry(
        algorithms=[name for name in KEY_IDS if name.startswith("HS") is (issuer == SECRET_ISSUER)],
        strict_check_header=False,
    )
    for issuer in _KEYS
}


def second_opinion(token: str) -> dict[str, Any] | None:
    """Return the claims of a token that joserfc accepts; None if it does not."""
    try:
        unverified = jws.extract_compact(token.encode(), registry=_REGISTRIES[KEY_ISSUER])
        issuer = json.loads(unverified.payload)["iss"]
        keys, key_id = _KEYS[issuer], unverified.headers().get("kid")
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        return None
    # A shared secret has no id, so any will do. A token without one may be signed by any key.
    tried = keys if key_id is None or issuer == SECRET_ISSUER else [key for key in keys if key.kid == key_id]
    return next((claims for key in tried if (claims := _claims(token, key, issuer)) is not None), None)


def _claims(token: str, key: jwk.Key, issuer: str) -> dict[str, Any] | None:
    demanded = jwt.JWTClaimsRegistry(
        now=NOW,
        leeway=_LEEWAY,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": AUDIENCE},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
    )
    try:
        claims = jwt.decode(token, key, registry=_REGISTRIES[issuer]).claims
        demanded.validate(claims)
    except (JoseError, ValueError, TypeError, RecursionError):
        return None
    return claims


@dataclass(frozen=True, slots=True)
class _Parts:
    """A token as a lenient reader sees it."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    #: Header and payload, decoded.
    raw: tuple[bytes, ...]
    #: Whether an object in them has one name twice, and the numbers that stand there.
    has_duplicates: bool
    numbers: tuple[float, ...]
    length: int


def _parts(token: str) -> _Parts:
    duplicates: list[str] = []
    numbers: list[float] = []

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            duplicates.append("")
        return dict(pairs)

    def number(text: str) -> float:
        numbers.append(float(text))
        return numbers[-1]

    raw = tuple(map(decode, token.split(".")[:2]))
    header, claims = (
        json.loads(part, object_pairs_hook=members, parse_float=number, parse_constant=number) for part in raw
    )
    return _Parts(header, claims, raw, bool(duplicates), tuple(numbers), len(token))


def _depth(value: Any) -> int:
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if members is None else 1 + max(map(_depth, members), default=0)


def _is_utf8(raw: bytes) -> bool:
    try:
        return not raw.decode().startswith("\ufeff") and "\0" not in raw.decode()
    except UnicodeDecodeError:
        return False


def _has_half_pairs(value: Any) -> bool:
    return any(0xD800 <= ord(character) <= 0xDFFF for character in json.dumps(value, ensure_ascii=False))


def _is_access_token_type(header: Mapping[str, Any]) -> bool:
    media_type = header.get("typ", "jwt")
    return isinstance(media_type, str) and media_type.lower().removeprefix("application/") in ("jwt", "at+jwt")


def _is_text_or_texts(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(member, str) for member in value))


def _is_usable_name(user: Any) -> bool:
    is_text = isinstance(user, str) and bool(user.strip()) and not user.startswith("keys:")
    return is_text and all(" " <= character != "\x7f" for character in user)


#: Tokens that ours refuses whatever joserfc says of them, and why.
STRICTER: Mapping[str, Callable[[_Parts], bool]] = {
    "longer than AUTH_MAX_TOKEN_BYTES": lambda token: token.length > _CONFIG.max_token_bytes,
    "a name twice in an object: two readers would see two values (RFC 8725 §2.4)": lambda token: token.has_duplicates,
    "NaN, Infinity and numbers beyond them are not JSON (RFC 8259 §6)": lambda token: (
        not all(map(math.isfinite, token.numbers))
    ),
    "JSON that is not UTF-8, or begins with a byte order mark (RFC 8259 §8.1)": lambda token: (
        not all(map(_is_utf8, token.raw))
    ),
    "half a surrogate pair, which is no text (RFC 8259 §8.2)": lambda token: (
        _has_half_pairs(token.header) or _has_half_pairs(token.claims)
    ),
    "more than 16 levels": lambda token: max(_depth(token.header), _depth(token.claims)) > 16,
    "crit, since no extension is implemented (RFC 7515 §4.1.11)": lambda token: "crit" in token.header,
    "typ of another kind of token (RFC 8725 §3.11)": lambda token: not _is_access_token_type(token.header),
    "claims of ID tokens (OpenID Connect Core §3.1.3.6)": lambda token: (
        not token.claims.keys().isdisjoint(("at_hash", "c_hash", "s_hash"))
    ),
    "events, of a logout token or another security event (RFC 8417)": lambda token: isinstance(
        token.claims.get("events"), dict
    ),
    "bound to a key by cnf, which a bearer token does not prove (RFC 7800)": lambda token: (
        token.claims.get("cnf") is not None
    ),
    "a subject that cannot be shown or logged, or names a user of the other issuer": lambda token: (
        not _is_usable_name(token.claims.get("sub"))
    ),
    "times that no calendar has": lambda token: any(
        isinstance(token.claims.get(name), (int, float))
        and not -62_135_596_800 <= token.claims[name] <= 253_402_300_799
        for name in ("exp", "nbf", "iat")
    ),
    "scopes that are neither a text nor texts (RFC 8693 §4.2)": lambda token: (
        not all(_is_text_or_texts(token.claims.get(name, "")) for name in ("scope", "scp"))
    ),
}

#: Tokens that joserfc refuses, and ours may accept: it reads these members, and ours looks at none of them.
LOOSER: Mapping[str, Callable[[_Parts], bool]] = {
    "a header that points to keys is never followed, so it may say anything (RFC 8725 §3.10)": lambda token: (
        not token.header.keys().isdisjoint(("jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256"))
    ),
    "cty is for nested tokens": lambda token: "cty" in token.header,
}


def compare(token: str) -> AccessToken | AuthErrorCode:
    """Demand that both verifiers decide alike, but for the differences above; return what ours decides."""
    ours = outcome(lambda: _AUTHENTICATOR.authenticate_field(f"Bearer {token}")[0])
    theirs = second_opinion(token)
    if not isinstance(ours, AccessToken):
        assert theirs is None or _reasons(STRICTER, token), f"only joserfc accepts, ours says {ours}"
        return ours
    assert not _reasons(STRICTER, token), "accepted in spite of what is said above"
    assert theirs is not None or _reasons(LOOSER, token), "only ours accepts"
    if theirs is not None:
        assert json.dumps(ours.claims, sort_keys=True) == json.dumps(theirs, sort_keys=True), "other claims"
    return ours


def _reasons(differences: Mapping[str, Callable[[_Parts], bool]], token: str) -> list[str]:
    parts = _parts(token)
    return [reason for reason, applies in differences.items() if applies(parts)]
