"""``flask auth token``: a token to develop with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from flask import Flask

from auth import ResourceServer, current_token, require_jwt
from auth.testing import PublishedIssuer, TokenIssuer
from tests.support.services import AUDIENCE, ISSUER, SETTINGS, bearer


def developing(**settings: object) -> Flask:
    """Return a service on the system clock, as the command uses it."""
    app = Flask("service")
    app.config.update(SETTINGS | {"AUTH_DEVELOPMENT_TOKENS": True} | settings)
    ResourceServer(app)

    @app.get("/")
    @require_jwt
    def me() -> dict[str, object]:
        return {"user_id": current_token.user_id, "scopes": sorted(current_token.scopes), "iss": current_token.issuer}

    return app


def test_a_development_token_opens_the_service_it_was_made_in() -> None:
    """For its issuer and audience, with the scopes asked for."""
    app = developing()

    result = app.test_cli_runner().invoke(args=["auth", "token", "alice", "--scope", "a", "--scope", "b"])

    assert result.exit_code == 0
    assert app.test_client().get("/", headers=bearer(result.output.strip())).json == {
        "user_id": "alice",
        "scopes": ["a", "b"],
        "iss": ISSUER,
    }


def test_a_development_token_has_the_roles_asked_for() -> None:
    """Where the profile of the service puts them; refused where it has no place for them."""
    arguments = ["auth", "token", "alice", "--role", "r", "--role", "s"]
    minted = developing(AUTH_PROFILE="better-auth").test_cli_runner().invoke(args=arguments)
    refused = developing(AUTH_PROFILE="auth0").test_cli_runner().invoke(args=arguments)

    assert jwt.decode(minted.output.strip(), options={"verify_signature": False})["role"] == "r,s"
    assert (refused.exit_code, "Tokens of this profile carry no roles." in refused.output) == (2, True)


@pytest.mark.parametrize(
    ("profile", "own"),
    [
        ("jwt", {"sub": "nightly", "client_id": "nightly"}),
        ("better-auth", {"sub": "nightly", "client_id": "nightly"}),
        ("auth0", {"sub": "nightly", "gty": "client-credentials"}),
        ("keycloak", {"sub": "nightly", "client_id": "nightly", "preferred_username": "service-account-nightly"}),
        ("entra", {"oid": "nightly", "azp": "nightly", "idtyp": "app"}),
    ],
)
def test_a_development_token_may_be_a_clients_own(profile: str, own: dict[str, str]) -> None:
    """In the shape of the profile of the service."""
    arguments = ["auth", "token", "nightly", "--client"]
    minted = developing(AUTH_PROFILE=profile).test_cli_runner().invoke(args=arguments)
    claims = jwt.decode(minted.output.strip(), options={"verify_signature": False})

    assert {name: claims[name] for name in own} == own


def test_a_development_token_may_name_who_acts() -> None:
    """As the subject of ``act``."""
    minted = developing().test_cli_runner().invoke(args=["auth", "token", "alice", "--actor", "helpdesk"])
    claims = jwt.decode(minted.output.strip(), options={"verify_signature": False})

    assert (claims["sub"], claims["act"]) == ("alice", {"sub": "helpdesk"})


def test_a_development_token_may_be_expired_already() -> None:
    """To see what a client sees then."""
    app = developing()

    result = app.test_cli_runner().invoke(args=["auth", "token", "alice", "--expires-in", "-60"])

    assert app.test_client().get("/", headers=bearer(result.output.strip())).get_json()["error"] == "token_expired"


def test_debugging_allows_development_tokens_too() -> None:
    """``flask --debug`` is development by definition."""
    runner = developing(AUTH_DEVELOPMENT_TOKENS=False).test_cli_runner()

    result = runner.invoke(args=["auth", "token", "alice"], env={"FLASK_DEBUG": "1"})

    assert result.exit_code == 0


def test_no_token_is_minted_in_production() -> None:
    """The message says where they come from."""
    result = developing(AUTH_DEVELOPMENT_TOKENS=False).test_cli_runner().invoke(args=["auth", "token", "alice"])

    assert result.exit_code == 1
    assert result.output == (
        "Error: Tokens are minted in development only: set AUTH_DEVELOPMENT_TOKENS to true, or run flask --debug. "
        "In production they come from your authorization server.\n"
    )


def test_no_token_can_be_minted_with_a_public_key() -> None:
    """Only their issuer can sign."""
    app = developing(AUTH_SECRET=None, AUTH_PUBLIC_KEY=TokenIssuer.generate("EdDSA").public_key)

    result = app.test_cli_runner().invoke(args=["auth", "token", "alice"])

    assert result.exit_code == 1
    assert result.output == (
        "Error: This service verifies with public keys; only their issuer can sign tokens. If you have the "
        "private key, name its file with --key.\n"
    )


def test_a_token_needs_a_user() -> None:
    """One for nobody would be refused anyway."""
    result = developing(AUTH_DEVELOPMENT_TOKENS=True).test_cli_runner().invoke(args=["auth", "token", " "])

    assert result.exit_code == 2
    assert "a token needs a user" in result.output


def test_a_development_token_is_good_for_an_hour() -> None:
    """Unless another time is asked for."""
    result = developing().test_cli_runner().invoke(args=["auth", "token", "alice"])
    claims = jwt.decode(result.output.strip(), options={"verify_signature": False})

    assert claims["exp"] - claims["iat"] == 3600


def claims_of(app: Flask, *options: str) -> dict[str, Any]:
    """Return the claims of a token that is made with options."""
    result = app.test_cli_runner().invoke(args=["auth", "token", "alice", *options])
    assert result.exit_code == 0, result.output
    claims: dict[str, Any] = jwt.decode(result.output.strip(), options={"verify_signature": False})
    return claims


def test_a_development_token_takes_any_claim_in_json() -> None:
    """A later one of the same name wins; null leaves a claim out."""
    claims = claims_of(
        developing(),
        *("--claim", "level=3", "--claim", 'team={"name": "blue"}', "--claim", "level=4"),
        *("--claim", "jti=null", "--claim", 'https://example.com/x="a=b"'),
    )

    assert (claims["level"], claims["team"], claims["https://example.com/x"]) == (4, {"name": "blue"}, "a=b")
    assert "jti" not in claims


@pytest.mark.parametrize("claim", ["level", "=3", "team=blue", "x=", "x=NaN", "x=" + "[" * 100_000])
def test_a_claim_that_is_no_json_is_a_wrong_call(claim: str) -> None:
    """The message shows how one is written."""
    result = developing().test_cli_runner().invoke(args=["auth", "token", "alice", "--claim", claim])

    assert result.exit_code == 2
    assert "write NAME=JSON, such as --claim level=3 or --claim 'team=\"blue\"'" in result.output


def test_a_scope_that_is_no_name_is_a_wrong_call() -> None:
    """The sentence is that of the guards."""
    result = developing().test_cli_runner().invoke(args=["auth", "token", "alice", "--scope", 'a"b'])

    assert result.exit_code == 2
    assert "scopes are names of printable ASCII" in result.output


def pem_of(issuer: TokenIssuer, folder: Path) -> str:
    """Write the private key of an issuer to a file, and return the file's name."""
    assert not isinstance(issuer._key, bytes)
    file = folder / "private.pem"
    file.write_bytes(issuer._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return str(file)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_the_private_key_of_a_public_one_signs_too(algorithm: str, tmp_path: Path) -> None:
    """The token opens the service that verifies with the public key."""
    pair = TokenIssuer.generate(algorithm)
    app = developing(AUTH_SECRET=None, AUTH_PUBLIC_KEY=pair.public_key)

    result = app.test_cli_runner().invoke(args=["auth", "token", "alice", "--key", pem_of(pair, tmp_path)])

    assert app.test_client().get("/", headers=bearer(result.output.strip())).status_code == 200


def test_the_key_is_named_by_its_id_among_several_issuers(tmp_path: Path) -> None:
    """The issuer is the one whose key set holds the public key."""
    other = TokenIssuer.generate("ES256")
    with PublishedIssuer.generate("ES256", audience=AUDIENCE) as published:
        entries = [
            {"issuer": ISSUER, "public_key": other.public_key, "user_prefix": "o:"},
            {"issuer": published.issuer, "discovery": True},
        ]
        app = developing(AUTH_SECRET=None, AUTH_ISSUER=None, AUTH_ISSUERS=entries)
        result = app.test_cli_runner().invoke(args=["auth", "token", "alice", "--key", pem_of(published, tmp_path)])
        opened = app.test_client().get("/", headers=bearer(result.output.strip()))

    assert jwt.get_unverified_header(result.output.strip())["kid"] == "local"
    assert opened.get_json() == {"user_id": "alice", "scopes": [], "iss": published.issuer}


def test_a_private_key_that_the_service_does_not_know_signs_nothing(tmp_path: Path) -> None:
    """The token would be refused; so would one by an algorithm that is not accepted."""
    pair = TokenIssuer.generate("ES256")
    for settings in ({}, {"AUTH_SECRET": None, "AUTH_PUBLIC_KEY": TokenIssuer.generate("ES256").public_key}):
        result = (
            developing(**settings)
            .test_cli_runner()
            .invoke(args=["auth", "token", "alice", "--key", pem_of(pair, tmp_path)])
        )

        assert result.exit_code == 1
        assert result.output == (
            "Error: The app has no public key that belongs to this private key, so it would refuse the token.\n"
        )


def test_keys_that_are_unavailable_are_named_as_the_reason(tmp_path: Path) -> None:
    """The issuer is down: nobody knows its keys."""
    app = developing(AUTH_SECRET=None, AUTH_JWKS_URL="http://127.0.0.1:9/jwks.json", AUTH_JWKS_TIMEOUT=0.2)

    result = app.test_cli_runner().invoke(
        args=["auth", "token", "alice", "--key", pem_of(TokenIssuer.generate("ES256"), tmp_path)]
    )

    assert result.exit_code == 1
    assert "Error: The keys of the app are unavailable: " in result.output


@pytest.mark.parametrize("content", [b"", b"secret" * 10, b"-----BEGIN PRIVATE KEY-----\n", b"\xff\xfe"])
def test_a_file_without_a_private_key_is_a_wrong_call(content: bytes, tmp_path: Path) -> None:
    """A secret stands in the settings; it is not read from a file here."""
    (tmp_path / "key").write_bytes(content)

    result = developing().test_cli_runner().invoke(args=["auth", "token", "alice", "--key", str(tmp_path / "key")])

    assert result.exit_code == 2
    assert "the file holds no private RSA, EC or EdDSA key in PEM without password" in result.output
    assert "secretsecret" not in result.output


def test_a_file_that_is_not_there_is_a_wrong_call() -> None:
    """Click says so."""
    result = developing().test_cli_runner().invoke(args=["auth", "token", "alice", "--key", "nowhere.pem"])

    assert result.exit_code == 2
    assert "nowhere.pem" in result.output


def test_a_private_key_signs_nothing_in_production(tmp_path: Path) -> None:
    """It is refused before the file is looked at."""
    pair = TokenIssuer.generate("ES256")
    app = developing(AUTH_SECRET=None, AUTH_PUBLIC_KEY=pair.public_key, AUTH_DEVELOPMENT_TOKENS=False)

    result = app.test_cli_runner().invoke(args=["auth", "token", "alice", "--key", pem_of(pair, tmp_path)])

    assert result.exit_code == 1
    assert result.output.startswith("Error: Tokens are minted in development only")
