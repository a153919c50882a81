"""Authlib's ResourceProtector for Flask with its own validator for JWT access tokens (RFC 9068).

The key set is imported once; the validator gives no choice of algorithms, and those it takes leave EdDSA out.
"""

from __future__ import annotations

from typing import Any

from authlib.integrations.flask_oauth2 import ResourceProtector, current_token
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from flask import Flask, abort
from joserfc.jwk import KeySet, import_key

from benchmarks.peers import ANSWER, AUDIENCE, ISSUER, KEY_ID, ROUTE

NAME = "Authlib"
ALGORITHMS = ("HS256", "RS256", "ES256")

_KEY_TYPES: dict[str, Any] = {"HS256": "oct", "RS256": "RSA", "ES256": "EC"}


class _Validator(JWTBearerTokenValidator):
    """The validator with keys that are at hand."""

    def __init__(self, keys: KeySet) -> None:
        super().__init__(issuer=ISSUER, resource_server=AUDIENCE)
        self._keys = keys

    def get_jwks(self) -> KeySet:
        return self._keys


def make_app(algorithm: str, key: str) -> Flask:
    """Return an app with ``require_oauth`` on its view."""
    app = Flask("authlib")
    parameters: Any = {"kid": KEY_ID, "alg": algorithm, "use": "sig"}
    require_oauth = ResourceProtector()
    require_oauth.register_token_validator(
        _Validator(KeySet([import_key(key, _KEY_TYPES[algorithm], parameters)])),
    )

    @app.get(ROUTE)
    @require_oauth()
    def tasks(user_id: str) -> dict[str, Any]:
        if current_token["sub"] != user_id:
            abort(403)
        return ANSWER

    return app
