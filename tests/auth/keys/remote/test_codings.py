"""Bodies that were packed for the way although nobody asked for it: read within bounds, or refused by name."""

from __future__ import annotations

import contextlib
import gzip
import json
import time
import zlib
from collections.abc import Callable, Iterator
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.keys.remote.bounded_http import UnexpectedAnswerError, fetch_json
from auth.keys.remote.codings import CodingError, TooLongError, content_codings, unpacked
from auth.keys.remote.connections import MAX_BYTES, Deadline
from tests.support.issuer_server import JWKS, IssuerServer

DOCUMENT: dict[str, object] = {"keys": []}
BODY = json.dumps(DOCUMENT).encode()


def raw_deflate(body: bytes) -> bytes:
    """Pack without the header of zlib, as old servers of Microsoft do."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


@pytest.fixture
def issuer() -> Iterator[IssuerServer]:
    with IssuerServer() as server:
        yield server


def fetch(issuer: IssuerServer, body: bytes, coding: str) -> object:
    issuer.documents[JWKS] = body
    issuer.headers["Content-Encoding"] = coding
    return fetch_json(issuer.jwks_url, Deadline(10)).content


def reason(issuer: IssuerServer, body: bytes, coding: str) -> str:
    with pytest.raises(UnexpectedAnswerError) as raised:
        fetch(issuer, body, coding)
    return str(raised.value).removeprefix(f"{issuer.jwks_url} answered ")


@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        ("gzip", gzip.compress),
        ("GZip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("identity, gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", raw_deflate),
        ("identity", bytes),
        ("", bytes),
    ],
)
def test_keys_that_were_packed_without_being_asked_are_read(
    issuer: IssuerServer, coding: str, pack: Callable[[bytes], bytes]
) -> None:
    """As from a bucket that holds them so."""
    assert fetch(issuer, pack(BODY), coding) == DOCUMENT


def test_gzip_is_known_without_its_name(issuer: IssuerServer) -> None:
    """A file that was uploaded so, or a proxy that lost the header on the way. JSON never begins like that."""
    assert fetch(issuer, gzip.compress(BODY), "") == DOCUMENT
    assert reason(issuer, gzip.compress(BODY)[:-1], "") == "with a body that is not whole and valid gzip"


def test_several_gzip_members_are_one_document(issuer: IssuerServer) -> None:
    """RFC 1952 §2.2: a file consists of a series of members."""
    assert fetch(issuer, gzip.compress(BODY[:5]) + gzip.compress(BODY[5:]), "gzip") == DOCUMENT


@pytest.mark.parametrize("coding", ["utf-8", "aws-chunked", "gzip", "br", "deflate, gzip", "none"])
def test_a_coding_that_was_not_applied_does_not_matter(issuer: IssuerServer, coding: str) -> None:
    """Buckets keep such headers with a file. Other clients read it, and so do we."""
    assert fetch(issuer, BODY, coding) == DOCUMENT


@pytest.mark.parametrize(
    ("coding", "shown"),
    [
        ("br", "br"),
        ("zstd", "zstd"),
        ("gzip, gzip", "gzip, gzip"),
        ("gzip, br", "gzip, br"),
        ("my-secret", "(unknown)"),
        ("a, b, c, d, e", "(unknown), (unknown), (unknown)"),
    ],
)
def test_a_coding_that_is_not_read_is_named(issuer: IssuerServer, coding: str, shown: str) -> None:
    """If it has a registered name; any other text of the answer is not repeated."""
    sentence = f"in the content coding {shown}, which is not read here"

    assert reason(issuer, b"\x0b\x00\x80{}\x03", coding) == sentence


BROKEN = {
    "cut off": gzip.compress(BODY)[:-1],
    "empty": b"",
    "only a header": gzip.compress(BODY)[:10],
    "something behind it": gzip.compress(BODY) + b"garbage",
    "zeros behind it": gzip.compress(BODY) + bytes(8),
    "the second member cut off": gzip.compress(BODY) + gzip.compress(b" ")[:-1],
    "a wrong checksum": gzip.compress(BODY)[:-8] + bytes(8),
    "zlib": zlib.compress(BODY),
    "more members than anybody makes": gzip.compress(b"") * 101 + gzip.compress(BODY),
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_a_broken_gzip_is_refused(issuer: IssuerServer, body: bytes) -> None:
    """Half a key set is not a key set."""
    assert reason(issuer, body, "gzip") == "with a body that is not whole and valid gzip"


@pytest.mark.parametrize(
    "body", [zlib.compress(BODY)[:-1], raw_deflate(BODY)[:-1], zlib.compress(BODY) * 2, raw_deflate(BODY) + b"x"]
)
def test_a_broken_deflate_is_refused(issuer: IssuerServer, body: bytes) -> None:
    """It has one stream and nothing behind it."""
    assert reason(issuer, body, "deflate") == "with a body that is not whole and valid deflate"


def test_what_is_packed_has_to_be_a_json_object_too(issuer: IssuerServer) -> None:
    """The words are those for an answer that was not packed."""
    assert reason(issuer, gzip.compress(b"[]"), "gzip") == "with something that is not a JSON object"


def test_the_bound_is_for_what_comes_out(issuer: IssuerServer) -> None:
    """A mebibyte, however small it was packed."""
    frame = len(json.dumps({"keys": ""}))
    longest = json.dumps({"keys": "a" * (MAX_BYTES - frame)}).encode()

    assert fetch(issuer, gzip.compress(longest), "gzip") == json.loads(longest)
    assert reason(issuer, gzip.compress(longest + b" "), "gzip") == "with more than 1048576 bytes"


BOMBS = {
    "one stream of 200 MB": lambda: gzip.compress(bytes(200_000_000)),
    "many members": lambda: gzip.compress(bytes(MAX_BYTES // 50)) * 60,
    "a mebibyte of empty members": lambda: gzip.compress(b"") * (MAX_BYTES // 20),
    "a mebibyte of empty blocks": lambda: b"\x00\x00\x00\xff\xff" * (MAX_BYTES // 5),
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_bomb_costs_no_more_than_the_bound(bomb: Callable[[], bytes]) -> None:
    """In time and in memory, whatever its ratio."""
    body = bomb()
    began = time.monotonic()

    with pytest.raises((TooLongError, CodingError)):
        unpacked(body, ["deflate" if body.startswith(b"\x00") else "gzip"], MAX_BYTES)

    assert time.monotonic() - began < 2


@given(st.binary(max_size=200), st.sampled_from(["gzip", "x-gzip", "deflate"]))
def test_any_bytes_are_unpacked_or_refused(body: bytes, coding: str) -> None:
    """They come from outside."""
    with contextlib.suppress(CodingError, TooLongError):
        assert len(unpacked(body, [coding], 100)) <= 100


def test_several_headers_are_one_list() -> None:
    """RFC 9110 §5.3."""
    headers = Message()
    headers["Content-Encoding"] = "deflate,"
    headers["content-encoding"] = " GZIP ,identity"

    assert content_codings(headers) == ["deflate", "gzip"]
