"""The app under test. Its settings are those of production, except for the database."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from shop import create_app

pytest_plugins = ["flask_resource_server.testing"]


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    """Return a shop without customers. Nothing is fetched from the issuer: the kit signs the tokens."""
    return create_app(
        {
            "SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path / 'shop.sqlite3'}",
            "SHOP_ORIGINS": ["https://shop.example.com"],
            "AUTH_ISSUER": "https://login.example.com",
            "AUTH_AUDIENCE": "https://orders.example.com",
            "AUTH_DISCOVERY": True,
        }
    )
