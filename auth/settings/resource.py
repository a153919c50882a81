"""Judges the settings about the URLs by which clients know the service, and what its metadata say (RFC 9728)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..keys.remote.urls import has_only_characters_of_urls, is_plain_http, is_well_formed
from ..tokens.profiles import PROFILES
from ..wire.metadata import ProtectedResource, ResourceMetadata
from .reader import Section

#: Settings that mean nothing without a resource.
_ABOUT_RESOURCES = ("resource_scopes", "resource_name", "resource_docs")


def take_resource_as_audience(section: Section, service: Section) -> None:
    """Let the resources be the audience of an issuer that has none; warn if its audience lacks one of them.

    A profile that holds another claim than ``aud`` against the audience does not name resources there.
    """
    resources, label = service.values.resource, section.labels["audience"]
    if "audience" in section.given:
        for resource in resources:
            if resource not in section.values.audience:
                section.warnings.append(
                    f"{label} does not hold {resource}, which AUTH_RESOURCE names. A client that asks its "
                    f'authorization server for that resource (RFC 8707) brings a token with "aud": "{resource}", which '
                    f"is refused. Add the URL to {label}."
                )
    elif "resource" in service.given and PROFILES[section.values.profile].audience_claim == "aud":
        section.values.audience = resources
        section.given.add("audience")


def check_resource(service: Section, sections: Sequence[Section], mount: object) -> None:
    """Note contradictions between the resources and other settings; ``mount`` is ``APPLICATION_ROOT`` of Flask."""
    if "resource" not in service.given:
        service.problems.extend(
            f"{service.labels[name]} is set, and AUTH_RESOURCE is not: nothing would be published."
            for name in _ABOUT_RESOURCES
            if name in service.given
        )
        return
    if not isinstance(mount, str) or not mount.startswith("/"):
        service.problems.append(
            "APPLICATION_ROOT must begin with a slash: it is the path at which clients reach the app."
        )
    for section in sections:
        label, names = section.labels["issuer"], section.values.issuer[:1]
        if section.values.published and names and not _can_be_published(names[0]):
            reason = f"{label} is no https URL, so no client could find the issuer by it."
            if "published" in section.given:
                service.problems.append(f"{section.labels['published']} is true, and {reason}")
            else:
                service.warnings.append(f"{reason} The resource metadata leave it out.")
    resources = service.values.resource
    if len(resources) > 1:
        useless = [*_without_a_resource(resources, sections)]
        service.problems.extend(useless or _without_an_issuer(resources, sections))
    if resources and not _published(sections):
        service.problems.append(
            "AUTH_RESOURCE is set, and there is no issuer to publish: clients could not find the authorization server. "
            "One issuer at least needs an https URL as its name."
        )


def _without_a_resource(resources: Sequence[str], sections: Sequence[Section]) -> Iterator[str]:
    """Tell which issuers have no tokens for any of several resources: a token has to name the one that it is for."""
    for section in sections:
        label, audience, profile = section.labels["audience"], section.values.audience, section.values.profile
        if PROFILES[profile].audience_claim != "aud":
            yield (
                f"{section.labels['profile']} is {profile}, whose tokens do not name the resource that they are for. "
                "With several resources each would be refused. Set AUTH_RESOURCE to one URL, or serve each as an app."
            )
        elif audience and not set(audience) & set(resources):
            yield (
                f"{label} holds none of the URLs in AUTH_RESOURCE. With several resources a token has to name the one "
                f"that it is for, so each would be refused. Add the URLs to {label}, or do not set it."
            )


def _without_an_issuer(resources: Sequence[str], sections: Sequence[Section]) -> Iterator[str]:
    """Tell which of several resources no token can be for."""
    audiences = [section.values.audience for section in sections]
    labels = " or ".join(dict.fromkeys(section.labels["audience"] for section in sections))
    for resource in resources:
        if not any(resource in audience or not audience for audience in audiences):
            yield (
                f"AUTH_RESOURCE names {resource}, and {labels} does not. With several resources a token has to name "
                f"the one that it is for, so each request there would be refused. Add the URL to {labels}."
            )


def _published(sections: Sequence[Section]) -> tuple[str, ...]:
    names = [section.values.issuer[0] for section in sections if section.values.published and section.values.issuer]
    return tuple(filter(_can_be_published, names))


def _can_be_published(name: str) -> bool:
    """Tell whether a client can look for the metadata of an issuer (RFC 8414 §2); http is for this machine only."""
    is_url = is_well_formed(name) and has_only_characters_of_urls(name)
    return is_url and not is_plain_http(name) and "?" not in name and "#" not in name


def make_metadata(service: Section, sections: Sequence[Section], mount: str) -> ResourceMetadata | None:
    """Return what is published; None if there is no resource."""
    values = service.values
    if not values.resource:
        return None
    resources = sorted(map(ProtectedResource, values.resource), key=lambda one: (-one.path.count("/"), one.path))
    return ResourceMetadata(
        resources=tuple(resources),
        authorization_servers=_published(sections),
        scopes=values.resource_scopes,
        name=values.resource_name,
        documentation=values.resource_docs,
        mount=mount.rstrip("/"),
    )
