"""What clients send, read strictly: JSON that two parsers could read differently is refused (RFC 8259).

This replaces the lenient reading of webargs, which takes a body of another content type for an empty one and ignores
unknown query parameters. The schemas decide what the members mean.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

from flask import Request
from marshmallow import RAISE, Schema
from webargs import missing
from webargs.flaskparser import FlaskParser, abort


class StrictParser(FlaskParser):
    """The parser of webargs, with 415 for another content type and 400 for anything but exactly one JSON text."""

    # A mistyped filter must not list everything. (webargs declares this for instances and reads it from the class.)
    DEFAULT_UNKNOWN_BY_LOCATION: ClassVar[dict[str, str | None]] = {  # type: ignore[misc]
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": RAISE,
    }

    def load_querystring(self, req: Request, schema: Schema) -> dict[str, str]:
        """Return the query. Of a repeated parameter only the first counts: no schema takes a list."""
        return req.args.to_dict()

    def load_json(self, req: Request, schema: Schema) -> Any:
        """Return the body as Python values, or ``missing`` if there is none."""
        body = read_body(req)
        if not body:
            return missing
        if not req.is_json:
            abort(415, message="The body must be sent as application/json.")
        try:
            return parse_json(body)
        except (ValueError, RecursionError) as error:
            abort(400, exc=error, message="The body is not valid JSON.")


def read_body(req: Request) -> bytes:
    """Return the whole body; answer 400 if it cannot be read to its end, and 413 if it is too long."""
    try:
        body = req.get_data(cache=True)
    except OSError as error:
        abort(400, exc=error, message="The body cannot be read.")
    # A chunked body has no stated length: werkzeug stops at the limit in silence, even if more would follow.
    if req.content_length is None and req.max_content_length is not None and len(body) >= req.max_content_length:
        abort(413)
    return body


def parse_json(body: bytes) -> Any:
    """Return the value of a JSON text in UTF-8; raise ``ValueError`` for duplicate members, NaN and the like."""
    return json.loads(body.decode("utf-8"), object_pairs_hook=_unique_members, parse_constant=_refuse_constant)


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object; raise ``ValueError`` if it has a member twice."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member occurs twice")
    return members


def _refuse_constant(name: str) -> Any:
    """Refuse ``NaN`` and ``Infinity``, which Python reads although they are not JSON."""
    raise ValueError(f"{name} is not JSON")
