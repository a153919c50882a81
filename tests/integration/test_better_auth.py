"""The service behind a real Better Auth server: its tokens open the door, whatever else it hands out does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import jwt
import pytest
from flask import Flask

from auth import ResourceServer, current_token, owns_path_user, require_jwt
from tests.support.better_auth import (
    ANOTHER_API,
    API,
    SECRET,
    BetterAuthServer,
    User,
    done,
    everything_else,
    machine_token,
    oauth_tokens,
    register_client,
    register_machine,
)
from tests.support.gunicorn_server import GunicornServer
from tests.support.issuers import response_to
from tests.support.traffic import Traffic

pytestmark = pytest.mark.usefixtures("node_packages")


class Refusals(NamedTuple):
    """The errors with which the service refuses a thing, for each way to configure it; None if it is not handed out."""

    by_keys: str | None
    by_secret_and_url: str | None
    by_secret_alone: str | None


#: Random text and cookies, which are no JWTs at all.
_NO_JWT = Refusals("malformed_token", "malformed_token", "malformed_token")
#: JWTs that Better Auth signs with its secret for itself, with neither issuer nor subject.
_FOR_ITSELF = Refusals("invalid_issuer", "invalid_issuer", "missing_claim")
#: JWTs for the clients and resources of the OAuth provider, whose issuer has a path.
_BY_THE_PROVIDER = Refusals("invalid_issuer", "invalid_issuer", "invalid_audience")

EVERYTHING_ELSE = {
    "session token": _NO_JWT,
    "signed token of the bearer plugin": _NO_JWT,
    "session cookie": _NO_JWT,
    "session cookie as it is sent": Refusals("malformed_header", "malformed_header", "malformed_header"),
    "one-time token": _NO_JWT,
    "device code": _NO_JWT,
    "user code of a device": _NO_JWT,
    "session in a cookie, compact": _NO_JWT,
    "session in a cookie, jwt": _FOR_ITSELF,
    "session in a cookie, jwe": _NO_JWT,
    "session in a cookie, jwks-jwt": Refusals("invalid_type", None, None),
    "email verification": _FOR_ITSELF,
    "change of email": _FOR_ITSELF,
    "password reset": _NO_JWT,
    "magic link": _NO_JWT,
    "one-time password": _NO_JWT,
    "account deletion": _NO_JWT,
    "OAuth client id": _NO_JWT,
    "OAuth client secret": _NO_JWT,
    "OAuth authorization code": _NO_JWT,
    "OAuth opaque access token": _NO_JWT,
    "OAuth refresh token": _NO_JWT,
    "OAuth ID token": Refusals("invalid_issuer", "invalid_issuer", "invalid_type"),
    "OAuth access token for this API, by the provider's other name": _BY_THE_PROVIDER,
    "OAuth access token for another API": _BY_THE_PROVIDER,
    "access token of another Better Auth server": Refusals("invalid_issuer", "invalid_issuer", "invalid_signature"),
}


Deploy = Callable[[str], "Deployment"]


@dataclass(frozen=True)
class Deployment:
    """A Better Auth server, our service behind it, a user, and what the user holds besides access tokens."""

    issuer: BetterAuthServer
    service: GunicornServer
    user: User
    everything_else: dict[str, str]


def service_by(way: str, folder: Path, origin: str) -> GunicornServer:
    """Return our service, configured in one of the ways there are; it knows nothing else of the server."""
    return GunicornServer(
        folder,
        BETTER_AUTH_URL="" if way == "by_secret_alone" else origin,
        BETTER_AUTH_SECRET="" if way == "by_keys" else SECRET,
    )


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deploy]:
    """Return what puts everything to work, configured in one way or another; each way is started once."""
    with BetterAuthServer(tmp_path_factory.mktemp("stranger")) as stranger:
        foreign = stranger.sign_up("alice").token()

    with ExitStack() as running:

        @cache
        def deploy(way: str) -> Deployment:
            folder = tmp_path_factory.mktemp(way)
            issuer = running.enter_context(BetterAuthServer(folder, shared_secret=way != "by_keys"))
            service = running.enter_context(service_by(way, folder, issuer.origin))
            alice = issuer.sign_up("alice")
            things = {**everything_else(issuer, alice), "access token of another Better Auth server": foreign}
            return Deployment(issuer, service, alice, things)

        yield deploy


def claims_of(token: str) -> dict[str, object]:
    """Return the claims of a token whose signature is not the matter here."""
    claims: dict[str, object] = jwt.decode(token, options={"verify_signature": False})
    return claims


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "RS256"])
def test_the_url_of_the_server_is_all_the_configuration_there_is(tmp_path: Path, algorithm: str) -> None:
    """Sign up, fetch a token, use the API; other users' tasks stay theirs."""
    with (
        BetterAuthServer(tmp_path, algorithm=algorithm) as issuer,
        service_by("by_keys", tmp_path, issuer.origin) as service,
    ):
        alice, bob = issuer.sign_up("alice"), issuer.sign_up("bob")
        token = alice.token()
        headers = {"Authorization": f"Bearer {token}"}
        tasks = f"/api/{alice.id}/tasks"

        created, task = service.call("POST", tasks, {"title": "Buy milk"}, headers)
        listed, page = service.call("GET", tasks, headers=headers)
        known, me = service.call("GET", "/api/me", headers=headers)
        foreign, refusal = service.call("GET", f"/api/{bob.id}/tasks", headers=headers)

    assert jwt.get_unverified_header(token)["alg"] == algorithm
    assert (created, listed, known) == (201, 200, 200)
    assert page["items"] == [task]
    assert me == {"user_id": alice.id, "claims": claims_of(token)}
    assert (foreign, refusal["error"]) == (403, "not_owner")


def test_the_token_in_the_header_of_a_session_answer_is_an_access_token_too(deployed: Deploy) -> None:
    """Better Auth sends one with every answer of ``get-session``."""
    alice, service = deployed("by_keys").user, deployed("by_keys").service

    token = done(alice.browser.get(f"{API}/get-session")).headers["set-auth-jwt"]

    assert response_to(token, service, f"/api/{alice.id}/tasks") == (200, None)


def test_the_roles_of_the_admin_plugin_are_roles_here(deployed: Deploy) -> None:
    """Better Auth keeps a user's roles in one text, separated by commas."""
    issuer = deployed("by_keys").issuer
    app = Flask(__name__)
    app.config.update(
        AUTH_PROFILE="better-auth",
        AUTH_JWKS_URL=f"{issuer.origin}{API}/jwks",
        AUTH_ISSUER=issuer.origin,
        AUTH_AUDIENCE=issuer.origin,
    )
    ResourceServer(app)
    app.get("/drafts")(require_jwt(roles="editor")(lambda: "all drafts"))

    def status_for(user: User) -> int:
        return app.test_client().get("/drafts", headers={"Authorization": f"Bearer {user.token()}"}).status_code

    assert status_for(issuer.sign_up("admin")) == 200
    assert status_for(deployed("by_keys").user) == 403


def test_a_rotation_of_keys_fails_no_request(tmp_path: Path) -> None:
    """Old tokens and new ones are used without pause while the server changes its key three times."""
    with (
        BetterAuthServer(tmp_path) as issuer,
        service_by("by_keys", tmp_path, issuer.origin) as service,
    ):
        alice = issuer.sign_up("alice")
        tokens = [alice.token()]
        with Traffic(service, tokens) as traffic:
            for _ in range(3):
                traffic.go_on(calls=100)
                issuer.let_the_rotation_interval_pass()
                tokens.append(alice.token())
            traffic.go_on(calls=400)

    assert len({jwt.get_unverified_header(token)["kid"] for token in tokens}) == 4
    assert list(traffic.outcomes) == [200]


def test_an_outage_of_the_server_fails_no_request(tmp_path: Path) -> None:
    """The keys that are known go on being used."""
    with (
        BetterAuthServer(tmp_path) as issuer,
        service_by("by_keys", tmp_path, issuer.origin) as service,
        Traffic(service, [issuer.sign_up("alice").token()]) as traffic,
    ):
        traffic.go_on(calls=100)
        issuer.stop()
        traffic.go_on(calls=400)

    assert list(traffic.outcomes) == [200]


def test_an_outage_while_keys_are_due_fails_no_request(tmp_path: Path) -> None:
    """Keys that were to be fetched again several times, and could not be, go on being used too."""
    with (
        BetterAuthServer(tmp_path) as issuer,
        GunicornServer(
            tmp_path, BETTER_AUTH_URL=issuer.origin, BETTER_AUTH_SECRET="", FLASK_AUTH_JWKS_MAX_AGE="1"
        ) as service,
        Traffic(service, [issuer.sign_up("alice").token()]) as traffic,
    ):
        traffic.go_on(calls=100)
        issuer.stop()
        while (keys := service.call("GET", "/health/ready")[1]["issuers"][0])["age"] < 3:
            traffic.go_on(calls=20)

    assert keys["last_error"] is not None
    assert list(traffic.outcomes) == [200]


def test_tokens_signed_with_the_shared_secret_are_accepted(deployed: Deploy) -> None:
    """HS256, by the ``jwt.sign`` hook of the jwt plugin."""
    alice, service = deployed("by_secret_and_url").user, deployed("by_secret_and_url").service
    token = alice.token()

    assert jwt.get_unverified_header(token) == {"alg": "HS256"}
    assert response_to(token, service) == (200, None)
    assert response_to(token, service, f"/api/{alice.id}/tasks") == (200, None)
    assert response_to(token, service, "/api/bob/tasks") == (403, "not_owner")


def test_the_secret_alone_does_not_say_for_whom_a_token_is(deployed: Deploy) -> None:
    """Better Auth names itself as the audience: without ``BETTER_AUTH_URL`` nobody here answers to that name."""
    alice, service = deployed("by_secret_alone").user, deployed("by_secret_alone").service

    assert response_to(alice.token(), service) == (401, "invalid_audience")


@pytest.mark.parametrize(
    ("way", "name", "error"),
    [
        pytest.param(way, name, error, id=f"{way}-{name}")
        for name, refusals in EVERYTHING_ELSE.items()
        for way, error in refusals._asdict().items()
        if error is not None
    ],
)
def test_nothing_else_the_server_hands_out_gets_in(deployed: Deploy, way: str, name: str, error: str) -> None:
    """Each of them is refused for what is wrong with it, also where the same secret or key has signed it."""
    thing = deployed(way).everything_else[name]

    assert response_to(thing, deployed(way).service) == (401, error)


@pytest.mark.parametrize("way", Refusals._fields)
def test_everything_the_server_hands_out_was_tried(deployed: Deploy, way: str) -> None:
    """A name that is missing in the table above would never be sent."""
    tried = {name for name, refusals in EVERYTHING_ELSE.items() if getattr(refusals, way) is not None}

    assert set(deployed(way).everything_else) == tried


@pytest.mark.parametrize("way", Refusals._fields)
def test_the_cookies_of_the_server_are_no_credentials(deployed: Deploy, way: str) -> None:
    """Where the two share a domain, browsers send them along with every request."""
    cookies = deployed(way).user.browser.cookies
    header = "; ".join(f"{name}={value}" for name, value in cookies.items())

    status, body = deployed(way).service.call("GET", "/api/me", headers={"Cookie": header})

    assert "better-auth.session_token" in cookies
    assert (status, body["error"]) == (401, "missing_token")


def test_the_server_as_an_oauth_provider_is_an_issuer_with_a_path(tmp_path: Path) -> None:
    """Found by discovery; its access tokens for this API open the door, and no other token of it does."""
    with BetterAuthServer(tmp_path) as issuer:
        service = GunicornServer(
            tmp_path,
            BETTER_AUTH_SECRET="",
            FLASK_AUTH_DISCOVERY="true",
            FLASK_AUTH_ISSUER=f"{issuer.origin}{API}",
            FLASK_AUTH_AUDIENCE=issuer.origin,
            FLASK_AUTH_PROFILE="rfc9068",
        )
        with service:
            alice = issuer.sign_up("alice")
            client = register_client(alice)
            ours = oauth_tokens(alice, client, resource=issuer.origin)
            foreign = oauth_tokens(alice, client, resource=ANOTHER_API)

            assert response_to(ours["access_token"], service, f"/api/{alice.id}/tasks") == (200, None)
            assert response_to(ours["id_token"], service) == (401, "invalid_type")
            assert response_to(foreign["access_token"], service) == (401, "invalid_audience")
            assert response_to(alice.token(), service) == (401, "invalid_issuer")


@pytest.mark.parametrize("profile", ["rfc9068", "better-auth"])
def test_a_client_of_the_oauth_provider_owns_no_path_of_a_user(tmp_path: Path, profile: str) -> None:
    """Its own token (client credentials) is told from that of a user, whichever client the user came by."""
    with BetterAuthServer(tmp_path) as issuer:
        app = Flask("callers")
        app.config.update(
            AUTH_DISCOVERY=True,
            AUTH_ISSUER=f"{issuer.origin}{API}",
            AUTH_AUDIENCE=issuer.origin,
            AUTH_PROFILE=profile,
        )
        ResourceServer(app)
        app.get("/tasks/<user_id>", endpoint="tasks")(owns_path_user(lambda user_id: user_id))
        app.get("/usage/<user_id>", endpoint="usage")(owns_path_user(clients=True)(lambda user_id: user_id))
        app.get("/jobs", endpoint="jobs")(require_jwt(caller="client")(lambda: current_token.client_id or ""))
        alice = issuer.sign_up("alice")
        client, machine = register_client(alice), register_machine(alice)
        own = machine_token(alice, machine, resource=issuer.origin)
        users = oauth_tokens(alice, client, resource=issuer.origin)["access_token"]

        def answer(token: str, path: str) -> tuple[int, str]:
            response = app.test_client().get(path, headers={"Authorization": f"Bearer {token}"})
            return response.status_code, (response.get_json(silent=True) or {}).get("error", response.text)

        answers = [
            answer(token, path)
            for token, name in ((own, machine["client_id"]), (users, alice.id))
            for path in (f"/tasks/{name}", f"/usage/{name}", "/jobs")
        ]

    assert claims_of(own)["sub"] == claims_of(own)["client_id"] == machine["client_id"]
    assert claims_of(users)["client_id"] == client["client_id"]
    assert answers == [
        (403, "not_owner"),
        (200, machine["client_id"]),
        (200, machine["client_id"]),
        (200, alice.id),
        (200, alice.id),
        (403, "wrong_caller"),
    ]
