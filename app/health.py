"""Whether the service is alive and can do its work. Public, and silent about causes: those are in the log."""

from __future__ import annotations

from http import HTTPStatus

from flask import current_app
from flask.views import MethodView
from marshmallow import Schema, fields
from sqlalchemy.exc import SQLAlchemyError
from webargs.flaskparser import abort

from app.blueprint import Blueprint
from app.database import task_store
from app.errors import log_database_error
from auth import public

blp = Blueprint("health", __name__, description="For load balancers and supervisors.")


class HealthSchema(Schema):
    """The state of the service in one word."""

    status = fields.String(required=True, metadata={"examples": ["ok"]})


@blp.route("/health")
@public
class Alive(MethodView):
    """The process."""

    @blp.doc(operationId="getHealth")
    @blp.response(200, HealthSchema)
    def get(self) -> dict[str, str]:
        """Tell that the process answers."""
        return {"status": "ok"}


@blp.route("/health/ready")
@public
class Ready(MethodView):
    """The process and what it needs."""

    @blp.doc(operationId="getReadiness")
    @blp.refuses(HTTPStatus.SERVICE_UNAVAILABLE)
    @blp.response(200, HealthSchema)
    def get(self) -> dict[str, str]:
        """Tell whether the database and the keys can be used.

        Where one cannot, the answer is 503 and `errors` names it.
        """
        checks = {"database": database_is_usable(), "keys": keys_are_usable()}
        missing = [name for name, usable in checks.items() if not usable]
        if missing:
            abort(503, message="The service is not ready.", errors=dict.fromkeys(missing, "unusable"))
        return {"status": "ok"}


def database_is_usable() -> bool:
    """Ask the database for a task, whoever's; a missing table counts as unusable as well."""
    try:
        task_store().probe()
    except SQLAlchemyError as error:
        log_database_error(error)
        return False
    return True


def keys_are_usable() -> bool:
    """Tell whether access tokens can be verified."""
    return bool(current_app.extensions["resource_server"].keys_ready())
