"""The settings of the whole service, read and judged once at start.

Every problem is collected and reported together, each in a sentence that names the setting and the way out. Only
settings without a problem become objects: frozen and complete, so no later room reads ``app.config``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, pairwise
from typing import Any

from ..errors import ConfigurationError
from ..keys import KeySource
from ..revocation.denylist import DenylistSettings
from ..scopes import FLAT, ScopeHierarchy
from ..tokens.issuer import TrustedIssuer
from ..wire.metadata import ResourceMetadata
from .denylist import check_denylist, make_denylist
from .environment import misnamed_settings, unread_variables
from .issuer import check_issuer, make_issuer
from .logout import check_logout, logout_path
from .plain_http import allowed_hosts
from .reader import Section, read_entry, read_service
from .resource import check_resource, make_metadata, take_resource_as_audience
from .table import TABLE, Level


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthConfig:
    """All settings of one :class:`~.ResourceServer`."""

    #: The issuers whose tokens are accepted. No two have the same name, and no two of their users have the same id.
    issuers: tuple[TrustedIssuer, ...]
    max_token_bytes: int
    #: How many verified tokens each process remembers.
    token_cache_size: int
    realm: str
    #: The request header whose value is taken over as the id of a request; None if every id is ours.
    request_id_header: str | None
    deny_by_default: bool
    #: Whether ``flask auth token`` may mint tokens with the shared secret.
    development_tokens: bool
    #: Whether requests are counted for Prometheus, where it may read the counts, and the scope that it needs there.
    metrics: bool
    metrics_path: str | None
    metrics_scope: str
    #: Whether the span of a request names its user.
    trace_user: bool
    #: What the service publishes about itself; None if clients do not know it by a URL.
    metadata: ResourceMetadata | None
    #: None if nothing is ever revoked.
    denylist: DenylistSettings | None
    #: Where logout tokens are received; None if none are.
    logout_path: str | None
    scope_hierarchy: ScopeHierarchy = field(repr=False)
    #: What is allowed and unwise, to be said once at start.
    warnings: tuple[str, ...]

    @classmethod
    def from_mapping(
        cls,
        settings: Mapping[str, Any],
        *,
        keys: KeySource | None = None,
        debug: bool = False,
        environment: Collection[str] = (),
    ) -> AuthConfig:
        """Read the ``AUTH_…`` keys of a mapping such as ``app.config``; ``keys`` stands in for secret or public key.

        ``debug`` tells that the app runs in debug mode, which allows what is for development. ``environment`` holds the
        names of variables that may have been meant as settings.

        Raises:
            ConfigurationError: there are problems; it lists all of them.
        """
        service = read_service(settings)
        sections = [service]
        http_hosts = allowed_hosts(service, is_development=debug or service.values.development_tokens)
        if "issuers" in service.given:
            sections = _read_entries(service, keys, http_hosts)
        else:
            take_resource_as_audience(service, service)
            check_issuer(service, keys, http_hosts)
        mount = settings.get("APPLICATION_ROOT", "/")
        check_resource(service, sections, mount)
        check_denylist(service, sections)
        check_logout(service, sections)
        if service.problems:
            # What several entries inherit is judged for each of them, and told once.
            unread = unread_variables(environment, settings)
            misnamed = misnamed_settings(environment, settings, service.given, has_keys=keys is not None)
            raise ConfigurationError(dict.fromkeys((*service.problems, *unread, *misnamed)))
        return cls(
            issuers=_make_issuers(sections, keys, http_hosts),
            max_token_bytes=service.values.max_token_bytes,
            token_cache_size=service.values.token_cache_size,
            realm=service.values.realm,
            request_id_header=service.values.request_id_header,
            deny_by_default=service.values.deny_by_default,
            development_tokens=service.values.development_tokens,
            metrics=service.values.metrics or service.values.metrics_path is not None,
            metrics_path=service.values.metrics_path,
            metrics_scope=service.values.metrics_scope,
            trace_user=service.values.trace_user,
            metadata=make_metadata(service, sections, mount),
            denylist=make_denylist(service),
            logout_path=logout_path(service, sections),
            scope_hierarchy=ScopeHierarchy(service.values.scope_implies) if service.values.scope_implies else FLAT,
            warnings=(*dict.fromkeys(service.warnings), *unread_variables(environment, settings)),
        )


def _read_entries(service: Section, keys: KeySource | None, http_hosts: frozenset[str]) -> list[Section]:
    """Read the entries of ``AUTH_ISSUERS``, judge each, and compare them with each other."""
    problem = service.problems.append
    for row in TABLE:
        if row.level is Level.ISSUER and row.name in service.given:
            problem(f"{row.key} and AUTH_ISSUERS are both set; move it into the entry it belongs to.")
    if keys is not None:
        problem("A key source is given with keys=, and AUTH_ISSUERS is set as well; keep one.")
    entries = [read_entry(index, entry, service) for index, entry in enumerate(service.values.issuers)]
    for entry in entries:
        take_resource_as_audience(entry, service)
        check_issuer(entry, None, http_hosts)
    service.problems.extend((*_confusions_of_issuers(entries), *_confusions_of_users(entries)))
    return entries


def _confusions_of_issuers(entries: Sequence[Section]) -> Iterator[str]:
    """Tell where one issuer could be taken for another."""
    names = list(chain.from_iterable(set(entry.values.issuer) for entry in entries))
    if len(set(names)) < len(names):
        yield "Two entries of AUTH_ISSUERS have the same issuer; each needs its own."
    secrets = list(chain.from_iterable({key.material for key in entry.values.secret} for entry in entries))
    if len(set(secrets)) < len(secrets):
        yield "Two entries of AUTH_ISSUERS share a secret, so each could sign as the other; each needs its own."


def _confusions_of_users(entries: Sequence[Section]) -> Iterator[str]:
    """Tell where two users could have one id: a user is the pair of issuer and subject (RFC 7519 §4.1.2)."""
    if sum("user_prefix" not in entry.given for entry in entries) > 1:
        yield (
            "More than one entry of AUTH_ISSUERS has no user_prefix, so a user of one could be taken for that of "
            "another. Leave it out for the one issuer that owns the plain user ids, and set one for each other. "
            "If they are one issuer with several names, make them one entry with a list as its issuer."
        )
    prefixes = sorted(entry.values.user_prefix for entry in entries if entry.values.user_prefix)
    # Sorted, a text stands right before those that begin with it.
    if any(later.startswith(earlier) for earlier, later in pairwise(prefixes)):
        yield "One user_prefix in AUTH_ISSUERS begins with another; end each with a sign of its own, such as a colon."


def _make_issuers(
    sections: Sequence[Section], keys: KeySource | None, http_hosts: frozenset[str]
) -> tuple[TrustedIssuer, ...]:
    issuers = [make_issuer(section.values, keys, http_hosts) for section in sections]
    prefixes = tuple(issuer.user_prefix for issuer in issuers if issuer.user_prefix)
    return tuple(issuer if issuer.user_prefix else replace(issuer, reserved_prefixes=prefixes) for issuer in issuers)
