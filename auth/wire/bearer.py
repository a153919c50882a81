"""RFC 6750 §2.1: the bearer token out of the ``Authorization`` header field."""

from __future__ import annotations

import re
import string

from ..errors import MalformedHeaderError, MalformedRequestError, MissingTokenError
from .credentials import Credentials
from .slips import why_not_after_scheme, why_not_one_token

#: The scheme in lower case, and as nearly everybody sends it.
_SCHEME, _USUAL_SCHEME = "bearer", "Bearer "

#: What a ``b64token`` of RFC 6750 §2.1 (``token68`` of RFC 9110 §11.2) is made of, up to its padding.
_B64TOKEN_CHARACTERS = f"{string.ascii_letters}{string.digits}-._~+/".encode()

#: A second credential that a server has joined to the first with a comma (RFC 9110 §5.3): a scheme and what follows it,
#: or a Bearer that nothing follows.
_JOINED_CREDENTIAL = re.compile(r",\s*(?:[a-z][a-z0-9-]* +[^ ]|bearer\s*(?:,|$))", re.IGNORECASE)


def parse_authorization(header: str | None) -> Credentials:
    """Return the one Bearer token of an ``Authorization`` header; the scheme counts in any case (RFC 9110 §11.1).

    Servers join repeated headers with a comma, so ``header`` is all that the request carries.

    Raises:
        MissingTokenError: there is no header, or it is for another scheme.
        MalformedRequestError: there is more than one credential.
        MalformedHeaderError: ``Bearer`` is not followed by exactly one well-formed value.
    """
    if header is None:
        raise MissingTokenError("no Authorization header")
    if header.startswith(_USUAL_SCHEME) and _is_b64token(token := header[len(_USUAL_SCHEME) :]):
        # The usual way to write it, so nothing below has to look at it.
        return Credentials("bearer", token)
    scheme, _, credentials = header.strip(" \t").partition(" ")
    if _JOINED_CREDENTIAL.search(header):
        raise MalformedRequestError("more than one credential")
    if scheme.lower() != _SCHEME:
        if scheme.lower().startswith(_SCHEME):
            raise MalformedHeaderError(why_not_after_scheme(scheme[len(_SCHEME) :]))
        raise MissingTokenError("no Bearer credentials", MissingTokenError.OTHER_CREDENTIALS)
    token = credentials.strip(" ")
    if not token:
        raise MalformedHeaderError("nothing follows Bearer", MalformedHeaderError.EMPTY)
    if not _is_b64token(token):
        raise MalformedHeaderError(why_not_one_token(token))
    return Credentials("bearer", token)


def _is_b64token(text: str) -> bool:
    """Tell whether a text is one ``b64token``: a character at least, then padding or none."""
    characters = text.rstrip("=").encode(errors="replace")
    return bool(characters) and not characters.translate(None, _B64TOKEN_CHARACTERS)
