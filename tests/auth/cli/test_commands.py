"""``flask auth …``."""

from __future__ import annotations

import jwt
from flask import Flask

from auth import ResourceServer, current_token, require_jwt
from auth.testing import TokenIssuer
from tests.support.services import ISSUER, SETTINGS, bearer


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
    assert result.output == "Error: This service verifies with public keys; only their issuer can sign tokens.\n"


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
