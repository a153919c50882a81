"""Wrong set-ups as people make them, in the environment and in ``app.config``, and the sentences that get them out."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from flask import Flask

from auth import ResourceServer
from auth.errors import ConfigurationError
from auth.settings.service import AuthConfig
from auth.settings.table import DEFAULTS, TABLE, Level
from auth.testing import TokenIssuer
from tests.support.services import OTHER_SECRET, SECRET, SETTINGS

#: A secret that no message may show.
CANARY = "hunter2Canary"

PEM = TokenIssuer.generate("ES256").public_key
BOUND = {"FLASK_AUTH_ISSUER": "https://login.example", "FLASK_AUTH_AUDIENCE": "https://api.example"}
SIGNED = {"FLASK_AUTH_SECRET": SECRET, **BOUND}
FOUND = {"FLASK_AUTH_DISCOVERY": "true", **BOUND}

NO_KEY = (
    "There is no key to verify tokens with. Set AUTH_SECRET (shared secret of at least 32 bytes, for example from: "
    "openssl rand -base64 48), AUTH_PUBLIC_KEY (PEM or JWK), AUTH_JWKS_URL, or AUTH_DISCOVERY to find the keys by the "
    "issuer. In the environment, an AUTH_… name begins with FLASK_; app.config.from_prefixed_env() reads it. gunicorn "
    "reads no .env file."
)
UNKNOWN_ALGORITHM = (
    "AUTH_ALGORITHMS names something that is not one of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, "
    "ES256, ES384, ES512, EdDSA, Ed25519, Ed448."
)
NO_AUDIENCE = "AUTH_AUDIENCE is not set; with public keys it is needed (RFC 8725 §3.9): the aud of the tokens."
ONE_OF_THE_PROFILES = "AUTH_PROFILE must be one of jwt, rfc9068, better-auth, auth0, keycloak, cognito, entra."
MAKE_ONE = "Make one with: openssl rand -base64 48"
LIST, TEXT, ENTRIES = """'["first", "second"]'""", """'"123"'""", """'[{"issuer": "https://…", …}, {…}]'"""
DIGITS = "digits alone, without a unit and without quotation marks."


def entries(*several: dict[str, Any]) -> dict[str, str]:
    return {"FLASK_AUTH_ISSUERS": json.dumps(several)}


def broken(name: str, example: str = LIST) -> str:
    return f"{name} looks like JSON but is not valid JSON. In the environment: FLASK_{name}={example}"


def not_read(variable: str, key: str) -> str:
    return f"{variable} is in the environment, but app.config.from_prefixed_env() reads FLASK_{key}."


def in_a_file(variable: str, key: str) -> str:
    return f"{variable} is set, and no setting is read from a file: set FLASK_{key} to what the file holds."


ENTRY = {"issuer": "https://login.example", "audience": "api", "discovery": True}

#: Variables, other settings, and every sentence that they get.
WRONG: dict[str, tuple[dict[str, str], dict[str, Any], list[str]]] = {
    "nothing": ({}, {}, [NO_KEY]),
    "no prefix": ({"AUTH_SECRET": SECRET}, {}, [NO_KEY, not_read("AUTH_SECRET", "AUTH_SECRET")]),
    "no prefix, several": (
        {"AUTH_JWKS_URL": "https://login.example/jwks", "AUTH_ISSUER": "https://login.example"},
        {},
        [NO_KEY, not_read("AUTH_ISSUER", "AUTH_ISSUER"), not_read("AUTH_JWKS_URL", "AUTH_JWKS_URL")],
    ),
    "no prefix for the audience": (
        {"AUTH_AUDIENCE": "https://api.example", "FLASK_AUTH_ISSUER": "https://login.example"},
        {"AUTH_PUBLIC_KEY": PEM},
        [NO_AUDIENCE, not_read("AUTH_AUDIENCE", "AUTH_AUDIENCE")],
    ),
    "another prefix": ({"API_AUTH_SECRET": SECRET}, {}, [NO_KEY, not_read("API_AUTH_SECRET", "AUTH_SECRET")]),
    "lower case": ({"flask_auth_secret": SECRET}, {}, [NO_KEY, not_read("flask_auth_secret", "AUTH_SECRET")]),
    "two underscores": ({"FLASK_AUTH__SECRET": SECRET}, {}, [NO_KEY, not_read("FLASK_AUTH__SECRET", "AUTH_SECRET")]),
    "a secret of Better Auth": (
        {"BETTER_AUTH_SECRET": SECRET}, {}, [NO_KEY, not_read("BETTER_AUTH_SECRET", "AUTH_SECRET")],
    ),
    "a file with the secret": (
        {"BETTER_AUTH_SECRET_FILE": "/run/secrets/a"}, {},
        [NO_KEY, in_a_file("BETTER_AUTH_SECRET_FILE", "AUTH_SECRET")],
    ),
    "a file with the secret, read by Flask": (
        {"FLASK_AUTH_SECRET_FILE": "/run/secrets/a", "FLASK_AUTH_OTHER_SECRET": "x"}, {},
        [
            NO_KEY,
            in_a_file("FLASK_AUTH_SECRET_FILE", "AUTH_SECRET"),
            "AUTH_OTHER_SECRET is in app.config, but not a setting of this library.",
        ],
    ),
    "a file in app.config": (
        {}, {"AUTH_SECRET_FILE": "/run/secrets/a"},
        [NO_KEY, "AUTH_SECRET_FILE is in app.config, but not a setting of this library."],
    ),
    "a file with the public key": (
        {"AUTH_PUBLIC_KEY_FILE": "/run/secrets/a"}, {}, [NO_KEY, in_a_file("AUTH_PUBLIC_KEY_FILE", "AUTH_PUBLIC_KEY")],
    ),
    "a setting of Flask-JWT-Extended": (
        {}, {"JWT_SECRET_KEY": SECRET},
        [NO_KEY, "JWT_SECRET_KEY is a name of another library; the setting here is AUTH_SECRET."],
    ),
    "a variable of Flask-JWT-Extended": (
        {"FLASK_JWT_SECRET_KEY": SECRET}, {},
        [NO_KEY, "JWT_SECRET_KEY is a name of another library; the setting here is AUTH_SECRET."],
    ),
    "variables of Auth0's guides": (
        {"AUTH0_DOMAIN": "tenant.eu.auth0.com", "AUTH0_AUDIENCE": "https://api.example"}, {},
        [
            NO_KEY,
            "AUTH0_DOMAIN is a name of another library; the setting here is AUTH_ISSUER.",
            "AUTH0_AUDIENCE is a name of another library; the setting here is AUTH_AUDIENCE.",
        ],
    ),
    "a name nearly ours": (
        {}, {"AUTH_SECRET_KEY": SECRET},
        [NO_KEY, "AUTH_SECRET_KEY is in app.config, but not a setting of this library."],
    ),
    "a misspelt name": (
        SIGNED | {"FLASK_AUTH_AUDIANCE": "x"}, {}, ["AUTH_AUDIANCE is not a setting; did you mean AUTH_AUDIENCE?"],
    ),
    "a short secret": (
        {"FLASK_AUTH_SECRET": CANARY}, {},
        [f"AUTH_SECRET holds a secret that has 13 bytes, at least 32 are needed. {MAKE_ONE}"],
    ),
    "an empty secret": ({"FLASK_AUTH_SECRET": ""}, {}, [f"AUTH_SECRET holds a secret that is empty. {MAKE_ONE}"]),
    "a secret that is null": ({"FLASK_AUTH_SECRET": "null"}, {}, [NO_KEY]),
    "a secret of digits": (
        {"FLASK_AUTH_SECRET": "47110815" * 5}, {},
        [f"AUTH_SECRET must be text or bytes, or a list of them. In the environment: FLASK_AUTH_SECRET={TEXT}"],
    ),
    "a secret that reads like a number": (
        {"FLASK_AUTH_SECRET": "12345e" + "6789" * 8}, {},
        [f"AUTH_SECRET must be text or bytes, or a list of them. In the environment: FLASK_AUTH_SECRET={TEXT}"],
    ),
    "a secret from an example": (
        {"FLASK_AUTH_SECRET": "a-string-secret-at-least-256-bits-long"}, {},
        [f"AUTH_SECRET holds a secret from an example, a template or a pattern. {MAKE_ONE}"],
    ),
    "a secret in quotation marks": (
        {"FLASK_AUTH_SECRET": f"'{SECRET}'"}, {},
        [
            "AUTH_SECRET holds a text with spaces, line ends or quotation marks around it; remove them. In the "
            "environment: FLASK_AUTH_SECRET=value"
        ],
    ),
    "a public key for a secret": (
        BOUND, {"AUTH_SECRET": PEM},
        [
            "AUTH_SECRET holds a secret that is a key of a key pair, not a shared secret; for a public key there is "
            f"AUTH_PUBLIC_KEY. {MAKE_ONE}"
        ],
    ),
    "a secret for a public key": (
        {"FLASK_AUTH_PUBLIC_KEY": SECRET, **BOUND}, {},
        ["AUTH_PUBLIC_KEY holds a key that is not a PEM public key, which begins with -----BEGIN PUBLIC KEY-----."],
    ),
    "a file for a public key": (
        {"FLASK_AUTH_PUBLIC_KEY": "/run/secrets/issuer.pem", **BOUND}, {},
        ["AUTH_PUBLIC_KEY holds the name of a file; set it to what the file holds."],
    ),
    "a private key": (
        BOUND, {"AUTH_PUBLIC_KEY": "-----BEGIN PRIVATE KEY-----\n"},
        ["AUTH_PUBLIC_KEY holds a key that is a private key; give the public one."],
    ),
    "a certificate": (
        BOUND, {"AUTH_PUBLIC_KEY": "-----BEGIN CERTIFICATE-----\n"},
        [
            "AUTH_PUBLIC_KEY holds a key that is a certificate; give its public key (openssl x509 -pubkey -noout)."
        ],
    ),
    "a JWK Set": (
        {"FLASK_AUTH_PUBLIC_KEY": '{"keys": []}', **BOUND}, {},
        ["AUTH_PUBLIC_KEY holds a key that is a JWK Set; give its keys as a list."],
    ),
    "a secret and a public key": (
        SIGNED | {"FLASK_AUTH_ALGORITHMS": "ES256"}, {"AUTH_PUBLIC_KEY": PEM},
        [
            "AUTH_SECRET and AUTH_PUBLIC_KEY are both set: the keys of an issuer are of one kind, from one place. "
            "Keep one."
        ],
    ),
    "a public key for anybody": (
        {}, {"AUTH_PUBLIC_KEY": PEM},
        [
            "AUTH_ISSUER is not set; with public keys it is needed (RFC 8725 §3.8): the exact iss of the tokens.",
            NO_AUDIENCE,
        ],
    ),
    "a public key for any app client": (
        {"FLASK_AUTH_ISSUER": "https://login.example", "FLASK_AUTH_PROFILE": "cognito"}, {"AUTH_PUBLIC_KEY": PEM},
        [NO_AUDIENCE.replace("the aud", "the client_id")],
    ),
    "unsigned tokens": (SIGNED | {"FLASK_AUTH_ALGORITHMS": "none"}, {}, [UNKNOWN_ALGORITHM]),
    "a secret for an algorithm": (BOUND | {"FLASK_AUTH_ALGORITHMS": CANARY}, {"AUTH_SECRET": SECRET},
        [UNKNOWN_ALGORITHM],
    ),
    "an algorithm in lower case": (
        SIGNED | {"FLASK_AUTH_ALGORITHMS": "hs256"}, {}, [f"{UNKNOWN_ALGORITHM} Did you mean HS256?"],
    ),
    "an algorithm of the other kind": (
        SIGNED | {"FLASK_AUTH_ALGORITHMS": "RS256"}, {},
        ["AUTH_ALGORITHMS names RS256, which needs a public key that is made for it."],
    ),
    "a longer hash than the secret is for": (
        BOUND | {"FLASK_AUTH_ALGORITHMS": "HS512"}, {"AUTH_SECRET": SECRET[:40]},
        ["AUTH_ALGORITHMS names HS512, which needs a shared secret of at least 64 bytes."],
    ),
    "a list without its end": (
        SIGNED | {"FLASK_AUTH_AUDIENCE": '["https://api.example"'}, {}, [broken("AUTH_AUDIENCE")],
    ),
    "a list with the wrong quotation marks": (
        SIGNED | {"FLASK_AUTH_AUDIENCE": "['https://api.example']"}, {}, [broken("AUTH_AUDIENCE")],
    ),
    "a list with commas alone": (
        SIGNED | {"FLASK_AUTH_AUDIENCE": "https://a.example,https://b.example"}, {},
        [f"AUTH_AUDIENCE holds a comma; write several texts as a list. In the environment: FLASK_AUTH_AUDIENCE={LIST}"],
    ),
    "an audience of digits": (
        SIGNED | {"FLASK_AUTH_AUDIENCE": "4711"}, {},
        [f"AUTH_AUDIENCE must be a text or a list of texts. In the environment: FLASK_AUTH_AUDIENCE={LIST}"],
    ),
    "a broken list for an address": (
        BOUND | {"FLASK_AUTH_JWKS_URL": '["https://login.example/jwks"'}, {}, [broken("AUTH_JWKS_URL", "value")],
    ),
    "a broken list for the realm": (SIGNED | {"FLASK_AUTH_REALM": "[tasks"}, {}, [broken("AUTH_REALM", "value")]),
    "a broken list for the profile": (
        SIGNED | {"FLASK_AUTH_PROFILE": "['jwt']"}, {}, [broken("AUTH_PROFILE", "value")],
    ),
    "issuers that are no JSON": (
        {"FLASK_AUTH_ISSUERS": "[{'issuer': 'https://login.example'}]"}, {},
        [
            "AUTH_ISSUERS must be a list of mappings; the text is not valid JSON. In the environment: "
            f"FLASK_AUTH_ISSUERS={ENTRIES}"
        ],
    ),
    "one issuer and no list": (
        {"FLASK_AUTH_ISSUERS": '{"issuer": "https://login.example"}'}, {},
        [f"AUTH_ISSUERS must be a list of mappings. In the environment: FLASK_AUTH_ISSUERS={ENTRIES}"],
    ),
    "a broken list within an entry": (
        entries(ENTRY | {"audience": '["api"'}), {},
        ["AUTH_ISSUERS[0].audience looks like JSON but is not valid JSON."],
    ),
    "a switch within an entry": (
        entries(ENTRY | {"discovery": "true"}), {}, ["AUTH_ISSUERS[0].discovery must be true or false."],
    ),
    "a number within an entry": (
        entries(ENTRY | {"leeway": "30s"}), {}, [f"AUTH_ISSUERS[0].leeway must be a number from 0 to 600: {DIGITS}"],
    ),
    "a full name within an entry": (
        entries({"AUTH_ISSUER": "https://login.example", "audience": "api", "discovery": True}), {},
        [
            "AUTH_ISSUERS[0].AUTH_ISSUER is not a setting; did you mean AUTH_ISSUERS[0].issuer?",
            "AUTH_ISSUERS[0].issuer is not set; it says whose tokens the entry is for.",
        ],
    ),
    "a secret for a name within an entry": (
        entries(ENTRY | {CANARY: "secret"}), {}, ["A name in AUTH_ISSUERS[0] is not a setting."],
    ),
    "an issuer beside the entries": (
        entries(ENTRY) | {"FLASK_AUTH_ISSUER": "https://login.example"}, {},
        ["AUTH_ISSUER and AUTH_ISSUERS are both set; move it into the entry it belongs to."],
    ),
    "a switch in Python's words": (
        BOUND | {"FLASK_AUTH_DISCOVERY": "True"}, {},
        ["AUTH_DISCOVERY must be true or false. In the environment: FLASK_AUTH_DISCOVERY=true"],
    ),
    "a switch of one": (
        BOUND | {"FLASK_AUTH_DISCOVERY": "1"}, {},
        ["AUTH_DISCOVERY must be true or false. In the environment: FLASK_AUTH_DISCOVERY=true"],
    ),
    "a switch that says yes": (
        SIGNED | {"FLASK_AUTH_DENY_BY_DEFAULT": "yes"}, {},
        ["AUTH_DENY_BY_DEFAULT must be true or false. In the environment: FLASK_AUTH_DENY_BY_DEFAULT=true"],
    ),
    "seconds with a unit": (
        SIGNED | {"FLASK_AUTH_LEEWAY": "30s"}, {}, [f"AUTH_LEEWAY must be a number from 0 to 600: {DIGITS}"],
    ),
    "seconds in quotation marks": (
        SIGNED | {"FLASK_AUTH_LEEWAY": '"30"'}, {}, [f"AUTH_LEEWAY must be a number from 0 to 600: {DIGITS}"],
    ),
    "bytes with a unit": (
        SIGNED | {"FLASK_AUTH_MAX_TOKEN_BYTES": "8k"}, {},
        [f"AUTH_MAX_TOKEN_BYTES must be a whole number from 128 to 1048576: {DIGITS}"],
    ),
    "an issuer without https": (
        FOUND | {"FLASK_AUTH_ISSUER": "tenant.eu.auth0.com"}, {},
        ["AUTH_ISSUER must begin with https://, for AUTH_DISCOVERY looks for the keys there."],
    ),
    "an address without https": (
        BOUND | {"FLASK_AUTH_JWKS_URL": "login.example/jwks"}, {}, ["AUTH_JWKS_URL must begin with https://."],
    ),
    "discovery of nobody": (
        {"FLASK_AUTH_DISCOVERY": "true", "FLASK_AUTH_AUDIENCE": "api"}, {},
        ["AUTH_ISSUER is not set; AUTH_DISCOVERY looks for the keys there."],
    ),
    "the address of the metadata for the issuer": (
        FOUND | {"FLASK_AUTH_ISSUER": "https://login.example/.well-known/openid-configuration"}, {},
        [
            "AUTH_ISSUER is the address of the metadata. Set it to the issuer that they name: mostly what stands "
            "before /.well-known/."
        ],
    ),
    "the address of the metadata for that of the keys": (
        BOUND | {"FLASK_AUTH_JWKS_URL": "https://login.example/.well-known/openid-configuration"}, {},
        [
            "AUTH_JWKS_URL is the address of the issuer's metadata; set AUTH_DISCOVERY in its place, or the jwks_uri "
            "that stands there."
        ],
    ),
    "a profile with a capital letter": (
        FOUND | {"FLASK_AUTH_PROFILE": "Auth0"}, {}, [f"{ONE_OF_THE_PROFILES} Did you mean auth0?"],
    ),
    "a profile that there is not": (
        FOUND | {"FLASK_AUTH_PROFILE": "okta"}, {}, [f"{ONE_OF_THE_PROFILES} For any other issuer, use jwt."],
    ),
    "a misspelt resource": (
        SIGNED | {"FLASK_AUTH_RESOURCES": "https://api.example"}, {},
        ["AUTH_RESOURCES is not a setting; did you mean AUTH_RESOURCE?"],
    ),
    "resources in a text": (
        SIGNED | {"FLASK_AUTH_RESOURCE": "https://api.example,https://api.example/mcp"}, {},
        [f"AUTH_RESOURCE holds a comma; write several texts as a list. In the environment: FLASK_AUTH_RESOURCE={LIST}"],
    ),
    "resources in broken JSON": (
        SIGNED | {"FLASK_AUTH_RESOURCE": '["https://api.example"'}, {}, [broken("AUTH_RESOURCE")],
    ),
    "a hierarchy in broken JSON": (
        SIGNED | {"FLASK_AUTH_SCOPE_IMPLIES": '{"tasks:write": ["tasks:read"'}, {},
        [
            "AUTH_SCOPE_IMPLIES must be a mapping of scopes to the scopes that each implies. In the environment: "
            """FLASK_AUTH_SCOPE_IMPLIES='{"tasks:write": ["tasks:read"]}'"""
        ],
    ),
    "a claim that names no user": (
        SIGNED | {"FLASK_AUTH_IDENTITY_CLAIM": "iss"}, {},
        ["AUTH_IDENTITY_CLAIM must name the user, which iss does not."],
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of the person who runs the tests are no part of them."""
    for name in list(os.environ):
        if "AUTH" in name.upper() or "JWT" in name.upper():
            monkeypatch.delenv(name)


def start(variables: dict[str, str], settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Flask:
    """Start a service as the README does."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    app = Flask("service")
    app.config.update(settings)
    app.config.from_prefixed_env()
    ResourceServer(app)
    return app


@pytest.mark.parametrize(("variables", "settings", "problems"), WRONG.values(), ids=WRONG)
def test_a_wrong_set_up_is_told_the_way_out(
    variables: dict[str, str], settings: dict[str, Any], problems: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sentence for each fault, no sentence that is beside it, and no secret in any."""
    with pytest.raises(ConfigurationError) as raised:
        start(variables, settings, monkeypatch)

    assert list(raised.value.problems) == problems
    assert not any(secret in str(raised.value) for secret in (CANARY, SECRET, SECRET[:40]))


def test_variables_that_nobody_has_read_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their names are right: the line that reads them is missing, or comes too late."""
    for name, value in SIGNED.items():
        monkeypatch.setenv(name, value)
    app = Flask("service")

    with pytest.raises(ConfigurationError) as raised:
        ResourceServer(app)
    assert list(raised.value.problems) == [
        NO_KEY,
        "FLASK_AUTH_AUDIENCE, FLASK_AUTH_ISSUER and FLASK_AUTH_SECRET are in the environment, but not in app.config: "
        "call app.config.from_prefixed_env() before ResourceServer(app).",
    ]


def test_a_service_that_starts_is_warned_about_an_unread_variable(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It would leave routes open that the operator has closed."""
    monkeypatch.setenv("FLASK_AUTH_DENY_BY_DEFAULT", "true")
    app = Flask("service")
    app.config.update(SETTINGS)

    ResourceServer(app)

    assert [record.getMessage() for record in caplog.records] == [
        "FLASK_AUTH_DENY_BY_DEFAULT is in the environment, but not in app.config: call app.config.from_prefixed_env() "
        "before ResourceServer(app)."
    ]


def test_variables_of_other_programs_are_no_reason_to_warn(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A service that has its settings, or entries in their place, is told nothing about names without the prefix."""
    for name in ("AUTH_SECRET", "BETTER_AUTH_SECRET", "AUTH_ISSUER", "JWT_SECRET_KEY"):
        monkeypatch.setenv(name, OTHER_SECRET)

    with monkeypatch.context() as patch:
        start(SIGNED, {}, patch)
    with pytest.raises(ConfigurationError) as raised:
        AuthConfig.from_mapping({"AUTH_ISSUERS": [ENTRY], "AUTH_LEEWAY": 1000}, environment=os.environ)

    assert caplog.records == []
    assert list(raised.value.problems) == ["AUTH_LEEWAY must be a number from 0 to 600."]


def test_a_key_source_of_ones_own_needs_no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is missed is looked for."""
    monkeypatch.setenv("AUTH_SECRET", SECRET)
    monkeypatch.setenv("AUTH_AUDIENCE", "api")
    keys = TokenIssuer.generate("ES256").keys

    with pytest.raises(ConfigurationError) as raised:
        AuthConfig.from_mapping({"AUTH_ISSUER": "https://login.example"}, keys=keys, environment=os.environ)

    assert list(raised.value.problems) == [NO_AUDIENCE, not_read("AUTH_AUDIENCE", "AUTH_AUDIENCE")]


def test_an_issuer_of_auth0_ends_with_a_slash() -> None:
    """Auth0's own guides leave it out; an issuer of a test may be called as it likes."""
    bound = {"AUTH_AUDIENCE": "api", "AUTH_DISCOVERY": True, "AUTH_PROFILE": "auth0"}

    wrong = AuthConfig.from_mapping(bound | {"AUTH_ISSUER": "https://tenant.eu.auth0.com"})
    right = AuthConfig.from_mapping(bound | {"AUTH_ISSUER": "https://tenant.eu.auth0.com/"})

    assert wrong.warnings == ("AUTH_ISSUER does not end with /, as the iss of all tokens does by AUTH_PROFILE.",)
    assert right.warnings == ()


#: Every shape in which a secret may stand in the wrong place.
SHAPES: dict[str, Any] = {
    "a text": CANARY,
    "a long text": CANARY * 4,
    "a text that looks like a name": "CanarySecret",
    "a list": [CANARY],
    "a list of pairs": [{CANARY: CANARY}],
    "a mapping": {CANARY: CANARY},
    "a broken list": f'["{CANARY}"',
    "an address": f"https://user:{CANARY}@login.example/#{CANARY}",
    "a PEM": f"-----BEGIN PUBLIC KEY-----\n{CANARY}\n-----END PUBLIC KEY-----",
    "bytes": CANARY.encode(),
}

#: What is no secret by its nature: it is in tokens, in challenges or in headers.
PUBLIC = {
    "issuer", "audience", "realm", "identity_claim", "required_claims", "tenant_claim", "user_prefix",
    "request_id_header", "resource_scopes", "resource_name", "metrics_scope",
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_no_sentence_shows_what_a_setting_holds(row: Any, shape: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A secret may be the value of any setting, of the service or of an entry."""
    wheres: list[dict[str, Any]] = [{"AUTH_ISSUERS": [ENTRY | {row.name: shape}]}]
    if row.level is not Level.ENTRY:
        wheres.append(SETTINGS | {row.key: shape})
    for settings in wheres:
        app, said = Flask("service"), ""
        app.config.update(settings)
        try:
            ResourceServer(app)
        except ConfigurationError as error:
            said = str(error)
        said += caplog.text + repr(app.extensions)

        for secret in ("hunter2", "CanarySecret"):
            assert secret not in said or (row.name in PUBLIC and "cannot work" not in said)


def test_the_table_of_canaries_knows_every_setting() -> None:
    """Those that are public by their nature are few."""
    assert {row.name for row in TABLE} > PUBLIC
    assert len(DEFAULTS) > 3 * len(PUBLIC)
