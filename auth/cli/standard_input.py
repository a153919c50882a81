"""Reads what is sent to a command: a token that is to stay out of the history of the shell."""

from __future__ import annotations

import re
import sys

#: What people copy together with a token.
_AROUND = re.compile(r"^(?:authorization:\s*)?(?:bearer(?:\s+|$))?", re.IGNORECASE)


def token_in(text: str) -> str:
    """Return the token in an argument, or in the standard input if that is ``-``, without what was copied with it."""
    return _AROUND.sub("", (_read_input() if text == "-" else text).strip())


def _read_input() -> str:
    """Return the standard input; bytes that are no UTF-8 become U+FFFD."""
    # There is no standard input at all if it was closed.
    return sys.stdin.buffer.read().decode(errors="replace") if sys.stdin else ""
