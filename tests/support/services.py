"""The protected services, clock and tokens that the tests share: small, real, and frozen in time."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Any

from flask import Flask
from flask.views import MethodView
from flask_smorest import Api, Blueprint

from auth import AccessToken, KeySource, ResourceServer
from auth.authenticator import Authenticator
from auth.clock import system_time
from auth.keys import StaticKeys, VerificationKey
from auth.settings.service import AuthConfig
from auth.testing import TokenIssuer
from auth.tokens.issuer import TrustedIssuer
from auth.tokens.verifier import TokenVerifier

#: The second at which every test takes place.
NOW = 1_800_000_000

SECRET = "kD8vQ2mX9rT4wZ7pL1nB6cF3hJ5gY0sAuEoIqVtRzWxNbMlKjHgFdSaPqOiUyTrEw"
OTHER_SECRET = "Zt5Gh8Kp2Wq9Ln4Xv7Bc1Md6Rf3Ys0JaToUeIiPzNxQwVbHgCkDlSmFrEyTuAzOp"
ISSUER = "https://login.example"
AUDIENCE = "https://api.example"

SETTINGS: dict[str, Any] = {"AUTH_SECRET": SECRET, "AUTH_ISSUER": ISSUER, "AUTH_AUDIENCE": AUDIENCE}

#: The claims of a good token.
CLAIMS: dict[str, Any] = {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "iat": NOW, "exp": NOW + 900}
HEADER: dict[str, Any] = {"alg": "HS256", "typ": "JWT"}

#: Both ways to build a service, for parametrised tests.
KINDS = ("flask", "flask-smorest")

ISSUED = TokenIssuer(SECRET, issuer=ISSUER, audience=AUDIENCE, clock=lambda: NOW)


def clock() -> float:
    return NOW


def service(kind: str = "flask", *, keys: KeySource | None = None, **settings: Any) -> Flask:
    """Return an app with a ResourceServer, which flask-smorest answers for or not."""
    app = Flask("service")
    app.config.update(SETTINGS | settings)
    if kind == "flask-smorest":
        app.config.update(API_TITLE="Service", API_VERSION="1", OPENAPI_VERSION="3.1.0")
        Api(app)
    ResourceServer(app, keys=keys, clock=clock)
    return app


def add_view(app: Flask, rule: str, view: Any, **options: Any) -> None:
    """Add a view function or class, through a flask-smorest blueprint where the app has an Api."""
    name = f"view{len(app.view_functions)}"
    apis = app.extensions.get("flask-smorest")
    if apis is not None:
        blueprint = Blueprint(name, name)
        blueprint.route(rule, **options)(view)
        apis["apis"][""]["ext_obj"].register_blueprint(blueprint)
    elif isinstance(view, type) and issubclass(view, MethodView):
        app.add_url_rule(rule, view_func=view.as_view(name), **options)
    else:
        app.add_url_rule(rule, endpoint=name, view_func=view, **options)


def documented(app: Flask) -> dict[str, Any]:
    """Return the OpenAPI document of the service's only Api, as a request or a command would get it."""
    with app.app_context():
        document: dict[str, Any] = app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec.to_dict()
    return document


def verifier(*, now: Callable[[], float] = clock, cache_size: int = 0, **settings: Any) -> Authenticator:
    """Return what verifies tokens by the settings of the tests; a setting that is None falls back to its default."""
    config = AuthConfig.from_mapping(SETTINGS | settings)
    return authenticator_of(
        config.issuers,
        max_token_bytes=config.max_token_bytes,
        cache_size=cache_size,
        clock=now,
        scope_hierarchy=config.scope_hierarchy,
    )


def authenticator_of(
    issuers: Sequence[TrustedIssuer],
    *,
    cache_size: int = 0,
    clock: Callable[[], float] = system_time,
    **options: Any,
) -> Authenticator:
    """Return what verifies tokens of these issuers; the options are those of the verifier."""
    return Authenticator(TokenVerifier(issuers, clock=clock, **options), cache_size=cache_size, clock=clock)


def authenticate(token: str, **settings: Any) -> AccessToken:
    """Return the access token that a text is to a service with these settings."""
    return verifier(**settings).verify(token)


def segment(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def compact(header: object = HEADER, claims: object = CLAIMS, *, secret: str = SECRET, digest: str = "sha256") -> str:
    """Return a token signed with HMAC over whatever is given: bytes as they are, anything else as JSON."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, claims)]
    signing_input = f"{segment(parts[0])}.{segment(parts[1])}"
    return f"{signing_input}.{segment(hmac.digest(secret.encode(), signing_input.encode(), digest))}"


def with_claims(**changes: Any) -> str:
    """Return a well-signed token whose claims differ from the good ones; a claim that is ``...`` is left out."""
    return compact(claims={name: value for name, value in (CLAIMS | changes).items() if value is not ...})


def with_header(**changes: Any) -> str:
    """Return a well-signed token whose header differs from the good one; a member that is ``...`` is left out."""
    return compact({name: value for name, value in (HEADER | changes).items() if value is not ...})


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def static_keys(*secrets: str) -> StaticKeys:
    return StaticKeys(VerificationKey.from_secret(secret) for secret in secrets)
