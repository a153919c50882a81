"""What an inspection finds, in words: values of a token, points in time, and the keys of an issuer.

A token may hold anything. What is shown here has no character that a terminal would act on.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from ..callers import actor_of
from ..errors import MalformedTokenError
from ..keys.source import KeySource
from ..numeric_date import EARLIEST, LATEST
from ..step_up import LoginShape
from .issuer import TrustedIssuer

#: Units of time, the longest first, in seconds.
_UNITS = {"day": 86_400, "hour": 3600, "minute": 60, "second": 1}


def shown(value: object) -> str:
    """Return a value as JSON on one line, every character that cannot be seen written as an escape."""
    return printable("nothing" if value is None else json.dumps(value, ensure_ascii=False))


def printable(text: str) -> str:
    """Return a text with an escape in place of each character that cannot be seen."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def names_in_words(names: Iterable[str]) -> str:
    """Return names in the order of the alphabet, or ``none``."""
    return printable(", ".join(sorted(names))) or "none"


def caller_in_words(claims: Mapping[str, Any], issuer: TrustedIssuer) -> str:
    """Return in words whose token it is, which client got it and who is its actor."""
    shape, actor = issuer.profile.client, actor_of(claims)
    client = shape.client_id(claims)
    whose = "a client's own token" if shape.is_own(claims) else "a user's token"
    named = "no client is named" if client is None else f"the client is {shown(client)}"
    acting = "" if actor is None else f"; the actor is {shown(actor.subject)}"
    return f"{whose}; {named}{acting}"


def login_in_words(claims: Mapping[str, Any], shape: LoginShape, now: float) -> str:
    """Return in words how and when the user logged in; empty if the token says neither."""
    try:
        held, since = shape.acr(claims), shape.auth_time(claims)
    except MalformedTokenError as error:
        return f"{error.reason}, so a view that asks for it answers 401 malformed_token"
    how = f"{shape.acr_claim} is {printable(', '.join(held))}" if held else ""
    when = "" if since is None else f"{shape.auth_time_claim} is {moment(since, now)}"
    return "; ".join(filter(None, (how, when)))


def moment(seconds: float, now: float) -> str:
    """Return a point in time as a date in UTC, with how long ago it was or will be."""
    if not EARLIEST <= seconds <= LATEST:
        return "outside of the calendar"
    date = datetime.fromtimestamp(math.floor(seconds), UTC)
    return f"{date:%Y-%m-%d %H:%M:%S} UTC ({_distance(seconds - now)})"


def _distance(seconds: float) -> str:
    length = abs(seconds)
    unit = next((unit for unit, size in _UNITS.items() if length >= size), None)
    if unit is None:
        return "now"
    count = int(length // _UNITS[unit])
    span = f"{count} {unit}{'s' if count > 1 else ''}"
    return f"in {span}" if seconds > 0 else f"{span} ago"


def end_in_words(ends: float, now: float) -> str:
    """Return in words until when a token is valid, the leeway included."""
    if ends == math.inf:
        return "the token never expires"
    return f"valid until {moment(ends, now)}, the leeway included"


def times_in_words(claims: Mapping[str, Any], issuer: TrustedIssuer, now: float) -> str:
    """Return in words what the times of a token say, and which difference is forgiven."""
    times = (f"{name} is {moment(claims[name], now)}" for name in ("iat", "nbf", "exp") if name in claims)
    oldest = [] if issuer.max_token_age is None else [f"the greatest age is {issuer.max_token_age:g} s"]
    return "; ".join([*times, f"the leeway is {issuer.leeway:g} s", *oldest])


def keys_in_words(source: KeySource, header: Mapping[str, Any]) -> str:
    """Return in words which key a token asks for and which ids the keys of its issuer have."""
    asked = f"kid is {shown(header.get('kid'))}"
    ring = source.peek()
    if ring is None:
        return asked
    ids = [key.key_id for key in ring.keys if key.key_id is not None]
    return f"{asked}; the keys of the issuer have {f'the ids {names_in_words(ids)}' if ids else 'no ids'}"
