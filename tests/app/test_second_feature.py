"""A second feature in a copy of the service: notes, with a table, a store, errors and a migration of their own.

Two lines of ``app/__init__.py`` name the feature, and no other file of the service changes. What it asks of the
database is more than the short ways can do: a default, a list of ids, an exact number.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.environments import run
from tests.support.tasks_api import SECRET
from tests.support.trees import copied_service

NOTES = {
    "app/notes/__init__.py": '''"""The notes of one user."""
''',
    "app/notes/models.py": '''"""The table of notes."""

from sqlalchemy import Column, Integer, Numeric, String, Table, Text, Uuid

from app.tables import UTCDateTime, metadata, sortable

notes = Table(
    "notes",
    metadata,
    Column("user_id", sortable(Text), primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("text", String(1000), nullable=False),
    Column("written_at", UTCDateTime, nullable=False),
    Column("price", Numeric(10, 2), nullable=False),
    Column("stars", Integer, default=3, nullable=False),
)
''',
    "app/notes/errors.py": '''"""What can be wrong with an operation on notes."""

from werkzeug.exceptions import NotFound

from app.api import answer


class NoteNotFoundError(Exception):
    """The user has no such note."""


def answer_errors(blueprint):
    """Let a blueprint answer these errors."""
    blueprint.register_error_handler(NoteNotFoundError, lambda _: answer(NotFound("There is no such note.")))
''',
    "app/notes/store.py": '''"""The notes in the database."""

import uuid
from datetime import UTC, datetime

from sqlalchemy import bindparam, insert, select

from app.database import current_database
from app.notes.errors import NoteNotFoundError
from app.notes.models import notes

CREATE = insert(notes)
FIELDS = ("id", "text", "written_at", "price", "stars")
GET = select(*(notes.c[name] for name in FIELDS)).where(
    notes.c.user_id == bindparam("owner"), notes.c.id.in_(bindparam("note_ids", expanding=True))
)


def create(user_id, text, price):
    """Save a note, and return its id."""
    note_id = uuid.uuid4()
    values = {"user_id": user_id, "id": note_id, "text": text, "written_at": datetime(2026, 1, 1, tzinfo=UTC)}
    values["price"] = price
    current_database().run(user_id, CREATE, values)
    return note_id


def get(user_id, note_id):
    """Return a note."""
    rows = current_database().run(user_id, GET, {"owner": user_id, "note_ids": [note_id]}).rows
    if not rows:
        raise NoteNotFoundError
    return dict(zip(FIELDS, rows[0], strict=True))
''',
    "app/notes/views.py": '''"""The notes over HTTP."""

from http import HTTPStatus

from flask.views import MethodView
from marshmallow import Schema, fields

from app.blueprint import Blueprint
from app.notes import store
from app.notes.errors import answer_errors
from auth import current_token, owns_path_user

blp = Blueprint("notes", __name__, description="The notes of a user.")
answer_errors(blp)


class NoteSchema(Schema):
    id = fields.UUID(dump_only=True)
    text = fields.String(required=True)
    written_at = fields.DateTime(dump_only=True)
    price = fields.Decimal(required=True, as_string=True)
    stars = fields.Integer(dump_only=True)


@blp.route("/api/<path:user_id>/notes")
class Notes(MethodView):
    @owns_path_user
    @blp.refuses(HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT)
    @blp.arguments(NoteSchema)
    @blp.response(201, NoteSchema)
    def post(self, content, **_path):
        """Write a note."""
        note_id = store.create(current_token.user_id, content["text"], content["price"])
        return store.get(current_token.user_id, note_id)


@blp.route("/api/<path:user_id>/notes/<uuid:note_id>")
class Note(MethodView):
    @owns_path_user
    @blp.refuses(HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED)
    @blp.response(200, NoteSchema)
    def get(self, note_id, **_path):
        """Read a note."""
        return store.get(current_token.user_id, note_id)
''',
    "app/migrations/versions/0003_notes.py": '''"""Add the notes."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "notes",
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("text", sa.String(1000), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("price", sa.Numeric(10, 2), nullable=False),
        sa.Column("stars", sa.Integer, nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE notes ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE notes FORCE ROW LEVEL SECURITY")
        op.execute(
            "CREATE POLICY notes_of_their_user ON notes USING (user_id = current_setting('app.user_id', true))"
            " WITH CHECK (user_id = current_setting('app.user_id', true))"
        )


def downgrade():
    op.drop_table("notes")
''',
}

#: What a client sees of both features, as JSON on standard output.
CLIENT = """
import json
from auth.testing import TokenIssuer
from wsgi import app

client, headers = app.test_client(), TokenIssuer(app.config["BETTER_AUTH_SECRET"]).authorization("alice")
written = client.post("/api/alice/notes", json={"text": "Remember the milk.", "price": "1.5"}, headers=headers)
seen = {
    "written": written,
    "read": client.get("/api/alice/notes/" + written.json["id"], headers=headers),
    "missing": client.get("/api/alice/notes/0b5d7c1e-7a43-4f0e-9a36-6f1f0f4e2a11", headers=headers),
    "unusable": client.post("/api/alice/notes", json={"colour": "red"}, headers=headers),
    "other": client.get("/api/bob/notes/" + written.json["id"], headers=headers),
    "missing task": client.get("/api/alice/tasks/0b5d7c1e-7a43-4f0e-9a36-6f1f0f4e2a11", headers=headers),
    "task": client.post("/api/alice/tasks", json={"title": "Buy milk"}, headers=headers),
    "ready": client.get("/health/ready"),
}
document = client.get("/openapi.json").json
answers = {name: [answer.status_code, answer.json] for name, answer in seen.items()}
print(json.dumps(answers | {"document": document}))
"""


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """Return a copy of the service that has notes as well."""
    service = copied_service(tmp_path)
    for name, text in NOTES.items():
        (service / name).parent.mkdir(exist_ok=True)
        (service / name).write_text(text)
    composition = service / "app" / "__init__.py"
    composition.write_text(
        composition.read_text()
        .replace("    tasks.blp,\n", "    tasks.blp,\n    notes.blp,\n")
        .replace("from app.config", "from app.notes import views as notes\nfrom app.config", 1)
    )
    return service


def described_notes(document: dict[str, Any]) -> dict[str, Any]:
    """Return the paths of the notes, with each response in place of the reference to it."""
    paths = {path: item for path, item in document["paths"].items() if "/notes" in path}
    for item in paths.values():
        for operation in (entry for entry in item.values() if isinstance(entry, dict)):
            for status, response in operation["responses"].items():
                if "$ref" in response:
                    name = response["$ref"].rpartition("/")[2]
                    operation["responses"][status] = document["components"]["responses"][name]
    return paths


def test_a_second_feature_needs_two_lines_beside_its_own_folder(service: Path, empty_database_url: str) -> None:
    """It is migrated, answers requests, reports its errors in the one shape, and is in the document."""
    settings = {
        "BETTER_AUTH_SECRET": SECRET,
        "BETTER_AUTH_URL": "",
        "DATABASE_URL": empty_database_url,
    }
    run([sys.executable, "-m", "flask", "--app", "wsgi:app", "db", "upgrade"], cwd=service, settings=settings)

    seen: dict[str, Any] = json.loads(
        run([sys.executable, "-c", CLIENT], cwd=service, settings=settings).splitlines()[-1]
    )

    status, note = seen["written"]
    described = described_notes(seen["document"])
    assert (status, note["text"], note["written_at"]) == (201, "Remember the milk.", "2026-01-01T00:00:00+00:00")
    assert (note["price"], note["stars"]) == ("1.50", 3)
    assert seen["read"] == [200, note]
    assert seen["missing"] == [404, {"code": 404, "status": "Not Found", "message": "There is no such note."}]
    assert seen["missing task"] == [404, {"code": 404, "status": "Not Found", "message": "There is no such task."}]
    assert seen["unusable"][1]["errors"]["json"]["colour"] == ["Unknown field."]
    assert (seen["other"][0], seen["other"][1]["error"]) == (403, "not_owner")
    assert (seen["task"][0], seen["ready"][0]) == (201, 200)
    assert set(described["/api/{user_id}/notes"]["post"]["responses"]) >= {"201", "401", "403", "422", "429"}
    assert set(described["/api/{user_id}/notes/{note_id}"]["get"]["responses"]) >= {"200", "404", "412"}
    assert not re.search("task|title", json.dumps(described))
