"""The answer to a refused request as text: its challenges, its header fields and its body (RFC 6750 §3)."""

from __future__ import annotations

from typing import NamedTuple

from ..errors import AuthError


class Challenge(NamedTuple):
    """One challenge of a ``WWW-Authenticate`` field (RFC 9110 §11.3); ``str()`` prints it."""

    scheme: str
    #: Names and values in the order in which they are printed. No value holds a quote or a backslash.
    parameters: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        """Return the field value, every parameter quoted (RFC 6750 §3)."""
        return f"{self.scheme} " + ", ".join(f'{name}="{value}"' for name, value in self.parameters)


def challenges_for(error: AuthError, realm: str, metadata_url: str | None = None) -> tuple[Challenge, ...]:
    """Return the challenges that an answer to ``error`` carries; none if no other token would be answered differently.

    ``error`` stands in it only if RFC 6750 §3.1 or RFC 9470 §3 registers an error for the case, ``acr_values`` and
    ``max_age`` if the user has to log in otherwise (RFC 9470 §3), and ``resource_metadata`` (RFC 9728 §5.1) if the
    resource publishes metadata.
    """
    if not error.challenges:
        return ()
    parameters = [("realm", realm)]
    if error.challenge_error is not None:
        parameters.append(("error", error.challenge_error))
    if error.acr_values:
        parameters.append(("acr_values", " ".join(error.acr_values)))
    if error.max_age is not None:
        parameters.append(("max_age", str(error.max_age)))
    if error.scope:
        parameters.append(("scope", " ".join(error.scope)))
    if metadata_url is not None:
        parameters.append(("resource_metadata", metadata_url))
    return (Challenge("Bearer", tuple(parameters)),)


def headers_for(error: AuthError, realm: str, metadata_url: str | None = None) -> list[tuple[str, str]]:
    """Return the header fields that an answer to ``error`` must carry, one ``WWW-Authenticate`` for each challenge."""
    fields = [("Cache-Control", "no-store"), ("Vary", "Authorization")]
    fields += [("WWW-Authenticate", str(challenge)) for challenge in challenges_for(error, realm, metadata_url)]
    if error.retry_after is not None:
        fields.append(("Retry-After", str(error.retry_after)))
    return fields


def body_for(error: AuthError) -> dict[str, str | int]:
    """Return the JSON body that answers ``error``: ``code``, ``status``, ``message`` and ``error``."""
    return {
        "code": error.status.value,
        "status": error.status.phrase,
        "message": error.message,
        "error": error.code.value,
    }
