"""A service of flask-openapi3 whose document says what the guards demand."""

from __future__ import annotations

from flask_openapi3 import Info, OpenAPI
from flask_resource_server import ResourceServer, owns_path_user, public, require_jwt
from flask_resource_server.openapi import describe_guards
from pydantic import BaseModel


class DescribedAPI(OpenAPI):
    """An app that adds the guards to its document."""

    @property
    def api_doc(self) -> dict:
        """Return the document."""
        return describe_guards(super().api_doc, self)


app = DescribedAPI("notes", info=Info(title="Notes", version="1.0.0"))
app.config.from_prefixed_env()
ResourceServer(app)


class User(BaseModel):
    """The variables of the path."""

    user_id: str


@app.get("/<user_id>/notes")
@require_jwt(scopes="notes:read")
@owns_path_user
def notes(path: User) -> dict:
    """Return the notes of a user."""
    return {"notes_of": path.user_id}


@app.get("/health")
@public
def health() -> dict:
    """Return whether the service works."""
    return {"status": "ok"}
