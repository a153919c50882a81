"""Tells whether the service is alive and can work.

The answers are public, so the causes of database errors are only in the log. What is said about keys is as public as
the issuers and their keys, and what is said about the denylist names no host.
"""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from flask import current_app
from flask.views import MethodView
from marshmallow import Schema, fields
from sqlalchemy.exc import SQLAlchemyError
from webargs.flaskparser import abort

from app.blueprint import Blueprint
from app.database import current_database, log_database_error
from auth import public

READY = {
    "status": "ok",
    "issuers": [
        {
            "issuer": "https://auth.example.com",
            "ready": True,
            "keys": 2,
            "age": 120.5,
            "last_error": None,
            "next_refresh": 430.0,
        }
    ],
}

blp = Blueprint("health", __name__, description="For load balancers and supervisors.", is_limited=False)


class HealthSchema(Schema):
    """Whether the service works."""

    status = fields.String(required=True, metadata={"examples": ["ok"]})


class KeysSchema(Schema):
    """The keys of an issuer of access tokens."""

    issuer = fields.String(required=True, metadata={"examples": ["https://auth.example.com"]})
    ready = fields.Boolean(required=True, metadata={"description": "Whether its tokens can be verified now."})
    keys = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "How many usable keys there are; null if that is unknown."},
    )
    age = fields.Float(
        required=True,
        allow_none=True,
        metadata={"description": "Seconds since the keys were fetched; null if they never were."},
    )
    last_error = fields.String(
        required=True, allow_none=True, metadata={"description": "Why the last fetch failed; null after a success."}
    )
    next_refresh = fields.Float(
        required=True,
        allow_none=True,
        metadata={"description": "Seconds until the next fetch; null for keys that are set and not fetched."},
    )


class DenylistSchema(Schema):
    """Where revoked tokens are kept."""

    ready = fields.Boolean(required=True, metadata={"description": "Whether it answers."})
    refuses = fields.Boolean(
        required=True,
        metadata={
            "description": "Whether requests are refused while it does not answer; else revoked tokens are accepted."
        },
    )
    last_error = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Why it does not answer, or takes no new entries; null if it does both."},
    )


class ReadinessSchema(HealthSchema):
    """Whether the service and its keys can be used."""

    issuers = fields.List(fields.Nested(KeysSchema), required=True)
    denylist = fields.Nested(DenylistSchema, metadata={"description": "Only if the service has one."})


@blp.route("/health")
@public
class Alive(MethodView):
    """The process."""

    @blp.doc(operationId="getHealth")
    @blp.response(200, HealthSchema, description="The process answers.", example={"status": "ok"})
    def get(self) -> dict[str, str]:
        """Check that the process answers."""
        return {"status": "ok"}


@blp.route("/health/ready")
@public
class Ready(MethodView):
    """The process and what it needs."""

    @blp.doc(operationId="getReadiness")
    @blp.refuses(HTTPStatus.SERVICE_UNAVAILABLE)
    @blp.response(200, ReadinessSchema, description="Database and keys can be used.", example=READY)
    def get(self) -> dict[str, Any]:
        """Check that the database and the keys can be used.

        If not, the answer is 503 and `errors` says why. If there are several issuers, one with usable keys is enough.
        A denylist has to answer, unless the service accepts requests without it.
        """
        server = current_app.extensions["resource_server"]
        checks = {"database": database_is_usable(), "keys": server.keys_ready()}
        issuers = [{"issuer": issuer, **asdict(status)} for issuer, status in server.key_status().items()]
        denylist = server.denylist_status()
        missing = {name: "unusable" for name, usable in checks.items() if not usable}
        if denylist is not None and denylist.refuses and not denylist.ready:
            missing["denylist"] = denylist.last_error or "unusable"
        if missing:
            abort(503, message="The service is not ready.", errors=missing | reasons(issuers))
        revoked = {} if denylist is None else {"denylist": asdict(denylist)}
        return {"status": "ok", "issuers": issuers, **revoked}


def reasons(issuers: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the issuers whose keys are missing, each with the reason."""
    waiting = {issuer["issuer"]: issuer["last_error"] or "not fetched yet" for issuer in issuers if not issuer["ready"]}
    return {"issuers": waiting} if waiting else {}


def database_is_usable() -> bool:
    """Tell whether every table can be read; a missing table counts as unusable."""
    try:
        current_database().probe()
    except SQLAlchemyError as error:
        log_database_error(error)
        return False
    return True
