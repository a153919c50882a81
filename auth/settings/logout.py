"""Judges the settings of back-channel logout: whose logout tokens are obeyed, and where they are received."""

from __future__ import annotations

from collections.abc import Sequence

from .reader import Section


def check_logout(service: Section, sections: Sequence[Section]) -> None:
    """Note contradictions between the settings of back-channel logout and others."""
    problem = service.problems.append
    receiving = [section for section in sections if "logout_audience" in section.given]
    if "logout_path" in service.given and not receiving:
        problem("AUTH_LOGOUT_PATH is set, and AUTH_LOGOUT_AUDIENCE is not: nothing would be received.")
    for section in receiving:
        label = section.labels["logout_audience"]
        if "denylist" not in service.given:
            problem(f"{label} is set, and AUTH_DENYLIST is not: nobody would remember who has logged out.")
        if "issuer" not in section.given:
            problem(
                f"{label} is set, and {section.labels['issuer']} is not: anybody who shares the secret could end the "
                "sessions of another issuer. Set the exact iss of the logout tokens."
            )


def logout_path(service: Section, sections: Sequence[Section]) -> str | None:
    """Return where logout tokens are received; None if none are."""
    path: str = service.values.logout_path
    return path if any("logout_audience" in section.given for section in sections) else None
