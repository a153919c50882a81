"""What is wrong with a malformed ``Authorization`` field, in a fixed sentence for the log.

Clients make these mistakes again and again. The content of the field is never shown: it may hold a good token.
"""

from __future__ import annotations

import re

#: What follows ``Bearer`` without a space, and the reason. The first that fits counts.
_GLUED = (
    (re.compile(r"%20|\+"), "an encoded space follows Bearer"),
    (re.compile(":"), "a colon follows Bearer"),
    (re.compile("="), "an equals sign follows Bearer"),
)

#: What clients send instead of the token, and the reason. The first that fits counts.
_IN_PLACE_OF_TOKEN = (
    (re.compile(r"bearer\b", re.IGNORECASE), "Bearer stands twice"),
    (re.compile(r"b['\"]"), "bytes of Python stand in place of the token, with b and quotation marks"),
    (re.compile("['\"`\u2018\u2019\u201c\u201d]"), "quotation marks stand around the token"),
    (re.compile("<"), "angle brackets stand around the token"),
    (re.compile(r"\{\{|\$|%[^%\s]+%$"), "the name of a variable stands in place of the token"),
    (re.compile(r"\{"), "curly braces stand around the token, as in JSON or around a variable"),
    (re.compile(r"\[object "), "an object of JavaScript stands in place of the token"),
    (re.compile(r"\["), "square brackets stand around the token"),
    (re.compile(r"[a-z_-]+[=:]\s*[^=\s]", re.IGNORECASE), "a name stands in front of the token"),
    (re.compile(r"\S*%"), "the token is percent-encoded"),
    (re.compile(r"[^\s,;]+[,;]$"), "a comma or semicolon stands behind the token"),
    (re.compile(r"\S*\s"), "white space stands inside the token"),
)


def why_not_after_scheme(glued: str) -> str:
    """Return what is wrong with what follows the letters of ``Bearer`` without a space."""
    return _first(_GLUED, glued) or "something other than a space follows Bearer"


def why_not_one_token(text: str) -> str:
    """Return what is wrong with a text after ``Bearer`` that is no ``b64token`` (RFC 6750 §2.1)."""
    return _first(_IN_PLACE_OF_TOKEN, text) or "a character that no token has follows Bearer"


def _first(slips: tuple[tuple[re.Pattern[str], str], ...], text: str) -> str | None:
    return next((reason for beginning, reason in slips if beginning.match(text)), None)
