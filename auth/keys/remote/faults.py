"""What can go wrong on the way to an issuer and back, in our words, and what to do about it.

Sentences quote nothing of an answer. They name what was asked, the proxy, and what is at fault.
"""

from __future__ import annotations

import http.client
import os
import socket
import ssl
from http import HTTPStatus
from urllib.parse import urlsplit

from .connections import ProxyError
from .proxies import Proxy, UnreadableProxyError

#: The verification errors of OpenSSL (X509_V_ERR_…) in our words.
_CERTIFICATE_FAULTS = {
    9: "is not valid yet",
    10: "has expired",
    18: "is self-signed",
    19: "is signed by an authority that is not trusted here",
    20: "is signed by an authority that is not trusted here",
    21: "is signed by an authority that is not trusted here",
    62: "is for another host",
    64: "is for another host",
}

#: Those that end when this machine trusts the authority.
_UNKNOWN_AUTHORITY = frozenset({18, 19, 20, 21})

#: Certificates that break RFC 5280. Python refuses them since 3.13 (VERIFY_X509_STRICT), and curl does not.
_STRICT_FAULTS = range(80, 95)

#: Variables that other programs read instead of SSL_CERT_FILE.
_NOT_READ = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")


def describe(error: Exception, proxy: Proxy | None) -> str:
    """Return what went wrong on the way to a server or back, as the end of a sentence about its URL."""
    match error:
        case ProxyError(status=None, __cause__=Exception() as cause):
            return f"cannot be reached: the proxy {error.proxy.name} {_what_failed(cause)}"
        case ProxyError():
            return f"cannot be reached: the proxy {error.proxy.name} answered with status {error.status}"
        case UnreadableProxyError():
            return "cannot be reached: the proxy in HTTPS_PROXY is not a URL with a host, such as http://HOST:PORT"
    through = "" if proxy is None else f" (through the proxy {proxy.name})"
    return f"{_what_failed(error)}{through}"


def _what_failed(error: BaseException) -> str:
    match error:
        case TimeoutError():
            return "did not answer in time"
        case ssl.SSLCertVerificationError(verify_code=code) if code in _STRICT_FAULTS:
            # A fixed text of OpenSSL, such as "Missing Authority Key Identifier".
            return f"has a certificate that breaks RFC 5280 ({error.verify_message}), which Python refuses since 3.13"
        case ssl.SSLCertVerificationError(verify_code=code):
            return f"has a certificate that {_CERTIFICATE_FAULTS.get(code, 'is not trusted')}"
        case ssl.SSLError():
            return "failed the TLS handshake"
        case socket.gaierror():
            return "has a host name that cannot be resolved"
        case ConnectionRefusedError():
            return "refuses connections"
        case ConnectionError() | http.client.IncompleteRead():
            return "closed the connection"
        case http.client.HTTPException():
            return "did not answer in valid HTTP"
        case _:
            return "cannot be reached"


def advice(error: Exception, url: str) -> str:
    """Return what to do about it, in whole sentences; empty if there is nothing to say."""
    match error:
        # 407 is right; some proxies answer a wrong password with 401.
        case ProxyError(status=407 | 401) if error.proxy.authorization is not None:
            return (
                "The proxy refused the user and the password in HTTPS_PROXY. Only Basic authentication is known here."
            )
        case ProxyError(status=407 | 401):
            return "The proxy wants a user and a password: set HTTPS_PROXY to http://USER:PASSWORD@HOST:PORT."
        case ProxyError(status=HTTPStatus.FORBIDDEN):
            return "The proxy does not allow connections to this host: have it allowed there, or name it in NO_PROXY."
        case ProxyError(status=int()):
            return "The proxy could not connect to this host: ask the people who run the proxy, or name it in NO_PROXY."
        case ProxyError():
            return "Correct HTTPS_PROXY, or name the host in NO_PROXY if it is reached without a proxy."
        case ssl.SSLCertVerificationError(verify_code=code) if code in _UNKNOWN_AUTHORITY:
            unread = [name for name in _NOT_READ if os.environ.get(name)]
            return (
                "If the authority is that of your network or of its proxy, set SSL_CERT_FILE to its certificates."
                f"{f' {unread[0]} is set, and is not read here.' if unread else ''}"
            )
        case ssl.SSLCertVerificationError(verify_code=code) if code in _STRICT_FAULTS:
            return (
                "Other programs may accept the certificate, and so may Python before 3.13. Have its authority issue "
                "one that keeps to RFC 5280."
            )
        case socket.gaierror():
            return "Correct the host name, or the resolver of this machine."
        case ConnectionRefusedError():
            return "Check the host and the port, and whether the server runs."
        case TimeoutError() if urlsplit(url).scheme == "https":
            return "Check that this machine may connect there. Some networks need a proxy: HTTPS_PROXY."
    return ""


def advice_for_status(status: int) -> str:
    """Return what to do about an answer that is not 200; empty if the issuer has to do it."""
    match status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return "Keys are fetched without credentials: this URL has to be open to everybody, or to this machine."
        case HTTPStatus.NOT_FOUND | HTTPStatus.GONE | HTTPStatus.METHOD_NOT_ALLOWED:
            return "Correct the URL: the server has nothing there to be fetched."
        case HTTPStatus.TOO_MANY_REQUESTS:
            return "The server wants to be asked less often: by fewer processes, or after a longer age of the keys."
        case _ if 300 <= status < 400:
            return "Set the URL to which it leads; a login page there means that the URL needs to be opened first."
    return ""
