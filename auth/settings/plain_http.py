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
    """Refuse plain-http URLs of an issuer in one sentence, however many settings have one."""
    written = {"issuer": section.values.issuer, "jwks_url": (section.values.jwks_url,)}
    plain = {name: [url for url in urls if url and is_plain_http(url, allowed)] for name, urls in written.items()}
    labels = [section.labels[name] for name, urls in plain.items() if urls]
    if labels:
        are = "is a plain-http URL" if len(labels) == 1 else "are plain-http URLs"
        section.problems.append(f"{' and '.join(labels)} {are}; {_way_out([*plain['issuer'], *plain['jwks_url']])}")


def _way_out(urls: list[str]) -> str:
    hosts = sorted({_host(url) for url in urls})
    if not all(map(HOST_NAME.fullmatch, hosts)):
        return "an issuer that is not on this machine needs https."
    named = json.dumps(hosts)
    return (
        "an issuer that is not on this machine needs https, or in development its host in AUTH_INSECURE_HTTP_HOSTS "
        f"(FLASK_AUTH_INSECURE_HTTP_HOSTS='{named}') together with AUTH_DEVELOPMENT_TOKENS or flask --debug."
    )


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
