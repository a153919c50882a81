"""Recognises names of issuers and audiences that no token can have, before a token comes."""

from __future__ import annotations

import re

from ..tokens.profiles import PROFILES
from .key_source import WELL_KNOWN
from .reader import Section

#: What stands in a template where a name belongs. A name may hold these signs (RFC 7519 §2), and none is known to.
_PLACEHOLDER = re.compile(r"[{}<>$…]|\bYOUR[_-]")

#: Where Microsoft issues tokens.
_MICROSOFT = re.compile(
    r"https?://(?:login\.microsoftonline\.(?:com|us)|login\.partner\.microsoftonline\.cn|sts\.windows\.net"
    r"|[^/]+\.(?:b2c|ciam)login\.com)(?:/.*)?"
)
_TENANT = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

#: The ``iss`` of its tokens: of version 1, of version 2, and of Azure AD B2C with the name of a policy in it.
_MICROSOFT_ISSUER = re.compile(
    rf"https://(?:sts\.windows\.net/{_TENANT}/|(?!sts\.)[^/]+/(?:(?:tfp|te)/)?{_TENANT}/(?:[^/]+/)?v2\.0/?)"
)


def check_names(section: Section) -> None:
    """Tell which names cannot be the ``iss`` or ``aud`` of a token."""
    for setting in ("issuer", "audience"):
        if any(map(_PLACEHOLDER.search, getattr(section.values, setting))):
            section.problems.append(f"{section.labels[setting]} holds a placeholder; put your own name in its place.")
    for name in section.values.issuer:
        if _PLACEHOLDER.search(name) is None:
            _check_issuer_name(name, section)


def _check_issuer_name(name: str, section: Section) -> None:
    label, ending = section.labels["issuer"], PROFILES[section.values.profile].issuer_ends_with
    if WELL_KNOWN in f"{name}/":
        section.problems.append(
            f"{label} is the address of the metadata. Set it to the issuer that they name: mostly what stands "
            f"before {WELL_KNOWN}."
        )
    elif _MICROSOFT.fullmatch(name) and not _MICROSOFT_ISSUER.fullmatch(name):
        section.problems.append(
            f"{label} is an address of Microsoft that no token has as its iss. It names the tenant by its id, as in "
            "https://login.microsoftonline.com/ID/v2.0 (for tokens of version 1, https://sts.windows.net/ID/). The id "
            "is the Directory (tenant) ID in the portal."
        )
    elif not name.endswith(ending):
        section.warnings.append(
            f"{label} does not end with {ending}, as the iss of all tokens does by {section.labels['profile']}."
        )
