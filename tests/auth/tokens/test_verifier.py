"""The one straight read from text to access token."""

from __future__ import annotations

import base64
import json
from typing import Any, ClassVar

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from hypothesis import given, settings
from hypothesis import strategies as st

from auth import AccessToken, errors
from auth.authenticator import Authenticator
from auth.errors import AuthError, InvalidTokenError
from auth.keys import KeyRing, KeySource, KeyStatus, VerificationKey
from auth.settings.service import AuthConfig
from auth.testing import TokenIssuer
from tests.support.services import (
    AUDIENCE,
    CLAIMS,
    HEADER,
    ISSUER,
    NOW,
    OTHER_SECRET,
    SECRET,
    authenticator_of,
    compact,
    verifier,
    with_claims,
    with_header,
)

LEEWAY = 30


def refusal_of(encoded: str, **changes: Any) -> AuthError:
    """Return what a verifier with changed settings raises for a token."""
    with pytest.raises(AuthError) as raised:
        verifier(**changes).verify(encoded)
    return raised.value


def test_a_good_token_becomes_an_access_token() -> None:
    """Every part of the result comes from the claims."""
    token = verifier().verify(with_claims(scope="a b", jti="t-1"))

    assert token == AccessToken(
        user_id="alice", issuer=ISSUER, scopes=frozenset({"a", "b"}), roles=frozenset(), claims=token.claims
    )
    assert token.claims == {**CLAIMS, "scope": "a b", "jti": "t-1"}


BAD_HEADERS: dict[str, tuple[dict[str, Any], type[AuthError]]] = {
    "no alg": ({"alg": ...}, errors.MalformedTokenError),
    "alg null": ({"alg": None}, errors.MalformedTokenError),
    "alg a list": ({"alg": ["HS256"]}, errors.MalformedTokenError),
    "alg none": ({"alg": "none"}, errors.InvalidSignatureError),
    "alg None": ({"alg": "None"}, errors.InvalidSignatureError),
    "alg in lower case": ({"alg": "hs256"}, errors.InvalidSignatureError),
    "alg empty": ({"alg": ""}, errors.InvalidSignatureError),
    "alg of another hash": ({"alg": "HS512"}, errors.InvalidSignatureError),
    "alg of another kind": ({"alg": "RS256"}, errors.InvalidSignatureError),
    "kid a number": ({"kid": 1}, errors.MalformedTokenError),
    "kid null": ({"kid": None}, errors.MalformedTokenError),
    "kid an object": ({"kid": {}}, errors.MalformedTokenError),
    "crit unknown": ({"crit": ["exp-policy"], "exp-policy": 1}, errors.MalformedTokenError),
    "crit b64": ({"crit": ["b64"], "b64": True}, errors.MalformedTokenError),
    "crit empty": ({"crit": []}, errors.MalformedTokenError),
    "crit null": ({"crit": None}, errors.MalformedTokenError),
    "b64 false": ({"b64": False}, errors.MalformedTokenError),
    "b64 a string": ({"b64": "true"}, errors.MalformedTokenError),
    "b64 one": ({"b64": 1}, errors.MalformedTokenError),
    "b64 null": ({"b64": None}, errors.MalformedTokenError),
    "typ null": ({"typ": None}, errors.MalformedTokenError),
    "typ a number": ({"typ": 1}, errors.MalformedTokenError),
    "typ empty": ({"typ": ""}, errors.InvalidTypeError),
    "typ of a logout token": ({"typ": "logout+jwt"}, errors.InvalidTypeError),
    "typ of a DPoP proof": ({"typ": "dpop+jwt"}, errors.InvalidTypeError),
    "typ of a security event": ({"typ": "secevent+jwt"}, errors.InvalidTypeError),
    "typ of a refresh token": ({"typ": "Refresh"}, errors.InvalidTypeError),
    "typ of an ID token": ({"typ": "ID"}, errors.InvalidTypeError),
    "typ of another media type": ({"typ": "text/jwt"}, errors.InvalidTypeError),
    "typ with a parameter": ({"typ": "at+jwt; v=1"}, errors.InvalidTypeError),
}


@pytest.mark.parametrize(("changes", "refusal"), BAD_HEADERS.values(), ids=BAD_HEADERS)
def test_a_header_that_cannot_be_meant_for_us_is_refused(changes: dict[str, Any], refusal: type[AuthError]) -> None:
    """RFC 7515 §4.1, RFC 8725 §3.1 and §3.11: a good signature does not help."""
    assert type(refusal_of(with_header(**changes))) is refusal


@pytest.mark.parametrize(
    "changes",
    [
        {"typ": ...},
        {"typ": "JWT"},
        {"typ": "jwt"},
        {"typ": "at+jwt"},
        {"typ": "AT+JWT"},
        {"typ": "application/at+jwt"},
        {"typ": "application/jwt"},
        {"b64": True},
        {"kid": "any"},
        {"cty": "JWT"},
    ],
    ids=str,
)
def test_a_header_of_an_access_token_is_accepted(changes: dict[str, Any]) -> None:
    """Media types count in any case (RFC 7515 §4.1.9)."""
    assert verifier().verify(with_header(**changes)).user_id == "alice"


@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c"])
def test_a_key_that_the_token_itself_names_is_never_used(name: str) -> None:
    """The attacker's own key in the header changes nothing, neither for a forged token nor for a good one."""
    own_key = {"kty": "oct", "k": "Zm9v"}
    member = {name: own_key if name == "jwk" else "https://attacker.example/keys"}

    assert verifier().verify(with_header(**member)).user_id == "alice"
    assert type(refusal_of(compact(HEADER | member, secret=OTHER_SECRET))) is errors.InvalidSignatureError


BAD_CLAIMS: dict[str, tuple[dict[str, Any], type[AuthError]]] = {
    "an ID token by at_hash": ({"at_hash": "77QmUPtjPfzWtF2AnpK9RQ"}, errors.InvalidTypeError),
    "an ID token by c_hash": ({"c_hash": "LDktKdoQak3Pk0cnXxCltA"}, errors.InvalidTypeError),
    "an ID token by s_hash": ({"s_hash": "76sa5dd9rUOYvkZKFWyz1w"}, errors.InvalidTypeError),
    "a logout token by events": (
        {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}},
        errors.InvalidTypeError,
    ),
    "a logout token with a name of its own": ({"events": {"x": 1}, "typ": "logout"}, errors.InvalidTypeError),
    "iss another before exp of the wrong type": (
        {"iss": "https://evil.example", "exp": "x"},
        errors.InvalidIssuerError,
    ),
    "iss absent": ({"iss": ...}, errors.InvalidIssuerError),
    "iss another": ({"iss": "https://evil.example"}, errors.InvalidIssuerError),
    "iss with a slash more": ({"iss": f"{ISSUER}/"}, errors.InvalidIssuerError),
    "iss in another case": ({"iss": ISSUER.upper()}, errors.InvalidIssuerError),
    "iss a prefix": ({"iss": ISSUER[:-1]}, errors.InvalidIssuerError),
    "iss null": ({"iss": None}, errors.InvalidIssuerError),
    "iss a list": ({"iss": [ISSUER]}, errors.InvalidIssuerError),
    "aud absent": ({"aud": ...}, errors.InvalidAudienceError),
    "aud null": ({"aud": None}, errors.InvalidAudienceError),
    "aud another": ({"aud": "https://other.example"}, errors.InvalidAudienceError),
    "aud empty": ({"aud": ""}, errors.InvalidAudienceError),
    "aud empty list": ({"aud": []}, errors.InvalidAudienceError),
    "aud list of others": ({"aud": ["a", "b"]}, errors.InvalidAudienceError),
    "aud list with a number": ({"aud": [AUDIENCE, 1]}, errors.InvalidAudienceError),
    "aud an object": ({"aud": {AUDIENCE: 1}}, errors.InvalidAudienceError),
    "aud a number": ({"aud": 1}, errors.InvalidAudienceError),
    "sub absent": ({"sub": ...}, errors.MissingClaimError),
    "sub null": ({"sub": None}, errors.MissingClaimError),
    "sub a number": ({"sub": 1}, errors.MissingClaimError),
    "sub true": ({"sub": True}, errors.MissingClaimError),
    "sub a list": ({"sub": ["alice"]}, errors.MissingClaimError),
    "sub empty": ({"sub": ""}, errors.MissingClaimError),
    "sub blank": ({"sub": " \u2003"}, errors.MissingClaimError),
    "sub with a newline": ({"sub": "al\nice"}, errors.MissingClaimError),
    "sub with NUL": ({"sub": "alice\x00"}, errors.MissingClaimError),
    "sub with the last of the C0 controls": ({"sub": "alice\x1f"}, errors.MissingClaimError),
    "sub with DEL": ({"sub": "alice\x7f"}, errors.MissingClaimError),
    "sub with U+FFFD": ({"sub": "alice\ufffd"}, errors.MissingClaimError),
    "sub with half a surrogate pair": ({"sub": "alice\ud800"}, errors.MalformedTokenError),
    "scope a list with a number": ({"scope": ["a", 1]}, errors.MalformedTokenError),
    "aud list with null": ({"aud": [AUDIENCE, None]}, errors.InvalidAudienceError),
    "every claim null": (dict.fromkeys(CLAIMS), errors.InvalidIssuerError),
    "exp absent": ({"exp": ...}, errors.MissingClaimError),
    "exp null": ({"exp": None}, errors.MissingClaimError),
    "exp a string": ({"exp": str(NOW + 900)}, errors.MissingClaimError),
    "exp true": ({"exp": True}, errors.MissingClaimError),
    "exp a list": ({"exp": [NOW + 900]}, errors.MissingClaimError),
    "exp an object": ({"exp": {}}, errors.MissingClaimError),
    "exp after the year 9999": ({"exp": 253_402_300_800}, errors.MissingClaimError),
    "exp beyond floats": ({"exp": 10**400}, errors.MissingClaimError),
    "iat absent": ({"iat": ...}, errors.MissingClaimError),
    "iat a string": ({"iat": str(NOW)}, errors.MissingClaimError),
    "iat before the year 1": ({"iat": -62_135_596_801}, errors.MissingClaimError),
    "nbf a string": ({"nbf": str(NOW)}, errors.MalformedTokenError),
    "nbf false": ({"nbf": False}, errors.MalformedTokenError),
    "jti a number": ({"jti": 1}, errors.MalformedTokenError),
    "client_id a number": ({"sub": "7", "client_id": 7}, errors.MalformedTokenError),
    "client_id a list": ({"client_id": ["alice"]}, errors.MalformedTokenError),
    "azp an object": ({"azp": {"id": "alice"}}, errors.MalformedTokenError),
    "scope a number": ({"scope": 1}, errors.MalformedTokenError),
    "scope an object": ({"scope": {}}, errors.MalformedTokenError),
    "scope a list with null": ({"scope": ["a", None]}, errors.MalformedTokenError),
}


@pytest.mark.parametrize(("changes", "refusal"), BAD_CLAIMS.values(), ids=BAD_CLAIMS)
def test_claims_that_are_wrong_are_refused(changes: dict[str, Any], refusal: type[AuthError]) -> None:
    """Every registered claim has its own type and its own refusal (RFC 7519 §4.1)."""
    assert type(refusal_of(with_claims(**changes))) is refusal


GOOD_CLAIMS: dict[str, dict[str, Any]] = {
    "aud in a list": {"aud": ["x", AUDIENCE]},
    "exp a float": {"exp": NOW + 0.5},
    "nbf now": {"nbf": NOW},
    "cnf null": {"cnf": None},
    "sub opaque": {"sub": "auth0|5f7c8ec7c33c6c004bbafe82"},
    "sub not ASCII": {"sub": "Ünïcode 🦊"},
    "unknown claims": {"https://x.example/roles": ["a"], "n": 10**300},
    "exp the last second": {"exp": 253_402_300_799},
    "iat the first second": {"iat": -62_135_596_800},
}


@pytest.mark.parametrize("changes", GOOD_CLAIMS.values(), ids=GOOD_CLAIMS)
def test_unusual_claims_that_are_right_are_accepted(changes: dict[str, Any]) -> None:
    """What RFC 7519 allows and real issuers send."""
    token = verifier().verify(with_claims(**changes))

    assert token.user_id == changes.get("sub", "alice")


#: Claims that a token may lack.
OPTIONAL = ("nbf", "jti", "scope", "scp", "roles", "cnf", "events", "at_hash", "c_hash", "type", "token_use", "email")


@pytest.mark.parametrize("name", OPTIONAL)
def test_a_claim_that_is_null_is_as_good_as_absent(name: str) -> None:
    """Many serializers write null for what is not set; the view still sees the claims as they came."""
    token = verifier().verify(with_claims(**{name: None}))

    assert (token.user_id, token.scopes, token.roles, token.token_id) == ("alice", set(), set(), None)
    assert token.claims == {**CLAIMS, name: None}


def test_claims_that_nobody_requires_may_all_be_null() -> None:
    """A secret without an issuer and an audience asks for the user alone."""
    nothing = dict.fromkeys(("iss", "aud", "exp", "iat", "sub"))
    lenient: dict[str, Any] = {"AUTH_REQUIRED_CLAIMS": [], "AUTH_IDENTITY_CLAIM": "uid"}
    token = verifier(AUTH_ISSUER=None, AUTH_AUDIENCE=None, **lenient).verify(with_claims(uid="bob", **nothing))

    assert (token.user_id, token.issuer, token.subject) == ("bob", None, None)
    assert (token.expires_at, token.issued_at) == (None, None)


@pytest.mark.parametrize("name", ["exp", "iat"])
def test_a_required_claim_that_is_null_is_missing(name: str) -> None:
    """A token whose end is null would never end."""
    assert type(refusal_of(with_claims(**{name: None}))) is errors.MissingClaimError


def test_a_profile_that_demands_a_type_accepts_no_token_without_one() -> None:
    """RFC 9068 §2.1."""
    claims = {"client_id": "shop", "jti": "t-1"}
    strict = verifier(AUTH_PROFILE="rfc9068")

    assert strict.verify(compact(HEADER | {"typ": "at+jwt"}, CLAIMS | claims)).user_id == "alice"
    with pytest.raises(errors.InvalidTypeError):
        strict.verify(compact({"alg": "HS256"}, CLAIMS | claims))


TIMES: dict[str, tuple[dict[str, Any], float, type[AuthError] | None]] = {
    "just before exp and leeway": ({"exp": NOW}, NOW + LEEWAY - 0.001, None),
    "exp and leeway reached": ({"exp": NOW}, NOW + LEEWAY, errors.TokenExpiredError),
    "exp passed": ({"exp": NOW}, NOW + 3600, errors.TokenExpiredError),
    "nbf minus leeway not reached": (
        {"nbf": NOW, "iat": NOW - 60},
        NOW - LEEWAY - 0.001,
        errors.TokenNotYetValidError,
    ),
    "nbf minus leeway reached": ({"nbf": NOW, "iat": NOW - 60}, NOW - LEEWAY, None),
    "iat minus leeway not reached": ({}, NOW - LEEWAY - 0.001, errors.TokenNotYetValidError),
    "iat minus leeway reached": ({}, NOW - LEEWAY, None),
    "expired and not yet valid": ({"exp": NOW - 60, "nbf": NOW + 60}, NOW, errors.TokenExpiredError),
}


@pytest.mark.parametrize(("changes", "now", "refusal"), TIMES.values(), ids=TIMES)
def test_times_are_held_against_the_clock(changes: dict[str, Any], now: float, refusal: type[AuthError] | None) -> None:
    """The second of ``exp`` itself is too late, that of ``nbf`` is early enough (RFC 7519 §4.1.4 and §4.1.5)."""
    checked, encoded = verifier(now=lambda: now), with_claims(**changes)
    outcome: type[AuthError] | None = None
    try:
        checked.verify(encoded)
    except AuthError as error:
        outcome = type(error)

    assert outcome is refusal


LATEST_AND_EARLIEST: dict[str, tuple[dict[str, Any], dict[str, Any], float, str]] = {
    "exp": ({}, {}, NOW + 900 + LEEWAY, "exp is reached"),
    "exp before the maximum age": (
        {"exp": NOW + 50},
        {"AUTH_MAX_TOKEN_AGE": 60},
        NOW + 50 + LEEWAY,
        "exp is reached",
    ),
    "exp and the maximum age in one second": (
        {"exp": NOW + 60},
        {"AUTH_MAX_TOKEN_AGE": 60},
        NOW + 60 + LEEWAY,
        "exp is reached",
    ),
    "the maximum age before exp": ({}, {"AUTH_MAX_TOKEN_AGE": 60}, NOW + 60 + LEEWAY, "older than AUTH_MAX_TOKEN_AGE"),
    "iat": ({}, {}, NOW - LEEWAY - 1, "iat lies ahead (is the clock of this machine right?)"),
    "iat after nbf": ({"nbf": NOW - 10}, {}, NOW - LEEWAY - 1, "iat lies ahead (is the clock of this machine right?)"),
    "nbf shortly after iat": (
        {"nbf": NOW, "iat": NOW - 10},
        {},
        NOW - LEEWAY - 1,
        "nbf lies ahead (is the clock of this machine right?)",
    ),
    "nbf and iat in one second": (
        {"nbf": NOW},
        {},
        NOW - LEEWAY - 1,
        "nbf lies ahead (is the clock of this machine right?)",
    ),
}


@pytest.mark.parametrize(("changes", "checked", "now", "reason"), LATEST_AND_EARLIEST.values(), ids=LATEST_AND_EARLIEST)
def test_the_narrowest_bound_of_a_time_decides_and_is_named(
    changes: dict[str, Any], checked: dict[str, Any], now: float, reason: str
) -> None:
    """A token begins with the later of ``nbf`` and ``iat``, and ends with ``exp`` or its age, whichever comes first."""
    assert refusal_of(with_claims(**changes), now=lambda: now, **checked).reason == reason


@pytest.mark.parametrize(("now", "expired"), [(NOW + 899.999, False), (NOW + 900, True)])
def test_without_leeway_the_second_of_exp_is_too_late(now: float, expired: bool) -> None:
    """RFC 7519 §4.1.4: on or after ``exp`` the token must not be accepted."""
    checked = verifier(now=lambda: now, AUTH_LEEWAY=0)
    outcome = False
    try:
        checked.verify(compact())
    except errors.TokenExpiredError:
        outcome = True

    assert outcome is expired


@pytest.mark.parametrize(("now", "expired"), [(NOW + 89.999, False), (NOW + 90, True)])
def test_a_token_older_than_the_maximum_age_is_expired(now: float, expired: bool) -> None:
    """The age counts from ``iat``, with leeway, whatever ``exp`` says."""
    checked = verifier(now=lambda: now, AUTH_MAX_TOKEN_AGE=60)
    outcome = ""
    try:
        checked.verify(compact())
    except errors.TokenExpiredError as error:
        outcome = error.reason

    assert outcome == ("older than AUTH_MAX_TOKEN_AGE" if expired else "")


def test_a_maximum_age_demands_iat() -> None:
    """An age cannot be told of a token that does not say when it was made."""
    refusal = refusal_of(with_claims(iat=...), AUTH_MAX_TOKEN_AGE=60, AUTH_REQUIRED_CLAIMS=["exp"])

    assert type(refusal) is errors.MissingClaimError


def test_times_that_are_not_required_may_be_absent() -> None:
    """A service that says so accepts tokens without an end."""
    token = verifier(AUTH_REQUIRED_CLAIMS=[]).verify(with_claims(exp=..., iat=...))

    assert (token.expires_at, token.issued_at) == (None, None)


@pytest.mark.parametrize("value", ["soon", [], True])
def test_a_time_of_the_wrong_type_is_refused_where_it_is_not_required_too(value: object) -> None:
    """A claim that can be ignored cannot be nonsense."""
    refusal = refusal_of(with_claims(exp=value), AUTH_REQUIRED_CLAIMS=["iat"])

    assert type(refusal) is errors.MalformedTokenError


def test_a_further_required_claim_is_demanded() -> None:
    """Private names work like the registered ones."""
    checked: dict[str, Any] = {"AUTH_REQUIRED_CLAIMS": ["exp", "client_id"]}

    assert verifier(**checked).verify(with_claims(client_id="x")).claims["client_id"] == "x"
    assert type(refusal_of(with_claims(), **checked)) is errors.MissingClaimError
    assert type(refusal_of(with_claims(client_id=None), **checked)) is errors.MissingClaimError


def test_another_claim_may_name_the_user() -> None:
    """Older issuers put the user into ``uid``; ``sub`` names something else then."""
    token = verifier(AUTH_IDENTITY_CLAIM="uid").verify(with_claims(uid="bob"))

    assert (token.user_id, token.subject) == ("bob", "alice")


@pytest.mark.parametrize("uid", [..., None, "", 7, ["bob"]], ids=str)
def test_a_token_without_the_claim_that_names_the_user_is_refused(uid: object) -> None:
    """``sub`` does not stand in for it."""
    assert type(refusal_of(with_claims(uid=uid), AUTH_IDENTITY_CLAIM="uid")) is errors.MissingClaimError


#: Profile, identity claim, and what a token says of it, for an address that the user has shown to be theirs.
VERIFIED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "email": ("jwt", "email", {"email_verified": True}),
    "phone number": ("jwt", "phone_number", {"phone_number_verified": True}),
    "in a namespace": ("jwt", "https://shop.example/email", {"https://shop.example/email_verified": True}),
    "custom attribute": ("jwt", "custom:email", {"custom:email_verified": True}),
    "Better Auth": ("better-auth", "email", {"emailVerified": True}),
    "Better Auth in the words of OpenID Connect": ("better-auth", "email", {"email_verified": True}),
    "Better Auth, phone number": ("better-auth", "phoneNumber", {"phoneNumberVerified": True}),
    "null beside it": ("better-auth", "email", {"emailVerified": True, "email_verified": None}),
}

UNVERIFIED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "nothing": ("jwt", "email", {}),
    "not yet": ("jwt", "email", {"email_verified": False}),
    "null": ("jwt", "email", {"email_verified": None}),
    "text": ("jwt", "email", {"email_verified": "true"}),
    "a number": ("jwt", "email", {"email_verified": 1}),
    "the claim of another profile": ("jwt", "email", {"emailVerified": True}),
    "the claim of another namespace": ("jwt", "https://shop.example/email", {"email_verified": True}),
    "one says yes and one no": ("better-auth", "email", {"emailVerified": True, "email_verified": False}),
    "Better Auth, not yet": ("better-auth", "email", {"emailVerified": False}),
}


@pytest.mark.parametrize(("profile", "claim", "said"), VERIFIED.values(), ids=VERIFIED)
def test_an_address_that_was_verified_may_name_the_user(profile: str, claim: str, said: dict[str, Any]) -> None:
    """By the claim of OpenID Connect Core §5.1, or what the profile has in its place."""
    token = with_claims(**{claim: "alice@example.com"}, **said)

    verified = verifier(AUTH_PROFILE=profile, AUTH_IDENTITY_CLAIM=claim).verify(token)

    assert verified.user_id == "alice@example.com"


@pytest.mark.parametrize(("profile", "claim", "said"), UNVERIFIED.values(), ids=UNVERIFIED)
def test_an_address_that_anybody_may_have_typed_in_names_nobody(profile: str, claim: str, said: dict[str, Any]) -> None:
    """An issuer lets users sign up under an address that is not theirs; only ``True`` says that it is."""
    refusal = refusal_of(
        with_claims(**{claim: "alice@example.com"}, **said), AUTH_PROFILE=profile, AUTH_IDENTITY_CLAIM=claim
    )

    assert type(refusal) is errors.MissingClaimError
    assert refusal.reason.endswith("is not true, so the identity claim is not verified")


def test_an_address_that_is_not_the_identity_claim_need_not_be_verified() -> None:
    """It is a claim like any other then."""
    assert verifier().verify(with_claims(email="a@example.com", email_verified=False)).user_id == "alice"


def test_a_subject_of_the_wrong_type_is_refused_even_where_it_names_nobody() -> None:
    """``sub`` is a string wherever it stands (RFC 7519 §4.1.2)."""
    refusal = refusal_of(with_claims(uid="bob", sub=7), AUTH_IDENTITY_CLAIM="uid")

    assert type(refusal) is errors.MalformedTokenError


@pytest.mark.parametrize("aud", [AUDIENCE, [AUDIENCE], "", [], [None]], ids=str)
def test_where_no_audience_is_configured_a_token_for_somebody_is_refused(aud: object) -> None:
    """RFC 7519 §4.1.3: a service that is not named in ``aud`` must refuse the token."""
    refusal = refusal_of(with_claims(aud=aud), AUTH_AUDIENCE=None)

    assert type(refusal) is errors.InvalidAudienceError


def test_where_nothing_is_configured_a_token_for_anybody_from_anybody_is_accepted() -> None:
    """With a shared secret alone, issuer and audience are optional."""
    token = verifier(AUTH_ISSUER=None, AUTH_AUDIENCE=None).verify(with_claims(aud=..., iss=...))

    assert token.issuer is None


def test_one_of_several_audiences_is_enough() -> None:
    """A service may have several names."""
    checked = verifier(AUTH_AUDIENCE=["https://a.example", "https://b.example"])

    assert checked.verify(with_claims(aud="https://b.example")).user_id == "alice"


SCOPES = {
    "absent": (..., set()),
    "empty": ("", set()),
    "one": ("a", {"a"}),
    "several spaces": (" a  b ", {"a", "b"}),
    "list": (["a", "b"], {"a", "b"}),
    "empty list": ([], set()),
    "a list member is one scope": (["a b"], {"a b"}),
    "only a space separates": ("a\tb", {"a\tb"}),
}


@pytest.mark.parametrize(("scope", "granted"), SCOPES.values(), ids=SCOPES)
def test_scopes_are_taken_apart(scope: object, granted: set[str]) -> None:
    """Text with spaces (RFC 8693 §4.2), or a list as some issuers send it."""
    assert verifier().verify(with_claims(scope=scope)).scopes == granted


def test_the_longest_token_is_accepted_and_one_byte_more_is_not() -> None:
    """8192 bytes by default."""
    exact = next(token for n in range(5700, 6200) if len(token := with_claims(pad="x" * n)) == 8192)

    assert verifier().verify(exact).user_id == "alice"
    assert refusal_of(exact + "A").reason == "longer than AUTH_MAX_TOKEN_BYTES"


FORGED = {
    "another secret": compact(secret=OTHER_SECRET),
    "another hash": compact(digest="sha512"),
    "no signature": compact().rpartition(".")[0] + ".",
    "cut signature": compact()[:-4],
    "signature of another token": f"{compact().rpartition('.')[0]}.{with_claims(sub='bob').rpartition('.')[2]}",
    "alg none without signature": with_header(alg="none").rpartition(".")[0] + ".",
    "expired as well": compact(claims=CLAIMS | {"exp": NOW - 3600}, secret=OTHER_SECRET),
    "nonsense claims as well": compact(claims={"iss": ISSUER, "sub": 1, "exp": "x"}, secret=OTHER_SECRET),
}


@pytest.mark.parametrize("encoded", FORGED.values(), ids=FORGED)
def test_a_forged_token_is_an_invalid_signature_whatever_it_claims(encoded: str) -> None:
    """Nothing a token says is believed, or answered, before its signature holds."""
    assert type(refusal_of(encoded)) is errors.InvalidSignatureError


def test_every_secret_of_a_rotation_verifies() -> None:
    """The first is current, the others still verify; a third one does not."""
    rotating: dict[str, Any] = {"AUTH_SECRET": [OTHER_SECRET, SECRET]}

    assert verifier(**rotating).verify(compact()).user_id == "alice"
    assert verifier(**rotating).verify(compact(secret=OTHER_SECRET)).user_id == "alice"
    assert type(refusal_of(compact(secret=SECRET[::-1]), **rotating)) is errors.InvalidSignatureError


@pytest.mark.parametrize(("algorithm", "digest"), [("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512")])
def test_every_hmac_algorithm_verifies_where_it_is_named(algorithm: str, digest: str) -> None:
    """``AUTH_ALGORITHMS`` opens the longer hashes and closes the others."""
    encoded = compact(HEADER | {"alg": algorithm}, digest=digest)

    assert verifier(AUTH_ALGORITHMS=algorithm).verify(encoded).user_id == "alice"
    others = [name for name in ("HS256", "HS384", "HS512") if name != algorithm]
    assert type(refusal_of(encoded, AUTH_ALGORITHMS=others)) is errors.InvalidSignatureError


ASYMMETRIC = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


def verifier_with(public_key: object, **changes: Any) -> Authenticator:
    return verifier(AUTH_SECRET=None, AUTH_PUBLIC_KEY=public_key, **changes)


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_every_public_key_algorithm_verifies(algorithm: str) -> None:
    """The key alone says which algorithms it takes, and another key of the same kind does not verify."""
    issuer, stranger = (
        TokenIssuer.generate(algorithm, issuer=ISSUER, audience=AUDIENCE, clock=lambda: NOW) for _ in range(2)
    )
    checked = verifier_with(issuer.public_key)

    assert checked.verify(issuer.issue("alice")).user_id == "alice"
    with pytest.raises(errors.InvalidSignatureError, match="does not verify"):
        checked.verify(stranger.issue("alice"))


RANDOM = bytes(range(7, 55))
BASE64 = base64.b64encode(RANDOM).decode()


@pytest.mark.parametrize(
    ("secret", "decoded"),
    [
        (BASE64, RANDOM),
        (f"base64:{BASE64}", RANDOM),
        (base64.urlsafe_b64encode(RANDOM + b"\xff\xfe").decode().rstrip("="), RANDOM + b"\xff\xfe"),
    ],
    ids=["base64", "as Laravel writes it", "base64url"],
)
def test_an_issuer_that_decodes_the_secret_first_is_named_in_the_reason(secret: str, decoded: bytes) -> None:
    """Both sides have the same text, and an operator would compare it in vain. The token is refused all the same."""
    issuer = TokenIssuer(decoded, issuer=ISSUER, audience=AUDIENCE, clock=lambda: NOW)

    with pytest.raises(errors.InvalidSignatureError, match="signed with what the secret stands for in base64"):
        verifier(AUTH_SECRET=secret).verify(issuer.issue("alice"))

    assert verifier(AUTH_SECRET=decoded).verify(issuer.issue("alice")).user_id == "alice"


@pytest.mark.parametrize("secret", [BASE64, "no base64: " + "ä" * 40], ids=["base64", "other text"])
def test_another_secret_is_only_another_secret(secret: str) -> None:
    """Whether ours is base64 or not."""
    issuer = TokenIssuer("d1f0" * 3 + "Zq8Lw2Xv7Bn4Tk9Rm5Hs", issuer=ISSUER, audience=AUDIENCE, clock=lambda: NOW)

    with pytest.raises(errors.InvalidSignatureError, match="the signature does not verify"):
        verifier(AUTH_SECRET=secret).verify(issuer.issue("alice"))


def test_an_rsa_key_is_no_hmac_secret() -> None:
    """The oldest attack on JWT libraries: the public key, which everybody has, used as the secret (RFC 8725 §2.1)."""
    issuer = TokenIssuer.generate("RS256")
    checked = verifier_with(issuer.public_key)
    forged = compact(HEADER | {"alg": "HS256"}, secret=issuer.public_key)

    with pytest.raises(errors.InvalidSignatureError, match="alg is not one of"):
        checked.verify(forged)


def test_an_algorithm_stays_with_the_key_it_belongs_to() -> None:
    """With an RSA and an EC key accepted, a token cannot pair one's algorithm with the other."""
    rsa, elliptic = TokenIssuer.generate("RS256"), TokenIssuer.generate("ES256", issuer=ISSUER, audience=AUDIENCE)
    jwks = [key | {"kid": kid} for kid, key in (("r", as_jwk(rsa)), ("e", as_jwk(elliptic)))]
    checked = verifier_with(jwks)

    with pytest.raises(errors.InvalidSignatureError, match="no key fits alg and kid"):
        checked.verify(elliptic.issue("alice", headers={"kid": "r"}))


def as_jwk(issuer: TokenIssuer) -> dict[str, Any]:
    """Return the public key of an issuer as a JWK."""
    key = load_pem_public_key(issuer.public_key.encode())
    algorithm = "ES256" if isinstance(key, ec.EllipticCurvePublicKey) else "RS256"
    text: str = jwt.get_algorithm_by_name(algorithm).to_jwk(key, as_dict=False)
    return {name: value for name, value in json.loads(text).items() if name != "key_ops"}


def test_an_unknown_key_id_is_an_invalid_signature() -> None:
    """Where every key has an id, another id names none of them."""
    issuer = TokenIssuer.generate("RS256", issuer=ISSUER, audience=AUDIENCE, clock=lambda: NOW)
    checked = verifier_with(as_jwk(issuer) | {"kid": "current"})

    assert checked.verify(issuer.issue("alice", headers={"kid": "current"})).user_id == "alice"
    with pytest.raises(errors.InvalidSignatureError, match="no key fits alg and kid"):
        checked.verify(issuer.issue("alice", headers={"kid": "other"}))


class RotatingKeys:
    """A key source whose keys are outdated, and which notes what it is asked for."""

    algorithms = frozenset({"HS256"})

    def __init__(self, current: KeyRing, newer: KeyRing | None) -> None:
        self.rings = (current, newer)
        self.asked: list[object] = []

    def current(self) -> KeyRing:
        self.asked.append("current")
        return self.rings[0]

    def newer(self, seen: KeyRing, key_id: str | None) -> KeyRing | None:
        self.asked.append((seen, key_id))
        return self.rings[1]

    def peek(self) -> KeyRing | None:
        raise AssertionError("nothing is remembered here")

    def status(self) -> KeyStatus:
        raise AssertionError("no probe comes here")


class CountedKey(VerificationKey):
    """A key that counts how often it is tried."""

    tried: ClassVar[list[str | None]] = []

    def verify(self, algorithm: str, signing_input: bytes, signature: bytes) -> bool:
        self.tried.append(self.key_id)
        return super().verify(algorithm, signing_input, signature)


def key_of(secret: str, key_id: str | None = None) -> VerificationKey:
    return CountedKey(key_id, frozenset({"HS256"}), secret.encode())


def answer_with(keys: KeySource, encoded: str) -> object:
    """Return the user of a token, or the reason of the refusal."""
    config = AuthConfig.from_mapping({"AUTH_ISSUER": ISSUER, "AUTH_AUDIENCE": AUDIENCE}, keys=keys)
    CountedKey.tried.clear()
    try:
        return authenticator_of(config.issuers, max_token_bytes=8192, clock=lambda: NOW).verify(encoded).user_id
    except errors.InvalidSignatureError as error:
        return error.reason


def test_keys_that_verify_a_token_are_not_looked_for_again() -> None:
    """Looking for newer keys may cost a request to the issuer."""
    keys = RotatingKeys(KeyRing((key_of(SECRET),)), None)

    assert answer_with(keys, with_header(kid="1")) == "alice"
    assert keys.asked == ["current"]


FOUND_LATER = {
    "a key that came just now": (KeyRing((key_of(SECRET, "2"),)), "alice", ["1", "2"]),
    "no newer keys": (None, "the signature does not verify", ["1"]),
    "the same keys and one that does not verify": (
        KeyRing((key_of(OTHER_SECRET, "1"), key_of("x" * 32, "3"))),
        "the signature does not verify",
        ["1", "3"],
    ),
    "a newer set without a key": (KeyRing(), "the signature does not verify", ["1"]),
}


@pytest.mark.parametrize(("newer", "answer", "tried"), FOUND_LATER.values(), ids=FOUND_LATER)
def test_newer_keys_are_looked_for_once(newer: KeyRing | None, answer: str, tried: list[str]) -> None:
    """A key that did not verify is not tried again."""
    outdated = KeyRing((key_of(OTHER_SECRET, "1"),))
    keys = RotatingKeys(outdated, newer)

    assert answer_with(keys, compact()) == answer
    assert keys.asked == ["current", (outdated, None)]
    assert CountedKey.tried == tried


def test_a_token_that_no_key_fits_is_refused_as_such() -> None:
    """Neither the current keys nor the newer ones have its id."""
    named = KeyRing((key_of(SECRET, "1"),))
    keys = RotatingKeys(named, KeyRing((key_of(SECRET, "2"),)))

    assert answer_with(keys, with_header(kid="3")) == "no key fits alg and kid"
    assert keys.asked == ["current", (named, "3")]
    assert CountedKey.tried == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
HEADER_CHANGES = st.dictionaries(st.sampled_from(["alg", "typ", "kid", "crit", "b64", "jwk", "cty"]), JSON, max_size=2)
CLAIM_CHANGES = st.dictionaries(
    st.sampled_from(["iss", "aud", "sub", "exp", "nbf", "iat", "jti", "scope", "cnf", "client_id"]), JSON, max_size=3
)


def outcome_of(checked: Authenticator, encoded: str) -> AccessToken | InvalidTokenError:
    """Return a token or the refusal that blames it; anything else propagates and fails the test."""
    try:
        return checked.verify(encoded)
    except InvalidTokenError as refusal:
        return refusal


def check_outcome(checked: Authenticator, encoded: str) -> None:
    """Demand an outcome that can be shown: a token with a user whose claims can be read, or a refusal with 401."""
    outcome = outcome_of(checked, encoded)
    if isinstance(outcome, InvalidTokenError):
        assert outcome.status == 401
        return
    shown = (outcome.expires_at, outcome.issued_at, outcome.subject, outcome.token_id, json.dumps(outcome.claims))
    assert outcome.user_id.strip()
    assert len(shown) == 5


@settings(max_examples=200)
@given(header=HEADER_CHANGES, claims=CLAIM_CHANGES)
def test_whatever_the_right_key_signed_is_a_token_or_a_refusal(header: dict[str, Any], claims: dict[str, Any]) -> None:
    """Odd values in registered members end in one of our errors, never in another one."""
    check_outcome(verifier(), compact(HEADER | header, CLAIMS | claims))


@settings(max_examples=200)
@given(header=JSON, claims=JSON)
def test_any_json_signed_with_the_right_key_is_a_token_or_a_refusal(header: object, claims: object) -> None:
    """Header and payload need not even be objects."""
    check_outcome(verifier(), compact(header, claims))


@settings(max_examples=200)
@given(header=st.binary(max_size=40), claims=st.binary(max_size=40))
def test_any_bytes_signed_with_the_right_key_are_a_token_or_a_refusal(header: bytes, claims: bytes) -> None:
    """Nor JSON at all."""
    check_outcome(verifier(), compact(header, claims))


@settings(max_examples=200)
@given(st.one_of(st.text(), st.text(alphabet="eyJ0._-=AZ9"), st.from_regex(r"[\w-]+\.[\w-]+\.[\w-]*", fullmatch=True)))
def test_any_text_is_a_token_or_a_refusal(encoded: str) -> None:
    """Nothing that can be sent raises anything but a refusal."""
    check_outcome(verifier(), encoded)


@settings(max_examples=100)
@given(position=st.integers(min_value=0), character=st.sampled_from("AZaz09-_.=+/ é\n"))
def test_no_single_character_can_be_changed(position: int, character: str) -> None:
    """A token has one spelling, and its signature covers all of it."""
    encoded = compact()
    position %= len(encoded)
    changed = encoded[:position] + character + encoded[position + 1 :]
    checked = verifier()
    refused = False
    try:
        checked.verify(changed)
    except InvalidTokenError:
        refused = True

    assert refused is (changed != encoded)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
@pytest.mark.parametrize("signature", ["", "AA", "A" * 86, "A" * 342, "_" * 86], ids=len)
def test_a_signature_of_any_length_is_refused_and_nothing_else(algorithm: str, signature: str) -> None:
    """What the cryptography makes of nonsense never gets out."""
    issuer = TokenIssuer.generate(algorithm, issuer=ISSUER, audience=AUDIENCE, clock=lambda: NOW)
    checked = verifier_with(issuer.public_key)
    encoded = f"{issuer.issue('alice').rpartition('.')[0]}.{signature}"

    with pytest.raises((errors.InvalidSignatureError, errors.MalformedTokenError)):
        checked.verify(encoded)


def test_the_time_is_the_system_clocks_unless_another_is_given() -> None:
    """A token made now is good now."""
    config = AuthConfig.from_mapping({"AUTH_SECRET": SECRET})
    checked = authenticator_of(config.issuers, max_token_bytes=config.max_token_bytes)

    assert checked.verify(TokenIssuer(SECRET).issue("alice")).user_id == "alice"


def test_an_issuer_that_is_no_text_is_refused_where_any_is_accepted() -> None:
    """Issuers are compared as strings, and only strings."""
    with pytest.raises(errors.InvalidIssuerError):
        verifier(AUTH_ISSUER=None).verify(with_claims(iss=["https://login.example"]))


def test_a_claim_called_events_is_nothing_special_unless_it_is_an_object() -> None:
    """Issuers may name claims as they like; only the object of RFC 8417 §2.2 makes a security event."""
    assert verifier().verify(with_claims(events=["signed up"])).claims["events"] == ("signed up",)


def test_where_no_issuer_is_configured_a_token_from_anybody_is_accepted() -> None:
    """A token may name its issuer although nobody asks for it."""
    token = verifier(AUTH_ISSUER=None).verify(with_claims(iss="https://another.example"))

    assert token.issuer == "https://another.example"


REASONS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "iss absent": ({"iss": ...}, {}, f"iss is absent or not a string; expected {ISSUER}"),
    "iss another": ({"iss": "https://evil.example/x"}, {}, f"iss is not AUTH_ISSUER; expected {ISSUER}"),
    "iss with a slash": (
        {"iss": f"{ISSUER}/"},
        {},
        f"iss differs from AUTH_ISSUER only by a slash at the end; expected {ISSUER}",
    ),
    "iss of two names": (
        {"iss": "http://b.example"},
        {"AUTH_ISSUER": ["https://a.example/x", "https://b.example"]},
        "iss differs from one of our issuers only by the scheme; expected https://a.example/x or https://b.example",
    ),
    "aud another": ({"aud": ["x", "y"]}, {}, f"aud names other services; expected {AUDIENCE}"),
    "aud where none is set": ({}, {"AUTH_AUDIENCE": None}, "aud names a service, and AUTH_AUDIENCE is not set"),
    "aud with a slash": (
        {"aud": ["x", f"{AUDIENCE}/"]},
        {},
        f"aud differs from AUTH_AUDIENCE only by a slash at the end; expected {AUDIENCE}",
    ),
    "client in another case": (
        {"client_id": "WEB", "token_use": "access"},
        {"AUTH_PROFILE": "cognito", "AUTH_AUDIENCE": "web"},
        "client_id differs from AUTH_AUDIENCE only by upper and lower case; expected web",
    ),
    "another client": (
        {"client_id": "app", "token_use": "access"},
        {"AUTH_PROFILE": "cognito", "AUTH_AUDIENCE": "web"},
        "client_id names other services; expected web",
    ),
    "no client": (
        {"token_use": "access"},
        {"AUTH_PROFILE": "cognito", "AUTH_AUDIENCE": "web"},
        "client_id is absent or not a string; expected web",
    ),
}


@pytest.mark.parametrize(("changes", "checked", "reason"), REASONS.values(), ids=REASONS)
def test_the_log_says_how_near_a_name_was(changes: dict[str, Any], checked: dict[str, Any], reason: str) -> None:
    """In our own words: what the token says is not repeated."""
    assert refusal_of(with_claims(**changes), **checked).reason == reason
