"""Test clients that act for a user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from .local import Issuers, signer


@dataclass(frozen=True, slots=True)
class AsUser:
    """Makes test clients, each of which acts for a user: what the fixture ``as_user`` is."""

    app: Flask
    issuers: Issuers

    def __call__(self, user_id: str, *, issuer: str | None = None, **token: Any) -> FlaskClient:
        """Return a test client that sends a token of a user with each request that has no other ``Authorization``.

        Args:
            user_id: what the identity claim holds.
            issuer: the name of the user's issuer, if the app trusts several; by default the first.
            token: ``scopes``, ``roles``, ``tenant``, ``actor`` and the like, as in :meth:`TokenIssuer.issue`.
        """
        client = self.app.test_client()
        authorization = signer(self.issuers, issuer).authorization(user_id, **token)
        client.environ_base["HTTP_AUTHORIZATION"] = authorization["Authorization"]
        return client
