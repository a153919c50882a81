"""The page at ``/docs``, the few files it loads, each by name, and the way there from ``/``."""

from __future__ import annotations

from pathlib import Path

import flask_swagger_ui
from flask import (
    Blueprint,
    Response,
    abort,
    make_response,
    redirect,
    render_template,
    request,
    send_from_directory,
)
from werkzeug.wrappers import Response as BaseResponse

from app.docs_ui.login import current_login
from auth import public

OWN_FILES = Path(__file__).parent / "static"
SWAGGER_UI_FILES = Path(flask_swagger_ui.__file__).parent / "dist"

#: The files the page loads, and where each lies. No other file of either folder is served.
ASSETS = {
    "start.js": OWN_FILES,
    "style.css": OWN_FILES,
    "swagger-ui.css": SWAGGER_UI_FILES,
    "swagger-ui-bundle.js": SWAGGER_UI_FILES,
    "favicon-32x32.png": SWAGGER_UI_FILES,
}

#: The files that it loads as well if it offers login through the issuer.
LOGIN_ASSETS = {"login.js": OWN_FILES, "oauth2-redirect.js": OWN_FILES}

#: Seconds for which a browser keeps the files without asking.
MAX_AGE = 3600

blueprint = Blueprint("docs_ui", __name__, template_folder="templates")


def content_security_policy(*origins: str) -> str:
    """Return the policy of the page, which may ask its own origin, and others only if they are named."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            " ".join(("connect-src 'self'", *origins)),
            "font-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


@blueprint.get("/")
@public
def start() -> BaseResponse:
    """Redirect the address of the service to the page.

    Relative (RFC 9110 §10.2.2), so that neither the Host nor a prefix that a proxy takes away has to be known.
    """
    return redirect("docs")


@blueprint.get("/docs", strict_slashes=False)
@public
def page() -> Response:
    """Show Swagger UI over the OpenAPI document."""
    login = current_login()
    response = make_response(render_template("docs_ui/page.html", login=login))
    response.headers["Content-Security-Policy"] = content_security_policy(*(login.origins if login else ()))
    return response


@blueprint.get("/docs/<name>")
@public
def asset(name: str) -> Response:
    """Serve one of the page's own files."""
    assets = ASSETS | LOGIN_ASSETS if current_login() else ASSETS
    if name not in assets:
        abort(404)
    # Conditional by entity tag alone: werkzeug ends in an error on a date that no calendar holds.
    response = send_from_directory(assets[name], name, max_age=MAX_AGE, conditional=False)
    if request.if_none_match.contains_weak(response.get_etag()[0] or ""):
        response.close()
        response = Response(status=304, headers=response.headers)
    response.cache_control.public = True
    return response
