"""Where the keys of one issuer come from, as settings say it: a secret, public keys, a JWKS URL, or discovery.

Always one of them, and with it one kind of algorithm (RFC 8725 §3.1). Nothing here goes over the network.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..keys import (
    DiscoveredLocation,
    FixedLocation,
    KeySource,
    RemoteKeySettings,
    RemoteKeySource,
    StaticKeys,
    UnusableKeyError,
    VerificationKey,
)
from ..keys.algorithms import ASYMMETRIC_ALGORITHMS, SYMMETRIC_ALGORITHMS
from ..keys.remote.urls import is_fetchable
from ..keys.weak_secrets import is_published
from .reader import SettingReader

#: The settings of keys that are fetched.
_FETCHED = ("jwks_url", "discovery")

#: The settings that say where keys come from; one issuer has one of them.
KEY_SETTINGS = ("secret", "public_key", *_FETCHED)

#: More static keys than this make the attempts for a token without ``kid`` unbounded in practice.
_MAX_STATIC_KEYS = 10

#: Seconds: a day between two looks at the issuer's keys, and a week without any answer, are the most there can be.
_MAX_REFRESH, _MAX_STALE = 86_400, 604_800

_KNOWN_ALGORITHMS = (*SYMMETRIC_ALGORITHMS, *ASYMMETRIC_ALGORITHMS)


def read_key_source(
    reader: SettingReader, issuer: str | None, given: KeySource | None, *, keys_name_issuer: bool
) -> tuple[KeySource, frozenset[str]]:
    """Return the keys and the accepted algorithms of an issuer; ``given`` stands in for the settings."""
    named = [name for name in KEY_SETTINGS if reader.is_set(name)]
    if given is not None:
        if named:
            labels = " or ".join(map(reader.label, named))
            reader.problem(f"A key source is given with keys=, and {labels} is set as well; keep one.")
        if not isinstance(given, KeySource):
            reader.problem(
                f"The object given with keys= ({type(given).__name__}) is not a key source; derive its class from "
                "SimpleKeySource, or implement KeySource."
            )
            return given, frozenset()
        algorithms = _read_algorithms(reader, (), given)
        _check_given(reader, given, algorithms)
        return given, algorithms
    if len(named) > 1:
        labels = " and ".join(map(reader.label, named))
        reader.problem(f"{labels} are both set: the keys of an issuer are of one kind, from one place. Keep one.")
    remote = _read_remote(reader, issuer, owner=issuer if keys_name_issuer else None)
    keys = _read_static_keys(reader)
    if not named:
        reader.problem(
            f"There is no key to verify tokens with. Set {reader.label('secret')} (shared secret of at least 32 bytes, "
            f"for example from: openssl rand -base64 48), {reader.label('public_key')} (PEM or JWK), "
            f"{reader.label('jwks_url')}, or {reader.label('discovery')} to find the keys by the issuer."
        )
    algorithms = _read_algorithms(reader, keys, remote)
    return remote or StaticKeys(key.restricted_to(algorithms) for key in keys), algorithms


def _check_given(reader: SettingReader, given: KeySource, algorithms: frozenset[str]) -> None:
    """Demand a key for some accepted algorithm of a source that says at start what its keys are made for."""
    made_for = given.algorithms
    if made_for is None:
        return
    if not made_for:
        reader.problem("The key source that is given with keys= has no key.")
    elif algorithms and algorithms.isdisjoint(made_for):
        reader.problem(f"{reader.label('algorithms')} names none that the keys given with keys= are made for.")


def _read_remote(reader: SettingReader, issuer: str | None, owner: str | None) -> RemoteKeySource | None:
    """Return the keys that are fetched, where settings say so."""
    settings = RemoteKeySettings(
        max_age=reader.number("jwks_max_age", minimum=1, maximum=_MAX_REFRESH) or 0,
        stale_limit=reader.number("jwks_stale_limit", minimum=1, maximum=_MAX_STALE) or 0,
        timeout=reader.number("jwks_timeout", minimum=0.1, maximum=30) or 0,
        retry=reader.number("jwks_retry", minimum=0.1, maximum=60) or 0,
        unknown_key_budget=_whole(reader, "jwks_unknown_key_budget", maximum=60),
    )
    if 0 < settings.stale_limit < settings.max_age:
        reader.problem(
            f"{reader.label('jwks_stale_limit')} must be at least {reader.label('jwks_max_age')}: keys are trusted for "
            "that long in any case."
        )
    if reader.flag("discovery"):
        if issuer is not None and _check_url(reader, "issuer", issuer, "?#"):
            return RemoteKeySource(DiscoveredLocation(issuer, owner), settings=settings)
    elif (url := reader.text("jwks_url")) is not None and _check_url(reader, "jwks_url", url, "#"):
        return RemoteKeySource(FixedLocation(url, owner), settings=settings)
    return None


def _whole(reader: SettingReader, name: str, *, maximum: int) -> int:
    number = reader.number(name, minimum=0, maximum=maximum)
    if isinstance(number, float):
        reader.problem(f"{reader.label(name)} must be a whole number.")
    return int(number or 0)


def _check_url(reader: SettingReader, name: str, url: str, excluded: str) -> bool:
    """Demand an https URL, or http on this machine, that names a host and holds no credentials and nothing odd."""
    if not is_fetchable(url) or any(character in url for character in excluded):
        reader.problem(
            f"{reader.label(name)} must be an https URL without user and fragment{' and query' * ('?' in excluded)}; "
            "http on this machine only."
        )
        return False
    return True


def _read_static_keys(reader: SettingReader) -> list[VerificationKey]:
    keys = [_read_secret(reader, secret) for secret in reader.items("secret")]
    keys += [_read_public_key(reader, key) for key in reader.items("public_key")]
    if len(keys) > _MAX_STATIC_KEYS:
        reader.problem(f"There are {len(keys)} keys; keep the {_MAX_STATIC_KEYS} at most that still sign tokens.")
    usable = [key for key in keys if key is not None]
    key_ids = [key.key_id for key in usable if key.key_id is not None]
    if len(set(key_ids)) < len(key_ids):
        reader.problem(f'Two keys of {reader.label("public_key")} share one "kid"; each needs its own.')
    return usable


def _read_secret(reader: SettingReader, secret: Any) -> VerificationKey | None:
    label = reader.label("secret")
    if not isinstance(secret, str | bytes):
        reader.problem(
            f"{label} must be text or bytes, or a list of them; in the environment, put a value of digits alone "
            "into double quotes inside single ones."
        )
        return None
    try:
        key = VerificationKey.from_secret(secret)
    except UnusableKeyError as error:
        reader.problem(f"{label} holds a secret that {error}. Make one with: openssl rand -base64 48")
        return None
    if is_published(secret):
        reader.problem(
            f"{label} holds a secret from an example, a template or a pattern. Make one with: openssl rand -base64 48"
        )
    return key


def _read_public_key(reader: SettingReader, value: Any) -> VerificationKey | None:
    label = reader.label("public_key")
    try:
        if isinstance(value, str) and value.lstrip().startswith("{"):
            value = json.loads(value)
        if isinstance(value, str):
            return VerificationKey.from_pem(value)
        if isinstance(value, Mapping):
            return VerificationKey.from_jwk(value)
    except UnusableKeyError as error:
        reader.problem(f"{label} holds a key that {error}.")
    except (ValueError, RecursionError):
        reader.problem(f"{label} holds text that is neither PEM nor a JSON object.")
    else:
        reader.problem(f"{label} must be a PEM text or a JWK, or a list of them.")
    return None


def _read_algorithms(
    reader: SettingReader, keys: Sequence[VerificationKey], source: KeySource | None
) -> frozenset[str]:
    """Return the accepted algorithms: as set, else HS256 for secrets and what the keys are made for otherwise."""
    named = reader.texts("algorithms")
    if named is None:
        made_for = StaticKeys(keys).algorithms
        if source is not None:
            # A source that has to fetch its keys first does not know what they are made for.
            made_for = frozenset(ASYMMETRIC_ALGORITHMS) if source.algorithms is None else source.algorithms
        return frozenset({"HS256"}) if "HS256" in made_for else made_for
    label, algorithms = reader.label("algorithms"), frozenset(named)
    if not algorithms:
        reader.problem(f"{label} is empty; name the algorithms of your keys or leave it out.")
        return algorithms
    for name in sorted(algorithms - {*_KNOWN_ALGORITHMS}):
        reader.problem(f"{label} names {name!r}, which is not one of {', '.join(_KNOWN_ALGORITHMS)}.")
    if algorithms & set(SYMMETRIC_ALGORITHMS) and algorithms & set(ASYMMETRIC_ALGORITHMS):
        reader.problem(f"{label} mixes HMAC and public-key algorithms; keep the kind of your key.")
    is_fetched = isinstance(source, RemoteKeySource) or any(map(reader.is_set, _FETCHED))
    if is_fetched and algorithms & set(SYMMETRIC_ALGORITHMS):
        reader.problem(f"{label} names an HMAC algorithm; keys that are fetched are public (RFC 8725 §3.1).")
    _check_fitness(reader, keys, algorithms)
    return algorithms


def _check_fitness(reader: SettingReader, keys: Sequence[VerificationKey], algorithms: frozenset[str]) -> None:
    """Demand a key for each algorithm and an algorithm for each key."""
    label = reader.label("algorithms")
    for name in sorted(algorithms & set(_KNOWN_ALGORITHMS)):
        if keys and not any(name in key.algorithms for key in keys):
            reader.problem(
                f"{label} names {name}, for which no configured key is fit (RFC 7518 §3; HS384 needs a secret "
                "of 48 bytes, HS512 one of 64)."
            )
    for key in keys:
        if not key.algorithms & algorithms:
            reader.problem(f"A configured key is fit for none of {label}; remove it or name its algorithm.")
