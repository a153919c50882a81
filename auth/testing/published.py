"""An issuer that publishes its keys over HTTP on this machine, as a real one does: metadata and a key set."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from ..keys.algorithms import IMPLEMENTATIONS
from .issuer import TokenIssuer

_HOST = "127.0.0.1"
#: OpenID Connect Discovery §4 and RFC 8414 §3.
_METADATA = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")
_JWKS = "/jwks"


class PublishedIssuer(TokenIssuer):
    """A :class:`TokenIssuer` that an app fetches keys from, while a ``with`` statement runs.

    >>> with PublishedIssuer.generate("ES256", audience="https://api.example") as issuer:
    ...     app = create_app(issuer.settings)

    It is for tests of what happens over the network, and for development. Its name is its address unless another is
    given.
    """

    def __init__(self, *arguments: Any, port: int = 0, **settings: Any) -> None:
        """Take the arguments of :class:`TokenIssuer` and the port to listen at; 0 takes a free one.

        Raises:
            TypeError: the key is a shared secret.
        """
        super().__init__(*arguments, **settings)
        if isinstance(self._key, bytes):
            raise TypeError("A shared secret is never published: use a private key, such as one for ES256.")
        # The class of an algorithm knows how its keys are written.
        key: dict[str, Any] = IMPLEMENTATIONS[self.algorithm].to_jwk(self._key.public_key(), as_dict=True)
        key.pop("key_ops", None)
        self._key_id = "local"
        self._jwk = key | {"use": "sig", "alg": self.algorithm, "kid": self._key_id}
        self._port = port
        self._is_named = self.issuer is not None

    @property
    def jwks_url(self) -> str:
        """The address of the keys, for ``AUTH_JWKS_URL``."""
        return f"http://{_HOST}:{self._server.server_port}{_JWKS}"

    @property
    def settings(self) -> dict[str, Any]:
        """The settings by which an app fetches the keys, through the metadata if the issuer has no name of its own."""
        keys = {"AUTH_JWKS_URL": self.jwks_url} if self._is_named else {"AUTH_DISCOVERY": True}
        return super().settings | {"AUTH_PUBLIC_KEY": None} | keys

    def document(self, path: str) -> dict[str, Any] | None:
        """Return what a path is answered with; None if there is nothing."""
        if path == _JWKS:
            return {"keys": [self._jwk | ({"issuer": self.issuer} if self._profile.keys_name_issuer else {})]}
        return {"issuer": self.issuer, "jwks_uri": self.jwks_url} if path in _METADATA else None

    def __enter__(self) -> Self:
        self._server = _Server(self, self._port)
        if not self._is_named:
            self.issuer: str | None = f"http://{_HOST}:{self._server.server_port}{self._profile.issuer_ends_with}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    def __init__(self, issuer: PublishedIssuer, port: int) -> None:
        self.issuer = issuer
        super().__init__((_HOST, port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        document = self.server.issuer.document(self.path)
        body = json.dumps(document).encode()
        self.send_response(404 if document is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: a test prints what it has to say."""
