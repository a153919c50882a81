"""How issuers and their addresses are written. Whether plain http is right for them is judged elsewhere."""

from __future__ import annotations

import re

from ..keys.remote.urls import is_well_formed
from .values import Place, text, texts

#: A host name in letters, digits, dots and hyphens (RFC 1123 §2.1), or with the underscores that containers have.
HOST_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,252}[a-z0-9_])?", re.ASCII)


def _check_url(url: str, place: Place) -> None:
    if "://" not in url:
        place.refuse("must begin with https://.")
    elif not is_well_formed(url) or "#" in url:
        place.refuse("must be an https URL without user and fragment; http on this machine only.")


URL = text(_check_url, "an https URL")


def _check_issuer(names: tuple[str, ...], place: Place) -> None:
    if len(set(names)) < len(names):
        place.refuse("holds one name twice.")


ISSUER = texts(_check_issuer)


def _check_hosts(names: tuple[str, ...], place: Place) -> None:
    if not all(HOST_NAME.fullmatch(name.lower()) for name in names):
        place.refuse("must hold exact host names, such as keycloak: no scheme, no port, no wildcard.")


HOSTS = texts(_check_hosts, "a host name or a list of them")
