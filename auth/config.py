"""The settings, read and judged once at start.

Every problem is collected and reported together, each in a sentence that names the setting and the way out. What comes
out is frozen and complete: no later room reads ``app.config``.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from auth.errors import ConfigurationError
from auth.keys import KeySource, StaticKeys, UnusableKeyError, VerificationKey
from auth.keys.algorithms import ASYMMETRIC_ALGORITHMS, SYMMETRIC_ALGORITHMS
from auth.keys.secrets import is_published

#: The settings of the library and their defaults, as ``app.config`` holds them.
DEFAULTS: dict[str, Any] = {
    "AUTH_SECRET": None,
    "AUTH_PUBLIC_KEY": None,
    "AUTH_ISSUER": None,
    "AUTH_AUDIENCE": None,
    "AUTH_ALGORITHMS": None,
    "AUTH_PROFILE": "jwt",
    "AUTH_IDENTITY_CLAIM": "sub",
    "AUTH_REQUIRED_CLAIMS": ("exp", "iat"),
    "AUTH_LEEWAY": 5,
    "AUTH_MAX_TOKEN_AGE": None,
    "AUTH_MAX_TOKEN_BYTES": 8192,
    "AUTH_REALM": "api",
    "AUTH_DENY_BY_DEFAULT": False,
    "AUTH_DEVELOPMENT_TOKENS": False,
}

#: Settings of the design whose work is not done yet, with the only values that already tell the truth.
_PLANNED: dict[str, tuple[Any, ...]] = {
    "AUTH_JWKS_URL": (),
    "AUTH_DISCOVERY": (False,),
    "AUTH_ISSUERS": (),
    "AUTH_JWKS_MAX_AGE": (),
    "AUTH_JWKS_STALE_LIMIT": (),
    "AUTH_JWKS_TIMEOUT": (),
    "AUTH_JWKS_RETRY": (),
    "AUTH_JWKS_UNKNOWN_KEY_BUDGET": (),
    "AUTH_TOKEN_CACHE_SIZE": (0,),
}

#: More static keys than this make the attempts for a token without ``kid`` unbounded in practice.
_MAX_STATIC_KEYS = 10

#: Seconds; RFC 7519 §4.1.4 speaks of "a few minutes", and more would be another way to turn ``exp`` off.
_MAX_LEEWAY = 600

#: Seconds: ten years. More is no limit, and would not fit into a calendar.
_MAX_AGE = 315_360_000

#: More than any server takes in a header.
_MAX_TOKEN_BYTES = 1_048_576

#: What may stand between the quotes of ``realm`` without escapes (RFC 9110 §5.6.4), and be read.
_REALM = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerConfig:
    """One issuer that is trusted, and what its tokens have to look like."""

    keys: KeySource = field(repr=False)
    #: The accepted ``alg`` values: all HMAC or all asymmetric, never both (RFC 8725 §3.1).
    algorithms: frozenset[str]
    #: The exact ``iss``; None accepts any, which only a shared secret allows.
    issuer: str | None
    #: The accepted ``aud`` values; empty where tokens must carry none (RFC 7519 §4.1.3).
    audience: frozenset[str]
    identity_claim: str
    required_claims: tuple[str, ...]
    #: Seconds of clock difference forgiven.
    leeway: float
    #: Seconds after ``iat`` from which a token is refused whatever its ``exp``.
    max_token_age: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthConfig:
    """All settings of one :class:`~auth.ResourceServer`."""

    issuer: IssuerConfig
    max_token_bytes: int
    realm: str
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
        reader = _Reader(settings)
        reader.check_names()
        issuer = _read_issuer(reader, keys)
        realm = reader.text("AUTH_REALM")
        if realm is not None and _REALM.fullmatch(realm) is None:
            reader.problem("AUTH_REALM must be printable ASCII without quotes and backslashes.")
        max_token_bytes = reader.number("AUTH_MAX_TOKEN_BYTES", minimum=128, maximum=_MAX_TOKEN_BYTES)
        if isinstance(max_token_bytes, float):
            reader.problem("AUTH_MAX_TOKEN_BYTES must be a whole number of bytes.")
        deny_by_default = reader.flag("AUTH_DENY_BY_DEFAULT")
        development_tokens = reader.flag("AUTH_DEVELOPMENT_TOKENS")
        if reader.problems:
            raise ConfigurationError(reader.problems)
        return cls(
            issuer=issuer,
            max_token_bytes=int(max_token_bytes or 0),
            realm=realm or "",
            deny_by_default=deny_by_default,
            development_tokens=development_tokens,
            warnings=tuple(reader.warnings),
        )


def _read_issuer(reader: _Reader, keys: KeySource | None) -> IssuerConfig:
    """Read what concerns one issuer; the result counts only if the reader found no problem."""
    required = reader.texts("AUTH_REQUIRED_CLAIMS") or ()
    max_token_age = reader.number("AUTH_MAX_TOKEN_AGE", minimum=1, maximum=_MAX_AGE)
    if max_token_age is not None and "iat" not in required:
        required = (*required, "iat")
    issuer = reader.text("AUTH_ISSUER")
    if issuer is not None and is_plain_http(issuer):
        reader.problem("AUTH_ISSUER is a plain-http URL; an issuer that is not on this machine needs https.")
    verification_keys = _read_keys(reader) if keys is None else []
    if keys is not None and (reader.is_set("AUTH_SECRET") or reader.is_set("AUTH_PUBLIC_KEY")):
        reader.problem("A key source is given with keys=, and AUTH_SECRET or AUTH_PUBLIC_KEY is set as well; keep one.")
    algorithms = _read_algorithms(reader, verification_keys, keys)
    audience = reader.texts("AUTH_AUDIENCE") or ()
    if algorithms & set(SYMMETRIC_ALGORITHMS):
        reader.warnings += [sentence for name, sentence in _UNBOUND.items() if not reader.is_set(name)]
    elif keys is not None or reader.is_set("AUTH_PUBLIC_KEY"):
        for name in _UNBOUND:
            if not reader.is_set(name):
                reader.problem(f"{name} is not set; with public keys it is needed (RFC 8725 §3.8 and §3.9).")
    if "exp" not in required:
        reader.warnings.append("AUTH_REQUIRED_CLAIMS lacks exp: a token without it never expires.")
    return IssuerConfig(
        keys=StaticKeys(key.restricted_to(algorithms) for key in verification_keys) if keys is None else keys,
        algorithms=algorithms,
        issuer=issuer,
        audience=frozenset(audience),
        identity_claim=reader.text("AUTH_IDENTITY_CLAIM") or "",
        required_claims=required,
        leeway=reader.number("AUTH_LEEWAY", minimum=0, maximum=_MAX_LEEWAY) or 0,
        max_token_age=max_token_age,
    )


def _read_keys(reader: _Reader) -> list[VerificationKey]:
    secrets, public_keys = reader.items("AUTH_SECRET"), reader.items("AUTH_PUBLIC_KEY")
    if secrets and public_keys:
        reader.problem(
            "AUTH_SECRET and AUTH_PUBLIC_KEY are both set: one issuer has keys of one kind (RFC 8725 §3.1). Keep one."
        )
    if not secrets and not public_keys:
        reader.problem(
            "There is no key to verify tokens with. Set AUTH_SECRET (shared secret of at least 32 bytes, for example "
            "from: openssl rand -base64 48) or AUTH_PUBLIC_KEY (PEM or JWK)."
        )
    keys = [_read_secret(reader, secret) for secret in secrets]
    keys += [_read_public_key(reader, key) for key in public_keys]
    if len(keys) > _MAX_STATIC_KEYS:
        reader.problem(f"There are {len(keys)} keys; keep the {_MAX_STATIC_KEYS} at most that still sign tokens.")
    usable = [key for key in keys if key is not None]
    key_ids = [key.key_id for key in usable if key.key_id is not None]
    if len(set(key_ids)) < len(key_ids):
        reader.problem('Two keys of AUTH_PUBLIC_KEY share one "kid"; each needs its own.')
    return usable


def _read_secret(reader: _Reader, secret: Any) -> VerificationKey | None:
    if not isinstance(secret, str | bytes):
        reader.problem(
            "AUTH_SECRET must be text or bytes, or a list of them; in the environment, put a value of digits alone "
            "into double quotes inside single ones."
        )
        return None
    try:
        key = VerificationKey.from_secret(secret)
    except UnusableKeyError as error:
        reader.problem(f"AUTH_SECRET holds a secret that {error}. Make one with: openssl rand -base64 48")
        return None
    if is_published(secret):
        reader.problem(
            "AUTH_SECRET holds a secret from an example, a template or a pattern. Make one with: "
            "openssl rand -base64 48"
        )
    return key


def _read_public_key(reader: _Reader, value: Any) -> VerificationKey | None:
    try:
        if isinstance(value, str) and value.lstrip().startswith("{"):
            value = json.loads(value)
        if isinstance(value, str):
            return VerificationKey.from_pem(value)
        if isinstance(value, Mapping):
            return VerificationKey.from_jwk(value)
    except UnusableKeyError as error:
        reader.problem(f"AUTH_PUBLIC_KEY holds a key that {error}.")
    except (ValueError, RecursionError):
        reader.problem("AUTH_PUBLIC_KEY holds text that is neither PEM nor a JSON object.")
    else:
        reader.problem("AUTH_PUBLIC_KEY must be a PEM text or a JWK, or a list of them.")
    return None


def _read_algorithms(reader: _Reader, keys: list[VerificationKey], source: KeySource | None) -> frozenset[str]:
    """Return the accepted algorithms: as set, else HS256 for secrets and what the keys are made for otherwise."""
    named = reader.texts("AUTH_ALGORITHMS")
    if named is None:
        made_for = StaticKeys(keys).algorithms
        if source is not None:
            # A source may say what its keys are made for; one that has to fetch them first cannot know.
            made_for = getattr(source, "algorithms", frozenset(ASYMMETRIC_ALGORITHMS))
        return frozenset({"HS256"}) if "HS256" in made_for else made_for
    algorithms = frozenset(named)
    if not algorithms:
        reader.problem("AUTH_ALGORITHMS is empty; name the algorithms of your keys or leave it out.")
        return algorithms
    for name in sorted(algorithms - {*SYMMETRIC_ALGORITHMS, *ASYMMETRIC_ALGORITHMS}):
        reader.problem(f"AUTH_ALGORITHMS names {name!r}, which is not one of {', '.join(_KNOWN_ALGORITHMS)}.")
    if algorithms & set(SYMMETRIC_ALGORITHMS) and algorithms & set(ASYMMETRIC_ALGORITHMS):
        reader.problem("AUTH_ALGORITHMS mixes HMAC and public-key algorithms; keep the kind of your key.")
    for name in sorted(algorithms & set(_KNOWN_ALGORITHMS)):
        if keys and not any(name in key.algorithms for key in keys):
            reader.problem(
                f"AUTH_ALGORITHMS names {name}, for which no configured key is fit (RFC 7518 §3; HS384 needs a secret "
                "of 48 bytes, HS512 one of 64)."
            )
    for key in keys:
        if not key.algorithms & algorithms:
            reader.problem("A configured key is fit for none of AUTH_ALGORITHMS; remove it or name its algorithm.")
    return algorithms


_KNOWN_ALGORITHMS = (*SYMMETRIC_ALGORITHMS, *ASYMMETRIC_ALGORITHMS)


#: What the absence of issuer or audience means where a shared secret allows it.
_UNBOUND = {
    "AUTH_ISSUER": "AUTH_ISSUER is not set: any token signed with AUTH_SECRET is accepted, whoever issued it.",
    "AUTH_AUDIENCE": "AUTH_AUDIENCE is not set: tokens that name no audience are accepted, whomever they are for.",
}


def is_plain_http(url: str) -> bool:
    """Tell whether a URL would go over the network unencrypted: ``http``, and not to this machine itself."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return True
    if parts.scheme.lower() != "http":
        return False
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"


class _Reader:
    """Takes settings out of a mapping by type and keeps what is wrong with them."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = {name: settings[name] for name in settings if name.startswith("AUTH_")}
        self.problems: list[str] = []
        self.warnings: list[str] = []

    def problem(self, sentence: str) -> None:
        if sentence not in self.problems:
            self.problems.append(sentence)

    def check_names(self) -> None:
        """Refuse settings that nothing reads: a misspelt one would silently leave a check off."""
        for name, value in self._settings.items():
            if name in _PLANNED:
                if value is not None and value not in _PLANNED[name]:
                    self.problem(f"{name} is not supported by this version; remove it.")
            elif name not in DEFAULTS:
                close = difflib.get_close_matches(name, DEFAULTS, n=1)
                hint = f"; did you mean {close[0]}?" if close else "."
                self.problem(f"{name} is not a setting{hint}")
        if self._value("AUTH_PROFILE") != "jwt":
            self.problem('AUTH_PROFILE must be "jwt" in this version.')

    def text(self, name: str) -> str | None:
        """Return a text; None where it may be absent and is."""
        value = self._value(name)
        if value is not None and (not isinstance(value, str) or not value or value != value.strip()):
            self.problem(f"{name} must be a text that is not empty, without space around it.")
            return None
        return value

    def texts(self, name: str) -> tuple[str, ...] | None:
        """Return one text or a list of them as a tuple; None where nothing is set."""
        value = self._value(name)
        if value is None:
            return None
        values: Any = (value,) if isinstance(value, str) else value
        if not isinstance(values, list | tuple | set | frozenset) or not all(
            isinstance(item, str) and item and item == item.strip() for item in values
        ):
            self.problem(f"{name} must be a text or a list of texts, none of them empty or with space around it.")
            return None
        if isinstance(value, str) and "," in value:
            self.problem(f"{name} holds a comma: write several as a list (in the environment as JSON).")
            return None
        return tuple(values)

    def items(self, name: str) -> list[Any]:
        """Return one value or a list of them as a list; empty where nothing is set."""
        value = self._value(name)
        if value is None:
            return []
        return list(value) if isinstance(value, list | tuple) else [value]

    def is_set(self, name: str) -> bool:
        """Tell whether a setting says anything: an empty list does not."""
        return self._value(name) not in (None, [], ())

    def number(self, name: str, *, minimum: float, maximum: float = math.inf) -> float | None:
        """Return a finite number from ``minimum`` to ``maximum``; None where it may be absent and is."""
        value: Any = self._value(name)
        if value is None:
            return None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not minimum <= value <= maximum or value == math.inf:
            upper = "" if maximum == math.inf else f" and at most {maximum}"
            self.problem(f"{name} must be a number of at least {minimum}{upper}.")
            return None
        number: float = value
        return number

    def flag(self, name: str) -> bool:
        value = self._value(name)
        if not isinstance(value, bool):
            self.problem(f"{name} must be true or false.")
            return False
        return value

    def _value(self, name: str) -> Any:
        value = self._settings.get(name)
        return DEFAULTS[name] if value is None else value
