"""How the kinds of login of an issuer are written, in their order. Whether the views fit is judged elsewhere."""

from __future__ import annotations

from typing import Any

from ..identifiers import is_scope_token
from .values import AS_LIST, Kind, Place, texts


def _check_values(names: tuple[str, ...], place: Place) -> None:
    if not all(map(is_scope_token, names)):
        place.refuse("must hold acr values: printable ASCII without spaces, quotes and backslashes.", AS_LIST)
    elif len(set(names)) < len(names):
        place.refuse("holds one acr value twice, so it does not say how strong it is.")


_VALUES = texts(_check_values)


def _read_values(value: Any, place: Place) -> Any:
    if isinstance(value, set | frozenset):
        place.refuse("must be a list: a set has no order, and the order says which login is stronger.", AS_LIST)
        return ()
    return _VALUES.read(value, place)


ACR_VALUES = Kind("a list of texts, from the weakest to the strongest", _read_values)
