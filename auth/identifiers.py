"""Which texts can name a user or a tenant, in a token as well as in a path, and which can stand in a challenge."""

from __future__ import annotations

import re

#: Characters that no id holds: ASCII control characters, and U+FFFD, which a path has for bytes that are not UTF-8.
_NO_PART_OF_AN_ID = re.compile(r"[\x00-\x1f\x7f\ufffd]")

_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def is_identifier(text: str) -> bool:
    """Tell whether a text can name somebody: it is not blank and holds no ASCII control characters, nor U+FFFD."""
    return bool(text.strip()) and _NO_PART_OF_AN_ID.search(text) is None


def is_scope_token(value: object) -> bool:
    """Tell whether a value is a ``scope-token`` (RFC 6749 §3.3): a text that a challenge can quote among others."""
    return isinstance(value, str) and _SCOPE_TOKEN.fullmatch(value) is not None
