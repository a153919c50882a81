"""Whose a path is, and what the guarded view gets: neither may be somebody else's."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Blueprint, Flask, request
from flask.views import MethodView
from werkzeug.routing import BaseConverter, ValidationError
from werkzeug.routing.matcher import StateMachineMatcher

from auth import ResourceServer, owns_path_user, public, require_jwt
from auth.path_rules import OwnerRule
from tests.support.services import bearer, clock, compact, service, with_claims

ALICE = bearer(compact())
SOMEBODY = uuid.uuid4()


def user(user_id: str) -> dict[str, str]:
    return bearer(with_claims(sub=user_id))


def status(app: Flask, path: str, headers: dict[str, str] = ALICE) -> int:
    return app.test_client().get(path, headers=headers).status_code


@pytest.mark.parametrize(
    "call",
    [lambda view, owner: view(user_id=owner), lambda view, owner: view(owner)],
    ids=["by name", "by place"],
)
def test_a_guarded_view_called_from_another_hands_out_nobody_elses(call: Callable[[Any, str], str]) -> None:
    """Both views are guarded, and the outer one takes the inner argument from elsewhere in its path."""
    app = service()

    @require_jwt
    @owns_path_user
    def tasks(user_id: str) -> str:
        return f"tasks of {user_id}"

    @app.get("/<user_id>/friends/<friend>")
    @owns_path_user
    def friends(user_id: str, friend: str) -> str:
        return call(tasks, friend)

    assert status(app, "/alice/friends/bob") == 403
    assert app.test_client().get("/alice/friends/bob", headers=ALICE).get_json()["error"] == "not_owner"
    assert app.test_client().get("/alice/friends/alice", headers=ALICE).text == "tasks of alice"


def test_an_async_view_is_held_to_its_argument() -> None:
    """As a function that is not."""
    app = service()

    @owns_path_user
    async def tasks(user_id: str) -> str:
        return f"tasks of {user_id}"

    app.add_url_rule("/<user_id>/as/<other>", "view", lambda other, **_: app.ensure_sync(tasks)(user_id=other))

    assert status(app, "/alice/as/bob") == 403
    assert status(app, "/alice/as/alice") == 200


@pytest.mark.parametrize("place", ["function", "class", "method"])
def test_a_decorator_above_the_guard_cannot_choose_another_owner(place: str) -> None:
    """What it rewrites is what the guard compares."""
    app = service()

    def for_bob(view: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return view(*args, **kwargs | {"user_id": "bob"})

        return wrapper

    class Tasks(MethodView):
        def get(self, user_id: str) -> str:
            return f"tasks of {user_id}"

    class WithMethod(Tasks):
        get = for_bob(owns_path_user(Tasks.get))

    views: dict[str, Callable[[], Any]] = {
        "function": lambda: for_bob(owns_path_user(lambda user_id: f"tasks of {user_id}")),
        "class": lambda: for_bob(owns_path_user(Tasks).as_view("tasks")),
        "method": lambda: WithMethod.as_view("tasks"),
    }
    app.add_url_rule("/<user_id>", "tasks", views[place]())

    assert [status(app, "/alice"), status(app, "/bob")] == [403, 403]


def test_an_argument_by_another_name_is_the_views_own_affair() -> None:
    """Only what ``param`` names is an owner."""
    app = service()

    @app.get("/<user_id>/of/<colleague>")
    @owns_path_user
    def view(user_id: str, colleague: str) -> str:
        return colleague

    assert app.test_client().get("/alice/of/bob", headers=ALICE).text == "bob"


def test_a_preprocessor_that_takes_the_owner_out_of_the_path_changes_nothing() -> None:
    """Flask's own pattern for values that every route has: the path is compared as the route matched it."""
    app = service()

    @app.url_value_preprocessor
    def pull(_endpoint: str | None, values: dict[str, Any] | None) -> None:
        (values or {}).pop("user_id", None)

    @app.get("/<user_id>/tasks")
    @owns_path_user
    def tasks() -> str:
        return "tasks"

    assert [status(app, "/alice/tasks"), status(app, "/bob/tasks")] == [200, 403]
    assert status(app, "/alice/tasks", {}) == 401


def test_a_preprocessor_that_rewrites_the_owner_opens_nothing() -> None:
    """The text in the path counts, and what the view is given as well."""
    app = service()

    @app.url_value_preprocessor
    def rewrite(_endpoint: str | None, values: dict[str, Any] | None) -> None:
        if values and "as" in request.args:
            values["user_id"] = request.args["as"]

    @app.get("/<user_id>")
    @owns_path_user
    def tasks(user_id: str) -> str:
        return f"tasks of {user_id}"

    assert status(app, "/alice") == 200
    assert [status(app, "/alice?as=bob"), status(app, "/bob?as=alice"), status(app, "/bob?as=bob")] == [403] * 3


def function_view(user_id: str) -> str:
    return f"tasks of {user_id}"


class ClassView(MethodView):
    """Guarded after its route was made."""

    def get(self, user_id: str) -> str:
        return function_view(user_id)


@pytest.mark.parametrize("place", ["blueprint", "class"])
def test_a_preprocessor_opens_nothing_whatever_the_guard_stands_on(place: str) -> None:
    """The function itself has no guard there, so the hook looks at what it will be called with."""
    app, blueprint = service(), Blueprint("tasks", __name__)

    class Tasks(ClassView):
        pass

    @blueprint.url_value_preprocessor
    def rewrite(_endpoint: str | None, values: dict[str, Any] | None) -> None:
        if values and "as" in request.args:
            values["user_id"] = request.args["as"]

    blueprint.add_url_rule("/<user_id>", "tasks", function_view if place == "blueprint" else Tasks.as_view("tasks"))
    owns_path_user(blueprint if place == "blueprint" else Tasks)
    app.register_blueprint(blueprint)

    assert status(app, "/alice") == 200
    assert [status(app, path) for path in ("/alice?as=bob", "/bob?as=alice", "/bob?as=bob")] == [403] * 3


def injected(view: Any) -> Any:
    """Call a view with a connection in front of the arguments, as decorators for databases do."""

    @functools.wraps(view)
    def with_connection(*args: Any, **kwargs: Any) -> Any:
        return view(object(), *args, **kwargs)

    return with_connection


def by_place(_connection: object, user_id: str) -> str:
    return f"tasks of {user_id}"


def by_place_only(user_id: str, /, **_others: str) -> str:
    return f"tasks of {user_id}"


def by_any_place(*users: str) -> str:
    return f"tasks of {users[0]}"


@pytest.mark.parametrize(
    ("guarded", "call", "answer"),
    [
        (owns_path_user(injected(by_place)), lambda view: view("bob"), 500),
        (owns_path_user(by_place_only), lambda view: view("bob", user_id="alice"), 403),
        (owns_path_user(by_any_place), lambda view: view("bob"), 500),
    ],
    ids=["a wrapper that gives more arguments", "a name taken twice", "no name at all"],
)
def test_an_argument_by_place_is_named_or_refused(
    guarded: Callable[..., str], call: Callable[[Any], str], answer: int
) -> None:
    """It may be somebody else's user id, and is never taken for another argument."""
    app = service()
    app.config["PROPAGATE_EXCEPTIONS"] = False

    @app.get("/<user_id>")
    @require_jwt
    def outer(user_id: str) -> str:
        return call(guarded)

    assert status(app, "/alice") == answer


@pytest.mark.parametrize("route", ["/<user_id>", "/<user_id>/<int:number>", "/<upper:user_id>"])
def test_a_hook_that_changes_the_path_after_the_guard_is_noticed(route: str) -> None:
    """The guard on the function looks again."""
    app = service()
    app.url_map.converters["upper"] = Upper

    @app.before_request
    def swap() -> None:
        request.view_args = {**(request.view_args or {}), "user_id": "bob"}

    app.add_url_rule(route, "tasks", owns_path_user(lambda user_id, **_: f"tasks of {user_id}"))
    rest = "/7" if "number" in route else ""

    assert [status(app, f"/alice{rest}"), status(app, f"/bob{rest}")] == [403, 403]


@pytest.mark.parametrize("guard", [require_jwt(scopes="read"), require_jwt, public], ids=["scopes", "token", "public"])
@pytest.mark.parametrize("route", ["/<int:owner>", "/<owner>"])
def test_a_view_cannot_choose_the_owner_for_another_guarded_function(route: str, guard: Callable[[Any], Any]) -> None:
    """Not by what Flask has noted of the path either."""
    app = service()

    @owns_path_user(param="owner")
    def tasks(owner: Any) -> str:
        return f"tasks of {owner}"

    @app.get(route)
    @guard
    def view(owner: Any) -> str:
        other = type(owner)("5")
        (request.view_args or {})["owner"] = other
        return tasks(owner=other)

    headers = bearer(with_claims(sub="7", scope="read"))

    assert app.test_client().get("/7", headers=headers).status_code == 403


def test_a_hook_that_changes_the_path_is_noticed_behind_an_override_too() -> None:
    """The log would name another owner than the one whose tasks are read."""
    app = service()

    @app.before_request
    def swap() -> None:
        (request.view_args or {})["user_id"] = "bob"

    app.add_url_rule("/<user_id>", "tasks", owns_path_user(unless_scope="any")(lambda user_id: f"tasks of {user_id}"))

    assert status(app, "/carol", bearer(with_claims(scope="any"))) == 403


def test_a_converter_beside_the_owner_costs_no_second_match(monkeypatch: pytest.MonkeyPatch) -> None:
    """The text of the owner is at hand. Only an owner that is converted has to be read from the path again."""
    matched: list[str] = []
    match = StateMachineMatcher.match

    def counted(matcher: StateMachineMatcher, domain: str, path: str, method: str, websocket: bool) -> Any:
        matched.append(path)
        return match(matcher, domain, path, method, websocket)

    app = service()
    app.add_url_rule("/<user_id>/<int:number>", "number", owns_path_user(lambda user_id, number: user_id + str(number)))
    app.add_url_rule("/users/<int:user_id>", "user", owns_path_user(lambda user_id: str(user_id)))
    app.add_url_rule(
        "/<user_id>/of/<int:group>",
        "group",
        owns_path_user(param="group")(lambda user_id, group: f"{user_id} in {group}"),
    )
    monkeypatch.setattr(StateMachineMatcher, "match", counted)

    assert [status(app, "/alice/7"), status(app, "/users/7", user("7")), status(app, "/alice/of/7", user("7"))] == [
        200
    ] * 3
    assert matched == ["/alice/7", *["/users/7"] * 2, *["/alice/of/7"] * 2]


class Upper(BaseConverter):
    """Makes another text of the one in the path."""

    def to_python(self, value: str) -> str:
        if value == "nobody":
            raise ValidationError
        return value.upper()


CONVERTED: dict[str, tuple[str, str, str, int]] = {
    "a UUID": ("uuid", str(SOMEBODY), str(SOMEBODY), 200),
    "another UUID": ("uuid", str(uuid.uuid4()), str(SOMEBODY), 403),
    "a UUID in upper case": ("uuid", str(SOMEBODY).upper(), str(SOMEBODY), 403),
    "a number": ("int", "7", "7", 200),
    "another number": ("int", "8", "7", 403),
    "a number with zeros in front": ("int", "007", "7", 403),
    "a converter that changes the text": ("upper", "alice", "alice", 200),
    "what a converter makes of the text": ("upper", "alice", "ALICE", 403),
    "one of several": ("any(alice, bob)", "alice", "alice", 200),
    "a path": ("path", "a/b", "a/b", 200),
}


@pytest.mark.parametrize(("converter", "path", "subject", "expected"), CONVERTED.values(), ids=CONVERTED)
@pytest.mark.parametrize("prefix", ["", "/api"])
def test_any_converter_is_compared_by_the_text_in_the_path(
    prefix: str, converter: str, path: str, subject: str, expected: int
) -> None:
    """The view gets what the converter makes of it, as ever."""
    app = service()
    app.url_map.converters["upper"] = Upper
    seen: list[Any] = []

    def view(user_id: Any) -> str:
        seen.append(user_id)
        return "ok"

    app.add_url_rule(f"{prefix}/<{converter}:user_id>/tasks", "tasks", owns_path_user(view), methods=["GET", "PUT"])

    assert status(app, f"{prefix}/{path}/tasks", user(subject)) == expected
    assert status(app, f"{prefix}/{path}/tasks", {}) == 401
    assert app.test_client().put(f"{prefix}/{path}/tasks", headers=user(subject)).status_code == expected
    assert len(seen) == 2 * (expected == 200)
    assert all(type(value) in (uuid.UUID, int, str) for value in seen)


class Account:
    """A model that knows no other equality than identity."""

    def __init__(self, name: str) -> None:
        self.name = name


class AccountConverter(BaseConverter):
    """Reads something of the map it belongs to, and makes a model."""

    def __init__(self, url_map: Any, kind: Callable[[str], Account]) -> None:
        super().__init__(url_map)
        self.make = url_map.accounts.get(kind, kind)

    def to_python(self, value: str) -> Account:
        return self.make(value)  # type: ignore[no-any-return]


def test_a_converter_may_be_made_by_anything_and_make_anything() -> None:
    """By a factory that needs the map; the route is matched without making it anew."""
    app = service()
    app.url_map.accounts = {}  # type: ignore[attr-defined]
    app.url_map.converters["account"] = functools.partial(AccountConverter, kind=Account)  # type: ignore[assignment]

    @app.get("/<account:user_id>")
    @owns_path_user
    def tasks(user_id: Account) -> str:
        return f"tasks of {user_id.name}"

    assert [status(app, path) for path in ("/alice", "/bob")] == [200, 403]
    assert app.test_client().get("/alice", headers=ALICE).text == "tasks of alice"


def test_a_path_that_a_hook_exchanges_is_not_found() -> None:
    """The route that was chosen does not match it."""
    app = service()
    app.before_request_funcs[None].insert(0, lambda: request.environ.update(PATH_INFO="/elsewhere/1"))
    app.add_url_rule("/<int:user_id>", "tasks", owns_path_user(lambda user_id: str(user_id)))

    assert status(app, "/7", user("7")) == 404


def test_an_argument_that_a_converter_made_must_be_that_of_the_path() -> None:
    """A guarded view is called with somebody else's number."""
    app = service()

    @owns_path_user
    def tasks(user_id: int) -> str:
        return f"tasks of {user_id}"

    app.add_url_rule("/<int:user_id>/as/<int:other>", "view", lambda other, **_: tasks(other))

    assert status(app, "/7/as/7", user("7")) == 200
    assert status(app, "/7/as/8", user("7")) == 403


def test_a_user_in_the_host_name_is_an_owner_too() -> None:
    """Werkzeug routes subdomains like paths."""
    app = Flask("service", subdomain_matching=True)
    app.config.update(service().config, SERVER_NAME="example.com")
    ResourceServer(app, clock=clock)
    app.url_map.converters["upper"] = Upper
    app.add_url_rule("/", "plain", owns_path_user(lambda user_id: user_id), subdomain="<user_id>")
    app.add_url_rule("/changed", "changed", owns_path_user(lambda user_id: user_id), subdomain="<upper:user_id>")

    def ask(path: str, host: str) -> int:
        return app.test_client().get(path, base_url=f"http://{host}.example.com", headers=ALICE).status_code

    assert [ask("/", "alice"), ask("/", "bob")] == [200, 403]
    assert [ask("/changed", "alice"), ask("/changed", "bob")] == [200, 403]


def test_every_rule_is_checked_at_most_twice_in_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the hook, and where the guard stands; however many guards there are."""
    checks: list[str] = []
    check = OwnerRule.check

    def counted(rule: OwnerRule, *arguments: Any) -> None:
        checks.append(rule.param)
        check(rule, *arguments)

    monkeypatch.setattr(OwnerRule, "check", counted)
    app = service()

    @require_jwt
    @owns_path_user
    class Tasks(MethodView):
        @owns_path_user(param="also")
        def get(self, user_id: str, also: str) -> str:
            return user_id + also

    class Derived(Tasks):
        decorators = [require_jwt]  # noqa: RUF012  # as Flask declares it

    app.add_url_rule("/<user_id>/<also>", view_func=Derived.as_view("derived"))

    assert status(app, "/alice/alice") == 200
    assert sorted(checks) == ["also", "also", "user_id", "user_id"]
