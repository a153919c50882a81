"""A user for code that runs without a request of theirs: service functions, commands, tasks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from flask import Flask
from flask.ctx import RequestContext

from ..access_token import AccessToken
from ..flask.server import state_of
from ..wire.metadata import ResourceMetadata
from .local import local_issuers, signer


@contextmanager
def acting_as(app: Flask, user_id: str, *, issuer: str | None = None, **token: Any) -> Iterator[AccessToken]:
    """Let a user act within a block: ``current_token`` is a verified token of theirs, which is returned too.

    The user also acts in each ``app.test_request_context(…)`` of the block, where guarded functions can be called, and
    sends each request of a test client that has no ``Authorization`` of its own. Every guard decides as always. The app
    itself is changed for the block, so two threads must not act at once.

    If the app is several resources, ``request.path`` is that of one of them, and another context needs such a path too.

    Args:
        app: the app; it accepts tokens as :func:`local_issuers` says.
        user_id: what the identity claim holds.
        issuer: the name of the user's issuer, if the app trusts several; by default the first.
        token: ``scopes``, ``roles``, ``tenant``, ``actor`` and the like, as in :meth:`TokenIssuer.issue`.

    Raises:
        InvalidTokenError: the app would refuse such a token.
    """
    with local_issuers(app) as issuers:
        authorization = signer(issuers, issuer).authorization(user_id, **token)["Authorization"]
        verified = state_of(app).authenticator.authenticate_field(authorization)[0]
        path = _path_for(verified, state_of(app).config.metadata)
        with _acting(app, authorization, path), app.test_request_context():
            yield verified


def _path_for(token: AccessToken, metadata: ResourceMetadata | None) -> str:
    """Return a path of the app at which a token is good: the root, or of several resources one that it names."""
    if metadata is None or len(metadata.resources) == 1:
        return "/"
    named = metadata.named_by(token.claims.get("aud"))
    below = [resource.path.removeprefix(metadata.mount) for resource in named]
    return next((path for path in ("/", *below) if path[:1] == "/" and metadata.resource_at(path) in named), "/")


@contextmanager
def _acting(app: Flask, authorization: str, path: str) -> Iterator[None]:
    """Put an ``Authorization`` field into each request that has none; ``path`` is that of contexts without one."""
    make_context, make_test_context = app.request_context, app.test_request_context

    def request_context(environ: dict[str, Any]) -> RequestContext:
        environ.setdefault("HTTP_AUTHORIZATION", authorization)
        return make_context(environ)

    def test_request_context(*args: Any, **kwargs: Any) -> RequestContext:
        if not args:
            kwargs.setdefault("path", path)
        context = make_test_context(*args, **kwargs)
        if context.request.environ["HTTP_AUTHORIZATION"] == authorization:
            # No guard will run here before the code that reads current_token.
            state_of(app).authenticate(context.request)
        return context

    with patch.multiple(app, request_context=request_context, test_request_context=test_request_context):
        yield
