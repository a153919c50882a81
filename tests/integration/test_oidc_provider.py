"""The service behind a standard OpenID provider: JWT access tokens (RFC 9068) by discovery, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
from flask import Flask

from auth import ResourceServer, current_token, owns_path_user, require_jwt
from tests.support.gunicorn_server import GunicornServer
from tests.support.issuers import Browser, IssuerProgram, code_verifier_and_challenge, response_to
from tests.support.oidc_provider import log_in

pytestmark = pytest.mark.usefixtures("node_packages")

API = "https://tasks.example.com"
CALLBACK = "https://client.example.com/callback"
#: Named like the API, so that the audience of its ID tokens is what the service accepts: their type alone tells them.
CLIENT = {"client_id": API, "client_secret": "c4b1e0d79f2a6835be17d0c2948fa63b5d7c0e21"}
#: A client that a user could be called like.
JOB = {"client_id": "nightly-export", "client_secret": "0b6f1d83c2e94a57d8b1f06c3e7a925d4c8b7e16"}
SCOPE = "tasks:read"


class OidcProvider(IssuerProgram):
    """An OpenID provider with two clients and two kinds of access tokens."""

    def __init__(self, folder: Path, *, algorithm: str = "ES256") -> None:
        client, job = ({**client, "redirect_uris": [CALLBACK]} for client in (CLIENT, JOB))
        options = {"api": API, "algorithm": algorithm, "client": client, "others": [job]}
        super().__init__("oidc-provider.mjs", folder / "oidc-provider.log", options)

    def grant(self, grant_type: str, **fields: str) -> dict[str, str]:
        """Ask the token endpoint for tokens (RFC 6749 §3.2)."""
        answer = Browser(self.origin).submit("/token", grant_type=grant_type, **(CLIENT | fields))
        assert answer.status == 200, answer.body
        tokens: dict[str, str] = answer.body
        return tokens

    def client_credentials(self, **fields: str) -> str:
        """Return an access token in the client's own name."""
        return self.grant("client_credentials", **fields)["access_token"]

    def sign_in(self, user: str) -> dict[str, str]:
        """Return what the client gets after the user signed in and consented: access token and ID token."""
        verifier, challenge = code_verifier_and_challenge()
        question = {
            "client_id": CLIENT["client_id"],
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "openid",
            "resource": API,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        back = log_in(self.origin, f"/auth?{urlencode(question)}", user, CALLBACK)
        (code,) = parse_qs(urlsplit(back).query)["code"]
        return self.grant("authorization_code", code=code, code_verifier=verifier, redirect_uri=CALLBACK, resource=API)


@dataclass(frozen=True)
class Deployment:
    """The provider, and the service that trusts it."""

    provider: OidcProvider
    service: GunicornServer


@pytest.fixture(scope="module", params=["ES256", "RS256"])
def deployment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Both at work; the service knows of the provider what discovery tells."""
    folder = tmp_path_factory.mktemp("oidc")
    with OidcProvider(folder, algorithm=request.param) as provider:
        service = GunicornServer(
            folder,
            BETTER_AUTH_SECRET="",
            FLASK_AUTH_DISCOVERY="true",
            FLASK_AUTH_ISSUER=provider.origin,
            FLASK_AUTH_AUDIENCE=API,
            FLASK_AUTH_PROFILE="rfc9068",
        )
        with service:
            yield Deployment(provider, service)


def test_a_client_calls_with_an_access_token_in_its_own_name(deployment: Deployment) -> None:
    """Client credentials (RFC 6749 §4.4): the subject is the client."""
    token = deployment.provider.client_credentials(resource=API, scope=SCOPE)

    status, me = deployment.service.call("GET", "/api/me", headers={"Authorization": f"Bearer {token}"})

    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
    assert (status, me["user_id"], me["claims"]["scope"]) == (200, CLIENT["client_id"], SCOPE)


def test_a_client_calls_for_a_user_who_signed_in(deployment: Deployment) -> None:
    """The user reaches their own tasks and nobody else's."""
    token = deployment.provider.sign_in("alice")["access_token"]

    assert response_to(token, deployment.service, "/api/alice/tasks") == (200, None)
    assert response_to(token, deployment.service, "/api/bob/tasks") == (403, "not_owner")


def test_a_client_owns_no_path_of_a_user_who_is_called_like_it(deployment: Deployment) -> None:
    """RFC 9068 §5: both tokens have the same ``sub``, and the user's came by another client."""
    own = deployment.provider.client_credentials(resource=API, scope=SCOPE, **JOB)
    users = deployment.provider.sign_in(JOB["client_id"])["access_token"]
    path = f"/api/{JOB['client_id']}/tasks"

    assert response_to(own, deployment.service, path) == (403, "not_owner")
    assert response_to(own, deployment.service) == (200, None)
    assert response_to(users, deployment.service, path) == (200, None)


def test_a_view_is_for_users_or_for_clients(deployment: Deployment) -> None:
    """By the same tokens, in an app of a few lines."""
    app = Flask("callers")
    app.config.update(
        AUTH_DISCOVERY=True, AUTH_ISSUER=deployment.provider.origin, AUTH_AUDIENCE=API, AUTH_PROFILE="rfc9068"
    )
    ResourceServer(app)
    app.get("/jobs", endpoint="jobs")(require_jwt(caller="client")(lambda: current_token.client_id or ""))
    app.get("/mail", endpoint="mail")(require_jwt(caller="user")(lambda: current_token.client_id or ""))
    app.get("/usage/<user_id>", endpoint="usage")(owns_path_user(clients=True)(lambda user_id: user_id))
    own = deployment.provider.client_credentials(resource=API, scope=SCOPE, **JOB)
    users = deployment.provider.sign_in("alice")["access_token"]

    def answer(token: str, path: str) -> tuple[int, str]:
        response = app.test_client().get(path, headers={"Authorization": f"Bearer {token}"})
        return response.status_code, (response.get_json(silent=True) or {}).get("error", response.text)

    assert answer(own, "/jobs") == (200, JOB["client_id"])
    assert answer(own, "/mail") == (403, "wrong_caller")
    assert answer(own, f"/usage/{JOB['client_id']}") == (200, JOB["client_id"])
    assert answer(users, "/jobs") == (403, "wrong_caller")
    assert answer(users, "/mail") == (200, CLIENT["client_id"])


def test_an_id_token_does_not_get_in(deployment: Deployment) -> None:
    """The same keys have signed it, for the same user, and even its audience is ours."""
    token = deployment.provider.sign_in("alice")["id_token"]
    claims = jwt.decode(token, options={"verify_signature": False})

    assert (claims["iss"], claims["aud"]) == (deployment.provider.origin, API)
    assert response_to(token, deployment.service) == (401, "invalid_type")


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({}, id="for no resource"),
        pytest.param({"resource": "https://another-api.example.com"}, id="for another resource"),
    ],
)
def test_an_opaque_access_token_does_not_get_in(deployment: Deployment, fields: dict[str, str]) -> None:
    """It says nothing to us; the provider alone knows what it stands for (RFC 7662)."""
    token = deployment.provider.client_credentials(**fields)

    assert response_to(token, deployment.service) == (401, "malformed_token")
