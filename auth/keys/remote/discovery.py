"""Where an issuer publishes its keys: at an address we are given, or at the one its metadata names."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

from .bounded_http import Deadline, FetchError, UnexpectedAnswerError, fetch_json
from .urls import is_fetchable, shown

#: Seconds for which an address found in metadata is used without asking again.
_KEEP_FOUND = 3600


@dataclass(frozen=True, slots=True)
class Address:
    """The URL of a JWK Set."""

    url: str
    #: Seconds for which it may be used, unless it fails before.
    keep: float = math.inf
    #: The issuer whose keys count, where the set holds those of several and names them; None where all do.
    owner: str | None = None


class JwksLocation(Protocol):
    """A way to the JWK Set of one issuer. Holds no state, so threads and processes may share it."""

    @property
    def name(self) -> str:
        """What is asked, for logs: a URL without anything secret."""
        ...

    def find(self, deadline: Deadline) -> Address:
        """Return where the JWK Set is, asking the issuer where that is the way.

        Raises:
            FetchError: it cannot be found out.
        """
        ...


@dataclass(frozen=True, slots=True)
class FixedLocation:
    """A JWK Set whose URL is known."""

    url: str
    #: See :attr:`Address.owner`.
    owner: str | None = None

    @property
    def name(self) -> str:
        """The URL, without what may be secret in it."""
        return shown(self.url)

    def find(self, deadline: Deadline) -> Address:  # noqa: ARG002  # nobody has to be asked
        """Return the URL."""
        return Address(self.url, owner=self.owner)


@dataclass(frozen=True, slots=True)
class DiscoveredLocation:
    """A JWK Set that the issuer's metadata names: OpenID Connect Discovery 1.0 §4, else RFC 8414 §3."""

    issuer: str
    #: See :attr:`Address.owner`.
    owner: str | None = None

    @property
    def name(self) -> str:
        """The issuer, without what may be secret in its URL."""
        return shown(self.issuer)

    def find(self, deadline: Deadline) -> Address:
        """Ask for the metadata and return the ``jwks_uri`` in it.

        Raises:
            FetchError: there is none, or it speaks for another issuer, or names a URL that is not to be trusted.
        """
        metadata = self._metadata(deadline)
        # RFC 8414 §3.3: identical, or the metadata must not be used. No other document is tried then.
        if metadata.get("issuer") != self.issuer:
            raise FetchError(f"the metadata of {self.name} is that of another issuer")
        url = metadata.get("jwks_uri")
        if not isinstance(url, str):
            raise FetchError(f"the metadata of {self.name} names no jwks_uri")
        # An issuer of development, on this machine, may use http all through: what is fetched by http is nowhere else.
        if not is_fetchable(url) or (_is_http(url) and not _is_http(self.issuer)):
            raise FetchError(f"the metadata of {self.name} names a jwks_uri that is not an https URL")
        return Address(url, keep=_KEEP_FOUND, owner=self.owner)

    def _metadata(self, deadline: Deadline) -> dict[str, Any]:
        try:
            return fetch_json(openid_metadata_url(self.issuer), deadline).content
        except UnexpectedAnswerError as openid:
            try:
                return fetch_json(oauth_metadata_url(self.issuer), deadline).content
            except UnexpectedAnswerError as oauth:
                raise FetchError(f"{openid}; {oauth}") from oauth


def openid_metadata_url(issuer: str) -> str:
    """Return where OpenID Connect Discovery 1.0 §4.1 puts the metadata of an issuer."""
    return issuer.rstrip("/") + "/.well-known/openid-configuration"


def oauth_metadata_url(issuer: str) -> str:
    """Return where RFC 8414 §3.1 puts the metadata of an issuer: before its path, not behind it."""
    parts = urlsplit(issuer)
    path = "/.well-known/oauth-authorization-server" + parts.path.rstrip("/")
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def _is_http(url: str) -> bool:
    return urlsplit(url).scheme == "http"
