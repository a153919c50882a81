"""A token looked at for a person: each check of the verifier on its own, going on after one that fails.

The verifier stops at the first fault, which is all that a client may learn. A person who has the token and the settings
can see all of it: what was found, what was expected, and which settings decide. Nothing here lets a token pass.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import AuthError, KeysUnavailableError, MalformedTokenError
from ..wire.bearer import parse_authorization
from ..wire.near_names import difference
from .claims import (
    check_actor,
    check_audience,
    check_claim_types,
    check_required,
    check_times,
    check_type,
    check_unbound,
    identity,
    roles,
    scopes,
)
from .compact_jws import SignedToken, parse_compact, parse_segment
from .findings import caller_in_words, end_in_words, keys_in_words, names_in_words, shown, times_in_words
from .issuer import TrustedIssuer
from .verifier import TokenVerifier, check_algorithm, check_header, check_signature, without_null

#: The settings that say where keys come from.
_KEYS = ("secret", "public_key", "jwks_url", "discovery")

#: A JWT has as many segments.
_SEGMENTS = 3


@dataclass(frozen=True, slots=True)
class Check:
    """What one check has found, in a sentence."""

    name: str
    #: None if the check could not be made.
    passed: bool | None
    sentence: str
    #: The settings that decide it, in lower case as in an entry of ``AUTH_ISSUERS``.
    settings: tuple[str, ...] = ()


@dataclass(slots=True)
class Inspection:
    """Everything that can be said of one token."""

    #: None if the header cannot be read; the same for the claims.
    header: Mapping[str, Any] | None = None
    claims: Mapping[str, Any] | None = None
    #: The issuer whose settings the checks are made with; None if no issuer fits.
    issuer: TrustedIssuer | None = None
    checks: list[Check] = field(default_factory=list)

    @property
    def is_signed(self) -> bool:
        """Whether a key of the issuer verifies the signature; the claims of any other token prove nothing."""
        return self.passed("signature")

    def passed(self, name: str) -> bool:
        """Tell whether a check was made and found nothing wrong."""
        return any(check.name == name and check.passed for check in self.checks)


@dataclass(frozen=True, slots=True)
class _Step:
    """One check to make."""

    name: str
    settings: tuple[str, ...]
    #: Raises what is wrong, or returns in words what is right.
    check: Callable[[], str]
    #: Returns in words what to add to what is wrong.
    found: Callable[[], str] = str
    #: The check without which this one means nothing.
    needs: str | None = None

    def run(self) -> Check:
        """Make the check."""
        try:
            return Check(self.name, True, f"{self.check()}.", self.settings)
        except KeysUnavailableError as error:
            sentence = f"Not checked: the keys of the issuer are unavailable ({error.reason})."
            return Check(self.name, None, sentence, self.settings)
        except AuthError as error:
            return Check(self.name, False, "; ".join(filter(None, (error.reason, self.found()))) + ".", self.settings)


def inspect(token: str, issuers: Sequence[TrustedIssuer], *, max_token_bytes: int, now: float) -> Inspection:
    """Make every check on a token; ``now`` is in seconds since the epoch. May wait for the keys of its issuer."""
    inspection = Inspection()
    parsed = _read(token, max_token_bytes, inspection)
    if parsed is None:
        return inspection
    claims = without_null(parsed.claims)
    inspection.checks.append(_Step("header", (), lambda: _header(parsed.header)).run())
    inspection.issuer = _find_issuer(claims, issuers, inspection)
    if inspection.issuer is None:
        sentence = "Not checked: each issuer has settings of its own, and the token names none that is trusted."
        inspection.checks.append(Check("the rest", None, sentence, ("issuer",)))
        return inspection
    for step in _steps(parsed, claims, inspection.issuer, now):
        if step.needs is None or inspection.passed(step.needs):
            inspection.checks.append(step.run())
        else:
            sentence = f"Not checked, because the check of the {step.needs} was not passed."
            inspection.checks.append(Check(step.name, None, sentence, step.settings))
    return inspection


def _read(token: str, max_token_bytes: int, inspection: Inspection) -> SignedToken | None:
    """Take a token apart; note what can be read of one that is malformed."""
    if len(token) > max_token_bytes:
        sentence = f"{len(token)} characters are more than the {max_token_bytes} that this app takes."
        inspection.checks.append(Check("form", False, sentence, ("max_token_bytes",)))
    else:
        inspection.checks.append(_Step("form", (), lambda: _form(token)).run())
    with contextlib.suppress(MalformedTokenError):
        parsed = parse_compact(token, len(token))
        inspection.header, inspection.claims = parsed.header, parsed.claims
        return parsed
    # An encrypted token has a header that anybody may read (RFC 7516 §7.1).
    segments = token.split(".")
    inspection.header = _readable(segments[0])
    inspection.claims = _readable(segments[1]) if len(segments) == _SEGMENTS else None
    return None


def _form(token: str) -> str:
    parse_compact(parse_authorization(f"Bearer {token}").token, len(token))
    return "three parts in base64url; header and claims are JSON objects"


def _readable(segment: str) -> Mapping[str, Any] | None:
    with contextlib.suppress(MalformedTokenError):
        return parse_segment(segment)
    return None


def _header(header: Mapping[str, Any]) -> str:
    check_header(header)
    return "nothing in it is unknown"


def _find_issuer(
    claims: Mapping[str, Any], issuers: Sequence[TrustedIssuer], inspection: Inspection
) -> TrustedIssuer | None:
    """Return the issuer that a token names, or else the one that was probably meant, for the other checks."""
    name, verifier = claims.get("iss"), TokenVerifier(issuers, max_token_bytes=0)
    step = _Step("issuer", ("issuer",), lambda: _issuer(claims, verifier), lambda: f"found {shown(name)}")
    inspection.checks.append(step.run())
    if inspection.passed("issuer"):
        return verifier.issuer_of(claims)
    if len(issuers) > 1:
        issuers = [one for one in issuers if isinstance(name, str) and difference(name, one.names)]
    return next(iter(issuers), None)


def _issuer(claims: Mapping[str, Any], verifier: TokenVerifier) -> str:
    names = verifier.issuer_of(claims).names
    return f"iss is {shown(claims['iss'])}" if names else "any issuer is accepted"


def _steps(token: SignedToken, claims: Mapping[str, Any], issuer: TrustedIssuer, now: float) -> Iterator[_Step]:
    """Yield the checks by the settings of an issuer, in the order of the verifier."""
    header, name, audience_claim = token.header, issuer.identity_claim, issuer.profile.audience_claim
    accepted = names_in_words(issuer.algorithms)

    def algorithm() -> str:
        check_algorithm(header, issuer)
        return f"alg is {header['alg']}"

    def signature() -> str:
        check_signature(token, issuer.keys)
        return "a key of the issuer verifies it"

    def kind() -> str:
        check_type(header, claims, issuer)
        return "an access token"

    def audience() -> str:
        check_audience(claims, issuer)
        if not issuer.audience:
            return "the token names none, and none is set"
        return f"{audience_claim} is {shown(claims[audience_claim])}"

    def types() -> str:
        check_claim_types(claims, issuer)
        return "registered claims have the types of RFC 7519"

    def required() -> str:
        check_required(claims, issuer)
        return f"there are {names_in_words(issuer.required_claims)}"

    def caller() -> str:
        check_actor(claims)
        return caller_in_words(claims, issuer)

    def granted() -> str:
        held = names_in_words(roles(claims, issuer))
        return f"scopes {names_in_words(scopes(claims, issuer))}; roles {held}"

    def times() -> str:
        return end_in_words(check_times(claims, issuer, now)[1], now)

    def binding() -> str:
        check_unbound(claims)
        return "the token is not bound to a key"

    yield _Step(
        "algorithm", ("algorithms",), algorithm, lambda: f"expected {accepted}; found {shown(header['alg'])}", "header"
    )
    yield _Step("signature", _KEYS, signature, lambda: keys_in_words(issuer.keys, header), "algorithm")
    yield _Step("kind", ("profile",), kind, lambda: f"typ is {shown(header.get('typ'))}")
    yield _Step("audience", ("audience",), audience, lambda: f"found {shown(claims.get(audience_claim))}")
    yield _Step("claim types", (), types)
    yield _Step("required claims", ("required_claims", "profile"), required)
    yield _Step(
        "user",
        ("identity_claim",),
        lambda: f"the user is {shown(identity(claims, issuer))}",
        lambda: f"found {shown(claims.get(name))}",
    )
    yield _Step("caller", ("profile",), caller, lambda: f"found {shown(claims.get('act'))}")
    yield _Step("scopes and roles", ("profile",), granted)
    yield _Step("times", ("leeway", "max_token_age"), times, lambda: times_in_words(claims, issuer, now), "claim types")
    yield _Step("binding", (), binding)
