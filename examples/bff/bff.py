"""A backend for frontend (BFF): it signs users in, keeps their tokens, and calls the API for the page."""

import re
from datetime import timedelta
from urllib.parse import quote

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from flask import Flask, redirect, request, session
from flask_session.redis import RedisSessionInterface
from flask_wtf.csrf import CSRFError, CSRFProtect, generate_csrf
from redis import Redis

app = Flask(__name__)
app.config.from_prefixed_env("BFF")
app.config.update(
    SESSION_COOKIE_NAME="__Host-session",
    SESSION_COOKIE_SECURE=True,
    SESSION_COOKIE_HTTPONLY=True,
    # Strict would hide the session from /bff/callback, which another site redirects to.
    SESSION_COOKIE_SAMESITE="Lax",
    # A login is good for 8 hours.
    PERMANENT_SESSION_LIFETIME=8 * 3600,
    # A slow request does not write an old token over one that another request has refreshed.
    SESSION_REFRESH_EACH_REQUEST=False,
    MAX_CONTENT_LENGTH=1024 * 1024,
    # The CSRF token is good for as long as the session.
    WTF_CSRF_TIME_LIMIT=None,
)
CSRFProtect(app)

#: Header fields that are forwarded to the API and back. No cookie is among them.
SENT = ("Accept", "Content-Type", "If-Match")
KEPT = ("Cache-Control", "Content-Type", "ETag", "Location", "Retry-After")


class Sessions(RedisSessionInterface):
    """Sessions in Redis that end on time and for good. Their random id is all that the browser gets."""

    def _upsert_session(self, session_lifetime, session, store_id):
        if "user" not in session:
            # Anybody can begin a login: Redis keeps it for ten minutes.
            super()._upsert_session(timedelta(minutes=10), session, store_id)
        elif session.sid == request.cookies.get(app.config["SESSION_COOKIE_NAME"]):
            # A refreshed token makes no session longer. A request that is slower than sign-out brings none back.
            self.client.set(store_id, self.serializer.encode(session), keepttl=True, xx=True)
        else:
            super()._upsert_session(session_lifetime, session, store_id)

    def save_session(self, app, session, response):
        super().save_session(app, session, response)
        if session.modified and not session:
            # Flask-Session leaves out Secure, so browsers would keep the __Host- cookie.
            response.delete_cookie(app.config["SESSION_COOKIE_NAME"], secure=True, httponly=True, samesite="Lax")


app.session_interface = Sessions(app, Redis.from_url(app.config["REDIS_URL"]))


def keep(token, **_):
    """Keep the tokens of a login, or those that Authlib has refreshed."""
    session["token"] = {name: token.get(name) for name in ("access_token", "refresh_token", "token_type", "expires_at")}


issuer = OAuth(app).register(
    "issuer",
    client_id=app.config["CLIENT_ID"],
    client_secret=app.config["CLIENT_SECRET"],
    server_metadata_url=f"{app.config['ISSUER']}/.well-known/openid-configuration",
    client_kwargs={"scope": app.config["SCOPE"], "code_challenge_method": "S256"},
    # OpenID Connect Core §11: offline_access, which brings the refresh token, needs consent.
    authorize_params={"resource": app.config["AUDIENCE"], "prompt": "consent"},
    update_token=keep,
)


@app.get("/")
def page():
    return app.send_static_file("index.html")


@app.get("/bff/login")
def login():
    return issuer.authorize_redirect(f"{app.config['ORIGIN']}/bff/callback")


@app.get("/bff/callback")
def callback():
    if not issuer.framework.get_state_data(session, request.args.get("state")):
        # Any site can send a browser here, so the session stays as it is.
        return {"error": "unknown_login"}, 400
    token = issuer.authorize_access_token(resource=app.config["AUDIENCE"])
    # A new id: somebody may have planted the old one.
    app.session_interface.regenerate(session)
    session.clear()
    session["user"] = token["userinfo"]["sub"]
    keep(token)
    return redirect("/")


@app.get("/bff/user")
def user():
    if "user" not in session:
        return login_required()
    return {"user": session["user"], "csrf_token": generate_csrf()}


@app.post("/bff/logout")
def logout():
    try:
        revoke(session.get("token", {}).get("refresh_token"))
    except requests.RequestException as error:
        app.logger.warning("The issuer did not revoke the refresh token: %s", type(error).__name__)
    session.clear()
    return "", 204


def revoke(refresh_token):
    """Take a refresh token back, if the issuer offers that (RFC 7009)."""
    endpoint = issuer.load_server_metadata().get("revocation_endpoint")
    if endpoint and refresh_token:
        with issuer.client_cls(issuer.client_id, issuer.client_secret, **issuer.client_kwargs) as client:
            client.revoke_token(endpoint, refresh_token, "refresh_token", timeout=5).raise_for_status()


@app.route("/api/<path:path>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def forward(path):
    if "user" not in session:
        return login_required()
    # The path is decoded by now: ..%2f would lead out of /api.
    if {".", ".."}.intersection(re.split(r"[/\\]", path)):
        return {"error": "not_found"}, 404
    answer = issuer.request(
        request.method,
        f"{app.config['API']}/api/{quote(path)}",
        params=request.query_string,
        data=request.get_data(),
        headers={name: request.headers[name] for name in SENT if name in request.headers},
        token=session["token"],
        allow_redirects=False,
        timeout=10,
    )
    if answer.status_code == 401:
        return login_required()
    return answer.content, answer.status_code, {name: answer.headers[name] for name in KEPT if name in answer.headers}


@app.after_request
def protect(response):
    response.headers["Content-Security-Policy"] = (
        "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Cache-Control", "no-store")
    return response


@app.errorhandler(OAuthError)
def login_required(error=None):
    """Answer that there is no login, that it failed, or that the issuer no longer refreshes its token."""
    if error:
        app.logger.warning("The issuer gave no token: %.200r", str(error))
    session.clear()
    return {"error": "login_required"}, 401


@app.errorhandler(CSRFError)
def csrf_failed(error):
    return ({"error": "csrf", "message": error.description}, 400) if "user" in session else login_required()


@app.errorhandler(requests.RequestException)
def unavailable(error):
    app.logger.warning("The API or the issuer did not answer: %s", type(error).__name__)
    return {"error": "unavailable"}, 502
