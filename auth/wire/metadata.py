"""What a protected resource says about itself, so that clients find its authorization server (RFC 9728).

Everything comes from the settings: nothing in a request can change a URL or the document.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

#: What stands between the host of a resource and its path in the URL of its metadata (RFC 9728 §3).
WELL_KNOWN = "/.well-known/oauth-protected-resource"

#: A dot segment (RFC 3986 §3.3), or an empty one that is not the last.
_RESOLVABLE = re.compile(r"/(?:/|\.{1,2}(?:/|\Z))")


@dataclass(frozen=True, slots=True)
class ProtectedResource:
    """One URL by which clients know an API."""

    #: The URL as the setting has it: clients compare it character by character (RFC 9728 §3.3).
    identifier: str
    #: Its path; empty, or a slash and segments without a slash at the end.
    path: str = field(init=False)
    #: Where its metadata is.
    metadata_path: str = field(init=False)
    metadata_url: str = field(init=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.identifier)
        object.__setattr__(self, "path", parts.path)
        object.__setattr__(self, "metadata_path", f"{WELL_KNOWN}{parts.path}")
        object.__setattr__(self, "metadata_url", f"{parts.scheme}://{parts.netloc}{self.metadata_path}")

    def holds(self, path: str) -> bool:
        """Tell whether a path lies at or below the resource, by whole segments."""
        return path == self.path or path.startswith(f"{self.path}/")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceMetadata:
    """The resources of a service, and what their documents say."""

    #: Those with longer paths come first. No two have the same path.
    resources: tuple[ProtectedResource, ...]
    #: The names of the issuers that are published.
    authorization_servers: tuple[str, ...]
    #: The least that a client should ask for.
    scopes: tuple[str, ...] = ()
    name: str | None = None
    documentation: str | None = None
    #: The path at which clients reach the app; empty if the app has its host for itself.
    mount: str = ""

    def resource_at(self, path: str) -> ProtectedResource | None:
        """Return the resource that a path of the app belongs to; None if it lies below none.

        Of several resources, a path with dot segments or empty ones belongs to none: a view that resolves them, as for
        the name of a file, would reach another resource than the one that the path begins with.
        """
        if len(self.resources) > 1 and _RESOLVABLE.search(path):
            return None
        public = f"{self.mount}{path}"
        return next((resource for resource in self.resources if resource.holds(public)), None)

    def named_by(self, audience: object) -> tuple[ProtectedResource, ...]:
        """Return the resources that the ``aud`` of a token names."""
        return tuple(resource for resource in self.resources if is_for(audience, resource))

    def document(self, resource: ProtectedResource) -> dict[str, Any]:
        """Return the metadata of a resource (RFC 9728 §2)."""
        members: dict[str, Any] = {
            "resource": resource.identifier,
            "authorization_servers": [*self.authorization_servers],
            "scopes_supported": [*self.scopes] or None,
            "bearer_methods_supported": ["header"],
            "resource_name": self.name,
            "resource_documentation": self.documentation,
        }
        return {name: value for name, value in members.items() if value is not None}

    def documents(self) -> dict[str, Document]:
        """Return each document by its path. That of an only resource is at the root as well, where clients look too."""
        documents = {one.metadata_path: Document.of(self.document(one)) for one in self.resources}
        if len(self.resources) == 1:
            documents[WELL_KNOWN] = documents[self.resources[0].metadata_path]
        return documents


@dataclass(frozen=True, slots=True)
class Document:
    """Metadata as they are sent."""

    body: bytes
    #: An entity tag without its quotes (RFC 9110 §8.8.3).
    etag: str

    @classmethod
    def of(cls, members: dict[str, Any]) -> Document:
        """Return members as JSON."""
        body = json.dumps(members, indent=2).encode() + b"\n"
        return cls(body, hashlib.sha256(body).hexdigest()[:32])


def is_for(audience: object, resource: ProtectedResource) -> bool:
    """Tell whether the ``aud`` of a token names a resource (RFC 8707 §2, RFC 9728 §7.3)."""
    if isinstance(audience, str):
        return audience == resource.identifier
    return isinstance(audience, Collection) and resource.identifier in audience
