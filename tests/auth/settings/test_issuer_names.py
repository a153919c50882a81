"""Names of issuers and audiences that no token could have."""

from __future__ import annotations

from typing import Any

import pytest

from auth.errors import ConfigurationError
from auth.settings.service import AuthConfig
from tests.support.services import AUDIENCE, SETTINGS

TENANT = "3f5c1c0a-8a52-4f0e-9d0b-6a1f0f7f9c11"
DISCOVERY: dict[str, Any] = {"AUTH_AUDIENCE": AUDIENCE, "AUTH_DISCOVERY": True}


def problems(settings: dict[str, Any]) -> list[str]:
    """Return why the service does not start."""
    with pytest.raises(ConfigurationError) as raised:
        AuthConfig.from_mapping(settings)
    return list(raised.value.problems)


@pytest.mark.parametrize(
    "name",
    [
        "https://{tenant}.eu.auth0.com/",
        "https://login.microsoftonline.com/{tenantid}/v2.0",
        "https://<tenant>.okta.com/oauth2/default",
        "https://${AUTH_HOST}/realms/shop",
        "https://$AUTH_HOST/realms/shop",
        "https://…/realms/shop",
        "https://YOUR_DOMAIN/",
        "https://YOUR-TENANT.eu.auth0.com/",
    ],
)
@pytest.mark.parametrize(("setting", "other"), [("AUTH_ISSUER", "AUTH_AUDIENCE"), ("AUTH_AUDIENCE", "AUTH_ISSUER")])
@pytest.mark.parametrize("is_listed", [False, True], ids=["alone", "in a list"])
def test_a_placeholder_is_no_name(name: str, setting: str, other: str, is_listed: bool) -> None:
    """A template was not filled in, and no token would ever fit."""
    value = ["https://login.corp.example", name] if is_listed else name

    assert problems(SETTINGS | {setting: value, other: "https://right.example"}) == [
        f"{setting} holds a placeholder; put your own name in its place."
    ]


@pytest.mark.parametrize(
    "name",
    [
        "https://login.microsoftonline.com/common/v2.0",
        "https://login.microsoftonline.com/organizations/v2.0",
        "https://login.microsoftonline.com/consumers/v2.0",
        "https://login.microsoftonline.com/corp.onmicrosoft.com/v2.0",
        "https://login.microsoftonline.com",
        "https://login.microsoftonline.com/",
        f"https://login.microsoftonline.com/{TENANT}",
        f"https://login.microsoftonline.com/{TENANT}/",
        f"https://login.microsoftonline.com/{TENANT.upper()}/v2.0",
        f"https://login.microsoftonline.com/{TENANT[:-1]}/v2.0",
        "https://login.microsoftonline.us/common/v2.0",
        "https://login.partner.microsoftonline.cn/organizations/v2.0",
        f"https://sts.windows.net/{TENANT}",
        f"https://sts.windows.net/{TENANT}/v2.0",
        "https://sts.windows.net/common/",
        f"http://sts.windows.net/{TENANT}/",
        "https://corp.b2clogin.com/corp.onmicrosoft.com/v2.0/",
        "https://corp.b2clogin.com/tfp/corp.onmicrosoft.com/b2c_1_sign_in/v2.0/",
        "https://corp.ciamlogin.com/",
    ],
)
@pytest.mark.parametrize("profile", ["entra", "jwt"])
def test_microsoft_names_a_tenant_by_its_id(name: str, profile: str) -> None:
    """Its addresses for several tenants, and for a tenant by a domain, are in no token."""
    (problem,) = problems(SETTINGS | {"AUTH_ISSUER": name, "AUTH_PROFILE": profile})

    assert problem.startswith("AUTH_ISSUER is an address of Microsoft that no token has as its iss.")
    assert "Directory (tenant) ID" in problem


@pytest.mark.parametrize(
    "name",
    [
        f"https://login.microsoftonline.com/{TENANT}/v2.0",
        f"https://login.microsoftonline.com/te/{TENANT}/b2c_1a_sign_in/v2.0/",
        f"https://login.microsoftonline.us/{TENANT}/v2.0",
        f"https://login.partner.microsoftonline.cn/{TENANT}/v2.0",
        f"https://sts.windows.net/{TENANT}/",
        f"https://corp.b2clogin.com/{TENANT}/v2.0/",
        f"https://corp.b2clogin.com/tfp/{TENANT}/b2c_1_sign_in/v2.0/",
        f"https://{TENANT}.ciamlogin.com/{TENANT}/v2.0",
        "https://login.corp.example/common/v2.0",
        "https://login.microsoftonline.com.example/common/v2.0",
    ],
)
def test_issuers_of_a_tenant_start(name: str) -> None:
    """As its metadata and its tokens have them, and whatever is elsewhere."""
    assert AuthConfig.from_mapping(DISCOVERY | {"AUTH_ISSUER": name, "AUTH_PROFILE": "entra"}).issuers[0].name == name


def test_each_entry_of_several_issuers_is_judged() -> None:
    """The sentence names the entry."""
    entry = {"issuer": "https://sts.windows.net/common/", "audience": "api://{client}", "discovery": True}

    assert [problem.partition(" ")[0] for problem in problems({"AUTH_ISSUERS": [entry]})] == [
        "AUTH_ISSUERS[0].audience",
        "AUTH_ISSUERS[0].issuer",
    ]
