"""What an issuer's server answers, HTTP and all, when it is asked for its metadata.

An input is the whole answer, sent by a real server on loopback; ``ISSUER`` in it stands for the name of the issuer.

- Only :class:`FetchError` is raised, with a message that quotes nothing but the URL that was asked.
- An address that is found is one that keys may be fetched from, in metadata of exactly this issuer.
- Documents and their lifetimes are of the right kind.
"""

from __future__ import annotations

import gzip
import socket
import sys
import threading
from json import dumps

import atheris

from auth.keys.remote.bounded_http import FetchError, fetch_json
from auth.keys.remote.connections import Deadline
from auth.keys.remote.discovery import DiscoveredLocation
from auth.keys.remote.urls import is_fetchable, redacted
from fuzz.json_mutator import json_mutator, parsed
from fuzz.target import Mutator, Target


class _AnyAnswer:
    """A server on loopback that answers every request with the same bytes, and closes."""

    def __init__(self) -> None:
        self.answer = b""
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.origin = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listening.accept()
            with connection:
                asked = b""
                while b"\r\n\r\n" not in asked and (more := connection.recv(4096)):
                    asked += more
                connection.sendall(self.answer)


# Client and server take turns many thousand times; each would wait five milliseconds for the other.
sys.setswitchinterval(0.0001)

_SERVER = _AnyAnswer()
_LOCATION = DiscoveredLocation(_SERVER.origin)

#: Nothing takes as long as this: the server closes at once.
_PATIENCE = 15


def check(data: bytes) -> None:
    """Demand what is said above of one answer."""
    _SERVER.answer = data.replace(b"ISSUER", _SERVER.origin.encode())
    try:
        address = _LOCATION.find(Deadline(_PATIENCE))
    except FetchError as error:
        _check_message(str(error))
    else:
        assert is_fetchable(address.url)
        assert address.url.isascii()
        assert redacted(address.url).isprintable()
        assert _SERVER.origin.encode() in _SERVER.answer or b"\\" in data or b"chunked" in data.lower()
    try:
        document = fetch_json(_SERVER.origin + "/jwks", Deadline(_PATIENCE))
    except FetchError as error:
        _check_message(str(error))
    else:
        assert isinstance(document.content, dict)
        assert document.max_age is None or 0 <= document.max_age < 10**10
        assert document.date is None or isinstance(document.date, float)


def _check_message(message: str) -> None:
    # Our own words, of which one is the sign for a section of an RFC.
    assert message.replace("\u00a7", "").isascii()
    assert message.isprintable()
    assert len(message) < 1000


def _seeds() -> list[bytes]:
    bodies = [
        {"issuer": "ISSUER", "jwks_uri": "ISSUER/jwks"},
        {"issuer": "ISSUER", "jwks_uri": "https://keys.example/jwks?a=b"},
        {"issuer": "ISSUER/", "jwks_uri": "http://keys.example/jwks"},
        {"keys": []},
    ]
    fields = "Content-Type: application/json\r\nCache-Control: public, max-age=600\r\nAge: 5\r\n"
    dated = "HTTP/1.1 200 OK\r\nDate: Fri, 27 Nov 2026 09:00:00 GMT\r\n" + fields
    answers = [f"{dated}\r\n{dumps(body)}" for body in bodies]
    answers.append(f"{dated}Content-Length: 11\r\n\r\n" + '{"keys":[]}')
    answers.append(f"{dated}Transfer-Encoding: chunked\r\n\r\nb\r\n" + '{"keys":[]}' + "\r\n0\r\n\r\n")
    answers.append("HTTP/1.1 302 Found\r\nLocation: ISSUER/elsewhere\r\n\r\n")
    answers.append("HTTP/1.0 404 Not Found\r\n\r\n")
    answers.append("HTTP/1.1 100 Continue\r\n\r\n" + answers[0])
    answers.append(f"{dated}\r\n" + "[" * 1500)
    packed = f"{dated}Content-Encoding: gzip\r\n\r\n".encode() + gzip.compress(b'{"keys":[]}', mtime=0)
    return [*(answer.encode() for answer in answers), packed]


_WORDS = (
    *("HTTP/1.1 200 OK\r\n", "HTTP/1.1 ", "\r\n", "\r\n\r\n", "200", "204", "304", "100 Continue"),
    *(
        "Content-Length: ",
        "Transfer-Encoding: chunked",
        "Content-Encoding: gzip",
        "Cache-Control: ",
        "max-age=",
        "no-store",
    ),
    *(
        "Age: ",
        "Date: ",
        "ISSUER",
        "jwks_uri",
        "issuer",
        "https://",
        "http://",
        "[::1]",
        "@",
        "%00",
        "\ufeff",
        "\\u0000",
    ),
)

#: What members of metadata and of a key set may be replaced by.
_VALUES = (
    "ISSUER",
    "https://keys.example/jwks",
    "http://127.0.0.1/jwks",
    "http://keys.example",
    "https://[",
    "//a",
    "\\",
)


def _mutator(target: Target) -> Mutator:
    """Return what changes an answer: the JSON in its body, or any of its bytes."""
    change_json = json_mutator(target)

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        head, end, body = data.partition(b"\r\n\r\n")
        left = max_size - len(head + end)
        if parsed(body) is None or seed % 2 or left < len(body):
            return bytes(atheris.Mutate(data, max_size))
        return head + end + change_json(body, left, seed)

    return mutate


TARGET = Target(check, _seeds, words=_WORDS, values=_VALUES, mutator=_mutator, max_length=2048)
