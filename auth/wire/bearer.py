"""RFC 6750 both ways: the token out of the ``Authorization`` header, the challenge into the answer.

Knows header values as text and nothing of Flask, of keys or of claims.
"""

from __future__ import annotations

import re
import string

from ..errors import AuthError, MalformedHeaderError, MalformedRequestError, MissingTokenError

#: What a ``b64token`` of RFC 6750 §2.1 (``token68`` of RFC 9110 §11.2) is made of, up to its padding.
_B64TOKEN_CHARACTERS = f"{string.ascii_letters}{string.digits}-._~+/".encode()

#: A second credential that a server has joined to the first with a comma (RFC 9110 §5.3): a scheme and what follows it,
#: or a Bearer that nothing follows.
_JOINED_CREDENTIAL = re.compile(r",\s*(?:[a-z][a-z0-9-]* +[^ ]|bearer\s*(?:,|$))", re.IGNORECASE)


def parse_authorization(header: str | None) -> str:
    """Return the one Bearer token of an ``Authorization`` header; the scheme counts in any case (RFC 9110 §11.1).

    Servers join repeated headers with a comma, so ``header`` is all that the request carries.

    Raises:
        MissingTokenError: there is no header, or it is for another scheme.
        MalformedRequestError: there is more than one credential.
        MalformedHeaderError: ``Bearer`` is not followed by exactly one well-formed value.
    """
    if header is None:
        raise MissingTokenError("no Authorization header")
    if header.startswith("Bearer ") and _is_b64token(header[7:]):
        # As nearly everybody sends it; nothing below could find fault with it.
        return header[7:]
    scheme, _, credentials = header.strip(" \t").partition(" ")
    if _JOINED_CREDENTIAL.search(header):
        raise MalformedRequestError("more than one credential")
    if scheme.lower() != "bearer":
        if scheme.lower().startswith("bearer"):
            raise MalformedHeaderError("something other than a space follows Bearer")
        raise MissingTokenError("no Bearer credentials")
    token = credentials.strip(" ")
    if not _is_b64token(token):
        raise MalformedHeaderError("Bearer without one well-formed value")
    return token


def _is_b64token(text: str) -> bool:
    """Tell whether a text is one ``b64token``: a character at least, then padding or none."""
    characters = text.rstrip("=").encode("ascii", "replace")
    return bool(characters) and not characters.translate(None, _B64TOKEN_CHARACTERS)


def challenge_for(error: AuthError, realm: str) -> str | None:
    """Return the value of ``WWW-Authenticate`` for an error, every attribute quoted; None where there is none.

    One challenge with ``realm`` and, as RFC 6750 §3 has it, ``error`` and ``scope`` where they apply.
    """
    if not error.challenges:
        return None
    attributes = [f'realm="{realm}"']
    if error.challenge_error is not None:
        attributes.append(f'error="{error.challenge_error}"')
    if error.scope:
        attributes.append(f'scope="{" ".join(error.scope)}"')
    return f"Bearer {', '.join(attributes)}"


def headers_for(error: AuthError, realm: str) -> dict[str, str]:
    """Return the headers that an answer to ``error`` must carry."""
    headers = {"Cache-Control": "no-store", "Vary": "Authorization"}
    challenge = challenge_for(error, realm)
    if challenge is not None:
        headers["WWW-Authenticate"] = challenge
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return headers


def body_for(error: AuthError) -> dict[str, str | int]:
    """Return the JSON body that answers ``error``: ``code``, ``status``, ``message`` and ``error``."""
    return {
        "code": error.status.value,
        "status": error.status.phrase,
        "message": error.message,
        "error": error.code.value,
    }
