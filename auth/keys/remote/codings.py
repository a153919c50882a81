"""Content codings (RFC 9110 §8.4): unpacks a body that a server has packed unasked.

Some buckets and CDNs send a stored file unchanged, whatever the request accepts.
"""

from __future__ import annotations

import zlib
from email.message import Message

#: The ``wbits`` of zlib for the codings that are read. Servers mean two formats by deflate: with a header and without.
_WINDOWS = {"gzip": (31,), "x-gzip": (31,), "deflate": (15, -15)}

#: The other registered codings. An unregistered name may be any text, so it is not repeated.
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
    """Return the content of a body in these codings. Never unpacks more than ``limit`` bytes and one.

    Raises:
        CodingError: the codings are not supported, or the body is not in them.
        TooLongError: the content is longer than ``limit``.
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
    """Return what zlib unpacks from a whole body; nothing may stand before, between or behind its streams."""
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
