"""The tenant of a token and the tenant in the path."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from flask import Blueprint, Flask

from auth import current_token, owns_path_tenant, owns_path_user, require_jwt
from auth.errors import ConfigurationError, MisuseError
from auth.flask.route_audit import audit_routes
from auth.testing import TokenIssuer, acting_as, local_issuer
from tests.support.services import (
    AUDIENCE,
    CLAIMS,
    ISSUED,
    ISSUER,
    KINDS,
    NOW,
    OTHER_SECRET,
    SECRET,
    add_view,
    bearer,
    compact,
    documented,
    service,
    with_claims,
)

OF_ACME = bearer(with_claims(org_id="acme"))


def tenants(rule: str = "/tenants/<path:tenant_id>", claim: Any = "org_id", kind: str = "flask") -> Flask:
    app = service(kind, AUTH_TENANT_CLAIM=claim)
    add_view(app, rule, owns_path_tenant(lambda **_path: f"{current_token.tenant_id}"))
    return app


def ask(app: Flask, path: str, headers: dict[str, str]) -> tuple[int, str]:
    answer = app.test_client().get(path, headers=headers)
    return answer.status_code, answer.text if answer.status_code == 200 else answer.get_json()["error"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_tenant_of_the_token_is_the_tenant_in_the_path(kind: str) -> None:
    """Another tenant is 403 without a challenge, and a stranger 401."""
    app = tenants(kind=kind)
    client = app.test_client()

    assert ask(app, "/tenants/acme", OF_ACME) == (200, "acme")
    assert ask(app, "/tenants/acme", {}) == (401, "missing_token")
    refused = client.get("/tenants/globex", headers=OF_ACME)
    assert (refused.status_code, "WWW-Authenticate" in refused.headers) == (403, False)
    assert refused.json == {
        "code": 403,
        "status": "Forbidden",
        "message": "The access token belongs to another tenant than the one in the path.",
        "error": "not_tenant",
    }


#: The value of the claim, and the path that would be that tenant's if the value were taken for text.
NO_TENANTS: dict[str, tuple[Any, str]] = {
    "absent": (..., "None"),
    "null": (None, "None"),
    "a number": (7, "7"),
    "true": (True, "True"),
    "a list": (["acme"], "acme"),
    "an object": ({"id": "acme"}, "acme"),
    "empty": ("", "%20"),
    "blank": (" ", "%20"),
    "U+FFFD": ("ac\ufffdme", "ac%FFme"),
    "NUL": ("acme\x00", "acme%00"),
    "a line end": ("acme\n", "acme%0A"),
}


@pytest.mark.parametrize(("value", "path"), NO_TENANTS.values(), ids=NO_TENANTS)
def test_a_claim_that_names_nobody_is_no_tenant(value: Any, path: str) -> None:
    """The token is good elsewhere, and owns no path of a tenant."""
    app = tenants("/tenants/<tenant_id>")
    add_view(app, "/me", require_jwt(lambda: f"{current_token.tenant_id}"))
    headers = bearer(with_claims(org_id=value))

    answer = app.test_client().get(f"/tenants/{path}", headers=headers)

    assert (answer.status_code, answer.get_json()["error"]) == (403, "not_tenant")
    assert answer.get_json()["message"] == "The access token names no tenant, and this path belongs to one."
    assert ask(app, "/me", headers) == (200, "None")


@pytest.mark.parametrize(
    ("tenant", "path", "status"),
    [
        ("acme", "Acme", 403),
        ("acme", "acme%20", 403),
        ("acme", "acme/", 403),
        ("ac/me", "ac%2Fme", 200),
        ("ac/me", "ac%252Fme", 403),
        ("ac%2Fme", "ac%252Fme", 200),
        ("\u00e9", "e%CC%81", 403),
        ("e\u0301", "e%CC%81", 200),
        ("\u212b", "%C3%85", 403),
    ],
)
def test_tenants_are_compared_character_by_character(tenant: str, path: str, status: int) -> None:
    """Decoded once; no case is folded and nothing is normalized."""
    assert (
        tenants().test_client().get(f"/tenants/{path}", headers=bearer(with_claims(org_id=tenant))).status_code
        == status
    )


@pytest.mark.parametrize(
    ("setting", "claims"),
    {
        "org_id": {"org_id": "acme"},
        "o.id": {"o": {"id": "acme"}},
        "a.b.c": {"a": {"b": {"c": "acme"}}},
        "https://api.example/tenant.id": {"https://api.example/tenant.id": "acme"},
        "urn:example:org.id": {"urn:example:org.id": "acme"},
        "custom:tenant": {"custom:tenant": "acme"},
        ("com.example.tenant",): {"com.example.tenant": "acme"},
        ("https://api.example/org", "id"): {"https://api.example/org": {"id": "acme"}},
    }.items(),
    ids=str,
)
def test_the_setting_is_a_name_or_a_way_to_a_member(setting: Any, claims: dict[str, Any]) -> None:
    """Dots part the names, except in a name of a namespace; a list has names with dots too."""
    app = tenants(claim=setting if isinstance(setting, str) else list(setting))

    assert ask(app, "/tenants/acme", bearer(compact(claims=CLAIMS | claims))) == (200, "acme")


@pytest.mark.parametrize(
    "claims", [{"o": "acme"}, {"o": ["acme"]}, {"o": {"id": ["acme"]}}, {"o.id": "acme"}, {"o": None}]
)
def test_a_way_that_leads_nowhere_is_no_tenant(claims: dict[str, Any]) -> None:
    """A name with dots in the token is not the way that the setting means."""
    assert ask(tenants(claim="o.id"), "/tenants/acme", bearer(compact(claims=CLAIMS | claims))) == (403, "not_tenant")


@pytest.mark.parametrize("order", [(owns_path_tenant, owns_path_user), (owns_path_user, owns_path_tenant)])
def test_tenant_and_user_in_a_path_must_both_be_those_of_the_token(order: tuple[Any, Any]) -> None:
    """In either order of the guards."""
    first, second = order
    app = service(AUTH_TENANT_CLAIM="org_id")
    add_view(app, "/tenants/<tenant_id>/users/<user_id>", first(second(lambda **_path: "ok")))

    statuses = {
        (tenant, user): ask(app, f"/tenants/{tenant}/users/{user}", OF_ACME)
        for tenant, user in itertools.product(("acme", "globex"), ("alice", "bob"))
    }

    assert statuses.pop(("acme", "alice")) == (200, "ok")
    assert statuses.pop(("acme", "bob")) == (403, "not_owner")
    assert statuses.pop(("globex", "alice")) == (403, "not_tenant")
    assert statuses.pop(("globex", "bob"))[0] == 403


def test_an_override_of_the_owner_ends_at_the_tenant() -> None:
    """Support of one tenant reads the users of that tenant."""
    app = service(AUTH_TENANT_CLAIM="org_id")
    view = owns_path_tenant(owns_path_user(unless_role="support")(lambda **_path: "ok"))
    add_view(app, "/tenants/<tenant_id>/users/<user_id>", view)
    support = bearer(with_claims(sub="sue", org_id="acme", roles=["support"]))

    assert ask(app, "/tenants/acme/users/bob", support) == (200, "ok")
    assert ask(app, "/tenants/globex/users/bob", support) == (403, "not_tenant")


def test_a_guarded_function_refuses_another_tenant_as_its_argument() -> None:
    """A view that calls another, or a decorator that rewrites the argument."""
    app = service(AUTH_TENANT_CLAIM="org_id")
    inner: Any = owns_path_tenant(lambda tenant_id: tenant_id)
    app.add_url_rule("/tenants/<tenant_id>", "view", lambda **_path: inner(tenant_id="globex"))

    assert ask(app, "/tenants/acme", OF_ACME) == (403, "not_tenant")


def test_the_tenants_of_two_issuers_are_told_apart() -> None:
    """By the prefix of their users; the plain issuer cannot name a tenant of the other."""
    partner = "https://partner.example"
    app = service(
        AUTH_SECRET=None,
        AUTH_ISSUER=None,
        AUTH_TENANT_CLAIM="org_id",
        AUTH_ISSUERS=[
            {"issuer": ISSUER, "secret": SECRET},
            {"issuer": partner, "secret": OTHER_SECRET, "user_prefix": "p:", "tenant_claim": "o.id"},
        ],
    )
    add_view(app, "/tenants/<tenant_id>", owns_path_tenant(lambda tenant_id: tenant_id))
    of_partner = bearer(compact(claims=CLAIMS | {"iss": partner, "o": {"id": "acme"}}, secret=OTHER_SECRET))

    assert ask(app, "/tenants/acme", OF_ACME) == (200, "acme")
    assert ask(app, "/tenants/p:acme", of_partner) == (200, "p:acme")
    assert ask(app, "/tenants/acme", of_partner) == (403, "not_tenant")
    assert ask(app, "/tenants/p:acme", bearer(with_claims(org_id="p:acme"))) == (403, "not_tenant")


def test_every_view_of_a_blueprint_may_belong_to_a_tenant() -> None:
    """Those of blueprints inside it too, before the guard and after."""
    app = service(AUTH_TENANT_CLAIM="org_id")
    outer, inner = Blueprint("outer", "outer", url_prefix="/<tenant_id>"), Blueprint("inner", "inner")
    outer.add_url_rule("/early", "early", lambda tenant_id: tenant_id)
    owns_path_tenant(outer)
    inner.add_url_rule("/late", "late", lambda tenant_id: tenant_id)
    outer.register_blueprint(inner)
    app.register_blueprint(outer)

    for path in ("early", "late"):
        assert ask(app, f"/acme/{path}", OF_ACME) == (200, "acme")
        assert ask(app, f"/globex/{path}", OF_ACME) == (403, "not_tenant")


def test_a_route_without_the_variable_answers_nobody() -> None:
    """And ``flask auth routes`` says so; ``param`` names another."""
    app = service(AUTH_TENANT_CLAIM="org_id")
    app.testing = True
    add_view(app, "/tenants/<tenant>", owns_path_tenant(lambda tenant: tenant))
    add_view(app, "/orgs/<org>", owns_path_tenant(param="org")(lambda org: org))

    assert [
        finding.sentence for route in audit_routes(app) for finding in route.findings if "tenant" in route.path
    ] == [
        "owns_path_tenant needs <tenant_id>, and the path has no such variable: nobody can enter. Correct the path, or "
        "name its variable with param=."
    ]
    assert ask(app, "/orgs/acme", OF_ACME) == (200, "acme")
    with pytest.raises(MisuseError, match="owns_path_tenant needs <tenant_id> in the route"):
        ask(app, "/tenants/acme", OF_ACME)


def test_a_guard_for_tenants_without_the_setting_stops_the_start() -> None:
    """Nobody could enter."""
    app = service()
    app.testing = True
    add_view(app, "/tenants/<tenant_id>", owns_path_tenant(lambda tenant_id: tenant_id))

    with pytest.raises(ConfigurationError, match="asks for a tenant, and AUTH_TENANT_CLAIM is not set"):
        ask(app, "/tenants/acme", OF_ACME)


@pytest.mark.parametrize("param", ["", "tenant id", 1])
def test_a_param_that_is_no_variable_is_refused(param: Any) -> None:
    """Where it is written."""
    with pytest.raises(
        TypeError, match=r"owns_path_tenant takes the name of a path variable as param, such as tenant_id\."
    ):
        owns_path_tenant(param=param)


def test_the_document_lists_the_answer_of_another_tenant() -> None:
    """Among the examples of 403."""
    document = documented(tenants("/tenants/<tenant_id>", kind="flask-smorest"))

    operation = document["paths"]["/tenants/{tenant_id}"]["get"]
    assert operation["responses"]["403"] == {"$ref": "#/components/responses/AccessDenied"}
    (content,) = document["components"]["responses"]["AccessDenied"]["content"].values()
    assert content["examples"]["not_tenant"]["value"]["error"] == "not_tenant"


def test_the_log_names_the_tenant_of_a_refused_caller(caplog: pytest.LogCaptureFixture) -> None:
    """Beside the user."""
    ask(tenants(), "/tenants/globex", OF_ACME)

    (record,) = (record for record in caplog.records if record.name == "flask_resource_server.audit")
    assert {name: vars(record)[name] for name in ("error", "user_id", "tenant")} == {
        "error": "not_tenant",
        "user_id": "alice",
        "tenant": "acme",
    }


@pytest.mark.parametrize("claim", ["org_id", "o.id", ["https://api.example/org", "id"]])
def test_tokens_of_tests_name_a_tenant(claim: Any) -> None:
    """Where the app looks for it, or the issuer of the test says it is."""
    app = tenants(claim=claim)
    with local_issuer(app) as issuer:
        assert ask(app, "/tenants/acme", issuer.authorization("alice", tenant="acme")) == (200, "acme")
    with acting_as(app, "alice", tenant="globex") as token:
        assert token.tenant_id == "globex"

    issuer = TokenIssuer(SECRET, issuer=ISSUER, audience=AUDIENCE, tenant_claim=claim, clock=lambda: NOW)
    assert ask(app, "/tenants/acme", issuer.authorization("alice", tenant="acme")) == (200, "acme")
    other = service(**issuer.settings)
    add_view(other, "/tenants/<tenant_id>", owns_path_tenant(lambda tenant_id: tenant_id))
    assert ask(other, "/tenants/acme", issuer.authorization("alice", tenant="acme")) == (200, "acme")


def test_an_issuer_of_tests_that_knows_no_claim_names_no_tenant() -> None:
    """In a sentence; the guard would refuse the token anyway."""
    with pytest.raises(ValueError, match=r"name no tenant. Set tenant_claim"):
        ISSUED.issue("alice", tenant="acme")
