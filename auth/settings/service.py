"""The settings of the whole service, read and judged once at start.

Every problem is collected and reported together, each in a sentence that names the setting and the way out. What comes
out is frozen and complete: no later room reads ``app.config``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from ..errors import ConfigurationError
from ..keys import KeySource, RemoteKeySettings, StaticKeys
from ..keys.algorithms import SYMMETRIC_ALGORITHMS
from ..tokens.issuer import TrustedIssuer
from .issuer import read_issuer
from .key_source import KEY_SETTINGS
from .reader import Findings, SettingReader

_JWKS = RemoteKeySettings()

#: What may be set for each issuer, and is set for the only one without ``AUTH_ISSUERS``.
_ISSUER_DEFAULTS: dict[str, Any] = {
    "AUTH_SECRET": None,
    "AUTH_PUBLIC_KEY": None,
    "AUTH_JWKS_URL": None,
    "AUTH_DISCOVERY": False,
    "AUTH_ISSUER": None,
    "AUTH_AUDIENCE": None,
    "AUTH_ALGORITHMS": None,
    "AUTH_PROFILE": "jwt",
    "AUTH_IDENTITY_CLAIM": None,
    "AUTH_REQUIRED_CLAIMS": ("exp", "iat"),
    "AUTH_LEEWAY": 5,
    "AUTH_MAX_TOKEN_AGE": None,
    "AUTH_JWKS_MAX_AGE": _JWKS.max_age,
    "AUTH_JWKS_STALE_LIMIT": _JWKS.stale_limit,
    "AUTH_JWKS_TIMEOUT": _JWKS.timeout,
    "AUTH_JWKS_RETRY": _JWKS.retry,
    "AUTH_JWKS_UNKNOWN_KEY_BUDGET": _JWKS.unknown_key_budget,
}

#: The settings of the library and their defaults, as ``app.config`` holds them. The identity claim is the profile's.
DEFAULTS: dict[str, Any] = _ISSUER_DEFAULTS | {
    "AUTH_ISSUERS": None,
    "AUTH_MAX_TOKEN_BYTES": 8192,
    "AUTH_TOKEN_CACHE_SIZE": 4096,
    "AUTH_REALM": "api",
    "AUTH_REQUEST_ID_HEADER": None,
    "AUTH_DENY_BY_DEFAULT": False,
    "AUTH_DEVELOPMENT_TOKENS": False,
}

#: What an entry of ``AUTH_ISSUERS`` may name.
_ENTRY_NAMES = (*(name.removeprefix("AUTH_").lower() for name in _ISSUER_DEFAULTS), "user_prefix")

#: What is never inherited by the entries of ``AUTH_ISSUERS``: who the issuer is, and its keys.
_OWN = ("issuer", *KEY_SETTINGS)

#: More issuers than this are no list that a person keeps.
_MAX_ISSUERS = 50

#: Characters that need no escape in a path segment (RFC 3986 §3.3), so that a user id can stand there.
_USER_PREFIX = re.compile(r"[A-Za-z0-9._~:|@-]+")

#: More than any server takes in a header.
_MAX_TOKEN_BYTES = 1_048_576

#: Gigabytes of tokens in each process.
_MAX_TOKEN_CACHE_SIZE = 1_000_000

#: What may stand between the quotes of ``realm`` without escapes (RFC 9110 §5.6.4), and be read.
_REALM = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+")


#: Names of header fields that a server can hand on to an app.
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthConfig:
    """All settings of one :class:`~.ResourceServer`."""

    #: Those whose tokens are accepted; no two have the same name, and no two users of them the same id.
    issuers: tuple[TrustedIssuer, ...]
    max_token_bytes: int
    #: How many verified tokens each process remembers.
    token_cache_size: int
    realm: str
    #: The request header whose value is taken over as the id of a request; None if every id is ours.
    request_id_header: str | None
    deny_by_default: bool
    #: Whether ``flask auth token`` may mint tokens with the shared secret.
    development_tokens: bool
    #: What is allowed and unwise, to be said once at start.
    warnings: tuple[str, ...]

    @classmethod
    def from_mapping(cls, settings: Mapping[str, Any], *, keys: KeySource | None = None) -> AuthConfig:
        """Read the ``AUTH_…`` keys of a mapping such as ``app.config``; ``keys`` stands in for secret or public key.

        Raises:
            ConfigurationError: with every problem found, not the first one only.
        """
        findings = Findings()
        reader = _top_level(settings, findings)
        issuers = _read_issuers(reader, findings, keys) if reader.is_set("issuers") else [read_issuer(reader, keys)]
        realm = reader.text("realm")
        if realm is not None and _REALM.fullmatch(realm) is None:
            reader.problem("AUTH_REALM must be printable ASCII without quotes and backslashes.")
        max_token_bytes = reader.number("max_token_bytes", minimum=128, maximum=_MAX_TOKEN_BYTES)
        if isinstance(max_token_bytes, float):
            reader.problem("AUTH_MAX_TOKEN_BYTES must be a whole number of bytes.")
        token_cache_size = reader.number("token_cache_size", minimum=0, maximum=_MAX_TOKEN_CACHE_SIZE)
        if isinstance(token_cache_size, float):
            reader.problem("AUTH_TOKEN_CACHE_SIZE must be a whole number of tokens.")
        request_id_header = reader.text("request_id_header")
        if request_id_header is not None and _HEADER_NAME.fullmatch(request_id_header) is None:
            reader.problem("AUTH_REQUEST_ID_HEADER must be the name of a header, such as X-Request-ID.")
        deny_by_default = reader.flag("deny_by_default")
        development_tokens = reader.flag("development_tokens")
        if findings.problems:
            raise ConfigurationError(findings.problems)
        return cls(
            issuers=tuple(issuers),
            max_token_bytes=int(max_token_bytes or 0),
            token_cache_size=int(token_cache_size or 0),
            realm=realm or "",
            request_id_header=request_id_header,
            deny_by_default=deny_by_default,
            development_tokens=development_tokens,
            warnings=tuple(findings.warnings),
        )


def _top_level(settings: Mapping[str, Any], findings: Findings) -> SettingReader:
    """Return a reader of the ``AUTH_…`` settings with their defaults; None sets nothing."""
    ours = {name: value for name, value in settings.items() if str(name).startswith("AUTH_")}
    values = ours | {name: default for name, default in DEFAULTS.items() if ours.get(name) is None}
    reader = SettingReader({_short(name): value for name, value in values.items()}, findings)
    reader.check_names(map(_short, DEFAULTS))
    return reader


def _short(name: str) -> str:
    return name.removeprefix("AUTH_").lower()


def _read_issuers(reader: SettingReader, findings: Findings, keys: KeySource | None) -> list[TrustedIssuer]:
    """Read the entries of ``AUTH_ISSUERS`` and hold them against each other."""
    for name in _OWN:
        if reader.is_set(name):
            reader.problem(f"{reader.label(name)} and AUTH_ISSUERS are both set; move it into the entry it belongs to.")
    if keys is not None:
        reader.problem("A key source is given with keys=, and AUTH_ISSUERS is set as well; keep one.")
    entries = reader.value("issuers")
    if not isinstance(entries, list | tuple) or not all(map(_is_entry, entries)):
        reader.problem("AUTH_ISSUERS must be a list of mappings (in the environment as JSON).")
        return []
    if len(entries) > _MAX_ISSUERS:
        reader.problem(f"AUTH_ISSUERS has {len(entries)} entries, {_MAX_ISSUERS} at most are read.")
        return []
    issuers = [_read_entry(reader, findings, index, entry) for index, entry in enumerate(entries)]
    findings.problems.extend([*_confusions_of_issuers(issuers), *_confusions_of_users(issuers)])
    prefixes = tuple(issuer.user_prefix for issuer in issuers if issuer.user_prefix)
    return [issuer if issuer.user_prefix else replace(issuer, reserved_prefixes=prefixes) for issuer in issuers]


def _is_entry(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(name, str) for name in value)


def _read_entry(reader: SettingReader, findings: Findings, index: int, settings: Mapping[str, Any]) -> TrustedIssuer:
    own = {"discovery": False} | {name: value for name, value in settings.items() if value is not None}
    entry = SettingReader(own, findings, prefix=f"AUTH_ISSUERS[{index}].", inherits=reader, never=_OWN)
    entry.check_names(_ENTRY_NAMES)
    issuer = read_issuer(entry)
    if issuer.name is None:
        entry.problem(f"{entry.label('issuer')} is not set; it says whose tokens the entry is for.")
    if issuer.user_prefix and _USER_PREFIX.fullmatch(issuer.user_prefix) is None:
        entry.problem(f"{entry.label('user_prefix')} may hold ASCII letters, digits and . _ ~ : | @ - only.")
    return issuer


def _confusions_of_issuers(issuers: Sequence[TrustedIssuer]) -> Iterator[str]:
    """Tell where one issuer could be taken for another."""
    names = [issuer.name for issuer in issuers if issuer.name is not None]
    if len(set(names)) < len(names):
        yield "Two entries of AUTH_ISSUERS have the same issuer; each needs its own."
    secrets = [secret for issuer in issuers for secret in _secrets_of(issuer)]
    if len(set(secrets)) < len(secrets):
        yield "Two entries of AUTH_ISSUERS share a secret, so each could sign as the other; each needs its own."


def _secrets_of(issuer: TrustedIssuer) -> set[object]:
    if not isinstance(issuer.keys, StaticKeys):
        # Keys that are fetched are no secrets; nobody is asked for them at start.
        return set()
    algorithms = issuer.algorithms & set(SYMMETRIC_ALGORITHMS)
    return {key.material for algorithm in algorithms for key in issuer.keys.current().candidates(algorithm, None)}


def _confusions_of_users(issuers: Sequence[TrustedIssuer]) -> Iterator[str]:
    """Tell where two users could have one id: a user is the pair of issuer and subject (RFC 7519 §4.1.2)."""
    if sum(not issuer.user_prefix for issuer in issuers) > 1:
        yield (
            "More than one entry of AUTH_ISSUERS has no user_prefix, so a user of one could be taken for that of "
            "another. Leave it out for the one issuer that owns the plain user ids, and set one for each other."
        )
    prefixes = sorted(issuer.user_prefix for issuer in issuers if issuer.user_prefix)
    # Sorted, a text stands right before those that begin with it.
    if any(later.startswith(earlier) for earlier, later in pairwise(prefixes)):
        yield "One user_prefix in AUTH_ISSUERS begins with another; end each with a sign of its own, such as a colon."
