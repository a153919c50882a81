"""Under which keys revocations are kept. A key is a digest, so a store holds no user id and no part of a token.

Each part of a key stands behind its length and each kind behind its name, so no two entries have the same key.
"""

from __future__ import annotations

import hashlib

#: What all keys begin with, so that a store may hold other things as well.
PREFIX = "resource_server:"


def token_key(issuer: str, token_id: str) -> str:
    """Return the key of a token with an id (``jti``)."""
    return _key("revoked_token", issuer, token_id)


def text_key(encoded: str) -> str:
    """Return the key of a token without an id.

    It is a digest of header and payload alone: a second signature of the same payload is easily made with ECDSA. They
    have one spelling, because the verifier accepts no other.
    """
    return _key("revoked_text", encoded.rpartition(".")[0])


def session_key(issuer: str, session_id: str) -> str:
    """Return the key of a session at an issuer (``sid``)."""
    return _key("revoked_session", issuer, session_id)


def user_key(user_id: str) -> str:
    """Return the key of a user, by the id that the user has in this service."""
    return _key("revoked_user", user_id)


def logout_name(issuer: str, token_id: str) -> str:
    """Return the name of a logout token, without the beginning that all keys have."""
    return _name("logout_token", issuer, token_id)


def _key(kind: str, *parts: str) -> str:
    return PREFIX + _name(kind, *parts)


def _name(kind: str, *parts: str) -> str:
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return f"{kind}:{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()}"
