"""Every setting of the library, a row each: name, default, how it is written, who has it, and what it means.

What may be set, what an entry of ``AUTH_ISSUERS`` may name and inherits, which names are misspelt, and
``docs/settings.md`` all come from here. How rows are read is :mod:`.settings.reader`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from ..keys import RemoteKeySettings
from .acr_values import ACR_VALUES
from .addresses import HOSTS, ISSUER, URL
from .denylist_values import DENYLIST, FAILURE
from .key_values import PUBLIC_KEYS, SECRETS
from .resource_values import IMPLIES, NAME, PAGE, RESOURCE, SCOPE, SCOPES
from .values import (
    ALGORITHMS,
    FLAG,
    HEADER,
    IDENTITY_CLAIM,
    ISSUERS,
    PATH,
    PROFILE,
    REALM,
    TENANT_CLAIM,
    USER_PREFIX,
    Kind,
    number,
    texts,
)


class Level(Enum):
    """Who has a setting: the service, or each of its issuers."""

    #: The only issuer of a service, or each entry of ``AUTH_ISSUERS`` for itself.
    ISSUER = "issuer"
    #: The service, and an entry of ``AUTH_ISSUERS`` if its value differs.
    SHARED = "shared"
    #: The service alone.
    SERVICE = "service"
    #: An entry of ``AUTH_ISSUERS`` alone.
    ENTRY = "entry"


@dataclass(frozen=True, slots=True)
class Setting:
    """One row."""

    #: Lower-case and without ``AUTH_``, as in an entry of ``AUTH_ISSUERS``.
    name: str
    default: Any
    kind: Kind
    level: Level
    #: What ``docs/settings.md`` says, in Markdown.
    meaning: str

    @property
    def key(self) -> str:
        """The name in ``app.config``."""
        return f"AUTH_{self.name.upper()}" if self.level is not Level.ENTRY else f"AUTH_ISSUERS[…].{self.name}"


_JWKS = RemoteKeySettings()
_ISSUER, _SHARED, _SERVICE, _ENTRY = Level

# fmt: off
TABLE = (
    Setting("secret", (), SECRETS, _ISSUER,
            "Shared secret of at least 32 bytes, for HMAC algorithms. Every secret of a list verifies tokens; the "
            "first signs development tokens. Text counts as UTF-8 and is never decoded: if the issuer decodes its "
            "secret from base64, give the bytes, `base64.b64decode(text)`, in Python."),
    Setting("public_key", (), PUBLIC_KEYS, _ISSUER,
            "Public key of the issuer, for RSA, EC and EdDSA algorithms."),
    Setting("jwks_url", None, URL, _ISSUER,
            "Where the issuer publishes its keys (a JWK Set, RFC 7517 §5)."),
    Setting("discovery", False, FLAG, _ISSUER,
            "Find the keys through the metadata of the issuer (OpenID Connect Discovery, RFC 8414)."),
    Setting("issuer", (), ISSUER, _ISSUER,
            "The exact `iss` of the tokens; required unless the key is a secret. A list holds several names of one "
            "issuer, such as a custom domain beside the old one, with the same keys and users; discovery asks the "
            "first."),
    Setting("audience", (), texts(), _SHARED,
            "The accepted `aud` values, of which a token needs one; required unless the key is a secret. A token with "
            "`aud` is refused if none is set (RFC 7519 §4.1.3)."),
    Setting("algorithms", (), ALGORITHMS, _SHARED,
            "The accepted `alg` values. By default HS256 for a secret, and for public keys every algorithm that a key "
            "is made for. HS384 and HS512 need a secret of 48 and 64 bytes."),
    Setting("profile", "jwt", PROFILE, _SHARED,
            "What the tokens look like: their type, scopes, roles, and the claims that each of them has."),
    Setting("identity_claim", None, IDENTITY_CLAIM, _SHARED,
            "The claim that names the user. By default `sub`, with the profile `entra` `oid`. An `email` or "
            "`phone_number` has to be verified by the issuer: [tokens.md](tokens.md#it-names-a-user)."),
    Setting("required_claims", ("exp", "iat"), texts(), _SHARED,
            "Claims that every token must have, in addition to the identity claim and those of the profile."),
    Setting("tenant_claim", (), TENANT_CLAIM, _SHARED,
            "The claim that names the tenant, for `current_token.tenant_id` and `@owns_path_tenant`: a name such as "
            "`org_id`, or a way such as `o.id` to a member of a claim: [owners.md](owners.md#tenants)."),
    Setting("leeway", 30, number(0, 600), _SHARED,
            "Seconds of clock difference that are forgiven."),
    Setting("max_token_age", None, number(1, 315_360_000), _SHARED,
            "Seconds after `iat` from which a token is refused, whatever its `exp`."),
    Setting("acr_values", (), ACR_VALUES, _SHARED,
            "Every `acr` that the issuer knows, in order of strength. A stronger login then satisfies a view that asks "
            "for a weaker one. Without this setting, only the value that the view names does: "
            "[step-up.md](step-up.md)."),
    Setting("jwks_max_age", _JWKS.max_age, number(1, 86_400), _SHARED,
            "Seconds for which fetched keys are trusted; they are fetched again before that. If the issuer publishes "
            "an empty key set, good keys serve on for that long."),
    Setting("jwks_stale_limit", _JWKS.stale_limit, number(1, 604_800), _SHARED,
            "Seconds for which the last good keys are trusted while the issuer fails or publishes no key that can be "
            "used; not less than `AUTH_JWKS_MAX_AGE`."),
    Setting("jwks_timeout", _JWKS.timeout, number(0.1, 30), _SHARED,
            "Seconds for one whole fetch."),
    Setting("jwks_retry", _JWKS.retry, number(0.1, 60), _SHARED,
            "Seconds before the first retry after a failed fetch. Each further failure doubles them, up to 60."),
    Setting("jwks_unknown_key_budget", _JWKS.unknown_key_budget, number(0, 60, whole=True), _SHARED,
            "Fetches a minute that tokens with unknown key ids may cause, five of them at once; 0 for none."),
    Setting("issuers", (), ISSUERS, _SERVICE,
            "Several issuers, each with settings of its own: [several-issuers.md](several-issuers.md)."),
    Setting("max_token_bytes", 8192, number(128, 1_048_576, whole=True), _SERVICE,
            "A longer token is refused before anything is decoded."),
    Setting("token_cache_size", 4096, number(0, 1_000_000, whole=True), _SERVICE,
            "How many verified tokens each process remembers, so as not to verify them again; 0 for none."),
    Setting("realm", "api", REALM, _SERVICE,
            "The realm in the challenge."),
    Setting("request_id_header", None, HEADER, _SERVICE,
            "The request header whose value is taken over as the id of the request, if it is 1 to 128 letters, digits "
            "or `._:/+=@-`. Every other id is made here."),
    Setting("deny_by_default", False, FLAG, _SERVICE,
            "Refuse requests for a route that declares neither a guard nor `@public`."),
    Setting("development_tokens", False, FLAG, _SERVICE,
            "Allow `flask auth token SUBJECT` to sign tokens; `flask --debug` allows it too."),
    Setting("resource", (), RESOURCE, _SERVICE,
            "The https URL by which clients know this API, without a slash at the end; http on this machine only. Its "
            "metadata (RFC 9728) name the issuer, so that clients find it: "
            "[resource-metadata.md](resource-metadata.md). It is the audience if `AUTH_AUDIENCE` is not set. A list "
            "holds several, told apart by their paths; a token is good for those that its `aud` names."),
    Setting("resource_scopes", (), SCOPES, _SERVICE,
            "The least that a client should ask for. It stands in the metadata, and in the 401 of a view that asks for "
            "no scopes."),
    Setting("resource_name", None, NAME, _SERVICE,
            "What people call this API, in the metadata."),
    Setting("resource_docs", None, PAGE, _SERVICE,
            "The URL of its documentation for developers, in the metadata."),
    Setting("scope_implies", {}, IMPLIES, _SERVICE,
            'Which scopes imply others: `{"tasks:write": ["tasks:read"]}` lets a token with `tasks:write` into a view '
            "that asks for `tasks:read`. What is implied may imply more; a circle stops the start."),
    Setting("denylist", None, DENYLIST, _SERVICE,
            "Where revoked tokens are kept. It is asked for every token: [revocation.md](revocation.md)."),
    Setting("denylist_failure", "refuse", FAILURE, _SERVICE,
            "What happens to requests with a token while the denylist does not answer: 503, or revoked tokens are "
            "accepted meanwhile."),
    Setting("denylist_timeout", 0.25, number(0.01, 10), _SERVICE,
            "Seconds that a request waits for a Redis at most, whatever happens on the way."),
    Setting("denylist_keep", 86_400, number(60, 315_360_000), _SERVICE,
            "Seconds for which the revocation of a user or a session is kept; at least the longest life of a token."),
    Setting("logout_audience", (), texts(), _SHARED,
            "The client ids whose logout tokens are meant for this service (OpenID Connect Back-Channel Logout 1.0). "
            "Needs `AUTH_DENYLIST`: [backchannel-logout.md](backchannel-logout.md)."),
    Setting("logout_path", "/auth/backchannel-logout", PATH, _SERVICE,
            "Where issuers post logout tokens, if `AUTH_LOGOUT_AUDIENCE` is set; below the path at which the app is "
            "mounted."),
    Setting("metrics", False, FLAG, _SERVICE,
            "Count requests, refusals and fetches of keys for Prometheus, in prometheus-client's default registry; "
            "needs the extra `metrics`: [signals-and-metrics.md](signals-and-metrics.md#metrics)."),
    Setting("metrics_path", None, PATH, _SERVICE,
            "The path at which Prometheus reads the counts, such as `/metrics`; it turns `AUTH_METRICS` on. Without it "
            "there is no such route."),
    Setting("metrics_scope", "metrics:read", SCOPE, _SERVICE,
            "The scope that a token needs for `AUTH_METRICS_PATH`."),
    Setting("trace_user", False, FLAG, _SERVICE,
            "Write the id of the user into the OpenTelemetry span of a request, as `enduser.id`: "
            "[signals-and-metrics.md](signals-and-metrics.md#traces)."),
    Setting("insecure_http_hosts", (), HOSTS, _SERVICE,
            "Exact names of hosts that issuers and keys may be at by plain http, such as `keycloak` in a network of "
            "containers. Refused unless `AUTH_DEVELOPMENT_TOKENS` is set or `flask --debug` runs: "
            "[keys.md](keys.md#plain-http-in-development)."),
    Setting("user_prefix", "", USER_PREFIX, _ENTRY,
            "What stands in front of the user ids of this issuer. One entry at most may leave it out: its users have "
            "the plain ids."),
    Setting("published", True, FLAG, _ENTRY,
            "Whether the metadata of `AUTH_RESOURCE` name this issuer."),
)
# fmt: on

#: The keys of ``app.config`` that the library reads, and their defaults.
DEFAULTS: dict[str, Any] = {row.key: row.default for row in TABLE if row.level is not _ENTRY}
