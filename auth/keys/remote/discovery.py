"""Where an issuer publishes its keys, at a given address or at the one its metadata names, and how they are fetched."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

from ...wire.near_names import difference
from ..key_set import InvalidKeySetError, KeySet
from .bounded_http import FetchError, UnexpectedAnswerError, fetch_json
from .connections import Deadline
from .schedule import RemoteKeySettings, Snapshot
from .urls import is_fetchable, is_well_formed, redacted

#: Seconds for which an address found in metadata is used without asking again.
_KEEP_FOUND = 3600

#: What to do about metadata of another issuer, metadata instead of keys, and keys by http where that is refused.
_SET_ITS_NAME = "Set the issuer to exactly what the metadata and the tokens say, character by character."
_TAKE_ITS_URL = "These are the metadata of an issuer: set the URL to the jwks_uri in them, or use discovery."
_NAME_ITS_HOST = "In development, AUTH_INSECURE_HTTP_HOSTS may name its host."


@dataclass(frozen=True, slots=True)
class Address:
    """The URL of a JWK Set."""

    url: str
    #: Seconds for which it may be used unless a fetch from it fails.
    keep: float = math.inf
    #: The issuer whose keys count, if the set holds keys of several issuers and names them; None if all keys count.
    owner: str | None = None
    #: The hosts that may be asked by plain http, in addition to this machine; in lower case. For development.
    http_hosts: frozenset[str] = frozenset()


class JwksLocation(Protocol):
    """A way to find the JWK Set of one issuer. Stateless, so threads and processes may share it."""

    @property
    def name(self) -> str:
        """What is asked, for logs: a URL without anything secret."""
        ...

    def find(self, deadline: Deadline) -> Address:
        """Return the address of the JWK Set. May ask the issuer.

        Raises:
            FetchError: the address cannot be found.
        """
        ...


@dataclass(frozen=True, slots=True)
class FixedLocation:
    """A JWK Set whose URL is known."""

    url: str
    #: See :attr:`Address.owner`.
    owner: str | None = None
    #: See :attr:`Address.http_hosts`.
    http_hosts: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The URL, without anything secret."""
        return redacted(self.url)

    def find(self, deadline: Deadline) -> Address:  # noqa: ARG002  # nobody is asked
        """Return the URL."""
        return Address(self.url, owner=self.owner, http_hosts=self.http_hosts)


@dataclass(frozen=True, slots=True)
class DiscoveredLocation:
    """A JWK Set that the issuer's metadata names: OpenID Connect Discovery 1.0 §4, else RFC 8414 §3."""

    issuer: str
    #: See :attr:`Address.owner`.
    owner: str | None = None
    #: See :attr:`Address.http_hosts`.
    http_hosts: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The issuer, without anything secret in its URL."""
        return redacted(self.issuer)

    def find(self, deadline: Deadline) -> Address:
        """Fetch the metadata and return the ``jwks_uri`` in it.

        Raises:
            FetchError: there is no metadata, it is for another issuer, or it names a URL that is not trusted.
        """
        metadata = self._metadata(deadline)
        # RFC 8414 §3.3: identical, or the metadata must not be used. No other document is tried then.
        if metadata.get("issuer") != self.issuer:
            raise self._another_issuer(metadata.get("issuer"))
        url = metadata.get("jwks_uri")
        if not isinstance(url, str):
            raise FetchError(f"the metadata of {self.name} has no jwks_uri")
        # A development issuer may use http for both. Metadata that came by https must not lead to http.
        if not is_fetchable(url, self.http_hosts) or (_is_http(url) and not _is_http(self.issuer)):
            raise FetchError(
                f"the metadata of {self.name} has a jwks_uri that is not an https URL",
                _NAME_ITS_HOST if is_well_formed(url) and _is_http(self.issuer) else "",
            )
        return Address(url, keep=_KEEP_FOUND, owner=self.owner, http_hosts=self.http_hosts)

    def _another_issuer(self, named: object) -> FetchError:
        message = f"the metadata of {self.name} names another issuer"
        only = difference(named, [self.issuer]) if isinstance(named, str) else None
        if only is None:
            return FetchError(message, _SET_ITS_NAME)
        return FetchError(f"{message}, which differs only by {only}", _SET_ITS_NAME)

    def _metadata(self, deadline: Deadline) -> dict[str, Any]:
        try:
            return fetch_json(openid_metadata_url(self.issuer), deadline, self.http_hosts).content
        except UnexpectedAnswerError as openid:
            try:
                return fetch_json(oauth_metadata_url(self.issuer), deadline, self.http_hosts).content
            except UnexpectedAnswerError as oauth:
                raise FetchError(f"{openid}; {oauth}") from oauth


class KeyFetcher:
    """Fetches the keys of one issuer, and remembers their address for a while. For one thread at a time."""

    def __init__(self, location: JwksLocation, settings: RemoteKeySettings, clock: Callable[[], float]) -> None:
        self._location = location
        self._settings = settings
        self._clock = clock
        self._address: Address | None = None
        self._address_until = -math.inf

    def fetch(self) -> Snapshot:
        """Fetch the keys, with one deadline for metadata and keys together.

        Raises:
            FetchError: the fetch failed. The next one looks for the address again.
        """
        deadline, began_at = Deadline(self._settings.timeout), self._clock()
        # Kept again only if the keys are there.
        address, self._address = self._address, None
        if address is None or began_at >= self._address_until:
            address = self._location.find(deadline)
            self._address_until = began_at + address.keep
        document, url = fetch_json(address.url, deadline, address.http_hosts), redacted(address.url)
        try:
            key_set = KeySet.from_document(document.content, address.owner)
        except InvalidKeySetError as error:
            raise FetchError(f"{url} {error}", _TAKE_ITS_URL if "jwks_uri" in document.content else "") from error
        self._address = address
        fresh_for, usable_for = self._settings.lifetimes(document.max_age)
        return Snapshot(
            url=url,
            key_set=key_set,
            date=document.date,
            fetched_at=began_at,
            fresh_until=began_at + fresh_for,
            usable_until=began_at + usable_for,
        )


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
