"""The facts of ``docs/comparison.md``, tried with the libraries that it names and with real tokens."""

from __future__ import annotations

from importlib.metadata import distribution
from types import ModuleType

import jwt
import pytest
from authlib.integrations.flask_oauth2 import ResourceProtector
from authlib.oauth2.rfc7662 import IntrospectTokenValidator
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from flask import Flask
from flask_httpauth import HTTPTokenAuth
from flask_jwt_extended import JWTManager, create_access_token, create_refresh_token, jwt_required
from joserfc.jwk import KeySet, import_key
from jwt import PyJWKClient
from jwt.exceptions import PyJWKClientError

from auth import ResourceServer, require_jwt
from auth.testing import TokenIssuer
from benchmarks.peers import (
    AUDIENCE,
    ISSUER,
    authlib_protector,
    flask_httpauth_pyjwt,
    flask_jwt_extended,
    this_library,
)
from tests.support.issuer_server import JWKS, Fault, IssuerServer, SigningKey
from tests.support.repository import ROOT
from tests.support.services import SECRET

LIBRARIES = [this_library, flask_jwt_extended, authlib_protector, flask_httpauth_pyjwt]
NAMED = [pytest.param(library, id=library.NAME) for library in LIBRARIES]

PAGE = (ROOT / "docs" / "comparison.md").read_text()
_ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| ")]
_COLUMNS = ("this library", "Flask-JWT-Extended", "Authlib", "Flask-HTTPAuth")
#: The cells of the large table by row and library, as the page has them.
TABLE = {row[0]: dict(zip(_COLUMNS, row[1:5], strict=True)) for row in _ROWS if len(row) == 7}


def token() -> str:
    """Return an access token for alice, by RFC 9068."""
    issuer = TokenIssuer(SECRET, issuer=ISSUER, audience=AUDIENCE, profile="rfc9068")
    return issuer.issue("alice")


def asked(app: Flask, encoded: str | None, path: str = "/api/alice/tasks") -> tuple[int, str | None]:
    """Return status and challenge of a request."""
    headers = {} if encoded is None else {"Authorization": f"Bearer {encoded}"}
    response = app.test_client().get(path, headers=headers)
    return response.status_code, response.headers.get("WWW-Authenticate")


def view() -> dict[str, str]:
    """Answer a guarded route."""
    return {}


def described(status: int, challenge: str | None) -> str:
    """Return an answer in the words of the table."""
    return f"{status} {'with' if challenge else 'without'} challenge"


@pytest.mark.parametrize("library", NAMED)
def test_every_library_lets_a_good_token_in(library: ModuleType) -> None:
    """The set-ups that are compared work."""
    app = library.make_app("HS256", SECRET)

    assert asked(app, token())[0] == 200


@pytest.mark.parametrize("library", NAMED)
def test_the_table_says_what_a_request_without_a_token_gets(library: ModuleType) -> None:
    """RFC 6750 §3 demands a challenge."""
    app = library.make_app("HS256", SECRET)

    assert TABLE["no token"][library.NAME.removesuffix(" + PyJWT")] == described(*asked(app, None))


@pytest.mark.parametrize("library", NAMED)
def test_the_table_says_what_a_forged_token_gets(library: ModuleType) -> None:
    """A signature by another secret."""
    app = library.make_app("HS256", SECRET)
    forged = TokenIssuer.generate("HS256", issuer=ISSUER, audience=AUDIENCE, profile="rfc9068").issue("alice")

    answer = described(*asked(app, forged))

    assert answer.startswith(TABLE["a forged token"][library.NAME.removesuffix(" + PyJWT")])


def test_this_library_refuses_a_missing_scope_and_a_missing_role_with_403() -> None:
    """The scope with a challenge, since another token would do."""
    app = Flask("compared")
    app.config.update(AUTH_SECRET=SECRET, AUTH_ISSUER=ISSUER, AUTH_AUDIENCE=AUDIENCE, AUTH_PROFILE="rfc9068")
    ResourceServer(app)
    app.get("/scope", endpoint="scope")(require_jwt(scopes="reports:read")(view))
    app.get("/role", endpoint="role")(require_jwt(roles="admin")(view))

    assert described(*asked(app, token(), "/scope")) == TABLE["a missing scope"]["this library"]
    assert (str(asked(app, token(), "/role")[0]), None) == (TABLE["a missing role"]["this library"], None)


def test_authlib_refuses_a_missing_scope_with_403_and_a_missing_role_with_401() -> None:
    """Its validator of RFC 9068 takes a role for a part of the token."""

    class Validator(JWTBearerTokenValidator):  # type: ignore[misc]  # Authlib has no types
        def get_jwks(self) -> KeySet:
            return KeySet([import_key(SECRET, "oct")])

    require_oauth = ResourceProtector()
    require_oauth.register_token_validator(Validator(ISSUER, AUDIENCE))
    app = Flask("compared")
    app.get("/scope", endpoint="scope")(require_oauth("reports:read")(view))
    app.get("/role", endpoint="role")(require_oauth(roles="admin")(view))

    assert described(*asked(app, token(), "/scope")) == TABLE["a missing scope"]["Authlib"]
    assert str(asked(app, token(), "/role")[0]) == TABLE["a missing role"]["Authlib"]
    assert IntrospectTokenValidator.TOKEN_TYPE == "bearer"


def test_authlib_takes_one_validator_for_bearer_tokens() -> None:
    """The second replaces nothing: tokens are judged by the first that was registered for their type."""
    protector = ResourceProtector()
    first = JWTBearerTokenValidator("https://one.example", AUDIENCE)

    protector.register_token_validator(first)
    protector.register_token_validator(JWTBearerTokenValidator("https://two.example", AUDIENCE))

    assert protector.get_token_validator("bearer") is first


def test_flask_httpauth_refuses_a_missing_role_with_403() -> None:
    """Where the roles come from is a callback."""
    guard = HTTPTokenAuth(scheme="Bearer")
    guard.verify_token(lambda text: text)
    guard.get_user_roles(lambda _user: [])
    app = Flask("compared")
    app.get("/role")(guard.login_required(role="admin")(view))

    assert str(asked(app, "anything", "/role")[0]) == TABLE["a missing role"]["Flask-HTTPAuth"]


def test_flask_jwt_extended_refuses_its_own_refresh_tokens_and_accepts_any_issuer_unless_told() -> None:
    """Another server that shares the secret could issue for any user."""
    app = Flask("compared")
    app.config["JWT_SECRET_KEY"] = SECRET
    JWTManager(app)
    app.get("/me")(jwt_required()(view))
    with app.app_context():
        access, refresh = create_access_token("alice"), create_refresh_token("alice")
    claims = jwt.decode(access, SECRET, ["HS256"]) | {"iss": "https://anybody.example"}

    assert asked(app, access, "/me")[0] == 200
    assert asked(app, refresh, "/me")[0] == 422
    assert asked(app, jwt.encode(claims, SECRET), "/me")[0] == 200


@pytest.mark.parametrize("package", ["Flask-JWT-Extended", "Authlib", "Flask-HTTPAuth"])
def test_no_peer_fetches_the_keys_of_an_issuer_for_a_flask_app(package: str) -> None:
    """None of their modules for resource servers opens a connection."""
    parts = {"Authlib": ("authlib/oauth2/rfc9068", "authlib/integrations/flask_oauth2")}.get(package, ("flask_",))
    files = [file for file in distribution(package).files or () if str(file).startswith(parts) and file.suffix == ".py"]

    texts = [file.read_text() for file in files]

    assert texts
    assert not any(
        word in text for text in texts for word in ("urlopen", "import requests", "import httpx", "http.client")
    )


def test_pyjwt_fetches_a_new_key_only_after_a_pause() -> None:
    """Half a minute after the last fetch, unless it is told otherwise; that bounds invented key ids as well."""
    with IssuerServer([SigningKey.generate("ES256")]) as issuer:
        client = PyJWKClient(issuer.jwks_url)
        client.get_signing_keys()
        issuer.keys = [new := SigningKey.generate("ES256", "key-2")]

        with pytest.raises(PyJWKClientError):
            client.get_signing_key_from_jwt(new.sign({"sub": "alice"}))

        assert issuer.requests[JWKS] in (1, 2)
    assert client.cooldown_duration == 30


def test_pyjwt_has_no_keys_once_its_set_is_old_and_the_issuer_is_down() -> None:
    """Five minutes after the last fetch, unless it is told otherwise."""
    with IssuerServer([key := SigningKey.generate("ES256")]) as issuer:
        client = PyJWKClient(issuer.jwks_url, lifespan=1e-9)
        client.get_signing_keys()
        issuer.fault = Fault.SERVER_ERROR

        with pytest.raises(PyJWKClientError):
            client.get_signing_key_from_jwt(key.sign({"sub": "alice"}))
    default = PyJWKClient(f"{ISSUER}/jwks").jwk_set_cache
    assert default is not None
    assert default.lifespan == 300
