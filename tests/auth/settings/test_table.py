"""The table of settings: what it promises of each row holds, and the documentation is made from it."""

from __future__ import annotations

from typing import Any

import pytest

from auth.settings.reader import read_entry, read_service
from auth.settings.table import DEFAULTS, TABLE, Level, Setting
from auth.settings.values import Place
from tests.support.services import SECRET
from tests.support.settings_page import PAGE, settings_page

#: A good value of each setting that is not its default.
OTHERS: dict[str, Any] = {
    "secret": SECRET,
    "public_key": {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
    "jwks_url": "https://login.example/jwks",
    "discovery": True,
    "issuer": "https://login.example",
    "audience": ["a", "b"],
    "algorithms": "ES256",
    "profile": "keycloak",
    "identity_claim": "uid",
    "required_claims": ["exp"],
    "tenant_claim": "o.id",
    "leeway": 7,
    "max_token_age": 3600,
    "acr_values": ["phr", "phrh"],
    "jwks_max_age": 60,
    "jwks_stale_limit": 3600,
    "jwks_timeout": 1.5,
    "jwks_retry": 2,
    "jwks_unknown_key_budget": 0,
    "issuers": [{"issuer": "https://login.example"}],
    "max_token_bytes": 4096,
    "token_cache_size": 0,
    "realm": "Tasks",
    "request_id_header": "X-Request-ID",
    "deny_by_default": True,
    "development_tokens": True,
    "resource": "https://api.example/v1",
    "resource_scopes": "tasks:read tasks:write",
    "resource_name": "Tasks",
    "resource_docs": "https://docs.example/tasks#tokens",
    "scope_implies": {"tasks:write": ["tasks:read"]},
    "denylist": "memory",
    "denylist_failure": "accept",
    "denylist_timeout": 1.5,
    "denylist_keep": 3600,
    "logout_audience": ["tasks-web"],
    "logout_path": "/oidc/logout",
    "metrics": True,
    "metrics_path": "/metrics",
    "metrics_scope": "api/metrics",
    "trace_user": True,
    "insecure_http_hosts": ["keycloak"],
    "user_prefix": "x:",
    "published": False,
}

rows = pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)


def test_the_page_of_settings_is_the_table() -> None:
    """``python -m tests.support.settings_page`` writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == settings_page()


@rows
def test_a_setting_is_read_where_it_belongs(row: Setting) -> None:
    """In ``app.config``, in an entry of ``AUTH_ISSUERS``, or in both."""
    value, nothing = OTHERS[row.name], read_service({})
    wanted = row.kind.read(value, Place(row.key))

    service = read_service({row.key: value})
    entry = read_entry(0, {row.name: value}, nothing)

    assert (getattr(service.values, row.name) == wanted) is (row.level is not Level.ENTRY)
    assert (getattr(entry.values, row.name, None) == wanted) is (row.level is not Level.SERVICE)
    assert len(nothing.problems) == (row.level is Level.SERVICE)


@rows
def test_an_entry_inherits_what_is_shared_and_nothing_else(row: Setting) -> None:
    """Issuer and keys are each entry's own, or one issuer would verify with the keys of another."""
    service = read_service({row.key: OTHERS[row.name]})

    entry = read_entry(0, {}, service)

    inherited = getattr(entry.values, row.name, row.default) == getattr(service.values, row.name)
    assert inherited is (row.level in (Level.SHARED, Level.ENTRY))
    assert (row.name in entry.given) is (row.level is Level.SHARED)


@rows
def test_a_setting_that_is_unusable_has_its_default(row: Setting) -> None:
    """One sentence says so; nothing is made of the value."""
    service = read_service({row.key: object()})

    assert getattr(service.values, row.name) == row.default
    assert len(service.problems) == (row.level is not Level.ENTRY)
    assert (row.name in service.given) is (row.level is not Level.ENTRY)


@rows
def test_a_default_is_a_value_like_any_other(row: Setting) -> None:
    """It passes its own reader, unless it says that nothing is set."""
    place = Place(row.key)

    if row.default not in (None, (), ""):
        assert row.kind.read(row.default, place) == row.default
    assert place.problems == []


def test_the_defaults_are_by_their_names_in_the_configuration() -> None:
    """Those that an entry of ``AUTH_ISSUERS`` alone may have are not among them."""
    assert DEFAULTS.keys() == {f"AUTH_{name.upper()}" for name in OTHERS if name not in ("user_prefix", "published")}
    assert (DEFAULTS["AUTH_LEEWAY"], DEFAULTS["AUTH_TOKEN_CACHE_SIZE"]) == (30, 4096)
