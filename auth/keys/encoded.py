"""Keys and secrets in another form than the one that is meant: what they are, so that a message can say so."""

from __future__ import annotations

import base64

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_public_key

#: What Laravel writes before a secret in base64.
_LARAVEL = b"base64:"


def why_no_pem(text: str) -> str:
    """Return what a text is that has no ``-----BEGIN`` line, as the end of a sentence about a public key."""
    if text.lstrip().startswith(("ssh-", "ecdsa-sha2-")):
        return "is in the form of OpenSSH; convert it with: ssh-keygen -e -m PKCS8 -f FILE"
    decoded = from_base64(text.encode("ascii", "replace"))
    if decoded is not None and b"-----BEGIN" in decoded:
        return "is a PEM text in base64; decode it first, with: base64 -d"
    if decoded is not None and _is_public_key(decoded):
        return (
            "has no -----BEGIN line; put this base64 between the lines -----BEGIN PUBLIC KEY----- and "
            "-----END PUBLIC KEY-----"
        )
    return "is not a PEM public key, which begins with -----BEGIN PUBLIC KEY-----"


def from_base64(text: bytes) -> bytes | None:
    """Return what a text stands for in base64 or base64url, with or without padding; None if it is neither."""
    compact = b"".join(text.removeprefix(_LARAVEL).split()).rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
    try:
        return base64.b64decode(compact + b"=" * (-len(compact) % 4), validate=True)
    except ValueError:
        return None


def _is_public_key(data: bytes) -> bool:
    try:
        load_der_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        return False
    return True
