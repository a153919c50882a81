"""Reads what is sent to a command: a token that is to stay out of the history of the shell."""

from __future__ import annotations

import sys


def read_input() -> str:
    """Return the standard input; bytes that are no UTF-8 become U+FFFD."""
    # There is no standard input at all if it was closed.
    return sys.stdin.buffer.read().decode(errors="replace") if sys.stdin else ""
