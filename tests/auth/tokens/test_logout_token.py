"""What a logout token must look like, and that no other token is one (OpenID Connect Back-Channel Logout 1.0)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from auth import errors
from auth.errors import AuthError
from auth.keys import KeyRing, KeyStatus
from auth.settings.service import AuthConfig
from auth.testing import TokenIssuer
from auth.tokens.logout_token import MAX_BYTES, LogoutToken, verify_logout_token
from auth.tokens.verifier import TokenVerifier
from tests.support.logouts import CLAIMS, CLIENT, EVENT, HEADER, logout_token
from tests.support.services import (
    AUDIENCE,
    ISSUER,
    NOW,
    OTHER_SECRET,
    SECRET,
    SETTINGS,
    compact,
    segment,
    verifier,
    with_claims,
)

LEEWAY, MAX_AGE = 30, 120


def receiver(*audience: str, **settings: Any) -> TokenVerifier:
    """Return a verifier with changed settings whose issuers send logout tokens for these clients."""
    config = AuthConfig.from_mapping(SETTINGS | settings)
    issuers = [replace(issuer, logout_audience=frozenset(audience or (CLIENT,))) for issuer in config.issuers]
    return TokenVerifier(issuers, max_token_bytes=config.max_token_bytes, clock=lambda: NOW)


def judged(encoded: str, *, now: float = NOW, **settings: Any) -> LogoutToken:
    return verify_logout_token(encoded, receiver(**settings), now)


def refusal_of(encoded: str, *, now: float = NOW, **settings: Any) -> AuthError:
    with pytest.raises(AuthError) as raised:
        judged(encoded, now=now, **settings)
    return raised.value


def test_a_logout_token_ends_the_tokens_of_a_user() -> None:
    """Up to its own ``iat``, if it names no session."""
    assert judged(logout_token()) == LogoutToken(
        issuer=ISSUER,
        token_id="logout-1",
        session_id=None,
        user_id="alice",
        issued_at=NOW,
        valid_until=NOW + MAX_AGE + LEEWAY,
    )


@pytest.mark.parametrize(
    "subject", ["alice", ..., None, "", "\n"], ids=["a user", "absent", "null", "empty", "a line end"]
)
def test_a_logout_token_ends_a_session(subject: object) -> None:
    """The session alone, and whatever ``sub`` beside it: the user may have others."""
    logout = judged(logout_token(sid="session-1", sub=subject))

    assert (logout.session_id, logout.user_id) == ("session-1", None)


@pytest.mark.parametrize(
    "typ",
    [..., "logout+jwt", "LOGOUT+JWT", "Logout+Jwt", "application/logout+jwt", "APPLICATION/logout+jwt"],
    ids=str,
)
def test_the_type_is_that_of_a_logout_token_or_absent(typ: object) -> None:
    """A media type, in any case, with ``application/`` or without (RFC 7515 §4.1.9); §2.4 only recommends it."""
    assert judged(logout_token(header={"typ": typ})).user_id == "alice"


GOOD_CLAIMS: dict[str, dict[str, Any]] = {
    "aud a list": {"aud": [CLIENT]},
    "several aud": {"aud": ["somebody-else", CLIENT]},
    "no exp": {"exp": ...},
    "exp null": {"exp": None},
    "exp just not reached": {"exp": NOW - LEEWAY + 1},
    "nbf just reached": {"nbf": NOW + LEEWAY},
    "iat just reached": {"iat": NOW + LEEWAY},
    "iat just not too long ago": {"iat": NOW - MAX_AGE - LEEWAY + 1, "exp": ...},
    "iat with a fraction": {"iat": NOW + 0.5},
    "members of the event, and another event": {"events": {EVENT: {"reason": "password"}, "urn:other": 1}},
    "an unknown claim": {"unknown": {"claim": True}},
}


@pytest.mark.parametrize("changes", GOOD_CLAIMS.values(), ids=GOOD_CLAIMS)
def test_what_may_differ_in_a_logout_token(changes: dict[str, Any]) -> None:
    """Several audiences, no ``exp``, other events beside it, a clock that differs by the leeway."""
    assert judged(logout_token(**changes)).user_id == "alice"


BAD_CLAIMS: dict[str, tuple[dict[str, Any], type[AuthError]]] = {
    "no events": ({"events": ...}, errors.InvalidTypeError),
    "events null": ({"events": None}, errors.InvalidTypeError),
    "events empty": ({"events": {}}, errors.InvalidTypeError),
    "events a list": ({"events": [EVENT]}, errors.InvalidTypeError),
    "events a text": ({"events": EVENT}, errors.InvalidTypeError),
    "another event": ({"events": {"https://login.example/events/other": {}}}, errors.InvalidTypeError),
    "an event nearly called so": ({"events": {EVENT + "/": {}}}, errors.InvalidTypeError),
    "the event null": ({"events": {EVENT: None}}, errors.InvalidTypeError),
    "the event true": ({"events": {EVENT: True}}, errors.InvalidTypeError),
    "the event a list": ({"events": {EVENT: []}}, errors.InvalidTypeError),
    "nonce": ({"nonce": "n-1"}, errors.InvalidTypeError),
    "nonce empty": ({"nonce": ""}, errors.InvalidTypeError),
    "nonce null": ({"nonce": None}, errors.InvalidTypeError),
    "no iss": ({"iss": ...}, errors.InvalidIssuerError),
    "iss of a stranger": ({"iss": "https://evil.example"}, errors.InvalidIssuerError),
    "iss with a slash": ({"iss": ISSUER + "/"}, errors.InvalidIssuerError),
    "iss a list": ({"iss": [ISSUER]}, errors.InvalidIssuerError),
    "no aud": ({"aud": ...}, errors.InvalidAudienceError),
    "aud null": ({"aud": None}, errors.InvalidAudienceError),
    "aud empty": ({"aud": []}, errors.InvalidAudienceError),
    "aud of another client": ({"aud": "shop-web"}, errors.InvalidAudienceError),
    "aud of the API": ({"aud": AUDIENCE}, errors.InvalidAudienceError),
    "aud in another case": ({"aud": CLIENT.upper()}, errors.InvalidAudienceError),
    "aud an object": ({"aud": {CLIENT: 1}}, errors.InvalidAudienceError),
    "aud with a number": ({"aud": [CLIENT, 1]}, errors.InvalidAudienceError),
    "no iat": ({"iat": ...}, errors.MissingClaimError),
    "iat null": ({"iat": None}, errors.MissingClaimError),
    "iat a text": ({"iat": str(NOW)}, errors.MissingClaimError),
    "iat too long ago": ({"iat": NOW - MAX_AGE - LEEWAY, "exp": NOW + 900}, errors.TokenExpiredError),
    "iat ahead": ({"iat": NOW + LEEWAY + 1}, errors.TokenNotYetValidError),
    "nbf ahead": ({"nbf": NOW + LEEWAY + 1}, errors.TokenNotYetValidError),
    "exp reached": ({"exp": NOW - LEEWAY}, errors.TokenExpiredError),
    "exp a text": ({"exp": str(NOW + 120)}, errors.MissingClaimError),
    "no jti": ({"jti": ...}, errors.MissingClaimError),
    "jti null": ({"jti": None}, errors.MissingClaimError),
    "jti empty": ({"jti": ""}, errors.MissingClaimError),
    "jti blank": ({"jti": " "}, errors.MissingClaimError),
    "jti a number": ({"jti": 1}, errors.MalformedTokenError),
    "neither sub nor sid": ({"sub": ...}, errors.MissingClaimError),
    "sub null": ({"sub": None}, errors.MissingClaimError),
    "sub empty": ({"sub": ""}, errors.MissingClaimError),
    "sub a number": ({"sub": 1}, errors.MissingClaimError),
    "sub with a control character": ({"sub": "alice\x00"}, errors.MissingClaimError),
    "sid empty, though there is a sub": ({"sid": ""}, errors.MissingClaimError),
    "sid blank": ({"sid": " \t"}, errors.MissingClaimError),
    "sid a number": ({"sid": 1}, errors.MissingClaimError),
    "sid a list": ({"sid": ["session-1"]}, errors.MissingClaimError),
    "sid with a line end": ({"sid": "session-1\n"}, errors.MissingClaimError),
}


@pytest.mark.parametrize(("changes", "refusal"), BAD_CLAIMS.values(), ids=BAD_CLAIMS)
def test_bad_claims_are_refused(changes: dict[str, Any], refusal: type[AuthError]) -> None:
    """§2.6, each step of it, after a good signature."""
    assert type(refusal_of(logout_token(**changes))) is refusal


@pytest.mark.parametrize(
    ("changes", "reason", "hint"),
    [
        ({"iat": ...}, "iat is absent or null", "lacks a claim that is required here: iat."),
        ({"jti": None}, "jti is absent or null", "lacks a claim that is required here: jti."),
        (
            {"sid": " "},
            "sid names nothing",
            "cannot be used here: sid must be a string that is not blank and has no control characters.",
        ),
    ],
    ids=["absent", "null", "blank"],
)
def test_the_log_says_which_claim_is_wrong(changes: dict[str, Any], reason: str, hint: str) -> None:
    """And which value it may have."""
    error = refusal_of(logout_token(**changes))

    assert error.reason == reason
    assert error.message.endswith(hint)


BAD_HEADERS: dict[str, tuple[dict[str, Any], type[AuthError]]] = {
    "typ JWT": ({"typ": "JWT"}, errors.InvalidTypeError),
    "typ at+jwt": ({"typ": "at+jwt"}, errors.InvalidTypeError),
    "typ secevent+jwt": ({"typ": "secevent+jwt"}, errors.InvalidTypeError),
    "typ empty": ({"typ": ""}, errors.InvalidTypeError),
    "typ with a parameter": ({"typ": "logout+jwt; v=1"}, errors.InvalidTypeError),
    "typ with application twice": ({"typ": "application/application/logout+jwt"}, errors.InvalidTypeError),
    "typ of another tree": ({"typ": "text/logout+jwt"}, errors.InvalidTypeError),
    "typ with a space": ({"typ": "logout+jwt "}, errors.InvalidTypeError),
    "typ null": ({"typ": None}, errors.MalformedTokenError),
    "typ a list": ({"typ": ["logout+jwt"]}, errors.MalformedTokenError),
    "alg none": ({"alg": "none"}, errors.InvalidSignatureError),
    "alg NONE": ({"alg": "NONE"}, errors.InvalidSignatureError),
    "alg of another hash": ({"alg": "HS512"}, errors.InvalidSignatureError),
    "no alg": ({"alg": ...}, errors.MalformedTokenError),
    "crit": ({"crit": ["exp"]}, errors.MalformedTokenError),
    "b64 false": ({"b64": False}, errors.MalformedTokenError),
}


@pytest.mark.parametrize(("changes", "refusal"), BAD_HEADERS.values(), ids=BAD_HEADERS)
def test_bad_headers_are_refused(changes: dict[str, Any], refusal: type[AuthError]) -> None:
    """The judge is that of access tokens, and the type is another."""
    assert type(refusal_of(logout_token(header=changes))) is refusal


def without_signature(encoded: str) -> str:
    return encoded.rpartition(".")[0] + "."


NO_LOGOUT_TOKENS: dict[str, tuple[str, type[AuthError]]] = {
    "empty": ("", errors.MalformedTokenError),
    "a word": ("undefined", errors.MalformedTokenError),
    "two segments": (logout_token().rpartition(".")[0], errors.MalformedTokenError),
    "encrypted": (f"{segment(b'{}')}.a.a.a.a", errors.MalformedTokenError),
    "forged": (logout_token(secret=OTHER_SECRET), errors.InvalidSignatureError),
    "without a signature": (without_signature(logout_token()), errors.InvalidSignatureError),
    "alg none without a signature": (
        without_signature(logout_token(header={"alg": "none"})),
        errors.InvalidSignatureError,
    ),
    "nested": (compact(HEADER | {"cty": "JWT"}, logout_token().encode()), errors.MalformedTokenError),
    "one member twice": (
        compact(HEADER, json.dumps(CLAIMS)[:-1].encode() + b', "jti": "logout-2"}'),
        errors.MalformedTokenError,
    ),
    "a list": (compact(HEADER, [CLAIMS]), errors.MalformedTokenError),
    "too long": (logout_token(padding="x" * MAX_BYTES), errors.MalformedTokenError),
}


@pytest.mark.parametrize(("encoded", "refusal"), NO_LOGOUT_TOKENS.values(), ids=NO_LOGOUT_TOKENS)
def test_what_is_no_logout_token_of_the_issuer_is_refused(encoded: str, refusal: type[AuthError]) -> None:
    """Forged, broken, encrypted, nested or too long."""
    assert type(refusal_of(encoded)) is refusal


def test_a_logout_token_may_be_longer_than_an_access_token() -> None:
    """Its own bound is 8 KiB, whatever AUTH_MAX_TOKEN_BYTES says."""
    assert judged(logout_token(padding="x" * 4000), AUTH_MAX_TOKEN_BYTES=512).user_id == "alice"


def test_a_logout_token_that_is_too_long_is_refused_by_the_name_of_its_own_bound() -> None:
    """AUTH_MAX_TOKEN_BYTES would send the reader of the log to a setting that changes nothing."""
    assert refusal_of(logout_token(padding="x" * MAX_BYTES)).reason == "longer than 8192 bytes"


@pytest.mark.parametrize("profile", ["jwt", "rfc9068", "better-auth", "auth0", "keycloak", "cognito"])
def test_no_access_token_is_a_logout_token(profile: str) -> None:
    """RFC 8725 §3.11 and §3.12: not even one of a user for the client itself."""
    issuer = TokenIssuer(SECRET, issuer=ISSUER, audience=CLIENT, profile=profile, clock=lambda: NOW)
    token = issuer.issue("alice", claims={"aud": CLIENT})

    assert type(refusal_of(token)) is errors.InvalidTypeError


@pytest.mark.parametrize("typ", ["logout+jwt", "application/logout+jwt", "JWT", "at+jwt", ...], ids=str)
def test_no_logout_token_is_an_access_token(typ: object) -> None:
    """Whatever its type and audience are: its ``events`` tell it."""
    token = logout_token(header={"typ": typ}, aud=[AUDIENCE, CLIENT])

    with pytest.raises(errors.InvalidTypeError):
        verifier().verify(token)


@pytest.mark.parametrize("claims", [{"nonce": "n-1"}, {}], ids=["with a nonce", "without"])
def test_no_id_token_is_a_logout_token(claims: dict[str, Any]) -> None:
    """Its audience is the client as well, and its keys are the same."""
    assert type(refusal_of(with_claims(aud=CLIENT, jti="1", sid="s-1", **claims))) is errors.InvalidTypeError


def test_no_refused_logout_token_shows_itself() -> None:
    """Neither in what is logged nor in what a client would read."""
    for changes, _ in BAD_CLAIMS.values():
        error = refusal_of(logout_token(**changes))
        assert not any(
            text in error.reason + error.message for text in ("alice", "evil", "shop-web", "session-1", "n-1")
        )


@pytest.mark.parametrize(
    ("audience", "expected"),
    [((CLIENT,), "expected tasks-web"), (("b", "a"), "expected a or b")],
    ids=["one", "several"],
)
def test_the_log_says_for_which_clients_a_logout_token_had_to_be(audience: tuple[str, ...], expected: str) -> None:
    """Our own names, as the settings have them."""
    with pytest.raises(errors.InvalidAudienceError) as raised:
        verify_logout_token(logout_token(aud="shop-web"), receiver(*audience), NOW)

    assert raised.value.reason == f"aud names none of AUTH_LOGOUT_AUDIENCE; {expected}"


def test_an_issuer_without_clients_ends_nothing() -> None:
    """Of several issuers some may send no logout tokens."""
    silent = TokenVerifier(AuthConfig.from_mapping(SETTINGS).issuers, max_token_bytes=8192)

    with pytest.raises(errors.InvalidAudienceError) as raised:
        verify_logout_token(logout_token(), silent, NOW)

    assert raised.value.reason == "aud names none of AUTH_LOGOUT_AUDIENCE; it is not set for this issuer"


def test_the_age_of_access_tokens_does_not_matter() -> None:
    """AUTH_MAX_TOKEN_AGE may be shorter than two minutes, or longer."""
    encoded = logout_token(iat=NOW - 100, exp=NOW + 900)

    assert judged(encoded, AUTH_MAX_TOKEN_AGE=1).valid_until == NOW + 20 + LEEWAY
    assert type(refusal_of(encoded, now=NOW + 20 + LEEWAY, AUTH_MAX_TOKEN_AGE=3600)) is errors.TokenExpiredError


def test_a_logout_token_need_not_be_remembered_after_its_end() -> None:
    """Whichever is earlier: ``exp``, or two minutes after ``iat``."""
    assert judged(logout_token(exp=NOW + 60)).valid_until == NOW + 60 + LEEWAY
    assert judged(logout_token(exp=NOW + 600)).valid_until == NOW + MAX_AGE + LEEWAY


def test_the_user_is_named_as_by_access_tokens() -> None:
    """Behind the prefix of the issuer; and no plain user can be named like one of another issuer."""
    entries = [
        {"issuer": ISSUER, "secret": SECRET, "audience": AUDIENCE},
        {"issuer": "https://b.example", "secret": OTHER_SECRET, "audience": AUDIENCE, "user_prefix": "b:"},
    ]
    settings: dict[str, Any] = {**dict.fromkeys(SETTINGS), "AUTH_ISSUERS": entries}

    prefixed = judged(logout_token(iss="https://b.example", secret=OTHER_SECRET), **settings)

    assert (prefixed.user_id, prefixed.issuer) == ("b:alice", "https://b.example")
    assert type(refusal_of(logout_token(sub="b:alice"), **settings)) is errors.MissingClaimError
    assert type(refusal_of(logout_token(iss="https://b.example"), **settings)) is errors.InvalidSignatureError


def test_a_user_is_not_named_by_sub_if_another_claim_names_users() -> None:
    """Nobody knows whose ``sub`` it is. A session can end."""
    settings: dict[str, Any] = {"AUTH_IDENTITY_CLAIM": "uid"}

    assert judged(logout_token(sid="session-1"), **settings).session_id == "session-1"
    assert refusal_of(logout_token(uid="alice"), **settings).reason == (
        "sid is absent, and sub does not name the user by AUTH_IDENTITY_CLAIM"
    )


def test_an_issuer_with_several_names_goes_by_the_first() -> None:
    """Its access tokens may carry another one than its logout token."""
    names = [ISSUER, "https://old.example"]

    assert judged(logout_token(iss="https://old.example"), AUTH_ISSUER=names).issuer == ISSUER


class NoKeys:
    """A key source whose issuer is down."""

    algorithms = frozenset({"HS256"})

    def current(self) -> KeyRing:
        raise errors.KeysUnavailableError("the issuer is down")

    def newer(self, seen: KeyRing, key_id: str | None) -> None:
        raise NotImplementedError

    def peek(self) -> None:
        raise NotImplementedError

    def status(self) -> KeyStatus:
        raise NotImplementedError


def test_a_token_is_not_to_blame_if_keys_are_unavailable() -> None:
    """The issuer may send it again."""
    issuers = [replace(issuer, keys=NoKeys()) for issuer in AuthConfig.from_mapping(SETTINGS).issuers]

    with pytest.raises(errors.KeysUnavailableError):
        verify_logout_token(logout_token(), TokenVerifier(issuers, max_token_bytes=8192), NOW)
