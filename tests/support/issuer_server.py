"""A real issuer on loopback that fails on demand: metadata and key set over HTTP, keys that come and go, tokens.

with IssuerServer([key := SigningKey.generate("ES256")]) as issuer:
    issuer.keys = []                  # withdrawn
    issuer.fault = Fault.HANGING      # for every path, or issuer.faults[JWKS] = … for one
    issuer.requests[JWKS]             # how often it was asked for its keys
"""

from __future__ import annotations

import json
import socket
import socketserver
import ssl
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import jwt
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from auth.testing.signing_keys import PrivateKey, generate_key

JWKS = "/jwks"
OPENID_METADATA = "/.well-known/openid-configuration"
OAUTH_METADATA = "/.well-known/oauth-authorization-server"

#: What tokens are for, unless a test says otherwise.
AUDIENCE = "https://api.example"

#: Seconds after which a connection is given up whatever happens, so that no test hangs for good.
_PATIENCE = 30

#: Seconds between two bytes of a dripping answer: any timeout that starts anew with each is never reached.
_DRIP = 0.02


class Fault(Enum):
    """What goes wrong, until it is lifted."""

    #: The answer is held back until the fault is lifted, and is then what it would have been when it was asked for.
    PAUSED = auto()
    #: No answer; the connection is cut when the fault is lifted.
    HANGING = auto()
    DRIPPING_HEADERS = auto()
    DRIPPING_BODY = auto()
    #: The connection is reset instead of an answer.
    RESET = auto()
    SERVER_ERROR = auto()
    NOT_FOUND = auto()
    UNAUTHORIZED = auto()
    FORBIDDEN = auto()
    TOO_MANY_REQUESTS = auto()
    #: To /elsewhere on this server.
    REDIRECT = auto()
    HTML = auto()
    GARBAGE = auto()
    EMPTY = auto()
    #: JSON, but a list.
    NOT_AN_OBJECT = auto()
    #: JSON that is nested deeper than any parser goes.
    DEEP = auto()
    #: A number with more digits than Python converts.
    HUGE_NUMBER = auto()
    #: 50 MB, announced.
    HUGE = auto()
    #: 50 MB that nobody announces.
    HUGE_UNANNOUNCED = auto()
    #: Less than Content-Length says.
    TRUNCATED = auto()
    #: No HTTP at all.
    NOT_HTTP = auto()


_STATUS: dict[Fault | None, int] = {
    Fault.SERVER_ERROR: 500,
    Fault.NOT_FOUND: 404,
    Fault.UNAUTHORIZED: 401,
    Fault.FORBIDDEN: 403,
    Fault.TOO_MANY_REQUESTS: 429,
    Fault.REDIRECT: 302,
}

_BODIES: dict[Fault | None, bytes] = {
    Fault.HTML: b"<!doctype html><title>Log in</title>",
    Fault.GARBAGE: bytes(range(256)),
    Fault.EMPTY: b"",
    Fault.NOT_AN_OBJECT: b"[]",
    Fault.DEEP: b'{"keys":' + b"[" * 100_000,
    Fault.HUGE_NUMBER: b'{"keys":' + b"1" * 10_000 + b"}",
}

_HUGE = 50 * 1024 * 1024


@dataclass(frozen=True)
class SigningKey:
    """A private key of the issuer."""

    private: PrivateKey
    algorithm: str
    key_id: str | None

    @classmethod
    def generate(cls, algorithm: str = "EdDSA", key_id: str | None = "key-1") -> SigningKey:
        """Return a fresh key for ``RS256`` (or another RSA algorithm), ``ES256`` or ``EdDSA`` (Ed25519)."""
        key = generate_key(algorithm)
        assert not isinstance(key, bytes)
        return cls(key, algorithm, key_id)

    def jwk(self, **changes: Any) -> dict[str, Any]:
        """Return the public JWK; a member that is ``...`` is left out."""
        readers: dict[str, Any] = {"EdDSA": OKPAlgorithm, "ES256": ECAlgorithm}
        reader = readers.get(self.algorithm, RSAAlgorithm)
        made: dict[str, Any] = json.loads(reader.to_jwk(self.private.public_key()))
        made.pop("key_ops", None)
        made |= {"use": "sig", "alg": self.algorithm, "kid": ... if self.key_id is None else self.key_id}
        return {name: value for name, value in (made | changes).items() if value is not ...}

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """Return a token with these claims; a member of the header that is None is left out."""
        members = {name: value for name, value in ({"kid": self.key_id} | header).items() if value is not None}
        return jwt.encode(claims, self.private, self.algorithm, headers=members)


class IssuerServer:
    """The issuer; starts with the ``with`` statement, and can be stopped and started in between on the same port."""

    def __init__(
        self,
        keys: Iterable[SigningKey | dict[str, Any]] = (),
        *,
        path: str = "",
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        """``path`` is that of the issuer's URL, such as ``/realms/demo``; ``host`` is a name or address of ours."""
        #: The keys it publishes, as they are or as JWKs of any kind.
        self.keys = list(keys)
        #: What replaces the whole document of a path (bytes are sent as they are), or members of the metadata.
        self.documents: dict[str, object] = {}
        self.metadata: dict[str, Any] = {}
        #: Headers in addition to the usual ones; ``Date`` and ``Content-Type`` replace them.
        self.headers: dict[str, str] = {}
        #: What is sent before every answer, such as interim answers.
        self.interim = b""
        #: Faults of single paths; :attr:`fault` is that of all others.
        self.faults: dict[str, Fault] = {}
        #: How often each path was asked for, and the headers of the last time.
        self.requests: Counter[str] = Counter()
        self.last_headers: dict[str, str] = {}
        #: Failures of the server itself; none are expected.
        self.failures: list[BaseException | None] = []
        self.path = path
        self._tls = tls
        self._fault: Fault | None = None
        self._lifted = threading.Event()
        self._asked = threading.Condition()
        self._server: _Server | None = None
        self.host = host
        self.address = socket.gethostbyname(host)
        with socket.create_server((self.address, 0)) as listener:
            self.port: int = listener.getsockname()[1]

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"{'http' if self._tls is None else 'https'}://{self.host}:{self.port}"

    @property
    def issuer(self) -> str:
        """What stands in ``iss``."""
        return self.origin + self.path

    @property
    def jwks_url(self) -> str:
        """Where the keys are."""
        return self.origin + JWKS

    @property
    def fault(self) -> Fault | None:
        """What is wrong with every path that has no fault of its own. Setting it lifts the one before."""
        return self._fault

    @fault.setter
    def fault(self, fault: Fault | None) -> None:
        self._fault = fault
        self._lift()

    def token(self, key: SigningKey, **claims: Any) -> str:
        """Return an access token of this issuer, valid for 15 minutes; a claim that is ``...`` is left out."""
        now = int(time.time())
        made = {"iss": self.issuer, "aud": AUDIENCE, "sub": "alice", "iat": now, "exp": now + 900} | claims
        return key.sign({name: value for name, value in made.items() if value is not ...})

    def wait_for_requests(self, path: str, count: int) -> None:
        """Return as soon as a path has been asked for so often; fail if it never is."""
        with self._asked:
            if not self._asked.wait_for(lambda: self.requests[path] >= count, _PATIENCE):
                raise AssertionError(f"{path} was asked for {self.requests[path]} times, not {count}")

    def start(self) -> None:
        """Listen."""
        self._lifted = threading.Event()
        self._server = _Server(self)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        """Stop listening and cut every connection."""
        if self._server is not None:
            self._server.shutdown()
            self._lifted.set()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        assert not self.failures, self.failures

    def _lift(self) -> None:
        lifted, self._lifted = self._lifted, threading.Event()
        lifted.set()

    def note(self, path: str, headers: dict[str, str]) -> threading.Event:
        """Count a request; return what tells that the fault it met is lifted."""
        with self._asked:
            self.requests[path] += 1
            self.last_headers = headers
            self._asked.notify_all()
            return self._lifted

    def fault_of(self, path: str) -> Fault | None:
        """Return what is wrong with a path."""
        return self.faults.get(path, self._fault)

    def document(self, path: str) -> object:
        """Return what a path is answered with; None where there is nothing."""
        if path in self.documents:
            return self.documents[path]
        if path == JWKS:
            return {"keys": [key.jwk() if isinstance(key, SigningKey) else key for key in self.keys]}
        if path in (self.path + OPENID_METADATA, OAUTH_METADATA + self.path):
            metadata = {"issuer": self.issuer, "jwks_uri": self.jwks_url} | self.metadata
            return {name: value for name, value in metadata.items() if value is not ...}
        return None


class _Server(ThreadingHTTPServer):
    """One run of the issuer. Its threads are waited for, so that none outlives its test."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, issuer: IssuerServer) -> None:
        self.issuer = issuer
        super().__init__((issuer.address, issuer.port), _Handler)
        if issuer._tls is not None:
            self.socket = issuer._tls.wrap_socket(self.socket, server_side=True)

    def server_bind(self) -> None:
        """Bind without asking the resolver for our own name, as the HTTP server would."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.issuer.host, self.issuer.port

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep what the test shall see, but not that the client has hung up: it may."""
        error = sys.exception()
        if not isinstance(error, OSError):
            self.issuer.failures.append(error)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _PATIENCE

    def do_GET(self) -> None:
        issuer = self.server.issuer
        lifted = issuer.note(self.path, dict(self.headers.items()))
        fault, document = issuer.fault_of(self.path), issuer.document(self.path)
        if fault is Fault.PAUSED:
            lifted.wait(_PATIENCE)
        elif fault is Fault.HANGING:
            lifted.wait(_PATIENCE)
            return
        elif fault is Fault.RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            socket.close(self.connection.detach())
            return
        elif fault is Fault.NOT_HTTP:
            self.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")
            return
        self._answer(fault, document, lifted)

    def _answer(self, fault: Fault | None, document: object, lifted: threading.Event) -> None:
        status = _STATUS.get(fault, 404 if document is None else 200)
        body = _BODIES.get(fault, document if isinstance(document, bytes) else json.dumps(document).encode())
        head = self._head(fault, status, _HUGE if fault is Fault.HUGE else len(body))
        if fault is Fault.DRIPPING_HEADERS:
            self._drip(head, lifted)
        self.wfile.write(self.server.issuer.interim + head)
        if fault in (Fault.HUGE, Fault.HUGE_UNANNOUNCED):
            body = b" " * _HUGE
        if fault is Fault.DRIPPING_BODY:
            self._drip(body, lifted)
        self.wfile.write(body[:-1] if fault is Fault.TRUNCATED else body)

    def _head(self, fault: Fault | None, status: int, length: int) -> bytes:
        headers = {"Date": self.date_time_string(), "Content-Type": "application/json", "Content-Length": str(length)}
        if fault is Fault.HUGE_UNANNOUNCED:
            del headers["Content-Length"]
        if fault is Fault.REDIRECT:
            headers["Location"] = f"{self.server.issuer.origin}/elsewhere"
        headers |= self.server.issuer.headers
        lines = [f"HTTP/1.0 {status} Whatever", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        return "\r\n".join(lines).encode("latin-1")

    def _drip(self, content: bytes, lifted: threading.Event) -> None:
        """Send a byte now and then, for ever: the last ones never come."""
        for byte in content[:-2] * 1000:
            if lifted.wait(_DRIP):
                break
            self.wfile.write(bytes([byte]))

    def log_message(self, *_: object) -> None:
        """Say nothing."""
