"""How the commands print: readable on every terminal, and JSON for programs."""

from __future__ import annotations

import json
import sys
from typing import Any

import click


def echo(text: str, *, err: bool = False) -> None:
    """Print one line; what the terminal has no character for is written as an escape."""
    encoding = _encoding(err=err)
    click.echo(text.encode(encoding, "backslashreplace").decode(encoding), err=err)


def echo_json(data: Any) -> None:
    """Print JSON in ASCII, which every program reads alike."""
    click.echo(json.dumps(data, indent=2))


def marks() -> tuple[str, str]:
    """Return a mark for what is right and one for what is wrong, in characters that the output has."""
    try:
        "✓✗".encode(_encoding(err=False))
    except UnicodeEncodeError:
        return "+", "x"
    return "✓", "✗"


def _encoding(*, err: bool) -> str:
    return (sys.stderr if err else sys.stdout).encoding or "utf-8"
