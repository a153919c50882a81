"""The value of an ``Authorization`` field: exactly one Bearer token comes out of it, or an error of the table.

``TOKEN`` in an input stands for a genuine token, so that changes meet what is around it.

- Only the documented errors are raised, and what answers them can be printed into a header.
- A token is taken only if the field is ``Bearer``, spaces, and one ``b64token`` (RFC 6750 §2.1), and then as it stands.
- Two credentials are a bad request (RFC 6750 §3.1), and never one of them.
- The token that was taken is read again when it is sent as everybody sends it.
- The short way of :meth:`Authenticator.authenticate_field` decides as the long one does.
- Nothing but a genuine token is accepted.
"""

from __future__ import annotations

import re

from auth.access_token import AccessToken
from auth.errors import AuthError, MalformedHeaderError, MalformedRequestError, MissingTokenError
from auth.wire.bearer import parse_authorization
from auth.wire.challenges import body_for, headers_for
from fuzz.target import Target
from fuzz.trusted import GENUINE, authenticator, configured, is_same, outcome

_AUTHENTICATOR = authenticator(configured(), remembered=8)

#: The grammar once more, written in another way.
_FIELD = re.compile(r"[ \t]*bearer +([-A-Za-z0-9._~+/]+=*)[ \t]*", re.IGNORECASE | re.ASCII)

#: Two credentials in one field, without anything odd.
_TWO_CREDENTIALS = re.compile(r"Bearer [\w.]+, *(?:Bearer|Basic|DPoP) [\w.]+", re.ASCII)


def check(data: bytes) -> None:
    """Demand what is said above of one field, whose bytes servers hand on as Latin-1 (PEP 3333)."""
    field = data.decode("latin-1").replace("TOKEN", GENUINE[0])
    allowed = _FIELD.fullmatch(field)
    try:
        credentials = parse_authorization(field)
    except (MissingTokenError, MalformedRequestError, MalformedHeaderError) as error:
        assert allowed is None
        _check_answer(field, error)
    else:
        assert allowed is not None
        assert credentials.token == allowed[1]
        assert parse_authorization(f"Bearer {credentials.token}") == credentials
    short = outcome(lambda: _AUTHENTICATOR.authenticate_field(field)[0])
    long = outcome(lambda: _AUTHENTICATOR.verify(parse_authorization(field).token))
    assert is_same(short, long)
    assert not isinstance(short, AccessToken) or (allowed is not None and allowed[1] == GENUINE[0])


def _check_answer(field: str, error: AuthError) -> None:
    assert isinstance(error, MalformedRequestError) or not _TWO_CREDENTIALS.fullmatch(field)
    # Reasons are logged: nothing of the field may stand there.
    assert error.reason.isascii()
    assert error.reason.isprintable()
    assert all(text.isascii() and text.isprintable() for pair in headers_for(error, "api") for text in pair)
    assert body_for(error)["error"] == error.code


def _seeds() -> list[bytes]:
    fields = ("Bearer {}", "bearer  {} ", "\tBEARER {}", "Bearer {}, Bearer {}", "Basic YTpi, Bearer {}", "Bearer {}=")
    return [field.format(token, token).encode() for field in fields for token in ("a.b.c", "TOKEN")]


TARGET = Target(
    check, _seeds, words=("Bearer ", "bearer", "Basic ", "DPoP ", ", ", "==", "\t", "TOKEN"), max_length=256
)
