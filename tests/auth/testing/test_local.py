"""Issuers that stand in for those an app trusts."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from auth import ResourceServer, current_token, require_jwt
from auth.errors import MisuseError
from auth.keys import KeyRing, SimpleKeySource, VerificationKey
from auth.keys.algorithms import ASYMMETRIC_ALGORITHMS, SYMMETRIC_ALGORITHMS
from auth.testing import TokenIssuer, local_issuer, local_issuers
from auth.tokens.profiles import PROFILES
from tests.support.services import NOW, SECRET, clock

#: Nobody listens there.
PRODUCTION: dict[str, Any] = {
    "AUTH_ISSUER": "http://127.0.0.1:1/",
    "AUTH_AUDIENCE": ["https://api.example", "https://old-api.example"],
    "AUTH_DISCOVERY": True,
}
SHOP, PARTNER = "https://shop.example", "https://partner.example"
SEVERAL: dict[str, Any] = {
    "AUTH_AUDIENCE": "https://api.example",
    "AUTH_ISSUERS": [
        {"issuer": SHOP, "jwks_url": f"{SHOP}/jwks", "profile": "better-auth"},
        {"issuer": PARTNER, "secret": SECRET, "user_prefix": "partner:"},
    ],
}


def service(**settings: Any) -> Flask:
    """Return an app with one guarded view, on the clock of the system."""
    app = Flask("service")
    app.config.update(settings)
    ResourceServer(app)

    @app.get("/me")
    @require_jwt
    def me() -> dict[str, Any]:
        return {"user_id": current_token.user_id, "roles": sorted(current_token.roles)}

    return app


def get_me(app: Flask, issuer: TokenIssuer, user_id: str = "alice", **token: Any) -> Any:
    return app.test_client().get("/me", headers=issuer.authorization(user_id, **token)).json


@pytest.mark.parametrize("profile", [name for name in PROFILES if PROFILES[name].role_paths])
def test_an_app_with_the_settings_of_production_accepts_local_tokens(profile: str) -> None:
    """In the shape of its profile, and without its issuer, which cannot be reached here."""
    app = service(**PRODUCTION, AUTH_PROFILE=profile)

    with local_issuer(app) as issuer:
        accepted = get_me(app, issuer, roles=["a", "b"])
    refused = get_me(app, issuer)

    assert accepted == {"user_id": "alice", "roles": ["a", "b"]}
    assert refused["error"] == "keys_unavailable"


@pytest.mark.parametrize("algorithm", [*ASYMMETRIC_ALGORITHMS, *SYMMETRIC_ALGORITHMS])
def test_local_tokens_have_an_algorithm_that_the_app_accepts(algorithm: str) -> None:
    """Each that there is."""
    key = {"AUTH_SECRET": SECRET} if algorithm in SYMMETRIC_ALGORITHMS else {"AUTH_DISCOVERY": True}
    app = service(**(PRODUCTION | {"AUTH_DISCOVERY": False} | key), AUTH_ALGORITHMS=[algorithm])

    with local_issuer(app) as issuer:
        assert issuer.algorithm == algorithm
        assert get_me(app, issuer)["user_id"] == "alice"


def test_local_tokens_say_what_the_settings_demand() -> None:
    """Claims of the service's own, and another claim that names the user."""
    app = service(**PRODUCTION, AUTH_REQUIRED_CLAIMS=["exp", "tenant", "nbf"], AUTH_IDENTITY_CLAIM="email")

    with local_issuer(app) as issuer:
        assert get_me(app, issuer, "alice@example.com")["user_id"] == "alice@example.com"


def test_every_setting_but_the_keys_stays_in_force() -> None:
    """The real verifier looks at each token."""
    app = service(**PRODUCTION, AUTH_MAX_TOKEN_AGE=60)

    with local_issuer(app) as issuer:
        strange = get_me(app, issuer, claims={"aud": "https://another.example"})
        old = get_me(app, issuer, claims={"iat": issuer.now() - 120})
        forged = get_me(app, TokenIssuer.generate("ES256", issuer=issuer.issuer, audience=issuer.audience))

    assert (strange["error"], old["error"], forged["error"]) == (
        "invalid_audience",
        "token_expired",
        "invalid_signature",
    )


def test_each_of_several_issuers_has_a_local_one() -> None:
    """By its name, with the prefix of its users; one cannot sign for another."""
    app = service(**SEVERAL)

    with local_issuers(app) as issuers:
        answers = {name: get_me(app, issuer, roles="a") for name, issuer in issuers.items()}
        forged = get_me(app, issuers[SHOP], claims={"iss": PARTNER})

    assert answers == {
        SHOP: {"user_id": "alice", "roles": ["a"]},
        PARTNER: {"user_id": "partner:alice", "roles": ["a"]},
    }
    assert forged["error"] == "invalid_signature"


def test_keys_that_stand_in_the_settings_are_still_good() -> None:
    """So a test may have an issuer of its own as well."""
    own = TokenIssuer.generate("ES256", issuer="https://own.example", audience="https://api.example")
    app = service(**own.settings)

    with local_issuer(app) as issuer:
        assert get_me(app, issuer)["user_id"] == "alice"
        assert get_me(app, own, "bob")["user_id"] == "bob"


def test_a_key_source_that_may_ask_somebody_is_not_asked() -> None:
    """No test waits for the network."""

    class Asking(SimpleKeySource):
        def keys_for(self, algorithm: str, key_id: str | None) -> list[VerificationKey]:
            raise AssertionError

    app = Flask("service")
    app.config.update(PRODUCTION | {"AUTH_DISCOVERY": False})
    ResourceServer(app, keys=Asking())

    with local_issuer(app) as issuer:
        assert app.extensions["resource_server"].verify(issuer.issue("alice")).user_id == "alice"
        assert app.extensions["resource_server"].keys_ready()


def test_a_block_inside_another_has_the_same_issuers() -> None:
    """Tokens that were made before it are good in it and after it."""
    app = service(**PRODUCTION)

    with local_issuer(app) as outer:
        with local_issuer(app) as inner:
            assert inner is outer
        assert get_me(app, outer)["user_id"] == "alice"


def test_a_block_that_fails_leaves_the_app_as_it_was() -> None:
    """The next test meets the real keys again."""
    app = service(AUTH_SECRET=SECRET)
    state = app.extensions["resource_server"]
    before: KeyRing = state.config.issuers[0].keys.current()

    with pytest.raises(ZeroDivisionError), local_issuer(app):
        1 / 0  # noqa: B018  # any error

    assert state.config.issuers[0].keys.current() is before
    assert get_me(app, TokenIssuer(SECRET))["user_id"] == "alice"


def test_local_tokens_have_the_time_of_the_app() -> None:
    """An app on a clock of the test's own accepts them."""
    app = Flask("service")
    app.config["AUTH_SECRET"] = SECRET
    ResourceServer(app, clock=clock)

    with local_issuer(app) as issuer:
        assert app.extensions["resource_server"].verify(issuer.issue("alice")).claims["iat"] == NOW


def test_an_app_without_a_resource_server_is_told_so() -> None:
    """In a sentence."""
    with pytest.raises(MisuseError, match=r"Call ResourceServer\(app\) once"), local_issuer(Flask("bare")):
        pass
