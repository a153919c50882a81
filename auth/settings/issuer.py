"""The settings of one issuer: whose tokens, for whom, of which shape, and with which keys."""

from __future__ import annotations

from ..keys import KeySource
from ..keys.algorithms import SYMMETRIC_ALGORITHMS
from ..keys.remote.urls import is_plain_http
from ..tokens.issuer import TrustedIssuer
from ..tokens.profiles import PROFILES, Profile
from .key_source import KEY_SETTINGS, read_key_source
from .reader import SettingReader

#: Seconds; RFC 7519 §4.1.4 speaks of "a few minutes", and more would be another way to turn ``exp`` off.
_MAX_LEEWAY = 600

#: Seconds: ten years. More is no limit, and would not fit into a calendar.
_MAX_AGE = 315_360_000


def read_issuer(reader: SettingReader, keys: KeySource | None = None) -> TrustedIssuer:
    """Read what concerns one issuer; the result counts only if the reader found no problem.

    ``keys`` stands in for the settings that say where keys come from.
    """
    profile = _read_profile(reader)
    max_token_age = reader.number("max_token_age", minimum=1, maximum=_MAX_AGE)
    required = dict.fromkeys((*(reader.texts("required_claims") or ()), *profile.required_claims))
    if max_token_age is not None:
        required["iat"] = None
    if "exp" not in required:
        reader.warning(f"{reader.label('required_claims')} lacks exp: a token without it never expires.")
    issuer = reader.text("issuer")
    if issuer is not None and is_plain_http(issuer):
        reader.problem(
            f"{reader.label('issuer')} is a plain-http URL; an issuer that is not on this machine needs https."
        )
    source, algorithms = read_key_source(reader, issuer, keys, keys_name_issuer=profile.keys_name_issuer)
    if algorithms.isdisjoint(SYMMETRIC_ALGORITHMS):
        _check_binding(reader, is_given=keys is not None)
    else:
        _check_binding_of_secret(reader, names_audience="aud" in required or profile.audience_claim != "aud")
    return TrustedIssuer(
        keys=source,
        algorithms=algorithms,
        names=() if issuer is None else (issuer,),
        audience=frozenset(reader.texts("audience") or ()),
        profile=profile,
        identity_claim=_read_identity_claim(reader) or profile.identity_claim,
        required_claims=tuple(required),
        leeway=reader.number("leeway", minimum=0, maximum=_MAX_LEEWAY) or 0,
        max_token_age=max_token_age,
        user_prefix=reader.text("user_prefix") or "",
    )


def _read_profile(reader: SettingReader) -> Profile:
    name = reader.text("profile")
    if name is not None and name not in PROFILES:
        reader.problem(f"{reader.label('profile')} must be one of {', '.join(PROFILES)}.")
    return PROFILES.get(name or "", PROFILES["jwt"])


#: Claims that are the same for all users, or another in every token (RFC 7519 §4.1).
_NEVER_A_USER = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti"})


def _read_identity_claim(reader: SettingReader) -> str | None:
    name = reader.text("identity_claim")
    if name in _NEVER_A_USER:
        reader.problem(f"{reader.label('identity_claim')} must name the user, which {name} does not.")
    return name


#: What the absence of issuer or audience means where a shared secret allows it.
_UNBOUND = {
    "issuer": "any token signed with {secret} is accepted, whoever issued it.",
    "audience": "tokens that name no audience are accepted, whomever they are for.",
}


def _check_binding(reader: SettingReader, *, is_given: bool) -> None:
    """Demand issuer and audience with public keys."""
    for name in _UNBOUND:
        if not reader.is_set(name) and (is_given or any(map(reader.is_set, KEY_SETTINGS))):
            reader.problem(f"{reader.label(name)} is not set; with public keys it is needed (RFC 8725 §3.8 and §3.9).")


def _check_binding_of_secret(reader: SettingReader, *, names_audience: bool) -> None:
    """Say what the absence of issuer and audience means, unless all tokens name an audience: none would fit then."""
    for name, meaning in _UNBOUND.items():
        if reader.is_set(name):
            continue
        if name == "audience" and names_audience:
            reader.problem(
                f"{reader.label(name)} is not set, and tokens have to name one by {reader.label('profile')} or "
                f"{reader.label('required_claims')}: none would be accepted."
            )
        else:
            reader.warning(f"{reader.label(name)} is not set: {meaning.format(secret=reader.label('secret'))}")
