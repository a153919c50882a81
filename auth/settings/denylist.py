"""Judges the settings about the denylist."""

from __future__ import annotations

from collections.abc import Sequence

from ..clock import system_time
from ..errors import ConfigurationError
from ..revocation.denylist import MEMORY, DenylistSettings
from .denylist_values import REFUSE
from .issuer import may_lack_an_end
from .reader import Section

#: Settings that mean nothing without a denylist.
_ABOUT_DENYLISTS = ("denylist_failure", "denylist_timeout", "denylist_keep")


def check_denylist(service: Section, sections: Sequence[Section]) -> None:
    """Note contradictions between the denylist and the other settings of the service and of its issuers."""
    values, labels, problem = service.values, service.labels, service.problems.append
    if "denylist" not in service.given:
        for name in _ABOUT_DENYLISTS:
            if name in service.given:
                problem(f"{labels[name]} is set, and {labels['denylist']} is not: nothing would be revoked.")
        return
    settings = make_denylist(service)
    if settings is not None:
        try:
            settings.open(system_time)
        except ConfigurationError as error:
            problem(f"{labels['denylist']} is the URL of a Redis. {error.problems[0]}")
        if settings.is_private:
            service.warnings.append(
                f"{labels['denylist']} is {MEMORY}: other processes do not know what is revoked in this one, and a "
                "restart forgets it. Set the URL of a Redis."
            )
    for section in sections:
        age = section.values.max_token_age
        if may_lack_an_end(section.values):
            problem(
                f"{section.labels['required_claims']} lacks exp, and {section.labels['max_token_age']} is not set: a "
                f"token without exp would outlive its revocation. Set one of them, or leave {labels['denylist']} out."
            )
        elif age is not None and age > values.denylist_keep:
            problem(
                f"{labels['denylist_keep']} must be at least {section.labels['max_token_age']}: a token would outlive "
                "the revocation of its user."
            )


def make_denylist(service: Section) -> DenylistSettings | None:
    """Return the settings about the denylist; None if there is none."""
    values = service.values
    if values.denylist is None:
        return None
    return DenylistSettings(
        place=values.denylist,
        refuses=values.denylist_failure == REFUSE,
        timeout=values.denylist_timeout,
        keep=values.denylist_keep,
    )
