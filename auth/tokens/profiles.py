"""What the access tokens of well-known issuers look like: type, required claims, audience, client, and where scopes and
roles are.

This is data with its source; :mod:`.tokens.claims` reads it. A profile says what is true of every token of an issuer.
Settings (``AUTH_REQUIRED_CLAIMS``, ``AUTH_AUDIENCE``) say what a service demands beyond that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..callers import SUBJECT_IS_CLIENT, ClientShape
from ..step_up import OPENID_LOGIN, LoginShape

#: Stands in a path to roles for each of the audiences of this service.
AUDIENCE = object()

#: OpenID Connect Core §5.1.
_VERIFIED_BY: Mapping[str, tuple[str, ...]] = {
    "email": ("email_verified",),
    "phone_number": ("phone_number_verified",),
}

#: The way to a member of a claim: names, and :data:`AUDIENCE`.
ClaimPath = tuple[str | object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The shape of one kind of access token."""

    #: Accepted media types in ``typ``, in lower case and without ``application/``; None among them if it may be absent.
    types: frozenset[str | None]
    #: What every name of such an issuer ends with.
    issuer_ends_with: str = ""
    #: Claims that an access token of this kind always has, in addition to ``AUTH_REQUIRED_CLAIMS``.
    required_claims: tuple[str, ...] = ()
    #: Claims of which a token has at least one; empty if none is needed.
    one_of_claims: tuple[str, ...] = ()
    #: Claims that tell an access token from the issuer's other tokens, with the value they have in one.
    fixed_claims: Mapping[str, str] = field(default_factory=dict)
    #: Claims that mean something else in tokens of this issuer, although :mod:`.kinds` takes them for the kind of a
    #: token. Name one here if the issuer's access tokens carry a value of it by which they would be refused.
    kind_exceptions: frozenset[str] = frozenset()
    #: The claim that is compared with ``AUTH_AUDIENCE``. An ``aud`` is always compared with it as well.
    audience_claim: str = "aud"
    #: Claims whose texts are scopes, all taken together.
    scope_claims: tuple[str, ...] = ("scope",)
    #: Where roles are, all taken together.
    role_paths: tuple[ClaimPath, ...] = (("roles",),)
    #: The separator of several roles in one text; None if a text is one role.
    role_separator: str | None = None
    #: The default of ``AUTH_IDENTITY_CLAIM``.
    identity_claim: str = "sub"
    #: For claims that users fill in themselves: the claims that are true if the issuer has verified the value; none if
    #: it never says so.
    verified_by: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _VERIFIED_BY)
    #: Whether the issuer's server publishes keys of other issuers as well, and names the issuer in each.
    keys_name_issuer: bool = False

    #: How the client is named, and how its own token is known.
    client: ClientShape = SUBJECT_IS_CLIENT

    #: How tokens say how and when the user logged in.
    login: LoginShape = OPENID_LOGIN

    def verifying_claims(self, name: str) -> tuple[str, ...] | None:
        """Return the claims that say whether the value of a claim was verified; None if it needs no such claim.

        Claims in a namespace, such as ``https://example.com/email``, are verified by a claim in the same one.
        """
        base = name_in_namespace(name)
        if base not in self.verified_by:
            return None
        return tuple(name.removesuffix(base) + verifying for verifying in self.verified_by[base])


def name_in_namespace(claim: str) -> str:
    """Return the name of a claim without what stands in front: ``email`` for ``https://example.com/email``."""
    return re.split("[/:]", claim)[-1]


_JWT_OR_ACCESS_TOKEN = frozenset({None, "jwt", "at+jwt"})

#: By the value of ``AUTH_PROFILE``.
PROFILES: Mapping[str, Profile] = {
    # RFC 7519 §5.1 for typ; scope of RFC 8693 §4.2, roles of RFC 9068 §2.2.3.1; scp is what Okta and others send.
    # RFC 8693 §4.3 for client_id, OpenID Connect Core §2 for azp; cid is Okta's, and appid stands in v1.0 of Entra. The
    # signs are those of Auth0 and Entra, which nobody writes by chance.
    "jwt": Profile(
        types=_JWT_OR_ACCESS_TOKEN,
        scope_claims=("scope", "scp"),
        client=ClientShape(
            claims=("client_id", "azp", "cid", "appid"),
            signs=(("gty", "client-credentials"), ("sub", "*@clients"), ("idtyp", "app")),
        ),
    ),
    # RFC 9068 §2.1 for typ, §2.2 for the required claims, §2.2.3 for scope and roles.
    "rfc9068": Profile(
        types=frozenset({"at+jwt"}),
        required_claims=("iss", "exp", "aud", "sub", "client_id", "iat", "jti"),
    ),
    # Better Auth 1.7: the jwt plugin sends no typ, its OAuth provider at+jwt; role as the admin plugin stores it.
    "better-auth": Profile(
        types=_JWT_OR_ACCESS_TOKEN,
        required_claims=("iss", "aud"),
        role_paths=(("role",),),
        role_separator=",",
        # The jwt plugin signs the user as it is stored; a payload of the service's own has the names of OpenID Connect.
        verified_by={
            "email": ("emailVerified", "email_verified"),
            "phoneNumber": ("phoneNumberVerified",),
            "phone_number": ("phone_number_verified",),
        },
    ),
    # Auth0, "Access Token Profiles": typ JWT, or at+jwt in the RFC 9068 profile; permissions of its RBAC.
    "auth0": Profile(
        types=frozenset({"jwt", "at+jwt"}),
        issuer_ends_with="/",
        required_claims=("iss", "aud"),
        scope_claims=("scope", "permissions"),
        role_paths=(),
        # "Client Credentials Flow" and "Access Token Profiles": gty is in the profile of Auth0 alone.
        client=ClientShape(is_subject=False, signs=(("gty", "client-credentials"), ("sub", "*@clients"))),
    ),
    # Keycloak, Server Administration Guide, "Client scopes" and "Roles": payload typ is ID or Refresh in other tokens.
    "keycloak": Profile(
        types=frozenset({"jwt", "at+jwt"}),
        required_claims=("iss", "aud"),
        fixed_claims={"typ": "Bearer"},
        role_paths=(("realm_access", "roles"), ("resource_access", AUDIENCE, "roles")),
        # "Using a service account": its sub is a user made for the client. Without client_id, which other tokens lack,
        # the name could be that of a person. A client keeps the mapper that it was made with, and that of old ones
        # writes clientId.
        client=ClientShape(
            is_subject=False,
            signs=(("preferred_username", "service-account-*"),),
            needed=("client_id", "clientId"),
        ),
    ),
    # Amazon Cognito Developer Guide, "Understanding the access token": no aud, the app client is the audience.
    "cognito": Profile(
        types=_JWT_OR_ACCESS_TOKEN,
        required_claims=("iss",),
        fixed_claims={"token_use": "access"},
        audience_claim="client_id",
        role_paths=(("cognito:groups",),),
    ),
    # Microsoft identity platform, "Access token claims reference": azp in v2.0, appid in v1.0, neither in ID tokens;
    # "Access tokens", "Validate the signing key issuer".
    "entra": Profile(
        types=frozenset({"jwt", "at+jwt"}),
        required_claims=("iss", "aud"),
        one_of_claims=("azp", "appid"),
        scope_claims=("scp",),
        identity_claim="oid",
        # "ID token claims reference": email is not checked and can be changed; no claim says more.
        verified_by={"email": (), "phone_number": ()},
        keys_name_issuer=True,
        # "Optional claims reference": idtyp is there only if the app registration of the API asks for it.
        client=ClientShape(claims=("azp", "appid"), is_subject=False, signs=(("idtyp", "app"),)),
        # "Access token claims reference": acrs lists authentication contexts; acr is in v1.0 alone and is 0 or 1.
        login=LoginShape(acr_claim="acrs", lists_acr=True),
    ),
}
