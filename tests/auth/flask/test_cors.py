"""Preflights (Fetch §4.8) that a decorator of the service answers, and refusals that scripts can read.

However the guard and that decorator are stacked.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from flask import Blueprint, Flask, Response, abort, current_app, make_response, request
from flask.typing import ResponseReturnValue
from flask.views import MethodView
from flask_cors import cross_origin

from auth import require_jwt
from tests.support.services import ISSUED, bearer, compact, service

ORIGIN = "https://spa.example"
PREFLIGHT = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}

#: What ran during a test, by name.
RAN: list[str] = []


@pytest.fixture(autouse=True)
def nothing_has_run() -> None:
    RAN.clear()


#: The decorator of Flask-CORS.
sharing: Any = cross_origin(origins=[ORIGIN])


def sharing_by_hand(view: Any) -> Any:
    """Let scripts of other origins in as Flask-CORS does, by code that nobody but the service knows."""

    def shared(*args: Any, **kwargs: Any) -> Response:
        if request.method == "OPTIONS":
            response = current_app.make_default_options_response()
        else:
            response = make_response(view(*args, **kwargs))
        response.headers["Access-Control-Allow-Origin"] = ORIGIN
        return response

    view.required_methods = {"OPTIONS"}
    view.provide_automatic_options = False
    return functools.update_wrapper(shared, view)


def noting(view: Any) -> Any:
    """Note that a wrapper has run."""

    @functools.wraps(view)
    def noted(*args: Any, **kwargs: Any) -> Any:
        RAN.append("wrapper")
        return view(*args, **kwargs)

    return noted


def report() -> ResponseReturnValue:
    RAN.append("view")
    return {}


def a_view() -> Any:
    """Return a view that has no mark of another test."""

    @functools.wraps(report)
    def view() -> ResponseReturnValue:
        return report()

    del view.__wrapped__
    return view


class Reports(MethodView):
    """A class without a handler for OPTIONS."""

    def get(self) -> ResponseReturnValue:
        return report()


def a_class(**members: Any) -> type[MethodView]:
    return type("SharedReports", (Reports,), members)


def options(self: MethodView) -> ResponseReturnValue:
    RAN.append("handler")
    return {}


def app_with(view: Any) -> Flask:
    app = service(AUTH_DENY_BY_DEFAULT=True)
    app.add_url_rule("/reports", "reports", view)
    return app


def in_a_guarded_blueprint(view: Any) -> Flask:
    app, blueprint = service(AUTH_DENY_BY_DEFAULT=True), Blueprint("guarded", __name__)
    require_jwt(blueprint)
    blueprint.add_url_rule("/reports", "reports", view)
    app.register_blueprint(blueprint)
    return app


#: Apps whose view is guarded and shared, by how the two are stacked.
STACKED: dict[str, Callable[[], Flask]] = {
    "above the guard": lambda: app_with(sharing(require_jwt(a_view()))),
    "below the guard": lambda: app_with(require_jwt(sharing(a_view()))),
    "between two guards": lambda: app_with(require_jwt(sharing(require_jwt(scopes="read")(a_view())))),
    "below a guard that lets anonymous callers in": lambda: app_with(require_jwt(optional=True)(sharing(a_view()))),
    "with wrappers on both sides": lambda: app_with(noting(require_jwt(sharing(noting(a_view()))))),
    "twice": lambda: app_with(sharing(require_jwt(sharing(a_view())))),
    "in a guarded blueprint": lambda: in_a_guarded_blueprint(sharing(a_view())),
    "around a guarded class": lambda: app_with(sharing(require_jwt(a_class()).as_view("reports"))),
    "among the decorators of a guarded class": lambda: app_with(
        require_jwt(a_class(decorators=[sharing], provide_automatic_options=False)).as_view("reports")
    ),
    "on the handler of a guarded class": lambda: app_with(
        require_jwt(a_class(options=sharing(noting(options)))).as_view("reports")
    ),
}


@pytest.mark.parametrize("build", STACKED.values(), ids=STACKED)
def test_a_preflight_is_answered_by_the_decorator_for_it_and_runs_no_view(build: Callable[[], Flask]) -> None:
    """It carries no credentials (Fetch §4.8): a refusal would keep every script of another origin out."""
    response = build().test_client().options("/reports", headers=PREFLIGHT)

    assert (response.status_code, response.headers.get("Access-Control-Allow-Origin")) == (200, ORIGIN)
    assert "WWW-Authenticate" not in response.headers
    assert RAN == []


@pytest.mark.parametrize("build", STACKED.values(), ids=STACKED)
@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", PREFLIGHT),
        ("OPTIONS", PREFLIGHT | bearer("forged")),
        ("OPTIONS", {"Origin": ORIGIN}),
        ("OPTIONS", {"Access-Control-Request-Method": "GET"}),
        ("POST", PREFLIGHT),
    ],
)
def test_what_is_no_preflight_is_left_to_the_guard(
    build: Callable[[], Flask], method: str, headers: dict[str, str]
) -> None:
    """A preflight is OPTIONS with both of its fields and without credentials."""
    client = build().test_client()
    response = client.open("/reports", method=method, headers=headers)

    is_forged = "Authorization" in headers
    is_anonymous = "lets anonymous" in next(name for name, built in STACKED.items() if built is build)
    if method == "POST":
        assert response.status_code == 405
    elif is_forged or not is_anonymous:
        assert response.status_code == 401
        assert "view" not in RAN
        assert "handler" not in RAN


@pytest.mark.parametrize("build", STACKED.values(), ids=STACKED)
def test_a_token_still_reaches_the_view(build: Callable[[], Flask]) -> None:
    """With the header fields of the decorator on the answer."""
    response = build().test_client().get("/reports", headers=ISSUED.authorization("alice", scopes=["read"]))

    assert response.status_code == 200
    assert "view" in RAN


def swallowing(view: Any) -> Any:
    """Answer for whatever the view raises."""

    def swallowed(*args: Any, **kwargs: Any) -> Any:
        try:
            return view(*args, **kwargs)
        except RuntimeError:
            return "an answer"

    view.required_methods = {"OPTIONS"}
    view.provide_automatic_options = False
    return functools.update_wrapper(swallowed, view)


def refusing(view: Any) -> Any:
    """Answer OPTIONS with an HTTP exception."""

    def refused(*args: Any, **kwargs: Any) -> Any:
        return abort(418) if request.method == "OPTIONS" else view(*args, **kwargs)

    view.required_methods = {"OPTIONS"}
    view.provide_automatic_options = False
    return functools.update_wrapper(refused, view)


class Wrapping:
    """A decorator that is an object: nobody can take it off the view."""

    def __init__(self, view: Any) -> None:
        view.required_methods = {"OPTIONS"}
        view.provide_automatic_options = False
        functools.update_wrapper(self, view)
        self.view = view

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.view(*args, **kwargs)


def holding_it_elsewhere(view: Any) -> Any:
    """Reach the view in another way than by a variable of its own."""
    views = [view]
    view.required_methods = {"OPTIONS"}
    view.provide_automatic_options = False

    def held(*args: Any, **kwargs: Any) -> Any:
        return views[0](*args, **kwargs) if views else later

    functools.update_wrapper(held, view)
    if not views:
        later = None
    return held


def marked(view: Any) -> Any:
    """Say to Flask that the view answers OPTIONS itself."""
    view.required_methods = {"OPTIONS"}
    view.provide_automatic_options = False
    return view


def remembering(view: Any) -> Any:
    """Answer with what a caller before was answered."""
    remembered: list[Any] = []

    @functools.wraps(view)
    def wrapped() -> Any:
        if not remembered:
            remembered.append(view())
        return remembered[0]

    return wrapped


def calling_by_a_helper(view: Any) -> Any:
    """Hold the view in a variable of its own, and call it in another way."""

    def call() -> Any:
        return view()

    @functools.wraps(view)
    def wrapped() -> Any:
        return call() if view.__name__ else None

    return wrapped


def holding_as_a_default(view: Any) -> Any:
    """Hold the view in a variable of its own, and call the one among the defaults."""

    @functools.wraps(view)
    def wrapped(*, called: Any = view) -> Any:
        return called() if view.__name__ else None

    return wrapped


def holding_nothing(view: Any) -> Any:
    """Wrap a view in name only."""
    return functools.update_wrapper(lambda: "nothing", taking_options(view))


def taking_options(view: Any) -> Any:
    """Let a view answer OPTIONS itself, as decorators for CORS do."""
    view.required_methods = {"OPTIONS"}
    view.provide_automatic_options = False
    return view


@taking_options
def answers_by_hand() -> ResponseReturnValue:
    RAN.append("view")
    return {}


#: Views whose preflights need a token, with the guard around them or on the blueprint.
GUARDED: dict[str, Callable[[], Any]] = {
    "the decorator is written by hand": lambda: sharing_by_hand(a_view()),
    "it answers for whatever is raised": lambda: swallowing(a_view()),
    "it remembers answers": lambda: remembering(marked(a_view())),
    "it calls the view by a helper": lambda: calling_by_a_helper(marked(a_view())),
    "it holds the view as a default": lambda: holding_as_a_default(marked(a_view())),
    "it answers for a class that says so": lambda: noting(
        a_class(options=options, provide_automatic_options=False).as_view("reports")
    ),
    "it answers with an HTTP exception": lambda: refusing(a_view()),
    "it is an object": lambda: Wrapping(a_view()),
    "it holds the view elsewhere": lambda: holding_it_elsewhere(a_view()),
    "it holds nothing": lambda: holding_nothing(a_view()),
    "the view answers OPTIONS itself": lambda: answers_by_hand,
    "the handler of a class does": lambda: a_class(options=options).as_view("reports"),
    "the handler of a class does, and says so": lambda: a_class(
        options=options, provide_automatic_options=False
    ).as_view("reports"),
    "the handler has a wrapper that says nothing": lambda: a_class(options=noting(options)).as_view("reports"),
}


@pytest.mark.parametrize("view", GUARDED.values(), ids=GUARDED)
@pytest.mark.parametrize("build", [in_a_guarded_blueprint, lambda view: app_with(require_jwt(view))])
def test_a_view_that_would_answer_a_preflight_itself_stays_guarded(
    view: Callable[[], Any], build: Callable[[Any], Flask]
) -> None:
    """Its code must not run without a token, whatever asks for it."""
    response = build(view()).test_client().options("/reports", headers=PREFLIGHT)

    assert response.status_code == 401
    assert RAN == []


def test_a_wrapper_above_the_one_for_cors_does_not_run_for_a_stranger() -> None:
    """It might answer with what it remembers of a caller who had a token."""
    client = app_with(remembering(sharing(require_jwt(a_view())))).test_client()

    first = client.get("/reports", headers=bearer(compact()))
    preflight = client.options("/reports", headers=PREFLIGHT)

    assert (first.status_code, preflight.status_code) == (200, 200)
    assert preflight.data == b""
    assert "GET" in preflight.headers["Allow"]


@pytest.mark.parametrize(
    "stack", [lambda view: require_jwt(remembering(view)), lambda view: remembering(require_jwt(view))]
)
def test_an_answer_that_a_wrapper_remembers_is_told_to_no_stranger(stack: Callable[[Any], Any]) -> None:
    """A mark that says who answers OPTIONS is Flask's, and says nothing about who may read the answer."""
    app = service()
    app.add_url_rule("/reports", "reports", stack(marked(a_view())))
    require_jwt(app.view_functions["reports"])
    client = app.test_client()
    first = client.get("/reports", headers=bearer(compact()))

    preflight = client.options("/reports", headers=PREFLIGHT)
    refused = client.get("/reports", headers={"Origin": ORIGIN})

    assert (first.status_code, preflight.status_code, refused.status_code) == (200, 401, 401)
    assert RAN == ["view"]


def listing(view_class: type[MethodView]) -> Any:
    """Return a view of a class as Flask-RESTful makes it: the listed decorators are applied at each request."""

    def dispatch_request(self: Any, **kwargs: Any) -> Any:
        handler = getattr(self, request.method.lower())

        def method(**kwargs: Any) -> Any:
            return handler(**kwargs)

        for decorator in self.method_decorators:
            method = decorator(method)
        return method(**kwargs)

    made: Any = type("Listing", (view_class,), {"dispatch_request": dispatch_request})
    return made.as_view("reports")


class ListingReports(Reports):
    """A class that lists its guard and its decorator for CORS."""

    method_decorators: ClassVar[list[Any]] = [require_jwt, noting, sharing]

    def options(self) -> ResponseReturnValue:
        return options(self)


def test_a_decorator_that_a_class_lists_for_its_methods_answers_preflights() -> None:
    """As Flask-RESTful and RESTX apply it."""
    client = app_with(listing(ListingReports)).test_client()

    preflight = client.options("/reports", headers=PREFLIGHT)
    refused = client.options("/reports", headers={"Origin": ORIGIN})

    assert (preflight.status_code, preflight.headers["Access-Control-Allow-Origin"]) == (200, ORIGIN)
    assert refused.status_code == 401
    assert RAN == []


def test_a_class_that_lists_no_such_decorator_keeps_its_guard() -> None:
    """Its handler for OPTIONS is a view like the others."""

    class Silent(ListingReports):
        method_decorators: ClassVar[list[Any]] = [require_jwt, noting]

    response = app_with(listing(Silent)).test_client().options("/reports", headers=PREFLIGHT)

    assert response.status_code == 401
    assert RAN == []


def test_a_shared_view_that_declares_nothing_is_still_refused_by_default() -> None:
    """The log names it, so that the guard that was forgotten is not missed for longer."""
    response = app_with(sharing(a_view())).test_client().options("/reports", headers=PREFLIGHT)

    assert response.status_code == 401
    assert RAN == []


def simply(**headers: str) -> dict[str, str]:
    return {"Origin": ORIGIN} | headers


#: As STACKED, where the decorator stands around the view for GET.
AROUND_GET = {name: build for name, build in STACKED.items() if name != "on the handler of a guarded class"} | {
    "on the handler for GET": lambda: app_with(
        require_jwt(a_class(get=sharing(noting(Reports.get)))).as_view("reports")
    ),
    "listed for the methods of a class": lambda: app_with(listing(ListingReports)),
}


@pytest.mark.parametrize("build", AROUND_GET.values(), ids=AROUND_GET)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_script_of_another_origin_can_read_why_it_is_refused(build: Callable[[], Flask], method: str) -> None:
    """Without the field a browser reports a network error, and a script does not know that its token has ended."""
    response = build().test_client().open("/reports", method=method, headers=simply() | bearer("forged"))

    assert response.status_code == 401
    assert response.headers.getlist("Access-Control-Allow-Origin") == [ORIGIN]
    assert response.headers["WWW-Authenticate"].startswith('Bearer realm="api"')
    assert response.headers["Cache-Control"] == "no-store"
    assert RAN == []
    if method == "GET":
        assert response.get_json()["error"] == "malformed_token"


def test_a_request_of_no_other_origin_asks_no_wrapper() -> None:
    """Nothing is added to what programs are answered."""
    response = app_with(sharing(require_jwt(a_view()))).test_client().get("/reports")

    assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize("view", GUARDED.values(), ids=GUARDED)
@pytest.mark.parametrize("build", [in_a_guarded_blueprint, lambda view: app_with(require_jwt(view))])
def test_a_refusal_runs_no_code_of_a_view_that_answers_options_itself(
    view: Callable[[], Any], build: Callable[[Any], Flask], caplog: pytest.LogCaptureFixture
) -> None:
    """Nor is the refusal logged twice."""
    response = build(view()).test_client().get("/reports", headers=simply())

    assert response.status_code == 401
    assert "Access-Control-Allow-Origin" not in response.headers
    assert RAN == []
    assert len([record for record in caplog.records if record.name.endswith(".audit")]) == 1


def test_a_decorator_with_impossible_options_leaves_the_refusal_as_it_was(caplog: pytest.LogCaptureFixture) -> None:
    """It fails for callers who have a token as well; the log says why."""
    impossible: Any = cross_origin(origins="*", supports_credentials=True, send_wildcard=True)
    response = app_with(require_jwt(impossible(a_view()))).test_client().get("/reports", headers=simply())

    assert (response.status_code, response.get_json()["error"]) == (401, "missing_token")
    assert "the decorator for CORS of a refused view failed" in caplog.text
    assert RAN == []


def test_a_decorator_that_leaves_options_to_the_view_is_not_asked() -> None:
    """It would call the view."""
    asking: Any = cross_origin(origins=[ORIGIN], automatic_options=False)
    client = app_with(require_jwt(asking(marked(a_view())))).test_client()

    preflight = client.options("/reports", headers=PREFLIGHT)
    refused = client.get("/reports", headers=simply())

    assert (preflight.status_code, refused.status_code) == (401, 401)
    assert "Access-Control-Allow-Origin" not in refused.headers
    assert RAN == []


def test_a_listed_decorator_that_leaves_options_to_the_handler_is_not_asked() -> None:
    """The handler would run."""

    class Asking(ListingReports):
        method_decorators: ClassVar[list[Any]] = [require_jwt, cross_origin(origins=[ORIGIN], automatic_options=False)]

    response = app_with(listing(Asking)).test_client().options("/reports", headers=PREFLIGHT)

    assert response.status_code == 401
    assert RAN == []


def test_only_the_fields_of_cors_are_taken_over() -> None:
    """Status, body and challenge are those of the refusal; caches are told what the answer depends on."""
    exposing: Any = cross_origin(origins=[ORIGIN, "https://other.example"], expose_headers=["WWW-Authenticate"])
    response = app_with(require_jwt(exposing(a_view()))).test_client().get("/reports", headers=simply())

    assert (response.status_code, response.get_json()["error"]) == (401, "missing_token")
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="api"'
    assert response.headers["Access-Control-Expose-Headers"] == "WWW-Authenticate"
    assert {*response.vary} == {"Authorization", "Origin"}


def test_the_hooks_of_a_service_see_the_method_of_the_request() -> None:
    """The wrapper is asked as for OPTIONS, and nobody else sees that."""
    app = app_with(require_jwt(sharing(a_view())))
    seen: list[str] = []
    app.teardown_request(lambda _error: seen.append(request.method))

    app.test_client().get("/reports", headers=simply())

    assert seen == ["GET"]
