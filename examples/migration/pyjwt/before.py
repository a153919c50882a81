"""Reports that a decorator written by hand guards, with PyJWT: the shape that many quickstarts had."""

from __future__ import annotations

import os
from functools import wraps

import jwt
from flask import Flask, abort, g, jsonify, request

app = Flask(__name__, static_folder=None)
jwks = jwt.PyJWKClient(os.environ["JWKS_URL"])


class AuthError(Exception):
    def __init__(self, code, description, status=401):
        super().__init__(description)
        self.code, self.description, self.status = code, description, status


@app.errorhandler(AuthError)
def explain(error):
    return jsonify(code=error.code, description=error.description), error.status


def token_of_request():
    parts = request.headers.get("Authorization", "").split()
    if not parts:
        raise AuthError("authorization_header_missing", "Authorization header is expected")
    if parts[0].lower() != "bearer" or len(parts) != 2:
        raise AuthError("invalid_header", "Authorization header must be Bearer token")
    return parts[1]


def requires_auth(view):
    @wraps(view)
    def guarded(*args, **kwargs):
        token = token_of_request()
        try:
            key = jwks.get_signing_key_from_jwt(token).key
            g.claims = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                issuer="https://tenant.eu.auth0.com/",
                audience="https://api.example.com",
            )
        except jwt.ExpiredSignatureError:
            raise AuthError("token_expired", "token is expired") from None
        except (jwt.InvalidIssuerError, jwt.InvalidAudienceError):
            raise AuthError("invalid_claims", "please check the audience and issuer") from None
        except jwt.PyJWTError:
            raise AuthError("invalid_header", "Unable to parse authentication token") from None
        return view(*args, **kwargs)

    return guarded


def require_scope(scope):
    if scope not in g.claims.get("scope", "").split():
        raise AuthError("insufficient_scope", f"{scope} is needed", 403)


@app.get("/users/<user_id>/reports")
@requires_auth
def reports(user_id):
    require_scope("reports:read")
    if g.claims["sub"] != user_id:
        abort(403)
    return {"reports_of": user_id}


@app.get("/me")
@requires_auth
def me():
    return {"user_id": g.claims["sub"]}
