"""OpenID Connect Back-Channel Logout 1.0 §2.5: the logout token out of the form that an issuer posts."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from ..errors import MalformedRequestError

#: The field of the form.
_FIELD = "logout_token"

_FORM = "application/x-www-form-urlencoded"


def parse_logout_request(media_type: str, parameters: Mapping[str, str], body: bytes) -> str:
    """Return the one logout token of a form. Other fields are ignored, as §2.5 demands.

    ``media_type`` is that of the body, in lower case, and ``parameters`` are its parameters.

    Raises:
        MalformedRequestError: the body is no form in UTF-8, or has the field never or more than once.
    """
    if media_type != _FORM:
        raise MalformedRequestError(f"the body is not {_FORM}")
    charset = parameters.get("charset")
    if charset is not None and charset.lower() != "utf-8":
        raise MalformedRequestError("the form is not in UTF-8")
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, errors="strict")
    except ValueError:
        raise MalformedRequestError("the form is not in UTF-8") from None
    tokens = [value for name, value in fields if name == _FIELD]
    if len(tokens) != 1:
        raise MalformedRequestError(f"{_FIELD} is there {len(tokens)} times; it must be there once")
    return tokens[0]
