"""How the settings about the denylist are written. Whether they fit the others is judged elsewhere."""

from __future__ import annotations

from inspect import iscoroutinefunction
from typing import Any

from ..revocation.denylist import MEMORY, Denylist
from ..stores.redis_store import SCHEMES
from .values import Kind, Place, is_clean, text

REFUSE, ACCEPT = "refuse", "accept"

_TAKES = "`memory`, the URL of a Redis, or an object with the methods of `Denylist`"


def _read_denylist(value: Any, place: Place) -> Any:
    if isinstance(value, str):
        # The value is never shown: it may hold a password.
        if is_clean(value, place) and value != MEMORY and not value.startswith(SCHEMES):
            place.refuse(
                "must be memory, or the URL of one Redis that begins with redis:// or rediss://. For Sentinels, name a "
                "proxy that follows the primary, such as HAProxy."
            )
    elif isinstance(value, type) or not isinstance(value, Denylist):
        place.refuse("must be memory, the URL of a Redis, or an object with the methods of Denylist.")
    elif any(map(iscoroutinefunction, (value.remember, value.values, value.add_once))):
        place.refuse("is an object whose methods are coroutines, which nobody awaits. Write them without async.")
    return value


DENYLIST = Kind(_TAKES, _read_denylist)


def _check_failure(value: str, place: Place) -> None:
    if value not in (REFUSE, ACCEPT):
        place.refuse(f"must be {REFUSE} or {ACCEPT}.")


FAILURE = text(_check_failure, f"`{REFUSE}` or `{ACCEPT}`")
