"""What a request shows to say who is calling, taken out of its header fields and not yet believed."""

from __future__ import annotations

from typing import NamedTuple


class Credentials(NamedTuple):
    """The access token of a request, and what proves that its sender holds the key it is bound to.

    A bearer token needs none of the latter (RFC 6750); the fields are None unless a binding that needs them is on.
    """

    #: The authentication scheme in lower case (RFC 9110 §11.1): ``bearer``.
    scheme: str
    #: The access token as it was sent.
    token: str
    #: A proof of possession, such as a DPoP proof (RFC 9449 §4.1).
    proof: str | None = None
    #: The method and the URL of the request, which such a proof names.
    method: str | None = None
    url: str | None = None
    #: The client's certificate in DER (RFC 8705 §3).
    certificate: bytes | None = None

    def __repr__(self) -> str:
        """Name the scheme alone: the rest must not end in a log."""
        return f"Credentials(scheme={self.scheme!r})"
