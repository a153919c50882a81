"""Protect Flask views with JWTs that somebody else issued."""

from . import errors
from .access_token import AccessToken
from .callers import Actor
from .flask.current import current_token, verified_token
from .flask.decorators import owns_path_tenant, owns_path_user, public, require_jwt
from .flask.extension import ResourceServer
from .keys import KeySource
from .revocation.denylist import Denylist

__all__ = [
    "ResourceServer",
    "require_jwt",
    "owns_path_user",
    "owns_path_tenant",
    "public",
    "current_token",
    "verified_token",
    "AccessToken",
    "Actor",
    "KeySource",
    "Denylist",
    "errors",
]
