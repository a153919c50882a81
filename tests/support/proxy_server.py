"""A proxy on loopback that is asked for one tunnel, and answers what the test wants or plays the issuer itself."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from typing import Self

#: Seconds after which a connection is given up whatever happens.
_PATIENCE = 10

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class ProxyServer:
    """The proxy, for one connection; it runs in a ``with`` statement.

    It sends ``answer`` to the request, resets the connection if that is None, and says nothing if it is empty. With
    ``tls`` it is the issuer after that, with an empty key set.
    """

    def __init__(self, answer: bytes | None = ESTABLISHED, tls: ssl.SSLContext | None = None) -> None:
        self.answer = answer
        #: The request as it came.
        self.asked = b""
        self._tls = tls
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        #: Host and port.
        self.place = f"127.0.0.1:{self._listener.getsockname()[1]}"
        #: As a log may show it.
        self.name = f"http://{self.place}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        # Ends a wait for a connection that never came.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(_PATIENCE)
        self._listener.close()

    def _serve(self) -> None:
        # Nobody may come, or hang up in the middle of TLS.
        with contextlib.suppress(OSError), self._listener.accept()[0] as connection:
            connection.settimeout(_PATIENCE)
            while b"\r\n\r\n" not in self.asked:
                self.asked += connection.recv(4096)
            if self.answer is None:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            if not self.answer:
                self._over.wait(_PATIENCE)
                return
            connection.sendall(self.answer)
            if self._tls is not None:
                with self._tls.wrap_socket(connection, server_side=True) as tunnel:
                    tunnel.recv(4096)
                    tunnel.sendall(b'HTTP/1.0 200 OK\r\n\r\n{"keys": []}')
