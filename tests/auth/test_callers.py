"""Whose token it is, by the shape of each issuer, and who acts for the user."""

from __future__ import annotations

import copy
import pickle
import unicodedata
from dataclasses import replace
from typing import Any

import pytest

from auth import AccessToken, Actor
from auth.access_token import freeze
from auth.callers import SUBJECT_IS_CLIENT
from auth.errors import MalformedTokenError
from auth.tokens.profiles import PROFILES
from tests.support.documentation import table

#: Claims of tokens as the documentation of each issuer shows them: profile, claims, client, and whether it is its own.
#: Okta: "Client Credentials" guide. Auth0: "Access Token Profiles", "Client Credentials Flow". Keycloak: Server
#: Administration Guide, "Using a service account". Entra: "Access token claims reference" and "Optional claims
#: reference". Cognito: Developer Guide, "Understanding the access token". Spring Security OAuth had no sub.
SHAPES: dict[str, tuple[str, dict[str, Any], str | None, bool]] = {
    "RFC 9068, a client": ("rfc9068", {"sub": "s6BhdRkqt3", "client_id": "s6BhdRkqt3"}, "s6BhdRkqt3", True),
    "RFC 9068, a user": ("rfc9068", {"sub": "5ba552d67", "client_id": "s6BhdRkqt3"}, "s6BhdRkqt3", False),
    "azp, a client": ("jwt", {"sub": "web", "azp": "web"}, "web", True),
    "azp, a user": ("jwt", {"sub": "alice", "azp": "web"}, "web", False),
    "Okta, a client": (
        "jwt",
        {"sub": "0oab8eb55Kb9jdMIr5d6", "cid": "0oab8eb55Kb9jdMIr5d6"},
        "0oab8eb55Kb9jdMIr5d6",
        True,
    ),
    "Okta, a user": (
        "jwt",
        {"sub": "a@example.com", "cid": "0oab8eb55", "uid": "00uid4BxXw6I6TV4m0g3"},
        "0oab8eb55",
        False,
    ),
    "Auth0 by profile jwt, a client": ("jwt", {"sub": "K1AUPhZq@clients", "azp": "K1AUPhZq"}, "K1AUPhZq", True),
    "Auth0 by profile jwt, a client by gty": (
        "jwt",
        {"sub": "job", "azp": "K1AUPhZq", "gty": "client-credentials"},
        "K1AUPhZq",
        True,
    ),
    "Entra by profile jwt, a client": ("jwt", {"sub": "7f2c", "appid": "6731de76", "idtyp": "app"}, "6731de76", True),
    "no client is named": ("jwt", {"sub": "alice"}, None, False),
    "Spring, a user without sub": ("jwt", {"user_name": "alice", "client_id": "web"}, "web", False),
    "Better Auth, a client": ("better-auth", {"sub": "cl1", "client_id": "cl1", "azp": "cl1"}, "cl1", True),
    "Better Auth, a user": ("better-auth", {"sub": "u1", "client_id": "cl1", "azp": "cl1"}, "cl1", False),
    "Better Auth, the jwt plugin": ("better-auth", {"sub": "u1", "role": "user"}, None, False),
    "Cognito, a client": ("cognito", {"sub": "57cbishk4j24", "client_id": "57cbishk4j24"}, "57cbishk4j24", True),
    "Cognito, a user": (
        "cognito",
        {"sub": "aaaabbbb", "client_id": "57cbishk4j24", "username": "a"},
        "57cbishk4j24",
        False,
    ),
    "Auth0, a client": (
        "auth0",
        {"sub": "K1AUPhZq@clients", "azp": "K1AUPhZq", "gty": "client-credentials"},
        "K1AUPhZq",
        True,
    ),
    "Auth0, a client by RFC 9068": ("auth0", {"sub": "K1AUPhZq@clients", "client_id": "K1AUPhZq"}, "K1AUPhZq", True),
    "Auth0, a client by gty alone": (
        "auth0",
        {"sub": "job", "azp": "K1AUPhZq", "gty": "client-credentials"},
        "K1AUPhZq",
        True,
    ),
    "Auth0, a user": ("auth0", {"sub": "auth0|6553da60", "azp": "K1AUPhZq", "gty": "password"}, "K1AUPhZq", False),
    "Auth0, a user of the domain": ("auth0", {"sub": "x@clients.example", "azp": "K1AUPhZq"}, "K1AUPhZq", False),
    "Keycloak, a client": (
        "keycloak",
        {
            "sub": "b5b3ae5d-3bd2-4b6c-9d2f-1f2b3c4d5e6f",
            "azp": "jobs",
            "client_id": "jobs",
            "preferred_username": "service-account-jobs",
        },
        "jobs",
        True,
    ),
    "Keycloak, a client that was made long ago": (
        "keycloak",
        {"sub": "b5b3ae5d", "azp": "jobs", "clientId": "jobs", "preferred_username": "service-account-jobs"},
        "jobs",
        True,
    ),
    "Keycloak, a user": ("keycloak", {"sub": "1c7f6a52", "azp": "web", "preferred_username": "alice"}, "web", False),
    "Keycloak, a user by such a name": (
        "keycloak",
        {"sub": "1c7f6a52", "azp": "web", "preferred_username": "service-account-jobs"},
        "web",
        False,
    ),
    "Entra, a client, v2.0": (
        "entra",
        {"sub": "7f2c", "oid": "7f2c", "azp": "6731de76", "idtyp": "app"},
        "6731de76",
        True,
    ),
    "Entra, a client, v1.0": (
        "entra",
        {"sub": "7f2c", "oid": "7f2c", "appid": "6731de76", "idtyp": "app"},
        "6731de76",
        True,
    ),
    "Entra, a client without idtyp": ("entra", {"sub": "7f2c", "oid": "7f2c", "azp": "6731de76"}, "6731de76", False),
    "Entra, a user": ("entra", {"sub": "AAAA", "oid": "9d1e", "azp": "6731de76", "idtyp": "user"}, "6731de76", False),
}


def token(claims: dict[str, Any], profile: str = "jwt") -> AccessToken:
    return AccessToken(
        user_id="anybody",
        issuer=None,
        scopes=frozenset(),
        roles=frozenset(),
        claims=freeze(claims),
        client_shape=PROFILES[profile].client,
    )


@pytest.mark.parametrize(("profile", "claims", "client_id", "is_client"), SHAPES.values(), ids=SHAPES)
def test_a_token_says_whose_it_is(profile: str, claims: dict[str, Any], client_id: str | None, is_client: bool) -> None:
    """By what the profile knows of its issuer."""
    made = token(claims, profile)

    assert (made.client_id, made.is_client) == (client_id, is_client)


#: Claims that nobody should send: what they name as the client, and whether it is the client's own token.
ODD: dict[str, tuple[dict[str, Any], str | None, bool]] = {
    "two names of the client, the user is neither": ({"sub": "alice", "client_id": "a", "azp": "b"}, "a", False),
    "two names of the client, the user is the first": ({"sub": "a", "client_id": "a", "azp": "b"}, "a", True),
    "two names of the client, the user is the second": ({"sub": "b", "client_id": "a", "azp": "b"}, "a", True),
    "a number": ({"sub": "7", "client_id": 7}, None, False),
    "a number, and azp": ({"sub": "web", "client_id": 7, "azp": "web"}, "web", True),
    "a list": ({"sub": "web", "client_id": ["web"]}, None, False),
    "an object": ({"sub": "web", "client_id": {"id": "web"}}, None, False),
    "true": ({"sub": "true", "client_id": True}, None, False),
    "null": ({"sub": "web", "client_id": None, "azp": "web"}, "web", True),
    "null, twice": ({"sub": None, "client_id": None}, None, False),
    "empty": ({"sub": "alice", "client_id": ""}, None, False),
    "empty, both": ({"sub": "", "client_id": ""}, None, False),
    "no sub": ({"client_id": "web"}, "web", False),
    "another case": ({"sub": "Web", "client_id": "web"}, "web", False),
    "a space more": ({"sub": "web ", "client_id": "web"}, "web", False),
    "full width": ({"sub": "\uff57eb", "client_id": "web"}, "web", False),
    "a zero-width space": ({"sub": "web\u200b", "client_id": "web"}, "web", False),
    "decomposed": (
        {"sub": unicodedata.normalize("NFD", "café"), "client_id": unicodedata.normalize("NFC", "café")},
        unicodedata.normalize("NFC", "café"),
        False,
    ),
}


@pytest.mark.parametrize(("claims", "client_id", "is_client"), ODD.values(), ids=ODD)
def test_an_odd_client_is_text_or_nobody(claims: dict[str, Any], client_id: str | None, is_client: bool) -> None:
    """Texts are compared character by character; what is no text names no client."""
    made = token(claims)

    assert (made.client_id, made.is_client) == (client_id, is_client)


@pytest.mark.parametrize(
    ("profile", "claims"),
    [
        ("auth0", {"sub": "job", "gty": ["client-credentials"]}),
        ("auth0", {"sub": "job", "gty": "client-credentials "}),
        ("keycloak", {"sub": "job", "client_id": 7, "preferred_username": "service-account-jobs"}),
        ("keycloak", {"sub": "job", "client_id": "job", "preferred_username": ["service-account-jobs"]}),
        ("entra", {"sub": "job", "azp": "job", "idtyp": "APP"}),
        ("entra", {"sub": "job", "azp": "job", "idtyp": None}),
    ],
)
def test_a_sign_is_exactly_what_the_profile_says(profile: str, claims: dict[str, Any]) -> None:
    """Another type or another text is no sign, and an equal ``sub`` is none for these issuers."""
    assert token(claims, profile).is_client is False


def test_the_page_names_the_claims_of_each_profile() -> None:
    """The table is what the profiles hold."""
    rows = {row[0].strip("`"): row[1:] for row in table("callers.md", "By issuer")}

    assert rows.keys() == PROFILES.keys()
    for name, (named, own) in rows.items():
        shape = PROFILES[name].client
        assert named == ", ".join(f"`{claim}`" for claim in shape.claims)
        signs = ["`sub` equals one of these claims"] if shape.is_subject else []
        signs += [f"`{claim}` is `{text}`" for claim, text in shape.signs]
        needed = " or ".join(f"`{claim}`" for claim in shape.needed)
        assert own == ", or ".join(signs) + (f", and there is {needed}" if needed else "")


def test_a_token_made_by_hand_follows_rfc_9068() -> None:
    """A test that makes one names no profile."""
    made = AccessToken(
        user_id="web", issuer=None, scopes=frozenset(), roles=frozenset(), claims=freeze({"sub": "web", "azp": "web"})
    )

    assert made.client_shape is SUBJECT_IS_CLIENT
    assert made.is_client


@pytest.mark.parametrize(("claim", "session_id"), [("s-1", "s-1"), (7, None), (None, None), (["s-1"], None)])
def test_a_session_is_named_by_text(claim: object, session_id: str | None) -> None:
    """OpenID Connect Front-Channel Logout §3 registers ``sid`` as text."""
    assert token({"sid": claim}).session_id == session_id
    assert token({}).session_id is None


def nested(count: int) -> dict[str, Any]:
    return {"sub": f"actor-{count}"} | ({"act": nested(count - 1)} if count > 1 else {})


def test_an_actor_is_read_with_those_before_it() -> None:
    """RFC 8693 §4.1, figure 6, with what the RFC lets stand beside ``sub``."""
    before = {"sub": "https://service77.example.com"}
    act = {"sub": "https://service16.example.com", "iss": "https://issuer.example", "client_id": "s16", "act": before}

    actor = token({"sub": "user@example.com", "act": act}).actor

    assert actor == Actor(
        "https://service16.example.com",
        "https://issuer.example",
        "s16",
        Actor("https://service77.example.com", None, None, None),
    )


@pytest.mark.parametrize("claims", [{}, {"act": None}, {"may_act": {"sub": "agent"}}], ids=str)
def test_nobody_acts_unless_the_token_says_so(claims: dict[str, Any]) -> None:
    """``may_act`` only allows it (RFC 8693 §4.4), and null says nothing."""
    assert token(claims).actor is None


def test_what_is_no_text_beside_the_subject_of_an_actor_is_nothing() -> None:
    """Only ``sub`` is demanded."""
    assert token({"act": {"sub": "agent", "iss": 7, "client_id": ["x"], "act": None}}).actor == Actor("agent")


def test_five_actors_are_read() -> None:
    """The outermost first."""
    actor, names = token({"act": nested(5)}).actor, []
    while actor is not None:
        names.append(actor.subject)
        actor = actor.actor

    assert names == ["actor-5", "actor-4", "actor-3", "actor-2", "actor-1"]


BAD_ACTORS: dict[str, tuple[object, str]] = {
    "text": ("agent", "act is not an object"),
    "a list": ([{"sub": "agent"}], "act is not an object"),
    "true": (True, "act is not an object"),
    "false": (False, "act is not an object"),
    "zero": (0, "act is not an object"),
    "empty text": ("", "act is not an object"),
    "empty": ({}, "act has no sub, or one that is not text"),
    "a sub that is null": ({"sub": None}, "act has no sub, or one that is not text"),
    "a sub that is a number": ({"sub": 7}, "act has no sub, or one that is not text"),
    "a sub that is empty": ({"sub": ""}, "act has no sub, or one that is not text"),
    "an inner one that is text": ({"sub": "agent", "act": "other"}, "act is not an object"),
    "an inner one without sub": ({"sub": "agent", "act": {"iss": "x"}}, "act has no sub, or one that is not text"),
    "six": (nested(6), "act names more than 5 actors, one in another"),
    "fifty": (nested(50), "act names more than 5 actors, one in another"),
}


@pytest.mark.parametrize(("act", "reason"), BAD_ACTORS.values(), ids=BAD_ACTORS)
def test_an_actor_that_cannot_be_read_is_malformed(act: object, reason: str) -> None:
    """The log says why."""
    with pytest.raises(MalformedTokenError) as raised:
        token({"act": act}).actor  # noqa: B018  # reading is the point

    assert raised.value.reason == reason


def test_an_actor_cannot_be_changed() -> None:
    """Nor can the claims it was read from."""
    actor = token({"act": {"sub": "agent"}}).actor

    with pytest.raises(AttributeError):
        actor.subject = "alice"  # type: ignore[union-attr,misc]


def test_whose_token_it_is_stays_when_the_token_is_copied_or_written_down() -> None:
    """Asked before or after."""
    made = token({"sub": "web", "client_id": "web"})
    fresh = pickle.loads(pickle.dumps(made))  # noqa: S301  # our own token

    assert made.is_client is made.is_client is True
    assert [copy.copy(made).is_client, copy.deepcopy(made).is_client, fresh.is_client] == [True] * 3
    assert replace(made, claims=freeze({"sub": "alice", "client_id": "web"})).is_client is False
    assert made == fresh
