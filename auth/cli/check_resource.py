"""Whether clients find the metadata of a resource: asks for the document at its public URL, as they do."""

from __future__ import annotations

from collections.abc import Iterator

from ..keys import FetchError
from ..keys.remote.bounded_http import UnexpectedAnswerError, fetch_json
from ..keys.remote.connections import Deadline
from ..wire.metadata import ProtectedResource, ResourceMetadata
from .check import Finding

#: Seconds for the one request.
_TIMEOUT = 5

_HAND_ON = "What stands in front of the app has to hand that path on to it as it is, and to ask nobody for a login."


def check_resource(resource: ProtectedResource, metadata: ResourceMetadata) -> Iterator[Finding]:
    """Yield what a client finds at the URL of the metadata of a resource."""
    url = resource.metadata_url
    try:
        found = fetch_json(url, Deadline(_TIMEOUT)).content
    except FetchError as error:
        advice = _HAND_ON if isinstance(error, UnexpectedAnswerError) else error.advice
        yield Finding(f"The metadata cannot be fetched: {error}. {advice}".rstrip(), is_problem=True)
        return
    ours = metadata.document(resource)
    if found == ours:
        yield Finding(f"{url} answers with the metadata of this app.")
    elif found.get("resource") != ours["resource"]:
        yield Finding(
            f"{url} answers with the metadata of another resource: clients compare resource character by character, "
            "and refuse this document.",
            is_problem=True,
        )
    else:
        differing = sorted(name for name in {*found, *ours} if found.get(name) != ours.get(name))
        known = [name for name in differing if name in ours] or ["members that this app does not have"]
        yield Finding(
            f"{url} answers with another document than this app has. It differs in {', '.join(known)}: an older "
            "version in a cache, or another app.",
            is_problem=True,
        )
