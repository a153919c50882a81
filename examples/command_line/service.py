from flask import Flask
from flask_resource_server import ResourceServer, owns_path_user, public, require_jwt

app = Flask(__name__)
app.config.update(
    AUTH_ISSUER="https://login.example.com",
    AUTH_AUDIENCE="https://api.example.com",
    AUTH_DENY_BY_DEFAULT=True,
    AUTH_DEVELOPMENT_TOKENS=True,
)
app.config.from_prefixed_env()
ResourceServer(app)


@app.get("/reports")
@require_jwt(scopes="reports:read")
def reports():
    return ["all is well"]


@app.get("/notes/<user_id>")
@owns_path_user
def notes(user_id):
    return [f"a note of {user_id}"]


@app.get("/health")
@public
def health():
    return {"status": "ok"}
