"""Content codings (RFC 9110 §8.4): how a body was packed for the way, although nobody asked for it.

Some buckets and CDNs send what they hold as it is, whatever the request accepts.
"""

from __future__ import annotations

import zlib
from email.message import Message

#: The ``wbits`` of zlib for the codings that are read. Servers mean two formats by deflate: with a header and without.
_WINDOWS = {"gzip": (31,), "x-gzip": (31,), "deflate": (15, -15)}

#: The other codings that are registered. The names of all others may be anything, and are not repeated.
_UNREAD = frozenset({"aes128gcm", "br", "compress", "dcb", "dcz", "exi", "pack200-gzip", "x-compress", "zstd"})

#: A gzip file may consist of several (RFC 1952 §2.2), but not of thousands, whose parts would take long to go through.
_MAX_MEMBERS = 100


class CodingError(Exception):
    """A body cannot be unpacked; the message says why, as the end of a sentence."""


class TooLongError(Exception):
    """A body is longer than allowed once it is unpacked."""


def content_codings(headers: Message) -> list[str]:
    """Return the codings of an answer, in the order in which they were applied."""
    names = ",".join(headers.get_all("Content-Encoding", [])).lower().split(",")
    return [name.strip() for name in names if name.strip() not in ("", "identity")]


def unpacked(body: bytes, codings: list[str], limit: int) -> bytes:
    """Return what a body in these codings holds. Never makes more than ``limit`` bytes of it, and one.

    Raises:
        CodingError: the codings are not ours to read, or the body is not in them.
        TooLongError: there is more in it.
    """
    windows = _WINDOWS.get(codings[0]) if len(codings) == 1 else None
    if windows is None:
        raise CodingError(f"in the content coding {_listed(codings)}, which is not read here")
    for window in windows:
        try:
            return _inflated(body, window, limit)
        except zlib.error:
            continue
    raise CodingError(f"with a body that is not whole and valid {codings[0]}")


def _inflated(body: bytes, window: int, limit: int) -> bytes:
    """Return what zlib makes of a whole body, which has nothing before, between or behind its streams."""
    content = b""
    for _ in range(_MAX_MEMBERS):
        stream = zlib.decompressobj(wbits=window)
        # One byte more than allowed shows that there is more.
        content += stream.decompress(body, limit + 1 - len(content))
        if len(content) > limit:
            raise TooLongError
        if not stream.eof:
            break
        body = stream.unused_data
        if not body:
            return content
        if window != 31:
            break
    raise zlib.error


def _listed(codings: list[str]) -> str:
    return ", ".join(name if name in _WINDOWS or name in _UNREAD else "(unknown)" for name in codings[:3])
