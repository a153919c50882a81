"""Proxies of the environment: used, blamed by name when they are at fault, and judged if a setting has no effect."""

from __future__ import annotations

import logging
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.keys import DiscoveredLocation, FetchError, FixedLocation, RemoteKeySettings, RemoteKeySource
from auth.keys.remote.bounded_http import Document, UnexpectedAnswerError, fetch_json
from auth.keys.remote.connections import Deadline
from auth.keys.remote.proxies import Proxy, UnreadableProxyError, proxy_for, remarks
from tests.support.certificates import certificate
from tests.support.issuer_server import IssuerServer
from tests.support.programs import free_port
from tests.support.proxy_server import ESTABLISHED, ProxyServer
from tests.support.remote_keys import eventually, until_failing

#: Seconds for answers that come; and for those that never do.
ENOUGH, SHORT = 10.0, 0.2

URL = "https://issuer.example/jwks"


@pytest.fixture(autouse=True)
def without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the proxies of this machine away."""
    for name in ("https_proxy", "http_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def fetch(url: str = URL, seconds: float = ENOUGH) -> Document:
    return fetch_json(url, Deadline(seconds))


def fail(seconds: float = ENOUGH) -> FetchError:
    """Fetch in vain; return the error, in which no password may stand."""
    with pytest.raises(FetchError) as raised:
        fetch(seconds=seconds)
    assert "password" not in str(raised.value)
    assert not isinstance(raised.value, UnexpectedAnswerError)
    return raised.value


def use(monkeypatch: pytest.MonkeyPatch, proxy: ProxyServer) -> None:
    monkeypatch.setenv("https_proxy", f"http://user:password@{proxy.place}")


def test_a_proxy_of_the_environment_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TLS goes through it to the issuer, so it sees nothing and can change nothing."""
    tls, file = certificate(tmp_path, host="issuer.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))

    with ProxyServer(tls=tls) as proxy:
        use(monkeypatch, proxy)
        document = fetch()

    assert document.content == {"keys": []}
    assert proxy.asked == (
        b"CONNECT issuer.example:443 HTTP/1.1\r\nHost: issuer.example:443\r\n"
        b"Proxy-Authorization: Basic dXNlcjpwYXNzd29yZA==\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://issuer.example:8443/jwks", b"issuer.example:8443"),
        ("https://[2001:db8::1]/jwks", b"[2001:db8::1]:443"),
    ],
)
def test_the_proxy_is_told_host_and_port(monkeypatch: pytest.MonkeyPatch, url: str, target: bytes) -> None:
    """RFC 9110 §9.3.6; an address in brackets."""
    with ProxyServer(b"HTTP/1.1 403 Forbidden\r\n\r\n") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.place)
        with pytest.raises(FetchError):
            fetch(url)

    assert proxy.asked == b"CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (target, target)


def test_interim_answers_of_a_proxy_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They may come before any answer."""
    tls, file = certificate(tmp_path, host="issuer.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))

    with ProxyServer(b"HTTP/1.1 102 Processing\r\n\r\n" + ESTABLISHED, tls) as proxy:
        use(monkeypatch, proxy)
        assert fetch().content == {"keys": []}


REFUSES_PASSWORD = (
    "The proxy refused the user and the password in HTTPS_PROXY. Only Basic authentication is known here."
)
FORBIDS = "The proxy does not allow connections to this host: have it allowed there, or name it in NO_PROXY."
CANNOT_CONNECT = "The proxy could not connect to this host: ask the people who run the proxy, or name it in NO_PROXY."
CORRECT = "Correct HTTPS_PROXY, or name the host in NO_PROXY if it is reached without a proxy."

REFUSALS = {
    b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n": (
        "answered with status 407",
        REFUSES_PASSWORD,
    ),
    b"HTTP/1.1 401 Unauthorized\r\n\r\n": ("answered with status 401", REFUSES_PASSWORD),
    b"HTTP/1.0 403 Forbidden\r\nContent-Length: 6\r\n\r\nsecret": ("answered with status 403", FORBIDS),
    b"HTTP/1.1 502 Bad Gateway\r\n\r\n": ("answered with status 502", CANNOT_CONNECT),
    b"HTTP/1.1 503 Service Unavailable\r\n\r\n": ("answered with status 503", CANNOT_CONNECT),
    b"HTTP/1.1 302 Found\r\nLocation: https://login.example\r\n\r\n": ("answered with status 302", CANNOT_CONNECT),
    b"SSH-2.0-OpenSSH_9.6\r\n": ("did not answer in valid HTTP", CORRECT),
    b"\x15\x03\x01\x00\x02\x02\x46": ("did not answer in valid HTTP", CORRECT),
    None: ("closed the connection", CORRECT),
}


@pytest.mark.parametrize(("answer", "said"), REFUSALS.items(), ids=lambda value: str(value)[:25])
def test_a_proxy_that_refuses_is_named(
    monkeypatch: pytest.MonkeyPatch, answer: bytes | None, said: tuple[str, str]
) -> None:
    """The issuer is not to blame. Its URL comes without user and password."""
    with ProxyServer(answer) as proxy:
        use(monkeypatch, proxy)
        error = fail()

    assert str(error) == f"{URL} cannot be reached: the proxy {proxy.name} {said[0]}"
    assert error.advice == said[1]


def test_a_proxy_that_wants_a_password_is_told_from_one_that_refuses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another kind of authentication, such as NTLM, is not known here."""
    with ProxyServer(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: NTLM\r\n\r\n") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.place)
        error = fail()

    assert str(error) == f"{URL} cannot be reached: the proxy {proxy.name} answered with status 407"
    assert error.advice == ("The proxy wants a user and a password: set HTTPS_PROXY to http://USER:PASSWORD@HOST:PORT.")


def test_a_proxy_that_says_nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no more time than the issuer would have."""
    with ProxyServer(b"") as proxy:
        use(monkeypatch, proxy)
        error = fail(SHORT)

    assert str(error) == f"{URL} cannot be reached: the proxy {proxy.name} did not answer in time"


def test_a_proxy_that_nobody_runs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The commonest mistake is its port."""
    place = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:password@{place}/")

    assert str(fail()) == f"{URL} cannot be reached: the proxy http://{place} refuses connections"


def test_a_proxy_that_nobody_knows_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name, not the issuer's, is what cannot be resolved."""

    def unknown(host: str, *_: object, **__: object) -> None:
        assert host == "proxy.example"
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")

    sentence = "the proxy http://proxy.example:3128 has a host name that cannot be resolved"
    assert str(fail()) == f"{URL} cannot be reached: {sentence}"


@pytest.mark.parametrize(
    "text", ["http://", "http://proxy.example:port", "http://[::1", "http://user@", "http://:3128"]
)
def test_a_proxy_that_cannot_be_read_is_a_fault_of_the_environment(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Nobody is asked directly then: a proxy is wanted."""
    monkeypatch.setenv("HTTPS_PROXY", text)

    error = fail()

    assert str(error) == (
        f"{URL} cannot be reached: the proxy in HTTPS_PROXY is not a URL with a host, such as http://HOST:PORT"
    )


def test_what_fails_behind_a_proxy_names_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that opens TLS has a certificate of its own; so it may be either."""
    tls, _ = certificate(tmp_path, host="issuer.example")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"):
        monkeypatch.delenv(name, raising=False)

    with ProxyServer(tls=tls) as proxy:
        use(monkeypatch, proxy)
        error = fail()

    assert str(error) == f"{URL} has a certificate that is self-signed (through the proxy {proxy.name})"
    assert error.advice == (
        "If the authority is that of your network or of its proxy, set SSL_CERT_FILE to its certificates."
    )


@pytest.mark.parametrize("answer", [ESTABLISHED, ESTABLISHED + b"<html>Welcome to the network</html>"])
def test_a_proxy_that_connects_to_something_else_is_named(monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    """Such as to nothing, or to a page of its own."""
    with ProxyServer(answer) as proxy:
        use(monkeypatch, proxy)
        message = str(fail())

    assert message in {
        f"{URL} {sentence} (through the proxy {proxy.name})"
        for sentence in ("closed the connection", "failed the TLS handshake")
    }


PROXIES = {
    "proxy.example:3128": Proxy("proxy.example", 3128, "http://proxy.example:3128", "http"),
    "proxy.example": Proxy("proxy.example", 80, "http://proxy.example", "http"),
    "http://Proxy.Example/": Proxy("proxy.example", 80, "http://Proxy.Example", "http"),
    " HTTP://proxy.example:3128/path ": Proxy("proxy.example", 3128, "http://proxy.example:3128", "http"),
    "https://proxy.example": Proxy("proxy.example", 443, "https://proxy.example", "https"),
    "socks5h://proxy.example": Proxy("proxy.example", 1080, "socks5h://proxy.example", "socks5h"),
    "http://[::1]:3128": Proxy("::1", 3128, "http://[::1]:3128", "http"),
    "http://user@proxy.example": Proxy("proxy.example", 80, "http://proxy.example", "http", "Basic dXNlcjo="),
    "user:a%40b@proxy.example": Proxy("proxy.example", 80, "http://proxy.example", "http", "Basic dXNlcjphQGI="),
    "http://u:p@/#?:@proxy.example:1": Proxy(
        "proxy.example", 1, "http://proxy.example:1", "http", "Basic dTpwQC8jPzo="
    ),
}


@pytest.mark.parametrize(("text", "proxy"), PROXIES.items(), ids=PROXIES)
def test_a_proxy_is_read_from_its_url(text: str, proxy: Proxy) -> None:
    """Scheme and port may be left out; a password may hold anything, percent-encoded or not."""
    read = Proxy.from_url(text)

    assert read == proxy
    assert "Basic" not in repr(read)


@given(st.text(max_size=60))
def test_any_text_is_a_proxy_or_unreadable(text: str) -> None:
    """Whatever stands in the environment."""
    try:
        proxy = Proxy.from_url(text)
    except UnreadableProxyError:
        return
    assert proxy.host
    assert proxy.name.isascii()
    assert "@" not in proxy.name


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/jwks", "https://localhost/jwks", "https://[::1]/", "http://keycloak"]
)
def test_this_machine_and_plain_http_are_asked_directly(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Over plain http a proxy could answer instead of the issuer, and choose the keys that we trust."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert proxy_for(url) is None
    assert list(remarks(url)) == []


def test_a_server_on_this_machine_is_reached_without_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in development, on a machine of a company."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    with IssuerServer() as issuer:
        assert fetch(issuer.jwks_url).content == {"keys": []}


#: What is asked directly, by ``NO_PROXY``.
WITHOUT_PROXY = {
    "issuer.example": URL,
    "ISSUER.example, other.example": URL,
    "other.example,.issuer.example": URL,
    "example": URL,
    ".example": URL,
    "..example": URL,
    "*": URL,
    "issuer.example:8443": "https://issuer.example:8443/jwks",
    "10.1.2.3": "https://10.1.2.3/jwks",
    "10.1.2.3:8443": "https://10.1.2.3:8443/jwks",
    "[2001:db8::1]": "https://[2001:db8::1]/jwks",
}


@pytest.mark.parametrize(("no_proxy", "url"), WITHOUT_PROXY.items(), ids=WITHOUT_PROXY)
def test_a_host_in_no_proxy_is_asked_directly(monkeypatch: pytest.MonkeyPatch, no_proxy: str, url: str) -> None:
    """By its name, the end of its name, or a port that the URL has as well."""
    monkeypatch.setenv("https_proxy", "socks5://proxy.example:1080")
    monkeypatch.setenv("no_proxy", no_proxy)

    assert proxy_for(url) is None
    assert list(remarks(url)) == []


#: The forms that others know and urllib does not, the URL they mean, and the entry that means it.
WITHOUT_EFFECT = {
    "*.example": (URL, "*.example"),
    "*issuer.example": (URL, "*issuer.example"),
    "localhost,*": (URL, "*"),
    "issuer.example:443": (URL, "issuer.example:443"),
    "issuer.example.": (URL, "issuer.example."),
    "https://issuer.example": (URL, "https://issuer.example"),
    "https://issuer.example:443/": (URL, "https://issuer.example:443/"),
    "localhost issuer.example": (URL, "issuer.example"),
    "localhost;issuer.example": (URL, "issuer.example"),
    "10.0.0.0/8": ("https://10.1.2.3/jwks", "10.0.0.0/8"),
    "10.1.2.3/32": ("https://10.1.2.3/jwks", "10.1.2.3/32"),
    "10.1.": ("https://10.1.2.3/jwks", None),
    "2001:db8::/32": ("https://[2001:db8::1]/jwks", "2001:db8::/32"),
    "2001:db8::1": ("https://[2001:db8::1]/jwks", "2001:db8::1"),
    "other.example,10.0.0.0/8,*.internal": (URL, None),
    "xissuer.example": (URL, None),
    "issuer.example:8443": (URL, None),
    "": (URL, None),
}


@pytest.mark.parametrize(("no_proxy", "meant"), WITHOUT_EFFECT.items(), ids=WITHOUT_EFFECT)
def test_a_form_of_no_proxy_without_effect_is_named(
    monkeypatch: pytest.MonkeyPatch, no_proxy: str, meant: tuple[str, str | None]
) -> None:
    """If it means this very host: what it says about others concerns nobody here."""
    url, entry = meant
    monkeypatch.setenv("https_proxy", "http://user:password@proxy.example:3128")
    monkeypatch.setenv("no_proxy", no_proxy)
    host = "issuer.example" if url is URL else url.split("/")[2].strip("[]")

    assert proxy_for(url) is not None
    assert list(remarks(url)) == (
        []
        if entry is None
        else [
            f"NO_PROXY means {host} with {entry}, a form that has no effect here, so it is asked through "
            f"http://proxy.example:3128. Write {host}, or the end of its name, between commas."
        ]
    )


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4a", "https", "ftp"])
def test_a_scheme_of_a_proxy_without_effect_is_named(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    """It is spoken to in HTTP all the same, as some understand both; nobody is asked directly."""
    monkeypatch.setenv("https_proxy", f"{scheme}://user:password@proxy.example:1")

    assert list(remarks(URL)) == [
        f"HTTPS_PROXY is {scheme}://proxy.example:1, which is spoken to in plain HTTP: the scheme has no effect here. "
        "Give the address of an HTTP proxy, such as http://proxy.example.com:3128."
    ]
    proxy = proxy_for(URL)
    assert proxy is not None
    assert proxy.host == "proxy.example"


def test_a_proxy_for_everything_is_not_read_and_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """curl knows ALL_PROXY."""
    monkeypatch.setenv("ALL_PROXY", "http://proxy.example:3128")

    assert proxy_for(URL) is None
    assert list(remarks(URL)) == [
        "ALL_PROXY is not read here, so issuer.example is asked directly. Set HTTPS_PROXY for a proxy."
    ]


@pytest.mark.parametrize("text", ["http://proxy.example:3128", "proxy.example:3128", "http://proxy.example:port"])
def test_a_proxy_that_is_used_or_fails_needs_no_remark(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """What cannot be read fails the fetch, which says so."""
    monkeypatch.setenv("HTTPS_PROXY", text)
    monkeypatch.setenv("ALL_PROXY", text)

    assert list(remarks(URL)) == []


@pytest.mark.parametrize("url", ["an issuer of my own", "https://", "http://["])
def test_a_location_that_is_no_url_has_no_remarks(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Somebody's own location may have any name."""
    monkeypatch.setenv("HTTPS_PROXY", "socks5://proxy.example")

    assert list(remarks(url)) == []


def test_a_proxy_that_refuses_is_named_in_the_log_and_to_readiness_probes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without user and password."""
    with (
        ProxyServer(b"HTTP/1.1 403 Forbidden\r\n\r\n") as proxy,
        caplog.at_level(logging.WARNING, "flask_resource_server.keys"),
    ):
        use(monkeypatch, proxy)
        source = RemoteKeySource(FixedLocation(URL), settings=RemoteKeySettings(retry=60))
        until_failing(source)
        eventually(lambda: caplog.records)

    reason = f"{URL} cannot be reached: the proxy {proxy.name} answered with status 403"
    assert source.status().last_error == reason
    assert caplog.records[0].getMessage().endswith(f": {reason}")
    assert "password" not in caplog.text


def test_a_remark_is_logged_once_by_each_source(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """At first use; a failing fetch is said as often as it fails."""
    monkeypatch.setenv("https_proxy", f"socks5://user:password@127.0.0.1:{free_port()}")
    source = RemoteKeySource(FixedLocation(URL), settings=RemoteKeySettings(retry=0.1))
    found = DiscoveredLocation("https://issuer.example")

    with caplog.at_level(logging.WARNING, "flask_resource_server.keys"):
        for _ in range(3):
            source.status()

    said = [record.getMessage() for record in caplog.records if "scheme has no effect" in record.getMessage()]
    assert said == source.remarks()
    assert said == RemoteKeySource(found).remarks()
    assert "password" not in caplog.text
