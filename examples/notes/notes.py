"""A small service in plain Flask: notes that only their owner reads, and a list of topics that everybody may see.

It shows the library without flask-smorest. Its settings come from the environment: ``FLASK_AUTH_SECRET``, or
``FLASK_AUTH_PUBLIC_KEY`` with ``FLASK_AUTH_ISSUER`` and ``FLASK_AUTH_AUDIENCE``.
"""

from __future__ import annotations

from collections import defaultdict

from flask import Flask, request
from flask.typing import ResponseReturnValue
from flask.views import MethodView
from flask_resource_server import ResourceServer, current_token, owns_path_user, public, require_jwt

app = Flask(__name__, static_folder=None)
app.config.from_prefixed_env()
app.config["AUTH_DENY_BY_DEFAULT"] = True
ResourceServer(app)

NOTES: dict[str, list[str]] = defaultdict(list)


@require_jwt
@owns_path_user(param="owner")
class Notes(MethodView):
    """The notes of one user."""

    def get(self, owner: str) -> ResponseReturnValue:
        return {"notes": NOTES[owner]}

    def post(self, owner: str) -> ResponseReturnValue:
        NOTES[owner].append(request.get_data(as_text=True))
        return {"notes": NOTES[owner]}, 201


app.add_url_rule("/notes/<owner>", view_func=Notes.as_view("notes"))


@app.get("/statistics")
@require_jwt(scopes="statistics:read")
def statistics() -> ResponseReturnValue:
    """Count the notes of everybody, for callers with the scope."""
    return {"notes": sum(map(len, NOTES.values())), "read_by": current_token.user_id}


@app.get("/topics")
@require_jwt(optional=True)
def topics() -> ResponseReturnValue:
    """Show topics to anybody, and greet who is known."""
    return {"topics": ["flask", "jwt"], "hello": current_token.user_id if current_token else None}


@app.get("/health")
@public
def health() -> ResponseReturnValue:
    return {"status": "ok"}
