"""The decorators, wherever and however they stand."""

from __future__ import annotations

import functools
import gc
import inspect
import itertools
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar
from unittest.mock import Mock

import marshmallow as ma
import pytest
from flask import Flask, request
from flask.typing import ResponseReturnValue
from flask.views import MethodView, View
from flask_smorest import Blueprint

from auth import current_token, owns_path_user, public, require_jwt
from auth.errors import MisuseError
from tests.support.services import KINDS, add_view, bearer, compact, documented, service, with_claims

ALICE = bearer(compact())
BOB = bearer(with_claims(sub="bob"))


def statuses(app: Flask, path: str, *methods: str) -> list[list[int]]:
    """Return what each method answers: without a token, with a forged one, to Bob and to Alice."""
    client = app.test_client()
    callers: list[dict[str, str]] = [{}, bearer("abc"), BOB, ALICE]
    return [
        [client.open(path, method=name, headers=who).status_code for who in callers] for name in methods or ("GET",)
    ]


GUARDED, OWNED = [401, 401, 200, 200], [401, 401, 403, 200]

FORMS: dict[str, Callable[[Any], Any]] = {
    "bare": require_jwt,
    "called": require_jwt(),
    "with keywords": require_jwt(scopes=None, any_scope=None, optional=False),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("guard", FORMS.values(), ids=FORMS)
def test_a_function_is_guarded_in_every_form(kind: str, guard: Callable[[Any], Any]) -> None:
    """With parentheses and without."""
    app = service(kind)
    add_view(app, "/", guard(lambda: "ok"))

    assert statuses(app, "/") == [GUARDED]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "guard", [owns_path_user, owns_path_user(), owns_path_user(param="user_id")], ids=["bare", "called", "keyword"]
)
def test_an_owner_guard_is_safe_alone_in_every_form(kind: str, guard: Callable[[Any], Any]) -> None:
    """It verifies the token itself."""
    app = service(kind)
    add_view(app, "/<user_id>", guard(lambda user_id: user_id))

    assert statuses(app, "/alice") == [OWNED]


def test_another_variable_may_name_the_owner() -> None:
    """``param`` counts and nothing else in the path."""
    app = service()
    add_view(app, "/<user_id>/of/<owner>", owns_path_user(param="owner")(lambda **_path: "ok"))

    assert statuses(app, "/bob/of/alice") == [OWNED]


@pytest.mark.parametrize("kind", KINDS)
def test_an_async_view_is_guarded(kind: str) -> None:
    """And stays a coroutine function."""
    app = service(kind)

    @require_jwt
    @owns_path_user
    async def view(user_id: str) -> str:
        return f"{user_id} {current_token.user_id}"

    add_view(app, "/<user_id>", view)

    assert inspect.iscoroutinefunction(view)
    assert statuses(app, "/alice") == [OWNED]
    assert app.test_client().get("/alice", headers=ALICE).text == "alice alice"


def test_an_app_goes_when_nobody_needs_it_any_more() -> None:
    """Views know their app; what a guard remembers of them must not keep all of it, cache and threads included."""

    def make() -> weakref.ref[Flask]:
        app = service()

        @app.get("/<user_id>")
        @require_jwt
        @owns_path_user
        def view(user_id: str) -> str:
            return app.name

        assert statuses(app, "/alice") == [OWNED]
        return weakref.ref(app)

    made = make()
    gc.collect()

    assert made() is None


def test_a_view_that_answers_to_any_name_can_be_guarded() -> None:
    """Such as a stand-in for a view in somebody's tests."""
    app = service()
    app.add_url_rule("/stand-in", "stand-in", require_jwt(Mock(return_value="ok", __name__="stand-in")))

    assert statuses(app, "/stand-in") == [GUARDED]


def test_a_view_that_does_not_tell_its_arguments_can_be_guarded() -> None:
    """Such as a function that is written in C."""
    app = service()
    app.add_url_rule("/greatest", "greatest", require_jwt(functools.partial(max, "a", "b")))

    assert statuses(app, "/greatest") == [GUARDED]
    with app.test_request_context("/", headers=ALICE):
        assert require_jwt(functools.partial(max, "a"))("c") == "c"


def test_a_guard_on_a_wrapper_of_another_guard_calls_the_wrapper() -> None:
    """Wrappers copy what a guard notes on a function; they are not passed over for that."""
    app = service()

    def shouting(view: Callable[..., str]) -> Callable[..., str]:
        @functools.wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> str:
            return view(*args, **kwargs).upper()

        return wrapper

    @app.get("/<user_id>")
    @require_jwt
    @shouting
    @owns_path_user
    def view(user_id: str) -> str:
        return user_id

    assert statuses(app, "/alice") == [OWNED]
    assert app.test_client().get("/alice", headers=ALICE).text == "ALICE"


def test_a_guard_enforces_itself_where_no_hook_has_seen_it() -> None:
    """A wrapper that hides everything, and a view called by another view."""
    app = service()

    @require_jwt
    def inner() -> str:
        return current_token.user_id

    @require_jwt
    async def inner_async() -> str:
        return current_token.user_id

    app.add_url_rule("/hidden", "hidden", lambda: inner())
    app.add_url_rule("/async", "async", lambda: app.ensure_sync(inner_async)())

    assert statuses(app, "/hidden") == [GUARDED]
    assert statuses(app, "/async") == [GUARDED]


OPTIONAL = "require_jwt cannot combine optional=True with scopes or roles: an anonymous caller has neither."
ROLE_NAMES = "roles are names without space around them: one text, or a list."
SCOPE_NAMES = (
    "scopes are names of printable ASCII without spaces, quotes and backslashes: one text with single spaces between "
    "them, or a list."
)

PATH_VARIABLE = "owns_path_user takes the name of a path variable as param, such as user_id."
MISUSES: dict[str, tuple[Callable[[], object], str]] = {
    "a scope in place of the view": (
        lambda: require_jwt("reports:read"),  # type: ignore[call-overload]
        'require_jwt stands on a view, or takes keyword arguments such as @require_jwt(scopes="reports:read"); '
        "got str.",
    ),
    "a variable in place of the view": (
        lambda: owns_path_user("owner"),  # type: ignore[call-overload]
        'owns_path_user stands on a view, or takes keyword arguments such as @owns_path_user(param="owner"); got str.',
    ),
    "no view after the call": (
        lambda: require_jwt()(None),  # type: ignore[type-var]
        'require_jwt stands on a view, or takes keyword arguments such as @require_jwt(scopes="reports:read"); '
        "got NoneType.",
    ),
    "an app in place of a view": (
        lambda: require_jwt(Flask("service")),
        "require_jwt guards views, view classes and blueprints; for a whole app, set AUTH_DENY_BY_DEFAULT.",
    ),
    "a class that is no view": (
        lambda: require_jwt(dict),
        "require_jwt stands on functions and on View classes; dict is neither.",
    ),
    "public on an app": (
        lambda: public(Flask("app")),
        "public stands on a view, a view class or a blueprint; got Flask.",
    ),
    "public on a number": (
        lambda: public(5),  # type: ignore[type-var]
        "public stands on a view, a view class or a blueprint; got int.",
    ),
    "public above a static method": (
        lambda: public(staticmethod(dict)),
        "public stands on a view, a view class or a blueprint; got staticmethod.",
    ),
    "no name of an owner": (lambda: owns_path_user(param=""), PATH_VARIABLE),
    "an owner that is no text": (lambda: owns_path_user(param=None), PATH_VARIABLE),  # type: ignore[call-overload]
    "optional with scopes": (
        lambda: require_jwt(optional=True, scopes="a"),
        OPTIONAL,
    ),
    "optional with any scope": (
        lambda: require_jwt(optional=True, any_scope=["a"]),
        OPTIONAL,
    ),
    "optional with roles": (lambda: require_jwt(optional=True, roles="a"), OPTIONAL),
    "optional with any role": (lambda: require_jwt(optional=True, any_role=["a"]), OPTIONAL),
    "no role of all": (lambda: require_jwt(roles=[]), ROLE_NAMES),
    "an empty role": (lambda: require_jwt(any_role=""), ROLE_NAMES),
    "a role with space around it": (lambda: require_jwt(roles=["a", "b "]), ROLE_NAMES),
    "roles that are no texts": (
        lambda: require_jwt(any_role=[1]),  # type: ignore[list-item]  # the misuse itself
        ROLE_NAMES,
    ),
    "scopes that are no texts": (
        lambda: require_jwt(scopes=[1]),  # type: ignore[list-item]
        SCOPE_NAMES,
    ),
    "a scope with a space": (
        lambda: require_jwt(any_scope=["a b"]),
        SCOPE_NAMES,
    ),
    "no scope of all": (lambda: require_jwt(scopes=[]), SCOPE_NAMES),
    "no scope of any": (lambda: require_jwt(any_scope=()), SCOPE_NAMES),
    "a scope with a quote": (lambda: require_jwt(scopes=['a"b']), SCOPE_NAMES),
    "a scope with a newline": (lambda: require_jwt(scopes=["a\nb"]), SCOPE_NAMES),
    "a scope with a backslash": (lambda: require_jwt(scopes=["a\\b"]), SCOPE_NAMES),
    "a scope with DEL": (lambda: require_jwt(scopes=["a\x7f"]), SCOPE_NAMES),
    "one bad scope among good ones": (lambda: require_jwt(scopes=["a", "b c", "d"]), SCOPE_NAMES),
    "two spaces between scopes": (lambda: require_jwt(scopes="a  b"), SCOPE_NAMES),
    "a scope outside ASCII": (lambda: require_jwt(scopes="lesen:bücher"), SCOPE_NAMES),
    "a blank scope": (lambda: require_jwt(scopes=" "), SCOPE_NAMES),
    "an empty text of scopes": (lambda: require_jwt(scopes=""), SCOPE_NAMES),
    "an empty scope": (
        lambda: require_jwt(scopes=[""]),
        SCOPE_NAMES,
    ),
}


@pytest.mark.parametrize(("misuse", "message"), MISUSES.values(), ids=MISUSES)
def test_a_misuse_is_refused_where_it_is_written(misuse: Callable[[], object], message: str) -> None:
    """With a sentence that says what was meant."""
    with pytest.raises(TypeError) as raised:
        misuse()
    assert str(raised.value) == message


@pytest.mark.parametrize(
    "misuse",
    [
        lambda: require_jwt(lambda: "", "a"),  # type: ignore[call-overload]
        lambda: require_jwt(scope="a"),  # type: ignore[call-overload]
    ],
    ids=["two arguments", "unknown name"],
)
def test_arguments_are_keyword_only_and_known(misuse: Callable[[], object]) -> None:
    """Nothing is guessed."""
    with pytest.raises(TypeError):
        misuse()


def test_a_guard_keeps_what_the_view_is_called() -> None:
    """Endpoint names, documentation and signatures come from there."""

    @require_jwt
    def reports(year: int) -> str:
        """List the reports of a year."""
        return str(year)

    assert (reports.__name__, reports.__doc__) == ("reports", "List the reports of a year.")
    assert list(inspect.signature(reports).parameters) == ["year"]


SCOPED: dict[str, tuple[dict[str, Any], str, int]] = {
    "one": ({"scopes": "a"}, "a", 200),
    "one of two": ({"scopes": "a b"}, "a", 403),
    "two in a text": ({"scopes": "a b"}, "b a", 200),
    "two in a list": ({"scopes": ["a", "b"]}, "a b", 200),
    "any": ({"any_scope": "a b"}, "b", 200),
    "none of any": ({"any_scope": "a b"}, "c", 403),
    "both": ({"scopes": "a", "any_scope": ["b", "c"]}, "a c", 200),
    "only the any of both": ({"scopes": "a", "any_scope": ["b", "c"]}, "c", 403),
    "nothing granted": ({"scopes": "a"}, "", 403),
    "from a generator": ({"scopes": (name for name in "ab")}, "a b", 200),
    "one of two from a generator": ({"scopes": (name for name in "ab")}, "a", 403),
    "none of any from a generator": ({"any_scope": (name for name in "ab")}, "c", 403),
    "the ends of the alphabet": ({"scopes": "! # [ ] ~"}, "! # [ ] ~", 200),
}


@pytest.mark.parametrize(("arguments", "granted", "status"), SCOPED.values(), ids=SCOPED)
def test_scopes_are_demanded_all_of_or_any_of(arguments: dict[str, Any], granted: str, status: int) -> None:
    """RFC 6750 §3.1: 403, not 401."""
    app = service()
    add_view(app, "/", require_jwt(**arguments)(lambda: "ok"))

    assert app.test_client().get("/", headers=bearer(with_claims(scope=granted))).status_code == status


class Handlers(MethodView):
    """Handlers that say nothing themselves."""

    def get(self, **_path: str) -> ResponseReturnValue:
        return "got"

    def post(self, **_path: str) -> ResponseReturnValue:
        return "posted"


@pytest.mark.parametrize("kind", KINDS)
def test_a_method_is_guarded_alone(kind: str) -> None:
    """HEAD is answered by GET and guarded like it; the other method stays as it is."""
    app = service(kind)

    class Notes(Handlers):
        @require_jwt
        def get(self, **_path: str) -> ResponseReturnValue:
            return "got"

    add_view(app, "/", Notes)

    assert statuses(app, "/", "GET", "HEAD", "POST") == [GUARDED, GUARDED, [200] * 4]


def test_an_async_method_is_guarded() -> None:
    """In a guarded class, and alone."""
    app = service()

    class Alone(MethodView):
        @require_jwt
        async def get(self) -> str:
            return "ok"

    @require_jwt
    class Whole(MethodView):
        async def get(self) -> str:
            return "ok"

    add_view(app, "/alone", Alone)
    add_view(app, "/whole", Whole)

    assert statuses(app, "/alone") + statuses(app, "/whole") == [GUARDED] * 2


def test_explicit_handlers_for_head_and_options_are_guarded() -> None:
    """Automatic OPTIONS answers stay open."""
    app = service()

    @require_jwt
    class Explicit(Handlers):
        def head(self) -> ResponseReturnValue:
            return "", 200

        def options(self) -> ResponseReturnValue:
            return "", 200

    add_view(app, "/explicit", Explicit)
    add_view(app, "/automatic", require_jwt(type("Automatic", (Handlers,), {})))

    assert statuses(app, "/explicit", "HEAD", "OPTIONS") == [GUARDED] * 2
    assert statuses(app, "/automatic", "OPTIONS") == [[200] * 4]


@pytest.mark.parametrize("every_request", [True, False])
def test_a_plain_view_class_is_guarded(every_request: bool) -> None:
    """With one instance per request, and with one for all."""
    app = service()

    @require_jwt
    class Plain(View):
        init_every_request = every_request

        def dispatch_request(self) -> str:
            return "ok"

    class Listed(View):
        init_every_request = every_request
        methods = ["GET"]  # noqa: RUF012  # as Flask declares it
        decorators = [require_jwt]  # noqa: RUF012  # as Flask declares it

        def dispatch_request(self) -> str:
            return "ok"

    app.add_url_rule("/plain", view_func=Plain.as_view("plain"))
    app.add_url_rule("/listed", view_func=Listed.as_view("listed"))

    assert statuses(app, "/plain") + statuses(app, "/listed") == [GUARDED] * 2


def test_a_subclass_of_a_guarded_class_is_guarded_whatever_it_adds() -> None:
    """New handlers, replaced ones, and a dispatch of its own."""
    app = service(AUTH_DENY_BY_DEFAULT=True)

    @require_jwt
    class Base(Handlers): ...

    class Adding(Base):
        def delete(self) -> str:
            return "deleted"

        def get(self, **_path: str) -> ResponseReturnValue:
            return "got otherwise"

    class Dispatching(Base):
        def dispatch_request(self, **_path: str) -> ResponseReturnValue:
            return "dispatched"

    class Relisting(Base):
        decorators = []  # noqa: RUF012  # as Flask declares it

    for path, view in (("/adding", Adding), ("/dispatching", Dispatching), ("/relisting", Relisting)):
        add_view(app, path, view)

    assert statuses(app, "/adding", "GET", "POST", "DELETE") == [GUARDED] * 3
    assert statuses(app, "/dispatching", "GET", "POST") == [GUARDED] * 2
    assert statuses(app, "/relisting", "GET", "POST") == [GUARDED] * 2


def test_a_subclass_cannot_shed_the_guard() -> None:
    """Neither by decorators of its own, nor by its own dispatching, nor by that of a mixin."""

    @require_jwt
    class Base(View):
        def dispatch_request(self) -> str:
            return "base"

    class Own(Base):
        decorators: ClassVar[list[Callable[..., Any]]] = []

        def dispatch_request(self) -> str:
            return "own"

    class Mixin:
        def dispatch_request(self) -> str:
            return "mixed in"

    class Mixed(Mixin, Base):
        decorators: ClassVar[list[Callable[..., Any]]] = []

    app = service()
    app.add_url_rule("/own", view_func=Own.as_view("own"))
    app.add_url_rule("/mixed", view_func=Mixed.as_view("mixed"))

    assert [app.test_client().get(path).status_code for path in ("/own", "/mixed")] == [401, 401]
    assert [app.test_client().get(path, headers=ALICE).text for path in ("/own", "/mixed")] == ["own", "mixed in"]


def view_by_hand(cls: Any, name: str) -> Callable[..., Any]:
    """Stand for an ``as_view`` of a service's own, which does not call Flask's."""

    def view(**arguments: Any) -> Any:
        return cls().dispatch_request(**arguments)

    view.__name__ = name
    return view


def test_an_as_view_that_does_not_call_flasks_is_closed_by_deny_by_default() -> None:
    """It calls ``dispatch_request()`` by hand: nothing of the class is left on the view."""

    @require_jwt
    class Base(MethodView):
        def get(self) -> str:
            return "in"

    class ByHand(Base):
        as_view = classmethod(view_by_hand)

    class Calling(Base):
        @classmethod
        def as_view(cls, name: str, *class_args: Any, **class_kwargs: Any) -> Any:
            return super().as_view(name, *class_args, **class_kwargs)

    app = service(AUTH_DENY_BY_DEFAULT=True)
    app.add_url_rule("/by-hand", view_func=ByHand.as_view("by hand"))
    app.add_url_rule("/calling", view_func=Calling.as_view("calling"))

    assert statuses(app, "/by-hand") == [[401, 401, 403, 403]]
    assert statuses(app, "/calling") == [GUARDED]


def test_a_wrapper_around_as_view_keeps_the_guard() -> None:
    """Above the guard, by a decorator that looks at each view."""
    made = []

    def traced(view_class: Any) -> Any:
        make = view_class.as_view

        def as_view(_cls: Any, *args: Any, **kwargs: Any) -> Any:
            made.append(args)
            return make(*args, **kwargs)

        view_class.as_view = classmethod(as_view)
        return view_class

    @traced
    @require_jwt
    class Traced(MethodView):
        def get(self) -> str:
            return "in"

    app = service()
    app.add_url_rule("/", view_func=Traced.as_view("traced"))

    assert statuses(app, "/") == [GUARDED]
    assert made == [("traced",)]


def test_a_bound_method_of_a_guarded_class_is_guarded_as_a_view() -> None:
    """The hook knows whose it is."""

    @require_jwt
    @owns_path_user
    class Tasks(MethodView):
        def get(self, user_id: str) -> str:
            return user_id

    app = service()
    app.add_url_rule("/get/<user_id>", "get", Tasks().get)
    app.add_url_rule("/dispatch/<user_id>", "dispatch", Tasks().dispatch_request)

    assert [statuses(app, f"/{way}/alice") for way in ("get", "dispatch")] == [[OWNED]] * 2


def test_a_guard_reaches_classes_it_has_never_seen() -> None:
    """Derived before it was put on, or without a word to the base, or changed afterwards: the rule is inherited."""

    class Base(View):
        def dispatch_request(self) -> str:
            return "base"

    class Earlier(Base):
        def dispatch_request(self) -> str:
            return "earlier"

    require_jwt(Base)

    class Silent(Base):
        def __init_subclass__(cls) -> None:
            """Forgets to call super()."""

    class Unannounced(Silent):
        def dispatch_request(self) -> str:
            return "unannounced"

    class Changed(Base):
        pass

    setattr(Changed, "dispatch_request", lambda _self: "changed")  # noqa: B010 - as code elsewhere would
    app = service()
    for view in (Earlier, Unannounced, Changed):
        app.add_url_rule(f"/{view.__name__}", view_func=view.as_view(view.__name__))

    for view in (Earlier, Unannounced, Changed):
        assert app.test_client().get(f"/{view.__name__}").status_code == 401
        assert app.test_client().get(f"/{view.__name__}", headers=ALICE).text == view.__name__.lower()


def test_a_handler_that_is_no_function_is_left_as_it_is() -> None:
    """A partial method works as before; the class is what guards it."""

    @require_jwt
    class Notes(MethodView):
        def answer(self, text: str) -> str:
            return text

        get = functools.partialmethod(answer, "ok")

    app = service()
    add_view(app, "/", Notes)

    assert app.test_client().get("/").status_code == 401
    assert app.test_client().get("/", headers=ALICE).text == "ok"


def test_a_guarded_class_may_have_subclass_arguments_of_its_own() -> None:
    """Its own ``__init_subclass__`` runs as before."""
    seen = []

    @require_jwt
    class Base(MethodView):
        def __init_subclass__(cls, /, label: str, **kwargs: Any) -> None:
            super().__init_subclass__(**kwargs)
            seen.append(label)

    class Sub(Base, label="notes"):
        def get(self) -> str:
            return "notes"

    app = service("flask-smorest")
    add_view(app, "/", Sub)

    assert seen == ["notes"]
    assert app.test_client().get("/").status_code == 401
    assert documented(app)["paths"]["/"]["get"]["security"] == [{"bearerAuth": []}]


@pytest.mark.parametrize("place", ["class", "decorators"])
def test_static_and_class_methods_get_the_arguments_they_had(place: str) -> None:
    """No self for the one, the class for the other; they are guarded like all handlers."""

    class Notes(MethodView):
        decorators = [require_jwt] if place == "decorators" else []

        @staticmethod
        def get() -> str:
            return "static"

        @classmethod
        def post(cls) -> str:
            return cls.__name__

    app = service()
    add_view(app, "/", require_jwt(Notes) if place == "class" else Notes)
    client = app.test_client()

    assert [client.get("/", headers=ALICE).text, client.post("/", headers=ALICE).text] == ["static", "Notes"]
    assert statuses(app, "/", "GET", "POST") == [GUARDED] * 2


def test_what_as_view_returns_enforces_itself_where_no_hook_has_seen_it() -> None:
    """Also that of a subclass with a dispatching of its own; a ``dispatch_request`` called by hand is not guarded."""

    @require_jwt
    class Base(Handlers): ...

    class Dispatching(Base):
        def dispatch_request(self, **_path: str) -> ResponseReturnValue:
            return "dispatched"

    app = service()
    for view in (Base.as_view("base"), Dispatching.as_view("dispatching")):
        app.add_url_rule(f"/{view.__name__}", f"hidden {view.__name__}", lambda view=view: view())

    assert statuses(app, "/base") + statuses(app, "/dispatching") == [GUARDED] * 2
    with app.test_request_context("/"):
        assert Dispatching().dispatch_request() == "dispatched"


def test_a_guarded_class_keeps_an_as_view_of_its_own() -> None:
    """Its own, and one that a mixin or a subclass brings."""
    made: list[str] = []

    class Counting(MethodView):
        @classmethod
        def as_view(cls, name: str, *args: Any, **kwargs: Any) -> Any:
            made.append(name)
            return super().as_view(name, *args, **kwargs)

        def get(self) -> str:
            return "ok"

    class Sub(require_jwt(Counting)):  # type: ignore[misc]  # a class that is made here
        @classmethod
        def as_view(cls, name: str, *args: Any, **kwargs: Any) -> Any:
            made.append(f"sub {name}")
            return super().as_view(name, *args, **kwargs)

    app = service()
    app.add_url_rule("/counting", view_func=Counting.as_view("counting"))
    app.add_url_rule("/sub", view_func=require_jwt(Sub).as_view("sub"))

    assert made == ["counting", "sub sub", "sub"]
    assert statuses(app, "/counting") + statuses(app, "/sub") == [GUARDED] * 2


def test_a_guarded_class_hands_subclass_arguments_to_its_base() -> None:
    """Where it has no ``__init_subclass__`` of its own."""
    seen = []

    class Labelled(MethodView):
        def __init_subclass__(cls, /, label: str, **kwargs: Any) -> None:
            super().__init_subclass__(**kwargs)
            seen.append(label)

    @require_jwt
    class Base(Labelled, label="base"): ...

    class Sub(Base, label="sub"):
        def get(self) -> str:
            return "notes"

    app = service()
    add_view(app, "/", Sub)

    assert seen == ["base", "sub"]
    assert statuses(app, "/") == [GUARDED]


@pytest.mark.parametrize("preprocessors", [0, 1])
def test_an_owner_guard_outside_of_every_route_is_loud_and_closed(preprocessors: int) -> None:
    """A path that matches no route has no variables at all."""
    app = service()
    for _ in range(preprocessors):
        app.url_value_preprocessor(lambda _endpoint, _values: None)
    guarded: Callable[[], str] = owns_path_user(lambda: "open")

    with (
        app.test_request_context("/nowhere", headers=ALICE),
        pytest.raises(MisuseError, match="owns_path_user needs <user_id> in the route"),
    ):
        guarded()


def test_siblings_do_not_share_what_they_inherit() -> None:
    """The guard of one class does not reach the handlers of another, nor of their base."""
    app = service()

    class Closed(Handlers):
        decorators = [require_jwt(scopes="a")]  # noqa: RUF012  # as Flask declares it

    class Open(Handlers): ...

    add_view(app, "/closed", Closed)
    add_view(app, "/open", Open)

    assert statuses(app, "/closed", "GET") == [[401, 401, 403, 403]]
    assert statuses(app, "/open", "GET") == [[200] * 4]


def test_a_class_viewed_twice_is_guarded_twice() -> None:
    """Two routes to one class."""
    app = service()

    class Notes(Handlers):
        decorators = [require_jwt]  # noqa: RUF012  # as Flask declares it

    add_view(app, "/one", Notes)
    add_view(app, "/two", Notes)

    assert statuses(app, "/one") + statuses(app, "/two") == [GUARDED] * 2


def test_a_class_is_guarded_after_its_routes_were_registered() -> None:
    """A decorator above ``@blp.route`` comes too late for functions, not for classes."""
    app = service("flask-smorest", AUTH_DENY_BY_DEFAULT=True)
    late = type("Late", (Handlers,), {})
    add_view(app, "/", late)
    require_jwt(late)

    assert statuses(app, "/", "GET", "POST") == [GUARDED] * 2


def test_a_view_made_from_a_class_is_guarded_like_a_function() -> None:
    """The result of ``as_view`` outside of it."""
    app = service()
    app.add_url_rule("/", view_func=require_jwt(Handlers.as_view("handlers")))

    assert statuses(app, "/", "GET", "POST") == [GUARDED] * 2


class Body(ma.Schema):
    title = ma.fields.String(required=True)


LAYERS: dict[str, Callable[[Any, Any], Any]] = {
    "jwt": lambda _blp, view: require_jwt(view),
    "owner": lambda _blp, view: owns_path_user(view),
    "arguments": lambda blp, view: blp.arguments(Body)(view),
    "response": lambda blp, view: blp.response(200, Body)(view),
}
ORDERS = ["-".join(order) for order in itertools.permutations(LAYERS)]


@pytest.mark.parametrize("form", ["function", "async function", "method"])
@pytest.mark.parametrize("order", ORDERS)
def test_authentication_comes_before_validation_in_every_order(order: str, form: str) -> None:
    """404 unknown path, 401, 403, 422, 200: whatever the stack looks like."""
    app = service("flask-smorest", AUTH_DENY_BY_DEFAULT=True)
    blueprint = Blueprint("notes", "notes")

    def stacked(view: Any) -> Any:
        return functools.reduce(lambda inner, name: LAYERS[name](blueprint, inner), reversed(order.split("-")), view)

    def function(body: dict[str, str], user_id: str) -> dict[str, str]:
        return body | {"user_id": user_id}

    async def async_function(body: dict[str, str], user_id: str) -> dict[str, str]:
        return body | {"user_id": user_id}

    def method(_self: object, body: dict[str, str], user_id: str) -> dict[str, str]:
        return body | {"user_id": user_id}

    views = {"function": function, "async function": async_function}
    view = stacked(views[form]) if form in views else type("Notes", (MethodView,), {"post": stacked(method)})
    blueprint.route("/<user_id>", methods=["POST"])(view)
    app.extensions["flask-smorest"]["apis"][""]["ext_obj"].register_blueprint(blueprint)
    client = app.test_client()

    def answer(path: str, headers: dict[str, str], body: object) -> int:
        return client.post(path, headers=headers, json=body).status_code

    assert answer("/alice/x", {}, 5) == 404
    assert answer("/alice", {}, 5) == 401
    assert answer("/alice", bearer("abc"), 5) == 401
    assert answer("/alice", BOB, 5) == 403
    assert answer("/alice", ALICE, {}) == 422
    assert answer("/alice", ALICE, {"title": "x"}) == 200
    operation = app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec.to_dict()["paths"]["/{user_id}"]["post"]
    assert operation["security"] == [{"bearerAuth": []}]
    assert {"200", "401", "403", "422", "503"} <= operation["responses"].keys()


@pytest.mark.parametrize(
    "guards", list(itertools.permutations([require_jwt(), owns_path_user])), ids=["jwt last", "owner last"]
)
@pytest.mark.parametrize("place", ["function", "class", "decorators", "method"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_two_guards_stand_in_any_order(kind: str, place: str, guards: Iterable[Callable[[Any], Any]]) -> None:
    """Among themselves, in every place; on a class they guard every handler."""
    app = service(kind)

    def guarded(view: Any) -> Any:
        return functools.reduce(lambda inner, guard: guard(inner), guards, view)

    views: dict[str, Callable[[], Any]] = {
        "function": lambda: guarded(lambda user_id: user_id),
        "class": lambda: guarded(type("Notes", (Handlers,), {})),
        "decorators": lambda: type("Notes", (Handlers,), {"decorators": list(guards)}),
        "method": lambda: type("Notes", (MethodView,), {"get": guarded(lambda _self, user_id: user_id)}),
    }
    methods = ["GET", "HEAD", *(["POST"] if place in ("class", "decorators") else [])]
    add_view(app, "/<user_id>", views[place]())

    assert statuses(app, "/alice", *methods) == [OWNED] * len(methods)


@pytest.mark.parametrize("guard", [require_jwt, owns_path_user])
def test_a_guard_without_a_resource_server_is_loud_and_closed(guard: Callable[[Any], Any]) -> None:
    """A service that forgot the extension answers nobody."""
    app = Flask("service")
    app.add_url_rule("/<user_id>", view_func=guard(lambda user_id: user_id))

    assert app.test_client().get("/alice", headers=ALICE).status_code == 500
    app.testing = True
    with pytest.raises(MisuseError, match="no ResourceServer"):
        app.test_client().get("/alice", headers=ALICE)


@pytest.mark.parametrize(("rule", "path"), [("/notes", "/notes"), ("/<name>", "/alice")])
def test_a_route_without_the_variable_is_loud_and_closed(rule: str, path: str) -> None:
    """401 to strangers, 500 to everybody else, and the sentence that says why."""
    app = service()
    add_view(app, rule, owns_path_user(lambda **_path: "open"))

    assert statuses(app, path) == [[401, 401, 500, 500]]
    app.testing = True
    with pytest.raises(MisuseError, match="owns_path_user needs <user_id> in the route"):
        app.test_client().get(path, headers=ALICE)


OWNERS: dict[str, tuple[str, str, int]] = {
    "as it is": ("alice", "/alice", 200),
    "percent-encoded": ("alice", "/%61lice", 200),
    "encoded twice": ("alice", "/%2561lice", 403),
    "a user with a percent sign": ("%61lice", "/%2561lice", 200),
    "a user with a percent sign, encoded once": ("%61lice", "/%61lice", 403),
    "another case": ("alice", "/Alice", 403),
    "a trailing dot": ("alice", "/alice.", 403),
    "a trailing space": ("alice", "/alice%20", 403),
    "a leading space": ("alice", "/%20alice", 403),
    "a trailing NUL": ("alice", "/alice%00", 403),
    "a trailing newline": ("alice", "/alice%0A", 403),
    "a user with a space": ("al ice", "/al%20ice", 200),
    "a plus sign is no space": ("al ice", "/al+ice", 403),
    "a user with a bar": ("auth0|42", "/auth0%7C42", 200),
    "a user with an at sign": ("alice@example.com", "/alice@example.com", 200),
    "a user with a semicolon": ("a;b", "/a;b", 200),
    "not ASCII": ("jos\u00e9", "/jos%C3%A9", 200),
    "not ASCII, sent raw": ("jos\u00e9", "/jos\u00e9", 200),
    "decomposed for composed": ("jos\u00e9", "/jose%CC%81", 403),
    "composed for decomposed": ("jose\u0301", "/jos%C3%A9", 403),
    "decomposed": ("jose\u0301", "/jose%CC%81", 200),
    "broken UTF-8": ("alice", "/alice%FF", 403),
    "broken UTF-8 in another way": ("alice", "/alice%C0%80", 403),
    "half a surrogate pair in UTF-8": ("alice", "/alice%ED%A0%80", 403),
    "the replacement character": ("alice", "/alice%EF%BF%BD", 403),
    "a user with the replacement character": ("alice\ufffd", "/alice%EF%BF%BD", 401),
    "a user that broken UTF-8 reads like": ("alice\ufffd", "/alice%FF", 401),
    "another script": ("alice", "/\u0430lice", 403),
    "an encoded slash": ("alice", "/alice%2F", 404),
    "a user with a slash": ("a/b", "/a%2Fb", 404),
    "dots that go up": ("alice", "/bob/../alice", 404),
}


@pytest.mark.parametrize(("user", "path", "status"), OWNERS.values(), ids=OWNERS)
def test_the_decoded_path_value_is_compared_character_by_character(user: str, path: str, status: int) -> None:
    """Decoded once by the server, and never again."""
    app = service()
    add_view(app, "/<user_id>", owns_path_user(lambda user_id: user_id))

    assert app.test_client().get(path, headers=bearer(with_claims(sub=user))).status_code == status


def test_an_owner_with_slashes_is_compared_whole() -> None:
    """Where the route takes a path."""
    app = service()
    add_view(app, "/<path:user_id>", owns_path_user(lambda user_id: user_id))
    client = app.test_client()

    assert client.get("/a%2Fb", headers=bearer(with_claims(sub="a/b"))).status_code == 200
    assert client.get("/a/b/c", headers=bearer(with_claims(sub="a/b"))).status_code == 403


def test_an_optional_guard_and_one_that_is_not_demand_a_token() -> None:
    """The stricter one counts, in either order."""
    app = service()
    add_view(app, "/one", require_jwt(optional=True)(require_jwt(lambda: "ok")))
    add_view(app, "/two", require_jwt(require_jwt(optional=True)(lambda: "ok")))
    add_view(app, "/<user_id>/three", require_jwt(optional=True)(owns_path_user(lambda user_id: user_id)))

    assert statuses(app, "/one") + statuses(app, "/two") == [GUARDED] * 2
    assert statuses(app, "/alice/three") == [OWNED]


def test_public_says_so_on_functions_classes_methods_and_bound_methods() -> None:
    """Each of them is open where the rest is denied."""
    app = service(AUTH_DENY_BY_DEFAULT=True)

    class Mixed(MethodView):
        @public
        def get(self) -> str:
            return request.method

        def post(self) -> str:
            return request.method

    class Answers:
        def bound(self) -> str:
            return "ok"

    add_view(app, "/function", public(lambda: "ok"))
    add_view(app, "/class", public(type("Open", (Handlers,), {})))
    add_view(app, "/mixed", Mixed)
    app.add_url_rule("/bound", "bound", public(Answers().bound))

    assert statuses(app, "/function") + statuses(app, "/class", "GET", "POST") == [[200] * 4] * 3
    assert statuses(app, "/mixed", "GET", "POST") == [[200] * 4, [401, 401, 403, 403]]
    assert statuses(app, "/bound") == [[200] * 4]


def test_a_public_class_does_not_open_its_subclasses() -> None:
    """What they add was not there when somebody said so."""
    app = service(AUTH_DENY_BY_DEFAULT=True)
    opened = public(type("Open", (Handlers,), {}))
    add_view(app, "/", type("Derived", (opened,), {}))

    assert statuses(app, "/") == [[401, 401, 403, 403]]


def view_class(**members: Any) -> type[MethodView]:
    return view_class_of(MethodView, **members)


def view_class_of(base: type[MethodView], **members: Any) -> type[MethodView]:
    return type("Notes", (base,), members)


CONTRADICTIONS: dict[str, Callable[[], object]] = {
    "public over a guard": lambda: public(require_jwt(lambda: "")),
    "a guard over public": lambda: require_jwt(public(lambda: "")),
    "a guard over a public class": lambda: owns_path_user(public(view_class())),
    "a public class over a guarded dispatching": lambda: public(
        type("Plain", (View,), {"dispatch_request": require_jwt(lambda _self: "")})
    ),
    "a public method in a guarded class": lambda: require_jwt(view_class(get=public(lambda _self: ""))).as_view("x"),
    "a public method in a subclass of a guarded class": lambda: view_class_of(
        require_jwt(view_class()), get=public(lambda _self: "")
    ).as_view("x"),
    "a public blueprint over a guard": lambda: public(require_jwt(Blueprint("notes", "notes"))),
    "a guard over a public blueprint": lambda: require_jwt(public(Blueprint("notes", "notes"))),
}


@pytest.mark.parametrize("contradiction", CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_view_cannot_be_public_and_guarded(contradiction: Callable[[], object]) -> None:
    """The mistake is refused while the service starts."""
    with pytest.raises(
        TypeError, match=r"cannot be public: (it|its class) has a guard|cannot have a guard: it is public"
    ):
        contradiction()


def test_a_guard_and_a_public_sibling_share_a_class() -> None:
    """Each method may say its own."""
    app = service(AUTH_DENY_BY_DEFAULT=True)
    add_view(app, "/", view_class(get=public(lambda _self: "ok"), post=require_jwt(lambda _self: "ok")))

    assert statuses(app, "/", "GET", "POST") == [[200] * 4, GUARDED]


@pytest.mark.parametrize("place", ["class", "decorators"])
@pytest.mark.parametrize("viewed_before", [False, True], ids=["alone", "base viewed before"])
def test_a_guard_leaves_the_line_of_descent_as_it_is(viewed_before: bool, place: str) -> None:
    """What a sibling base overrides still counts: its dispatching, and its handlers."""

    class Checking(MethodView):
        def dispatch_request(self, **path: Any) -> ResponseReturnValue:
            return ("admins only", 403) if current_token.user_id != "bob" else super().dispatch_request(**path)

    class Base(MethodView):
        def get(self) -> str:
            return "everything"

    class Limited(Base):
        def get(self) -> str:
            return "limited " + super().get()

    guard: Callable[[Any], Any] = require_jwt if place == "class" else (lambda view: view)
    listed: dict[str, Any] = {} if place == "class" else {"decorators": [require_jwt]}
    guarded: type[MethodView] = guard(type("Guarded", (Base,), dict(listed)))
    final: type[MethodView] = type("Final", (guarded, Limited), {})
    page: type[MethodView] = type("Page", (guard(type("Secured", (MethodView,), dict(listed))), Checking, Base), {})
    app = service()
    if viewed_before:
        app.add_url_rule("/guarded", view_func=guarded.as_view("guarded"))
    app.add_url_rule("/final", view_func=final.as_view("final"))
    app.add_url_rule("/page", view_func=page.as_view("page"))

    assert statuses(app, "/final") == [GUARDED]
    assert app.test_client().get("/final", headers=ALICE).text == "limited everything"
    assert statuses(app, "/page") == [[401, 401, 200, 403]]


def test_a_guarded_class_may_be_made_anew() -> None:
    """As ``dataclass(slots=True)`` does; classes derived from the copy are guarded like any."""

    @dataclass(slots=True)
    @require_jwt
    class Notes(MethodView):
        size: int = 1

    class Long(Notes):
        def get(self) -> str:
            return str(self.size)

    app = service()
    add_view(app, "/", Long)

    assert statuses(app, "/") == [GUARDED]
    assert app.test_client().get("/", headers=ALICE).text == "1"


def test_inherited_handlers_of_any_kind_are_guarded_by_the_class() -> None:
    """They are left where they are; whether an answer is awaited is Flask's business."""

    class Base(MethodView):
        @staticmethod
        def get() -> str:
            return "static"

        async def post(self) -> str:
            return "later"

    app = service()
    add_view(app, "/", require_jwt(type("Notes", (Base,), {})))

    assert statuses(app, "/", "GET", "POST") == [GUARDED] * 2
    assert app.test_client().post("/", headers=ALICE).text == "later"


@pytest.mark.parametrize("kind", [staticmethod, classmethod])
def test_a_guard_above_a_static_or_class_method_is_refused_where_it_is_written(kind: Callable[[Any], Any]) -> None:
    """There it would be handed a self that nobody asked for."""
    with pytest.raises(TypeError, match=f"require_jwt stands below @{kind.__name__}, not above it"):
        require_jwt(kind(lambda: ""))


@pytest.mark.parametrize(
    "guards",
    [
        [require_jwt, owns_path_user],
        [owns_path_user, require_jwt],
        [require_jwt, owns_path_user, require_jwt(any_scope=["a", "b"])],
    ],
    ids=["jwt first", "owner first", "three"],
)
def test_a_class_with_several_guards_may_be_derived_from(guards: list[Callable[[Any], Any]]) -> None:
    """And the class derived from it, and guarded once more: every rule holds for each."""

    class Base(MethodView):
        def get(self, user_id: str) -> str:
            return "base"

    base: type[MethodView] = functools.reduce(lambda view, guard: guard(view), guards, Base)
    derived: type[MethodView] = require_jwt(type("Derived", (base,), {"get": lambda _self, **_path: "derived"}))
    last: type[MethodView] = type("Last", (derived,), {"post": lambda _self, **_path: "last"})
    app = service()
    app.add_url_rule("/derived/<user_id>", view_func=derived.as_view("derived"))
    app.add_url_rule("/last/<user_id>", view_func=last.as_view("last"))
    granted = bearer(with_claims(scope="b"))

    for path, method, said in [("/derived", "GET", "derived"), ("/last", "GET", "derived"), ("/last", "POST", "last")]:
        client = app.test_client()
        assert client.open(f"{path}/alice", method=method).status_code == 401
        assert client.open(f"{path}/bob", method=method, headers=granted).status_code == 403
        assert client.open(f"{path}/alice", method=method, headers=granted).text == said
    if len(guards) == 3:
        assert app.test_client().get("/last/alice", headers=ALICE).status_code == 403


@pytest.mark.parametrize("kind", KINDS)
def test_a_guarded_class_derived_from_a_guarded_one_adds_its_rule(kind: str) -> None:
    """Each hands on to the next, and each is asked once it is passed."""

    @require_jwt
    class Base(MethodView):
        def get(self, user_id: str) -> str:
            return f"base of {user_id}"

    @require_jwt(scopes="a")
    class Scoped(Base):
        pass

    @owns_path_user
    class Owned(Scoped):
        pass

    app = service(kind)
    add_view(app, "/<user_id>", Owned)

    assert app.test_client().get("/alice").status_code == 401
    assert app.test_client().get("/alice", headers=ALICE).status_code == 403
    assert app.test_client().get("/bob", headers=bearer(with_claims(scope="a"))).status_code == 403
    assert app.test_client().get("/alice", headers=bearer(with_claims(scope="a"))).text == "base of alice"
    if kind == "flask-smorest":
        assert documented(app)["paths"]["/{user_id}"]["get"]["security"] == [{"bearerAuth": ["a"]}]
