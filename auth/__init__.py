"""Protect Flask views with JWTs that somebody else issued."""

from . import errors
from .access_token import AccessToken
from .flask.decorators import owns_path_user, public, require_jwt
from .flask.extension import ResourceServer
from .flask.server import current_token
from .keys import KeySource

__all__ = [
    "ResourceServer",
    "require_jwt",
    "owns_path_user",
    "public",
    "current_token",
    "AccessToken",
    "KeySource",
    "errors",
]
