"""Plain http to issuers: never, except to this machine and, in development, to hosts that are named.

Anybody on the way of plain http can replace the keys, and so sign in as any user.
"""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from ..keys.remote.urls import is_plain_http
from .addresses import HOST_NAME
from .reader import Section


def allowed_hosts(service: Section, *, is_development: bool) -> frozenset[str]:
    """Return the hosts that plain http is allowed to, in lower case. They stop a start that is not for development."""
    label, hosts = service.labels["insecure_http_hosts"], service.values.insecure_http_hosts
    if hosts and not is_development:
        service.problems.append(
            f"{label} is for development: set AUTH_DEVELOPMENT_TOKENS to true as well, or run flask --debug. In "
            "production an issuer needs https."
        )
    elif hosts:
        service.warnings.append(
            f"{label} allows plain http to {', '.join(hosts)}: anybody on the way can replace the keys and sign in as "
            "any user. Never use it in production."
        )
    return frozenset(host.lower() for host in hosts)


def check_plain_http(section: Section, allowed: frozenset[str]) -> None:
    """Refuse a plain-http URL that keys or metadata are fetched from.

    The name of an issuer is compared as text (RFC 7519 §4.1.1), and only discovery goes there: to the first one.
    """
    values = section.values
    fetched = {"issuer": values.issuer[0] if values.discovery and values.issuer else None, "jwks_url": values.jwks_url}
    for name, url in fetched.items():
        if url is not None and is_plain_http(url, allowed):
            section.problems.append(f"{section.labels[name]} is a plain-http URL; {_way_out(url)}")


def _way_out(url: str) -> str:
    host = _host(url)
    if HOST_NAME.fullmatch(host) is None:
        return "an issuer that is not on this machine needs https."
    return (
        "an issuer that is not on this machine needs https, or in development its host in AUTH_INSECURE_HTTP_HOSTS "
        f"(FLASK_AUTH_INSECURE_HTTP_HOSTS='{json.dumps([host])}') together with AUTH_DEVELOPMENT_TOKENS or "
        "flask --debug."
    )


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
