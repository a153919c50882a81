"""The server under test. Its settings are those of production, except for the database."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from flask import Flask

# The app is made when it is imported. Nothing is fetched from the issuer: the kit signs the tokens.
os.environ |= {
    "FLASK_AUTH_ISSUER": "https://login.example.com",
    "FLASK_AUTH_DISCOVERY": "true",
    "FLASK_AUTH_RESOURCE": "https://tasks.example.com/mcp",
    "FLASK_MCP_DATABASE": ":memory:",
    "FLASK_MCP_ORIGINS": '["https://inspector.example.com"]',
}

import server

pytest_plugins = ["flask_resource_server.testing"]


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    """Return the server, without tasks."""
    server.app.config["MCP_DATABASE"] = tmp_path / "tasks.sqlite3"
    server.create_table()
    return server.app
