"""Which names are misspellings of ours, and which belong to somebody else."""

from __future__ import annotations

import pytest

from auth.settings.spelling import closest
from auth.settings.table import TABLE

NAMES = [row.name for row in TABLE]

#: What people write for a setting of ours, and the setting.
MISSPELT = {
    "AUDIENC": "audience",
    "AUDIANCE": "audience",
    "AUDEINCE": "audience",
    "AUDIENCES": "audience",
    "Audience": "audience",
    "ISUER": "issuer",
    "ISSUERES": "issuers",
    "SECRETS": "secret",
    "SERCET": "secret",
    "PUBLIC_KEYS": "public_key",
    "KEY_PUBLIC": "public_key",
    "JWK_URL": "jwks_url",
    "JWKS_URI": "jwks_url",
    "JWKSURL": "jwks_url",
    "DISCOVER": "discovery",
    "ALGORITHM": "algorithms",
    "ALGORITMS": "algorithms",
    "PROFIL": "profile",
    "IDENTIY_CLAIM": "identity_claim",
    "REQUIRED_CLAIM": "required_claims",
    "LEWAY": "leeway",
    "MAX_AGE_TOKEN": "max_token_age",
    "TOKEN_MAX_AGE": "max_token_age",
    "TOKEN_MAX_BYTES": "max_token_bytes",
    "TOKEN_CACHE": "token_cache_size",
    "CACHE_SIZE": "token_cache_size",
    "JWKS_MAXAGE": "jwks_max_age",
    "JWKS_STALE_LIMITS": "jwks_stale_limit",
    "JWKS_TIME_OUT": "jwks_timeout",
    "JWKS_RETRIES": "jwks_retry",
    "JWKS_UNKNOWN_KID_BUDGET": "jwks_unknown_key_budget",
    "REALMS": "realm",
    "DENY_DEFAULT": "deny_by_default",
    "DENY_BY_DEFAUTL": "deny_by_default",
    "DENYBYDEFAULT": "deny_by_default",
    "DEVELOPMENT_TOKEN": "development_tokens",
    "USER_PREFIXES": "user_prefix",
}


@pytest.mark.parametrize(("name", "meant"), MISSPELT.items())
def test_a_misspelling_is_recognised(name: str, meant: str) -> None:
    """Letters swapped, left out or doubled, singular and plural, words in another order or one too few."""
    assert closest(name, NAMES) == meant


#: Names without ``AUTH_``, by who has them.
FOREIGN = {
    "Flask-AppBuilder, and with it Superset and Airflow": """
        API_LOGIN_ALLOW_MULTIPLE_PROVIDERS AUTO_CREATE_GROUPS DB DB_FAKE_PASSWORD_HASH_CHECK GROUPS_SYNC_AT_LOGIN LDAP
        LDAP_ALLOW_SELF_SIGNED LDAP_APPEND_DOMAIN LDAP_BIND_FIRST LDAP_BIND_PASSWORD LDAP_BIND_USER LDAP_EMAIL_FIELD
        LDAP_FIRSTNAME_FIELD LDAP_GROUP_FIELD LDAP_LASTNAME_FIELD LDAP_SEARCH LDAP_SEARCH_FILTER LDAP_SERVER
        LDAP_TLS_CACERTDIR LDAP_TLS_CACERTFILE LDAP_TLS_CERTFILE LDAP_TLS_DEMAND LDAP_TLS_KEYFILE LDAP_UID_FIELD
        LDAP_USERNAME_FORMAT LDAP_USE_TLS OAUTH OID RATE_LIMIT RATE_LIMITED REMOTE_USER REMOTE_USER_ENV_VAR ROLE_ADMIN
        ROLE_PUBLIC ROLES_MAPPING ROLES_SYNC_AT_LOGIN SAML STRICT_RESPONSE_CODES TYPE USERNAME_CI USER_REGISTRATION
        USER_REGISTRATION_ROLE USER_REGISTRATION_ROLE_JMESPATH""",
    "APIFlask": "ERROR_DESCRIPTION ERROR_STATUS_CODE",
    "Kubernetes, for a service named flask-auth": """
        PORT PORT_8080_TCP PORT_8080_TCP_ADDR PORT_8080_TCP_PORT PORT_8080_TCP_PROTO SERVICE_HOST SERVICE_PORT
        SERVICE_PORT_HTTP SERVICE_PORT_HTTPS""",
    "a service's own code": """
        API_KEY BACKEND CLIENT_ID CLIENT_SECRET COOKIE_NAME DATABASE_URL DOMAIN ENABLED HEADER_NAME HOST LOGIN_URL
        PASSWORD PROVIDER SCHEME SERVER_URL SESSION_TIMEOUT TIMEOUT TOKEN_LOCATION TOKEN_URL USER USER_MODEL""",
}


@pytest.mark.parametrize("name", " ".join(FOREIGN.values()).split())
def test_the_name_of_another_library_is_nobodys_misspelling(name: str) -> None:
    """They are left alone, or the service could not have both libraries."""
    assert closest(name, NAMES) is None
