"""A service of APIFlask whose document says what the guards demand."""

from __future__ import annotations

from apiflask import APIFlask
from flask_resource_server import ResourceServer, owns_path_user, public, require_jwt
from flask_resource_server.openapi import describe_guards

app = APIFlask("notes", title="Notes", version="1.0.0")
app.config.from_prefixed_env()
ResourceServer(app)


@app.spec_processor
def describe(document: dict) -> dict:
    """Add the guards to the document."""
    return describe_guards(document, app)


@app.get("/<user_id>/notes")
@require_jwt(scopes="notes:read")
@owns_path_user
def notes(user_id: str) -> dict:
    """Return the notes of a user."""
    return {"notes_of": user_id}


@app.get("/health")
@public
def health() -> dict:
    """Return whether the service works."""
    return {"status": "ok"}
