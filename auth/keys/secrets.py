"""What gives a shared secret away as one that others know: values from documentation, templates and patterns."""

from __future__ import annotations

import re

#: Secrets that tools and tutorials print, lower-case.
_PUBLISHED = frozenset(
    {
        "a-string-secret-at-least-256-bits-long",
        "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
        "better-auth-secret-123456789",
        "better-auth-secret-12345678901234567890",
    }
)

#: Words that stand in templates where a secret belongs; any run of other signs counts as one hyphen.
_TEMPLATE_WORDS = re.compile(
    r"change-?me|change-?this|changeit|replace-?(?:me|with|this)|\byour-|example|placeholder|generate-(?:a|with)"
    r"|insert-|-goes-here|-bit-secret"
)

#: 32 random hexadecimal digits have fewer distinct ones than this once in 10^15 times.
_MIN_DISTINCT_CHARACTERS = 5


def is_published(secret: str | bytes) -> bool:
    """Tell whether a secret comes from an example or a template, or is a mere pattern such as ``aaaa…``."""
    text = secret if isinstance(secret, str) else secret.decode("latin-1")
    words = re.sub(r"[^a-z0-9]+", "-", text.lower())
    return (
        text.lower() in _PUBLISHED
        or _TEMPLATE_WORDS.search(words) is not None
        or len(set(text)) < _MIN_DISTINCT_CHARACTERS
    )
