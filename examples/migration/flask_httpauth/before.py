"""Reports that Flask-HTTPAuth guards; PyJWT decodes the tokens."""

from __future__ import annotations

import os

import jwt
from flask import Flask, abort
from flask_httpauth import HTTPTokenAuth

app = Flask(__name__, static_folder=None)
auth = HTTPTokenAuth(scheme="Bearer")


@auth.verify_token
def verify_token(token):
    try:
        return jwt.decode(
            token,
            os.environ["JWT_SECRET"],
            algorithms=["HS256"],
            issuer="https://login.example.com",
            audience="https://api.example.com",
        )
    except jwt.InvalidTokenError:
        return None


@auth.get_user_roles
def get_user_roles(claims):
    return claims.get("roles", [])


@auth.error_handler
def explain(status):
    return {"message": "Access denied"}, status


@app.get("/users/<user_id>/reports")
@auth.login_required
def reports(user_id):
    if auth.current_user()["sub"] != user_id:
        abort(403)
    return {"reports_of": user_id}


@app.get("/summaries")
@auth.login_required(role=["admin", "editor"])
def summaries():
    return {"read_by": auth.current_user()["sub"]}


@app.get("/audit")
@auth.login_required(role=[["admin", "editor"]])
def audit():
    return {"read_by": auth.current_user()["sub"]}


@app.get("/welcome")
@auth.login_required(optional=True)
def welcome():
    return {"hello": auth.current_user()["sub"] if auth.current_user() else "stranger"}
