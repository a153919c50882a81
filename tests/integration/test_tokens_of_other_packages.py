"""Real tokens of the packages that a service may sign with: their access tokens get in, all their others do not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import django
import pytest
from django.conf import settings as django_settings
from flask import Flask
from flask_jwt_extended import JWTManager, create_access_token, create_refresh_token

from auth import ResourceServer, current_token, require_jwt
from tests.support.services import SECRET, bearer


def answer_to(token: str, **settings: Any) -> tuple[int, str]:
    """Return how a service with the same secret answers a token: the status, and the user or the error."""
    app = Flask("service")
    app.config.update(AUTH_SECRET=SECRET, **settings)
    ResourceServer(app)

    @app.get("/me")
    @require_jwt
    def me() -> dict[str, str]:
        return {"user_id": current_token.user_id}

    answer = app.test_client().get("/me", headers=bearer(token))
    body: dict[str, str] = answer.get_json()
    return answer.status_code, body.get("user_id") or body["error"]


@pytest.fixture
def flask_jwt_extended() -> Iterator[Flask]:
    """Yield the context of an app that signs with Flask-JWT-Extended."""
    app = Flask("login")
    app.config.update(JWT_SECRET_KEY=SECRET, JWT_ENCODE_ISSUER="login", JWT_ENCODE_AUDIENCE="api")
    JWTManager(app)
    with app.app_context():
        yield app


BOUND: dict[str, Any] = {"AUTH_ISSUER": "login", "AUTH_AUDIENCE": "api"}


def test_tokens_of_flask_jwt_extended_are_told_apart(flask_jwt_extended: Flask) -> None:
    """A refresh token lives for 30 days and opens one address of the login: none of ours."""
    assert answer_to(create_access_token("alice"), **BOUND) == (200, "alice")
    assert answer_to(create_access_token("alice", fresh=True), **BOUND) == (200, "alice")
    assert answer_to(create_refresh_token("alice"), **BOUND) == (401, "invalid_type")


def test_tokens_of_flask_jwt_extended_are_told_apart_by_a_secret_alone(flask_jwt_extended: Flask) -> None:
    """The shortest move from one library to the other sets nothing else."""
    flask_jwt_extended.config.update(JWT_ENCODE_ISSUER=None, JWT_ENCODE_AUDIENCE=None)

    assert answer_to(create_access_token("alice")) == (200, "alice")
    assert answer_to(create_refresh_token("alice")) == (401, "invalid_type")


def test_a_mailed_link_made_as_an_access_token_is_refused(flask_jwt_extended: Flask) -> None:
    """Flask-JWT-Extended has no call for such links, so services sign an access token with a claim more."""
    link = create_access_token("alice", additional_claims={"purpose": "password_reset"})

    assert answer_to(link, **BOUND) == (401, "invalid_type")


@pytest.fixture(scope="module")
def simplejwt() -> Any:
    """Return the tokens of djangorestframework-simplejwt, in a Django without an app."""
    django_settings.configure(
        SECRET_KEY=SECRET,
        SIMPLE_JWT={"ISSUER": "login", "AUDIENCE": "api", "USER_ID_CLAIM": "sub"},
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"],
        USE_TZ=True,
    )
    django.setup()
    # It reads Django's settings when it is imported.
    from rest_framework_simplejwt import tokens

    return tokens


def made(token: Any) -> str:
    token["sub"] = "alice"
    return str(token)


def test_tokens_of_simplejwt_are_told_apart(simplejwt: Any) -> None:
    """A sliding token is an access token that can be renewed; an untyped one says nothing."""
    assert answer_to(made(simplejwt.AccessToken()), **BOUND) == (200, "alice")
    assert answer_to(made(simplejwt.SlidingToken()), **BOUND) == (200, "alice")
    assert answer_to(made(simplejwt.RefreshToken()), **BOUND) == (401, "invalid_type")
