"""The fixtures for pytest. Your app comes from a fixture of your own, which is called ``app``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from .issuer import TokenIssuer
from .local import Issuers, local_issuers
from .users import AsUser

_APP = "app"


@pytest.fixture
def jwt_issuer(request: pytest.FixtureRequest) -> Iterator[TokenIssuer]:
    """The issuer whose tokens the app accepts during the test: it stands in for the one that the app trusts.

    If the fixture ``app`` itself asks for it, or if there is none, it is an issuer on its own. Start the app with its
    ``settings`` or its ``keys`` then.
    """
    app = _app(request)
    if app is None:
        yield TokenIssuer.generate("ES256", issuer="https://issuer.example", audience="https://api.example")
        return
    with local_issuers(app) as issuers:
        yield next(iter(issuers.values()))


@pytest.fixture
def jwt_issuers(request: pytest.FixtureRequest) -> Iterator[Issuers]:
    """The same for each issuer that the app trusts, by its name."""
    with local_issuers(_needed_app(request)) as issuers:
        yield issuers


@pytest.fixture
def as_user(request: pytest.FixtureRequest) -> Iterator[AsUser]:
    """Make test clients that act for a user: ``as_user("alice", scopes="orders:write").post("/orders")``."""
    app = _needed_app(request)
    with local_issuers(app) as issuers:
        yield AsUser(app, issuers)


def _app(request: pytest.FixtureRequest) -> Flask | None:
    """Return what the fixture ``app`` returns; None if there is no such fixture, or if it is asking us."""
    try:
        app: Flask = request.getfixturevalue(_APP)
    except pytest.FixtureLookupError as error:
        if error.argname != _APP:
            raise
        return None
    return app


def _needed_app(request: pytest.FixtureRequest) -> Flask:
    app = _app(request)
    if app is None:
        pytest.fail(f"{request.fixturename} needs a fixture called {_APP} that returns your Flask app.", pytrace=False)
    return app
