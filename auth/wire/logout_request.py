"""OpenID Connect Back-Channel Logout 1.0 §2.5: the logout token out of the form that an issuer posts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

from ..errors import MalformedRequestError

#: The field of the form.
FIELD = "logout_token"

_FORM = "application/x-www-form-urlencoded"


def parse_logout_request(media_type: str, parameters: Mapping[str, str], body: bytes) -> str:
    """Return the one logout token of a form. Other fields are ignored, as §2.5 demands.

    ``media_type`` is that of the body, in lower case, and ``parameters`` are its parameters.

    Raises:
        MalformedRequestError: the body is no form in UTF-8, or has the field never or more than once.
    """
    _check_media_type(media_type, parameters)
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, errors="strict")
    except ValueError:
        raise MalformedRequestError("the form is not in UTF-8") from None
    return _only_one([value for name, value in fields if name == FIELD])


def pick_logout_token(media_type: str, parameters: Mapping[str, str], tokens: Sequence[str]) -> str:
    """Return the same, of a form that somebody else has parsed; ``tokens`` are the values of its field.

    Raises:
        MalformedRequestError: the body was no form in UTF-8, or has the field never or more than once.
    """
    _check_media_type(media_type, parameters)
    return _only_one(tokens)


def _check_media_type(media_type: str, parameters: Mapping[str, str]) -> None:
    if media_type != _FORM:
        raise MalformedRequestError(f"the body is not {_FORM}")
    charset = parameters.get("charset")
    if charset is not None and charset.lower() != "utf-8":
        raise MalformedRequestError("the form is not in UTF-8")


def _only_one(tokens: Sequence[str]) -> str:
    if len(tokens) != 1:
        raise MalformedRequestError(f"{FIELD} is there {len(tokens)} times; it must be there once")
    return tokens[0]
