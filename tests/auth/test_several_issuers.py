"""Several issuers in one service: each with its own keys and rules, and no user of one is ever taken for another's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from auth import ResourceServer, current_token, owns_path_user, require_jwt
from auth.authenticator import Authenticator
from auth.errors import AuthError, ConfigurationError, InvalidIssuerError
from auth.keys import RemoteKeySource, SimpleKeySource, StaticKeys, VerificationKey
from auth.settings.service import AuthConfig
from auth.testing import TokenIssuer
from tests.support.services import (
    AUDIENCE,
    CLAIMS,
    NOW,
    OTHER_SECRET,
    SECRET,
    authenticator_of,
    clock,
    compact,
    static_keys,
)

STAFF, PARTNER, SHOP = "https://staff.example", "https://partner.example/", "https://shop.example"
KEY = TokenIssuer.generate("ES256", issuer=SHOP, audience="shop-api", clock=clock)

#: The issuer of the plain ids, one with a prefix, and one of another kind in everything.
ISSUERS: list[dict[str, Any]] = [
    {"issuer": STAFF, "secret": SECRET, "audience": AUDIENCE},
    {"issuer": PARTNER, "secret": OTHER_SECRET, "audience": AUDIENCE, "user_prefix": "partner:"},
    {
        "issuer": SHOP,
        "public_key": KEY.public_key,
        "audience": ["shop-api"],
        "profile": "better-auth",
        "identity_claim": "email",
        "required_claims": ["exp"],
        "leeway": 60,
        "max_token_age": 300,
        "algorithms": "ES256",
        "user_prefix": "shop:",
    },
]


def config_of(issuers: object = ISSUERS, **settings: Any) -> AuthConfig:
    return AuthConfig.from_mapping({"AUTH_ISSUERS": issuers} | settings)


def problems_of(issuers: object, **settings: Any) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        config_of(issuers, **settings)
    return list(raised.value.problems)


def verifier(issuers: object = ISSUERS) -> Authenticator:
    return authenticator_of(config_of(issuers).issuers, max_token_bytes=8192, clock=clock)


def token_of(issuer: object, secret: str = SECRET, **claims: Any) -> str:
    return compact(claims=CLAIMS | {"iss": issuer} | claims, secret=secret)


def test_each_entry_has_settings_of_its_own_and_inherits_the_rest() -> None:
    """Under the names of the settings, in lower case and without the prefix."""
    staff, partner, shop = config_of(AUTH_LEEWAY=7, AUTH_PROFILE="auth0").issuers

    assert [issuer.name for issuer in (staff, partner, shop)] == [STAFF, PARTNER, SHOP]
    assert (staff.leeway, partner.leeway, shop.leeway) == (7, 7, 60)
    assert [*staff.algorithms, *shop.algorithms] == ["HS256", "ES256"]
    assert [*staff.audience, *shop.audience] == [AUDIENCE, "shop-api"]
    assert (staff.identity_claim, shop.identity_claim) == ("sub", "email")
    assert staff.profile.scope_claims == ("scope", "permissions")
    assert shop.profile.role_separator == ","
    assert (staff.required_claims[:2], staff.max_token_age) == (("exp", "iat"), None)
    assert (shop.required_claims, shop.max_token_age) == (("exp", "iss", "aud", "iat"), 300)
    assert (staff.user_prefix, partner.user_prefix, shop.user_prefix) == ("", "partner:", "shop:")


def test_what_several_entries_inherit_is_warned_about_once() -> None:
    """Under the name by which it was set."""
    assert config_of(ISSUERS[:2], AUTH_REQUIRED_CLAIMS=["iat"]).warnings == (
        "AUTH_REQUIRED_CLAIMS lacks exp: a token without it never expires.",
    )


def test_fetched_keys_belong_to_an_entry() -> None:
    """By address or by discovery."""
    entries = [
        {"issuer": STAFF, "jwks_url": f"{STAFF}/keys?tenant=1", "audience": AUDIENCE, "user_prefix": "s:"},
        {"issuer": PARTNER, "discovery": True, "audience": AUDIENCE, "jwks_max_age": 60},
    ]

    assert all(isinstance(issuer.keys, RemoteKeySource) for issuer in config_of(entries).issuers)


def test_the_user_is_the_pair_of_issuer_and_subject() -> None:
    """The same subject of two issuers is two users (RFC 7519 §4.1.2)."""
    verify = verifier().verify

    assert verify(token_of(STAFF)).user_id == "alice"
    assert verify(token_of(PARTNER, OTHER_SECRET)).user_id == "partner:alice"
    shop = verify(KEY.issue("x", claims={"email": "alice", "email_verified": True}))
    assert (shop.user_id, shop.issuer, shop.subject) == ("shop:alice", SHOP, "x")


OLD, NEW = "https://tenant.example/", "https://login.example/"


@pytest.mark.parametrize("names", [[OLD, NEW], (NEW, OLD)], ids=str)
def test_one_issuer_may_have_several_names(names: Any) -> None:
    """A custom domain beside the old one: the same keys, and the same users under every name."""
    settings = {"AUTH_SECRET": SECRET, "AUTH_ISSUER": names, "AUTH_AUDIENCE": AUDIENCE}
    (issuer,) = AuthConfig.from_mapping(settings).issuers
    verify = authenticator_of([issuer], max_token_bytes=8192, cache_size=8, clock=clock).verify

    # Twice: verified and remembered.
    seen = [verify(token_of(name)) for name in (OLD, NEW) * 2]

    assert [token.issuer for token in seen] == [OLD, NEW] * 2
    assert {token.user_id for token in seen} == {"alice"}
    assert issuer.name == names[0]
    for other in (OLD[:-1], NEW.upper(), [OLD, NEW], STAFF):
        with pytest.raises(InvalidIssuerError):
            verify(token_of(other))


def test_an_entry_may_have_several_names() -> None:
    """Its prefix is that of all of them."""
    verify = verifier(changed(1, issuer=[PARTNER, NEW])).verify

    assert verify(token_of(NEW, OTHER_SECRET)).user_id == "partner:alice"
    assert verify(token_of(PARTNER, OTHER_SECRET)).user_id == "partner:alice"
    with pytest.raises(AuthError):
        verify(token_of(NEW))


def test_names_in_a_set_have_the_same_first_in_every_process() -> None:
    """Discovery asks it."""
    settings = {"AUTH_SECRET": SECRET, "AUTH_ISSUER": {OLD, NEW, STAFF}, "AUTH_AUDIENCE": AUDIENCE}

    assert AuthConfig.from_mapping(settings).issuers[0].names == (NEW, STAFF, OLD)


NOT_THEIRS = {
    "of the partner, signed by the staff": token_of(PARTNER),
    "of the staff, signed by the partner": token_of(STAFF, OTHER_SECRET),
    "of the shop, signed by the staff": token_of(SHOP, aud="shop-api", email="alice"),
    "for an audience of another issuer": token_of(STAFF, aud="shop-api"),
    "of an issuer with a slash more": token_of(f"{STAFF}/"),
    "of an issuer with a slash less": token_of(PARTNER[:-1], OTHER_SECRET),
    "of an issuer in another case": token_of(STAFF.upper()),
    "of nobody": token_of(None),
    "of two issuers": token_of([STAFF, PARTNER]),
    "of an issuer in an object": token_of({"iss": STAFF}),
    "a plain id that reads like one of the partner": token_of(STAFF, sub="partner:alice"),
    "a plain id that is the prefix of the shop": token_of(STAFF, sub="shop:"),
}


@pytest.mark.parametrize("encoded", NOT_THEIRS.values(), ids=NOT_THEIRS)
def test_no_issuer_can_speak_for_another(encoded: str) -> None:
    """Neither by its keys, nor by its rules, nor by the names it gives its users."""
    with pytest.raises(AuthError) as raised:
        verifier().verify(encoded)

    assert raised.value.status == 401


class Untouchable(SimpleKeySource):
    """A key source that fails the test if it is asked."""

    def keys_for(self, algorithm: str, key_id: str | None) -> list[VerificationKey]:
        raise AssertionError("asked for a key")


@pytest.mark.parametrize("issuer", ["https://nobody.example", None, 5, "", [STAFF]])
def test_an_issuer_that_is_not_ours_costs_no_question_for_keys(issuer: object) -> None:
    """Invented issuers, algorithms and key ids cause no fetch."""
    issuers = [replace(known, keys=Untouchable()) for known in config_of().issuers]
    verify = authenticator_of(issuers, max_token_bytes=8192, clock=clock).verify

    with pytest.raises(InvalidIssuerError):
        verify(token_of(issuer))


def test_the_name_of_a_single_issuer_is_compared_first_as_well() -> None:
    """Its keys are not asked about tokens of other issuers."""
    (issuer,) = AuthConfig.from_mapping({"AUTH_SECRET": SECRET, "AUTH_ISSUER": STAFF}).issuers
    verify = authenticator_of([replace(issuer, keys=Untouchable())], max_token_bytes=8192, clock=clock).verify

    with pytest.raises(InvalidIssuerError):
        verify(token_of(PARTNER))


def protected() -> Flask:
    """Return a service for the users of all three issuers."""
    app = Flask("service")
    app.config["AUTH_ISSUERS"] = ISSUERS
    ResourceServer(app, clock=clock)

    @app.get("/users/<user_id>")
    @require_jwt
    @owns_path_user
    def show(user_id: str) -> dict[str, Any]:
        return {"user_id": current_token.user_id, "issuer": current_token.issuer}

    return app


@pytest.mark.parametrize(
    ("path", "status"), [("alice", 403), ("partner:alice", 200), ("partner%3Aalice", 200), ("shop:alice", 403)]
)
def test_a_user_of_one_issuer_does_not_reach_the_namesake_at_another(path: str, status: int) -> None:
    """ASVS 10.3.3: ``alice`` of the partner is not ``alice`` of the staff."""
    headers = {"Authorization": f"Bearer {token_of(PARTNER, OTHER_SECRET)}"}

    assert protected().test_client().get(f"/users/{path}", headers=headers).status_code == status


def test_the_state_of_the_keys_is_shown_by_issuer() -> None:
    """For readiness probes and for people."""
    server = protected().extensions["resource_server"]

    assert server.keys_ready() is True
    assert {issuer: (status.ready, status.keys) for issuer, status in server.key_status().items()} == {
        STAFF: (True, 1),
        PARTNER: (True, 1),
        SHOP: (True, 1),
    }


def test_one_issuer_with_keys_is_enough_to_be_ready() -> None:
    """Or the outage of one would take the users of the others down."""
    app = protected()
    server = app.extensions["resource_server"]
    first, *others = server.config.issuers
    ready = [replace(first, keys=StaticKeys([])), *others]

    assert replace_issuers(server, ready).keys_ready() is True
    assert replace_issuers(server, ready[:1]).keys_ready() is False


def replace_issuers(server: Any, issuers: list[Any]) -> Any:
    return replace(server, config=replace(server.config, issuers=tuple(issuers)))


def changed(index: int, **settings: Any) -> list[dict[str, Any]]:
    """Return the entries with one of them changed; a setting that is ``...`` is left out."""
    entries = [dict(entry) for entry in ISSUERS]
    entries[index] = {name: value for name, value in (entries[index] | settings).items() if value is not ...}
    return entries


SAME_PLAIN = (
    "More than one entry of AUTH_ISSUERS has no user_prefix, so a user of one could be taken for that of another. "
    "Leave it out for the one issuer that owns the plain user ids, and set one for each other. "
    "If they are one issuer with several names, make them one entry with a list as its issuer."
)
SAME_PREFIX = "One user_prefix in AUTH_ISSUERS begins with another; end each with a sign of its own, such as a colon."
_EXAMPLE = """In the environment: FLASK_AUTH_ISSUERS='[{"issuer": "https://…", …}, {…}]'"""
NO_LIST = f"AUTH_ISSUERS must be a list of mappings. {_EXAMPLE}"
UNREADABLE = f"AUTH_ISSUERS must be a list of mappings; the text is not valid JSON. {_EXAMPLE}"

UNSAFE: dict[str, tuple[object, dict[str, Any], list[str]]] = {
    "two owners of the plain ids": (changed(1, user_prefix=...), {}, [SAME_PLAIN]),
    "two owners by null": (changed(1, user_prefix=None), {}, [SAME_PLAIN]),
    "the same prefix": (changed(1, user_prefix="shop:"), {}, [SAME_PREFIX]),
    "a prefix of a prefix": (changed(1, user_prefix="sh"), {}, [SAME_PREFIX]),
    "a prefix of a later prefix": (changed(0, user_prefix="shop:eu:"), {}, [SAME_PREFIX]),
    "an empty prefix": (
        changed(1, user_prefix=""),
        {},
        ["AUTH_ISSUERS[1].user_prefix holds an empty text; give it a value or leave it out."],
    ),
    "a prefix with a slash": (
        changed(1, user_prefix="partner/"),
        {},
        ["AUTH_ISSUERS[1].user_prefix may hold ASCII letters, digits and . _ ~ : | @ - only."],
    ),
    "the same issuer twice": (
        changed(1, issuer=STAFF),
        {},
        ["Two entries of AUTH_ISSUERS have the same issuer; each needs its own."],
    ),
    "a name of another issuer among several": (
        changed(1, issuer=[PARTNER, STAFF]),
        {},
        ["Two entries of AUTH_ISSUERS have the same issuer; each needs its own."],
    ),
    "one name twice in an entry": (
        changed(1, issuer=[PARTNER, PARTNER]),
        {},
        ["AUTH_ISSUERS[1].issuer holds one name twice."],
    ),
    "no name in the list": (
        changed(1, issuer=[]),
        {},
        ["AUTH_ISSUERS[1].issuer is not set; it says whose tokens the entry is for."],
    ),
    "the same secret twice": (
        changed(1, secret=[OTHER_SECRET, SECRET]),
        {},
        ["Two entries of AUTH_ISSUERS share a secret, so each could sign as the other; each needs its own."],
    ),
    "a secret's algorithm for fetched keys, for which nobody is asked at start": (
        changed(2, public_key=..., jwks_url="http://127.0.0.1:9/jwks", algorithms="HS256"),
        {},
        ["AUTH_ISSUERS[2].algorithms names an HMAC algorithm; keys that are fetched are public (RFC 8725 §3.1)."],
    ),
    "an issuer without a name": (
        changed(2, issuer=...),
        {},
        [
            "AUTH_ISSUERS[2].issuer is not set; it says whose tokens the entry is for.",
        ],
    ),
    "a secret for any issuer": (
        changed(1, issuer=...),
        {},
        ["AUTH_ISSUERS[1].issuer is not set; it says whose tokens the entry is for."],
    ),
    "public keys without audience": (
        changed(2, audience=...),
        {},
        ["AUTH_ISSUERS[2].audience is not set; with public keys it is needed (RFC 8725 §3.9): the aud of the tokens."],
    ),
    "no key": (
        changed(1, secret=...),
        {},
        [
            "There is no key to verify tokens with. Set AUTH_ISSUERS[1].secret (shared secret of at least 32 bytes, "
            "for example from: openssl rand -base64 48), AUTH_ISSUERS[1].public_key (PEM or JWK), "
            "AUTH_ISSUERS[1].jwks_url, or AUTH_ISSUERS[1].discovery to find the keys by the issuer."
        ],
    ),
    "two kinds of key": (
        changed(2, jwks_url=f"{SHOP}/jwks"),
        {},
        [
            "AUTH_ISSUERS[2].public_key and AUTH_ISSUERS[2].jwks_url are both set: the keys of an issuer are of one "
            "kind, from one place. Keep one."
        ],
    ),
    "a short secret": (
        changed(1, secret="short"),
        {},
        [
            "AUTH_ISSUERS[1].secret holds a secret that has 5 bytes, at least 32 are needed. Make one with: "
            "openssl rand -base64 48"
        ],
    ),
    "a misspelt name": (
        changed(1, audiance="x"),
        {},
        ["AUTH_ISSUERS[1].audiance is not a setting; did you mean AUTH_ISSUERS[1].audience?"],
    ),
    "a misspelt name that would be inherited": (
        changed(1, leway=5),
        {},
        ["AUTH_ISSUERS[1].leway is not a setting; did you mean AUTH_ISSUERS[1].leeway?"],
    ),
    "a name of the whole service": (changed(1, realm="x"), {}, ["AUTH_ISSUERS[1].realm is not a setting."]),
    "a wrong value that all inherit": (
        ISSUERS,
        {"AUTH_JWKS_TIMEOUT": 0},
        ["AUTH_JWKS_TIMEOUT must be a number from 0.1 to 30."],
    ),
    "a key outside": (
        ISSUERS,
        {"AUTH_SECRET": SECRET},
        ["AUTH_SECRET and AUTH_ISSUERS are both set; move it into the entry it belongs to."],
    ),
    "discovery outside": (
        ISSUERS,
        {"AUTH_DISCOVERY": True},
        ["AUTH_DISCOVERY and AUTH_ISSUERS are both set; move it into the entry it belongs to."],
    ),
    "an issuer outside": (
        ISSUERS,
        {"AUTH_ISSUER": STAFF},
        ["AUTH_ISSUER and AUTH_ISSUERS are both set; move it into the entry it belongs to."],
    ),
    "text": ("[{}]", {}, [UNREADABLE]),
    "one mapping": (ISSUERS[0], {}, [NO_LIST]),
    "a number": (1, {}, [NO_LIST]),
    "nothing in the environment": ("", {}, [UNREADABLE]),
    "a mapping and a number": ([ISSUERS[0], 1], {}, [NO_LIST]),
    "names that are no texts": ([{"issuer": STAFF, 1: 2}], {}, [NO_LIST]),
    "fifty-one": ([ISSUERS[0]] * 51, {}, ["AUTH_ISSUERS has 51 entries, 50 at most are read."]),
}


@pytest.mark.parametrize(("issuers", "settings", "problems"), UNSAFE.values(), ids=UNSAFE)
def test_only_what_keeps_users_and_issuers_apart_starts(
    issuers: object, settings: dict[str, Any], problems: list[str]
) -> None:
    """Each with a sentence that names the entry and the way out."""
    assert problems_of(issuers, **settings) == problems


def test_none_in_an_entry_sets_nothing() -> None:
    """As at the top level: what is inherited, or the default."""
    nothing = dict.fromkeys(("discovery", "leeway", "jwks_url", "user_prefix"))

    assert config_of([ISSUERS[0] | nothing], AUTH_LEEWAY=7).issuers[0].leeway == 7


def test_fifty_issuers_are_read() -> None:
    """What the message calls the most."""
    entries = [
        {"issuer": f"https://{index}.example", "secret": f"{index}{SECRET}", "user_prefix": f"{index}:"}
        for index in range(50)
    ]

    assert len(config_of(tuple(entries), AUTH_AUDIENCE=AUDIENCE).issuers) == 50


def test_a_key_source_cannot_stand_for_several_issuers() -> None:
    """Whose keys would they be?"""
    with pytest.raises(ConfigurationError, match=r"given with keys=, and AUTH_ISSUERS is set as well"):
        AuthConfig.from_mapping({"AUTH_ISSUERS": ISSUERS}, keys=static_keys(SECRET))


def test_the_development_tokens_are_those_of_the_first_secret() -> None:
    """Issuers with public keys are passed over."""
    app = Flask("service")
    app.config["AUTH_ISSUERS"] = [ISSUERS[2], ISSUERS[1]]
    ResourceServer(app, clock=clock)

    token = TokenIssuer.for_app(app, clock=clock).issue("alice")

    assert app.extensions["resource_server"].verify(token).user_id == "partner:alice"


_NAMES = st.text("ab:|", max_size=4)


@given(prefixes=st.lists(_NAMES, min_size=1, max_size=4, unique=True), one=_NAMES, another=_NAMES)
def test_no_two_users_ever_have_the_same_id(prefixes: list[str], one: str, another: str) -> None:
    """Whatever prefixes start: a user id belongs to one pair of issuer and subject."""
    entries = [
        {"issuer": f"https://{index}.example", "secret": f"{index}{SECRET}", "audience": AUDIENCE}
        | ({"user_prefix": prefix} if prefix else {})
        for index, prefix in enumerate(prefixes)
    ]
    try:
        verify = verifier(entries).verify
    except ConfigurationError:
        return
    users: dict[str, tuple[str, str]] = {}
    for index, entry in enumerate(entries):
        for subject in {one, another}:
            try:
                token = verify(token_of(entry["issuer"], f"{index}{SECRET}", sub=subject, exp=NOW + 5))
            except AuthError:
                continue
            assert users.setdefault(token.user_id, (entry["issuer"], subject)) == (entry["issuer"], subject)
