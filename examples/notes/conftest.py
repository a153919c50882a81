"""The fixtures of the tests: those of the library, and the app that they work on."""

from __future__ import annotations

import os

import pytest
from flask import Flask

# The app is made when it is imported, by settings like those of production. No key is fetched in the tests.
os.environ |= {
    "FLASK_AUTH_ISSUER": "https://login.example.com",
    "FLASK_AUTH_AUDIENCE": "https://notes.example.com",
    "FLASK_AUTH_DISCOVERY": "true",
}

import notes

pytest_plugins = ["flask_resource_server.testing"]


@pytest.fixture
def app() -> Flask:
    """Return the service, without notes."""
    notes.NOTES.clear()
    return notes.app
