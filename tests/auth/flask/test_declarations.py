"""Where rules stand, and what a view declares by them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from flask import Blueprint, Flask
from flask.views import MethodView, View

from auth import owns_path_user, require_jwt
from auth.flask.declarations import (
    Marks,
    add_rule,
    declaration_of,
    is_marked_public,
    mark_public,
    places_around,
    rules_on,
)
from auth.path_rules import OwnerRule
from auth.rules import Declaration, Policy, TokenRule


@pytest.mark.parametrize("name", ["_auth_public", "_auth_rules", "_auth_guard"])
def test_a_mark_that_the_service_calls_auth_declares_nothing(name: str) -> None:
    """A service may have an ``auth`` that marks its views; a mark of its own cannot open one of ours."""

    def view() -> None: ...

    setattr(view, name, True)

    assert declaration_of(view, "GET").missing
    assert not is_marked_public(require_jwt(view))


def test_rules_stand_on_a_function_outermost_first() -> None:
    """The order of the decorators, read from above."""

    def view() -> None: ...

    add_rule(view, OwnerRule("user_id"))
    add_rule(view, TokenRule())

    assert rules_on(view) == (TokenRule(), OwnerRule("user_id"))


def test_a_wrapper_hands_rules_on_and_does_not_share_them() -> None:
    """What is added outside is not seen inside."""

    def view() -> None: ...

    add_rule(view, TokenRule())
    wrapper = functools.wraps(view)(lambda: view())

    add_rule(wrapper, OwnerRule("user_id"))

    assert rules_on(view) == (TokenRule(),)
    assert rules_on(wrapper) == (OwnerRule("user_id"), TokenRule())


def declared(view: Callable[..., Any], method: str = "GET") -> Declaration:
    return declaration_of(view, method)


def test_a_view_that_says_nothing_is_missing_a_declaration() -> None:
    """Neither rules nor public."""

    def view() -> None: ...

    assert declared(view) == Declaration(Policy(()), public=False)
    assert declared(view).missing is True


def test_a_public_view_says_something() -> None:
    """Everybody may enter, on purpose."""

    def view() -> None: ...

    mark_public(view)

    assert declared(view) == Declaration(Policy(()), public=True)
    assert declared(view).missing is False


def test_each_handler_of_a_class_declares_for_its_method() -> None:
    """HEAD is answered by GET where it has no handler of its own; a method without any says nothing."""

    class Notes(MethodView):
        def get(self) -> str:
            return ""

        def post(self) -> str:
            return ""

    add_rule(Notes.get, TokenRule(("read",)))
    mark_public(Notes.post)
    view = Notes.as_view("notes")

    assert declared(view, "GET").policy.rules == (TokenRule(("read",)),)
    assert declared(view, "HEAD").policy.rules == (TokenRule(("read",)),)
    assert declared(view, "POST") == Declaration(Policy(()), public=True)
    assert declared(view, "DELETE").missing is True


def test_a_handler_for_head_declares_for_itself() -> None:
    """The rules of GET do not reach it."""

    class Notes(MethodView):
        def get(self) -> str:
            return ""

        def head(self) -> str:
            return ""

    add_rule(Notes.get, TokenRule())

    assert declared(Notes.as_view("notes"), "HEAD").missing is True


def test_the_same_rule_in_several_places_counts_once() -> None:
    """View, class and handler may repeat each other."""

    class Notes(MethodView):
        def get(self) -> str:
            return ""

    view = Notes.as_view("notes")
    add_rule(Notes.get, TokenRule())
    add_rule(view, TokenRule())

    assert declared(view).policy.rules == (TokenRule(),)


def test_a_subclass_of_a_public_class_is_not_public_itself() -> None:
    """What it adds was not there when somebody said so."""

    class Open(MethodView): ...

    mark_public(Open)

    class Derived(Open): ...

    assert is_marked_public(Open) is True
    assert is_marked_public(Derived) is False


def test_what_has_no_attributes_is_not_public() -> None:
    """An object without a ``__dict__`` cannot carry the mark."""
    assert is_marked_public(object()) is False


def test_the_dispatching_of_a_class_declares_for_every_method() -> None:
    """A plain view has no handlers, so its rules stand there."""

    class Plain(View):
        def dispatch_request(self) -> str:
            return ""

    add_rule(Plain.dispatch_request, TokenRule(("read",)))

    assert declared(Plain.as_view("plain"), "GET").policy.rules == (TokenRule(("read",)),)
    assert declared(Plain.as_view("plain"), "POST").policy.rules == (TokenRule(("read",)),)


class Resource(MethodView):
    """A class as Flask-RESTful and RESTX have it: it applies ``method_decorators`` when it calls a method."""

    def get(self) -> str:
        return ""

    def post(self) -> str:
        return ""


@pytest.mark.parametrize("listed", [[owns_path_user, require_jwt], (owns_path_user, require_jwt())])
def test_guards_that_a_class_lists_for_its_methods_declare_for_each_of_them(listed: Any) -> None:
    """The last of the list stands outermost; decorators that are no guards say nothing."""

    class Notes(Resource):
        method_decorators: ClassVar = [*listed[:1], functools.cache, *listed[1:]]

    view = Notes.as_view("notes")

    for method in ("GET", "HEAD", "POST"):
        assert declared(view, method).policy.rules == (TokenRule(), OwnerRule("user_id"))


def test_guards_that_a_class_lists_by_method_declare_for_that_one() -> None:
    """HEAD is answered by GET, whose guards Flask-RESTful does not apply to it."""

    class Notes(Resource):
        method_decorators: ClassVar = {"get": [require_jwt(scopes="read"), owns_path_user(param="owner")]}

    view = Notes.as_view("notes")

    assert declared(view, "GET").policy.rules == (OwnerRule("owner"), TokenRule(("read",)))
    assert declared(view, "HEAD") == declared(view, "GET")
    assert declared(view, "POST").missing is True


def test_something_else_of_that_name_declares_nothing() -> None:
    """A class of the service may mean anything by ``method_decorators``."""

    class Notes(Resource):
        method_decorators = "none"

    assert declared(Notes.as_view("notes")).missing is True


def test_a_class_with_two_bases_declares_what_both_demand() -> None:
    """The first does not hide the second."""

    class Reading(MethodView): ...

    class Owning(MethodView): ...

    class Both(Reading, Owning): ...

    add_rule(Reading, TokenRule(("read",)))
    add_rule(Owning, OwnerRule("user_id"))

    assert declared(Both.as_view("both")).policy.rules == (TokenRule(("read",)), OwnerRule("user_id"))


def test_what_blueprints_demand_is_demanded_of_every_view_in_them() -> None:
    """Together with what the view demands itself; a public view in a guarded blueprint stays guarded."""
    outer, inner = Blueprint("outer", "outer"), Blueprint("inner", "inner")
    add_rule(outer, TokenRule(("read",)))
    add_rule(inner, OwnerRule("user_id"))

    def view() -> None: ...

    mark_public(view)

    assert declaration_of(view, "GET", [inner, outer]).policy.rules == (OwnerRule("user_id"), TokenRule(("read",)))


def test_a_public_blueprint_speaks_for_views_that_say_nothing() -> None:
    """A view with a guard keeps it."""
    blueprint = Blueprint("open", "open")
    mark_public(blueprint)

    def silent() -> None: ...

    def guarded() -> None: ...

    add_rule(guarded, TokenRule())

    assert declaration_of(silent, "GET", [blueprint]) == Declaration(Policy(()), public=True)
    assert declaration_of(guarded, "GET", [blueprint]).policy.rules == (TokenRule(),)


def test_the_places_around_an_endpoint_are_found_by_its_name() -> None:
    """The innermost first, under the names they were registered by."""
    app, outer, inner = Flask("service"), Blueprint("outer", "outer"), Blueprint("inner", "inner")
    outer.register_blueprint(inner, name="renamed")
    app.register_blueprint(outer)

    assert places_around(app, "outer.renamed.view") == [inner, outer]
    assert places_around(app, "view") == places_around(app, "name.with.dots") == []


def test_every_mark_is_noticed() -> None:
    """What was worked out before a guard was put on must not be believed after."""
    before = Marks.made
    add_rule(lambda: None, TokenRule())
    between = Marks.made
    mark_public(lambda: None)

    assert len({before, between, Marks.made}) == 3
