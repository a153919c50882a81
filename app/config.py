"""The settings of the service: defaults, then the environment, then what :func:`app.create_app` was given.

``BETTER_AUTH_SECRET`` and ``BETTER_AUTH_URL`` are translated into the ``AUTH_…`` settings of the library here, and
:mod:`auth` checks those. Nothing here connects to anything.

``Flask.config.from_prefixed_env`` reads ``FLASK_…`` values as JSON: numbers and ``true`` arrive as such, and an
all-digit text has to be quoted (``FLASK_AUTH_REALM='"123"'``). The four variables without a prefix are always text.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from flask import Flask

from app import database_settings, rate_limits
from app.database import POOL_SIZE
from app.docs_ui import login
from app.openapi import OPENAPI_SETTINGS
from app.origins import http_hosts, parse_origin
from app.sqlite import SYNCHRONOUS

#: Variables of the deployed service that are read without the ``FLASK_`` prefix.
ENVIRONMENT = ("BETTER_AUTH_SECRET", "BETTER_AUTH_URL", "DATABASE_URL", "REDIS_URL")

#: Settings of the library that name where keys come from.
KEY_SOURCES = ("AUTH_SECRET", "AUTH_PUBLIC_KEY", "AUTH_JWKS_URL", "AUTH_DISCOVERY", "AUTH_ISSUERS")

#: Settings of the library and the variables of this service that are translated into them.
OUR_NAMES = {"AUTH_SECRET": "BETTER_AUTH_SECRET", "AUTH_JWKS_URL": "BETTER_AUTH_URL"}

#: The two settings of the library that ``BETTER_AUTH_URL`` sets.
BOUND_BY_URL = ("AUTH_ISSUER", "AUTH_AUDIENCE")

#: Bytes that the library demands of a secret (RFC 7518 §3.2).
MIN_SECRET_BYTES = 32

LOG_FORMATS = ("text", "json")

#: Where a Better Auth server publishes its keys, below its origin.
BETTER_AUTH_JWKS = "/api/auth/jwks"

DEFAULTS: Mapping[str, Any] = {
    "LOG_FORMAT": "text",
    "TRUSTED_PROXIES": 0,
    "TRUST_FORWARDED_PREFIX": False,
    "MAX_CONTENT_LENGTH": 64 * 1024,
    "DATABASE_SYNCHRONOUS": "full",
    # A route without a declaration is refused, so none is open by oversight.
    "AUTH_DENY_BY_DEFAULT": True,
}


def configure(app: Flask, overrides: Mapping[str, Any]) -> list[str]:
    """Fill ``app.config`` and return what is wrong with the service's own settings, one sentence each."""
    # apispec writes into the options it is given.
    app.config.from_mapping(DEFAULTS, **deepcopy(OPENAPI_SETTINGS))
    app.config.from_mapping({name: os.environ[name] for name in ENVIRONMENT if os.environ.get(name)})
    app.config.from_prefixed_env()
    app.config.update(overrides)
    _set_default(app.config, "GUNICORN_THREADS", _threads())
    # One for each thread, so that none waits for a connection. The checks below report what is no number.
    threads = app.config["GUNICORN_THREADS"]
    _set_default(app.config, "DATABASE_POOL_SIZE", threads if isinstance(threads, int) else POOL_SIZE)
    _set_default(app.config, "AUTH_DENY_BY_DEFAULT", DEFAULTS["AUTH_DENY_BY_DEFAULT"])
    return [*_derive_auth_settings(app.config), *_derive_database_url(app), *_problems(app.config)]


def _set_default(config: dict[str, Any], name: str, value: object) -> None:
    """Set a value that is not set; None counts as not set, as in the library."""
    if config.get(name) is None:
        config[name] = value


def _threads() -> int | str:
    """Return how many threads gunicorn gives a process, or the text of the variable if it is no number."""
    text = os.environ.get("GUNICORN_THREADS") or str(POOL_SIZE)
    # Python refuses numbers of thousands of digits.
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text


def _derive_auth_settings(config: dict[str, Any]) -> Iterator[str]:
    """Translate the two Better Auth variables into settings of the library that are not set otherwise."""
    secret, url = config.get("BETTER_AUTH_SECRET"), config.get("BETTER_AUTH_URL")
    if (secret or url) and config.get("AUTH_ISSUERS"):
        yield "AUTH_ISSUERS is set, so BETTER_AUTH_URL and BETTER_AUTH_SECRET have to go: make them one of its entries."
        return
    if secret:
        yield from _use_secret(config, secret)
    if url:
        yield from _use_url(config, url)


def _use_secret(config: dict[str, Any], secret: object) -> Iterator[str]:
    if not isinstance(secret, str):
        yield "BETTER_AUTH_SECRET must be text."
        return
    if not any(config.get(name) for name in KEY_SOURCES):
        _set_default(config, "AUTH_ALGORITHMS", ["HS256"])
    parts = _split_secrets(secret)
    _set_default(config, "AUTH_SECRET", parts)
    if len(parts) > 1 and any(0 < len(part.encode(errors="replace")) < MIN_SECRET_BYTES for part in parts):
        yield (
            f"BETTER_AUTH_SECRET is split at its commas into {len(parts)} secrets. If a comma belongs to one, give "
            "it in JSON instead: FLASK_AUTH_SECRET='[\"secret\"]'"
        )
    if config.get("AUTH_IDENTITY_CLAIM") == "email" and not config.get("BETTER_AUTH_URL"):
        yield (
            "AUTH_IDENTITY_CLAIM is email, and links in mails of Better Auth are tokens with an email under the same "
            "secret: set BETTER_AUTH_URL as well, so that issuer and audience are checked."
        )


def _use_url(config: dict[str, Any], url: object) -> Iterator[str]:
    origin = parse_origin(url, http_hosts(config))
    if origin is None:
        yield (
            "BETTER_AUTH_URL must be the origin of the Better Auth server and nothing more, such as "
            "https://auth.example.com: no path, no query, no user; plain http only on loopback, and in development "
            "to the hosts in AUTH_INSECURE_HTTP_HOSTS."
        )
        return
    for name in BOUND_BY_URL:
        _set_default(config, name, origin)
    _set_default(config, "AUTH_PROFILE", "better-auth")
    if not any(config.get(name) for name in KEY_SOURCES):
        config["AUTH_JWKS_URL"] = origin + BETTER_AUTH_JWKS


def _split_secrets(secret: str) -> list[str]:
    """Return the secrets between the commas. Space around the whole stays: the library refuses it."""
    return re.split(" *, *", secret)


def in_our_names(sentence: str, config: Mapping[str, Any]) -> str:
    """Return a sentence about settings of the library with the service's variables in their place.

    If the operator has set the library's own setting, its name stays: another name would mislead them. A sentence about
    a variable that is there and not read stays too.
    """
    if " in the environment, but " in sentence:
        return sentence
    secret, origin = config.get("BETTER_AUTH_SECRET"), parse_origin(config.get("BETTER_AUTH_URL"), http_hosts(config))
    translated: dict[str, object] = {
        "AUTH_SECRET": _split_secrets(secret) if isinstance(secret, str) else None,
        "AUTH_JWKS_URL": None if origin is None else origin + BETTER_AUTH_JWKS,
    }
    names = {name: ours for name, ours in OUR_NAMES.items() if not config.get(name) or config[name] == translated[name]}
    if secret and "AUTH_SECRET" in names and not any(map(config.get, BOUND_BY_URL)):
        names |= dict.fromkeys(BOUND_BY_URL, "BETTER_AUTH_URL")
    for name, ours in names.items():
        sentence = re.sub(rf"\b(FLASK_)?{name}\b", ours, sentence)
    return sentence


def _derive_database_url(app: Flask) -> Iterator[str]:
    """Fall back to a SQLite file in the instance folder, which other users of the machine cannot enter."""
    if app.config.get("DATABASE_URL"):
        return
    folder = Path(app.instance_path)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        yield f"The folder {folder} for the default database cannot be made ({error.strerror}): set DATABASE_URL."
    app.config["DATABASE_URL"] = f"sqlite:///{folder / 'tasks.sqlite3'}"


def _problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield one sentence for each of the service's own settings that cannot be used."""
    for name, check, sentence in CHECKS:
        if not check(config[name]):
            yield f"{name} {sentence}"
    yield from database_settings.problems(config["DATABASE_URL"])
    yield from rate_limits.problems(config)
    yield from login.problems(config)


def _is_whole_number(minimum: int) -> Callable[[object], bool]:
    """Return a check for an integer of at least ``minimum``; True and False are not accepted."""
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= minimum


#: Setting, check, and the sentence for the operator if the check fails.
CHECKS: tuple[tuple[str, Callable[[object], bool], str], ...] = (
    ("LOG_FORMAT", lambda value: value in LOG_FORMATS, 'must be "text" or "json" (FLASK_LOG_FORMAT).'),
    (
        "TRUSTED_PROXIES",
        _is_whole_number(0),
        "must be the number of proxies in front of the service, 0 for none (FLASK_TRUSTED_PROXIES).",
    ),
    (
        "TRUST_FORWARDED_PREFIX",
        lambda value: isinstance(value, bool),
        "must be true where the proxies in front set X-Forwarded-Prefix, else false (FLASK_TRUST_FORWARDED_PREFIX).",
    ),
    (
        "MAX_CONTENT_LENGTH",
        _is_whole_number(1),
        "must be a whole number of bytes above 0 (FLASK_MAX_CONTENT_LENGTH).",
    ),
    (
        "GUNICORN_THREADS",
        _is_whole_number(1),
        "must be a whole number of threads above 0.",
    ),
    (
        "DATABASE_POOL_SIZE",
        _is_whole_number(1),
        "must be a whole number of connections above 0 (FLASK_DATABASE_POOL_SIZE).",
    ),
    (
        "DATABASE_SYNCHRONOUS",
        lambda value: value in SYNCHRONOUS,
        'must be "full" or "normal" (FLASK_DATABASE_SYNCHRONOUS).',
    ),
)
