"""The settings, read and judged once at start."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from auth.errors import ConfigurationError
from auth.keys import SimpleKeySource, StaticKeys, VerificationKey
from auth.keys.algorithms import ASYMMETRIC_ALGORITHMS, RSA_ALGORITHMS
from auth.keys.remote.urls import is_plain_http
from auth.settings.service import AuthConfig
from auth.settings.table import DEFAULTS
from auth.testing import TokenIssuer
from tests.support.issuer_server import SigningKey
from tests.support.services import AUDIENCE, ISSUER, OTHER_SECRET, SECRET, SETTINGS, static_keys

RSA_PEM = TokenIssuer.generate("RS256").public_key
EC_PEM = TokenIssuer.generate("ES256").public_key
ED_JWK = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
PUBLIC: dict[str, Any] = {"AUTH_PUBLIC_KEY": RSA_PEM, "AUTH_ISSUER": ISSUER, "AUTH_AUDIENCE": AUDIENCE}
MAKE_ONE = "Make one with: openssl rand -base64 48"

#: Settings whose issuer ends with a slash, as that of Auth0 does.
ENDED = SETTINGS | {"AUTH_ISSUER": f"{ISSUER}/"}


def problems_of(settings: dict[str, Any]) -> list[str]:
    """Return every problem of some settings."""
    with pytest.raises(ConfigurationError) as raised:
        AuthConfig.from_mapping(settings)
    return list(raised.value.problems)


def test_a_secret_alone_is_enough() -> None:
    """Every other setting has a safe default."""
    config = AuthConfig.from_mapping({"AUTH_SECRET": SECRET})

    assert config.max_token_bytes == 8192
    assert config.realm == "api"
    assert (config.deny_by_default, config.development_tokens) == (False, False)
    assert config.issuers[0].algorithms == {"HS256"}
    assert (config.issuers[0].name, config.issuers[0].audience) == (None, frozenset())
    assert (config.issuers[0].identity_claim, config.issuers[0].required_claims) == ("sub", ("exp", "iat"))
    assert (config.issuers[0].leeway, config.issuers[0].max_token_age) == (30, None)


def test_a_shared_secret_without_issuer_and_audience_is_warned_about() -> None:
    """Allowed, and unwise."""
    assert AuthConfig.from_mapping({"AUTH_SECRET": SECRET}).warnings == (
        "AUTH_ISSUER is not set: any token signed with AUTH_SECRET is accepted, from any issuer.",
        "AUTH_AUDIENCE is not set: tokens that name no audience are accepted, even tokens for another service.",
    )
    assert AuthConfig.from_mapping(SETTINGS).warnings == ()


@pytest.mark.parametrize("claim", ["email", "phone_number", "https://example.com/email"])
def test_an_address_that_nobody_verifies_cannot_name_the_user(claim: str) -> None:
    """Entra ID has no claim that says so, and lets users change the address."""
    refused = SETTINGS | {"AUTH_PROFILE": "entra", "AUTH_IDENTITY_CLAIM": claim}

    assert problems_of(refused) == [
        f"AUTH_IDENTITY_CLAIM is {claim}, and the profile entra has no claim that says whether it was verified: "
        f"anybody could fill in the {claim} of another user. Use oid."
    ]


def test_the_entry_of_an_issuer_is_judged_by_its_own_profile() -> None:
    """The claim may be inherited, and right for another entry."""
    entries = [
        {"secret": SECRET, "issuer": "https://a.example", "audience": AUDIENCE},
        {"secret": OTHER_SECRET, "issuer": "https://b.example", "audience": AUDIENCE, "user_prefix": "b:"},
    ]
    settings = {"AUTH_IDENTITY_CLAIM": "email", "AUTH_ISSUERS": [entries[0], entries[1] | {"profile": "entra"}]}

    (problem,) = problems_of(settings)

    assert problem.startswith("AUTH_IDENTITY_CLAIM is email, and the profile entra")
    assert AuthConfig.from_mapping(settings | {"AUTH_ISSUERS": entries}).warnings == ()


@pytest.mark.parametrize(
    ("profile", "claim", "lasting"),
    [
        ("keycloak", "preferred_username", "sub"),
        ("entra", "preferred_username", "oid"),
        ("entra", "upn", "oid"),
        ("cognito", "username", "sub"),
        ("auth0", "https://example.com/nickname", "sub"),
    ],
)
def test_a_name_that_can_change_hands_is_warned_about(profile: str, claim: str, lasting: str) -> None:
    """OpenID Connect Core §5.7: only ``sub`` stays with one user. A service may know that its names do too."""
    assert AuthConfig.from_mapping(ENDED | {"AUTH_PROFILE": profile, "AUTH_IDENTITY_CLAIM": claim}).warnings == (
        f"AUTH_IDENTITY_CLAIM is {claim}: a name that users or administrators may change, and that another user may "
        f"get later. {lasting} stays the same.",
    )


@pytest.mark.parametrize(
    ("profile", "claim"), [("jwt", "sub"), ("entra", "oid"), ("entra", "sub"), ("jwt", "uid"), ("auth0", "email")]
)
def test_every_other_identity_claim_goes_without_saying(profile: str, claim: str) -> None:
    """A verified address too: each token has to say that it is."""
    assert AuthConfig.from_mapping(ENDED | {"AUTH_PROFILE": profile, "AUTH_IDENTITY_CLAIM": claim}).warnings == ()


@pytest.mark.parametrize(
    ("profile", "claim"),
    [
        *(("jwt", name) for name in ("email", "phone_number", "https://example.com/email", "name", "nickname")),
        *(("jwt", name) for name in ("preferred_username", "username", "given_name", "website", "address.country")),
        ("better-auth", "phoneNumber"),
        ("entra", "email"),
        ("entra", "upn"),
    ],
)
def test_a_tenant_claim_that_users_fill_in_themselves_stops_the_start(profile: str, claim: str) -> None:
    """Verified or not: an address is no membership. An entry of AUTH_ISSUERS is judged by its own profile."""
    name = claim.partition(".country")[0]
    sentence = f"is {name}, which users fill in themselves: anybody could choose the name of a tenant."
    entry = {"issuer": ISSUER, "secret": SECRET, "audience": AUDIENCE, "profile": profile, "tenant_claim": claim}

    for settings, label in (
        (ENDED | {"AUTH_PROFILE": profile, "AUTH_TENANT_CLAIM": claim}, "AUTH_TENANT_CLAIM"),
        ({"AUTH_ISSUERS": [entry]}, "AUTH_ISSUERS[0].tenant_claim"),
    ):
        with pytest.raises(ConfigurationError) as raised:
            AuthConfig.from_mapping(settings)
        assert raised.value.problems[0].startswith(f"{label} {sentence}")


@pytest.mark.parametrize("claim", ["org_id", "o.id", "organization.name", "https://example.com/org", "tid", "hd"])
def test_a_tenant_claim_that_the_issuer_sets_is_good(claim: str) -> None:
    """The name of an organization too, if it is that of an organization."""
    assert AuthConfig.from_mapping(ENDED | {"AUTH_TENANT_CLAIM": claim}).warnings == ()


def test_every_setting_is_read() -> None:
    """Each key of the table arrives where it belongs."""
    config = AuthConfig.from_mapping(
        {
            "AUTH_SECRET": [SECRET, OTHER_SECRET.encode()],
            "AUTH_ISSUER": ISSUER,
            "AUTH_AUDIENCE": [AUDIENCE, "other"],
            "AUTH_ALGORITHMS": ["HS256", "HS512"],
            "AUTH_PROFILE": "jwt",
            "AUTH_IDENTITY_CLAIM": "uid",
            "AUTH_REQUIRED_CLAIMS": ["exp"],
            "AUTH_LEEWAY": 0,
            "AUTH_MAX_TOKEN_AGE": 3600,
            "AUTH_MAX_TOKEN_BYTES": 4096,
            "AUTH_REALM": "Tasks",
            "AUTH_DENY_BY_DEFAULT": True,
            "AUTH_DEVELOPMENT_TOKENS": True,
        }
    )

    assert (config.max_token_bytes, config.realm) == (4096, "Tasks")
    assert (config.deny_by_default, config.development_tokens) == (True, True)
    assert config.issuers[0].algorithms == {"HS256", "HS512"}
    assert config.issuers[0].name == ISSUER
    assert config.issuers[0].audience == {AUDIENCE, "other"}
    assert (config.issuers[0].identity_claim, config.issuers[0].required_claims) == ("uid", ("exp", "iat"))
    assert (config.issuers[0].leeway, config.issuers[0].max_token_age) == (0, 3600)
    assert len(config.issuers[0].keys.current().candidates("HS512", None)) == 2


def test_settings_of_others_are_left_alone() -> None:
    """Not every name that begins with AUTH_ is ours."""
    others: dict[Any, Any] = {"DEBUG": True, "SECRET_KEY": "x", "AUTH_TYPE": 1, 1: "a name that is no text"}

    assert AuthConfig.from_mapping(SETTINGS | others).realm == "api"


def test_a_setting_that_is_none_has_its_default() -> None:
    """None is how a service says that it sets nothing."""
    config = AuthConfig.from_mapping(dict.fromkeys(DEFAULTS) | SETTINGS)

    assert (config.max_token_bytes, config.token_cache_size) == (8192, 4096)


KEYS: dict[str, tuple[Any, set[str]]] = {
    "RSA in PEM": (RSA_PEM, {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
    "EC in PEM": (EC_PEM, {"ES256"}),
    "JWK": (ED_JWK, {"EdDSA", "Ed25519"}),
    "JWK as text": (f" {json.dumps(ED_JWK)}", {"EdDSA", "Ed25519"}),
    "a list": ([EC_PEM, ED_JWK], {"ES256", "EdDSA", "Ed25519"}),
    "a tuple": ((EC_PEM,), {"ES256"}),
}


@pytest.mark.parametrize(("key", "algorithms"), KEYS.values(), ids=KEYS)
def test_public_keys_say_themselves_which_algorithms_are_accepted(key: Any, algorithms: set[str]) -> None:
    """No HMAC algorithm is ever among them."""
    assert AuthConfig.from_mapping(PUBLIC | {"AUTH_PUBLIC_KEY": key}).issuers[0].algorithms == algorithms


def test_two_public_keys_under_one_id_are_both_tried() -> None:
    """RFC 7517 §4.5 only advises against it, and the keys that are fetched may share an id as well."""
    first, second = (SigningKey.generate("EdDSA", "shared").jwk() for _ in range(2))

    (issuer,) = AuthConfig.from_mapping(PUBLIC | {"AUTH_PUBLIC_KEY": [first, second]}).issuers

    tried = issuer.keys.current().candidates("EdDSA", "shared")
    assert [key.material for key in tried] == [VerificationKey.from_jwk(key).material for key in (first, second)]


def test_named_algorithms_restrict_the_keys() -> None:
    """A key is not even found for an algorithm that is not named."""
    config = AuthConfig.from_mapping(PUBLIC | {"AUTH_ALGORITHMS": "PS256"})

    assert config.issuers[0].algorithms == {"PS256"}
    assert len(config.issuers[0].keys.current().candidates("PS256", None)) == 1
    assert config.issuers[0].keys.current().candidates("RS256", None) == []


def test_a_key_source_and_a_key_setting_are_one_too_many() -> None:
    """Neither is passed over in silence, not even by a source that is false."""
    with pytest.raises(ConfigurationError, match="keep one"):
        AuthConfig.from_mapping(SETTINGS, keys=static_keys(SECRET))


class Remote(SimpleKeySource):
    """A key source of somebody else: empty at start, and not asked for anything then."""

    def __len__(self) -> int:
        return 0

    def keys_for(self, algorithm: str, key_id: str | None) -> list[VerificationKey]:
        raise AssertionError("asked at start")

    def ready(self) -> bool:
        raise AssertionError("asked at start")


def test_another_key_source_replaces_the_settings() -> None:
    """Asymmetric algorithms are accepted from it unless others are named."""
    keys = Remote()
    bound = {"AUTH_ISSUER": ISSUER, "AUTH_AUDIENCE": AUDIENCE}

    config = AuthConfig.from_mapping(bound, keys=keys)
    named = AuthConfig.from_mapping(bound | {"AUTH_ALGORITHMS": "HS256"}, keys=keys)

    assert config.issuers[0].keys is named.issuers[0].keys is keys
    assert config.issuers[0].algorithms == {*ASYMMETRIC_ALGORITHMS}
    assert named.issuers[0].algorithms == {"HS256"}


@pytest.mark.parametrize("algorithm", ["HS256", "RS256"])
def test_static_keys_bring_the_algorithms_they_are_made_for(algorithm: str) -> None:
    """Those of a test's own issuer, without further settings."""
    keys = TokenIssuer.generate(algorithm).keys
    bound = {"AUTH_ISSUER": ISSUER, "AUTH_AUDIENCE": AUDIENCE}

    config = AuthConfig.from_mapping(bound, keys=keys)

    assert config.issuers[0].algorithms == ({"HS256"} if algorithm == "HS256" else {*RSA_ALGORITHMS})


def test_tokens_that_never_expire_are_warned_about() -> None:
    """A warning says what it means to take exp out of the required claims."""
    config = AuthConfig.from_mapping(SETTINGS | {"AUTH_REQUIRED_CLAIMS": ["iat"]})

    assert config.warnings == ("AUTH_REQUIRED_CLAIMS lacks exp: a token without it never expires.",)


NO_TOKEN_WOULD_FIT = (
    "AUTH_AUDIENCE is not set, and tokens have to name one by AUTH_PROFILE or AUTH_REQUIRED_CLAIMS: none would be "
    "accepted."
)

NO_KEY = (
    "There is no key to verify tokens with. Set AUTH_SECRET (shared secret of at least 32 bytes, for example from: "
    "openssl rand -base64 48), AUTH_PUBLIC_KEY (PEM or JWK), AUTH_JWKS_URL, or AUTH_DISCOVERY to find the keys by the "
    "issuer. In the environment, an AUTH_… name begins with FLASK_; app.config.from_prefixed_env() reads it. "
    "gunicorn reads no .env file."
)

ONE_OF_THE_PROFILES = "AUTH_PROFILE must be one of jwt, rfc9068, better-auth, auth0, keycloak, cognito, entra."

#: How an environment variable is written right.
AS_LIST, AS_TEXT = """'["first", "second"]'""", """'"123"'"""


def no_texts(name: str) -> str:
    return f"{name} must be a text or a list of texts. In the environment: FLASK_{name}={AS_LIST}"


def no_text(name: str) -> str:
    return f"{name} must be a text. In the environment: FLASK_{name}={AS_TEXT}"


def empty(name: str) -> str:
    return f"{name} holds an empty text; give it a value or leave it out."


WRONG: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no key source": ({}, [NO_KEY]),
    "an empty list of secrets": ({"AUTH_SECRET": []}, [NO_KEY]),
    "an empty set of public keys": ({"AUTH_PUBLIC_KEY": set()}, [NO_KEY]),
    "two key kinds": (
        PUBLIC | {"AUTH_SECRET": SECRET, "AUTH_ALGORITHMS": "RS256"},
        [
            "AUTH_SECRET and AUTH_PUBLIC_KEY are both set: the keys of an issuer are of one kind, from one place. "
            "Keep one.",
        ],
    ),
    "a secret of 31 bytes": (
        SETTINGS | {"AUTH_SECRET": SECRET[:31]},
        [f"AUTH_SECRET holds a secret that has 31 bytes, at least 32 are needed. {MAKE_ONE}"],
    ),
    "one short secret among good ones": (
        SETTINGS | {"AUTH_SECRET": [SECRET, "kurz"]},
        [f"AUTH_SECRET holds a secret that has 4 bytes, at least 32 are needed. {MAKE_ONE}"],
    ),
    "an empty secret": (
        SETTINGS | {"AUTH_SECRET": ""},
        [f"AUTH_SECRET holds a secret that is empty. {MAKE_ONE}"],
    ),
    "a public key as secret": (
        SETTINGS | {"AUTH_SECRET": RSA_PEM},
        [
            "AUTH_SECRET holds a secret that is a key of a key pair, not a shared secret; for a public key there is "
            f"AUTH_PUBLIC_KEY. {MAKE_ONE}"
        ],
    ),
    "an example secret": (
        SETTINGS | {"AUTH_SECRET": "a-string-secret-at-least-256-bits-long"},
        [f"AUTH_SECRET holds a secret from an example, a template or a pattern. {MAKE_ONE}"],
    ),
    "a pattern in bytes": (
        SETTINGS | {"AUTH_SECRET": b"abcd" * 16},
        [f"AUTH_SECRET holds a secret from an example, a template or a pattern. {MAKE_ONE}"],
    ),
    "a secret of digits": (
        SETTINGS | {"AUTH_SECRET": 123456789012345678901234567890123},
        [f"AUTH_SECRET must be text or bytes, or a list of them. In the environment: FLASK_AUTH_SECRET={AS_TEXT}"],
    ),
    "a short RSA key": (
        PUBLIC | {"AUTH_PUBLIC_KEY": {"kty": "RSA", "n": "wQ" + "A" * 168 + "E", "e": "AQAB"}},
        ["AUTH_PUBLIC_KEY holds a key that has 1024 bits, an RSA key needs 2048."],
    ),
    "text that is no key": (
        PUBLIC | {"AUTH_PUBLIC_KEY": "nonsense"},
        ["AUTH_PUBLIC_KEY holds a key that is not a PEM public key, which begins with -----BEGIN PUBLIC KEY-----."],
    ),
    "text that is no JSON": (
        PUBLIC | {"AUTH_PUBLIC_KEY": "{nonsense"},
        ["AUTH_PUBLIC_KEY holds text that is neither PEM nor a JSON object."],
    ),
    "a key that is no text": (
        PUBLIC | {"AUTH_PUBLIC_KEY": 5},
        ["AUTH_PUBLIC_KEY must be a PEM text or a JWK, or a list of them."],
    ),
    "eleven keys": (
        SETTINGS | {"AUTH_SECRET": [f"{SECRET}{number}" for number in range(11)]},
        ["AUTH_SECRET holds 11 keys; keep the 10 at most that still sign tokens."],
    ),
    "public keys for anybody": (
        {"AUTH_PUBLIC_KEY": RSA_PEM},
        [
            "AUTH_ISSUER is not set; with public keys it is needed (RFC 8725 §3.8): the exact iss of the tokens.",
            "AUTH_AUDIENCE is not set; with public keys it is needed (RFC 8725 §3.9): the aud of the tokens.",
        ],
    ),
    "public keys with an empty audience": (
        PUBLIC | {"AUTH_AUDIENCE": []},
        ["AUTH_AUDIENCE is not set; with public keys it is needed (RFC 8725 §3.9): the aud of the tokens."],
    ),
    "no algorithm": (
        SETTINGS | {"AUTH_ALGORITHMS": []},
        ["AUTH_ALGORITHMS is empty; name the algorithms of your keys or leave it out."],
    ),
    "an age that fits into no calendar": (
        SETTINGS | {"AUTH_MAX_TOKEN_AGE": 10**400},
        ["AUTH_MAX_TOKEN_AGE must be a number from 1 to 315360000."],
    ),
    "several claims in one text": (
        SETTINGS | {"AUTH_REQUIRED_CLAIMS": "exp,iat"},
        [
            "AUTH_REQUIRED_CLAIMS holds a comma; write several texts as a list. In the environment: "
            f"FLASK_AUTH_REQUIRED_CLAIMS={AS_LIST}"
        ],
    ),
    "JSON without a bottom": (
        PUBLIC | {"AUTH_PUBLIC_KEY": '{"a":' * 5000},
        ["AUTH_PUBLIC_KEY holds text that is neither PEM nor a JSON object."],
    ),
    "an hour of leeway": (
        SETTINGS | {"AUTH_LEEWAY": 3600},
        ["AUTH_LEEWAY must be a number from 0 to 600."],
    ),
    "an unreadable key for anybody": (
        {"AUTH_PUBLIC_KEY": "nonsense"},
        [
            "AUTH_PUBLIC_KEY holds a key that is not a PEM public key, which begins with -----BEGIN PUBLIC KEY-----.",
            "AUTH_ISSUER is not set; with public keys it is needed (RFC 8725 §3.8): the exact iss of the tokens.",
            "AUTH_AUDIENCE is not set; with public keys it is needed (RFC 8725 §3.9): the aud of the tokens.",
        ],
    ),
    "a hash that is too long for the secret": (
        SETTINGS | {"AUTH_SECRET": SECRET[:32], "AUTH_ALGORITHMS": "HS512"},
        ["AUTH_ALGORITHMS names HS512, which needs a shared secret of at least 64 bytes."],
    ),
    "a key that nothing accepts": (
        PUBLIC | {"AUTH_PUBLIC_KEY": [RSA_PEM, EC_PEM], "AUTH_ALGORITHMS": "RS256"},
        ["A configured key is fit for none of AUTH_ALGORITHMS; remove it or name its algorithm."],
    ),
    "a plain-http issuer": (
        {"AUTH_ISSUER": "http://login.example", "AUTH_AUDIENCE": AUDIENCE, "AUTH_DISCOVERY": True},
        [
            "AUTH_ISSUER is a plain-http URL; an issuer that is not on this machine needs https, or in development "
            "its host in AUTH_INSECURE_HTTP_HOSTS (FLASK_AUTH_INSECURE_HTTP_HOSTS='[\"login.example\"]') together with "
            "AUTH_DEVELOPMENT_TOKENS or flask --debug.",
        ],
    ),
    "an empty issuer": (
        SETTINGS | {"AUTH_ISSUER": ""},
        [empty("AUTH_ISSUER")],
    ),
    "an issuer that is no text": (
        SETTINGS | {"AUTH_ISSUER": 5},
        [no_texts("AUTH_ISSUER")],
    ),
    "an empty audience": (
        SETTINGS | {"AUTH_AUDIENCE": ["a", " "]},
        [empty("AUTH_AUDIENCE")],
    ),
    "an audience that is no text": (
        SETTINGS | {"AUTH_AUDIENCE": {"a": 1}},
        [no_texts("AUTH_AUDIENCE")],
    ),
    "a blank identity claim": (
        SETTINGS | {"AUTH_IDENTITY_CLAIM": " "},
        [empty("AUTH_IDENTITY_CLAIM")],
    ),
    "required claims that are no texts": (
        SETTINGS | {"AUTH_REQUIRED_CLAIMS": [1]},
        [no_texts("AUTH_REQUIRED_CLAIMS")],
    ),
    "a negative leeway": (
        SETTINGS | {"AUTH_LEEWAY": -1},
        ["AUTH_LEEWAY must be a number from 0 to 600."],
    ),
    "an endless leeway": (
        SETTINGS | {"AUTH_LEEWAY": math.inf},
        ["AUTH_LEEWAY must be a number from 0 to 600."],
    ),
    "a leeway that is no number": (
        SETTINGS | {"AUTH_LEEWAY": math.nan},
        ["AUTH_LEEWAY must be a number from 0 to 600."],
    ),
    "a leeway in words": (
        SETTINGS | {"AUTH_LEEWAY": "5s"},
        ["AUTH_LEEWAY must be a number from 0 to 600: digits alone, without a unit and without quotation marks."],
    ),
    "a leeway of true": (
        SETTINGS | {"AUTH_LEEWAY": True},
        ["AUTH_LEEWAY must be a number from 0 to 600."],
    ),
    "a maximum age of nothing": (
        SETTINGS | {"AUTH_MAX_TOKEN_AGE": 0},
        ["AUTH_MAX_TOKEN_AGE must be a number from 1 to 315360000."],
    ),
    "a tiny size cap": (
        SETTINGS | {"AUTH_MAX_TOKEN_BYTES": 127},
        ["AUTH_MAX_TOKEN_BYTES must be a whole number from 128 to 1048576."],
    ),
    "half a byte": (
        SETTINGS | {"AUTH_MAX_TOKEN_BYTES": 8192.5},
        ["AUTH_MAX_TOKEN_BYTES must be a whole number from 128 to 1048576."],
    ),
    "a token cache of more than memory": (
        SETTINGS | {"AUTH_TOKEN_CACHE_SIZE": 1_000_001},
        ["AUTH_TOKEN_CACHE_SIZE must be a whole number from 0 to 1000000."],
    ),
    "half a token in the cache": (
        SETTINGS | {"AUTH_TOKEN_CACHE_SIZE": 0.5},
        ["AUTH_TOKEN_CACHE_SIZE must be a whole number from 0 to 1000000."],
    ),
    "a realm with quotes": (
        SETTINGS | {"AUTH_REALM": 'a"b'},
        ["AUTH_REALM must be printable ASCII without quotes and backslashes, at most 200 characters."],
    ),
    "a realm that is long": (
        SETTINGS | {"AUTH_REALM": "a" * 201},
        ["AUTH_REALM must be printable ASCII without quotes and backslashes, at most 200 characters."],
    ),
    "a request id in no header": (
        SETTINGS | {"AUTH_REQUEST_ID_HEADER": "X Request ID"},
        ["AUTH_REQUEST_ID_HEADER must be the name of a header, such as X-Request-ID."],
    ),
    "a request id in a header of credentials": (
        SETTINGS | {"AUTH_REQUEST_ID_HEADER": "Proxy-authorization"},
        ["AUTH_REQUEST_ID_HEADER must be the name of a header, such as X-Request-ID."],
    ),
    "a request id in cookies": (
        SETTINGS | {"AUTH_REQUEST_ID_HEADER": "Cookie"},
        ["AUTH_REQUEST_ID_HEADER must be the name of a header, such as X-Request-ID."],
    ),
    "a realm with a newline": (
        SETTINGS | {"AUTH_REALM": "a\r\nb"},
        ["AUTH_REALM must be printable ASCII without quotes and backslashes, at most 200 characters."],
    ),
    "a realm with a backslash": (
        SETTINGS | {"AUTH_REALM": "a\\b"},
        ["AUTH_REALM must be printable ASCII without quotes and backslashes, at most 200 characters."],
    ),
    "a realm with a control character": (
        SETTINGS | {"AUTH_REALM": "a\x1fb"},
        ["AUTH_REALM must be printable ASCII without quotes and backslashes, at most 200 characters."],
    ),
    "a realm with DEL": (
        SETTINGS | {"AUTH_REALM": "a\x7f"},
        ["AUTH_REALM must be printable ASCII without quotes and backslashes, at most 200 characters."],
    ),
    "a flag in words": (
        SETTINGS | {"AUTH_DENY_BY_DEFAULT": "yes"},
        ["AUTH_DENY_BY_DEFAULT must be true or false. In the environment: FLASK_AUTH_DENY_BY_DEFAULT=true"],
    ),
    "a flag as a number": (
        SETTINGS | {"AUTH_DEVELOPMENT_TOKENS": 1},
        ["AUTH_DEVELOPMENT_TOKENS must be true or false. In the environment: FLASK_AUTH_DEVELOPMENT_TOKENS=true"],
    ),
    "an unknown profile": (
        SETTINGS | {"AUTH_PROFILE": "okta"},
        [f"{ONE_OF_THE_PROFILES} For any other issuer, use jwt."],
    ),
    "a misspelt profile": (
        SETTINGS | {"AUTH_PROFILE": "Auth0"},
        [f"{ONE_OF_THE_PROFILES} Did you mean auth0?"],
    ),
    "users all the same by issuer": (
        SETTINGS | {"AUTH_IDENTITY_CLAIM": "iss"},
        ["AUTH_IDENTITY_CLAIM must name the user, which iss does not."],
    ),
    "users all the same by audience": (
        SETTINGS | {"AUTH_IDENTITY_CLAIM": "aud"},
        ["AUTH_IDENTITY_CLAIM must name the user, which aud does not."],
    ),
    "users all different by token": (
        SETTINGS | {"AUTH_IDENTITY_CLAIM": "jti"},
        ["AUTH_IDENTITY_CLAIM must name the user, which jti does not."],
    ),
    "users who are a time": (
        SETTINGS | {"AUTH_IDENTITY_CLAIM": "exp"},
        ["AUTH_IDENTITY_CLAIM must name the user, which exp does not."],
    ),
    "a profile that names an audience, and none": (
        {"AUTH_SECRET": SECRET, "AUTH_ISSUER": ISSUER, "AUTH_PROFILE": "rfc9068"},
        [NO_TOKEN_WOULD_FIT],
    ),
    "a profile that names a client for audience, and none": (
        {"AUTH_SECRET": SECRET, "AUTH_ISSUER": ISSUER, "AUTH_PROFILE": "cognito"},
        [NO_TOKEN_WOULD_FIT],
    ),
    "a required audience, and none": (
        {"AUTH_SECRET": SECRET, "AUTH_ISSUER": ISSUER, "AUTH_REQUIRED_CLAIMS": ["exp", "aud"]},
        [NO_TOKEN_WOULD_FIT],
    ),
    "a realm that is no text": (
        SETTINGS | {"AUTH_REALM": 5},
        [no_text("AUTH_REALM")],
    ),
    "a profile that is no text": (
        SETTINGS | {"AUTH_PROFILE": 5},
        [no_text("AUTH_PROFILE")],
    ),
    "a misspelt name": (
        SETTINGS | {"AUTH_AUDIENC": "x"},
        ["AUTH_AUDIENC is not a setting; did you mean AUTH_AUDIENCE?"],
    ),
    "a name in another case": (
        SETTINGS | {"AUTH_Audience": "x"},
        ["AUTH_Audience is not a setting; did you mean AUTH_AUDIENCE?"],
    ),
    "a setting of an entry of AUTH_ISSUERS": (
        SETTINGS | {"AUTH_USER_PREFIX": "x:"},
        ["AUTH_USER_PREFIX is not a setting; did you mean AUTH_ISSUERS[…].user_prefix?"],
    ),
}


@pytest.mark.parametrize(("settings", "problems"), WRONG.values(), ids=WRONG)
def test_an_impossible_setting_is_refused_with_the_way_out(settings: dict[str, Any], problems: list[str]) -> None:
    """One sentence for each, which names the setting and none of its secrets."""
    assert problems_of(settings) == problems


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        *((name, "") for name in ("none", "None", "HS1", "RSA-OAEP", "x' y")),
        ("hs256", " Did you mean HS256?"),
        ("ES256K", " Did you mean ES256?"),
    ],
)
def test_an_unknown_algorithm_is_refused(name: str, hint: str) -> None:
    """``none`` above all; the message lists those there are, and does not repeat what may be a secret."""
    problems = problems_of(SETTINGS | {"AUTH_ALGORITHMS": ["HS256", name]})

    assert problems == [
        "AUTH_ALGORITHMS names something that is not one of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, "
        f"PS512, ES256, ES384, ES512, EdDSA, Ed25519, Ed448.{hint}"
    ]


def test_algorithms_of_both_kinds_are_refused() -> None:
    """RFC 8725 §3.1: that mixture is what makes a public key a secret."""
    problems = problems_of(PUBLIC | {"AUTH_ALGORITHMS": ["RS256", "HS256"]})

    assert "AUTH_ALGORITHMS mixes HMAC and public-key algorithms; keep the kind of your key." in problems


def test_every_problem_is_reported_at_once() -> None:
    """One start, one message, no guessing game."""
    problems = problems_of(
        {
            "AUTH_SECRET": ["short", "a-string-secret-at-least-256-bits-long", 5],
            "AUTH_PUBLIC_KEY": "nonsense",
            "AUTH_ISSUER": "https://{tenant}.example",
            "AUTH_AUDIENCE": "",
            "AUTH_ALGORITHMS": ["HS256", "none"],
            "AUTH_PROFILE": "saml",
            "AUTH_IDENTITY_CLAIM": "",
            "AUTH_REQUIRED_CLAIMS": "",
            "AUTH_TENANT_CLAIM": "",
            "AUTH_LEEWAY": -1,
            "AUTH_MAX_TOKEN_AGE": -1,
            "AUTH_ACR_VALUES": "",
            "AUTH_MAX_TOKEN_BYTES": 0,
            "AUTH_TOKEN_CACHE_SIZE": -1,
            "AUTH_REALM": '"',
            "AUTH_REQUEST_ID_HEADER": "X Request ID",
            "AUTH_DENY_BY_DEFAULT": 1,
            "AUTH_DEVELOPMENT_TOKENS": 1,
            "AUTH_INSECURE_HTTP_HOSTS": "*",
            "AUTH_JWKS_URL": "http://login.example/jwks",
            "AUTH_DISCOVERY": "no",
            "AUTH_JWKS_MAX_AGE": 0,
            "AUTH_JWKS_STALE_LIMIT": 0,
            "AUTH_JWKS_TIMEOUT": 0,
            "AUTH_JWKS_RETRY": 0,
            "AUTH_JWKS_UNKNOWN_KEY_BUDGET": 0.5,
            "AUTH_RESOURCE": "http://api.example",
            "AUTH_RESOURCE_SCOPES": "openid",
            "AUTH_RESOURCE_NAME": "Tasks\n",
            "AUTH_RESOURCE_DOCS": "http://docs.example",
            "AUTH_SCOPE_IMPLIES": {"a": "a"},
            "AUTH_DENYLIST": "redis",
            "AUTH_DENYLIST_FAILURE": "ignore",
            "AUTH_DENYLIST_TIMEOUT": 0,
            "AUTH_DENYLIST_KEEP": 0,
            "AUTH_LOGOUT_AUDIENCE": "",
            "AUTH_LOGOUT_PATH": "logout",
            "AUTH_METRICS": 1,
            "AUTH_METRICS_PATH": "metrics",
            "AUTH_METRICS_SCOPE": "a b",
            "AUTH_TRACE_USER": 1,
            "AUTH_SECRETS": SECRET,
        }
    )
    text = "\n".join(problems)

    assert len(problems) == len(set(problems)) == 45
    for name in [*(DEFAULTS.keys() - {"AUTH_ISSUERS"}), "AUTH_SECRETS"]:
        assert name in text
    assert SECRET not in text


def test_the_same_problem_is_said_once() -> None:
    """Three short secrets of one length are one sentence."""
    assert len(problems_of(SETTINGS | {"AUTH_SECRET": ["short", "small", "brief"]})) == 1


def test_secrets_stay_out_of_the_representation() -> None:
    """A configuration that lands in a log gives nothing away."""
    assert SECRET not in repr(AuthConfig.from_mapping(SETTINGS))


URLS = {
    "http://login.example": True,
    "HTTP://login.example": True,
    "http://localhost.evil.example": True,
    "http://127.0.0.1.evil.example": True,
    "http://localhost@evil.example": True,
    "http://0.0.0.0": True,
    "http://10.0.0.1": True,
    "http://": True,
    "http://[": True,
    "https://[": True,
    "http://localhost:3000": False,
    "http://LOCALHOST": False,
    "http://127.0.0.1:3000/path": False,
    "http://127.9.9.9": False,
    "http://[::1]:3000": False,
    "https://login.example": False,
    "accounts.example": False,
}


@pytest.mark.parametrize(("url", "plain"), URLS.items())
def test_plain_http_is_for_this_machine_only(url: str, plain: bool) -> None:
    """What merely looks like localhost is not."""
    assert is_plain_http(url) is plain


def test_a_development_issuer_on_this_machine_is_accepted() -> None:
    """Better Auth listens there during development."""
    config = AuthConfig.from_mapping(SETTINGS | {"AUTH_ISSUER": "http://localhost:3000"})

    assert config.issuers[0].name == "http://localhost:3000"


LIMITS: dict[str, dict[str, Any]] = {
    "no leeway": {"AUTH_LEEWAY": 0},
    "ten minutes of leeway": {"AUTH_LEEWAY": 600},
    "a second of age": {"AUTH_MAX_TOKEN_AGE": 1},
    "ten years of age": {"AUTH_MAX_TOKEN_AGE": 315_360_000},
    "the smallest size cap": {"AUTH_MAX_TOKEN_BYTES": 128},
    "the largest size cap": {"AUTH_MAX_TOKEN_BYTES": 1_048_576},
    "no token cache": {"AUTH_TOKEN_CACHE_SIZE": 0},
    "the largest token cache": {"AUTH_TOKEN_CACHE_SIZE": 1_000_000},
    "ten keys": {"AUTH_SECRET": [f"{SECRET}{number}" for number in range(10)]},
    "a realm from end to end": {"AUTH_REALM": "! #[]~"},
}


@pytest.mark.parametrize("settings", LIMITS.values(), ids=LIMITS)
def test_the_limits_themselves_are_allowed(settings: dict[str, Any]) -> None:
    """What the message calls the most and the least."""
    assert AuthConfig.from_mapping(SETTINGS | settings).warnings == ()


@pytest.mark.parametrize("required", [["exp"], ["sub", "exp"]], ids=len)
def test_required_claims_stay_as_they_are_without_a_maximum_age(required: list[str]) -> None:
    """Only an age has to know when the token was made."""
    config = AuthConfig.from_mapping(SETTINGS | {"AUTH_REQUIRED_CLAIMS": required})

    assert config.issuers[0].required_claims == tuple(required)


def test_public_keys_of_a_key_source_are_bound_like_others() -> None:
    """They verify everything that their issuer has signed, for any audience."""
    with pytest.raises(ConfigurationError) as raised:
        AuthConfig.from_mapping({}, keys=TokenIssuer.generate("RS256").keys)
    assert list(raised.value.problems) == [
        "AUTH_ISSUER is not set; with public keys it is needed (RFC 8725 §3.8): the exact iss of the tokens.",
        "AUTH_AUDIENCE is not set; with public keys it is needed (RFC 8725 §3.9): the aud of the tokens.",
    ]


@pytest.mark.parametrize("kind", [list, tuple, set, frozenset])
def test_several_texts_come_in_any_kind_of_collection(kind: Callable[[list[str]], object]) -> None:
    """As a service writes them in Python."""
    config = AuthConfig.from_mapping(SETTINGS | {"AUTH_AUDIENCE": kind(["a", "b"])})

    assert config.issuers[0].audience == {"a", "b"}


@pytest.mark.parametrize("setting", [{"AUTH_SECRET": SECRET}, {"AUTH_PUBLIC_KEY": RSA_PEM}], ids=list)
def test_a_key_source_stands_beside_neither_kind_of_key(setting: dict[str, Any]) -> None:
    """A public key is passed over in silence no more than a secret."""
    bound = {"AUTH_ISSUER": ISSUER, "AUTH_AUDIENCE": AUDIENCE}

    with pytest.raises(ConfigurationError) as raised:
        AuthConfig.from_mapping(bound | setting, keys=TokenIssuer.generate("RS256").keys)
    assert list(raised.value.problems) == [
        f"A key source is given with keys=, and {next(iter(setting))} is set as well; keep one."
    ]


@pytest.mark.parametrize(
    ("keys", "algorithms", "problem"),
    [
        (TokenIssuer.generate("ES256").keys, "RS256", "AUTH_ALGORITHMS names none that the keys given with keys= are"),
        (TokenIssuer.generate("ES256").keys, "HS256", "AUTH_ALGORITHMS names none that the keys given with keys= are"),
        (static_keys(), None, "The key source that is given with keys= has no key."),
    ],
    ids=["another algorithm", "another kind", "no key"],
)
def test_a_key_source_that_could_verify_nothing_is_refused(
    keys: StaticKeys, algorithms: str | None, problem: str
) -> None:
    """As far as it says at start what its keys are made for."""
    settings = {"AUTH_ISSUER": ISSUER, "AUTH_AUDIENCE": AUDIENCE, "AUTH_ALGORITHMS": algorithms}

    with pytest.raises(ConfigurationError, match=problem):
        AuthConfig.from_mapping(settings, keys=keys)


def test_an_object_that_is_no_key_source_is_refused_at_start() -> None:
    """It would fail at the first token otherwise."""

    class Keys:
        def keys_for(self, algorithm: str, key_id: str | None) -> list[VerificationKey]:
            return []

    settings = {"AUTH_ISSUER": ISSUER, "AUTH_AUDIENCE": AUDIENCE}

    with pytest.raises(ConfigurationError) as raised:
        AuthConfig.from_mapping(settings, keys=Keys())  # type: ignore[arg-type]  # which is the mistake
    assert list(raised.value.problems) == [
        "The object given with keys= (Keys) is not a key source; derive its class from SimpleKeySource, or implement "
        "KeySource."
    ]


@pytest.mark.parametrize("nothing", [None, [], (), set(), frozenset()], ids=repr)
def test_an_empty_list_sets_nothing(nothing: object) -> None:
    """Neither a key beside a key source, nor an audience."""
    bound = {"AUTH_ISSUER": ISSUER, "AUTH_AUDIENCE": AUDIENCE, "AUTH_PUBLIC_KEY": nothing}
    keys = TokenIssuer.generate("RS256").keys

    assert AuthConfig.from_mapping(bound, keys=keys).issuers[0].keys is keys
    assert problems_of(PUBLIC | {"AUTH_AUDIENCE": nothing}) == [
        "AUTH_AUDIENCE is not set; with public keys it is needed (RFC 8725 §3.9): the aud of the tokens."
    ]
