"""Protect Flask views with JWTs that somebody else issued."""

from auth import errors
from auth.access_token import AccessToken
from auth.decorators import owns_path_user, public, require_jwt
from auth.keys import KeySource
from auth.resource_server import ResourceServer
from auth.state import current_token

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
