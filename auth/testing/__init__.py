"""What tests of protected views need: issuers whose tokens the real verifier accepts, users, and tokens to refuse.

``pytest_plugins = ["flask_resource_server.testing"]`` in ``conftest.py`` brings the fixtures ``jwt_issuer``,
``jwt_issuers`` and ``as_user``. Everything else works without pytest. PYTEST_DONT_REWRITE: nothing here asserts.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .acting import acting_as
from .bad_tokens import BadToken, bad_tokens
from .issuer import TokenIssuer
from .local import local_issuer, local_issuers
from .published import PublishedIssuer
from .routes import assert_routes_guarded
from .users import AsUser

if TYPE_CHECKING:
    from .fixtures import as_user, jwt_issuer, jwt_issuers

__all__ = [
    "TokenIssuer",
    "acting_as",
    "bad_tokens",
    "BadToken",
    "assert_routes_guarded",
    "local_issuer",
    "local_issuers",
    "PublishedIssuer",
    "as_user",
    "AsUser",
    "jwt_issuer",
    "jwt_issuers",
]

#: They need pytest, which is imported when it looks for them.
_FIXTURES = ("as_user", "jwt_issuer", "jwt_issuers")


def __getattr__(name: str) -> Any:
    if name in _FIXTURES:
        return getattr(import_module(".fixtures", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_FIXTURES})
