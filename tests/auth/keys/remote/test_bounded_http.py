"""One GET, against a real server that fails in every way we know of."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from email.message import Message
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.keys.remote import bounded_http, connections
from auth.keys.remote.bounded_http import Document, FetchError, UnexpectedAnswerError, fetch_json
from auth.keys.remote.connections import MAX_BYTES, Deadline
from auth.keys.remote.faults import advice, describe
from tests.support.certificates import certificate, certificate_of_an_authority, strict_verification_error
from tests.support.issuer_server import JWKS, Fault, IssuerServer

#: Seconds for answers that come; and for those that never do.
ENOUGH, SHORT = 10.0, 0.2


@pytest.fixture
def issuer() -> Iterator[IssuerServer]:
    with IssuerServer() as server:
        yield server


def fetch(url: str, seconds: float = ENOUGH) -> Document:
    return fetch_json(url, Deadline(seconds))


def fail(url: str, seconds: float = ENOUGH) -> FetchError:
    """Fetch what cannot be had; return the error, whose message must name the URL."""
    with pytest.raises(FetchError) as raised:
        fetch(url, seconds)
    assert str(raised.value).startswith(f"{url} ")
    return raised.value


def reason(url: str, seconds: float = ENOUGH) -> str:
    return str(fail(url, seconds)).removeprefix(f"{url} ")


def test_a_json_object_is_fetched(issuer: IssuerServer) -> None:
    """With the server's clock; without caching headers nothing is said about its age."""
    before = int(time.time())

    document = fetch(issuer.jwks_url)

    assert document.content == {"keys": []}
    assert document.max_age is None
    assert document.date is not None
    assert before <= document.date <= time.time()


def test_the_request_says_who_asks_and_for_what(issuer: IssuerServer) -> None:
    """Firewalls refuse Python-urllib, and a compressed answer could exceed the size limit."""
    fetch(issuer.jwks_url)

    headers = issuer.last_headers
    assert headers["User-Agent"].startswith("flask-resource-server/")
    assert headers["Accept"] == "application/jwk-set+json, application/json"
    assert headers["Accept-Encoding"] == "identity"
    assert "Python" not in str(headers)


def test_a_copy_that_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a checkout on PYTHONPATH."""

    def not_installed(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(bounded_http, "version", not_installed)

    assert bounded_http._user_agent.__wrapped__() == "flask-resource-server"


@pytest.mark.parametrize("content_type", ["application/jwk-set+json", "text/plain", "text/html; charset=latin-1"])
def test_the_content_type_does_not_matter(issuer: IssuerServer, content_type: str) -> None:
    """Object stores serve keys as all sorts of things."""
    issuer.headers["Content-Type"] = content_type

    assert fetch(issuer.jwks_url).content == {"keys": []}


NOT_JSON = "answered with something that is not a JSON object"
TOO_LONG = "answered with more than 1048576 bytes"
ANSWERS = {
    Fault.SERVER_ERROR: "answered with status 500",
    Fault.NOT_FOUND: "answered with status 404",
    Fault.REDIRECT: "answered with status 302, a redirect, which is not followed",
    Fault.HTML: "answered with HTML or XML, which is not a JSON object",
    Fault.GARBAGE: NOT_JSON,
    Fault.EMPTY: NOT_JSON,
    Fault.NOT_AN_OBJECT: NOT_JSON,
    Fault.DEEP: NOT_JSON,
    Fault.HUGE_NUMBER: NOT_JSON,
    Fault.HUGE: TOO_LONG,
    Fault.HUGE_UNANNOUNCED: TOO_LONG,
}
NO_ANSWERS = {
    Fault.RESET: "closed the connection",
    Fault.TRUNCATED: "closed the connection in the middle of its answer",
    Fault.NOT_HTTP: "did not answer in valid HTTP",
}


@pytest.mark.parametrize(("fault", "sentence"), ANSWERS.items(), ids=lambda value: getattr(value, "name", ""))
def test_a_wrong_answer_is_one_sentence_that_quotes_nothing_of_it(
    issuer: IssuerServer, fault: Fault, sentence: str
) -> None:
    """The log says what to do, and never quotes the answer."""
    issuer.fault = fault

    error = fail(issuer.jwks_url)

    assert isinstance(error, UnexpectedAnswerError)
    assert str(error) == f"{issuer.jwks_url} {sentence}"


@pytest.mark.parametrize(("fault", "sentence"), NO_ANSWERS.items(), ids=lambda value: getattr(value, "name", ""))
def test_a_broken_connection_is_no_answer(issuer: IssuerServer, fault: Fault, sentence: str) -> None:
    """So nobody concludes anything from it."""
    issuer.fault = fault

    error = fail(issuer.jwks_url)

    assert not isinstance(error, UnexpectedAnswerError)
    assert str(error) == f"{issuer.jwks_url} {sentence}"


def test_a_redirect_is_not_followed(issuer: IssuerServer) -> None:
    """Its target would choose the keys that we trust."""
    issuer.fault = Fault.REDIRECT

    fail(issuer.jwks_url)

    assert issuer.requests == {JWKS: 1}


@pytest.mark.parametrize("fault", [Fault.HANGING, Fault.PAUSED, Fault.DRIPPING_HEADERS, Fault.DRIPPING_BODY])
def test_the_deadline_is_for_everything_together(issuer: IssuerServer, fault: Fault) -> None:
    """A byte now and then gains a server no time."""
    issuer.fault = fault
    began = time.monotonic()

    assert reason(issuer.jwks_url, SHORT) == "did not answer in time"
    assert time.monotonic() - began < 2


class Waning(Deadline):
    """A deadline that comes nearer with each look at it."""

    def remaining(self) -> float:
        left, self._end = self._end, self._end - 1
        return left


def test_what_follows_a_read_has_the_time_that_is_left_after_it() -> None:
    """Behind a proxy it is the start of TLS, which would have the time of the last read a second time."""
    waning = Waning(0)
    waning._end = 5

    ours, theirs = socket.socketpair()
    with ours, theirs, ours.makefile("rb", buffering=0) as stream:
        theirs.sendall(b"HTTP")
        assert connections._BoundedReads(stream, ours, waning).read(4) == b"HTTP"
        assert ours.gettimeout() == 4


def test_less_than_a_second_is_time_as_well() -> None:
    """The last step has what the others have left."""
    assert 0 < Deadline(0.9).remaining() <= 0.9


def test_a_deadline_that_is_over_asks_nobody(issuer: IssuerServer) -> None:
    """As when metadata have taken all the time there was."""
    assert reason(issuer.jwks_url, 0) == "did not answer in time"
    assert not issuer.requests


def test_the_longest_document_is_read_and_not_a_longer_one(issuer: IssuerServer) -> None:
    """The limit is a mebibyte."""
    frame = len(json.dumps({"keys": ""}))
    issuer.documents[JWKS] = {"keys": "a" * (MAX_BYTES - frame)}
    assert len(fetch(issuer.jwks_url).content["keys"]) == MAX_BYTES - frame

    issuer.documents[JWKS] = {"keys": "a" * (MAX_BYTES - frame + 1)}
    assert reason(issuer.jwks_url) == TOO_LONG


def test_headers_count_as_well(issuer: IssuerServer) -> None:
    """They are no way to fill the memory."""
    issuer.headers = {f"X-{number}": "a" * 60_000 for number in range(40)}

    assert reason(issuer.jwks_url) == "did not answer in valid HTTP"


def test_a_byte_order_mark_is_passed_over() -> None:
    """RFC 8259 §8.1 allows it, and some servers write one."""
    assert bounded_http._parse_document(b'\xef\xbb\xbf{"keys": []}', [], "it") == {"keys": []}


def test_a_server_that_is_not_there_refuses(issuer: IssuerServer) -> None:
    """And is found again as soon as it is back."""
    issuer.stop()
    assert reason(issuer.jwks_url) == "refuses connections"

    issuer.start()
    assert fetch(issuer.jwks_url).content == {"keys": []}


@pytest.mark.parametrize("url", ["http://issuer.example/jwks", "file:///etc/passwd", "ftp://issuer.example/jwks"])
def test_only_https_is_fetched_from_elsewhere(url: str) -> None:
    """Both for URLs in the settings and for URLs in metadata."""
    with pytest.raises(FetchError, match="is not an https URL"):
        fetch(url)


def resolve_to(monkeypatch: pytest.MonkeyPatch, *ports: int) -> None:
    """Let every host name stand for these ports of this machine."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)


def test_each_address_of_a_host_is_tried(issuer: IssuerServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is dead takes its share of the time, not all of it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dead: int = listener.getsockname()[1]
    resolve_to(monkeypatch, dead, issuer.port)

    assert fetch(issuer.jwks_url).content == {"keys": []}


class SilentSocket(socket.socket):
    """A socket whose other end never answers, and the seconds for which it was to be waited for."""

    waited: ClassVar[list[float | None]] = []

    def connect(self, address: object, /) -> None:
        self.waited.append(self.gettimeout())
        raise TimeoutError


def test_a_silent_address_takes_its_share_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it leaves is for the others."""
    monkeypatch.setattr(SilentSocket, "waited", [])
    monkeypatch.setattr(socket, "socket", SilentSocket)
    resolve_to(monkeypatch, 1, 2, 3)

    assert reason("http://localhost/jwks") == "did not answer in time"
    assert SilentSocket.waited == pytest.approx([ENOUGH / 3, ENOUGH / 2, ENOUGH], rel=0.2)


def test_what_follows_the_connecting_has_all_the_time_that_is_left(
    issuer: IssuerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only the share of one address."""
    resolve_to(monkeypatch, issuer.port, issuer.port)

    with connections._connect(Deadline(ENOUGH), ("localhost", 1)) as connection:
        assert connection.gettimeout() == pytest.approx(ENOUGH, rel=0.2)


def test_a_host_without_an_address_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resolvers may answer with nothing."""
    resolve_to(monkeypatch)

    assert reason("http://localhost:1/jwks") == "cannot be reached"


def test_a_host_that_nobody_knows_cannot_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The commonest mistake in a URL has a sentence of its own."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    assert reason("https://issuer.example/jwks") == "has a host name that cannot be resolved"


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "issuer..example"])
def test_a_host_name_that_is_none_cannot_be_reached(host: str) -> None:
    """Python does not even ask for it, and says so in a way of its own."""
    assert reason(f"https://{host}/jwks") == "cannot be reached"


CACHE_CONTROL = {
    "max-age=300": 300,
    "public, max-age=300, must-revalidate": 300,
    "MAX-AGE=300": 300,
    'max-age="300"': 300,
    "max-age=300, max-age=100": 100,
    "max-age=0": 0,
    "no-cache": 0,
    "no-store, max-age=300": 0,
    "private": None,
    "s-maxage=300": None,
    "max-age": None,
    "max-age=": None,
    "max-age=-1": None,
    "max-age=1.5": None,
    "max-age=²": None,
    "max-age=" + "9" * 5000: None,
}


@pytest.mark.parametrize(("value", "seconds"), CACHE_CONTROL.items(), ids=lambda value: str(value)[:40])
def test_cache_control_says_for_how_long_a_document_may_be_kept(
    issuer: IssuerServer, value: str, seconds: int | None
) -> None:
    """RFC 9111 §5.2.2; what makes no sense says nothing."""
    issuer.headers["Cache-Control"] = value

    assert fetch(issuer.jwks_url).max_age == seconds


AGES = {"100": 200, "300": 0, "1000": 0, "-5": 300, "soon": 300}


@pytest.mark.parametrize(("age", "seconds"), AGES.items())
def test_what_has_been_in_a_cache_already_may_be_kept_for_less(issuer: IssuerServer, age: str, seconds: int) -> None:
    """RFC 9111 §4.2: the age counts."""
    issuer.headers |= {"Cache-Control": "max-age=300", "Age": age}

    assert fetch(issuer.jwks_url).max_age == seconds


DATES = {
    "Sun, 06 Nov 1994 08:49:37 GMT": 784111777,
    "Sunday, 06-Nov-94 08:49:37 GMT": 784111777,
    "Sun, 06 Nov 1994 08:49:37 -0000": 784111777,
    "Sun, 06 Nov 1994 09:49:37 +0100": 784111777,
    "yesterday": None,
    "": None,
    "Sun, 99 Nov 1994 08:49:37 GMT": None,
}


@pytest.mark.parametrize(("value", "seconds"), DATES.items())
def test_the_date_header_shows_the_clock_of_the_server(issuer: IssuerServer, value: str, seconds: int | None) -> None:
    """In the formats of RFC 9110 §5.6.7."""
    issuer.headers["Date"] = value

    assert fetch(issuer.jwks_url).date == seconds


def test_the_time_in_caches_is_added_to_the_date(issuer: IssuerServer) -> None:
    """A cache leaves the header as it is and tells the age (RFC 9111 §5.1)."""
    issuer.headers |= {"Date": "Sun, 06 Nov 1994 08:49:37 GMT", "Age": "100"}

    assert fetch(issuer.jwks_url).date == 784111877


@given(st.text(max_size=40))
def test_any_header_is_read_without_failing(value: str) -> None:
    """They come from outside like everything else."""
    headers = Message()
    for name in ("Date", "Cache-Control", "Age"):
        headers[name] = value

    assert bounded_http._date(headers) is None or isinstance(bounded_http._date(headers), float)
    assert bounded_http._max_age(headers) in (None, 0)


def test_keys_come_over_tls_from_a_server_that_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the authorities of the system; SSL_CERT_FILE names others."""
    tls, file = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))

    with IssuerServer(tls=tls) as issuer:
        assert fetch(issuer.jwks_url).content == {"keys": []}


def test_the_deadline_holds_under_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dripping is no more use there."""
    tls, file = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))

    with IssuerServer(tls=tls) as issuer:
        issuer.fault = Fault.DRIPPING_BODY
        assert reason(issuer.jwks_url, SHORT) == "did not answer in time"


@pytest.mark.parametrize(
    ("host", "expired", "trusted", "sentence"),
    [
        ("127.0.0.1", False, False, "is self-signed"),
        ("127.0.0.1", True, True, "has expired"),
        ("issuer.example", False, True, "is for another host"),
    ],
)
def test_a_bad_certificate_is_refused_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, expired: bool, trusted: bool, sentence: str
) -> None:
    """There is no setting that would look away."""
    tls, file = certificate(tmp_path, host=host, expired=expired)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(file))

    with IssuerServer(tls=tls) as issuer:
        assert reason(issuer.jwks_url) == f"has a certificate that {sentence}"
        assert not issuer.requests


def test_a_certificate_that_only_some_programs_accept_is_told_apart(tmp_path: Path) -> None:
    """Python 3.13 demands what RFC 5280 does; the operator has trusted the right authority, and curl agrees."""
    error = strict_verification_error(*certificate_of_an_authority(tmp_path))

    assert describe(error, None) == (
        "has a certificate that breaks RFC 5280 (Missing Authority Key Identifier), which Python refuses since 3.13"
    )
    assert advice(error, "https://login.example/jwks").startswith("Other programs may accept the certificate")


@pytest.mark.parametrize(
    ("variable", "hint"),
    [
        ("REQUESTS_CA_BUNDLE", " REQUESTS_CA_BUNDLE is set, and is not read here."),
        ("CURL_CA_BUNDLE", " CURL_CA_BUNDLE is set, and is not read here."),
        ("SOMETHING_ELSE", ""),
    ],
)
def test_variables_of_other_programs_are_named_beside_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, hint: str
) -> None:
    """An operator who has set one of them believes the authority to be known."""
    tls, file = certificate(tmp_path)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(file))

    with IssuerServer(tls=tls) as issuer, pytest.raises(FetchError) as refused:
        fetch(issuer.jwks_url)

    assert refused.value.advice == (
        f"If the authority is that of your network or of its proxy, set SSL_CERT_FILE to its certificates.{hint}"
    )


def test_https_from_a_server_without_tls_fails(issuer: IssuerServer) -> None:
    """It answers, but not in TLS."""
    url = issuer.jwks_url.replace("http", "https")

    assert reason(url) == "failed the TLS handshake"


HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\nContent-Length: 5\r\n\r\n"
INTERIM = {
    "100": b"HTTP/1.1 100 Continue\r\n\r\n",
    "102": b"HTTP/1.1 102 Processing\r\n\r\n",
    "103": HINTS,
    "199 without a reason": b"HTTP/1.1 199\r\n\r\n",
    "several": HINTS * 3 + b"HTTP/1.1 100 Continue\r\n\r\n" + HINTS,
}


@pytest.mark.parametrize("interim", INTERIM.values(), ids=INTERIM)
def test_interim_answers_are_passed_over(issuer: IssuerServer, interim: bytes) -> None:
    """RFC 9110 §15.2: a client must be able to read any number of them, asked for or not."""
    issuer.interim = interim

    assert fetch(issuer.jwks_url).content == {"keys": []}


def test_a_change_of_the_protocol_is_refused(issuer: IssuerServer) -> None:
    """RFC 9110 §15.2.2: what follows is no longer HTTP, and we did not ask for it."""
    issuer.interim = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"

    assert reason(issuer.jwks_url) == "answered with status 101"


def test_interim_answers_without_end_are_cut_off(issuer: IssuerServer) -> None:
    """They count as headers do."""
    issuer.interim = HINTS * 40_000

    assert reason(issuer.jwks_url) in ("did not answer in valid HTTP", "did not answer in time")


KINDS = {
    b"<!doctype html><title>Log in</title>": "HTML or XML, which is not a JSON object",
    b"\xef\xbb\xbf\r\n <?xml version='1.0'?><Error/>": "HTML or XML, which is not a JSON object",
    '{"keys": []}'.encode("utf-16"): "text in UTF-16; JSON has to be in UTF-8 (RFC 8259 §8.1)",
    b'\xfe\xff\x00{\x00"': "text in UTF-16; JSON has to be in UTF-8 (RFC 8259 §8.1)",
    '{"kid": "é"}'.encode("latin-1"): "something that is not a JSON object",
    b"-----BEGIN CERTIFICATE-----": "something that is not a JSON object",
}


@pytest.mark.parametrize(("body", "kind"), KINDS.items(), ids=lambda value: ascii(value)[:30])
def test_what_is_not_json_is_called_by_its_kind(issuer: IssuerServer, body: bytes, kind: str) -> None:
    """A login page, the wrong file, or a file in the wrong encoding."""
    issuer.documents[JWKS] = body

    error = fail(issuer.jwks_url)

    assert str(error) == f"{issuer.jwks_url} answered with {kind}"
    assert error.advice == "The URL has to be that of the document itself, in JSON, for a client without a login."


@pytest.mark.parametrize("charset", ["utf-8", "UTF8", "us-ascii", "iso-8859-1", "utf-16", "nonsense"])
def test_the_charset_in_the_header_does_not_matter(issuer: IssuerServer, charset: str) -> None:
    """RFC 8259 §11: JSON has no such parameter, and is UTF-8."""
    issuer.headers["Content-Type"] = f"application/json; charset={charset}"
    issuer.documents[JWKS] = b'\xef\xbb\xbf{"keys": [], "x": "\xc3\xa9"}'

    assert fetch(issuer.jwks_url).content == {"keys": [], "x": "é"}


def test_the_query_is_sent_as_it_is(issuer: IssuerServer) -> None:
    """And the fragment is not (RFC 9112 §3.2.1); a URL without a path asks for the root."""
    issuer.documents = {"/": {"at": "root"}, "/?a=%2F&b": {"at": "query"}}

    assert fetch(f"{issuer.origin}#part").content == {"at": "root"}
    assert fetch(f"{issuer.origin}?a=%2F&b#part").content == {"at": "query"}
