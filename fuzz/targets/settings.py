"""Settings of any kind: a service starts with them, or is told every problem in sentences.

An input is a JSON object, the ``AUTH_…`` keys of ``app.config``. What JSON has no values for is written as an object
with one member: ``{"bytes": "…"}``, ``{"set": […]}``, ``{"tuple": […]}``.

- Only :class:`ConfigurationError` is raised. Each of its problems is told once, and none shows a secret.
- A service that starts accepts algorithms of one kind for each issuer and has a key for them, or fetches it.
- Each of its issuers with public keys has an audience.
- It refuses what is no token, without waiting for anything.
"""

from __future__ import annotations

import json
from functools import partial
from itertools import chain
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from auth.authenticator import Authenticator
from auth.errors import AuthErrorCode, ConfigurationError
from auth.keys.algorithms import ASYMMETRIC_ALGORITHMS, SYMMETRIC_ALGORITHMS
from auth.settings.service import AuthConfig
from auth.settings.table import DEFAULTS, TABLE
from auth.tokens.issuer import TrustedIssuer
from auth.tokens.profiles import PROFILES
from auth.tokens.verifier import TokenVerifier
from fuzz.json_mutator import json_mutator, parsed
from fuzz.target import Target
from fuzz.trusted import AUDIENCE, ED25519_KEY, JWKS, KEY_ISSUER, SECRET_ISSUER, genuine_token, outcome

#: A secret that must not be shown, wherever it was put.
_CANARY = "canary-Zm9kR2tQd3N4VjhwTHk3b1RhMUhj"

_SYMMETRIC, _ASYMMETRIC = {*SYMMETRIC_ALGORITHMS}, {*ASYMMETRIC_ALGORITHMS}


def check(data: bytes) -> None:
    """Demand what is said above of one mapping."""
    settings = _python(parsed(data))
    if not isinstance(settings, dict):
        return
    try:
        config = AuthConfig.from_mapping(settings)
    except ConfigurationError as error:
        _check_refusal(settings, error)
        return
    assert all(warning.strip() for warning in config.warnings)
    # A start shows names of issuers and the like, and no secret.
    assert _CANARY not in repr(config) or _CANARY in str(_without_secrets(settings))
    for issuer in config.issuers:
        _check_issuer(issuer)
    verifier = Authenticator(TokenVerifier(config.issuers, max_token_bytes=config.max_token_bytes), cache_size=1)
    assert outcome(lambda: verifier.verify("a.b.c")) is AuthErrorCode.MALFORMED_TOKEN
    if any(issuer.keys.algorithms is None for issuer in config.issuers):
        return  # The token may be for keys that have to be fetched first.
    for token in _TOKENS:
        outcome(partial(verifier.verify, token))


def _check_refusal(settings: dict[Any, Any], refusal: ConfigurationError) -> None:
    assert refusal.problems
    assert len(set(refusal.problems)) == len(refusal.problems)
    assert all(problem.strip() for problem in refusal.problems)
    _check_secrecy(settings, str(refusal))


def _check_issuer(issuer: TrustedIssuer) -> None:
    assert issuer.algorithms <= _SYMMETRIC or issuer.algorithms <= _ASYMMETRIC
    assert issuer.algorithms
    known = issuer.keys.algorithms
    if known is not None:
        assert issuer.algorithms <= known
        assert issuer.keys.status().ready
    if issuer.algorithms <= _ASYMMETRIC:
        assert issuer.names
        assert issuer.audience
    assert all(name.strip() for name in (*issuer.names, *issuer.audience, issuer.identity_claim))
    assert 0 <= issuer.leeway <= 600


def _check_secrecy(settings: dict[Any, Any], said: str) -> None:
    names = [*settings, *(name for entry in _entries(settings) for name in entry)]
    assert _CANARY not in said or any(_CANARY in str(name) for name in names)


def _without_secrets(settings: dict[Any, Any]) -> list[Any]:
    own = {name: value for name, value in settings.items() if name not in ("AUTH_SECRET", "AUTH_ISSUERS")}
    return [own, *({k: v for k, v in entry.items() if k != "secret"} for entry in _entries(settings))]


def _entries(settings: dict[Any, Any]) -> list[dict[Any, Any]]:
    entries = settings.get("AUTH_ISSUERS")
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, (list, tuple)) else []


def _python(value: Any) -> Any:
    """Return a JSON value with its stand-ins replaced by what they stand for."""
    if isinstance(value, list):
        return [_python(member) for member in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"bytes": str(text)} if len(value) == 1:
            return text.encode("utf-8", "surrogatepass")
        case {"set": list(members)} if len(value) == 1:
            return {_hashable(_python(member)) for member in members}
        case {"tuple": list(members)} if len(value) == 1:
            return tuple(map(_python, members))
        case _:
            return {name: _python(member) for name, member in value.items()}


def _hashable(value: Any) -> Any:
    return value if isinstance(value, (str, int, float, bytes, type(None))) else repr(value)


_TOKENS = (genuine_token("HS256"), genuine_token("EdDSA"))

_BOUND = {"AUTH_ISSUER": SECRET_ISSUER, "AUTH_AUDIENCE": AUDIENCE}
_PEM = ED25519_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _seeds() -> list[bytes]:
    cases: list[dict[str, Any]] = [
        {"AUTH_SECRET": _CANARY},
        {**_BOUND, "AUTH_SECRET": [_CANARY * 2, {"bytes": _CANARY}], "AUTH_ALGORITHMS": {"set": ["HS256", "HS512"]}},
        {**_BOUND, "AUTH_PUBLIC_KEY": JWKS[0]},
        {**_BOUND, "AUTH_PUBLIC_KEY": [_PEM, *JWKS[1:3]], "AUTH_ALGORITHMS": ["EdDSA", "ES256", "ES384"]},
        {**_BOUND, "AUTH_JWKS_URL": "https://keys.example/jwks", "AUTH_JWKS_MAX_AGE": 60},
        {**_BOUND, "AUTH_DISCOVERY": True, "AUTH_PROFILE": "entra"},
        {
            "AUTH_AUDIENCE": AUDIENCE,
            "AUTH_ISSUERS": [
                {"issuer": SECRET_ISSUER, "secret": _CANARY, "user_prefix": "s:"},
                {"issuer": [KEY_ISSUER, KEY_ISSUER + "/"], "public_key": JWKS[4], "identity_claim": "uid"},
            ],
        },
        {"AUTH_SECRET": _CANARY, **{key: value for key, value in DEFAULTS.items() if isinstance(value, (int, str))}},
    ]
    return [json.dumps(case, separators=(",", ":")).encode() for case in cases]


_NAMES = (*DEFAULTS, *(row.name for row in TABLE), "AUTH_SECRETS", "AUTH_LOGIN", "bytes", "set", "tuple")
_VALUES: tuple[Any, ...] = (
    *chain(_SYMMETRIC, _ASYMMETRIC, PROFILES),
    *(_CANARY, _CANARY * 2, _PEM, JWKS[4], {**JWKS[4], "d": _CANARY}, {"keys": JWKS[:1]}, "a" * 64, "change-me" * 8),
    *("https://a.example", "http://a.example", "http://127.0.0.1:8000", "http://[::1]/", "https://[", "https://a:b@c/"),
    *('["a"]', "[", "{", '"a"', " a", "a,b", "a\n", {"set": []}, {"tuple": []}, {"bytes": "\ud800"}, 1e400, 601, 0.1),
)

# Sets have no order, and a run has to be able to repeat another.
TARGET = Target(check, _seeds, words=_NAMES, values=tuple(sorted(_VALUES, key=repr)), mutator=json_mutator)
