"""Where the keys of one issuer come from: a secret, public keys, a JWKS URL, discovery, or what ``keys=`` brought.

Always one of them, and with it one kind of algorithm (RFC 8725 §3.1). Nothing here goes over the network.
"""

from __future__ import annotations

import re
from types import SimpleNamespace

from ..keys import DiscoveredLocation, FixedLocation, KeySource, RemoteKeySettings, RemoteKeySource, StaticKeys
from ..keys.algorithms import ASYMMETRIC_ALGORITHMS, HMAC_MIN_BYTES, SYMMETRIC_ALGORITHMS
from ..keys.remote.urls import is_well_formed
from ..keys.weak_secrets import is_made_of_words
from ..tokens.profiles import PROFILES
from .reader import Section

#: The settings that say where keys come from; one issuer has one of them.
KEY_SETTINGS = ("secret", "public_key", "jwks_url", "discovery")

#: What stands in the address of metadata and in no issuer (RFC 8615 §3).
WELL_KNOWN = "/.well-known/"

#: What a newcomer has most often forgotten. Settings of an entry of ``AUTH_ISSUERS`` have no variables.
_IN_ENVIRONMENT = (
    " In the environment, an AUTH_… name begins with FLASK_; app.config.from_prefixed_env() reads it. "
    "gunicorn reads no .env file."
)

#: What ends the address of an issuer's metadata (OpenID Connect Discovery §4, RFC 8414 §3).
_METADATA = re.compile(r"/\.well-known/(?:openid-configuration|oauth-authorization-server)\b")


def check_key_source(section: Section, given: KeySource | None) -> None:
    """Demand keys from one place that fit the accepted algorithms; ``given`` stands in for the settings."""
    values, labels, problem = section.values, section.labels, section.problems.append
    named = [labels[name] for name in KEY_SETTINGS if name in section.given]
    if given is not None and named:
        problem(f"A key source is given with keys=, and {' or '.join(named)} is set as well; keep one.")
    elif len(named) > 1:
        problem(f"{' and '.join(named)} are both set: the keys of an issuer are of one kind, from one place. Keep one.")
    elif given is None and not named:
        problem(
            f"There is no key to verify tokens with. Set {labels['secret']} (shared secret of at least 32 bytes, for "
            f"example from: openssl rand -base64 48), {labels['public_key']} (PEM or JWK), {labels['jwks_url']}, or "
            f"{labels['discovery']} to find the keys by the issuer.{_IN_ENVIRONMENT * labels['secret'].isupper()}"
        )
    if values.jwks_stale_limit < values.jwks_max_age:
        problem(
            f"{labels['jwks_stale_limit']} must be at least {labels['jwks_max_age']}: keys are trusted for that long "
            "in any case."
        )
    if values.jwks_url is not None and _METADATA.search(values.jwks_url):
        problem(
            f"{labels['jwks_url']} is the address of the issuer's metadata; set {labels['discovery']} in its place, or "
            "the jwks_uri that stands there."
        )
    for asked in values.issuer[:1] if values.discovery else ():
        if "://" not in asked:
            problem(f"{labels['issuer']} must begin with https://, for {labels['discovery']} looks for the keys there.")
        elif WELL_KNOWN not in f"{asked}/" and (not is_well_formed(asked) or "?" in asked or "#" in asked):
            problem(
                f"{labels['issuer']} must be an https URL without user, query and fragment, for {labels['discovery']} "
                "looks for the keys there; http on this machine only."
            )
    if any(isinstance(key.material, bytes) and is_made_of_words(key.material) for key in values.secret):
        section.warnings.append(
            f"{labels['secret']} looks like words that somebody made up. Such secrets are guessed, and lists of them "
            "are published: make one with: openssl rand -base64 48"
        )
    _check_algorithms(section, given)


def _check_algorithms(section: Section, given: KeySource | None) -> None:
    """Demand a key for each accepted algorithm and an algorithm for each key, as far as they are known at start."""
    label, problem = section.labels["algorithms"], section.problems.append
    keys = (*section.values.secret, *section.values.public_key)
    algorithms = frozenset(section.values.algorithms)
    if given is not None:
        if not isinstance(given, KeySource):
            problem(
                f"The object given with keys= ({type(given).__name__}) is not a key source; derive its class from "
                "SimpleKeySource, or implement KeySource."
            )
            return
        # A source that has to fetch its keys first does not know what they are made for.
        made_for = given.algorithms
        if made_for is not None and not made_for:
            problem("The key source that is given with keys= has no key.")
        elif made_for and algorithms and algorithms.isdisjoint(made_for):
            problem(f"{label} names none that the keys given with keys= are made for.")
    is_fetched = isinstance(given, RemoteKeySource) or not section.given.isdisjoint(("jwks_url", "discovery"))
    if is_fetched and not algorithms.isdisjoint(SYMMETRIC_ALGORITHMS):
        problem(f"{label} names an HMAC algorithm; keys that are fetched are public (RFC 8725 §3.1).")
    if len(section.given.intersection(KEY_SETTINGS)) > 1:
        # One of them has to go, and with it what could be said here.
        return
    without_key = [name for name in sorted(algorithms) if keys and not any(name in key.algorithms for key in keys)]
    for name in without_key:
        problem(f"{label} names {name}, {_need_of(name)}")
    if not without_key and algorithms and any(key.algorithms.isdisjoint(algorithms) for key in keys):
        problem(f"A configured key is fit for none of {label}; remove it or name its algorithm.")


def _need_of(algorithm: str) -> str:
    """Return what an algorithm needs that no configured key is (RFC 7518 §3)."""
    if algorithm in HMAC_MIN_BYTES:
        return f"which needs a shared secret of at least {HMAC_MIN_BYTES[algorithm]} bytes."
    return "which needs a public key that is made for it."


def accepted_algorithms(values: SimpleNamespace, given: KeySource | None) -> frozenset[str]:
    """Return the accepted algorithms: as set, else HS256 for secrets and what the keys are made for otherwise."""
    if values.algorithms:
        return frozenset(values.algorithms)
    known = given.algorithms if isinstance(given, KeySource) else None
    made_for = frozenset(ASYMMETRIC_ALGORITHMS) if known is None else known
    if keys := (*values.secret, *values.public_key):
        made_for = frozenset().union(*(key.algorithms for key in keys))
    return frozenset({"HS256"}) if "HS256" in made_for else made_for


def make_key_source(values: SimpleNamespace, algorithms: frozenset[str], http_hosts: frozenset[str]) -> KeySource:
    """Return the keys of an issuer whose settings have no problem; plain http is allowed to ``http_hosts``."""
    if not values.discovery and values.jwks_url is None:
        return StaticKeys(key.restricted_to(algorithms) for key in (*values.secret, *values.public_key))
    first = values.issuer[0]
    owner = first if PROFILES[values.profile].keys_name_issuer else None
    return RemoteKeySource(
        DiscoveredLocation(first, owner, http_hosts)
        if values.discovery
        else FixedLocation(values.jwks_url, owner, http_hosts),
        settings=RemoteKeySettings(
            max_age=values.jwks_max_age,
            stale_limit=values.jwks_stale_limit,
            timeout=values.jwks_timeout,
            retry=values.jwks_retry,
            unknown_key_budget=values.jwks_unknown_key_budget,
            clock_tolerance=values.leeway,
        ),
    )
