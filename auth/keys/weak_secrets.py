"""Recognises shared secrets that others know: values of examples, patterns, and public keys."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key

#: Secrets that tools and tutorials print, lower-case.
_PUBLISHED = frozenset(
    {
        "a-string-secret-at-least-256-bits-long",
        "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
        "super-secret-jwt-token-with-at-least-32-characters-long",
        "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
        "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
        "better-auth-secret-123456789",
        "better-auth-secret-12345678901234567890",
        # RFC 7515 appendix A.1 and RFC 7520 §3.5, as they stand in the JWK.
        "aym1sysppbydfgzld3umj1qzkobwvmkoqq-estjqlr_t-1qs0gzh75aktmn3yj0ips4hcguutwjazzr1z9caow",
        "hjtxiz2usn5kbqfbttnwbpdmhkv8fjg-onbc6mxccyg",
    }
)

#: Words that stand in templates where a secret belongs; any run of other signs counts as one hyphen.
_TEMPLATE_WORDS = re.compile(
    r"\bchange-?me|change-?this|changeit|replace-?(?:me|with|this)|\byour-|example|placeholder|generate-(?:a|with)"
    r"|insert-|-goes-here|-bit-secret|insecure|do-not-use|\btodo-|default-secret"
)

#: A text of words, perhaps with a few digits behind it, all in one case. Random text of such length has other signs.
_SENTENCE = re.compile(r"[a-z]+(?:[ _.,'-]+[a-z]+)*[ _.-]?[0-9!?.]{0,4}")

#: What people write beside "secret"; random text holds two such words next to never.
_BESIDE_SECRET = re.compile(r"key|jwt|token|dev|super|auth|prod|test|long|random")

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
        or _repeats(text)
    )


def is_made_of_words(secret: str | bytes) -> bool:
    """Tell whether a person seems to have made a secret up: it can be guessed, and lists hold such secrets."""
    text = secret if isinstance(secret, str) else secret.decode("latin-1")
    lower = text.lower()
    is_sentence = text in (lower, text.upper()) and _SENTENCE.fullmatch(lower) is not None
    return is_sentence or ("secret" in lower and _BESIDE_SECRET.search(lower.replace("secret", " ")) is not None)


def _repeats(text: str) -> bool:
    """Tell whether a text repeats the same characters; the last repetition may be cut short."""
    return any(
        text == (text[:period] * (len(text) // period + 1))[: len(text)] for period in range(1, len(text) // 2 + 1)
    )


def is_key_material(secret: bytes) -> bool:
    """Tell whether a secret is a public or private key, armoured or not: anybody with the public key could sign then.

    Servers print their keys as PEM, as JWK, in OpenSSH's form, and as the bare base64 between the lines of a PEM.
    """
    # Also without stripping: the last byte of DER may look like white space.
    return any(_is_key(form) for form in (secret, secret.strip(), *_decoded(secret)))


def _is_key(text: bytes) -> bool:
    # In OpenSSH's binary form the name of the kind follows its length.
    names = (b"ssh-rsa", b"ssh-ed25519", b"ssh-dss", b"ecdsa-sha2-")
    is_ssh = text.startswith(names) or text[4:].startswith(names)
    return is_ssh or b"-----BEGIN" in text or b'"kty"' in text or _is_der(text)


def _is_der(data: bytes) -> bool:
    """Tell whether bytes are one DER sequence that holds a key; other sequences are no secret of ours to judge."""
    try:
        load_der_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        try:
            load_der_private_key(data, password=None)
        except TypeError:
            # Encrypted: a private key for certain, though it cannot be opened.
            return True
        except (ValueError, UnsupportedAlgorithm):
            return False
    return True


def _decoded(secret: bytes) -> Iterator[bytes]:
    """Yield what a secret would be if it were base64, base64url or hexadecimal, as far as it can be."""
    compact = b"".join(secret.split())
    padding = b"=" * (-len(compact) % 4)
    decodings: tuple[Callable[[], bytes], ...] = (
        # Reads the standard alphabet as well.
        lambda: base64.urlsafe_b64decode(compact + padding),
        lambda: bytes.fromhex(compact.decode("latin-1")),
    )
    for decode in decodings:
        try:
            yield decode()
        except ValueError:
            continue
