"""The id by which the log lines of one request are found: made here, or taken from a proxy if a setting says so."""

from __future__ import annotations

import os
import random
import re
from collections.abc import MutableMapping
from typing import Any

_REQUEST_ID = "resource_server.request_id"

#: What ids are made of, by process. They tell requests apart and are no secret, and to ask the system for random bytes
#: each time would let every other thread go first. Nobody else seeds it.
_NUMBERS: dict[int, random.Random] = {}

#: What an id from outside may look like; anything else is replaced by one of ours, for it stands in log lines.
_ACCEPTABLE = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}", re.ASCII)


def request_id(environ: MutableMapping[str, Any], header: str | None = None) -> str:
    """Return the id of a request, the same at each call.

    Args:
        environ: the WSGI environment, in which the id is kept.
        header: the name of a request header whose value is taken over if it is 1 to 128 letters, digits or
            ``._:/+=@-``; without one, or without such a value, the id is 16 hexadecimal digits of our own.
    """
    known: str | None = environ.get(_REQUEST_ID)
    if known is None:
        known = environ[_REQUEST_ID] = _given(environ, header) or _made()
    return known


def _given(environ: MutableMapping[str, Any], header: str | None) -> str | None:
    if header is None:
        return None
    value = environ.get(f"HTTP_{header.upper().replace('-', '_')}", "")
    return value if _ACCEPTABLE.fullmatch(value) else None


def _made() -> str:
    process = os.getpid()
    numbers = _NUMBERS.get(process) or _NUMBERS.setdefault(process, random.Random())  # noqa: S311 - an id is no secret
    return f"{numbers.getrandbits(64):016x}"
