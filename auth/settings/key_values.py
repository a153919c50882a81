"""How secrets and public keys are written in a setting. No message repeats any of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from ..keys import UnusableKeyError, VerificationKey
from ..keys.secret_references import is_reference
from ..keys.weak_secrets import is_published
from .values import AS_TEXT, Kind, Place, is_broken_json, is_clean

#: A token without ``kid`` is tried with each of them.
_MAX_STATIC_KEYS = 10

_FILE_NAME = re.compile(r"\S+\.(?:pem|pub|key|crt|cer|der|jwks?|json)")


def _keys(read_one: Callable[[Any, Place], VerificationKey | None], takes: str) -> Kind:
    """Return the kind of one static key or a list of them."""

    def read(value: Any, place: Place) -> Any:
        if isinstance(value, str) and value.lstrip().startswith("["):
            is_broken_json(value, place)
            return ()
        values = list(value) if isinstance(value, list | tuple | set | frozenset) else [value]
        keys = tuple(key for item in values if (key := read_one(item, place)) is not None)
        if len(values) > _MAX_STATIC_KEYS:
            place.refuse(f"holds {len(values)} keys; keep the {_MAX_STATIC_KEYS} at most that still sign tokens.")
        return keys

    return Kind(takes, read)


def _read_secret(secret: Any, place: Place) -> VerificationKey | None:
    """Return the key of one secret. Bytes are taken unchanged: only text passes through a shell or a file."""
    if not isinstance(secret, str | bytes):
        place.refuse("must be text or bytes, or a list of them.", AS_TEXT)
        return None
    if is_reference(secret):
        place.refuse(
            "holds a reference to a secret (a path, a URL, a template …), not the secret. Set it to the value itself."
        )
        return None
    try:
        key = VerificationKey.from_secret(secret)
    except UnusableKeyError as error:
        place.refuse(f"holds a secret that {error}. Make one with: openssl rand -base64 48")
        return None
    if isinstance(secret, str):
        is_clean(secret, place)
    if is_published(secret):
        place.refuse("holds a secret from an example, a template or a pattern. Make one with: openssl rand -base64 48")
    return key


SECRETS = _keys(_read_secret, "a text or bytes, or a list of them")


def _read_public_key(value: Any, place: Place) -> VerificationKey | None:
    try:
        if isinstance(value, str) and value.lstrip().startswith("{"):
            value = json.loads(value)
        if isinstance(value, Mapping):
            return VerificationKey.from_jwk(value)
        if not isinstance(value, str):
            place.refuse("must be a PEM text or a JWK, or a list of them.")
        elif _FILE_NAME.fullmatch(value):
            place.refuse("holds the name of a file; set it to what the file holds.")
        elif is_clean(value.strip(), place):
            return VerificationKey.from_pem(value)
    except UnusableKeyError as error:
        place.refuse(f"holds a key that {error}.")
    except (ValueError, RecursionError):
        place.refuse("holds text that is neither PEM nor a JSON object.")
    return None


PUBLIC_KEYS = _keys(_read_public_key, "a PEM text or a JWK, or a list of them")
