"""What the decorators do to types: read by mypy and pyright, both strict, run by nobody."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Set
from typing import assert_type

from flask import Flask
from flask.views import MethodView

from auth import (
    AccessToken,
    Actor,
    KeySource,
    ResourceServer,
    current_token,
    owns_path_tenant,
    owns_path_user,
    public,
    require_jwt,
)
from auth.keys import (
    DiscoveredLocation,
    FixedLocation,
    KeyRing,
    KeyStatus,
    RemoteKeySettings,
    RemoteKeySource,
    SimpleKeySource,
    StaticKeys,
    VerificationKey,
)
from auth.testing import TokenIssuer

app = Flask(__name__)


@app.get("/bare/<int:year>")
@require_jwt
def bare(year: int) -> str:
    return str(year)


@require_jwt()
def called(year: int) -> str:
    return str(year)


@require_jwt(scopes="reports:read", any_scope=["staff", "admin"])
def scoped(year: int, *, month: int = 1) -> dict[str, int]:
    return {"year": year, "month": month}


@require_jwt(roles="admin", any_role=("editor", "author"))
def for_roles(year: int) -> str:
    return str(year)


@require_jwt(caller="client", delegated=False)
def for_clients(year: int) -> str:
    return current_token.client_id or str(year)


@require_jwt(acr=["phr", "phrh"], max_age=300)
def for_strong_logins(year: int) -> str:
    return str(year)


@require_jwt(max_age="300")  # type: ignore[call-overload, untyped-decorator]
def for_no_number(year: int) -> str:
    return str(year)


@require_jwt(caller="clients")  # type: ignore[call-overload, untyped-decorator]
def misspelt(year: int) -> str:
    return str(year)


@owns_path_user(clients=True)
def owned_by_clients_too(user_id: str) -> str:
    actor: Actor | None = current_token.actor
    return user_id if actor is None else actor.subject


@owns_path_tenant
@owns_path_user(unless_scope=["notes:any", "audit"], unless_role="admin", hide=LookupError)
def overridden(tenant_id: str, user_id: str) -> str:
    return tenant_id + user_id


@require_jwt(optional=True)
def optional() -> str:
    return current_token.user_id if current_token else "stranger"


@owns_path_user
def owned(user_id: str) -> str:
    return user_id


@require_jwt
@owns_path_user(param="owner")
async def awaited(owner: str) -> str:
    return owner


@public
def opened() -> str:
    return ""


@require_jwt
@owns_path_user
class Notes(MethodView):
    def get(self, user_id: str) -> str:
        return user_id

    @require_jwt(scopes="notes:write")
    def post(self, user_id: str) -> tuple[str, int]:
        return user_id, 201

    @require_jwt
    async def put(self, user_id: str) -> str:
        return user_id


@public
class Health(MethodView):
    def get(self) -> str:
        return ""


class Listed(MethodView):
    decorators = [require_jwt, owns_path_user(param="owner"), require_jwt(scopes="a")]  # noqa: RUF012


def takes(view: Callable[[int], str], coroutine: Callable[[str], Awaitable[str]], view_class: type[Notes]) -> None:
    """Decorated things go wherever undecorated ones would."""


async def samples(notes: Notes) -> None:
    """Every decorated thing still has the type that it was written with."""
    assert_type(bare(2027), str)
    assert_type(called(year=2027), str)
    assert_type(scoped(2027, month=2), dict[str, int])
    assert_type(for_roles(2027), str)
    assert_type(optional(), str)
    assert_type(owned(user_id="alice"), str)
    assert_type(await awaited("alice"), str)
    assert_type(opened(), str)
    assert_type(notes.get("alice"), str)
    assert_type(notes.post("alice"), tuple[str, int])
    assert_type(await notes.put("alice"), str)
    assert_type(Notes(), Notes)
    assert_type(Health().get(), str)

    takes(bare, awaited, Notes)

    # A wrong call stays wrong: the next lines are errors that both must see.
    bare("2027")  # type: ignore[arg-type]
    owned()  # type: ignore[call-arg]
    require_jwt("reports:read")  # type: ignore[call-overload]
    owns_path_user("owner")  # type: ignore[call-overload]
    owns_path_user(hide=404)  # type: ignore[call-overload]
    owns_path_tenant(clients=True)  # type: ignore[call-overload]
    require_jwt(scope="reports:read")  # type: ignore[call-overload]
    require_jwt(roles=5)  # type: ignore[call-overload]  # a number is no role
    require_jwt(role="admin")  # type: ignore[call-overload]  # the name is roles
    current_token.user_id = "bob"  # type: ignore[misc]

    assert_type(current_token, AccessToken)
    assert_type(current_token.subject, str | None)
    assert_type(current_token.tenant_id, str | None)
    assert_type(current_token.scopes, Set[str])
    assert_type(current_token.roles, Set[str])


keys: KeySource = TokenIssuer.generate("EdDSA").keys
static: KeySource = StaticKeys([])
fetched: KeySource = RemoteKeySource(
    FixedLocation("https://login.example/jwks"), settings=RemoteKeySettings(max_age=300)
)
found: KeySource = RemoteKeySource(DiscoveredLocation("https://login.example"))
known: KeyStatus = fetched.status()
ring: KeyRing | None = fetched.peek()


class OwnKeys(SimpleKeySource):
    def keys_for(self, algorithm: str, key_id: str | None) -> list[VerificationKey]:
        return []


own: KeySource = OwnKeys()
server: ResourceServer = ResourceServer(app, keys=keys, clock=lambda: 0)
