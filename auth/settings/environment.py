"""Finds names in the environment and in ``app.config`` that were meant as settings and are not read.

It looks only at names, never at a value.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from .spelling import closest
from .table import TABLE, Level

#: The settings of an app, as they are called in ``app.config``.
_KEYS = {row.name: row.key for row in TABLE if row.level is not Level.ENTRY}

#: The settings that say where keys come from, and those that bind tokens to this service.
_SOURCES = ("secret", "public_key", "jwks_url", "discovery", "issuers")
_BINDINGS = ("issuer", "audience")

#: Names of Flask-JWT-Extended and of Auth0's guides, and the setting in their place.
_ELSEWHERE = {
    "JWT_SECRET_KEY": "secret",
    "JWT_PUBLIC_KEY": "public_key",
    "JWT_DECODE_ISSUER": "issuer",
    "JWT_DECODE_AUDIENCE": "audience",
    "AUTH0_DOMAIN": "issuer",
    "AUTH0_AUDIENCE": "audience",
}

#: A name such as ``AUTH_SECRET_KEY``: too different from every setting for a misspelling, and yet about keys.
_ABOUT_KEYS = re.compile(r"AUTH_(?:\w+_)?(?:SECRETS?|KEYS?|JWKS?|PEM|DISCOVERY)(?:_\w+)?")


def unread_variables(environment: Iterable[str], settings: Mapping[Any, Any]) -> Iterator[str]:
    """Tell which variables have a name that ``from_prefixed_env`` reads and have not been read."""
    variables = {f"FLASK_{key}" for key in _KEYS.values() if key not in settings}
    if unread := sorted(variables.intersection(environment)):
        yield (
            f"{_listed(unread)} in the environment, but not in app.config: call app.config.from_prefixed_env() before "
            "ResourceServer(app)."
        )


def misnamed_settings(
    environment: Collection[str], settings: Mapping[Any, Any], given: Collection[str], *, has_keys: bool
) -> Iterator[str]:
    """Tell which names may have been meant as a setting that is missed; ``given`` holds the settings that are set.

    ``has_keys`` says that the keys come from elsewhere.
    """
    if "issuers" in given:
        return
    lacks_keys = not has_keys and not set(_SOURCES) & set(given)
    missed = [*(_SOURCES if lacks_keys else ()), *(name for name in _BINDINGS if name not in given)]
    for variable in sorted(environment):
        setting = next((name for name in missed if _means(variable, _KEYS[name])), None)
        if setting is not None:
            yield f"{variable} is in the environment, but app.config.from_prefixed_env() reads FLASK_{_KEYS[setting]}."
        elif (key := _named_by_file(variable, missed)) is not None:
            yield f"{variable} is set, and no setting is read from a file: set FLASK_{key} to what the file holds."
    for name, setting in _ELSEWHERE.items():
        if setting in missed and (name in settings or not {name, f"FLASK_{name}"}.isdisjoint(environment)):
            yield f"{name} is a name of another library; the setting here is {_KEYS[setting]}."
    odd = sorted(name for name in settings if isinstance(name, str) and _is_odd(name)) if lacks_keys else []
    # Flask has read such a variable into app.config as well, and a sentence about it exists already.
    if odd := [name for name in odd if f"FLASK_{name}" not in environment or not _named_by_file(name, missed)]:
        yield f"{_listed(odd)} in app.config, but not a setting of this library."


def _means(variable: str, key: str) -> bool:
    """Tell whether a variable has the name of a setting, in another case, with another prefix or none."""
    return variable != f"FLASK_{key}" and f"_{re.sub('_+', '_', variable.upper())}".endswith(f"_{key}")


def _named_by_file(variable: str, missed: Iterable[str]) -> str | None:
    """Return the key of a missed setting that a variable gives by a file, as is the custom for Docker secrets."""
    keys = (_KEYS[name] for name in missed)
    return next((key for key in keys if f"_{variable.upper()}".endswith(f"_{key}_FILE")), None)


def _is_odd(name: str) -> bool:
    known = {*_KEYS.values()}
    return (
        name not in known and bool(_ABOUT_KEYS.fullmatch(name)) and closest(name.removeprefix("AUTH_"), _KEYS) is None
    )


def _listed(names: list[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last} are" if first else f"{last} is"
