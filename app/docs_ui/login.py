"""Login in Swagger UI through the issuer: OpenID Connect, by authorization code (RFC 6749 §4.1) with PKCE (RFC 7636).

It is off unless ``SWAGGER_UI_CLIENT_ID`` names a public client, one without a secret, that the operator has registered
at the issuer. Nothing here asks the issuer for anything: the page itself reads the issuer's metadata, so that neither
the service nor its OpenAPI document depends on them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, make_response, render_template

from app.origins import http_hosts, parse_origin
from auth import public

#: The key of the :class:`Login` in ``app.extensions``, which is missing while login is off.
EXTENSION: Final = "swagger_ui_login"

#: The name of the security scheme in the document, beside that of the library.
SCHEME: Final = "openIdConnect"

#: What is asked for if nothing else is set: a login (OpenID Connect Core §3.1.2.1). The tasks API demands no scope.
SCOPES: Final = "openid"

DESCRIPTION = (
    "Log in at the authorization server, in a window of its own. This page forgets the token when you reload it. "
    "`GET /api/me` then shows your user id."
)

#: The parameter by which issuers of a profile are told which API a token is for; RFC 8707 wants a URI in ``resource``.
#: Others learn it from a scope or from how the client is registered.
AUDIENCE_PARAMETERS = {"auth0": "audience", "better-auth": "resource", "jwt": "resource", "rfc9068": "resource"}

#: A client identifier (RFC 6749 §A.1), and scopes with single spaces between them (§A.4).
_CLIENT_ID = re.compile(r"[\x21-\x7e]+")
_SCOPES = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*")

#: An origin that a Content-Security-Policy can name: neither an IPv6 address nor a name with ``_`` (CSP 3 §2.3.1).
_IN_POLICY = re.compile(r"https?://[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::[0-9]+)?")

#: The beginning of an absolute URI (RFC 3986 §3.1).
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


@dataclass(frozen=True)
class Login:
    """What the page has to know so that a user can log in."""

    client_id: str
    scopes: str
    #: Where the issuer publishes its metadata (OpenID Connect Discovery 1.0 §4).
    metadata_url: str
    #: The origins that the page may ask: that of the issuer, and that of its token endpoint.
    origins: tuple[str, ...]
    #: What is sent to both endpoints of the issuer beside the parameters of RFC 6749.
    parameters: Mapping[str, str]

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Login | None:
        """Return the login that settings without a problem describe, or None if it is off."""
        client_id, issuer = config.get("SWAGGER_UI_CLIENT_ID"), _first(config.get("AUTH_ISSUER"))
        if client_id is None:
            return None
        origins = (_origin_of(issuer, config), _origin_of(config.get("SWAGGER_UI_TOKEN_ORIGIN"), config))
        return cls(
            client_id=client_id,
            scopes=config.get("SWAGGER_UI_SCOPES") or SCOPES,
            metadata_url=f"{issuer.rstrip('/')}/.well-known/openid-configuration",
            origins=tuple(dict.fromkeys(origin for origin in origins if origin)),
            parameters=_audience_parameter(config),
        )

    @property
    def options(self) -> dict[str, Any]:
        """What ``login.js`` reads from the page."""
        return {"clientId": self.client_id, "scopes": self.scopes, "parameters": dict(self.parameters)}

    def describe(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return an OpenAPI document in which a login is as good as a token, wherever one is demanded."""
        scheme = {"type": "openIdConnect", "openIdConnectUrl": self.metadata_url, "description": DESCRIPTION}
        components = document["components"]
        schemes = {**components["securitySchemes"], SCHEME: scheme}
        paths = {
            path: {method: _with_alternative(operation) for method, operation in item.items()}
            for path, item in document["paths"].items()
        }
        return {**document, "components": {**components, "securitySchemes": schemes}, "paths": paths}


def _with_alternative(operation: dict[str, Any]) -> dict[str, Any]:
    """Return an operation that takes a login wherever it takes a token; others stay as they are."""
    security = operation.get("security")
    if not security:
        return operation
    logins = [{SCHEME: requirement["bearerAuth"]} for requirement in security if "bearerAuth" in requirement]
    return {**operation, "security": [*security, *logins]}


def _audience_parameter(config: Mapping[str, Any]) -> dict[str, str]:
    """Return what tells the issuer that the token is for this API."""
    name, audience = AUDIENCE_PARAMETERS.get(config.get("AUTH_PROFILE") or "jwt"), _audience(config)
    if name is None or audience is None or (name == "resource" and not _SCHEME.match(audience)):
        return {}
    return {name: audience}


def _audience(config: Mapping[str, Any]) -> str | None:
    """Return the URL by which clients know the API if tokens for it are accepted, or else the first audience."""
    audiences, resources = (_values(config.get(name)) for name in ("AUTH_AUDIENCE", "AUTH_RESOURCE"))
    return next((value for value in (*resources, *audiences) if value in (audiences or resources)), None)


def _first(value: Any) -> Any:
    """Return the first of several values, or the only one."""
    return next(iter(_values(value)), None)


def _values(value: Any) -> Sequence[Any]:
    """Return the values of a setting that may be a single one."""
    if value is None:
        return ()
    return value if isinstance(value, list | tuple) else (value,)


def _origin_of(url: object, config: Mapping[str, Any]) -> str | None:
    """Return the origin of a URL, or None if a policy cannot name it or the page must not ask it."""
    if not isinstance(url, str):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    origin = parse_origin(f"{parts.scheme}://{parts.netloc}", http_hosts(config))
    return origin if origin and _IN_POLICY.fullmatch(origin) else None


def problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield one sentence for each of the settings that cannot be used."""
    given = [name for name in ("SWAGGER_UI_SCOPES", "SWAGGER_UI_TOKEN_ORIGIN") if config.get(name) is not None]
    if config.get("SWAGGER_UI_CLIENT_ID") is None:
        for name in given:
            yield f"{name} is set and does nothing without SWAGGER_UI_CLIENT_ID (FLASK_SWAGGER_UI_CLIENT_ID)."
        return
    yield from _problems_of_values(config)
    if config.get("AUTH_ISSUERS"):
        yield (
            "SWAGGER_UI_CLIENT_ID is set, and so is AUTH_ISSUERS: Swagger UI can log in through one issuer only. "
            "Remove SWAGGER_UI_CLIENT_ID, or set AUTH_DISCOVERY and AUTH_ISSUER in place of AUTH_ISSUERS."
        )
    elif config.get("AUTH_DISCOVERY") is not True:
        yield (
            "SWAGGER_UI_CLIENT_ID is set, and AUTH_DISCOVERY is not: Swagger UI finds the login in the metadata of the "
            "issuer. Set AUTH_DISCOVERY to true, and AUTH_ISSUER to the issuer (FLASK_AUTH_DISCOVERY, "
            "FLASK_AUTH_ISSUER)."
        )
    elif not _origin_of(_first(config.get("AUTH_ISSUER")), config):
        yield (
            "SWAGGER_UI_CLIENT_ID is set, and the page cannot ask AUTH_ISSUER: it must be an https URL with the name "
            "of a host, http on this machine only (localhost or 127.0.0.1)."
        )


def _problems_of_values(config: Mapping[str, Any]) -> Iterator[str]:
    if not _matches(_CLIENT_ID, config["SWAGGER_UI_CLIENT_ID"]):
        yield (
            "SWAGGER_UI_CLIENT_ID must be the id of a client as the issuer shows it, a text without spaces. Write an "
            "id of digits alone as FLASK_SWAGGER_UI_CLIENT_ID='\"123\"'."
        )
    scopes, origin = config.get("SWAGGER_UI_SCOPES"), config.get("SWAGGER_UI_TOKEN_ORIGIN")
    if scopes is not None and not _matches(_SCOPES, scopes):
        yield "SWAGGER_UI_SCOPES must be scopes with a space between them, such as openid tasks:read."
    if origin is not None and (parse_origin(origin, http_hosts(config)) is None or not _origin_of(origin, config)):
        yield (
            "SWAGGER_UI_TOKEN_ORIGIN must be the origin of the issuer's token endpoint and nothing more, such as "
            "https://tokens.example.com; http on this machine only (localhost or 127.0.0.1)."
        )


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


#: Only of an app that offers login.
blueprint = Blueprint("docs_login", __name__, template_folder="templates")

#: The page runs one script of Swagger UI, which hands the code to the page that has opened it.
REDIRECT_POLICY = "default-src 'none'; script-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


@blueprint.get("/docs/oauth2-redirect")
@public
def redirect_page() -> Response:
    """Show the page to which the issuer sends the browser back, with the code in the query."""
    response = make_response(render_template("docs_ui/redirect.html"))
    response.headers["Content-Security-Policy"] = REDIRECT_POLICY
    response.headers["Cache-Control"] = "no-store"
    return response


def current_login() -> Login | None:
    """Return the login that the app of this request offers."""
    login: Login | None = current_app.extensions.get(EXTENSION)
    return login
