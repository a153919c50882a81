"""Which texts can name a user or a tenant, in a token as well as in a path."""

from __future__ import annotations

import re

#: Characters that no id holds: ASCII control characters, and U+FFFD, which a path has for bytes that are not UTF-8.
_NO_PART_OF_AN_ID = re.compile(r"[\x00-\x1f\x7f\ufffd]")


def is_identifier(text: str) -> bool:
    """Tell whether a text can name somebody: it is not blank and holds no ASCII control characters, nor U+FFFD."""
    return bool(text.strip()) and _NO_PART_OF_AN_ID.search(text) is None
