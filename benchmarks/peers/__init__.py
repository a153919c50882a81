"""Guards on one and the same Flask route, by this library and by others, each set up as its documentation has it.

Every module has a ``NAME``, the ``ALGORITHMS`` it verifies, and ``make_app(algorithm, key)``: an app whose view answers
the owner of the path and refuses everybody else, for access tokens as RFC 9068 describes them. ``key`` is the shared
secret, or the public key in PEM. All check signature, expiry, issuer and audience, and compare the user.
"""

from __future__ import annotations

from typing import Any

#: The issuer, the audience and the key id of the tokens.
ISSUER = "https://login.example"
AUDIENCE = "https://api.example"
KEY_ID = "2026-01"

#: The route, and what its view answers.
ROUTE = "/api/<user_id>/tasks"
ANSWER: dict[str, Any] = {"items": [], "next": None}

EVERY_ALGORITHM = ("HS256", "RS256", "ES256", "EdDSA")
