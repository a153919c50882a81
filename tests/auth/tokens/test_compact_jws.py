"""Strict reading of the compact serialization."""

from __future__ import annotations

import contextlib
import itertools
import json
import string

import pytest

from auth.errors import MalformedTokenError
from auth.tokens.compact_jws import MAX_DEPTH, parse_compact, parse_segment
from tests.support.services import CLAIMS, HEADER, compact, segment

GOOD_HEADER = segment(json.dumps(HEADER).encode())
GOOD_CLAIMS = segment(json.dumps(CLAIMS).encode())


def nested(depth: int) -> bytes:
    """Return a JSON object that is ``depth`` levels deep, itself included."""
    return b'{"a":' * (depth - 1) + b"{}" + b"}" * (depth - 1)


def test_a_token_is_taken_apart() -> None:
    """Header, claims, signing input and signature come out as they went in."""
    encoded = compact()

    token = parse_compact(encoded, 8192)

    assert token.header == HEADER
    assert token.claims == CLAIMS
    assert token.signing_input == encoded.rpartition(".")[0].encode()
    assert segment(token.signature) == encoded.rpartition(".")[2]


def test_the_longest_token_is_read_and_one_byte_more_is_not() -> None:
    """``max_bytes`` itself is allowed."""
    encoded = compact()

    assert parse_compact(encoded, len(encoded)).claims == CLAIMS
    with pytest.raises(MalformedTokenError) as raised:
        parse_compact(encoded, len(encoded) - 1)
    assert raised.value.reason == "longer than AUTH_MAX_TOKEN_BYTES"


MALFORMED = {
    "empty": ("", "not three base64url segments"),
    **{
        f"the word {word}": (word, "a word that stands for no token")
        for word in ("undefined", "null", "None", "nil", "NaN", "TRUE", "false", "Token")
    },
    "a word that begins like one": ("nulls", "not three base64url segments"),
    "one segment": ("abc", "not three base64url segments"),
    "two segments": (f"{GOOD_HEADER}.{GOOD_CLAIMS}", "not three base64url segments"),
    "four segments": (f"{GOOD_HEADER}.{GOOD_CLAIMS}.AA.AA", "not three base64url segments"),
    "five segments (JWE)": ("a.b.c.d.e", "five segments, so encrypted (RFC 7516 §7.1)"),
    "dots alone": ("..", "not three base64url segments"),
    "empty header": (f".{GOOD_CLAIMS}.AA", "not three base64url segments"),
    "detached payload": (f"{GOOD_HEADER}..AA", "not three base64url segments"),
    "padding": (f"{GOOD_HEADER}.{GOOD_CLAIMS}.AA==", "not three base64url segments"),
    "plus sign of the standard alphabet": (f"{GOOD_HEADER}.{GOOD_CLAIMS}.A+AA", "not three base64url segments"),
    "slash of the standard alphabet": (f"{GOOD_HEADER}.{GOOD_CLAIMS}.AA/A", "not three base64url segments"),
    "whitespace inside": (f"{GOOD_HEADER}.{GOOD_CLAIMS}.A A", "not three base64url segments"),
    "newline at the end": (f"{GOOD_HEADER}.{GOOD_CLAIMS}.AA\n", "not three base64url segments"),
    "not ASCII": (f"{GOOD_HEADER}.{GOOD_CLAIMS}.éA", "not three base64url segments"),
    "half a surrogate pair": (f"{GOOD_HEADER}.{GOOD_CLAIMS}.\ud800A", "not three base64url segments"),
    "digits of another script": (f"{GOOD_HEADER}.{GOOD_CLAIMS}.٣٣", "not three base64url segments"),
    "JSON serialization": ('{"payload":"AA","signature":"AA"}', "not three base64url segments"),
    "impossible length": (f"{GOOD_HEADER}.{GOOD_CLAIMS}.AAAAA", "a segment has an impossible length"),
    "stray bits": (f"{GOOD_HEADER}.{GOOD_CLAIMS}.AB", "a segment is not canonical base64url"),
    "stray bits in the payload": (f"{GOOD_HEADER}.e31.AA", "a segment is not canonical base64url"),
}


@pytest.mark.parametrize(("encoded", "reason"), MALFORMED.values(), ids=MALFORMED)
def test_only_three_canonical_segments_are_a_token(encoded: str, reason: str) -> None:
    """One token has one spelling (RFC 7515 §2 and §7.1)."""
    with pytest.raises(MalformedTokenError) as raised:
        parse_compact(encoded, 8192)
    assert raised.value.reason == reason


USUAL = "The access token is malformed. Send it unchanged, or get a new one."
NO_JWT = "The access token is not a JWT, which has three parts with dots between them. Ask its issuer for a JWT."
ENCRYPTED = "The access token is encrypted: it has five parts. Ask its issuer for a signed JWT, which has three."
NO_VALUE = "The client sent a word such as undefined or null as the access token. Let it fetch a token first."
TOO_LONG = "The access token is longer than this service accepts. Ask its issuer for fewer claims."
ADVICE = {
    "a word": ("undefined", NO_VALUE),
    "an opaque token": ("2YotnFZFEjr1zCsicMWpAA", NO_JWT),
    "two parts": (f"{GOOD_HEADER}.{GOOD_CLAIMS}", NO_JWT),
    "four parts": (f"{GOOD_HEADER}.{GOOD_CLAIMS}.AA.AA", NO_JWT),
    "five parts": (f"{GOOD_HEADER}.AA.AA.AA.AA", ENCRYPTED),
    "six parts": (f"{GOOD_HEADER}.AA.AA.AA.AA.AA", NO_JWT),
    "three parts, one of them empty": (f".{GOOD_CLAIMS}.AA", USUAL),
    "three parts, one of them cut": (f"{GOOD_HEADER}.{GOOD_CLAIMS}.AAAAA", USUAL),
    "more than 8192 bytes": ("A" * 8193, TOO_LONG),
}


@pytest.mark.parametrize(("encoded", "advice"), ADVICE.values(), ids=ADVICE)
def test_the_client_reads_what_to_send_in_place_of_this(encoded: str, advice: str) -> None:
    """Each mistake has its own remedy."""
    with pytest.raises(MalformedTokenError) as raised:
        parse_compact(encoded, 8192)
    assert raised.value.message == advice


@pytest.mark.parametrize(
    ("first", "canonical"),
    [
        ("", {segment(bytes([number])) for number in range(2**8)}),
        ("A", {segment(number.to_bytes(2)) for number in range(2**10)}),
    ],
    ids=["one byte", "two bytes"],
)
def test_the_bits_that_belong_to_no_byte_are_zero(first: str, canonical: set[str]) -> None:
    """A decoder may refuse other bits (RFC 4648 §3.5); this one does, so each signature has one spelling."""
    alphabet = string.ascii_letters + string.digits + "-_"
    read = set()
    for pair in itertools.product(alphabet, repeat=2):
        signature = first + "".join(pair)
        with contextlib.suppress(MalformedTokenError):
            assert segment(parse_compact(f"{GOOD_HEADER}.{GOOD_CLAIMS}.{signature}", 8192).signature) == signature
            read.add(signature)

    assert read == canonical


#: By the reason of the refusal.
_REFUSED: dict[str, dict[str, bytes]] = {
    "is not strict UTF-8 JSON": {
        "not JSON": b"nonsense",
        "truncated": b'{"a":',
        "trailing text": b"{} {}",
        "a no-break space before": b'\xc2\xa0{"a":1}',
        "a form feed after": b'{"a":1}\x0c',
        "trailing comma": b'{"a":1,}',
        "single quotes": b"{'a':1}",
        "byte order mark": b'\xef\xbb\xbf{"a":1}',
        "UTF-16": '{"a":1}'.encode("utf-16-le"),
        "broken UTF-8": b'{"a":"\xff"}',
        "overlong UTF-8": b'{"a":"\xc0\x80"}',
        "surrogate in UTF-8": b'{"a":"\xed\xa0\x80"}',
        "raw control character": b'{"a":"\x01"}',
        "NaN": b'{"a":NaN}',
        "Infinity": b'{"a":Infinity}',
        "-Infinity": b'{"a":-Infinity}',
        "number beyond floats": b'{"a":1e400}',
        "number of absurd length": b'{"a":' + b"9" * 5000 + b"}",
        "duplicate member": b'{"a":1,"a":2}',
        "duplicate member spelled differently": b'{"a":1,"\\u0061":2}',
        "duplicate member inside": b'{"x":{"a":1,"a":1}}',
        "deeper than the stack": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    },
    "is not a JSON object": {
        "array": b"[]",
        "string": b'"a"',
        "number": b"1",
        "null": b"null",
        "true": b"true",
    },
    "holds half a surrogate pair": {
        "half a surrogate pair": b'{"a":"\\ud800"}',
        "the other half": b'{"a":"\\uDC00"}',
        "the halves in the wrong order": b'{"a":"\\udE00\\udA3d"}',
        "half a surrogate pair as name": b'{"\\udbff":1}',
        **{
            f"half a surrogate pair: {half}": f'{{"a":"\\u{half}"}}'.encode()
            for half in map("".join, itertools.product("dD", "89abcdefABCDEF", ["00"]))
        },
    },
    "is nested too deeply": {
        "too deep": nested(MAX_DEPTH + 1),
        "too deep in arrays": b'{"a":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}",
    },
}
BAD_JSON = {name: (raw, reason) for reason, rows in _REFUSED.items() for name, raw in rows.items()}


@pytest.mark.parametrize("part", ["header", "payload"])
@pytest.mark.parametrize(("raw", "reason"), BAD_JSON.values(), ids=BAD_JSON)
def test_header_and_payload_are_strict_json_objects(raw: bytes, reason: str, part: str) -> None:
    """What two readers could take for two things is refused, whichever segment holds it (RFC 8725 §2.4)."""
    encoded = compact(header=raw) if part == "header" else compact(claims=raw)

    with pytest.raises(MalformedTokenError) as raised:
        parse_compact(encoded, 1_000_000)
    assert raised.value.reason == f"the {part} {reason}"


GOOD_JSON = {
    "empty object": (b"{}", {}),
    "whitespace around": (b' \n{"a":1}\t', {"a": 1}),
    "carriage returns around": (b'\r{"a":1}\r', {"a": 1}),
    "surrogate pair": (b'{"a":"\\ud83d\\ude00"}', {"a": "\N{GRINNING FACE}"}),
    "escaped NUL": (b'{"a":"\\u0000"}', {"a": "\0"}),
    "brackets in text": (b'{"a":"' + b"[" * 50 + b'"}', {"a": "[" * 50}),
    "many shallow objects": (b'{"a":[' + b"{}," * 50 + b"{}]}", {"a": [{}] * 51}),
    "the largest depth": (nested(MAX_DEPTH), json.loads(nested(MAX_DEPTH))),
    "the same name on two levels": (b'{"a":{"a":1}}', {"a": {"a": 1}}),
    "float": (b'{"a":1.5e3}', {"a": 1500.0}),
}


@pytest.mark.parametrize(("raw", "value"), GOOD_JSON.values(), ids=GOOD_JSON)
def test_unusual_json_with_one_reading_is_accepted(raw: bytes, value: object) -> None:
    """Strictness refuses ambiguity, not style."""
    token = parse_compact(compact(claims=raw), 8192)

    assert token.claims == value


def with_a_header_of(characters: int) -> str:
    """Return a token whose header segment has so many characters."""
    padding = "x" * (characters * 3 // 4 - len(json.dumps(HEADER | {"pad": ""})))
    encoded = compact(header=HEADER | {"pad": padding})
    assert encoded.index(".") == characters
    return encoded


@pytest.mark.parametrize(("characters", "kept"), [(512, True), (514, False)])
def test_a_header_is_kept_for_the_next_token_unless_it_is_long(characters: int, kept: bool) -> None:
    """The tokens of an issuer share it; strangers could fill the memory with long ones."""
    encoded = with_a_header_of(characters)

    first, second = parse_compact(encoded, 8192), parse_compact(encoded, 8192)

    assert first.header == second.header
    assert (first.header is second.header) is kept


def test_an_empty_signature_is_syntax_that_the_verifier_refuses() -> None:
    """An unsecured token (RFC 7519 §6) is well-formed; its algorithm is what is wrong with it."""
    token = parse_compact(f"{GOOD_HEADER}.{GOOD_CLAIMS}.", 8192)

    assert token.signature == b""


def test_sixteen_levels_are_read_and_seventeen_are_not() -> None:
    """The number itself: a larger one is a decision, not a slip."""
    assert parse_compact(compact(claims=nested(16)), 8192).claims == json.loads(nested(16))
    with pytest.raises(MalformedTokenError) as raised:
        parse_compact(compact(claims=nested(17)), 8192)
    assert raised.value.reason == "the payload is nested too deeply"


SEGMENTS = {
    "padding": ("e30=", "not three base64url segments"),
    "an impossible length": ("e30AA", "a segment has an impossible length"),
    "stray bits": ("e31", "a segment is not canonical base64url"),
    "half a surrogate pair": ("e\ud800", "not three base64url segments"),
    "no JSON": (segment(b"nonsense"), "the segment is not strict UTF-8 JSON"),
    "an array": (segment(b"[]"), "the segment is not a JSON object"),
}


@pytest.mark.parametrize(("text", "reason"), SEGMENTS.values(), ids=SEGMENTS)
def test_a_segment_alone_is_read_as_strictly_as_in_a_token(text: str, reason: str) -> None:
    """The header of an encrypted token, which anybody may read, has one reading as well (RFC 7516 §7.1)."""
    with pytest.raises(MalformedTokenError) as raised:
        parse_segment(text)
    assert raised.value.reason == reason


def test_a_segment_alone_holds_an_object() -> None:
    """Whichever of the two it is."""
    assert parse_segment(GOOD_HEADER) == HEADER
    assert parse_segment(GOOD_CLAIMS) == CLAIMS
