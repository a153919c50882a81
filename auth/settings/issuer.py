"""Judges the settings of one issuer and makes a :class:`TrustedIssuer` of them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

from ..keys import KeySource
from ..keys.algorithms import SYMMETRIC_ALGORITHMS
from ..tokens.issuer import TrustedIssuer
from ..tokens.profiles import PROFILES, name_in_namespace
from .issuer_names import check_names
from .key_source import KEY_SETTINGS, accepted_algorithms, check_key_source, make_key_source
from .plain_http import check_plain_http
from .reader import Section

#: Claims with a name that a user goes by for a time (OpenID Connect Core §5.1); the last three are of Microsoft and
#: Amazon.
_CHANGING_HANDS = frozenset({"preferred_username", "nickname", "name", "upn", "unique_name", "username"})

#: Claims about a user, most of which users fill in themselves (OpenID Connect Core §5.1).
_ABOUT_A_USER = _CHANGING_HANDS | {
    *("given_name", "family_name", "middle_name", "profile", "picture", "website", "gender", "birthdate", "zoneinfo"),
    *("locale", "address"),
}

#: What the absence of issuer or audience means where a shared secret allows it.
_UNBOUND = {
    "issuer": "any token signed with {secret} is accepted, from any issuer.",
    "audience": "tokens that name no audience are accepted, even tokens for another service.",
}

#: What to set with public keys, which verify whatever the issuer signed for anybody.
_NEEDED = {
    "issuer": "with public keys it is needed (RFC 8725 §3.8): the exact iss of the tokens.",
    "audience": "with public keys it is needed (RFC 8725 §3.9): the {claim} of the tokens.",
}


def check_issuer(section: Section, keys: KeySource | None, http_hosts: frozenset[str]) -> None:
    """Note settings that contradict each other; ``keys`` replaces the settings that say where keys come from.

    Plain http is allowed to ``http_hosts``.
    """
    if "exp" not in _required_claims(section.values):
        section.warnings.append(f"{section.labels['required_claims']} lacks exp: a token without it never expires.")
    _check_identity_claim(section)
    _check_tenant_claim(section)
    check_plain_http(section, http_hosts)
    check_key_source(section, keys)
    check_names(section)
    if keys is None:
        is_secret = section.given.intersection(KEY_SETTINGS) <= {"secret"}
    else:
        is_secret = not accepted_algorithms(section.values, keys).isdisjoint(SYMMETRIC_ALGORITHMS)
    for name in _UNBOUND:
        if name == "issuer" and section.is_entry and name not in section.given:
            section.problems.append(f"{section.labels[name]} is not set; it says whose tokens the entry is for.")
        elif name not in section.given:
            (_note_unbound_secret if is_secret else _refuse_unbound_keys)(section, name)


def _check_identity_claim(section: Section) -> None:
    """Judge claims that do not name the same user for ever (OpenID Connect Core §5.7)."""
    name, label, profile = section.values.identity_claim, section.labels["identity_claim"], section.values.profile
    if name is None:
        return
    lasting = PROFILES[profile].identity_claim
    if PROFILES[profile].verifying_claims(name) == ():
        section.problems.append(
            f"{label} is {name}, and the profile {profile} has no claim that says whether it was verified: anybody "
            f"could fill in the {name} of another user. Use {lasting}."
        )
    elif name_in_namespace(name) in _CHANGING_HANDS:
        section.warnings.append(
            f"{label} is {name}: a name that users or administrators may change, and that another user may get later. "
            f"{lasting} stays the same."
        )


def _check_tenant_claim(section: Section) -> None:
    """Refuse claims by which users could choose their tenant, verified or not: an address is no membership."""
    name = next(iter(section.values.tenant_claim), "")
    if name in _ABOUT_A_USER or PROFILES[section.values.profile].verifying_claims(name) is not None:
        section.problems.append(
            f"{section.labels['tenant_claim']} is {name}, which users fill in themselves: anybody could choose the "
            "name of a tenant. Use a claim that your issuer sets by membership, such as org_id."
        )


def _refuse_unbound_keys(section: Section, name: str) -> None:
    """Demand issuer and audience with public keys."""
    reason = _NEEDED[name].format(claim=PROFILES[section.values.profile].audience_claim)
    if name == "issuer" and section.values.discovery:
        reason = f"{section.labels['discovery']} looks for the keys there."
    section.problems.append(f"{section.labels[name]} is not set; {reason}")


def _note_unbound_secret(section: Section, name: str) -> None:
    """Warn of a missing issuer or audience. If all tokens name an audience, refuse its absence: no token would fit."""
    values, labels = section.values, section.labels
    names_audience = "aud" in _required_claims(values) or PROFILES[values.profile].audience_claim != "aud"
    if name == "audience" and names_audience:
        section.problems.append(
            f"{labels[name]} is not set, and tokens have to name one by {labels['profile']} or "
            f"{labels['required_claims']}: none would be accepted."
        )
    else:
        section.warnings.append(f"{labels[name]} is not set: {_UNBOUND[name].format(secret=labels['secret'])}")


def make_issuer(values: SimpleNamespace, keys: KeySource | None, http_hosts: frozenset[str]) -> TrustedIssuer:
    """Return the issuer whose settings have no problem; plain http is allowed to ``http_hosts``."""
    profile, algorithms = PROFILES[values.profile], accepted_algorithms(values, keys)
    identity = values.identity_claim or profile.identity_claim
    return TrustedIssuer(
        keys=make_key_source(values, algorithms, http_hosts) if keys is None else keys,
        algorithms=algorithms,
        names=values.issuer,
        audience=frozenset(values.audience),
        profile=profile,
        identity_claim=identity,
        identity_verified_by=profile.verifying_claims(identity) or (),
        required_claims=_required_claims(values),
        tenant_path=values.tenant_claim,
        leeway=values.leeway,
        login=replace(profile.login, acr_values=values.acr_values, leeway=values.leeway),
        max_token_age=values.max_token_age,
        logout_audience=frozenset(values.logout_audience),
        user_prefix=values.user_prefix,
    )


def may_lack_an_end(values: SimpleNamespace) -> bool:
    """Tell whether a token that never expires would be accepted."""
    return values.max_token_age is None and "exp" not in _required_claims(values)


def _required_claims(values: SimpleNamespace) -> tuple[str, ...]:
    demanded = (*values.required_claims, *PROFILES[values.profile].required_claims)
    # An age cannot be told of a token that does not say when it was made.
    return tuple(dict.fromkeys(demanded if values.max_token_age is None else (*demanded, "iat")))
