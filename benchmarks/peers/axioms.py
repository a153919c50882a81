"""axioms-flask with its background key fetching, which is what its documentation has for production.

It takes keys from a JWKS only. A server on loopback hands the set out once; the library keeps it for two hours.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from axioms_flask import (
    has_valid_access_token,
    init_axioms,
    register_axioms_error_handler,
    shutdown_axioms,
)
from flask import Flask, abort, g
from jwcrypto.jwk import JWK

from benchmarks.peers import ANSWER, AUDIENCE, ISSUER, KEY_ID, ROUTE

NAME = "axioms-flask"
#: It refuses shared secrets on principle, and has no EdDSA.
ALGORITHMS = ("RS256", "ES256")


def make_app(algorithm: str, key: str) -> Flask:
    """Return an app with ``has_valid_access_token`` on its view."""
    app = Flask("axioms")
    app.config.update(AXIOMS_AUDIENCE=AUDIENCE, AXIOMS_ISS_URL=ISSUER)
    jwk = JWK.from_pem(key.encode()).export_public(as_dict=True)
    # Keys are fetched by one thread for the whole process, so the one for the app before this is ended.
    shutdown_axioms()
    with _served({"keys": [jwk | {"kid": KEY_ID, "alg": algorithm, "use": "sig"}]}) as url:
        app.config["AXIOMS_JWKS_URL"] = url
        init_axioms(app)
    register_axioms_error_handler(app)

    @app.get(ROUTE)
    @has_valid_access_token
    def tasks(user_id: str) -> dict[str, Any]:
        if g.auth_jwt.sub != user_id:
            abort(403)
        return ANSWER

    return app


@contextmanager
def _served(document: dict[str, Any]) -> Iterator[str]:
    """Serve a JSON document on loopback, and say where."""
    body = json.dumps(document).encode()

    class Document(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Document) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/jwks"
        finally:
            server.shutdown()
            thread.join()
